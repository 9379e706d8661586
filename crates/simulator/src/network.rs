//! Between devices and server: requests and replies that take their time, come late or never; and the server itself,
//! which stops between two durable steps.

use crate::device::Pending;
use crate::plan::Trouble;
use crate::remote::{Bytes, Changes, Sent};
use crate::world::{Item, Run, World};
use model::{ContentId, NodeId, RemoteNode};
use std::sync::PoisonError;
use sync_engine::{CommitAnswer, CommitFailure, Event, PullFailure};

/// How long a shell waits for an answer.
const TIMEOUT_US: u64 = 10_000_000;

/// What a device asks.
#[derive(Debug)]
pub(crate) enum Request {
    Changes(Option<String>),
    Commit(Sent),
    Fetch(NodeId, ContentId),
}

/// What the server answers.
pub(crate) enum Answer {
    Changes(Result<Changes, PullFailure>),
    Commit(Result<CommitAnswer, CommitFailure>),
    Fetch(Option<Bytes>),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Changes(_) => "Changes",
            Self::Commit(_) => "Commit",
            Self::Fetch(_) => "Fetch",
        })
    }
}

impl World {
    /// Whether a device is in the server's own process.
    pub(crate) fn is_monitor(&self, device: usize) -> bool {
        self.profile.monitor && device == 0
    }

    /// How long a message travels: mostly short, sometimes longer than anybody waits. Within a process not at all.
    fn travel_us(&mut self, device: usize) -> u64 {
        if self.is_monitor(device) {
            return self.schedule.below(200) as u64;
        }
        let longest = self.profile.delay_ms * 1000;
        let usual = self.schedule.below(longest as usize + 1) as u64;
        if self.quiet || !self.schedule.one_in(30) { usual } else { usual * 20 }
    }

    fn is_lost(&mut self, device: usize) -> bool {
        !self.is_monitor(device) && !self.quiet && (self.schedule.below(1000) as u64) < self.profile.loss
    }

    pub(crate) fn request(&mut self, device: usize, request: Request, pending: Pending) {
        self.requests += 1;
        let id = self.requests;
        let travel = self.travel_us(device);
        let lost = self.is_lost(device);
        let state = &mut self.devices[device];
        state.pending.insert(id, pending);
        let (life, link) = (state.life, state.link);
        if !state.linked {
            let after = self.schedule.below(10_000) as u64;
            self.queue.after_us(after, Item::Fail { device, life, id });
            return;
        }
        self.queue.after_us(TIMEOUT_US, Item::Timeout { device, life, id });
        if lost {
            self.note(device, format_args!("(request {id} is lost)"));
        } else {
            self.queue.after_us(travel, Item::Arrive { device, link, id, life, request });
        }
    }

    /// A request reaches the server, perhaps long after its sender stopped waiting for the answer.
    pub(crate) fn arrive(&mut self, device: usize, link: u64, id: u64, life: u64, request: Request) -> Run {
        let broken = self.devices[device].link != link;
        if broken && self.schedule.one_in(2) {
            return Ok(());
        }
        if !self.server_runs {
            self.queue.after_us(1_000, Item::Fail { device, life, id });
            return Ok(());
        }
        let now = self.server_now();
        let answer = match request {
            Request::Changes(cursor) => {
                let view = self.devices[device].view.clone();
                Answer::Changes(self.server.changes(device, &view, cursor.as_deref(), now))
            }
            Request::Fetch(node, content) => Answer::Fetch(self.server.fetch(device, node, content, now)),
            Request::Commit(sent) => match self.take_commit(device, &sent)? {
                Some(answer) => Answer::Commit(answer),
                None => return Ok(()),
            },
        };
        if self.is_lost(device) {
            self.note(device, format_args!("(reply {id} is lost)"));
            return Ok(());
        }
        let travel = self.travel_us(device);
        self.queue.after_us(travel, Item::Reply { device, life, link, id, answer });
        Ok(())
    }

