//! What may be gone after a round of retention, said in other words than the ones it is decided by.

use super::{Ledger, Node, Version};
use crate::remote::Server;
use model::{NodeId, Seq, Timestamp, VersionNumber};
use std::collections::{BTreeMap, BTreeSet};
use versioning::retention::TOMBSTONE_DAYS;
use versioning::retention::plan::{DAY_NS, HOUR_NS};

/// For how long what is next to a mass change is held.
const HOLD_DAYS: i64 = 90;

impl Ledger {
    /// What went in a round had to go or could go, and nothing else changed. `is_second`: nothing was due for an hour
    /// before, so that what had to go is gone, too.
    pub(crate) fn check_round(
        &mut self,
        server: &Server,
        now: Timestamp,
        is_second: bool,
    ) -> Result<(), String> {
        if server.head() != self.head || self.trees.get(&self.head) != Some(&server.nodes()) {
            return Err("retention changed what is there now".to_owned());
        }
        let rows = server.rows_since(Seq(0)).map_err(|error| error.to_string())?;
        let purged: BTreeMap<NodeId, bool> = rows.into_iter().map(|row| (row.id, row.purged)).collect();
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for id in ids {
            self.check_node(server, id, purged.get(&id).copied(), now)?;
            if let Some(node) = self.nodes.get(&id).filter(|_| is_second) {
                self.check_nothing_left(node, now)?;
            }
        }
        self.check_trash(server, now)?;
        self.check_bytes(server, now)?;
        if is_second {
            let left = server.foreseen(now).map_err(|error| error.to_string())?;
            if (left.versions, left.purged) != (0, 0) {
                return Err(format!("retention left what was due: {left:?}"));
            }
        }
        Ok(())
    }

    fn check_node(
        &mut self,
        server: &Server,
        id: NodeId,
        purged: Option<bool>,
        now: Timestamp,
    ) -> Result<(), String> {
        let shown = server.versions(id, now).map_err(|error| error.to_string())?;
        let shown: BTreeSet<VersionNumber> =
            shown.into_iter().flatten().map(|version| version.number).collect();
        let node = &self.nodes[&id];
        let name = &node.row.name;
        let is_purged = purged.unwrap_or(true) && node.removed.is_some();
        let went = is_purged && !node.purged;
        if went {
            self.may_be_purged(node, now).map_err(|why| format!("purged too early: {name}: {why}"))?;
        }
        if purged.is_none() {
            let over = node.removed.map_or(i64::MAX, |(_, at)| at.0 + TOMBSTONE_DAYS * DAY_NS);
            if over > now.0 {
                return Err(format!("purged too early: of {name} even the tombstone"));
            }
        }
        let gone: Vec<VersionNumber> =
            node.kept().map(|(number, _)| number).filter(|number| !shown.contains(number)).collect();
        if !is_purged {
            for number in &gone {
                if let Some(why) = self.protection(node, *number, now) {
                    return Err(format!("removed: {number:?} of {name}, which was {why}"));
                }
            }
        }
        self.gone[0] += gone.len() as u64;
        self.gone[1] += u64::from(went);
        let known = self.nodes.get_mut(&id).expect("it was there a moment ago");
        for number in gone {
            known.versions.get_mut(&number).expect("it was listed").gone = true;
        }
        known.purged = is_purged;
        self.check_versions(server, id, now)?;
        if purged.is_none() && is_purged {
            self.gone[2] += 1;
            self.nodes.remove(&id);
        }
        Ok(())
    }

    /// When a version was no longer current; never, if it is what the node holds.
    fn ended(node: &Node, number: VersionNumber) -> i64 {
        let next = node.versions.range(number..).nth(1).map(|(_, next)| next.at.0);
        next.or(node.removed.map(|(_, at)| at.0)).unwrap_or(i64::MAX)
    }

    /// Whether a mass change still holds what was there between two moments.
    fn is_held(&self, from: i64, to: i64, now: Timestamp) -> bool {
        let days =
            HOLD_DAYS.max(i64::from(self.rules.safe_days)).max(i64::from(self.rules.days.unwrap_or(0)));
        self.mass.iter().any(|mass| {
            now.0 < mass.at.0 + days * DAY_NS && from <= mass.at.0 + HOUR_NS && to >= mass.at.0 - HOUR_NS
        })
    }

