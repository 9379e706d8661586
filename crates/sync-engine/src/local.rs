//! Looking at the local side: from listings to L.
//!
//! A *round* lists the directories that may have changed, matches what it finds with L by name and handle, has
//! changed files hashed, and then decides what was edited, moved, made and removed (the table of identity in the
//! design). What is missing becomes a *suspect* first; it is taken out of L only when a later round still does not
//! find it.

mod filter;
mod listing;
mod resolve;

use crate::effect::{Effect, HashRequest, ListRequest};
use crate::event::{HashOutcome, HashResult, Listed, LookFailure};
use crate::fault::Fault;
use crate::paths::{Overlay, children_named, nearest_directory, path_of};
use crate::record::local_state;
use crate::store::{Frozen, PairStore, Row, StoreError};
use model::{Content, Entry, Fingerprint, Handle, Name, NodeKey, RelativePath, Timestamp};
use planner::{Tree, Triple};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) use filter::Filter;
pub use filter::IGNORE_FILE;

/// How long something must be missing before a second look may take it for deleted.
const SUSPECT_MS: u64 = 400;
/// First and longest pause before a file that changed under our eyes is looked at again.
const UNSTEADY_FIRST_MS: u64 = 100;
const UNSTEADY_LAST_MS: u64 = 5_000;
/// How many hash requests, and how many list requests, go out in one effect: it is answered as a whole.
const REQUESTS: usize = 512;
const LIST_REQUESTS: usize = 32;
/// So many directories are asked for at a time, and none while so many files wait to be hashed: what is asked for, and
/// what comes back, is in memory. More are asked for when half of them have been answered, so that they go in batches.
const LISTS_AT_ONCE: usize = 64;
const HASHES_AT_ONCE: usize = 8_192;

/// What the pair knows of its local side beyond L.
#[derive(Debug, Default)]
pub(crate) struct LocalSide {
    /// Directories to list in the next round, and whether all below them too.
    wanted: BTreeMap<RelativePath, bool>,
    /// Directories to list again later.
    later: BTreeMap<RelativePath, Timestamp>,
    /// How often a file changed while it was read.
    unsteady: BTreeMap<RelativePath, u32>,
    /// Nodes that were missing.
    suspects: BTreeMap<NodeKey, Suspect>,
    /// Whether everything has been looked at once.
    complete: bool,
    round: Option<Round>,
    next_token: u64,
    /// Why the replica as a whole cannot be looked at.
    offline: bool,
    /// New files that cannot be read: not in L at all, but to be told.
    unreadable: BTreeSet<RelativePath>,
    /// What is never synced by its kind, and why; to be told, too.
    never_synced: BTreeMap<RelativePath, &'static str>,
    pub(crate) fault: Option<Fault>,
    /// What is not synced.
    pub(crate) filter: Filter,
}

/// A node that was missing.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    since: Timestamp,
    /// When to look for it; never twice in a row at once, whatever a look finds.
    next_look: Timestamp,
}

/// A round under way.
#[derive(Debug, Default)]
struct Round {
    whole: bool,
    /// Directories asked for and not yet listed, and whether all below them is to be listed too.
    listing: BTreeMap<NodeKey, bool>,
    /// Those of them that have not been asked for yet.
    unsent: VecDeque<NodeKey>,
    /// Directories listed, each with how many were listed before it in this round.
    listed: BTreeMap<NodeKey, usize>,
    looks: usize,
    /// Nodes of L that were not where L has them.
    missing: BTreeSet<NodeKey>,
    /// Nodes of L whose place was found taken by another handle.
    displaced: BTreeSet<NodeKey>,
    /// Those of them whose place has a new owner in L: gone, unless they are found elsewhere before the round is over.
    /// Until then L has two nodes of one name, also after a crash: nothing is planned before a whole round is over.
    ousted: BTreeSet<NodeKey>,
    /// What was seen does not fit together: the next round looks at everything again, before anything is planned.
    doubtful: bool,
    /// Entries whose handle L knows at another place.
    arrived: VecDeque<Arrival>,
    /// Entries with a handle unknown to L at the place of a known node.
    replaced: Vec<Replacement>,
    hashing: BTreeMap<u64, Hashing>,
    touched: BTreeSet<NodeKey>,
    /// Moves decided in this round: where each node went.
    moved: BTreeMap<NodeKey, (NodeKey, Name)>,
}

