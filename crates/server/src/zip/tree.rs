//! The way through what is archived: a directory before what is in it, page by page.

use crate::failure::Failure;
use crate::server::Clock;
use archive::format::{Body, Head};
use archive::names::Names;
use metadata::Database;
use metadata::placement::PastNode;
use model::permit::Read;
use model::{Content, ContentId, NodeId, Permit, Seq};
use std::sync::Arc;
use versioning::archive::{Begun, children, content_of};

/// The longest path that the format holds.
const PATH_BYTES_MAX: usize = 65_535;

/// One entry of the archive.
pub(super) struct Entry {
    pub(super) head: Head,
    /// Whose bytes follow.
    pub(super) content: Option<(NodeId, ContentId)>,
}

/// Where the way has come to. Held are the directories that are still to be looked into, and of those that have been begun the
/// hashes of their names.
pub(super) struct Tree {
    database: Arc<dyn Database>,
    clock: Clock,
    permit: Permit<Read>,
    seq: Seq,
    tops: Vec<PastNode>,
    directories: Vec<Directory>,
}

struct Directory {
    id: NodeId,
    /// Its names with `/` after each; empty at the top.
    path: String,
    depth: usize,
    after: NodeId,
    names: Names,
}

impl Directory {
    fn new(id: NodeId, path: String, depth: usize) -> Self {
        Self { id, path, depth, after: NodeId(0), names: Names::default() }
    }
}

impl Tree {
    pub(super) fn new(
        database: Arc<dyn Database>,
        clock: Clock,
        permit: Permit<Read>,
        begun: &Begun,
    ) -> Self {
        let tops = begun.nodes.clone();
        let directories = match tops.is_empty() {
            true => vec![Directory::new(NodeId::ROOT, String::new(), 0)],
            false => Vec::new(),
        };
        Self { database, clock, permit, seq: begun.point.seq, tops, directories }
    }

    /// The next entries; none after the last. Blocks.
    pub(super) fn next_page(&mut self) -> Result<Option<Vec<Entry>>, Failure> {
        if !self.tops.is_empty() {
            let tops = std::mem::take(&mut self.tops);
            let mut top = Directory::new(NodeId::ROOT, String::new(), 0);
            return Ok(Some(self.take_in(&mut top, tops)));
        }
        let Some(mut directory) = self.directories.pop() else { return Ok(None) };
        let now = (self.clock)();
        let (nodes, next) =
            children(&*self.database, self.permit, self.seq, directory.id, directory.after, now)?;
        let place = self.directories.len();
        let entries = self.take_in(&mut directory, nodes);
        if let Some(next) = next {
            directory.after = next;
            // Below what was found in it: that is looked into first.
            self.directories.insert(place, directory);
        }
        Ok(Some(entries))
    }

    fn take_in(&mut self, directory: &mut Directory, nodes: Vec<PastNode>) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(nodes.len());
        for node in nodes {
            let content = content_of(&node);
            let body = match node.content {
                Content::Directory => Body::Directory,
                Content::File { size, .. } => Body::File(size),
                Content::Link { ref target } if stays_inside(target, directory.depth) => {
                    Body::Link(target.clone())
                }
                Content::Link { .. } => continue,
            };
            let mut path = format!("{}{}", directory.path, directory.names.add(node.name.as_str()));
            if body == Body::Directory {
                path.push('/');
                self.directories.push(Directory::new(node.id, path.clone(), directory.depth + 1));
            }
            if path.len() > PATH_BYTES_MAX {
                continue;
            }
            let head = Head { path, body, mtime: node.mtime, executable: node.executable };
            entries.push(Entry { head, content });
        }
        entries
    }
}

/// Whether a link leads to somewhere in the archive, wherever that is unpacked: relative, and up only at its beginning and no
/// further than to the archive's top. Any other is left out, as it could lead what is unpacked after it to anywhere.
fn stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&b'\\') || target.contains(&0) {
        return false;
    }
    let names = target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    let up = names.clone().take_while(|name| *name == b"..").count();
    up <= depth && !names.skip(up).any(|name| name == b"..")
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn links_that_lead_out_are_told_from_those_that_do_not() {
        for (target, depth) in [("a", 0), ("a/b", 0), ("../a", 1), ("./../../a", 2), ("..", 1), ("a//b", 0)] {
            assert!(stays_inside(target.as_bytes(), depth), "{target}");
        }
        for (target, depth) in [
            ("", 3),
            ("/etc/passwd", 3),
            ("..", 0),
            ("../..", 1),
            ("a/..", 3),
            ("../a/../..", 3),
            ("C:\\x", 3),
        ] {
            assert!(!stays_inside(target.as_bytes(), depth), "{target}");
        }
    }
}
