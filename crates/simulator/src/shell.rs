//! What a device's shell does for its engine: looking, hashing, sending, changing; living and dying.

use crate::apply::{ApplyRun, ShellFault, aside};
use crate::device::{Device, Doom, Pending};
use crate::network::Request;
use crate::plan::{Trouble, TroubleKind};
use crate::remote::Sent;
use crate::world::{Item, Job, Run, World};
use filesystem::fake::{Fault, FaultRates, WatchFaults};
use filesystem::{Disk, ErrorKind, Place, WatchEvent, Watcher, change};
use model::{ContentId, Entry, EntryKind, Fingerprint, Group, RelativePath, Timestamp};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use sync_engine::{
    Commit, Effect, Engine, Event, HashOutcome, HashRequest, HashResult, IGNORE_FILE, IgnoreFile,
    ListRequest, Listed, Listing, LocalOutcome, LookFailure, PairView, Settings,
};
use testkit::seed::Random;

/// How long what is removed stays in the local trash.
const TRASH_MS: u64 = 24 * 3_600_000;

impl World {
    /// Does what the engine says.
    pub(crate) fn carry_out(&mut self, device: usize, effect: Effect) -> Run {
        match effect {
            Effect::Pull(cursor) => self.request(device, Request::Changes(cursor), Pending::Pull),
            Effect::Commit(commit) => {
                self.devices[device].counts.commits += 1;
                self.job(device, Job::Send(commit));
            }
            Effect::List(requests) => self.job(device, Job::List(requests)),
            Effect::Hash(requests) => self.job(device, Job::Hash(requests)),
            Effect::Apply(actions) => self.begin_apply(device, actions)?,
            Effect::Timer(at) => {
                let life = self.devices[device].life;
                let at = Timestamp(at.0.saturating_sub(self.devices[device].skew));
                self.queue.at(at, Item::Tick { device, life });
            }
            Effect::Activity(_) => {}
        }
        Ok(())
    }

    fn job(&mut self, device: usize, job: Job) {
        let life = self.devices[device].life;
        let longest = *self.schedule.pick(&[50, 2_000, 50_000]).expect("not empty");
        let after = self.schedule.below(longest) as u64;
        self.queue.after_us(after, Item::Job { device, life, job });
    }

    pub(crate) fn work(&mut self, device: usize, job: Job) -> Run {
        let now = self.queue.now();
        self.devices[device].clock(now);
        let event = match job {
            Job::List(requests) => self.list(device, requests),
            Job::Hash(requests) => self.hash(device, requests),
            Job::Send(commit) => {
                self.send(device, commit);
                None
            }
            Job::Stage => {
                self.with_apply(device, |run, disk, _, fault| run.stage(disk, fault));
                self.job(device, Job::Change);
                None
            }
            Job::Change => self.change(device),
            Job::Report => self.report(device),
        };
        self.come_out(device, false);
        if self.devices[device].disk.is_halted() {
            return self.die_on_disk(device);
        }
        match event {
            Some(event) => self.feed(device, event),
            None => Ok(()),
        }
    }

    /// Lists some of the directories; the rest follows.
    fn list(&mut self, device: usize, mut requests: Vec<ListRequest>) -> Option<Event> {
        let fault = self.planted.shell;
        let count = (1 + self.schedule.below(6)).min(requests.len());
        let rest = requests.split_off(count);
        let disk = &self.devices[device].disk;
        let listed = requests
            .into_iter()
            .map(|request| Listed { key: request.key, outcome: list(disk, &request, fault) })
            .collect();
        if !rest.is_empty() {
            self.job(device, Job::List(rest));
        }
        Some(Event::Listed(listed))
    }

    fn hash(&mut self, device: usize, mut requests: Vec<HashRequest>) -> Option<Event> {
        let count = (1 + self.schedule.below(6)).min(requests.len());
        let rest = requests.split_off(count);
        let disk = &self.devices[device].disk;
        let results = requests
            .into_iter()
            .map(|request| HashResult { token: request.token, outcome: hash(disk, &request) })
            .collect();
        if !rest.is_empty() {
            self.job(device, Job::Hash(rest));
        }
        Some(Event::Hashed(results))
    }

    /// Reads what goes with a commit, as far as it is still what was hashed, and sends it.
    fn send(&mut self, device: usize, commit: Commit) {
        let Commit { intent, sends } = commit;
        let mut contents = Vec::new();
        let disk = &self.devices[device].disk;
        for send in &sends {
            if let Some((content, bytes, _)) = read(disk, &send.path, Some(&send.expected))
                && content == send.content
            {
                contents.push((send.content, Arc::new(bytes)));
            }
        }
        self.devices[device].counts.uploads += contents.len() as u64;
        let groups = intent
            .groups
            .iter()
            .map(|group| Group { operations: group.iter().map(|operation| operation.sent.clone()).collect() })
            .collect();
        let sent = Sent { key: intent.key, groups, contents };
        self.request(device, Request::Commit(sent), Pending::Commit(intent.key));
    }