#[derive(Debug, Clone)]
struct Arrival {
    parent: NodeKey,
    entry: Entry,
    occupant: Option<NodeKey>,
    /// How many directories were listed in this round before it was seen.
    looks: usize,
}

#[derive(Debug, Clone)]
struct Replacement {
    node: NodeKey,
    parent: NodeKey,
    entry: Entry,
}

/// A file being hashed.
#[derive(Debug)]
struct Hashing {
    handle: Handle,
    target: Target,
}

/// What a file is hashed for.
#[derive(Debug)]
enum Target {
    /// A new node.
    New { parent: NodeKey, name: Name, path: RelativePath },
    /// New content for a node.
    Edit { key: NodeKey, path: RelativePath },
}

impl LocalSide {
    /// Asks for a directory (and all below it) to be listed in the next round.
    pub(crate) fn want(&mut self, path: RelativePath, subtree: bool) {
        *self.wanted.entry(path).or_insert(false) |= subtree;
    }

    /// Everything is to be looked at again, as after a start.
    pub(crate) fn want_everything(&mut self) {
        self.round = None;
        self.complete = false;
        self.want(RelativePath::root(), true);
    }

    /// What was seen does not fit together, since it changed while it was looked at: the next round looks anew.
    pub(crate) fn look_at_everything(&mut self) {
        if let Some(round) = &mut self.round {
            round.doubtful = true;
        }
        self.want(RelativePath::root(), true);
    }

    pub(crate) fn round_active(&self) -> bool {
        self.round.is_some()
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.offline
    }

    /// Whether L is what the disk showed last, with nothing left to look at.
    pub(crate) fn is_settled(&self) -> bool {
        self.complete
            && self.round.is_none()
            && self.wanted.is_empty()
            && self.later.is_empty()
            && self.suspects.is_empty()
            && !self.offline
    }

