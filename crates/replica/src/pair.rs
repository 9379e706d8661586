//! One pair at work: the thread that owns its engine and memory, and the one that works on its disk.

use crate::apply::{Applier, Resumable, kept_name};
use crate::manifests::{self, Manifests};
use crate::progress::Progress;
use crate::remote::{CommitJob, Inbox, Known, Message, Remote};
use crate::{OpenReplica, Replica, look, now};
use filesystem::{Barrier, StagedId, WatchEvent, WatchStatus, Watcher};
use model::conflict::Author;
use model::{ContentId, NameRule, NodeId, NodeKey, RelativePath, Timestamp, UploadId, View};
use pair_store::{LoggedActivity, SqliteStore};
use planner::{Tree, View as _};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use sync_engine::{
    Activity, ActivityKind, Commit, Direction, Effect, Engine, Event, HashRequest, ListRequest, LocalAction,
    PairStore as _, PairView, Settings, Status, StoreError,
};

/// How long hints gather before they are looked into.
const SETTLE: Duration = Duration::from_millis(15);
/// How often it is asked whether the directory is still the same: another file system mounted over it tells nobody.
const CHECK: Duration = Duration::from_secs(30);
/// How often the local trash is cleared, and how long it keeps things.
const TEND: Duration = Duration::from_secs(3_600);
const TRASH_KEPT_MS: i64 = 14 * 24 * 3_600 * 1_000;
/// The first look waits so long for the watcher at most.
const WATCHER_WAIT: Duration = Duration::from_secs(10);
/// Pause before an engine whose memory failed begins anew.
const RECOVERY: Duration = Duration::from_secs(2);

/// Under this name the memory holds that the account may only read.
const READ_ONLY: &str = "read_only";

/// What makes a directory one side of a pair.
#[derive(Debug, Clone)]
pub struct PairSettings {
    /// A short name for threads.
    pub name: String,
    /// The directory, absolute.
    pub directory: PathBuf,
    /// What its marker says.
    pub marker: String,
    /// The file of the pair's memory.
    pub memory: PathBuf,
    /// Which names clash on the remote side.
    pub names: NameRule,
    /// What of the remote side is wanted.
    pub view: View,
    /// Who names conflict copies after.
    pub author: Author,
    /// Which way changes travel, as long as the account may write.
    pub direction: Direction,
    /// Deletions of more than this many nodes (and a fifth of all) within ten minutes wait for a person; none: never.
    pub hold_deletes: Option<u64>,
    /// Whether it begins paused.
    pub paused: bool,
    /// How often everything is looked at again, whatever the watcher says; without a watcher that is all there is.
    pub full_scan: Duration,
}

/// What a person may ask a pair.
#[derive(Debug)]
pub enum Question {
    /// Tell when the pair is in step, or cannot get there.
    Wait(Reply<WaitEnd>),
    /// Stop for a while.
    Pause,
    /// Go on.
    Resume,
    /// Which node stands at this path, or the lowest above it, and the names below that which are not there.
    Node(RelativePath, Reply<Option<(NodeId, RelativePath)>>),
    /// What was done, newest first.
    Log(Option<RelativePath>, Option<ActivityKind>, usize, Reply<Vec<LoggedActivity>>),
    /// Decide about held deletions.
    Hold(bool),
}

/// Where an answer goes, once. Dropped without one, nobody is told anything.
pub struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Reply<T> {
    /// Gives the answer to a function.
    #[must_use]
    pub fn to(take: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(take))
    }

    fn give(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// How waiting for a pair ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitEnd {
    /// In step.
    InStep,
    /// The account may no longer see the folder.
    NoAccess,
    /// Deletions are held: here, there.
    Held(usize, usize),
    /// All that can be is in step; these cannot, each with its reason.
    Issues(Vec<(RelativePath, String)>),
}