    fn begin_apply(&mut self, device: usize, actions: Vec<sync_engine::LocalAction>) -> Run {
        self.devices[device].counts.applies += actions.len() as u64;
        let oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = !oracle.power_was_lost() && !oracle.was_rewound();
        drop(oracle);
        let follows = self.profile.is_one_way();
        // What a device let go of with its view comes back as new with another.
        let whole = self.profile.views.is_none();
        if self.profile.users == 1 && device == 0 && alone && whole && !follows {
            return Err(format!("the only user was disturbed: {actions:?}"));
        }
        if self.devices[device].apply.is_some() {
            return Err("changes were asked for while others were under way".to_owned());
        }
        let mut run = ApplyRun::new(actions);
        let wanted = run.wanted();
        run.fetching = wanted.len();
        self.devices[device].apply = Some(run);
        if wanted.is_empty() {
            self.job(device, Job::Stage);
        }
        for (index, node, content) in wanted {
            self.request(device, Request::Fetch(node, content), Pending::Fetch { index });
        }
        Ok(())
    }

    /// A content has come, or will not come.
    pub(crate) fn fetched(&mut self, device: usize, index: usize, bytes: Option<crate::remote::Bytes>) {
        let Some(run) = &mut self.devices[device].apply else { return };
        run.fetching -= 1;
        let arrived = bytes.is_some();
        run.fetched[index] = bytes;
        let all = run.fetching == 0;
        self.devices[device].counts.downloads += u64::from(arrived);
        if all {
            self.job(device, Job::Stage);
        }
    }

    fn with_apply<T>(
        &mut self,
        device: usize,
        act: impl FnOnce(&mut ApplyRun, &dyn Disk, &Device, Option<ShellFault>) -> T,
    ) -> Option<T> {
        let mut run = self.devices[device].apply.take()?;
        let disk = self.devices[device].disk.clone();
        let result = act(&mut run, &disk, &self.devices[device], self.planted.shell);
        self.devices[device].apply = Some(run);
        Some(result)
    }

    /// Tries some of the actions.
    fn change(&mut self, device: usize) -> Option<Event> {
        let count = 1 + self.schedule.below(4);
        let (doubtful, over) = self.with_apply(device, |run, disk, state, fault| {
            let author = state.author();
            let mut doubtful = Vec::new();
            for _ in 0..count {
                if run.next < run.actions.len() {
                    doubtful.extend(run.step(disk, &author, fault));
                }
            }
            (doubtful, run.next >= run.actions.len())
        })?;
        if over {
            self.with_apply(device, |run, disk, _, fault| run.finish(disk, fault));
        }
        self.job(device, if over { Job::Report } else { Job::Change });
        (!doubtful.is_empty()).then(|| Event::Hints { directories: doubtful, subtrees: Vec::new() })
    }

    /// Tells the engine what came of the actions, in parts.
    fn report(&mut self, device: usize) -> Option<Event> {
        let run = self.devices[device].apply.as_mut()?;
        let left = run.outcomes.len() - run.reported;
        let count = if self.schedule.one_in(3) { 1 + self.schedule.below(left) } else { left };
        let from = run.reported;
        run.reported += count;
        let results: Vec<(usize, LocalOutcome)> = (from..from + count)
            .map(|index| (index, run.outcomes[index].clone().unwrap_or(LocalOutcome::Skipped)))
            .collect();
        if count == left {
            self.devices[device].apply = None;
        } else {
            self.job(device, Job::Report);
        }
        Some(Event::Applied(results))
    }

    /// What the watcher has to tell.
    pub(crate) fn take_hints(&mut self, device: usize) -> Run {
        let state = &mut self.devices[device];
        state.watch_planned = false;
        let events = state.watcher.as_ref().map(Watcher::take).unwrap_or_default();
        let mut directories = Vec::new();
        let mut subtrees = Vec::new();
        for event in events {
            match event {
                WatchEvent::Entry(path) => directories.extend(path.split().map(|(parent, _)| parent)),
                WatchEvent::Dirty(path) => directories.push(path),
                WatchEvent::Lost(path) => subtrees.push(path),
                WatchEvent::Passed(_) | WatchEvent::Status => {}
            }
        }
        if directories.is_empty() && subtrees.is_empty() {
            return Ok(());
        }
        directories.dedup();
        // What came late comes with the next batch.
        self.plan_watch(device);
        self.feed(device, Event::Hints { directories, subtrees })
    }

