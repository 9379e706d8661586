//! A busy person: edits, saves, moves, deletes and makes things again, without looking what others do.
//!
//! Every content that is written is unlike any other, so that a lost one is missed.

use crate::random::Random;
use crate::tree::paths;
use anyhow::Result;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// After so many edits the directory is looked at again.
const LOOK_EVERY: usize = 50;

/// Somebody who works in a directory.
#[derive(Debug)]
pub struct Editor {
    root: PathBuf,
    name: String,
    random: Random,
    written: usize,
    since_look: usize,
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Editor {
    /// Somebody of this name; what they do follows from the seed and from what they find.
    #[must_use]
    pub fn new(root: &Path, name: &str, seed: u64) -> Self {
        Self {
            root: root.to_path_buf(),
            name: name.to_owned(),
            random: Random::new(seed),
            written: 0,
            since_look: usize::MAX,
            files: Vec::new(),
            directories: Vec::new(),
        }
    }

    /// Does so many things. What has gone away meanwhile is no obstacle; any other failure is one.
    pub fn work(&mut self, edits: usize) -> Result<()> {
        for _ in 0..edits {
            if self.since_look >= LOOK_EVERY {
                self.look()?;
            }
            self.since_look += 1;
            match self.edit() {
                Err(error) if !is_overtaken(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        let (mut files, mut directories) = (Vec::new(), vec![self.root.clone()]);
        for path in paths(&self.root)?.into_iter().map(|path| self.root.join(path)) {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => directories.push(path),
                Ok(metadata) if metadata.is_file() => files.push(path),
                _ => {}
            }
        }
        (self.files, self.directories, self.since_look) = (files, directories, 0);
        Ok(())
    }

    fn edit(&mut self) -> io::Result<()> {
        match self.random.below(100) {
            0..15 => self.create(),
            15..30 => self.with_file(|editor, path| fs::write(path, editor.content())),
            30..38 => self.with_file(Self::append),
            38..48 => self.with_file(Self::save_atomically),
            48..53 => self.with_file(|_, path| toggle_executable(path)),
            53..56 => self.with_file(|_, path| {
                File::options().write(true).open(path)?.set_modified(std::time::SystemTime::now())
            }),
            56..68 => self.with_file(|editor, path| fs::rename(path, editor.new_path("moved"))),
            68..72 => self.move_directory(),
            72..82 => self.with_file(|_, path| fs::remove_file(path)),
            82..84 => self.remove_directory(),
            84..89 => self.with_file(|editor, path| {
                fs::remove_file(path)?;
                fs::write(path, editor.content())
            }),
            89..92 => self.swap(),
            92..94 => self.with_file(|editor, path| {
                fs::remove_file(path)?;
                fs::create_dir(path)?;
                fs::write(path.join("inside"), editor.content())
            }),
            94..97 => fs::create_dir(self.new_path("directory")),
            _ => symlink(format!("target-{}", self.written), self.new_path("link")),
        }
    }

    fn content(&mut self) -> Vec<u8> {
        self.written += 1;
        let mut content = format!("{} wrote this as number {}\n", self.name, self.written).into_bytes();
        let more = if self.random.percent(3) { 400_000 } else { 2_000 };
        let more = self.random.below(more);
        content.extend(self.random.bytes(more));
        content
    }

    /// A free path in some directory. Both sides use the same names, so that they meet.
    fn new_path(&mut self, kind: &str) -> PathBuf {
        let directory = self.random.pick(&self.directories).unwrap_or(&self.root).clone();
        loop {
            let path = directory.join(format!("{kind}-{}", self.random.below(5_000)));
            if fs::symlink_metadata(&path).is_err() {
                return path;
            }
        }
    }

    fn with_file(&mut self, action: impl FnOnce(&mut Self, &Path) -> io::Result<()>) -> io::Result<()> {
        match self.random.pick(&self.files).cloned() {
            Some(path) if fs::symlink_metadata(&path)?.is_file() => action(self, &path),
            _ => self.create(),
        }
    }

    fn create(&mut self) -> io::Result<()> {
        let path = self.new_path("file");
        let content = self.content();
        fs::write(&path, content)?;
        self.files.push(path);
        Ok(())
    }

    fn append(&mut self, path: &Path) -> io::Result<()> {
        let content = self.content();
        File::options().append(true).open(path)?.write_all(&content)
    }

    /// As editors save: another file, then its name.
    fn save_atomically(&mut self, path: &Path) -> io::Result<()> {
        let beside = path.with_file_name(format!(".saving-{}-{}", self.name, self.written));
        let content = self.content();
        fs::write(&beside, content)?;
        fs::rename(beside, path)
    }

    fn move_directory(&mut self) -> io::Result<()> {
        let Some(from) = self.random.pick(&self.directories).cloned() else { return Ok(()) };
        let to = self.new_path("directory");
        if from == self.root || to.starts_with(&from) {
            return Ok(());
        }
        fs::rename(&from, &to)?;
        self.since_look = usize::MAX;
        Ok(())
    }

    fn remove_directory(&mut self) -> io::Result<()> {
        // Only small ones, so that the tree lasts.
        let Some(path) = self.random.pick(&self.directories).cloned() else { return Ok(()) };
        if path == self.root || paths(&path).map_or(usize::MAX, |below| below.len()) > 40 {
            return Ok(());
        }
        self.since_look = usize::MAX;
        fs::remove_dir_all(path)
    }

    fn swap(&mut self) -> io::Result<()> {
        let one = self.random.pick(&self.files).cloned();
        let other = self.random.pick(&self.files).cloned();
        let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
        if one == other || !fs::symlink_metadata(&one)?.is_file() || !fs::symlink_metadata(&other)?.is_file()
        {
            return Ok(());
        }
        let aside = self.new_path("aside");
        fs::rename(&one, &aside)?;
        fs::rename(&other, &one)?;
        fs::rename(&aside, &other)
    }
}

fn toggle_executable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() ^ 0o111);
    fs::set_permissions(path, permissions)
}

/// Whether something else was quicker: the other side's changes arrive while this side works.
fn is_overtaken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory | NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::TreeShape;
    use crate::tree::Tree;

    #[test]
    fn the_same_seed_does_the_same_to_the_same_tree() {
        let make = || {
            let place = tempfile::tempdir().unwrap();
            TreeShape { largest: 10_000, ..TreeShape::of(200) }.make(place.path(), 1).unwrap();
            let before = Tree::read(place.path()).unwrap();
            Editor::new(place.path(), "alice", 2).work(500).unwrap();
            (before, Tree::read(place.path()).unwrap())
        };
        let ((before, one), (_, other)) = (make(), make());
        assert_eq!(one.contents(), other.contents());
        assert_eq!(one.0.keys().collect::<Vec<_>>(), other.0.keys().collect::<Vec<_>>());
        assert!(before.differences(&one).len() > 200, "so many edits leave many marks");
    }
}
