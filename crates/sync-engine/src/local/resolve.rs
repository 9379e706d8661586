//! What a round's findings mean: the table of identity.
//!
//! | seen at a place | conclusion |
//! | --- | --- |
//! | a known handle whose old place was found empty or taken | the node moved here |
//! | a known handle whose old place still holds it | a hard link: a new node |
//! | a known, never synced handle over a synced node's place | saved by rename: an edit of that node |
//! | an unknown handle, the old one nowhere | saved by replacement: an edit of the node |
//! | an unknown handle, the old one beside it under another name | backup dance: an edit; the other name is new |
//! | an unknown handle, the old one elsewhere | the old node moved; here is a new one |
//! | another kind | the old node is gone; here is a new one |

use super::filter::{Take, settle};
use super::listing::{kind_of, row_kind};
use super::{Arrival, LocalSide, Replacement, Target, handle_of, standing};
use crate::effect::Effect;
use crate::paths::{Overlay, path_of};
use crate::store::{PairStore, Row, StoreError};
use model::{Content, Entry, EntryKind, Kind, NodeKey};
use std::collections::BTreeSet;

enum Fate {
    MovedFrom(NodeKey),
    HardLink,
    /// That it moved here was seen before in this round, in an earlier listing of the directory.
    SeenAgain(NodeKey),
    LookFirst(NodeKey),
    /// First it must be known where a directory above its old place went.
    Later,
    /// What was seen does not fit together.
    Doubtful,
}

enum Whereabouts {
    There,
    Gone,
    Undecided,
}

impl LocalSide {
    /// Decides everything that can be decided; asks for further listings where it cannot.
    pub(super) fn resolve<S: PairStore>(
        &mut self,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        self.resolve_arrivals(store, out)?;
        let waiting = self.round.as_ref().is_none_or(|round| !round.listing.is_empty());
        if !waiting {
            let replaced =
                self.round.as_mut().map(|round| std::mem::take(&mut round.replaced)).unwrap_or_default();
            for replacement in replaced {
                self.resolve_replacement(store, replacement, out)?;
            }
        }
        Ok(())
    }

    /// Applies moves until nothing more follows from them, since one node's way out makes room for the next.
    fn resolve_arrivals<S: PairStore>(
        &mut self,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        loop {
            let before = self.round.as_ref().map_or(0, |round| round.arrived.len());
            let mut look_at = Vec::new();
            // All but the one in hand stay where a displaced node is looked for.
            for _ in 0..before {
                let Some(arrival) = self.round.as_mut().and_then(|round| round.arrived.pop_front()) else {
                    break;
                };
                match self.fate(store, &arrival)? {
                    Fate::MovedFrom(key) => self.apply_move(store, key, arrival, out)?,
                    Fate::HardLink => self.apply_new(store, arrival, out)?,
                    Fate::SeenAgain(key) => self.look_again(store, key, arrival.entry, out)?,
                    Fate::Later => {
                        if let Some(round) = &mut self.round {
                            round.arrived.push_back(arrival);
                        }
                    }
                    Fate::Doubtful => self.look_at_everything(),
                    Fate::LookFirst(parent) => {
                        look_at.push(parent);
                        if let Some(round) = &mut self.round {
                            round.arrived.push_back(arrival);
                        }
                    }
                }
            }
            let left = self.round.as_ref().map_or(0, |round| round.arrived.len());
            if left == 0 {
                return Ok(());
            }
            if left >= before {
                for parent in look_at {
                    if let Some(round) = &mut self.round {
                        round.listed.remove(&parent);
                    }
                    self.list(store, parent, false, out)?;
                }
                return Ok(());
            }
        }
    }

    fn fate<S: PairStore>(&self, store: &S, arrival: &Arrival) -> Result<Fate, StoreError> {
        let Some(round) = &self.round else { return Ok(Fate::HardLink) };
        let Some(above) = ancestors(store, arrival.parent)? else { return Ok(Fate::Doubtful) };
        let handle = &arrival.entry.fingerprint.handle;
        let keys = store.keys_of_handles(std::slice::from_ref(handle))?.remove(handle).unwrap_or_default();
        let mut look_first = None;
        for key in keys {
            let Some(row) = store.row(key)? else { continue };
            let Some(local) = &row.triple.local else { continue };
            if row_kind(&row) != kind_of(&arrival.entry.kind) {
                continue;
            }
            let went = round.moved.get(&key);
            if went.is_some_and(|(parent, name)| (*parent, name) == (arrival.parent, &arrival.entry.name)) {
                return Ok(Fate::SeenAgain(key));
            }
            if above.contains(&key) && !round.moved.contains_key(&key) {
                return Ok(Fate::Doubtful);
            }
            match self.whereabouts(store, key)? {
                _ if round.moved.contains_key(&key) => {}
                Whereabouts::Gone => return Ok(Fate::MovedFrom(key)),
                Whereabouts::Undecided => return Ok(Fate::Later),
                Whereabouts::There => {}
            }
            // Seen at its old place before it was seen here, it may have moved in between.
            if round.listed.get(&local.parent).is_none_or(|looks| *looks < arrival.looks) {
                look_first = Some(local.parent);
            }
        }
        Ok(look_first.map_or(Fate::HardLink, Fate::LookFirst))
    }

