//! The world: what happens next, one item after another.

use crate::apply::ShellFault;
use crate::choice::some_view;
use crate::deed::{Act, Deed};
use crate::device::{Counts, Device, Doom, Somebody};
use crate::keeping::Keeping;
use crate::memory::Memory;
use crate::network::{Answer, Request};
use crate::oracle::Oracle;
use crate::plan::{Plan, Trouble, TroubleKind};
use crate::profile::Profile;
use crate::queue::Queue;
use crate::remote::{Server, ServerFault};
use crate::trace::Trace;
use filesystem::fake::FakeDisk;
use model::{ContentId, NodeId, RelativePath, RemoteNode, Seq, Timestamp, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use sync_engine::{Event, HashRequest, ListRequest};
use testkit::seed::Random;

/// What is broken on purpose in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planted {
    /// In the server.
    pub server: Option<ServerFault>,
    /// In the shells.
    pub shell: Option<ShellFault>,
    /// In the engines.
    pub engine: Option<sync_engine::Fault>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What was wrong, if something was.
    pub failure: Option<String>,
    /// Of all that happened; equal seeds give equal hashes.
    pub trace_hash: u64,
    /// The last of what happened.
    pub trace: Vec<String>,
    /// How often each rule of the planner decided something.
    pub rules: planner::Trace,
    /// How much was done.
    pub counts: Counts,
    /// How many events the world had.
    pub events: u64,
}

impl Report {
    /// Of a run that could not even be told about.
    #[must_use]
    pub fn failed(failure: String) -> Self {
        Self {
            failure: Some(failure),
            trace_hash: 0,
            trace: Vec::new(),
            rules: planner::Trace::default(),
            counts: Counts::default(),
            events: 0,
        }
    }
}

/// More than any run needs.
const EVENTS_MAX: u64 = 400_000;

pub(crate) type Run<T = ()> = Result<T, String>;

/// When every run begins.
#[must_use]
pub(crate) fn beginning() -> Timestamp {
    testkit::tree::second(0)
}

/// What is to come.
#[derive(Debug)]
pub(crate) enum Item {
    Deed(usize),
    Acts {
        device: usize,
        acts: Vec<Act>,
    },
    Trouble(usize),
    TroubleEnds(usize),
    Start {
        device: usize,
    },
    Connect {
        device: usize,
    },
    Event {
        device: usize,
        life: u64,
        event: Event,
    },
    Tick {
        device: usize,
        life: u64,
    },
    Watch {
        device: usize,
        life: u64,
    },
    Job {
        device: usize,
        life: u64,
        job: Job,
    },
    Arrive {
        device: usize,
        link: u64,
        id: u64,
        life: u64,
        request: Request,
    },
    Reply {
        device: usize,
        life: u64,
        link: u64,
        id: u64,
        answer: Answer,
    },
    Fail {
        device: usize,
        life: u64,
        id: u64,
    },
    Timeout {
        device: usize,
        life: u64,
        id: u64,
    },
    Part {
        device: usize,
        life: u64,
        id: u64,
        nodes: Vec<RemoteNode>,
    },
    LastPart {
        device: usize,
        life: u64,
        id: u64,
        cursor: sync_engine::Cursor,
        epoch: model::Epoch,
        may_write: bool,
    },
    Rights {
        device: usize,
        link: u64,
    },
    Wake {
        device: usize,
        link: u64,
        head: Seq,
    },
    ServerStarts,
}

/// Work of a shell on its disk.
#[derive(Debug)]
pub(crate) enum Job {
    List(Vec<ListRequest>),
    Hash(Vec<HashRequest>),
    Send(sync_engine::Commit),
    Stage,
    Change,
    Report,
}

