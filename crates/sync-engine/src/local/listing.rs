//! One directory's listing against L's children.

use super::filter::{Here, IGNORE_FILE, Noted, Take, settle};
use super::{Arrival, LocalSide, Replacement, Target, freeze, handle_of, new_row, standing};
use crate::effect::Effect;
use crate::event::Listing;
use crate::paths::{Overlay, path_of};
use crate::store::{Frozen, PairStore, Row, StoreError};
use model::ignore::{NOT_SYNCED, is_ignored};
use model::{Content, Entry, EntryKind, Handle, Kind, Name, NodeKey, RelativePath};
use planner::Tree;
use std::collections::{BTreeMap, BTreeSet};

/// What is told of an ignore file for which no room is left.
const TOO_MANY_IGNORES: &str = "is not used: the ignore files are too long together";

impl LocalSide {
    pub(super) fn take_listing<S: PairStore>(
        &mut self,
        store: &mut S,
        directory: NodeKey,
        subtree: bool,
        listing: Listing,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Some(path) = path_of(store, directory, &Overlay::new())? else { return Ok(()) };
        if thaw_unreadable(store, directory)? {
            self.touch(directory);
        }
        let Listing { entries, unseen, ignore } = listing;
        let noted = self.filter.note_ignore_file(directory, ignore);
        if noted == Noted::Other && (self.complete || !subtree) {
            // What was passed over may be wanted by now, and the other way round.
            self.want(path.clone(), true);
        }
        let here = self.filter.here(store, directory)?;
        let mut skipped = 0;
        let (mut children, mut doubles) = children_by_name(store, directory, &entries)?;
        self.unreadable.retain(|known| known.split().is_none_or(|(parent, _)| parent != path));
        self.never_synced.retain(|known, _| known.split().is_none_or(|(parent, _)| parent != path));
        if noted == Noted::TooMuch {
            let file = Name::new(IGNORE_FILE).expect("short, and without forbidden characters");
            self.never_synced.insert(path.join(&file), TOO_MANY_IGNORES);
        }
        self.note_unseen(store, &path, unseen, &mut children)?;
        let known = known_elsewhere(store, &children, &entries)?;
        let Some(round) = &mut self.round else { return Ok(()) };
        let looks = round.looks;
        round.listed.insert(directory, looks);
        round.looks += 1;
        for entry in entries {
            if is_ignored(&entry.name) {
                continue;
            }
            if is_set_aside(directory, &entry) && !children.contains_key(&entry.name) {
                self.never_synced.insert(path.join(&entry.name), "kept on this device only");
                continue;
            }
            if let Some(reason) = never_synced(&entry.kind) {
                self.never_synced.insert(path.join(&entry.name), reason);
                // A file system mounted over a directory hides it: hidden is not gone. Whatever else has taken a
                // node's name has taken its place.
                if entry.kind == EntryKind::OtherFileSystem
                    && let Some((key, _)) = children.remove(&entry.name)
                {
                    freeze(store, key, Frozen::Unreadable)?;
                }
                continue;
            }
            let is_directory = entry.kind == EntryKind::Directory;
            let child = children.remove(&entry.name);
            let known_row = child.as_ref().map(|(_, row)| row);
            let take = here.take(store, directory, (&entry.name, is_directory), known_row)?;
            skipped += usize::from(take == Take::Not || (take == Take::Frozen && !is_synced(known_row)));
            let (child, subtree) = match child {
                Some((key, row)) if take == Take::Not && row_kind(&row) == Some(Kind::Directory) => {
                    // What is not taken up took its place: what is known below it may have moved.
                    doubles.push((key, true));
                    continue;
                }
                Some((key, _)) if take == Take::Not => {
                    store.take(key)?;
                    self.touch(key);
                    (None, subtree)
                }
                Some((key, row)) => {
                    let settled = settle(store, key, take)?;
                    if settled {
                        self.touch(key);
                    }
                    let row = if settled { store.row(key)?.unwrap_or_default() } else { row };
                    (Some((key, row)), subtree || settled)
                }
                None => (None, subtree),
            };
            let same = child.as_ref().is_some_and(|(_, row)| {
                handle_of(row) == Some(&entry.fingerprint.handle) && kind_of(&entry.kind) == row_kind(row)
            });
            match child {
                Some((key, row)) if same => self.take_known(store, key, &row, &path, entry, subtree, out)?,
                Some((key, _)) => self.take_replaced(key, directory, entry, &known),
                None if known.contains(&entry.fingerprint.handle) => {
                    if let Some(round) = &mut self.round {
                        round.arrived.push_back(Arrival { parent: directory, entry, occupant: None, looks });
                    }
                }
                None => self.take_new(store, directory, (&path, &here), entry, out)?,
            }
        }
        self.filter.note_skipped(&path, skipped);
        if let Some(round) = &mut self.round {
            for key in children.into_values().map(|(key, _)| key) {
                round.missing.insert(key);
                // It was seen here earlier in the round, and has moved on.
                round.moved.remove(&key);
            }
            for (key, taken) in doubles {
                round.moved.remove(&key);
                if taken {
                    round.displaced.insert(key);
                    round.ousted.insert(key);
                } else {
                    round.missing.insert(key);
                }
            }
        }
        Ok(())
    }