    /// Whether everything has been looked at at least once.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete && !self.offline
    }

    pub(crate) fn never_synced(&self) -> impl Iterator<Item = (&RelativePath, &'static str)> {
        self.never_synced.iter().map(|(path, reason)| (path, *reason))
    }

    pub(crate) fn unreadable(&self) -> impl Iterator<Item = &RelativePath> {
        self.unreadable.iter()
    }

    /// When something that is not due yet is to be looked at again. What is due is looked at as soon as the lane is
    /// free, which no timer hastens.
    pub(crate) fn next_time(&self, now: Timestamp) -> Option<Timestamp> {
        let suspects = self.suspects.values().map(|suspect| suspect.next_look);
        self.later.values().copied().chain(suspects).filter(|at| *at > now).min()
    }

    /// Begins a round if there is anything to look at by now.
    pub(crate) fn begin<S: PairStore>(
        &mut self,
        store: &S,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<bool, StoreError> {
        let due: Vec<RelativePath> =
            self.later.iter().filter(|(_, at)| **at <= now).map(|(path, _)| path.clone()).collect();
        for path in due {
            self.later.remove(&path);
            self.want(path, false);
        }
        self.want_parents_of_due_suspects(store, now)?;
        // A replica that was away, or was never looked at: only a look at all of it makes it known.
        if let Some(subtree) = self.wanted.get_mut(&RelativePath::root()) {
            *subtree |= !self.complete;
        }
        if self.wanted.is_empty() {
            return Ok(false);
        }
        let wanted = std::mem::take(&mut self.wanted);
        let mut round = Round { whole: wanted.get(&RelativePath::root()) == Some(&true), ..Round::default() };
        if round.whole {
            self.unreadable.clear();
            self.filter.forget_counts();
            self.filter.forget_gone(store)?;
        }
        for (path, subtree) in &wanted {
            let key = nearest_directory(store, path)?;
            *round.listing.entry(key).or_insert(false) |= *subtree;
        }
        round.unsent = round.listing.keys().copied().collect();
        self.round = Some(round);
        self.send_lists(store, out)?;
        Ok(true)
    }

    /// Asks for as many directories as may be under way.
    fn send_lists<S: PairStore>(&mut self, store: &S, out: &mut Vec<Effect>) -> Result<(), StoreError> {
        let Some(round) = &mut self.round else { return Ok(()) };
        let under_way = round.listing.len().saturating_sub(round.unsent.len());
        if under_way > LISTS_AT_ONCE / 2 || round.hashing.len() >= HASHES_AT_ONCE {
            return Ok(());
        }
        let number = round.unsent.len().min(LISTS_AT_ONCE - under_way);
        let next: Vec<NodeKey> = round.unsent.drain(..number).collect();
        let mut doubtful = false;
        for key in next {
            if !request_list(store, key, out)? {
                // It was there when it was to be listed.
                round.listing.remove(&key);
                doubtful = true;
            }
        }
        if doubtful {
            self.look_at_everything();
        }
        Ok(())
    }

    fn want_parents_of_due_suspects<S: PairStore>(
        &mut self,
        store: &S,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let due: Vec<NodeKey> = self
            .suspects
            .iter()
            .filter(|(_, suspect)| suspect.next_look <= now)
            .map(|(key, _)| *key)
            .collect();
        for suspect in self.suspects.values_mut().filter(|suspect| suspect.next_look <= now) {
            suspect.next_look = now.plus_ms(SUSPECT_MS);
        }
        store.prefetch(&due)?;
        let mut parents = BTreeSet::new();
        for key in due {
            match store.row(key)?.and_then(|row| row.triple.local) {
                Some(state) => {
                    parents.insert(state.parent);
                }
                None => {
                    self.suspects.remove(&key);
                }
            }
        }
        for parent in parents {
            match path_of(store, parent, &Overlay::new())? {
                Some(path) => self.want(path, false),
                None => self.want(RelativePath::root(), true),
            }
        }
        Ok(())
    }

    /// Takes in listings. True when the round is over.
    pub(crate) fn listed<S: PairStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        listings: Vec<Listed>,
        out: &mut Vec<Effect>,
    ) -> Result<Option<BTreeSet<NodeKey>>, StoreError> {
        for listed in listings {
            let Some(round) = &mut self.round else { return Ok(None) };
            let Some(subtree) = round.listing.remove(&listed.key) else { continue };
            match listed.outcome {
                Ok(listing) => {
                    self.offline = false;
                    self.take_listing(store, listed.key, subtree, listing, out)?;
                }
                Err(LookFailure::Gone) if listed.key != NodeKey::ROOT => {
                    self.directory_gone(store, listed.key)?;
                }
                Err(LookFailure::Unreadable) if listed.key != NodeKey::ROOT => {
                    freeze(store, listed.key, Frozen::Unreadable)?;
                    round.touched.insert(listed.key);
                }
                Err(_) => {
                    // The root itself cannot be looked at: the replica is offline, and nothing that this round
                    // saw or missed is believed.
                    self.offline = true;
                    self.round = None;
                    self.complete = false;
                    self.later.insert(RelativePath::root(), now.plus_ms(2_000));
                    return Ok(Some(BTreeSet::new()));
                }
            }
        }
        self.progress(store, now, out)
    }

    /// Takes in hashes.
    pub(crate) fn hashed<S: PairStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        results: Vec<HashResult>,
        out: &mut Vec<Effect>,
    ) -> Result<Option<BTreeSet<NodeKey>>, StoreError> {
        for result in results {
            let Some(hashing) = self.round.as_mut().and_then(|round| round.hashing.remove(&result.token))
            else {
                continue;
            };
            self.take_hash(store, now, &hashing, result.outcome)?;
        }
        self.progress(store, now, out)
    }

    fn take_hash<S: PairStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        hashing: &Hashing,
        outcome: HashOutcome,
    ) -> Result<(), StoreError> {
        let Hashing { handle, target } = hashing;
        let (Target::New { path, .. } | Target::Edit { path, .. }) = target;
        // Another file stands there by now: the next look tells them apart.
        let outcome = match outcome {
            HashOutcome::Stable { fingerprint, .. } if fingerprint.handle != *handle => HashOutcome::Changed,
            outcome => outcome,
        };
        match outcome {
            HashOutcome::Stable { fingerprint, content } => {
                self.unsteady.remove(path);
                self.unreadable.remove(path);
                let content = Content::File { id: content, size: fingerprint.size };
                self.take_file(store, target, content, fingerprint)?;
            }
            HashOutcome::Changed | HashOutcome::Gone => {
                let times = self.unsteady.entry(path.clone()).or_insert(0);
                let pause = (UNSTEADY_FIRST_MS << (*times).min(10)).min(UNSTEADY_LAST_MS);
                *times += 1;
                if let Some((parent, _)) = path.split() {
                    self.later.insert(parent, now.plus_ms(pause));
                }
                if outcome == HashOutcome::Gone {
                    self.unsteady.remove(path);
                }
            }
            HashOutcome::Unreadable => match target {
                Target::Edit { key, .. } => {
                    freeze(store, *key, Frozen::Unreadable)?;
                    self.touch(*key);
                }
                Target::New { path, .. } => {
                    self.unreadable.insert(path.clone());
                }
            },
        }
        Ok(())
    }

    fn take_file<S: PairStore>(
        &mut self,
        store: &mut S,
        target: &Target,
        content: Content,
        disk: Fingerprint,
    ) -> Result<(), StoreError> {
        let Some(round) = &mut self.round else { return Ok(()) };
        let (key, parent, name) = match target {
            Target::New { parent, .. } if path_of(store, *parent, &Overlay::new())?.is_none() => {
                self.look_at_everything();
                return Ok(());
            }
            Target::New { parent, name, .. } => match standing(store, round, *parent, name)? {
                // The directory was listed twice in this round.
                Some(there) => {
                    if store.row(there)?.as_ref().and_then(handle_of) != Some(&disk.handle) {
                        self.look_at_everything();
                    }
                    return Ok(());
                }
                None => (store.new_key()?, *parent, name.clone()),
            },
            Target::Edit { key, .. } => match store.row(*key)?.and_then(|row| row.triple.local) {
                Some(state) => (*key, state.parent, state.name),
                None => return Ok(()),
            },
        };
        let state = local_state(parent, name, content, &disk);
        let mut row = store.row(key)?.unwrap_or_default();
        round.touched.insert(key);
        row.triple.local = Some(state);
        row.extra.disk = Some(disk);
        if row.extra.frozen == Some(Frozen::Unreadable) {
            row.extra.frozen = None;
            row.triple.frozen = false;
        }
        store.put(key, row)
    }

    /// Goes on with the round; when it is over, returns the nodes it touched.
    fn progress<S: PairStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Option<BTreeSet<NodeKey>>, StoreError> {
        self.send_lists(store, out)?;
        let Some(round) = &self.round else { return Ok(None) };
        if !round.listing.is_empty() || !round.hashing.is_empty() {
            return Ok(None);
        }
        self.resolve(store, out)?;
        self.send_lists(store, out)?;
        let Some(round) = &self.round else { return Ok(None) };
        if !round.listing.is_empty() || !round.hashing.is_empty() {
            return Ok(None);
        }
        let Some(mut round) = self.round.take() else { return Ok(None) };
        for key in std::mem::take(&mut round.ousted) {
            round.missing.remove(&key);
            if !round.doubtful {
                remove_subtree(store, key, &mut round.touched)?;
            }
        }
        self.judge_missing(store, now, &mut round)?;
        self.complete |= round.whole;
        Ok(Some(round.touched))
    }

    /// What is missing becomes suspect; what was suspect long enough and is still missing was deleted.
    fn judge_missing<S: PairStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        for key in std::mem::take(&mut round.missing) {
            match self.suspects.get(&key) {
                Some(suspect) if suspect.since.plus_ms(SUSPECT_MS) <= now => {
                    self.suspects.remove(&key);
                    remove_subtree(store, key, &mut round.touched)?;
                }
                Some(_) => {}
                None if self.fault == Some(Fault::DeletionAtFirstLook) => {
                    remove_subtree(store, key, &mut round.touched)?;
                }
                None => {
                    let next_look = now.plus_ms(SUSPECT_MS);
                    self.suspects.insert(key, Suspect { since: now, next_look });
                }
            }
        }
        for key in &round.touched {
            self.suspects.remove(key);
        }
        Ok(())
    }

    fn request_hash(&mut self, target: Target, expected: Fingerprint, out: &mut Vec<Effect>) {
        let token = self.next_token;
        self.next_token += 1;
        let (Target::New { path, .. } | Target::Edit { path, .. }) = &target;
        let hashing = |target| Hashing { handle: expected.handle.clone(), target };
        let path = path.clone();
        if let Some(round) = &mut self.round {
            round.hashing.insert(token, hashing(target));
        }
        let request = HashRequest { token, path, expected };
        match out.last_mut() {
            Some(Effect::Hash(requests)) if requests.len() < REQUESTS => requests.push(request),
            _ => out.push(Effect::Hash(vec![request])),
        }
    }
}

