//! Patterns in the syntax of `gitignore(5)`, matched name by name from a directory downwards.
//!
//! A pattern is cut at its slashes into parts, each of which matches one name, or any number of them (`**`). How far a
//! list of patterns has been matched on the way to a directory is its [`Progress`]: a bit for each part that may come
//! next. Two directories of equal progress match alike whatever is below them, which is what tells how much a move
//! changes. Matching takes at most patterns × parts × (length of the name × length of the part) steps, for any text.

use crate::name::Name;
use std::sync::Arc;

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// The most patterns of one list.
pub const PATTERNS_MAX: usize = 256;
/// The most parts of one pattern.
const PARTS_MAX: usize = 60;

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing to match.
    #[error("a pattern may not be empty")]
    Empty,
    /// A `#` at the beginning.
    #[error("what begins with '#' is a comment, not a pattern; write '\\#'")]
    Comment,
    /// More than 1,024 bytes, or more than 60 parts.
    #[error("a pattern may have at most {PATTERN_BYTES_MAX} bytes and {PARTS_MAX} parts")]
    TooLong,
    /// A line break or NUL, a backslash at the end, or a `[` without its `]`.
    #[error("the pattern is not complete, or holds what no name can")]
    Malformed,
    /// More than 256 of them.
    #[error("at most {PATTERNS_MAX} patterns")]
    TooMany,
}

/// A list of patterns; the last one that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