    /// What is there but could not be looked at is left alone.
    fn note_unseen<S: PairStore>(
        &mut self,
        store: &mut S,
        directory: &RelativePath,
        unseen: Vec<Name>,
        children: &mut Children,
    ) -> Result<(), StoreError> {
        for name in unseen {
            match children.remove(&name) {
                Some((key, _)) => {
                    freeze(store, key, Frozen::Unreadable)?;
                    self.touch(key);
                }
                None => {
                    self.unreadable.insert(directory.join(&name));
                }
            }
        }
        Ok(())
    }

    /// The same node as L has here: perhaps edited.
    #[expect(clippy::too_many_arguments, reason = "one row, one entry and where they stand")]
    fn take_known<S: PairStore>(
        &mut self,
        store: &mut S,
        key: NodeKey,
        row: &Row,
        parent: &RelativePath,
        entry: Entry,
        subtree: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        self.suspects.remove(&key);
        if let Some(round) = &mut self.round {
            round.missing.remove(&key);
            round.ousted.remove(&key);
        }
        match entry.kind {
            EntryKind::Directory => {
                let unread = row.extra.frozen == Some(Frozen::Unreadable);
                if subtree || unread {
                    self.list(store, key, subtree, out)?;
                }
            }
            EntryKind::File
                if row.extra.disk.as_ref() != Some(&entry.fingerprint)
                    || row.extra.frozen == Some(Frozen::Unreadable) =>
            {
                let path = parent.join(&entry.name);
                self.request_hash(Target::Edit { key, path }, entry.fingerprint, out);
            }
            EntryKind::Link { target } => {
                let content = Content::Link { target };
                let edited = row.triple.local.as_ref().is_some_and(|local| local.content != content);
                // Looked at otherwise, though it says the same: else it could never be replaced or removed.
                if edited || row.extra.disk.as_ref() != Some(&entry.fingerprint) {
                    let mut row = row.clone();
                    if let Some(local) = &mut row.triple.local {
                        local.content = content;
                    }
                    row.extra.disk = Some(entry.fingerprint);
                    store.put(key, row)?;
                    if edited {
                        self.touch(key);
                    }
                }
            }
            EntryKind::File | EntryKind::Special | EntryKind::OtherFileSystem => {}
        }
        Ok(())
    }

    /// Another node stands where L has `key`.
    fn take_replaced(&mut self, key: NodeKey, parent: NodeKey, entry: Entry, known: &BTreeSet<Handle>) {
        let Some(round) = &mut self.round else { return };
        round.displaced.insert(key);
        if known.contains(&entry.fingerprint.handle) {
            let looks = round.listed.get(&parent).copied().unwrap_or_default();
            round.arrived.push_back(Arrival { parent, entry, occupant: Some(key), looks });
        } else {
            round.replaced.push(Replacement { node: key, parent, entry });
        }
    }

    /// Something L knows neither by place nor by handle.
    pub(super) fn take_new<S: PairStore>(
        &mut self,
        store: &mut S,
        parent: NodeKey,
        (parent_path, here): (&RelativePath, &Here),
        entry: Entry,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Some(round) = &self.round else { return Ok(()) };
        let is_directory = entry.kind == EntryKind::Directory;
        let take = here.take(store, parent, (&entry.name, is_directory), None)?;
        if take == Take::Not {
            return Ok(());
        }
        if let Some(there) = standing(store, round, parent, &entry.name)? {
            // The directory was listed twice in this round.
            if store.row(there)?.as_ref().and_then(handle_of) != Some(&entry.fingerprint.handle) {
                self.look_at_everything();
            }
            return Ok(());
        }
        let Entry { name, kind, fingerprint } = entry;
        let content = match kind {
            EntryKind::Directory => Content::Directory,
            EntryKind::Link { target } => Content::Link { target },
            EntryKind::File => {
                let path = parent_path.join(&name);
                self.request_hash(Target::New { parent, name, path }, fingerprint, out);
                return Ok(());
            }
            EntryKind::Special | EntryKind::OtherFileSystem => return Ok(()),
        };
        let directory = content.is_directory();
        let key = store.new_key()?;
        store.put(key, new_row(parent, name, content, fingerprint))?;
        settle(store, key, take)?;
        self.touch(key);
        if directory {
            self.list(store, key, true, out)?;
        }
        Ok(())
    }

    /// Asks for a directory to be listed in this round, unless it was.
    pub(super) fn list<S: PairStore>(
        &mut self,
        store: &S,
        key: NodeKey,
        subtree: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Some(round) = &mut self.round else { return Ok(()) };
        if let Some(asked) = round.listing.get_mut(&key) {
            *asked |= subtree;
            return Ok(());
        }
        if !round.listed.contains_key(&key) || subtree {
            round.listing.insert(key, subtree);
            round.unsent.push_back(key);
        }
        self.send_lists(store, out)
    }