    /// Whether a node may still be where L has it: not if its place, or that of a directory above, was found empty or
    /// taken.
    fn whereabouts<S: PairStore>(&self, store: &S, key: NodeKey) -> Result<Whereabouts, StoreError> {
        let Some(round) = &self.round else { return Ok(Whereabouts::There) };
        let mut current = key;
        while current != NodeKey::ROOT && !round.moved.contains_key(&current) {
            if round.missing.contains(&current) || round.displaced.contains(&current) {
                let undecided = current != key && self.seen_elsewhere(store, current)?;
                return Ok(if undecided { Whereabouts::Undecided } else { Whereabouts::Gone });
            }
            let Some(local) = store.row(current)?.and_then(|row| row.triple.local) else { break };
            current = local.parent;
        }
        Ok(Whereabouts::There)
    }

    fn apply_new<S: PairStore>(
        &mut self,
        store: &mut S,
        arrival: Arrival,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Arrival { parent, entry, occupant, .. } = arrival;
        match occupant {
            Some(node) => self.resolve_replacement(store, Replacement { node, parent, entry }, out),
            None => self.take_in_new(store, parent, entry, out),
        }
    }

    fn take_in_new<S: PairStore>(
        &mut self,
        store: &mut S,
        parent: NodeKey,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let path = path_of(store, parent, &Overlay::new())?.unwrap_or_default();
        let here = self.filter.here(store, parent)?;
        self.take_new(store, parent, (&path, &here), entry, out)
    }

    /// `key` stands at the arrival's place now.
    fn apply_move<S: PairStore>(
        &mut self,
        store: &mut S,
        key: NodeKey,
        arrival: Arrival,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Arrival { parent, entry, occupant, .. } = arrival;
        let there = match &self.round {
            Some(round) => standing(store, round, parent, &entry.name)?.filter(|there| *there != key),
            None => None,
        };
        let occupant = occupant.filter(|occupant| *occupant != key).or(there);
        let Some(mut row) = store.row(key)? else { return Ok(()) };
        if let Some(round) = &mut self.round {
            round.missing.remove(&key);
            round.ousted.remove(&key);
            // What was seen at its old place was not this directory.
            round.listed.remove(&key);
        }
        self.suspects.remove(&key);
        if let Some(occupant) = occupant
            && self.occupant_stays(store, occupant, &row)?
        {
            // A file that was never synced was renamed over a synced one: that one was saved.
            store.take(key)?;
            self.touch(key);
            return self.edit(store, occupant, parent, entry, out);
        }
        let Some(local) = &mut row.triple.local else { return Ok(()) };
        (local.parent, local.name) = (parent, entry.name.clone());
        if let Some(round) = &mut self.round {
            round.moved.insert(key, (parent, entry.name.clone()));
        }
        let unedited = row.extra.disk.as_ref().is_some_and(|disk| {
            (disk.size, disk.mtime, disk.executable)
                == (entry.fingerprint.size, entry.fingerprint.mtime, entry.fingerprint.executable)
        });
        let directory = matches!(entry.kind, EntryKind::Directory);
        if unedited || !matches!(entry.kind, EntryKind::File) {
            row.extra.disk = Some(entry.fingerprint.clone());
        }
        store.put(key, row)?;
        self.touch(key);
        if let Some(occupant) = occupant {
            self.displace(occupant);
        }
        if self.settle_moved(store, key, parent, &entry)? == Take::Not {
            return Ok(());
        }
        if directory {
            self.list(store, key, true, out)?;
        } else if matches!(entry.kind, EntryKind::File) && !unedited {
            self.hash_again(store, key, entry, out)?;
        }
        Ok(())
    }

    /// Leaves a node alone that was moved to where nothing is synced, and no more if it was moved back. One that the
    /// remote side never knew is forgotten.
    fn settle_moved<S: PairStore>(
        &mut self,
        store: &mut S,
        key: NodeKey,
        parent: NodeKey,
        entry: &Entry,
    ) -> Result<Take, StoreError> {
        let here = self.filter.here(store, parent)?;
        let row = store.row(key)?;
        let what = (&entry.name, entry.kind == EntryKind::Directory);
        let take = here.take(store, parent, what, row.as_ref())?;
        if take == Take::Not {
            store.take(key)?;
        } else {
            settle(store, key, take)?;
        }
        Ok(take)
    }

    /// Whether the node whose place was taken goes on as the newcomer: it is a file that was not seen elsewhere, and
    /// the newcomer was never synced.
    fn occupant_stays<S: PairStore>(
        &self,
        store: &S,
        occupant: NodeKey,
        newcomer: &Row,
    ) -> Result<bool, StoreError> {
        let never_synced = newcomer.triple.synced.is_none() && newcomer.triple.remote.is_none();
        let moved = self.round.as_ref().is_some_and(|round| round.moved.contains_key(&occupant));
        let same_kind = store.row(occupant)?.as_ref().and_then(row_kind) == row_kind(newcomer);
        Ok(never_synced
            && same_kind
            && !moved
            && row_kind(newcomer) == Some(Kind::File)
            && !self.seen_elsewhere(store, occupant)?)
    }