/// A pair at work.
#[derive(Debug)]
pub struct Pair {
    inbox: Inbox,
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a pair shows of itself.
#[derive(Debug, Default)]
struct Shared {
    status: Mutex<Status>,
    cursor: Mutex<Option<String>>,
    trouble: Mutex<Option<String>>,
    watcher: Mutex<Option<Arc<dyn Watcher>>>,
    progress: Progress,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is shown stays showable whatever a panicking holder did.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pair {
    /// Begins to keep a directory in step with the remote side.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        settings: PairSettings,
        remote: Arc<dyn Remote>,
        opener: Arc<dyn OpenReplica>,
    ) -> std::io::Result<Self> {
        let (sender, messages) = channel();
        let inbox = Inbox::new(sender);
        let shared = Arc::new(Shared::default());
        let name = format!("pair-{}", settings.name);
        let worker = Worker { settings, remote, opener, inbox: inbox.clone(), shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new().name(name).spawn(move || worker.run(&messages))?;
        Ok(Self { inbox, shared, thread: Some(thread) })
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        self.inbox.tell(event);
    }

    /// A person asks.
    pub fn ask(&self, question: Question) {
        self.inbox.send(Message::Ask(question));
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        locked(&self.shared.status).clone()
    }

    /// Why the pair is not at work at all, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        locked(&self.shared.trouble).clone()
    }

    /// How its directory is watched, if it is.
    #[must_use]
    pub fn watching(&self) -> Option<WatchStatus> {
        locked(&self.shared.watcher).as_ref().map(|watcher| watcher.status())
    }

    /// Where in the remote side's journal it stands.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        locked(&self.shared.cursor).clone()
    }

    /// What is being transferred.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// Stops the pair and waits for it.
    pub fn stop(mut self) {
        self.inbox.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Everything a pair's thread starts from.
struct Worker {
    settings: PairSettings,
    remote: Arc<dyn Remote>,
    opener: Arc<dyn OpenReplica>,
    inbox: Inbox,
    shared: Arc<Shared>,
}

/// What holds for the pair whichever engine runs: told once, it is known to those that begin later, too.
struct Standing {
    online: bool,
    paused: bool,
}

impl Standing {
    fn note(&mut self, message: &Message) {
        match message {
            Message::Event(Event::Online) => self.online = true,
            Message::Event(Event::Offline) => self.online = false,
            Message::Ask(Question::Pause) => self.paused = true,
            Message::Ask(Question::Resume) => self.paused = false,
            _ => {}
        }
    }
}

/// What the disk's thread is told.
enum DiskJob {
    List(Vec<ListRequest>),
    Hash(Vec<HashRequest>),
    Apply(Vec<LocalAction>, Known, Resumable),
    Check,
    Tend(Vec<StagedId>),
}

impl Worker {
    fn run(self, messages: &Receiver<Message>) {
        let mut standing = Standing { online: false, paused: self.settings.paused };
        // A replica that is not there may come back (a mount): try again until told to stop.
        loop {
            let failure = match self.open() {
                Ok(running) => match running.run(messages, &mut standing) {
                    Ended::Stopped => return,
                    Ended::Failed(error) => error.to_string(),
                },
                Err(error) => error,
            };
            // A pause is short, and what fails may fail for days: the same is said once.
            let before = locked(&self.shared.trouble).replace(failure.clone());
            if before.as_ref() != Some(&failure) {
                tracing::error!(directory = %self.settings.directory.display(), error = %failure, "the pair is not at work");
            }
            let until = Instant::now() + RECOVERY;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                match messages.recv_timeout(left) {
                    Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                    Ok(message) => standing.note(&message),
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        }
    }

    fn open(&self) -> Result<Running<'_>, String> {
        let store = SqliteStore::open(&self.settings.memory, self.settings.names)
            .map_err(|error| error.to_string())?;
        let woken = self.inbox.clone();
        let wake = Box::new(move || woken.send(Message::Watch));
        let replica = self
            .opener
            .open(&self.settings.directory, &self.settings.marker, wake)
            .map_err(|error| error.to_string())?;
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        let settings = Settings {
            author: self.settings.author.clone(),
            direction: self.settings.direction,
            hold_deletes: self.settings.hold_deletes,
            seed,
            view: PairView::new(self.settings.view.clone(), self.settings.names),
        };
        let engine = Engine::new(settings);
        let disk_jobs = self.start_disk(&replica);
        *locked(&self.shared.trouble) = None;
        locked(&self.shared.watcher).clone_from(&replica.watcher);
        Ok(Running {
            worker: self,
            store,
            engine,
            replica,
            disk_jobs,
            manifests: Manifests::default(),
            started: false,
            opened: Instant::now(),
            deadline: None,
            watch_due: None,
            next_scan: Instant::now() + self.settings.full_scan,
            next_tend: Instant::now(),
            next_check: Instant::now() + CHECK,
            waits: Vec::new(),
        })
    }

    /// The thread that works on the disk, one job after the other.
    fn start_disk(&self, replica: &Replica) -> Sender<DiskJob> {
        let (jobs, todo) = channel();
        let notes = self.inbox.clone();
        let applier = Applier {
            disk: Arc::clone(&replica.disk),
            remote: Arc::clone(&self.remote),
            author: self.settings.author.clone(),
            progress: self.shared.progress.clone(),
            note_download: Box::new(move |content, staged| {
                notes.send(Message::Download(content, Some(staged)));
            }),
        };
        let inbox = self.inbox.clone();
        let name = format!("disk-{}", self.settings.name);
        let spawned =
            std::thread::Builder::new().name(name).spawn(move || work_on_disk(&applier, &todo, &inbox));
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for the disk");
        }
        jobs
    }
}

fn work_on_disk(applier: &Applier, todo: &Receiver<DiskJob>, inbox: &Inbox) {
    let tell = |message| inbox.send(message);
    let mut is_away = false;
    while let Ok(job) = todo.recv() {
        match job {
            DiskJob::List(requests) => {
                // The marker is asked for once a batch: a missing mount is no empty directory.
                let listed = match applier.disk.check() {
                    Ok(_) => {
                        is_away = false;
                        requests.iter().map(|request| look::list(&*applier.disk, request)).collect()
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut is_away, true) {
                            tracing::warn!(%error, "the replica is not there");
                        }
                        requests.iter().map(offline).collect()
                    }
                };
                tell(Message::Event(Event::Listed(listed)));
            }
            DiskJob::Hash(requests) => {
                let mut results = Vec::with_capacity(requests.len());
                for request in &requests {
                    let (result, manifest) = look::hash(&*applier.disk, request);
                    if let Some((content, manifest)) = manifest {
                        tell(Message::Manifest(content, manifest));
                    }
                    results.push(result);
                }
                tell(Message::Event(Event::Hashed(results)));
            }
            DiskJob::Apply(actions, known, resumable) => {
                let (outcomes, learnt) = applier.apply(&actions, &known, &resumable);
                for (content, manifest) in learnt.manifests {
                    tell(Message::Manifest(content, manifest));
                }
                for (content, staged) in learnt.resumable {
                    tell(Message::Download(content, staged));
                }
                tell(Message::Event(Event::Applied(outcomes)));
            }
            DiskJob::Check => {
                if applier.disk.check().is_err() {
                    let root = vec![RelativePath::root()];
                    tell(Message::Event(Event::Hints { directories: root, subtrees: Vec::new() }));
                }
            }
            DiskJob::Tend(keep) => tend(applier, &keep),
        }
    }
}