/// A server, devices, users, and everything between them.
#[derive(Debug)]
pub struct World {
    pub(crate) profile: Profile,
    pub(crate) plan: Plan,
    pub(crate) planted: Planted,
    pub(crate) queue: Queue<Item>,
    /// Decides about delays, losses and parts.
    pub(crate) schedule: Random,
    pub(crate) devices: Vec<Device>,
    pub(crate) server: Server,
    pub(crate) server_runs: bool,
    /// The server stops at the next commit: before it takes it or after, and for how long.
    pub(crate) server_doom: Option<(bool, u64)>,
    /// What becomes of the folder's past, if this world is about it.
    pub(crate) keeping: Option<Keeping>,
    pub(crate) trace: Trace,
    pub(crate) requests: u64,
    /// Nothing goes wrong any more.
    pub(crate) quiet: bool,
    pub(crate) oracle: Arc<Mutex<Oracle>>,
    pub(crate) rules: planner::Trace,
    pub(crate) events: u64,
    /// Contents that ever stood in the server's tree.
    pub(crate) served: BTreeSet<ContentId>,
    /// Sequence numbers of nodes as last seen, to see that history only grows.
    pub(crate) journal: BTreeMap<NodeId, Seq>,
}

impl World {
    /// A world at its beginning.
    pub fn new(profile: Profile, plan: Plan, seed: u64, planted: Planted, whole_trace: bool) -> Run<Self> {
        let oracle: Arc<Mutex<Oracle>> = Arc::default();
        let devices = (0..profile.devices)
            .map(|index| new_device(&profile, index, &oracle))
            .collect::<Result<_, _>>()
            .map_err(|error: sync_engine::StoreError| error.to_string())?;
        let mut server =
            Server::new(profile.rule, profile.devices, profile.monitor, planted.server, beginning())
                .map_err(|error| error.to_string())?;
        let keeping = profile.keeping.then(|| Keeping::begin(&mut server, beginning())).transpose()?;
        Ok(Self {
            planted,
            queue: Queue::new(beginning()),
            schedule: Random::new(seed ^ 0x7363_6865_6475_6c65),
            devices,
            server,
            server_runs: true,
            server_doom: None,
            trace: Trace::new(whole_trace),
            requests: 0,
            quiet: false,
            oracle,
            rules: planner::Trace::default(),
            events: 0,
            served: BTreeSet::new(),
            journal: BTreeMap::new(),
            keeping,
            profile,
            plan,
        })
    }

    /// Runs to the end.
    #[must_use]
    pub fn run(mut self) -> Report {
        let failure = self.run_to_end().err();
        for device in &self.devices {
            if let Some(engine) = &device.engine {
                self.rules.add(engine.rules());
            }
        }
        let mut counts = Counts::default();
        for device in &self.devices {
            counts.commits += device.counts.commits;
            counts.applies += device.counts.applies;
            counts.downloads += device.counts.downloads;
            counts.uploads += device.counts.uploads;
            counts.changes += device.counts.changes;
        }
        let (trace_hash, trace) = self.trace.into_parts();
        Report { failure, trace_hash, trace, rules: self.rules, counts, events: self.events }
    }

    fn run_to_end(&mut self) -> Run {
        for (index, deed) in self.plan.deeds.iter().enumerate() {
            self.queue.at(beginning().plus_ms(deed.at_ms), Item::Deed(index));
        }
        for (index, trouble) in self.plan.troubles.iter().enumerate() {
            self.queue.at(beginning().plus_ms(trouble.at_ms), Item::Trouble(index));
        }
        for device in 0..self.devices.len() {
            let soon = self.schedule.below(50_000) as u64;
            self.queue.after_us(soon, Item::Start { device });
        }
        let end = beginning().plus_ms(self.plan.end_ms() + 1);
        while self.queue.next_time().is_some_and(|next| next <= end) {
            self.step()?;
            if self.events > EVENTS_MAX {
                return Err("turns in a circle without any time going by".to_owned());
            }
        }
        self.come_to_rest()
    }

    /// What happens next, happens.
    pub(crate) fn step(&mut self) -> Run<bool> {
        let Some(item) = self.queue.next() else { return Ok(false) };
        self.events += 1;
        self.happen(item)?;
        Ok(true)
    }

    pub(crate) fn note(&mut self, device: usize, text: std::fmt::Arguments<'_>) {
        let ms = (self.queue.now().0 - beginning().0) as f64 / 1e6;
        let name = &self.devices[device].name;
        self.trace.note(format_args!("{ms:10.3} {name}: {text}"));
    }