    /// The server takes a commit, unless it stops just then.
    fn take_commit(
        &mut self,
        device: usize,
        sent: &Sent,
    ) -> Run<Option<Result<CommitAnswer, CommitFailure>>> {
        if let Some((true, for_ms)) = self.server_doom {
            self.server_doom = None;
            self.server_stops(for_ms)?;
            return Ok(None);
        }
        let before = self.server.head();
        let now = self.server_now();
        let answer = self.server.commit(device, sent, now);
        let after = self.server.head();
        if let Ok(answer) = &answer {
            let applied = answer.outcomes.iter().filter_map(|outcome| match outcome {
                model::GroupOutcome::Applied(applied) => Some(applied.len() as u64),
                model::GroupOutcome::Refused { .. } => None,
            });
            self.devices[device].counts.changes += if after > before { applied.sum::<u64>() } else { 0 };
            self.note(device, format_args!("server: {:?} {:?}", sent.key, answer.outcomes));
        }
        self.check_server()?;
        let is_refused = answer.as_ref().map_or(true, |answer| {
            !answer.outcomes.iter().any(|outcome| matches!(outcome, model::GroupOutcome::Applied(_)))
        });
        if is_refused && after > before {
            return Err("a refused commit changed something".to_owned());
        }
        self.record_commit(device, sent)?;
        if after > before {
            self.wake_all(after);
        }
        if let Some((false, for_ms)) = self.server_doom {
            self.server_doom = None;
            self.server_stops(for_ms)?;
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// Somebody brings the folder back to how it was at some number of its journal.
    pub(crate) fn rewind(&mut self, trouble: &Trouble) -> Run {
        if !self.server_runs {
            return Ok(());
        }
        let device = self.devices.len() - 1;
        let now = self.server_now();
        let before = self.server.nodes();
        let head = self.server.rewind(device, trouble.seed, now)?;
        self.note(0, format_args!("server: rewound, now at {head:?}"));
        self.changed_on_server(device, &before)
    }

    /// A person changed the folder on the server, past every device.
    pub(crate) fn changed_on_server(&mut self, device: usize, before: &[RemoteNode]) -> Run {
        let after = self.server.nodes();
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner).rewound(before, &after);
        self.check_server()?;
        self.record(device)?;
        self.wake_all(self.server.head());
        Ok(())
    }

    /// A device's account may only read from now on, or write again; the device is told.
    pub(crate) fn grant(&mut self, device: usize, read_only: bool) -> Run {
        self.server.grant(device, read_only, self.queue.now())?;
        let (travel, link) = (self.travel_us(device), self.devices[device].link);
        self.queue.after_us(travel, Item::Rights { device, link });
        Ok(())
    }

    fn wake_all(&mut self, head: model::Seq) {
        for device in 0..self.devices.len() {
            let travel = self.travel_us(device);
            let link = self.devices[device].link;
            self.queue.after_us(travel, Item::Wake { device, link, head });
        }
    }

    pub(crate) fn reply(&mut self, device: usize, link: u64, id: u64, answer: Answer) -> Run {
        let state = &mut self.devices[device];
        if state.link != link {
            return Ok(());
        }
        let Some(pending) = state.pending.get(&id).copied() else { return Ok(()) };
        match (pending, answer) {
            (Pending::Pull, Answer::Changes(Ok(changes))) => {
                self.stream(device, id, changes);
                Ok(())
            }
            (Pending::Pull, Answer::Changes(Err(failure))) => {
                self.devices[device].pending.remove(&id);
                self.feed(device, Event::PullFailed(failure))
            }
            (Pending::Commit(key), Answer::Commit(answer)) => {
                self.devices[device].pending.remove(&id);
                self.feed(
                    device,
                    match answer {
                        Ok(answer) => Event::Committed { key, answer },
                        Err(failure) => Event::CommitFailed { key, failure },
                    },
                )
            }
            (Pending::Fetch { index }, Answer::Fetch(bytes)) => {
                self.devices[device].pending.remove(&id);
                self.fetched(device, index, bytes);
                Ok(())
            }
            (pending, answer) => Err(format!("{pending:?} was answered by {answer:?}")),
        }
    }

    /// A pull's answer comes in parts, and may break off.
    fn stream(&mut self, device: usize, id: u64, changes: Changes) {
        let Changes { mut nodes, cursor, epoch, may_write } = changes;
        let life = self.devices[device].life;
        let mut after = 0;
        while !nodes.is_empty() {
            let count = 1 + self.schedule.below(nodes.len());
            let rest = nodes.split_off(count);
            let part = std::mem::replace(&mut nodes, rest);
            self.queue.after_us(after, Item::Part { device, life, id, nodes: part });
            after += self.schedule.below(20_000) as u64;
            if self.is_lost(device) {
                self.queue.after_us(after, Item::Fail { device, life, id });
                return;
            }
        }
        self.queue.after_us(after, Item::LastPart { device, life, id, cursor, epoch, may_write });
    }

    /// No answer will come.
    pub(crate) fn fail(&mut self, device: usize, id: u64) -> Run {
        let Some(pending) = self.devices[device].pending.remove(&id) else { return Ok(()) };
        match pending {
            Pending::Pull => self.feed(device, Event::PullFailed(PullFailure::Unreachable)),
            Pending::Commit(key) => {
                self.feed(device, Event::CommitFailed { key, failure: CommitFailure::Unreachable })
            }
            Pending::Fetch { index } => {
                self.fetched(device, index, None);
                Ok(())
            }
        }
    }

    pub(crate) fn connect(&mut self, device: usize) -> Run {
        let state = &mut self.devices[device];
        if !self.server_runs || state.cut_off > 0 || state.engine.is_none() || state.linked {
            return Ok(());
        }
        state.linked = true;
        state.link += 1;
        self.feed(device, Event::Online)
    }

    pub(crate) fn disconnect(&mut self, device: usize) -> Run {
        let state = &mut self.devices[device];
        if !state.linked {
            return Ok(());
        }
        state.linked = false;
        state.link += 1;
        let pending: Vec<u64> = state.pending.keys().copied().collect();
        let life = state.life;
        self.feed(device, Event::Offline)?;
        for id in pending {
            let after = self.schedule.below(5_000) as u64;
            self.queue.after_us(after, Item::Fail { device, life, id });
        }
        Ok(())
    }

    pub(crate) fn server_stops(&mut self, for_ms: u64) -> Run {
        if !self.server_runs {
            return Ok(());
        }
        self.note(0, format_args!("!! the server stops"));
        self.server_runs = false;
        for device in 0..self.devices.len() {
            if self.is_monitor(device) && self.devices[device].engine.is_some() {
                self.die(device, for_ms.saturating_add(1), "with the server")?;
            } else {
                self.disconnect(device)?;
            }
        }
        self.queue.after_us(for_ms.saturating_mul(1000), Item::ServerStarts);
        Ok(())
    }

    pub(crate) fn server_starts(&mut self) {
        self.server_runs = true;
        for device in 0..self.devices.len() {
            let after = self.schedule.below(300_000) as u64;
            self.queue.after_us(after, Item::Connect { device });
        }
    }
}