    /// Whether an undecided arrival bears the node's handle.
    fn seen_elsewhere<S: PairStore>(&self, store: &S, key: NodeKey) -> Result<bool, StoreError> {
        let row = store.row(key)?;
        let handle = row.as_ref().and_then(handle_of);
        let Some(round) = &self.round else { return Ok(false) };
        Ok(round.arrived.iter().any(|arrival| Some(&arrival.entry.fingerprint.handle) == handle))
    }

    /// The node's place is taken by another: unless it moved, or is found to have moved before the round is over, it is
    /// gone. The newcomer may be a directory that holds it.
    fn displace(&mut self, key: NodeKey) {
        if let Some(round) = &mut self.round
            && !round.moved.contains_key(&key)
        {
            round.displaced.insert(key);
            round.ousted.insert(key);
        }
    }

    fn resolve_replacement<S: PairStore>(
        &mut self,
        store: &mut S,
        replacement: Replacement,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Replacement { node, parent, entry } = replacement;
        if ancestors(store, parent)?.is_none() {
            self.look_at_everything();
            return Ok(());
        }
        let Some(row) = store.row(node)? else {
            return self.take_in_new(store, parent, entry, out);
        };
        let same_kind = row_kind(&row) == kind_of(&entry.kind);
        let went = self.round.as_ref().and_then(|round| round.moved.get(&node).cloned());
        match went {
            Some((place, _)) if place == parent && same_kind && row_kind(&row) == Some(Kind::File) => {
                self.undo_backup_dance(store, node, row, parent, entry, out)
            }
            Some(_) => self.take_in_new(store, parent, entry, out),
            None if same_kind => self.edit(store, node, parent, entry, out),
            None => {
                self.displace(node);
                self.take_in_new(store, parent, entry, out)
            }
        }
    }

    /// The old file was renamed aside in its directory and a new one written in its place: the node stays at its
    /// place, and the other name is a new node.
    fn undo_backup_dance<S: PairStore>(
        &mut self,
        store: &mut S,
        node: NodeKey,
        mut row: Row,
        parent: NodeKey,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let aside = store.new_key()?;
        let (Some(local), Some(disk)) = (row.triple.local.clone(), row.extra.disk.clone()) else {
            return Ok(());
        };
        if let Some(here) = &mut row.triple.local {
            here.name = entry.name.clone();
        }
        row.extra.disk = None;
        store.put(node, row)?;
        let take = self.filter.here(store, parent)?.take(store, parent, (&local.name, false), None)?;
        if take != Take::Not {
            store.put(aside, super::new_row(parent, local.name, local.content, disk))?;
            self.touch(aside);
        }
        self.edit(store, node, parent, entry, out)
    }

    /// The node at this place has another handle now, and perhaps another content.
    fn edit<S: PairStore>(
        &mut self,
        store: &mut S,
        node: NodeKey,
        parent: NodeKey,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Some(mut row) = store.row(node)? else { return Ok(()) };
        self.suspects.remove(&node);
        self.touch(node);
        if let Some(round) = &mut self.round {
            round.missing.remove(&node);
            round.ousted.remove(&node);
        }
        if let Some(local) = &mut row.triple.local {
            local.parent = parent;
        }
        match &entry.kind {
            EntryKind::Directory => {
                row.extra.disk = Some(entry.fingerprint);
                store.put(node, row)?;
                self.list(store, node, true, out)
            }
            EntryKind::Link { target } => {
                if let Some(local) = &mut row.triple.local {
                    local.content = Content::Link { target: target.clone() };
                }
                row.extra.disk = Some(entry.fingerprint);
                store.put(node, row)
            }
            _ => {
                store.put(node, row)?;
                self.hash_again(store, node, entry, out)
            }
        }
    }

    /// A directory may be listed twice in a round: a move into it that was taken in already may have been edited since.
    fn look_again<S: PairStore>(
        &mut self,
        store: &S,
        key: NodeKey,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let seen = store.row(key)?.and_then(|row| row.extra.disk);
        if entry.kind == EntryKind::File && seen.as_ref() != Some(&entry.fingerprint) {
            return self.hash_again(store, key, entry, out);
        }
        Ok(())
    }

    fn hash_again<S: PairStore>(
        &mut self,
        store: &S,
        key: NodeKey,
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        if let Some(path) = path_of(store, key, &Overlay::new())? {
            self.request_hash(Target::Edit { key, path }, entry.fingerprint, out);
        }
        Ok(())
    }
}

/// A directory of L and all above it; none if it stands nowhere.
fn ancestors<S: PairStore>(store: &S, directory: NodeKey) -> Result<Option<BTreeSet<NodeKey>>, StoreError> {
    let mut above = BTreeSet::new();
    let mut current = directory;
    while current != NodeKey::ROOT {
        let Some(local) = store.row(current)?.and_then(|row| row.triple.local) else { return Ok(None) };
        if !above.insert(current) {
            return Ok(None);
        }
        current = local.parent;
    }
    Ok(Some(above))
}