fn offline(request: &ListRequest) -> sync_engine::Listed {
    sync_engine::Listed { key: request.key, outcome: Err(sync_engine::LookFailure::Offline) }
}

/// Sweeps the stage, empties the old trash, and puts back what a crash left in it.
fn tend(applier: &Applier, keep: &[StagedId]) {
    let before = Timestamp(now().0.saturating_sub(TRASH_KEPT_MS * 1_000_000));
    let aside = |entry: &model::Entry, name: &model::Name, attempt: u32| {
        kept_name(&applier.author, name, entry.fingerprint.mtime, attempt)
    };
    match filesystem::change::tend(&*applier.disk, &|id| keep.contains(&id), before, &aside) {
        Ok(tended) => {
            for path in &tended.rescued {
                tracing::warn!(%path, "a file found in the local trash unexpectedly was put back");
            }
            for problem in &tended.problems {
                tracing::debug!(%problem, "not tended");
            }
        }
        Err(error) => tracing::debug!(%error, "the replica was not tended"),
    }
}

enum Ended {
    Stopped,
    Failed(StoreError),
}

/// A pair whose replica and memory are open.
struct Running<'a> {
    worker: &'a Worker,
    store: SqliteStore,
    engine: Engine,
    replica: Replica,
    disk_jobs: Sender<DiskJob>,
    manifests: Manifests,
    started: bool,
    opened: Instant,
    deadline: Option<Timestamp>,
    watch_due: Option<Instant>,
    next_scan: Instant,
    next_tend: Instant,
    next_check: Instant,
    waits: Vec<Wait>,
}

