//! What everything takes, counted from the record alone.

use super::Ledger;
use crate::remote::{Quotas, Server};
use model::{ChunkId, Content, Timestamp};
use std::collections::BTreeMap;
use versioning::space::Space;

/// Chunks by name, with their lengths.
type Chunks = BTreeMap<ChunkId, u64>;

fn chunks_of<'a>(contents: impl Iterator<Item = &'a [u8]>) -> Chunks {
    let mut chunks = Chunks::new();
    for bytes in contents {
        let (_, manifest) = chunker::hash_bytes(bytes);
        chunks.extend(manifest.entries().iter().map(|entry| (entry.chunk, u64::from(entry.length))));
    }
    chunks
}

fn bytes_of(chunks: &Chunks) -> u64 {
    chunks.values().sum()
}

impl Ledger {
    /// Bytes of what lives.
    pub(crate) fn current_bytes(&self) -> u64 {
        let living = self.nodes.values().filter(|node| node.removed.is_none());
        living.map(|node| node.row.content.size()).sum()
    }

    /// What the folder takes, and what the other one does.
    fn spaces(&self) -> (Space, Space, u64) {
        let mut own = Space { current_bytes: self.current_bytes(), ..Space::default() };
        let mut named = Vec::new();
        for node in self.nodes.values() {
            own.trash_nodes += u64::from(node.is_in_trash());
            for (number, version) in node.kept() {
                own.versions += 1;
                let size = version.content.size();
                if node.removed.is_some() {
                    own.trash_bytes += size;
                } else if number != node.row.version {
                    own.history_bytes += size;
                }
                if let Content::File { id, .. } = version.content {
                    named.extend(self.contents.get(&id).map(|bytes| bytes.as_slice()));
                }
            }
        }
        let chunks = chunks_of(named.into_iter());
        let others = chunks_of(self.elsewhere.iter().map(|bytes| bytes.as_slice()));
        let both: Chunks = chunks
            .iter()
            .filter(|(id, _)| others.contains_key(id))
            .map(|(id, length)| (*id, *length))
            .collect();
        own.stored_bytes = bytes_of(&chunks);
        own.elsewhere_bytes = bytes_of(&both);
        let other = Space {
            versions: self.elsewhere.len() as u64,
            current_bytes: self.elsewhere.iter().map(|bytes| bytes.len() as u64).sum(),
            stored_bytes: bytes_of(&others),
            elsewhere_bytes: bytes_of(&both),
            ..Space::default()
        };
        let stored = own.stored_bytes + other.stored_bytes - bytes_of(&both);
        (own, other, stored)
    }

    /// Whether the server counts to the byte what the record has.
    pub(crate) fn check_space(&self, server: &Server, now: Timestamp) -> Result<(), String> {
        let (own, other, stored) = self.spaces();
        let (overview, shown) = server.space(now).map_err(|error| error.to_string())?;
        // Who else has the same bytes is told to administrators only.
        let differs = |what: &str, shown: &dyn std::fmt::Debug, counted: &dyn std::fmt::Debug| {
            Err(format!("space of {what}: {shown:?} is told, {counted:?} is taken"))
        };
        let members = Space { elsewhere_bytes: 0, ..own };
        if shown != members {
            return differs("the folder", &shown, &members);
        }
        let folders: Vec<Space> = overview.folders.iter().map(|(_, space)| *space).collect();
        if folders != [own, other] || overview.folders[0].0 != server.folder_id() {
            return differs("all folders", &folders, &[own, other]);
        }
        let users: BTreeMap<_, _> = overview.users.iter().copied().collect();
        let counted: BTreeMap<_, _> = server.owners().into_iter().zip([own, other]).collect();
        if users != counted {
            return differs("people", &users, &counted);
        }
        if overview.stored_bytes != stored {
            return differs("everything", &overview.stored_bytes, &stored);
        }
        let used = server.used_bytes().map_err(|error| error.to_string())?;
        let counted = (own.current_bytes, [own.current_bytes, other.current_bytes]);
        if used != counted { differs("quotas", &used, &counted) } else { Ok(()) }
    }

    /// Whether what is there has not grown past what may be there. `before`: what was there before the change.
    pub(crate) fn check_quotas(&self, quotas: Quotas, before: u64) -> Result<(), String> {
        let most = [quotas.folder, quotas.owner].into_iter().flatten().min();
        let now = self.current_bytes();
        match most {
            Some(most) if now > most.max(before) => {
                Err(format!("quota: {most} bytes may be there, {now} are, {before} were"))
            }
            _ => Ok(()),
        }
    }
}