    /// The program begins.
    pub(crate) fn start(&mut self, device: usize) -> Run {
        if self.devices[device].engine.is_some() {
            return Ok(());
        }
        self.note(device, format_args!("!! starts"));
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.schedule.bits().to_le_bytes());
        seed[8..].copy_from_slice(&self.schedule.bits().to_le_bytes());
        let now = self.queue.now();
        let quiet = self.quiet;
        let state = &mut self.devices[device];
        state.usable = true;
        state.life += 1;
        state.disk.restart_program();
        let moment = state.clock(now);
        let author = state.author();
        let view = PairView::new(state.view.clone(), self.profile.rule);
        let settings =
            Settings { author: author.clone(), direction: state.direction, hold_deletes: None, seed, view };
        let mut engine = Engine::new(settings);
        if let Some(fault) = self.planted.engine {
            engine.break_rule(fault);
        }
        let reads_only = state.reads_only;
        // Every other life plans what is new in portions of a few nodes; the worlds are too small for large ones.
        if self.profile.portions && seed[8] % 2 == 1 {
            engine.plan_in_portions_of(1 + usize::from(seed[9] % 16));
        }
        state.engine = Some(engine);
        let faults = if quiet { WatchFaults::default() } else { self.profile.watch };
        state.watcher = Some(state.disk.watch(faults, None));
        state.watch_planned = false;
        let trashed_before = Timestamp(moment.0.saturating_sub(TRASH_MS as i64 * 1_000_000));
        let tended = change::tend(&state.disk, &|_| false, trashed_before, &|_, name, attempt| {
            aside(name, &author, attempt)
        });
        let rescued = tended.map(|tended| tended.rescued).unwrap_or_default();
        if !rescued.is_empty() {
            self.note(device, format_args!("rescued {rescued:?}"));
        }
        if reads_only {
            self.feed(device, Event::MayWrite(false))?;
        }
        self.feed(device, Event::Started)?;
        self.plan_watch(device);
        let soon = self.schedule.below(500_000) as u64;
        self.queue.after_us(soon, Item::Connect { device });
        Ok(())
    }

    /// The program dies, and begins again after a while.
    pub(crate) fn die(&mut self, device: usize, for_ms: u64, how: &str) -> Run {
        self.note(device, format_args!("!! dies {how}"));
        self.end(device);
        self.queue.after_us(for_ms.saturating_mul(1000), Item::Start { device });
        Ok(())
    }

    /// The program is gone.
    pub(crate) fn end(&mut self, device: usize) {
        let state = &mut self.devices[device];
        if let Some(engine) = state.engine.take() {
            self.rules.add(engine.rules());
        }
        state.watcher = None;
        state.pending.clear();
        state.apply = None;
        state.doom = None;
        state.linked = false;
        state.link += 1;
    }

    pub(crate) fn doom_disk(&mut self, device: usize, trouble: &Trouble, power: Option<u64>) {
        let state = &mut self.devices[device];
        let mut random = Random::new(trouble.seed);
        let fault = if random.one_in(2) { Fault::Halt } else { Fault::HaltAfter };
        state.disk.fail_at(state.disk.steps() + random.below(40) as u64, fault);
        state.doom = Some(Doom::OnDisk { for_ms: trouble.for_ms, power });
    }

    fn die_on_disk(&mut self, device: usize) -> Run {
        match self.devices[device].doom {
            Some(Doom::OnDisk { for_ms, power }) => {
                if let Some(seed) = power {
                    self.power_off(device, seed);
                }
                self.die(device, for_ms, "while it worked on the disk")
            }
            _ => self.die(device, 10, "while it worked on the disk"),
        }
    }

    pub(crate) fn power_off(&mut self, device: usize, seed: u64) {
        self.come_out(device, true);
        let state = &mut self.devices[device];
        let before = state.tree();
        state.disk.restart_machine(seed);
        state.somebody.drop_everything();
        let after = state.tree();
        state.somebody.power_lost(&before, &after);
        state.usable = false;
        let gone: Vec<String> =
            before.keys().filter(|path| !after.contains_key(*path)).map(ToString::to_string).collect();
        self.note(device, format_args!("!! no power; gone: {gone:?}"));
    }

    pub(crate) fn spoil_disk(&mut self, trouble: &Trouble) {
        let mut random = Random::new(trouble.seed);
        let alone = self.profile.users == 1;
        let state = &mut self.devices[trouble.device];
        match trouble.kind {
            TroubleKind::DiskErrors => {
                let mut rate = || [0, 5_000, 50_000, 200_000][random.below(4)];
                let rates = FaultRates {
                    io: rate(),
                    // What was made, but said to have failed, is taken for a user's.
                    io_after: if alone { 0 } else { rate() },
                    no_space: rate(),
                    denied: rate(),
                    busy: rate(),
                };
                state.disk.set_fault_rates(rates, trouble.seed);
            }
            TroubleKind::DiskFull => {
                let rates = FaultRates { no_space: 1_000_000, ..FaultRates::default() };
                state.disk.set_fault_rates(rates, trouble.seed);
            }
            TroubleKind::Unmount => {
                state.disk.set_offline(true);
                state.usable = false;
            }
            _ => {
                let tree = state.tree();
                let paths: Vec<&RelativePath> = tree.keys().collect();
                if let Some(path) = random.pick(&paths) {
                    let path = (*path).clone();
                    state.act(&crate::deed::Act::SetDenied(path.clone(), true));
                    let parent = path.split().map(|(parent, _)| parent).unwrap_or_default();
                    let event = Event::Hints { directories: vec![parent], subtrees: vec![path] };
                    let life = state.life;
                    let device = trouble.device;
                    self.queue.after_us(1_000, Item::Event { device, life, event });
                }
            }
        }
    }

    /// Nothing is wrong with the disk any more, and everything is looked at again.
    pub(crate) fn mend_disk(&mut self, device: usize) -> Run {
        let state = &mut self.devices[device];
        state.disk.set_fault_rates(FaultRates::default(), 0);
        state.disk.set_offline(false);
        state.usable = true;
        let tree = state.tree();
        for path in tree.keys() {
            state.disk.user(|user| {
                let _ = user.set_denied(path, false);
            });
        }
        self.look_again(device, RelativePath::root())
    }
}

