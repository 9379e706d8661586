//! A folder's past in the simulated world: rules and retention, pins, the trash, space and quotas, while devices work.
//!
//! The server's clock goes ahead of everybody else's by days at a time. After each step what the server says is held
//! against the [`Ledger`].

use crate::ledger::Ledger;
use crate::plan::{Trouble, TroubleKind};
use crate::remote::{Quotas, Sent, Server, created};
use crate::world::{Item, Run, World};
use model::{Content, Group, GroupOutcome, NodeId, NodeRef, Operation, RemoteNode, Revision, Timestamp};
use std::sync::Arc;
use sync_engine::CommitAnswer;
use testkit::seed::Random;
use versioning::restore::Item as Restored;
use versioning::retention::plan::{DAY_NS, HOUR_NS, Rules};

/// What a folder of somebody else holds: some of it is also written here.
const ELSEWHERE: [&[u8]; 3] = [b"common one", b"common two", b"only elsewhere"];

/// Over the thousand that make a mass change.
const MANY: usize = 1_050;

/// The state of a world that is about a folder's past.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) ledger: Ledger,
    quotas: Quotas,
    /// How far the server's clock is ahead, in nanoseconds.
    ahead: i64,
    /// Files that a mass change made and another may remove.
    many: Vec<(NodeId, Revision)>,
}

impl Keeping {
    pub(crate) fn begin(server: &mut Server, now: Timestamp) -> Run<Self> {
        server.begin_keeping(&ELSEWHERE, now).map_err(|error| error.to_string())?;
        let rules = Rules { versions: 32, days: None, safe_days: 14 };
        let ledger = Ledger::new(rules, &ELSEWHERE);
        Ok(Self { ledger, quotas: Quotas::default(), ahead: 0, many: Vec::new() })
    }
}

impl World {
    /// What the server's clock says.
    pub(crate) fn server_now(&self) -> Timestamp {
        let ahead = self.keeping.as_ref().map_or(0, |keeping| keeping.ahead);
        Timestamp(self.queue.now().0.saturating_add(ahead))
    }

    /// What is kept of the past, in a world that is about it.
    fn keeping(&mut self) -> Run<&mut Keeping> {
        self.keeping.as_mut().ok_or_else(|| "this world keeps no record".to_owned())
    }

    /// Notes what a commit brought and did.
    pub(crate) fn record_commit(&mut self, device: usize, sent: &Sent) -> Run {
        if let Some(keeping) = &mut self.keeping {
            sent.contents.iter().for_each(|(_, bytes)| keeping.ledger.received(bytes));
        }
        self.record(device)
    }

    /// Notes what somebody did, and holds it against the rules that need no retention.
    pub(crate) fn record(&mut self, device: usize) -> Run {
        let now = self.server_now();
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        let before = keeping.ledger.current_bytes();
        keeping.ledger.record(&self.server, self.server.principal(device), now)?;
        keeping.ledger.check_quotas(keeping.quotas, before)?;
        keeping.ledger.check_space(&self.server, now)
    }

    /// Somebody deals with the folder's past.
    pub(crate) fn keep(&mut self, trouble: &Trouble) -> Run {
        if !self.server_runs {
            return Ok(());
        }
        let mut random = Random::new(trouble.seed);
        match trouble.kind {
            TroubleKind::Days => self.days_go_by(&mut random),
            TroubleKind::Rules => self.change_rules(&mut random),
            TroubleKind::Pin => self.pin(trouble.device, &mut random),
            TroubleKind::RestoreNode => self.restore_node(trouble.device, &mut random),
            TroubleKind::RestoreVersion => self.restore_version(trouble.device, &mut random),
            TroubleKind::Mass => self.change_many(trouble.device, &mut random),
            TroubleKind::Quota => self.set_quotas(&mut random),
            _ => Ok(()),
        }
    }

