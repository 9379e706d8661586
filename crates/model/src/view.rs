//! Views: what of a folder a pair wants.
//!
//! A view is a directory of the folder (its *root*, named by id, so that it may be moved), the paths below it that are
//! wanted (`only`; none: all), and patterns of what is not (`exclude`). Directories on the way to a wanted path are in
//! the view, what else they hold is not. What is in a directory that is not in the view is not in the view either.
//!
//! The server and the devices evaluate views with this same code, from a directory downwards ([`Spot`]): whatever two
//! sides hold below directories of equal spots is in the view on both or on neither.

use crate::id::NodeId;
use crate::name::{Name, NameKey, NameRule};
use crate::path::{PathError, RelativePath};
use crate::pattern::{PatternError, Patterns, Progress};
use std::sync::Arc;

/// The most paths of one view.
pub const ONLY_MAX: usize = 1_000;
/// The most bytes of all paths and patterns of one view.
pub const VIEW_BYTES_MAX: usize = 128 << 10;

/// So many paths and signs of patterns cost little to ask.
const LIGHT: usize = 128;

/// What of a folder a pair wants, as it is asked for and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The directory that stands for the pair's root.
    pub root: NodeId,
    only: Vec<RelativePath>,
    exclude: Vec<String>,
}

/// Why something is no view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// A path is none.
    #[error("the path '{0}' cannot be chosen: {1}")]
    Path(String, PathError),
    /// A path names the root itself.
    #[error("a path to be chosen may not be empty")]
    EmptyPath,
    /// A pattern is none.
    #[error("the pattern '{0}' cannot be used: {1}")]
    Pattern(String, PatternError),
    /// More than 1,000 paths, 256 patterns, or 128 KiB.
    #[error(
        "a view has at most {ONLY_MAX} paths, {} patterns and {VIEW_BYTES_MAX} bytes",
        crate::pattern::PATTERNS_MAX
    )]
    TooLarge,
}

impl View {
    /// Everything below a directory.
    #[must_use]
    pub fn of(root: NodeId) -> Self {
        Self { root, only: Vec::new(), exclude: Vec::new() }
    }

    /// Checks and normalises: paths are sorted, and those within others left out; the order of patterns has a meaning and
    /// stays.
    pub fn new<T: AsRef<str>>(root: NodeId, only: &[T], exclude: &[T]) -> Result<Self, ViewError> {
        let bytes: usize = only.iter().chain(exclude).map(|text| text.as_ref().len()).sum();
        if only.len() > ONLY_MAX || exclude.len() > crate::pattern::PATTERNS_MAX || bytes > VIEW_BYTES_MAX {
            return Err(ViewError::TooLarge);
        }
        let mut paths = Vec::with_capacity(only.len());
        for text in only.iter().map(AsRef::as_ref) {
            let path = RelativePath::parse(text.strip_suffix('/').unwrap_or(text));
            let path = path.map_err(|error| ViewError::Path(text.to_owned(), error))?;
            if path.is_root() {
                return Err(ViewError::EmptyPath);
            }
            paths.push(path);
        }
        paths.sort_unstable();
        // What begins with a path follows it directly, or after others that do.
        paths.dedup_by(|later, earlier| later.is_within(earlier));
        let mut texts = Vec::with_capacity(exclude.len());
        for text in exclude.iter().map(AsRef::as_ref) {
            let pattern = Patterns::parse(&[text]);
            let pattern = pattern.map_err(|error| ViewError::Pattern(text.to_owned(), error))?;
            texts.extend(pattern.texts().map(str::to_owned));
        }
        Ok(Self { root, only: paths, exclude: texts })
    }

    /// The paths that are wanted; none: all.
    #[must_use]
    pub fn only(&self) -> &[RelativePath] {
        &self.only
    }

    /// The patterns of what is not wanted.
    #[must_use]
    pub fn exclude(&self) -> &[String] {
        &self.exclude
    }