fn list(disk: &dyn Disk, request: &ListRequest, fault: Option<ShellFault>) -> Result<Listing, LookFailure> {
    let place = Place::from(&request.path);
    let check = || match disk.check() {
        Err(error) if error.kind == ErrorKind::Offline => Err(LookFailure::Offline),
        _ => Ok(()),
    };
    check()?;
    let listing = disk.list(&place).map_err(|error| match error.kind {
        ErrorKind::NotFound | ErrorKind::Changed => LookFailure::Gone,
        ErrorKind::Offline => LookFailure::Offline,
        _ => LookFailure::Unreadable,
    });
    let listing = match listing {
        Err(LookFailure::Unreadable | LookFailure::Offline) if fault == Some(ShellFault::ErrorsAreEmpty) => {
            return Ok(Listing::default());
        }
        listing => listing?,
    };
    check()?;
    if let Some(handle) = &request.handle {
        match disk.look(&place) {
            Ok(Some(found)) if found.fingerprint.handle == *handle => {}
            Ok(_) => return Err(LookFailure::Gone),
            Err(_) => return Err(LookFailure::Unreadable),
        }
    }
    let unseen = listing.unseen.into_iter().filter_map(|unseen| unseen.name).collect();
    let ignore = ignore_file(disk, &request.path, &listing.entries);
    Ok(Listing { entries: listing.entries, unseen, ignore })
}

fn ignore_file(disk: &dyn Disk, directory: &RelativePath, entries: &[Entry]) -> IgnoreFile {
    let file = entries.iter().find(|entry| entry.name.as_str() == IGNORE_FILE);
    let Some(file) = file.filter(|entry| entry.kind == EntryKind::File) else { return IgnoreFile::None };
    match change::read_text(disk, &Place::from(&directory.join(&file.name)), 4_096) {
        Ok(text) => IgnoreFile::Text(text),
        Err(_) => IgnoreFile::Unknown,
    }
}

/// Reads a file whole between two equal looks.
fn read(
    disk: &dyn Disk,
    path: &RelativePath,
    expected: Option<&Fingerprint>,
) -> Option<(ContentId, Vec<u8>, Fingerprint)> {
    let mut bytes = Vec::new();
    let mut consume = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        ControlFlow::Continue(())
    };
    let fingerprint = change::read_stable(disk, &path.into(), expected, &mut consume).ok()??;
    Some((chunker::hash_bytes(&bytes).0, bytes, fingerprint))
}

fn hash(disk: &dyn Disk, request: &HashRequest) -> HashOutcome {
    let mut bytes = Vec::new();
    let mut consume = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        ControlFlow::Continue(())
    };
    let place = Place::from(&request.path);
    match change::read_stable(disk, &place, Some(&request.expected), &mut consume) {
        Ok(Some(fingerprint)) => HashOutcome::Stable { fingerprint, content: chunker::hash_bytes(&bytes).0 },
        Ok(None) => HashOutcome::Changed,
        Err(error) => match error.kind {
            ErrorKind::NotFound => HashOutcome::Gone,
            ErrorKind::Changed | ErrorKind::Busy | ErrorKind::Offline => HashOutcome::Changed,
            _ => HashOutcome::Unreadable,
        },
    }
}