    /// Hours or days go by; what is due goes, and an hour later what was not yet to be looked at.
    pub(crate) fn days_go_by(&mut self, random: &mut Random) -> Run {
        let days = *random.pick(&[0, 1, 2, 7, 15, 40, 100, 200]).expect("not empty");
        let hours = random.below(24) as i64;
        self.keeping()?.ahead += days * DAY_NS + hours * HOUR_NS;
        for is_second in [false, true] {
            let now = self.server_now();
            let done = self.server.retention_round(now).map_err(|error| error.to_string())?;
            self.note(0, format_args!("server: {days} days and {hours} hours later, {done:?} went"));
            let collected = self.server.collect(now).map_err(|error| error.to_string())?;
            self.note(0, format_args!("server: {collected:?}"));
            let Some(keeping) = &mut self.keeping else { return Ok(()) };
            keeping.ledger.check_round(&self.server, now, is_second)?;
            keeping.ledger.check_some_past(&self.server, random.bits(), now)?;
            keeping.ledger.check_space(&self.server, now)?;
            keeping.ahead += HOUR_NS;
        }
        if random.one_in(4) {
            let now = self.server_now();
            self.server.acknowledge(now).map_err(|error| error.to_string())?;
            self.keeping()?.ledger.acknowledged();
        }
        Ok(())
    }

    fn change_rules(&mut self, random: &mut Random) -> Run {
        let days = [None, Some(0), Some(1), Some(5), Some(30), Some(100)];
        let rules = Rules {
            versions: *random.pick(&[1, 2, 3, 8, 32]).expect("not empty"),
            days: *random.pick(&days).expect("not empty"),
            safe_days: *random.pick(&[0, 1, 7, 14]).expect("not empty"),
        };
        let now = self.server_now();
        self.server.set_rules(rules, now).map_err(|error| error.to_string())?;
        self.note(0, format_args!("server: {rules:?} from now on"));
        self.keeping()?.ledger.set_rules(rules);
        Ok(())
    }

    fn pin(&mut self, device: usize, random: &mut Random) -> Run {
        let versions = self.keeping()?.ledger.versions(true);
        let Some(version) = random.pick(&versions).copied() else { return Ok(()) };
        let (pinned, label) = *random
            .pick(&[(true, ""), (true, "as sent"), (false, "as sent"), (false, "")])
            .expect("not empty");
        let now = self.server_now();
        self.server.pin(device, version, pinned, label, now).map_err(|error| error.to_string())?;
        self.note(0, format_args!("server: {version:?} pinned {pinned} label {label:?}"));
        self.keeping()?.ledger.said(version, pinned, label);
        Ok(())
    }

    fn restore_node(&mut self, device: usize, random: &mut Random) -> Run {
        let trash = self.keeping()?.ledger.trash();
        let Some(node) = random.pick(&trash).copied() else { return Ok(()) };
        self.restore(device, Restored::Node(node))
    }

    fn restore_version(&mut self, device: usize, random: &mut Random) -> Run {
        let removed_too = random.one_in(3);
        let versions = self.keeping()?.ledger.versions(removed_too);
        let Some((node, version)) = random.pick(&versions).copied() else { return Ok(()) };
        self.restore(device, Restored::Version { node, version, base: None })
    }

    fn restore(&mut self, device: usize, item: Restored) -> Run {
        let now = self.server_now();
        let Some(keeping) = &self.keeping else { return Ok(()) };
        keeping.ledger.check_trash(&self.server, now)?;
        let before = keeping.ledger.before_restore(&item);
        let (nodes, head) = (self.server.nodes(), self.server.head());
        let committed = self.server.restore(device, item, now).map_err(|error| error.to_string())?;
        self.note(0, format_args!("server: {item:?} comes back: {:?}", committed.outcomes));
        let is_applied = matches!(committed.outcomes.first(), Some(GroupOutcome::Applied(_)));
        if !is_applied && self.server.head() != head {
            return Err("restore: it was refused, and changed something".to_owned());
        }
        if let Some(GroupOutcome::Refused { reason, .. }) = committed.outcomes.first()
            && *reason != model::Refusal::Quota
        {
            return Err(format!("restore: {item:?} was refused: {reason:?}"));
        }
        self.changed_on_server(device, &nodes)?;
        let rule = self.server.rule();
        let Some(keeping) = &mut self.keeping else { return Ok(()) };
        keeping.ledger.check_trash(&self.server, now)?;
        if is_applied { keeping.ledger.check_restored(&before, &item, rule) } else { Ok(()) }
    }

    /// A program writes over a thousand files, then changes or removes them all: at once or the next time.
    fn change_many(&mut self, device: usize, random: &mut Random) -> Run {
        if self.keeping()?.many.is_empty() {
            self.make_many(device)?;
            if random.one_in(2) {
                return Ok(());
            }
        }
        let many = std::mem::take(&mut self.keeping()?.many);
        let remove = |(node, base)| Group { operations: vec![Operation::Remove { node, base }] };
        let groups = many.into_iter().map(remove).collect();
        let removed = self.send_many(device, groups, Vec::new())?;
        if removed.len() > 1_000 && removed.len() * 5 > self.server.nodes().len() + removed.len() {
            let now = self.server_now();
            self.keeping()?.ledger.mass_changed(now);
        }
        Ok(())
    }