/// How far each pattern has been matched on the way to a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress(Arc<[u64]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    text: Box<str>,
    parts: Vec<Part>,
    negated: bool,
    directories_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`: any number of names; at the end at least one.
    Names,
    /// One name.
    Name(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Character(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[…]`
    Set {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Patterns {
    /// Reads patterns that a person gave one by one: each must be one.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, PatternError> {
        if texts.len() > PATTERNS_MAX {
            return Err(PatternError::TooMany);
        }
        let patterns = texts.iter().map(|text| Pattern::parse(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Reads a file of patterns as git does: comments, empty lines and what is no pattern match nothing. At most
    /// [`PATTERNS_MAX`] are used.
    #[must_use]
    pub fn of_file(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let patterns = lines.filter_map(|line| Pattern::parse(line).ok()).take(PATTERNS_MAX).collect();
        Self { patterns }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns as they were given, without what does not count.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| &*pattern.text)
    }

    /// How many signs there are to be compared: matching a name takes no more steps than this times its length.
    #[must_use]
    pub fn size(&self) -> usize {
        self.patterns.iter().flat_map(|pattern| &pattern.parts).map(Part::size).sum()
    }

    /// Where matching begins: in the directory that the patterns are relative to.
    #[must_use]
    pub fn start(&self) -> Progress {
        Progress(self.patterns.iter().map(|pattern| pattern.closed(1)).collect())
    }

    /// What the patterns say of something in a directory: matched (true), taken back by `!` (false), or nothing. What
    /// lies in a directory that is matched is not asked for: it is matched with it.
    #[must_use]
    pub fn verdict(&self, at: &Progress, name: &Name, directory: bool) -> Option<bool> {
        let characters = Characters::of(name);
        self.patterns.iter().zip(at.0.iter()).rev().find_map(|(pattern, live)| {
            let able = directory || !pattern.directories_only;
            (able && pattern.ends_with(*live, &characters)).then_some(!pattern.negated)
        })
    }

    /// The progress in a directory of this name.
    #[must_use]
    pub fn enter(&self, at: &Progress, name: &Name) -> Progress {
        let characters = Characters::of(name);
        let next: Vec<u64> = self
            .patterns
            .iter()
            .zip(at.0.iter())
            .map(|(pattern, live)| pattern.after(*live, &characters))
            .collect();
        if next == *at.0 { at.clone() } else { Progress(next.into()) }
    }
}

/// A name's characters, decoded once for all patterns.
struct Characters(Vec<char>);

impl Characters {
    fn of(name: &Name) -> Self {
        Self(name.as_str().chars().collect())
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        if text.contains(['\n', '\0']) {
            return Err(PatternError::Malformed);
        }
        if text.starts_with('#') {
            return Err(PatternError::Comment);
        }
        let text = without_trailing_spaces(text);
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (directories_only, rest) = match rest.strip_suffix('/') {
            Some(shorter) => (true, shorter),
            None => (false, rest),
        };
        let anchored = rest.contains('/');
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut parts = Vec::new();
        if !anchored {
            parts.push(Part::Names);
        }
        for part in rest.split('/') {
            match part {
                "" => return Err(PatternError::Malformed),
                "**" if parts.last() == Some(&Part::Names) => {}
                "**" => parts.push(Part::Names),
                part => parts.push(Part::Name(tokens(part)?)),
            }
        }
        if parts.len() > PARTS_MAX {
            return Err(PatternError::TooLong);
        }
        Ok(Self { text: text.into(), parts, negated, directories_only })
    }

    /// Adds what may come next where a `**` matches no name at all.
    fn closed(&self, mut live: u64) -> u64 {
        for (index, part) in self.parts.iter().enumerate() {
            if *part == Part::Names && live & (1 << index) != 0 && index + 1 < self.parts.len() {
                live |= 1 << (index + 1);
            }
        }
        live
    }

    /// Whether the pattern may end with this name.
    fn ends_with(&self, live: u64, name: &Characters) -> bool {
        let last = self.parts.len() - 1;
        live & (1 << last) != 0
            && match &self.parts[last] {
                Part::Names => true,
                Part::Name(tokens) => matches(tokens, &name.0),
            }
    }

    /// What may come after this name.
    fn after(&self, live: u64, name: &Characters) -> u64 {
        let mut next = 0;
        for (index, part) in self.parts.iter().enumerate().filter(|(index, _)| live & (1 << index) != 0) {
            match part {
                Part::Names => next |= 1 << index,
                Part::Name(tokens) if index + 1 < self.parts.len() && matches(tokens, &name.0) => {
                    next |= 1 << (index + 1);
                }
                Part::Name(_) => {}
            }
        }
        self.closed(next)
    }
}

impl Part {
    fn size(&self) -> usize {
        let of_token = |token: &Token| match token {
            Token::Set { ranges, .. } => ranges.len(),
            Token::Character(_) | Token::One | Token::Many => 1,
        };
        match self {
            Self::Names => 1,
            Self::Name(tokens) => tokens.iter().map(of_token).sum(),
        }
    }
}

/// Spaces at the end do not count unless a backslash is before them.
fn without_trailing_spaces(text: &str) -> &str {
    let trimmed = text.trim_end_matches(' ');
    let slashes = trimmed.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if slashes % 2 == 1 && trimmed.len() < text.len() { &text[..=trimmed.len()] } else { trimmed }
}

fn tokens(part: &str) -> Result<Vec<Token>, PatternError> {
    let mut rest = part.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(character) = rest.next() {
        tokens.push(match character {
            '\\' => Token::Character(rest.next().ok_or(PatternError::Malformed)?),
            '?' => Token::One,
            '*' if tokens.last() == Some(&Token::Many) => continue,
            '*' => Token::Many,
            '[' => set(&mut rest)?,
            character => Token::Character(character),
        });
    }
    Ok(tokens)
}

/// What follows a `[`, with its `]`.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, PatternError> {
    let negated = rest.next_if(|next| matches!(next, '!' | '^')).is_some();
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let literal = |next: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>| match next {
            '\\' => rest.next().ok_or(PatternError::Malformed),
            next => Ok(next),
        };
        let next = rest.next().ok_or(PatternError::Malformed)?;
        // A `]` that comes first stands for itself.
        if next == ']' && !ranges.is_empty() {
            return Ok(Token::Set { ranges, negated });
        }
        let first = literal(next, rest)?;
        let mut ahead = rest.clone();
        let last = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(after)) if after != ']' => {
                rest.next();
                let after = rest.next().ok_or(PatternError::Malformed)?;
                literal(after, rest)?
            }
            _ => first,
        };
        ranges.push((first, last));
    }
}