    pub(super) fn touch(&mut self, key: NodeKey) {
        if let Some(round) = &mut self.round {
            round.touched.insert(key);
        }
    }

    /// A directory that was to be listed is not there: its parent's listing will tell.
    pub(super) fn directory_gone<S: PairStore>(
        &mut self,
        store: &mut S,
        key: NodeKey,
    ) -> Result<(), StoreError> {
        let parent = store.row(key)?.and_then(|row| row.triple.local).map(|state| state.parent);
        if let Some(path) =
            parent.map(|parent| path_of(store, parent, &Overlay::new())).transpose()?.flatten()
        {
            self.want(path, false);
        }
        if let Some(round) = &mut self.round {
            round.listed.insert(key, round.looks);
            round.missing.insert(key);
        }
        Ok(())
    }
}

/// Whether S or R know it.
fn is_synced(row: Option<&Row>) -> bool {
    row.is_some_and(|row| row.triple.synced.is_some() || row.triple.remote.is_some())
}

/// Why an entry of this kind is never synced, if it is not.
fn never_synced(kind: &EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::Special => Some("a socket, pipe or device is never synced"),
        EntryKind::OtherFileSystem => Some("another file system is mounted here; it is not entered"),
        EntryKind::Directory | EntryKind::File | EntryKind::Link { .. } => None,
    }
}

/// Whether there was something to thaw.
fn thaw_unreadable<S: PairStore>(store: &mut S, key: NodeKey) -> Result<bool, StoreError> {
    if let Some(mut row) = store.row(key)?
        && row.extra.frozen == Some(Frozen::Unreadable)
    {
        row.extra.frozen = None;
        row.triple.frozen = false;
        store.put(key, row)?;
        return Ok(true);
    }
    Ok(false)
}

/// A directory's children by name.
type Children = BTreeMap<Name, (NodeKey, Row)>;

/// L's children of a directory by name. Where L has several of one name, as after looking while things were moved, the
/// one that is found there stands for the name; the others are told apart, and whether their name is taken.
fn children_by_name<S: PairStore>(
    store: &S,
    directory: NodeKey,
    entries: &[Entry],
) -> Result<(Children, Vec<(NodeKey, bool)>), StoreError> {
    let found: BTreeMap<&Name, &Handle> =
        entries.iter().map(|entry| (&entry.name, &entry.fingerprint.handle)).collect();
    let keys = store.children(Tree::Local, directory)?;
    store.prefetch(&keys)?;
    let mut children = Children::new();
    let mut doubles = Vec::new();
    let rank = |row: &Row, name: &Name| {
        let is_found = handle_of(row).is_some() && handle_of(row) == found.get(name).copied();
        (is_found, row.triple.synced.is_some())
    };
    for key in keys {
        let Some(row) = store.row(key)? else { continue };
        let Some(name) = row.triple.local.as_ref().map(|local| local.name.clone()) else { continue };
        match children.get(&name) {
            Some((_, other)) if rank(other, &name) >= rank(&row, &name) => {
                doubles.push((key, found.contains_key(&name)));
            }
            _ => {
                let taken = found.contains_key(&name);
                doubles.extend(children.insert(name, (key, row)).map(|(other, _)| (other, taken)));
            }
        }
    }
    Ok((children, doubles))
}

/// The handles of entries that are not where L has them, but that L knows.
fn known_elsewhere<S: PairStore>(
    store: &S,
    children: &Children,
    entries: &[Entry],
) -> Result<BTreeSet<Handle>, StoreError> {
    let mut strange: Vec<Handle> = entries
        .iter()
        .filter(|entry| {
            let here = children.get(&entry.name).and_then(|(_, row)| handle_of(row));
            here != Some(&entry.fingerprint.handle)
        })
        .map(|entry| entry.fingerprint.handle.clone())
        .collect();
    strange.sort_unstable();
    Ok(store.keys_of_handles(&strange)?.into_keys().collect())
}

pub(super) fn kind_of(kind: &EntryKind) -> Option<Kind> {
    match kind {
        EntryKind::Directory => Some(Kind::Directory),
        EntryKind::File => Some(Kind::File),
        EntryKind::Link { .. } => Some(Kind::Link),
        EntryKind::Special | EntryKind::OtherFileSystem => None,
    }
}

pub(super) fn row_kind(row: &Row) -> Option<Kind> {
    row.triple.local.as_ref().map(|local| local.content.kind())
}

/// Whether it is the directory in which a one-way pair keeps what gave way. One that was synced before stays synced.
fn is_set_aside(directory: NodeKey, entry: &Entry) -> bool {
    directory == NodeKey::ROOT && entry.name.as_str() == NOT_SYNCED && entry.kind == EntryKind::Directory
}