    fn make_many(&mut self, device: usize) -> Run {
        let now = self.server_now();
        let bytes = Arc::new(b"one of many".to_vec());
        let id = chunker::hash_bytes(&bytes).0;
        let content = Content::File { id, size: bytes.len() as u64 };
        let made = self.send_many(
            device,
            vec![created(9_999, NodeRef::Id(NodeId::ROOT), Content::Directory, now)],
            Vec::new(),
        )?;
        let Some((directory, _)) = made.first().copied() else { return Ok(()) };
        let groups = (0..MANY).map(|index| created(index, NodeRef::Id(directory), content.clone(), now));
        let made = self.send_many(device, groups.collect(), vec![(id, bytes)])?;
        self.keeping()?.many = made;
        Ok(())
    }

    /// A commit past all devices; says what was applied.
    fn send_many(
        &mut self,
        device: usize,
        groups: Vec<Group>,
        contents: Vec<(model::ContentId, crate::remote::Bytes)>,
    ) -> Run<Vec<(NodeId, Revision)>> {
        let now = self.server_now();
        let before: Vec<RemoteNode> = self.server.nodes();
        if let Some(keeping) = &mut self.keeping {
            contents.iter().for_each(|(_, bytes)| keeping.ledger.received(bytes));
        }
        let sent = Sent { key: self.server.next_key(), groups, contents };
        let answer = self.server.commit(device, &sent, now);
        let CommitAnswer { outcomes, .. } = answer.map_err(|failure| format!("many: {failure:?}"))?;
        self.note(0, format_args!("server: a program sent {} changes", outcomes.len()));
        self.changed_on_server(device, &before)?;
        let applied = outcomes.into_iter().filter_map(|outcome| match outcome {
            GroupOutcome::Applied(applied) => applied.first().map(|one| (one.node, one.revision)),
            GroupOutcome::Refused { .. } => None,
        });
        Ok(applied.collect())
    }

    fn set_quotas(&mut self, random: &mut Random) -> Run {
        let used = self.keeping()?.ledger.current_bytes();
        let some = |random: &mut Random| match random.below(4) {
            0 => None,
            1 => Some(used),
            2 => Some(used + random.below(200) as u64),
            _ => Some(random.below(2_000) as u64),
        };
        let quotas = Quotas { folder: some(random), owner: some(random) };
        self.put_quotas(quotas)
    }

    fn put_quotas(&mut self, quotas: Quotas) -> Run {
        let now = self.server_now();
        self.server.set_quotas(quotas, now).map_err(|error| error.to_string())?;
        self.note(0, format_args!("server: {quotas:?} from now on"));
        self.keeping()?.quotas = quotas;
        Ok(())
    }

    /// With a quota in force everybody comes to rest, in step or with an issue that says so; then it is raised.
    pub(crate) fn rest_within_quotas(&mut self) -> Run {
        if self.keeping.as_ref().is_none_or(|keeping| keeping.quotas == Quotas::default()) {
            return Ok(());
        }
        let all: Vec<usize> = (0..self.devices.len()).collect();
        self.settle_until(&all, Self::is_still)?;
        self.put_quotas(Quotas::default())
    }

    /// Whether nobody does anything but wait, each in step or held up by what it names.
    fn is_still(&self, devices: &[usize]) -> Run<bool> {
        if self.queue.any(|item| !matches!(item, Item::Tick { .. } | Item::Timeout { .. })) {
            return Ok(false);
        }
        for device in devices.iter().map(|device| &self.devices[*device]) {
            let Some(engine) = &device.engine else { return Ok(false) };
            let status = device.memory.status(engine).map_err(|error| error.to_string())?;
            let is_full = status.issues.iter().any(|(_, words)| words == "the quota is used up");
            let rests = status.in_step || (status.blocked && is_full);
            if !rests {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// At rest, a long time goes by, and what went then went for nobody's files.
    pub(crate) fn keep_at_rest(&mut self) -> Run {
        if self.keeping.is_none() {
            return Ok(());
        }
        let now = self.server_now();
        self.days_go_by(&mut Random::new(now.0.cast_unsigned()))
    }
}
