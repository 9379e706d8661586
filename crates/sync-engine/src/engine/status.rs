//! What a person is shown of a pair.

use super::Engine;
use crate::activity::best_path;
use crate::holds::{HERE, THERE};
use crate::one_way;
use crate::store::{Frozen, PairStore, StoreError};
use model::RelativePath;
use planner::Direction;

/// How the pair is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Nothing is known that is not the same on both sides.
    pub in_step: bool,
    /// A person paused it.
    pub paused: bool,
    /// The remote side can be reached.
    pub online: bool,
    /// The local side is not there (unmounted, another disk).
    pub local_offline: bool,
    /// The account may no longer see the folder: the remote side said so when it was last asked.
    pub no_access: bool,
    /// The directory of the folder that the pair syncs is gone from it.
    pub root_gone: bool,
    /// The remote side is being asked for changes.
    pub pulling: bool,
    /// Which way changes travel now.
    pub direction: Direction,
    /// The account may only read the folder.
    pub read_only: bool,
    /// It is looking at the disk, pulling or planning.
    pub looking: bool,
    /// Everything that is not in step waits for what is named in `issues`.
    pub blocked: bool,
    /// Changes under way or waiting.
    pub pending: usize,
    /// Deletions that wait for a person: here, there.
    pub held: Option<(usize, usize)>,
    /// Nodes left alone, each with the reason in words.
    pub issues: Vec<(RelativePath, String)>,
    /// What is never synced by its kind (sockets, other file systems), each with the reason. Nothing is missing there.
    pub never_synced: Vec<(RelativePath, String)>,
    /// How many entries are not synced since the view or a `.driftlessignore` says so.
    pub excluded: usize,
}

impl Engine {
    /// How the pair is doing.
    pub fn status<S: PairStore>(&self, store: &S) -> Result<Status, StoreError> {
        let behind = store.state()?.cursor.is_none_or(|cursor| cursor.seq < self.head);
        let remote_settled = !self.pull_wanted && !self.listing_wanted && self.pulling.is_none() && !behind;
        let at_rest = self.work.is_none() && self.commit.is_none() && store.intents()?.is_empty();
        let looked = self.local.is_settled() && remote_settled && self.planned_clean;
        let mut issues = Vec::new();
        for key in store.frozen_keys()? {
            let reason =
                store.row(key)?.and_then(|row| row.extra.frozen).map_or("left alone", Frozen::as_str);
            issues.push((best_path(store, key)?, reason.to_owned()));
        }
        for (key, reason) in &self.refusals {
            issues.push((best_path(store, *key)?, (*reason).to_owned()));
        }
        for path in self.local.unreadable() {
            issues.push((path.clone(), Frozen::Unreadable.as_str().to_owned()));
        }
        let held = self.held.as_ref().map(|held| (held.0[HERE].len(), held.0[THERE].len()));
        let direction = self.direction();
        if direction.is_none() {
            issues.push((RelativePath::root(), one_way::NO_WAY.to_owned()));
        }
        let nowhere = direction.is_none() && self.online && at_rest && looked;
        let blocked = nowhere
            || self.online && at_rest && looked && self.waiting > 0 && self.waiting <= self.refusals.len();
        Ok(Status {
            blocked,
            never_synced: self
                .local
                .never_synced()
                .map(|(path, reason)| (path.clone(), reason.to_owned()))
                .chain(self.unsent.iter().cloned())
                .collect(),
            direction: direction.unwrap_or(self.settings.direction),
            read_only: !self.may_write,
            in_step: self.started
                && !self.paused
                && self.online
                && at_rest
                && looked
                && self.waiting == 0
                && direction.is_some()
                && self.held.is_none()
                && !self.root_gone,
            paused: self.paused,
            online: self.online,
            local_offline: self.local.is_offline(),
            no_access: self.no_access,
            root_gone: self.root_gone,
            excluded: self.local.filter.skipped(),
            pulling: self.pulling.is_some(),
            looking: self.local.round_active() || self.pulling.is_some() || !self.planned_clean,
            pending: self.waiting,
            held,
            issues,
        })
    }
}