    fn may_be_purged(&self, node: &Node, now: Timestamp) -> Result<(), String> {
        let Some((_, at)) = node.removed else { return Err("it lives".to_owned()) };
        let Some(days) = self.rules.days else { return Err("no days are set".to_owned()) };
        let days = i64::from(days.max(self.rules.safe_days));
        if now.0 < at.0 + (days * DAY_NS).max(HOUR_NS) {
            return Err("its time in the trash is not over".to_owned());
        }
        if node.kept().any(|(_, version)| version.is_pinned()) {
            return Err("something of it is pinned".to_owned());
        }
        let was_held = |(number, version): (VersionNumber, &Version)| {
            self.is_held(version.at.0, Self::ended(node, number), now)
        };
        if self.is_held(at.0, at.0, now) || node.kept().any(was_held) {
            return Err("it was there next to a mass change".to_owned());
        }
        Ok(())
    }

    /// Why a version may not go, if it may not.
    fn protection(&self, node: &Node, number: VersionNumber, now: Timestamp) -> Option<&'static str> {
        let version = &node.versions[&number];
        let end = Self::ended(node, number);
        let safe_ns = i64::from(self.rules.safe_days) * DAY_NS;
        if node.versions.last_key_value().is_some_and(|(last, _)| *last == number) {
            return Some("what the node holds");
        }
        if version.is_pinned() {
            return Some("pinned or labelled");
        }
        if now.0 < version.at.0 + HOUR_NS {
            return Some("younger than an hour");
        }
        if self.is_held(version.at.0, end, now) {
            return Some("next to a mass change");
        }
        let hour = |version: &Version| (version.at.0.div_euclid(HOUR_NS), version.by);
        let mut later = node.kept().filter(|(other, _)| *other > number).map(|(_, other)| hour(other));
        let is_hours_last = !later.any(|other| other == hour(version));
        if end.saturating_add(safe_ns) > now.0 && (is_hours_last || version.at.0 < now.0 - safe_ns) {
            return Some("in the safe window");
        }
        None
    }

    /// Whether something is still there that the rules do not keep. (Undoing a mass change is one, too, which holds
    /// more than is noted here.)
    fn check_nothing_left(&self, node: &Node, now: Timestamp) -> Result<(), String> {
        if self.had_mass || node.purged {
            return Ok(());
        }
        let name = &node.row.name;
        if node.removed.is_some() && self.may_be_purged(node, now).is_ok() {
            return Err(format!("kept too long: {name} in the trash"));
        }
        let free: Vec<VersionNumber> = node
            .kept()
            .map(|(number, _)| number)
            .filter(|number| self.protection(node, *number, now).is_none())
            .collect();
        if let Some(days) = self.rules.days {
            let over = now.0 - i64::from(days) * DAY_NS;
            if let Some(old) = free.iter().find(|number| Self::ended(node, **number) <= over) {
                return Err(format!("kept too long: {old:?} of {name}"));
            }
        }
        let counted = node.kept().filter(|(_, version)| !version.is_pinned()).count();
        let most = self.rules.versions.max(1) as usize;
        let oldest = node.kept().next().map(|(number, _)| number).filter(|_| most > 1);
        if counted > most && free.iter().any(|number| Some(*number) != oldest) {
            return Err(format!("kept too many: {counted} of {name}, and {free:?} could go"));
        }
        Ok(())
    }

    /// Whether the trash lists what was removed and not purged, each where it stood, by whom and when.
    pub(crate) fn check_trash(&self, server: &Server, now: Timestamp) -> Result<(), String> {
        let listed = server.trash(now).map_err(|error| error.to_string())?;
        let ids: BTreeSet<NodeId> = listed.iter().map(|removed| removed.node.id).collect();
        let expected: BTreeSet<NodeId> = self.trash().into_iter().collect();
        if ids.len() != listed.len() || ids != expected {
            return Err(format!("trash: {ids:?} are listed, {expected:?} were removed"));
        }
        for removed in listed {
            let node = &self.nodes[&removed.node.id];
            let by = node.removed.map(|(by, at)| (by.user, by.device, at));
            let is_same = by == Some((removed.user, removed.device, removed.at))
                && removed.path.last() == Some(&node.row.name)
                && removed.node.content == node.row.content;
            if !is_same {
                return Err(format!("trash: {removed:?} is listed for {node:?}"));
            }
        }
        Ok(())
    }
}
