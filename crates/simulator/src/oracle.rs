//! What must not be lost: every content that a user wrote and none removed or replaced, seen on the disks
//! themselves before and after each of their acts.

use crate::deed::{Tree, is_set_aside, is_synced_path};
use filesystem::fake::Seen;
use model::{Content, ContentId, RemoteNode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Bytes = Arc<Vec<u8>>;

/// What is known of a content.
#[derive(Debug, Clone)]
struct Fate {
    device: usize,
    /// A user knowingly removed or replaced it.
    discarded: bool,
    /// It may stand at several places, or was written more than once.
    copied: bool,
    /// A loss of power took it from the disk on which it was written.
    lost: bool,
}

/// All contents that users ever wrote.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    fates: BTreeMap<Bytes, Fate>,
    power_was_lost: bool,
    rewound: bool,
}

fn count(tree: &Tree) -> BTreeMap<&Bytes, usize> {
    let mut counts = BTreeMap::new();
    for (path, seen) in tree {
        if let Seen::File { bytes, .. } = seen
            && !bytes.is_empty()
            && (is_synced_path(path) || is_set_aside(path))
        {
            *counts.entry(bytes).or_default() += 1;
        }
    }
    counts
}

impl Oracle {
    /// A user on a device changed its tree.
    pub(crate) fn acted(&mut self, device: usize, before: &Tree, after: &Tree, copies: bool) {
        let (before, after) = (count(before), count(after));
        for (bytes, number) in &after {
            let had = before.get(bytes).copied().unwrap_or(0);
            if *number <= had {
                continue;
            }
            match self.fates.get_mut(*bytes) {
                Some(fate) => fate.copied = true,
                None => {
                    let fate = Fate { device, discarded: false, copied: copies || *number > 1, lost: false };
                    self.fates.insert(Arc::clone(bytes), fate);
                }
            }
        }
        for (bytes, had) in before {
            let has = after.get(bytes).copied().unwrap_or(0);
            if let Some(fate) = self.fates.get_mut(bytes) {
                // Of several, another user may remove the others at the same time.
                fate.discarded |= has < had;
            }
        }
    }

    /// A device lost its power: what was written there and never synced may be gone.
    pub(crate) fn power_lost(&mut self, device: usize, before: &Tree, after: &Tree) {
        self.power_was_lost = true;
        let after = count(after);
        for bytes in count(before).into_keys().filter(|bytes| !after.contains_key(bytes)) {
            if let Some(fate) = self.fates.get_mut(bytes) {
                fate.lost |= fate.device == device;
            }
        }
        for bytes in after.into_keys() {
            if let Some(fate) = self.fates.get_mut(bytes) {
                // It may stand where it stood before as well as where it was moved to.
                fate.copied = true;
            }
        }
    }

    /// A person brought the server's tree back to an earlier one: what that removed was removed knowingly, and what it
    /// brought back may stand elsewhere, too.
    pub(crate) fn rewound(&mut self, before: &[RemoteNode], after: &[RemoteNode]) {
        self.rewound = true;
        let contents = |nodes: &[RemoteNode]| -> BTreeSet<ContentId> {
            let content = |node: &RemoteNode| match node.content {
                Content::File { id, .. } => Some(id),
                _ => None,
            };
            nodes.iter().filter_map(content).collect()
        };
        let (before, after) = (contents(before), contents(after));
        for (bytes, fate) in &mut self.fates {
            let content = chunker::hash_bytes(bytes).0;
            fate.discarded |= before.contains(&content) && !after.contains(&content);
            fate.copied |= before.contains(&content) || after.contains(&content);
        }
    }

    /// Whether somebody undid on the server what users had done.
    pub(crate) fn was_rewound(&self) -> bool {
        self.rewound
    }

    /// Whether a device lost its power: what it had removed or moved may have come back.
    pub(crate) fn power_was_lost(&self) -> bool {
        self.power_was_lost
    }

    /// Whether everything that must be somewhere is somewhere: on some disk, set aside or not, or in what the server
    /// keeps, current or not.
    pub(crate) fn check_anywhere(
        &self,
        disks: &[Tree],
        is_kept: impl Fn(&[u8]) -> bool,
    ) -> Result<(), String> {
        let files = |tree: &Tree| -> BTreeSet<Bytes> {
            let bytes = |(path, seen): (&model::RelativePath, &Seen)| match seen {
                Seen::File { bytes, .. } if is_synced_path(path) || is_set_aside(path) => {
                    Some(Arc::clone(bytes))
                }
                _ => None,
            };
            tree.iter().filter_map(bytes).collect()
        };
        let found: BTreeSet<Bytes> = disks.iter().flat_map(files).collect();
        for (bytes, fate) in self.fates.iter().filter(|(_, fate)| !fate.discarded && !fate.lost) {
            if !found.contains(bytes) && !is_kept(bytes) {
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
                return Err(format!("lost everywhere: {text:?}, written on device {}", fate.device));
            }
        }
        Ok(())
    }

    /// The same where devices hold parts: every content is somewhere, and what the server once had, who holds everything
    /// still has.
    pub(crate) fn check_parts(
        &self,
        whole: &Tree,
        all: &[Tree],
        served: &BTreeSet<ContentId>,
    ) -> Result<(), String> {
        let current = count(whole);
        let everywhere: Vec<_> = all.iter().map(count).collect();
        for (bytes, fate) in self.fates.iter().filter(|(_, fate)| !fate.discarded && !fate.lost) {
            let text = || String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            if !everywhere.iter().any(|counts| counts.contains_key(bytes)) {
                return Err(format!("lost: {:?}, written on device {}", text(), fate.device));
            }
            if served.contains(&chunker::hash_bytes(bytes).0) && !current.contains_key(bytes) {
                return Err(format!("gone from the server: {:?}, of device {}", text(), fate.device));
            }
        }
        Ok(())
    }

    /// Whether everything that must be there is there, and nothing twice that was written once. `kept` is what the
    /// server still has, current or not.
    pub(crate) fn check(&self, current: &Tree) -> Result<(), String> {
        let current = count(current);
        for (bytes, fate) in &self.fates {
            let found = current.get(bytes).copied().unwrap_or(0);
            let text = || String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            if found == 0 && !fate.discarded && !fate.lost {
                return Err(format!("lost: {:?}, written on device {}", text(), fate.device));
            }
            if found > 1 && !fate.copied && !self.power_was_lost {
                return Err(format!("there twice: {:?}, written once on device {}", text(), fate.device));
            }
        }
        Ok(())
    }
}