    /// Whether it is the whole folder.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.root == NodeId::ROOT && self.is_unfiltered()
    }

    /// Whether it is everything below its root.
    #[must_use]
    pub fn is_unfiltered(&self) -> bool {
        self.only.is_empty() && self.exclude.is_empty()
    }

    /// The one spelling of this view, by which it is named and kept: lines, each a letter and a text (which holds no line
    /// break: a path that does is given with its length).
    #[must_use]
    pub fn spelling(&self) -> Vec<u8> {
        let mut text = format!("driftless view 1\nroot {}\n", self.root).into_bytes();
        let lines = self.only.iter().map(|path| ('o', path.to_string()));
        let lines = lines.chain(self.exclude.iter().map(|pattern| ('x', pattern.clone())));
        for (letter, line) in lines {
            text.extend_from_slice(format!("{letter} {} ", line.len()).as_bytes());
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// Reads a spelling.
    #[must_use]
    pub fn of_spelling(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let rest = text.strip_prefix("driftless view 1\nroot ")?;
        let (root, mut rest) = rest.split_once('\n')?;
        let root = root.parse().ok()?;
        let (mut only, mut exclude) = (Vec::new(), Vec::new());
        while !rest.is_empty() {
            let (letter, after) = rest.split_once(' ')?;
            let (length, after) = after.split_once(' ')?;
            let length: usize = length.parse().ok()?;
            let (line, after) = (after.get(..length)?, after.get(length..)?);
            match letter {
                "o" => only.push(line),
                "x" => exclude.push(line),
                _ => return None,
            }
            rest = after.strip_prefix('\n')?;
        }
        Self::new(root, &only, &exclude).ok()
    }

    /// Makes it ready to be asked, under the folder's rule for names.
    #[must_use]
    pub fn compile(&self, rule: NameRule) -> CompiledView {
        let only = self.only.iter().map(|path| path.names().iter().map(|name| rule.key(name)).collect());
        let exclude = Patterns::parse(&self.exclude).unwrap_or_default();
        CompiledView { rule, only: only.collect(), exclude }
    }
}

/// A view, ready to be asked.
#[derive(Debug, Clone)]
pub struct CompiledView {
    rule: NameRule,
    only: Vec<Vec<NameKey>>,
    exclude: Patterns,
}

/// A directory of the view, as far as it matters to what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    only: Wanted,
    exclude: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// Everything below.
    All,
    /// What lies towards these paths, by their index, of which so many names have been passed.
    Towards(Arc<[u16]>, usize),
}

impl CompiledView {
    /// How much a question may cost, as a multiple of what it costs in an ordinary view: for who bounds the work that
    /// somebody else's view makes.
    #[must_use]
    pub fn weight(&self) -> usize {
        1 + (self.only.len() + self.exclude.size()) / LIGHT
    }

    /// The view's root.
    #[must_use]
    pub fn start(&self) -> Spot {
        let only = if self.only.is_empty() {
            Wanted::All
        } else {
            // Bounded by `ONLY_MAX`.
            Wanted::Towards((0..self.only.len() as u16).collect(), 0)
        };
        Spot { only, exclude: self.exclude.start() }
    }

    /// Whether something in a directory of the view is in the view.
    #[must_use]
    pub fn covers(&self, at: &Spot, name: &Name, directory: bool) -> bool {
        let wanted = match &at.only {
            Wanted::All => true,
            Wanted::Towards(live, depth) => {
                let key = self.rule.key(name);
                live.iter().any(|index| {
                    let path = &self.only[usize::from(*index)];
                    path[*depth] == key && (directory || path.len() == depth + 1)
                })
            }
        };
        wanted && self.exclude.verdict(&at.exclude, name, directory) != Some(true)
    }

    /// A directory in a directory of the view; none if it is not in the view.
    #[must_use]
    pub fn enter(&self, at: &Spot, name: &Name) -> Option<Spot> {
        if !self.covers(at, name, true) {
            return None;
        }
        let only = match &at.only {
            Wanted::All => Wanted::All,
            Wanted::Towards(live, depth) => {
                let key = self.rule.key(name);
                let here = |index: &&u16| self.only[usize::from(**index)][*depth] == key;
                if live.iter().filter(here).any(|index| self.only[usize::from(*index)].len() == depth + 1) {
                    Wanted::All
                } else {
                    Wanted::Towards(live.iter().filter(here).copied().collect(), depth + 1)
                }
            }
        };
        Some(Spot { only, exclude: self.exclude.enter(&at.exclude, name) })
    }

