//! Names that the planner makes up: of conflict copies, and of nodes shelved for a moment.

use crate::scene::{Place, Scene};
use crate::view::{Tree, View};
use model::conflict::conflict_name;
use model::{Name, NodeKey, NodeState};
use std::collections::BTreeSet;

/// Names given out within one plan, so that no two steps of it take the same.
#[derive(Debug, Default)]
pub(crate) struct Claims(BTreeSet<Place>);

/// The more attempts, the longer the directory has been full of conflict copies of one name.
const ATTEMPTS_MAX: u32 = 100_000;

impl Claims {
    /// The name under which the local node `key` is kept, in each of these directories not taken by another node.
    /// If the node bears such a name already (the renaming was done but not noted), it is that one.
    pub(crate) fn conflict<V: View>(
        &mut self,
        scene: &Scene<'_, V>,
        (key, local): (NodeKey, &NodeState),
        name: &Name,
        directories: &[NodeKey],
    ) -> Result<Name, V::Error> {
        for attempt in 0..ATTEMPTS_MAX {
            let candidate = conflict_name(name, local, scene.author, attempt);
            if self.claim(scene, key, &candidate, directories)? {
                return Ok(candidate);
            }
        }
        // A hundred thousand copies of one content in one directory: the executor's refusal is all there is left.
        Ok(conflict_name(name, local, scene.author, ATTEMPTS_MAX))
    }

    /// The name under which a node is shelved in a directory.
    pub(crate) fn shelf<V: View>(
        &mut self,
        scene: &Scene<'_, V>,
        key: NodeKey,
        directory: NodeKey,
    ) -> Result<Name, V::Error> {
        let mut attempt = 0;
        loop {
            let candidate = shelf_name(key, attempt);
            attempt += 1;
            if attempt == ATTEMPTS_MAX || self.claim(scene, key, &candidate, &[directory])? {
                return Ok(candidate);
            }
        }
    }

    fn claim<V: View>(
        &mut self,
        scene: &Scene<'_, V>,
        key: NodeKey,
        name: &Name,
        directories: &[NodeKey],
    ) -> Result<bool, V::Error> {
        let name_key = scene.name_key(name);
        for directory in directories {
            if self.0.contains(&(*directory, name_key.clone())) {
                return Ok(false);
            }
            for tree in [Tree::Synced, Tree::Remote, Tree::Local] {
                if scene.view.named(tree, *directory, &name_key)?.iter().any(|other| *other != key) {
                    return Ok(false);
                }
            }
        }
        self.0.extend(directories.iter().map(|directory| (*directory, name_key.clone())));
        Ok(true)
    }
}

/// The base for a conflict copy's name: the local one, unless that is such a copy's name already.
pub(crate) fn conflict_base<'n, V: View>(
    scene: &Scene<'_, V>,
    local: &'n NodeState,
    wanted: &'n Name,
) -> &'n Name {
    let renamed = (0..8).any(|attempt| conflict_name(wanted, local, scene.author, attempt) == local.name);
    if renamed { wanted } else { &local.name }
}

const SHELF: &str = ".driftless-shelved-";

/// Where a node is shelved.
fn shelf_name(key: NodeKey, attempt: u32) -> Name {
    let again = if attempt == 0 { String::new() } else { format!("-{}", attempt + 1) };
    Name::new(&format!("{SHELF}{:x}{again}", key.0)).expect("short, without a slash")
}

/// Whether this is a name under which some node is shelved for a moment.
#[must_use]
pub fn is_a_shelf_name(name: &Name) -> bool {
    name.as_str().starts_with(SHELF)
}

/// Whether this is a name under which this very node is shelved.
pub(crate) fn is_shelf_name(key: NodeKey, name: &Name) -> bool {
    let Some(rest) = name.as_str().strip_prefix(SHELF) else { return false };
    let hex = rest.split('-').next().unwrap_or_default();
    hex == format!("{:x}", key.0)
}
