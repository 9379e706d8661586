//! Which directories are to be made durable after a batch of changes.
//!
//! They are synced by path at the end of the batch, so a directory that the batch itself has moved since must be found at
//! its new place: else its entries were lost with the power, and an old file looked like a user's edit.

use model::RelativePath;
use std::collections::BTreeSet;

/// Directories whose entries changed, each by the path where it is now.
#[derive(Debug, Default)]
pub struct Touched(BTreeSet<RelativePath>);

impl Touched {
    /// The entries of this directory changed.
    pub fn insert(&mut self, directory: RelativePath) {
        self.0.insert(directory);
    }

    /// The entry at this path was made, replaced or removed.
    pub fn entry(&mut self, path: &RelativePath) {
        if let Some((parent, _)) = path.split() {
            self.0.insert(parent);
        }
    }

    /// What was at a path is at another now, with all that it holds.
    pub fn moved(&mut self, from: &RelativePath, to: &RelativePath) {
        self.entry(from);
        self.entry(to);
        let below: Vec<RelativePath> = self.0.iter().filter(|path| path.is_within(from)).cloned().collect();
        for path in below {
            self.0.remove(&path);
            let rest = &path.names()[from.names().len()..];
            self.0.insert(to.names().iter().chain(rest).cloned().collect());
        }
    }

    /// All of them.
    #[must_use]
    pub fn into_directories(self) -> Vec<RelativePath> {
        self.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).expect("a path")
    }

    #[test]
    fn a_directory_that_moved_is_found_where_it_is() {
        let mut touched = Touched::default();
        touched.entry(&path("old/deep/file"));
        touched.entry(&path("older/file"));
        touched.moved(&path("old"), &path("new/place"));
        let found: Vec<String> = touched.into_directories().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["", "new", "new/place/deep", "older"]);
    }
}