    fn alive(&self, device: usize, life: u64) -> bool {
        let device = &self.devices[device];
        device.life == life && device.engine.is_some()
    }

    /// Whether a device still waits for the answer to a request.
    fn expects(&self, device: usize, life: u64, id: u64) -> bool {
        self.alive(device, life) && self.devices[device].pending.contains_key(&id)
    }

    fn happen(&mut self, item: Item) -> Run {
        match item {
            Item::Deed(index) => self.deed(index),
            Item::Acts { device, acts } => self.acts(device, &acts),
            Item::Trouble(index) => self.trouble(index)?,
            Item::TroubleEnds(index) => self.trouble_ends(index)?,
            Item::Start { device } => self.start(device)?,
            Item::Connect { device } => self.connect(device)?,
            Item::ServerStarts => self.server_starts(),
            Item::Event { device, life, event } if self.alive(device, life) => self.feed(device, event)?,
            Item::Tick { device, life } if self.alive(device, life) => self.feed(device, Event::Tick)?,
            Item::Watch { device, life } if self.alive(device, life) => self.take_hints(device)?,
            Item::Job { device, life, job } if self.alive(device, life) => self.work(device, job)?,
            Item::Arrive { device, link, id, life, request } => {
                self.arrive(device, link, id, life, request)?;
            }
            Item::Reply { device, life, link, id, answer } if self.alive(device, life) => {
                self.reply(device, link, id, answer)?;
            }
            Item::Fail { device, life, id } | Item::Timeout { device, life, id }
                if self.alive(device, life) =>
            {
                self.fail(device, id)?;
            }
            Item::Part { device, life, id, nodes } if self.expects(device, life, id) => {
                self.feed(device, Event::ChangesPart(nodes))?;
            }
            Item::LastPart { device, life, id, cursor, epoch, may_write }
                if self.expects(device, life, id) =>
            {
                self.devices[device].pending.remove(&id);
                if self.devices[device].reads_only == may_write {
                    self.devices[device].reads_only = !may_write;
                    self.feed(device, Event::MayWrite(may_write))?;
                    if !self.alive(device, life) {
                        return Ok(());
                    }
                }
                self.feed(device, Event::ChangesDone { cursor, epoch })?;
            }
            Item::Rights { device, link } => {
                let state = &self.devices[device];
                if state.link == link && state.linked && state.engine.is_some() {
                    self.feed(device, Event::Verify)?;
                }
            }
            Item::Wake { device, link, head } => {
                let state = &self.devices[device];
                if state.link == link && state.linked && state.engine.is_some() {
                    self.feed(device, Event::Woken(head))?;
                }
            }
            // For a life that is over.
            _ => {}
        }
        Ok(())
    }

    fn deed(&mut self, index: usize) {
        let deed: Deed = self.plan.deeds[index].clone();
        let device = deed.device;
        if !self.devices[device].usable {
            self.queue.after_us(100_000, Item::Deed(index));
            return;
        }
        // A socket stands in the way until somebody removes it, and nobody works any more.
        if self.quiet && deed.kind == crate::DeedKind::MakeSpecial {
            return;
        }
        let now = self.queue.now();
        self.devices[device].clock(now);
        let acts = self.devices[device].resolve(&deed);
        self.note(device, format_args!("user {} {:?}", deed.serial, deed.kind));
        if self.wants_interruption(device) {
            self.hide(device, acts);
            return;
        }
        let mut batches: BTreeMap<u64, Vec<Act>> = BTreeMap::new();
        for (after, act) in acts {
            batches.entry(after).or_default().push(act);
        }
        for (after, acts) in batches {
            if after == 0 {
                self.acts(device, &acts);
            } else {
                self.queue.after_us(after, Item::Acts { device, acts });
            }
        }
    }

    fn wants_interruption(&mut self, device: usize) -> bool {
        let busy = self.devices[device].engine.is_some();
        busy && !self.quiet && self.profile.interruptions > 0 && self.schedule.one_in(2)
    }