/// Somebody who waits for the pair to be in step.
struct Wait {
    /// The watcher must have passed this; none once it has, or where nothing is watched.
    barrier: Option<Barrier>,
    /// Whether the remote side was asked once more.
    verified: bool,
    answer: Option<Reply<WaitEnd>>,
}

impl Running<'_> {
    fn run(mut self, messages: &Receiver<Message>, standing: &mut Standing) -> Ended {
        let reads = match self.store.value(READ_ONLY) {
            Ok(value) => value.is_some_and(|value| !value.is_empty()),
            Err(error) => return Ended::Failed(error),
        };
        let known = [
            (reads, Event::MayWrite(false)),
            (standing.paused, Event::Paused),
            (standing.online, Event::Online),
        ];
        for (_, event) in known.into_iter().filter(|(holds, _)| *holds) {
            if let Err(error) = self.handle(event) {
                return Ended::Failed(error);
            }
        }
        loop {
            let message = match messages.recv_timeout(self.patience()) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Ended::Stopped,
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
            };
            message.iter().for_each(|message| standing.note(message));
            let done = match message {
                Some(message) => self.take(message),
                None => Ok(()),
            };
            if let Err(error) = done.and_then(|()| self.on_time()).and_then(|()| self.serve_waits()) {
                self.store.rollback();
                return Ended::Failed(error);
            }
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Duration {
        let mut at = vec![self.next_scan, self.next_tend, self.next_check];
        at.extend(self.watch_due);
        if !self.started {
            at.push(self.opened + WATCHER_WAIT);
        }
        let first = at.into_iter().min().unwrap_or(self.next_scan);
        let mut patience = first.saturating_duration_since(Instant::now());
        if let Some(deadline) = self.deadline {
            let nanoseconds = u64::try_from(deadline.0.saturating_sub(now().0)).unwrap_or(0);
            patience = patience.min(Duration::from_nanos(nanoseconds));
        }
        patience
    }

    fn on_time(&mut self) -> Result<(), StoreError> {
        let instant = Instant::now();
        let unwatched = self.replica.watcher.is_none();
        if !self.started && (unwatched || instant >= self.opened + WATCHER_WAIT) {
            self.start()?;
        }
        if self.watch_due.is_some_and(|due| instant >= due) {
            self.watch_due = None;
            self.take_hints()?;
        }
        if self.deadline.is_some_and(|deadline| deadline <= now()) {
            self.deadline = None;
            self.handle(Event::Tick)?;
        }
        if instant >= self.next_scan {
            self.next_scan = instant + self.worker.settings.full_scan;
            self.handle(Event::Hints { directories: Vec::new(), subtrees: vec![RelativePath::root()] })?;
        }
        if instant >= self.next_check {
            self.next_check = instant + CHECK;
            self.give_disk(DiskJob::Check);
        }
        if instant >= self.next_tend {
            self.next_tend = instant + TEND;
            let keep = self.downloads()?.into_values().collect();
            self.give_disk(DiskJob::Tend(keep));
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), StoreError> {
        self.started = true;
        self.handle(Event::Started)
    }

    fn take(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Event(event) => self.handle(event),
            Message::Watch => {
                self.watch_due.get_or_insert(Instant::now() + SETTLE);
                Ok(())
            }
            Message::Manifest(content, manifest) => {
                self.store.put_manifest(content, &manifests::to_bytes(&manifest), now())?;
                self.manifests.put(content, Arc::new(manifest));
                self.store.commit()
            }
            Message::Upload(content, upload) => {
                let bytes = upload.map(|upload| upload.0.to_vec()).unwrap_or_default();
                self.store.set_value(&format!("upload.{content}"), &bytes)?;
                self.store.commit()
            }
            Message::Download(content, staged) => {
                let mut downloads = self.downloads()?;
                match staged {
                    Some(id) => downloads.insert(content, id),
                    None => downloads.remove(&content),
                };
                let bytes: Vec<u8> = downloads
                    .iter()
                    .flat_map(|(content, id)| [&content.0[..], &id.0.to_be_bytes()[..]].concat())
                    .collect();
                self.store.set_value("downloads", &bytes)?;
                self.store.commit()
            }
            Message::Ask(question) => self.answer(question),
            Message::Stop => Ok(()),
        }
    }

    fn downloads(&self) -> Result<Resumable, StoreError> {
        let bytes = self.store.value("downloads")?.unwrap_or_default();
        let entry = |bytes: &[u8]| -> Option<(ContentId, StagedId)> {
            let (content, id) = bytes.split_first_chunk::<32>()?;
            Some((ContentId(*content), StagedId(u64::from_be_bytes(id.try_into().ok()?))))
        };
        Ok(bytes.chunks(40).filter_map(entry).collect())
    }

    fn answer(&mut self, question: Question) -> Result<(), StoreError> {
        match question {
            Question::Wait(answer) => {
                let barrier = self.replica.watcher.as_ref().and_then(|watcher| watcher.barrier().ok());
                self.waits.push(Wait { barrier, verified: false, answer: Some(answer) });
            }
            Question::Pause => self.handle(Event::Paused)?,
            Question::Resume => self.handle(Event::Resumed)?,
            Question::Node(path, answer) => {
                answer.give(self.node_at(&path)?);
            }
            Question::Log(path, kind, limit, answer) => {
                answer.give(self.store.activities(path.as_ref(), kind, limit)?);
            }
            Question::Hold(approve) => {
                self.engine.decide_hold(approve, now(), &mut self.store)?;
                self.store.commit()?;
                self.handle(Event::Tick)?;
            }
        }
        Ok(())
    }

    fn node_at(&self, path: &RelativePath) -> Result<Option<(NodeId, RelativePath)>, StoreError> {
        let mut key = NodeKey::ROOT;
        for (depth, name) in path.names().iter().enumerate() {
            let named = |tree| self.store.named(tree, key, &self.store.name_key(name));
            let found = [Tree::Local, Tree::Remote].into_iter().map(named).collect::<Result<Vec<_>, _>>()?;
            match found.into_iter().flatten().next() {
                Some(found) => key = found,
                None => {
                    let rest = path.names()[depth..].iter().cloned().collect();
                    return Ok(self.store.row(key)?.and_then(|row| row.extra.id).map(|id| (id, rest)));
                }
            }
        }
        Ok(self.store.row(key)?.and_then(|row| row.extra.id).map(|id| (id, RelativePath::root())))
    }

    fn take_hints(&mut self) -> Result<(), StoreError> {
        let Some(watcher) = self.replica.watcher.clone() else { return Ok(()) };
        let (mut directories, mut subtrees) = (Vec::new(), Vec::new());
        for event in watcher.take() {
            match event {
                WatchEvent::Entry(path) => {
                    directories.push(path.split().map(|(parent, _)| parent).unwrap_or_default());
                }
                WatchEvent::Dirty(path) => directories.push(path),
                WatchEvent::Lost(path) => subtrees.push(path),
                WatchEvent::Passed(passed) => {
                    for wait in &mut self.waits {
                        if wait.barrier.is_some_and(|barrier| barrier.0 <= passed.0) {
                            wait.barrier = None;
                        }
                    }
                }
                WatchEvent::Status => {
                    let status = watcher.status();
                    if status.unwatched > 0 || status.stopped.is_some() {
                        tracing::warn!(
                            ?status,
                            "not everything can be watched; the rest is looked at now and then"
                        );
                    }
                }
            }
        }
        if !self.started {
            // The watcher's first word is that everything is watched: now a look misses nothing.
            return if subtrees.contains(&RelativePath::root()) { self.start() } else { Ok(()) };
        }
        directories.sort_unstable();
        directories.dedup();
        if directories.is_empty() && subtrees.is_empty() {
            return Ok(());
        }
        self.handle(Event::Hints { directories, subtrees })
    }

    /// One event: engine, memory, then the world.
    fn handle(&mut self, event: Event) -> Result<(), StoreError> {
        if let Event::MayWrite(may) = event {
            // Known before the server can be asked the next time: what is edited meanwhile is only set aside.
            self.store.set_value(READ_ONLY, if may { b"" } else { b"yes" })?;
        }
        let effects = self.engine.handle(event, now(), &mut self.store)?;
        let mut work = Vec::new();
        let mut activities: Vec<Activity> = Vec::new();
        for effect in effects {
            match effect {
                Effect::Activity(activity) => activities.push(activity),
                other => work.push(other),
            }
        }
        if !activities.is_empty() {
            self.store.log(now(), &activities)?;
        }
        self.store.commit()?;
        for effect in work {
            self.carry_out(effect)?;
        }
        *locked(&self.worker.shared.cursor) = self.store.state()?.cursor.map(|cursor| cursor.text);
        *locked(&self.worker.shared.status) = self.engine.status(&self.store)?;
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Pull(since) => self.start_pull(since)?,
            Effect::Commit(commit) => self.start_commit(commit)?,
            Effect::List(requests) => self.give_disk(DiskJob::List(requests)),
            Effect::Hash(requests) => self.give_disk(DiskJob::Hash(requests)),
            Effect::Apply(actions) => {
                let mut known = Known::new();
                for action in &actions {
                    if let sync_engine::LocalActionKind::PlaceFile { content, size, base, .. } = &action.kind
                        && *size > chunker::MIN_BYTES as u64
                    {
                        for id in [Some(*content), *base].into_iter().flatten() {
                            self.add_manifest(id, &mut known)?;
                        }
                    }
                }
                let resumable = self.downloads()?;
                self.give_disk(DiskJob::Apply(actions, known, resumable));
            }
            Effect::Timer(at) => {
                self.deadline = Some(self.deadline.map_or(at, |deadline| deadline.min(at)));
            }
            Effect::Activity(_) => {}
        }
        Ok(())
    }

    fn add_manifest(&mut self, content: ContentId, known: &mut Known) -> Result<(), StoreError> {
        let held = match self.manifests.get(content) {
            Some(manifest) => Some(manifest),
            None => {
                let bytes = self.store.manifest(content)?;
                bytes.and_then(|bytes| manifests::from_bytes(content, &bytes)).map(Arc::new)
            }
        };
        if let Some(manifest) = held {
            known.insert(content, manifest);
        }
        Ok(())
    }

    fn give_disk(&self, job: DiskJob) {
        let _gone = self.disk_jobs.send(job);
    }

    fn start_pull(&self, since: Option<String>) -> Result<(), StoreError> {
        let known_epoch = self.store.state()?.epoch;
        self.worker.remote.pull(since, known_epoch, self.worker.inbox.clone());
        Ok(())
    }

    fn start_commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let mut known = Known::new();
        let mut uploads = BTreeMap::new();
        for send in &commit.sends {
            if send.size <= chunker::MIN_BYTES as u64 {
                continue;
            }
            self.add_manifest(send.content, &mut known)?;
            if let Some(base) = send.base {
                self.add_manifest(base, &mut known)?;
            }
            let kept = self.store.value(&format!("upload.{}", send.content))?;
            if let Some(id) = kept.and_then(|bytes| bytes.try_into().ok()) {
                uploads.insert(send.content, UploadId(id));
            }
        }
        self.worker.remote.commit(CommitJob {
            disk: Arc::clone(&self.replica.disk),
            commit,
            manifests: known,
            uploads,
            inbox: self.worker.inbox.clone(),
            progress: self.worker.shared.progress.clone(),
        });
        Ok(())
    }

    /// Answers those who wait, if the time has come.
    fn serve_waits(&mut self) -> Result<(), StoreError> {
        if self.waits.is_empty() {
            return Ok(());
        }
        if !self.started {
            return Ok(());
        }
        if self.waits.iter().any(|wait| wait.barrier.is_none() && !wait.verified) {
            for wait in self.waits.iter_mut().filter(|wait| wait.barrier.is_none()) {
                wait.verified = true;
            }
            self.handle(Event::Verify)?;
        }
        let status = self.engine.status(&self.store)?;
        let end = if status.in_step && status.issues.is_empty() {
            WaitEnd::InStep
        } else if status.no_access && status.online && !status.pulling {
            WaitEnd::NoAccess
        } else if let Some((here, there)) = status.held.filter(|_| !status.looking) {
            WaitEnd::Held(here, there)
        } else if !status.issues.is_empty() && (status.in_step || status.blocked) {
            WaitEnd::Issues(status.issues)
        } else {
            return Ok(());
        };
        for wait in &mut self.waits {
            if wait.verified
                && let Some(answer) = wait.answer.take()
            {
                answer.give(end.clone());
            }
        }
        self.waits.retain(|wait| wait.answer.is_some());
        Ok(())
    }
}