/// The node that stands at a place in L, but for those that have lost it.
fn standing<S: PairStore>(
    store: &S,
    round: &Round,
    parent: NodeKey,
    name: &Name,
) -> Result<Option<NodeKey>, StoreError> {
    let mut named = children_named(store, parent, name)?;
    named.retain(|key| !round.ousted.contains(key));
    Ok(named.first().copied())
}

/// Takes a node and everything below it out of L.
fn remove_subtree<S: PairStore>(
    store: &mut S,
    top: NodeKey,
    touched: &mut BTreeSet<NodeKey>,
) -> Result<(), StoreError> {
    let mut level = vec![top];
    while !level.is_empty() {
        store.prefetch(&level)?;
        let mut below = Vec::new();
        for key in level {
            below.extend(store.children(Tree::Local, key)?);
            let Some(mut row) = store.row(key)? else { continue };
            row.triple.local = None;
            row.triple.frozen = false;
            row.extra.disk = None;
            row.extra.frozen = None;
            store.put(key, row)?;
            touched.insert(key);
        }
        level = below;
    }
    Ok(())
}

/// Leaves a node alone, unless it is left alone for good.
fn freeze<S: PairStore>(store: &mut S, key: NodeKey, reason: Frozen) -> Result<(), StoreError> {
    if let Some(mut row) = store.row(key)?
        && row.extra.frozen != Some(Frozen::Excluded)
    {
        row.triple.frozen = true;
        row.extra.frozen = Some(reason);
        store.put(key, row)?;
    }
    Ok(())
}

/// Asks for a directory; false if it stands nowhere.
fn request_list<S: PairStore>(store: &S, key: NodeKey, out: &mut Vec<Effect>) -> Result<bool, StoreError> {
    let Some(path) = path_of(store, key, &Overlay::new())? else { return Ok(false) };
    let handle = store.row(key)?.and_then(|row| row.extra.disk).map(|disk| disk.handle);
    let request = ListRequest { key, path, handle };
    match out.last_mut() {
        Some(Effect::List(requests)) if requests.len() < LIST_REQUESTS => requests.push(request),
        _ => out.push(Effect::List(vec![request])),
    }
    Ok(true)
}

/// A row for something new on the disk.
fn new_row(parent: NodeKey, name: Name, content: Content, disk: Fingerprint) -> Row {
    let local = Some(local_state(parent, name, content, &disk));
    let mut row = Row { triple: Triple { local, ..Triple::default() }, ..Row::default() };
    row.extra.disk = Some(disk);
    row
}

fn handle_of(row: &Row) -> Option<&Handle> {
    row.extra.disk.as_ref().map(|disk| &disk.handle)
}