    /// The directory at a path; none if it is not in the view.
    #[must_use]
    pub fn spot(&self, directory: &RelativePath) -> Option<Spot> {
        directory.names().iter().try_fold(self.start(), |at, name| self.enter(&at, name))
    }

    /// Whether what stands at a path is in the view. The root is.
    #[must_use]
    pub fn covers_path(&self, path: &RelativePath, directory: bool) -> bool {
        match path.split() {
            None => true,
            Some((parent, name)) => {
                self.spot(&parent).is_some_and(|spot| self.covers(&spot, name, directory))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(view: &View, path: &str) -> bool {
        let directory = path.ends_with('/');
        let path = RelativePath::parse(path.trim_end_matches('/')).unwrap();
        view.compile(NameRule::Portable).covers_path(&path, directory)
    }

    fn view(only: &[&str], exclude: &[&str]) -> View {
        View::new(NodeId(7), only, exclude).unwrap()
    }

    #[test]
    fn only_brings_paths_and_the_directories_that_lead_there() {
        let chosen = view(&["Photos/2024", "notes.txt"], &[]);
        for inside in ["", "Photos/", "Photos/2024/", "Photos/2024/a.jpg", "photos/2024/x/y", "notes.txt"] {
            assert!(covered(&chosen, inside), "{inside}");
        }
        for outside in ["Photos", "Photos/2023/", "Photos/a.jpg", "other", "notes.txt2", "Photos/20245"] {
            assert!(!covered(&chosen, outside), "{outside}");
        }
    }

    #[test]
    fn what_is_excluded_is_out_with_all_below_it() {
        let chosen = view(&["plans"], &["target/", "*.tmp", "!keep.tmp", "/plans/hidden"]);
        for inside in ["plans/", "plans/a", "plans/target", "plans/keep.tmp", "plans/a/hidden"] {
            assert!(covered(&chosen, inside), "{inside}");
        }
        for outside in ["plans/target/", "plans/target/keep.tmp", "plans/x.tmp", "plans/hidden", "target/"] {
            assert!(!covered(&chosen, outside), "{outside}");
        }
    }

    #[test]
    fn a_view_has_one_spelling_and_is_read_back() {
        let chosen = view(&["b/c", "b", "a\nb", "b/d/"], &["*.tmp ", "!x"]);
        assert_eq!(chosen, view(&["a\nb", "b"], &["*.tmp", "!x"]));
        assert_eq!(View::of_spelling(&chosen.spelling()), Some(chosen.clone()));
        assert_ne!(chosen.spelling(), view(&["a\nb", "b"], &["!x", "*.tmp"]).spelling());
        for bad in
            [&b""[..], b"driftless view 1\nroot n7\no 9 a\n", b"driftless view 1\nroot n7\nx 1 /\n", b"\xff"]
        {
            assert_eq!(View::of_spelling(bad), None);
        }
        assert!(View::of(NodeId::ROOT).is_everything());
        assert!(!View::of(NodeId(7)).is_everything() && View::of(NodeId(7)).is_unfiltered());
    }

    #[test]
    fn only_what_is_long_weighs_more_than_the_ordinary() {
        let weight = |view: View| view.compile(NameRule::Portable).weight();
        assert_eq!(weight(view(&["plans", "notes/2024"], &["*.tmp", "/target/", "**/[a-z]?"])), 1);
        let long = "[abc]".repeat(200);
        let longest = vec![&*long; 128];
        assert!(weight(View::new(NodeId::ROOT, &[], &longest).unwrap()) > 500);
    }

    #[test]
    fn what_is_no_view_is_refused() {
        let root = NodeId::ROOT;
        assert!(matches!(View::new(root, &["../x"], &[]), Err(ViewError::Path(..))));
        assert!(matches!(View::new(root, &["/x"], &[]), Err(ViewError::Path(..))));
        assert_eq!(View::new(root, &[""], &[]), Err(ViewError::EmptyPath));
        assert!(matches!(View::new(root, &[], &["a["]), Err(ViewError::Pattern(..))));
        assert_eq!(View::new(root, &vec!["a"; 1_001], &[]), Err(ViewError::TooLarge));
        assert_eq!(View::new(root, &[], &vec!["a"; 257]), Err(ViewError::TooLarge));
        assert_eq!(View::new(root, &vec![&*"a".repeat(4_000); 40], &[]), Err(ViewError::TooLarge));
    }
}