/// Whether tokens match a whole name. On a failure only the last `*` is tried longer: an earlier one need not be.
fn matches(tokens: &[Token], name: &[char]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                star = Some((token + 1, at));
                token += 1;
            }
            Some(one) if one.takes(name[at]) => {
                token += 1;
                at += 1;
            }
            _ => match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (token, at) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Many)
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Character(wanted) => *wanted == character,
            Self::One => true,
            Self::Many => false,
            Self::Set { ranges, negated } => {
                let within = ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                within != *negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a path is matched, by itself or with a directory that holds it. What ends in a slash is a directory.
    fn matched(patterns: &Patterns, path: &str) -> bool {
        let directory = path.ends_with('/');
        let names: Vec<Name> =
            path.trim_end_matches('/').split('/').map(|name| Name::new(name).unwrap()).collect();
        let mut at = patterns.start();
        for (index, name) in names.iter().enumerate() {
            let is_last = index + 1 == names.len();
            if patterns.verdict(&at, name, directory || !is_last) == Some(true) {
                return true;
            }
            at = patterns.enter(&at, name);
        }
        false
    }

    #[test]
    fn patterns_mean_what_the_manual_of_git_says() {
        // Pattern lines, what they match, what they do not.
        let table: &[(&str, &[&str], &[&str])] = &[
            (
                "foo",
                &["foo", "foo/", "a/foo", "a/b/foo/", "foo/x", "a/foo/b/c"],
                &["foobar", "a/xfoo", "Foo"],
            ),
            ("foo/", &["foo/", "a/foo/", "foo/x"], &["foo", "a/foo"]),
            ("/foo", &["foo", "foo/", "foo/x"], &["a/foo", "foox"]),
            ("doc/frotz", &["doc/frotz", "doc/frotz/"], &["a/doc/frotz", "frotz"]),
            ("doc/frotz/", &["doc/frotz/", "doc/frotz/x"], &["doc/frotz", "a/doc/frotz/"]),
            ("foo/*", &["foo/test.json", "foo/bar/", "foo/bar/hello.c"], &["foo", "foo/", "a/foo/b"]),
            ("*.txt", &["a.txt", "d/a.txt", ".txt", "d/.txt"], &["a.txt2", "txt", "a.TXT"]),
            ("a?c", &["abc", "aéc", "d/a.c"], &["ac", "abbc"]),
            ("[a-c]x", &["ax", "bx", "cx"], &["dx", "x", "-x"]),
            ("[!a-c]x", &["dx", "-x"], &["ax", "x"]),
            ("[^a]x", &["bx"], &["ax"]),
            ("[]-]x", &["]x", "-x"], &["ax"]),
            ("[a\\]]x", &["]x", "ax"], &["\\x"]),
            ("**/foo", &["foo", "a/foo", "a/b/foo/x"], &["foox"]),
            ("**/foo/bar", &["foo/bar", "a/foo/bar"], &["foo/x/bar"]),
            ("abc/**", &["abc/x", "abc/d/", "abc/d/x"], &["abc", "abc/", "d/abc/x"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b/"], &["a", "x/a/b", "a/xb", "b"]),
            ("a**b", &["ab", "axxb", "d/a.b"], &["a/b", "a/x/b"]),
            ("**", &["a", "a/b"], &[]),
            ("/*\n!/keep", &["a", "a/b", "x/keep"], &["keep", "keep/", "keep/a"]),
            ("*.o\n!main.o", &["a.o", "d/b.o"], &["main.o", "d/main.o"]),
            ("dir/\n!dir/keep", &["dir/keep", "dir/x"], &["keep"]),
            ("/*\n!/foo\n/foo/*\n!/foo/bar", &["a", "foo/x"], &["foo/", "foo/bar", "foo/bar/x"]),
            ("# foo\n\nbar", &["bar"], &["# foo", "foo"]),
            ("\\#foo", &["#foo"], &["foo"]),
            ("\\!foo", &["!foo"], &["foo"]),
            ("foo  ", &["foo"], &["foo  ", "foo "]),
            ("foo\\ ", &["foo "], &["foo"]),
            ("foo\\ \\ ", &["foo  "], &["foo", "foo "]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("bad\\\nx[\ngood", &["good"], &["bad", "x["]),
            ("a\r\nb\r", &["a", "b"], &["a\r"]),
            ("/", &[], &["a"]),
        ];
        for (lines, yes, no) in table {
            let patterns = Patterns::of_file(lines);
            for path in *yes {
                assert!(matched(&patterns, path), "{lines:?} is to match {path:?}");
            }
            for path in *no {
                assert!(!matched(&patterns, path), "{lines:?} is not to match {path:?}");
            }
        }
    }

    #[test]
    fn what_a_person_gives_must_be_patterns() {
        use PatternError::*;
        let cases = [
            ("", Empty),
            ("/", Empty),
            ("!", Empty),
            ("   ", Empty),
            ("# x", Comment),
            ("a\\", Malformed),
            ("a[b", Malformed),
            ("a//b", Malformed),
            ("a\nb", Malformed),
            ("a\0", Malformed),
        ];
        for (text, error) in cases {
            assert_eq!(Patterns::parse(&[text]), Err(error), "{text:?}");
        }
        assert_eq!(Patterns::parse(&["x".repeat(1_025)]), Err(TooLong));
        assert_eq!(Patterns::parse(&["a/".repeat(61)]), Err(TooLong));
        assert_eq!(Patterns::parse(&vec!["a"; 257]), Err(TooMany));
        let patterns = Patterns::parse(&["*.tmp ", "!keep.tmp"]).unwrap();
        assert_eq!(patterns.texts().collect::<Vec<_>>(), ["*.tmp", "!keep.tmp"]);
    }

    #[test]
    fn the_worst_pattern_for_the_worst_name_takes_bounded_steps() {
        // Both backtracking traps at once: stars in a part, and `**` between parts.
        let part = "*a".repeat(8) + "b";
        let patterns = Patterns::parse(vec![format!("**/{part}").repeat(30); 256].as_slice()).unwrap();
        let name = Name::new(&"a".repeat(255)).unwrap();
        let mut at = patterns.start();
        for _ in 0..16 {
            assert_eq!(patterns.verdict(&at, &name, true), None);
            at = patterns.enter(&at, &name);
        }
    }

    /// The plainest matcher there is.
    fn simple(tokens: &[Token], name: &[char]) -> bool {
        match (tokens.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((Token::Many, after)), rest) => {
                simple(after, name) || rest.is_some_and(|(_, rest)| simple(tokens, rest))
            }
            (Some((one, after)), Some((first, rest))) => one.takes(*first) && simple(after, rest),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn names_match_as_the_plainest_matcher_says(pattern in "[ab*?]{0,8}", name in "[ab]{1,9}") {
            let tokens = tokens(&pattern).unwrap();
            let name: Vec<char> = name.chars().collect();
            prop_assert_eq!(matches(&tokens, &name), simple(&tokens, &name));
        }

        #[test]
        fn directories_of_equal_progress_match_alike(
            lines in prop::collection::vec("!?/?([ab*]{1,2}|\\*\\*)(/([ab*]{1,2}|\\*\\*)){0,2}/?", 0..4),
            one in prop::collection::vec("[ab]", 0..3),
            other in prop::collection::vec("[ab]", 0..3),
            below in prop::collection::vec("[ab]{1,2}", 1..4),
        ) {
            let patterns = Patterns::of_file(&lines.join("\n"));
            let walk = |names: &[String]| names.iter().fold(patterns.start(), |at, name| {
                patterns.enter(&at, &Name::new(name).unwrap())
            });
            let (mut one, mut other) = (walk(&one), walk(&other));
            if one == other {
                for name in &below {
                    let name = Name::new(name).unwrap();
                    prop_assert_eq!(patterns.verdict(&one, &name, true), patterns.verdict(&other, &name, true));
                    one = patterns.enter(&one, &name);
                    other = patterns.enter(&other, &name);
                }
            }
        }

        #[test]
        fn any_text_is_read_and_matched_without_panic(text in any::<String>(), name in "[^/\0]{1,40}") {
            let patterns = Patterns::of_file(&text);
            if let Ok(name) = Name::new(&name) {
                let at = patterns.start();
                let _ = patterns.verdict(&at, &name, true);
                let _ = patterns.enter(&at, &name);
            }
            let _ = Patterns::parse(&[text]);
        }
    }
}