    /// The acts happen within what the program does on the disk next, between any two primitives.
    fn hide(&mut self, device: usize, acts: Vec<(u64, Act)>) {
        let mut step = self.devices[device].disk.steps();
        let mut hidden = Vec::with_capacity(acts.len());
        for (_, act) in acts {
            step += self.schedule.below(12) as u64;
            hidden.push((step, act));
        }
        let disk = self.devices[device].disk.clone();
        self.devices[device].somebody.lie_in_wait(&disk, hidden);
        let life = self.devices[device].life;
        // Whatever is left by then is done without anybody's help.
        self.queue.after_us(2_000_000, Item::Watch { device, life });
        self.queue.after_us(2_000_000, Item::Acts { device, acts: Vec::new() });
    }

    pub(crate) fn acts(&mut self, device: usize, acts: &[Act]) {
        if !self.devices[device].usable {
            return;
        }
        let now = self.queue.now();
        self.devices[device].clock(now);
        if acts.is_empty() {
            self.come_out(device, true);
        }
        for act in acts {
            let done = self.devices[device].act(act);
            self.note(device, format_args!("  {act:?}{}", if done { "" } else { " (not possible)" }));
        }
        self.plan_watch(device);
    }

    /// Notes what was done within a procedure; does what was not, if it is high time.
    pub(crate) fn come_out(&mut self, device: usize, all: bool) {
        let disk = self.devices[device].disk.clone();
        let somebody = self.devices[device].somebody.clone();
        if all {
            let (notes, left) = somebody.come_out(&disk);
            notes.iter().for_each(|note| self.note(device, format_args!("  {note}")));
            for act in left {
                let done = self.devices[device].act(&act);
                self.note(device, format_args!("  {act:?}{}", if done { "" } else { " (not possible)" }));
            }
        } else {
            for note in somebody.take_notes() {
                self.note(device, format_args!("  {note}"));
            }
        }
        self.plan_watch(device);
    }

    /// The watcher is heard after a while.
    pub(crate) fn plan_watch(&mut self, device: usize) {
        if self.devices[device].watch_planned || self.devices[device].engine.is_none() {
            return;
        }
        self.devices[device].watch_planned = true;
        let after = *self.schedule.pick(&[100, 5_000, 200_000]).expect("not empty");
        let after = self.schedule.below(after) as u64;
        let life = self.devices[device].life;
        self.queue.after_us(after, Item::Watch { device, life });
    }

    /// Gives the engine an event, makes what it notes durable, and does what it says: unless it dies in between.
    pub(crate) fn feed(&mut self, device: usize, event: Event) -> Run {
        self.note(device, format_args!("<- {}", crate::words::event(&event)));
        let now = self.queue.now();
        let state = &mut self.devices[device];
        let moment = state.clock(now);
        let Some(engine) = &mut state.engine else { return Ok(()) };
        if matches!(state.doom, Some(Doom::BeforeCommit { .. })) {
            state.memory.save();
        }
        let effects = state.memory.handle(engine, event, moment).map_err(|error| error.to_string())?;
        match state.doom {
            Some(Doom::BeforeCommit { for_ms }) => {
                state.memory.roll_back();
                return self.die(device, for_ms, "before what it noted was durable");
            }
            Some(Doom::AfterCommit { for_ms }) => {
                state.memory.commit().map_err(|error| error.to_string())?;
                return self.die(device, for_ms, "after it noted something");
            }
            Some(Doom::OnDisk { .. }) | None => {}
        }
        state.memory.commit().map_err(|error| error.to_string())?;
        for effect in effects {
            self.note(device, format_args!("-> {}", crate::words::effect(&effect)));
            self.carry_out(device, effect)?;
        }
        Ok(())
    }

    fn trouble(&mut self, index: usize) -> Run {
        let trouble: Trouble = self.plan.troubles[index].clone();
        let device = trouble.device;
        self.note(device, format_args!("!! {:?} for {} ms", trouble.kind, trouble.for_ms));
        let runs = self.devices[device].engine.is_some();
        let for_ms = trouble.for_ms;
        match trouble.kind {
            TroubleKind::CutOff if self.is_monitor(device) => return Ok(()),
            TroubleKind::CutOff => {
                self.devices[device].cut_off += 1;
                self.disconnect(device)?;
            }
            TroubleKind::Kill if runs => self.die(device, for_ms, "killed")?,
            TroubleKind::KillBeforeCommit if runs => {
                self.devices[device].doom = Some(Doom::BeforeCommit { for_ms });
            }
            TroubleKind::KillAfterCommit if runs => {
                self.devices[device].doom = Some(Doom::AfterCommit { for_ms });
            }
            TroubleKind::KillOnDisk if runs => self.doom_disk(device, &trouble, None),
            TroubleKind::PowerLossOnDisk if runs => self.doom_disk(device, &trouble, Some(trouble.seed)),
            TroubleKind::PowerLoss if runs => {
                self.power_off(device, trouble.seed);
                self.die(device, for_ms, "without power")?;
            }
            TroubleKind::ServerStop => match trouble.seed % 3 {
                0 => self.server_stops(for_ms)?,
                when => self.server_doom = Some((when == 1, for_ms)),
            },
            TroubleKind::Pause if runs => self.feed(device, Event::Paused)?,
            TroubleKind::Rewind => return self.rewind(&trouble),
            kind if self.keeping.is_some() && kind.is_keeping() => return self.keep(&trouble),
            TroubleKind::ReadOnly => self.grant(device, true)?,
            TroubleKind::ChangeView => {
                if runs && device > 0 {
                    self.devices[device].view = some_view(trouble.seed);
                    self.die(device, for_ms, "to want another part")?;
                }
                return Ok(());
            }
            TroubleKind::DiskErrors | TroubleKind::DiskFull | TroubleKind::Unmount | TroubleKind::Deny => {
                self.spoil_disk(&trouble);
            }
            _ => return Ok(()),
        }
        self.queue.after_us(for_ms * 1000, Item::TroubleEnds(index));
        Ok(())
    }

    fn trouble_ends(&mut self, index: usize) -> Run {
        let trouble = self.plan.troubles[index].clone();
        let device = trouble.device;
        self.note(device, format_args!("!! end of {:?}", trouble.kind));
        match trouble.kind {
            TroubleKind::ReadOnly => self.grant(device, false)?,
            TroubleKind::CutOff => {
                self.devices[device].cut_off -= 1;
                self.connect(device)?;
            }
            TroubleKind::Pause if self.devices[device].engine.is_some() => {
                self.feed(device, Event::Resumed)?;
            }
            TroubleKind::DiskErrors | TroubleKind::DiskFull | TroubleKind::Unmount | TroubleKind::Deny => {
                self.mend_disk(device)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A subtree is to be looked at again, whatever the watcher says.
    pub(crate) fn look_again(&mut self, device: usize, subtree: RelativePath) -> Run {
        if self.devices[device].engine.is_none() {
            return Ok(());
        }
        self.feed(device, Event::Hints { directories: Vec::new(), subtrees: vec![subtree] })
    }
}

fn new_device(
    profile: &Profile,
    index: usize,
    oracle: &Arc<Mutex<Oracle>>,
) -> Result<Device, sync_engine::StoreError> {
    let options = profile.disks[index];
    let disk = FakeDisk::new(options);
    let skew = (options.start.0 - beginning().0).max(0);
    Ok(Device {
        direction: profile.direction(index),
        reads_only: false,
        name: char::from(b'A' + index as u8).to_string(),
        somebody: Somebody::new(index, Arc::clone(oracle)),
        disk,
        skew,
        memory: Memory::new(profile.store, profile.rule)?,
        view: match profile.views.filter(|_| index > 0) {
            Some(seed) => some_view(seed ^ index as u64),
            None => View::of(NodeId::ROOT),
        },
        engine: None,
        watcher: None,
        life: 0,
        link: 0,
        linked: false,
        cut_off: 0,
        usable: true,
        pending: BTreeMap::new(),
        apply: None,
        doom: None,
        watch_planned: false,
        counts: Counts::default(),
    })
}
