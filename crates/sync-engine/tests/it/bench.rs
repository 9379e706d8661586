//! An engine whose every effect and event the test has in its hands.

use model::conflict::Author;
use model::{
    Applied, Content, Entry, EntryKind, Epoch, Fingerprint, GroupOutcome, Handle, Name, NameRule, NodeId,
    NodeKey, RemoteNode, Revision, Seq, Timestamp, View,
};
use sync_engine::{
    CommitAnswer, Cursor, Effect, Engine, Event, IgnoreFile, ListRequest, Listed, Listing, LocalOutcome,
    LookFailure, MemoryStore, PairView, Settings, Status,
};

/// An engine, its memory and the time.
pub(crate) struct Bench {
    engine: Engine,
    store: MemoryStore,
    pub(crate) now: Timestamp,
    seq: u64,
    /// What the `.driftlessignore` of the directory `ignore_in` (else the root) says.
    pub(crate) ignore: IgnoreFile,
    pub(crate) ignore_in: &'static str,
}

impl Bench {
    /// An engine of an empty directory and an empty folder, in step and online.
    pub(crate) fn in_step() -> Self {
        Self::in_step_with(View::of(NodeId::ROOT))
    }

    /// The same, of a pair that wants this of the folder.
    pub(crate) fn in_step_with(view: View) -> Self {
        let store = MemoryStore::new(NameRule::Exact);
        let ignore = IgnoreFile::None;
        let mut bench =
            Self { engine: engine(view), store, now: Timestamp(0), seq: 0, ignore, ignore_in: "" };
        bench.tell(Event::Online);
        let asked = bench.tell(Event::Started);
        bench.list(&asked, |_| Ok(Vec::new()));
        bench.pulled(Vec::new());
        assert!(bench.status().in_step, "{:?}", bench.status());
        bench
    }

    /// Begins anew, wanting this; what the engine wants then.
    pub(crate) fn begin_again(&mut self, view: View) -> Vec<Effect> {
        self.engine = engine(view);
        self.tell(Event::Online);
        self.tell(Event::Started)
    }

    /// Tells of something; what the engine wants then.
    pub(crate) fn tell(&mut self, event: Event) -> Vec<Effect> {
        self.engine.handle(event, self.now, &mut self.store).unwrap()
    }

    /// Lets time go by.
    pub(crate) fn after_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.now = self.now.plus_ms(ms);
        self.tell(Event::Tick)
    }

    /// Answers requests to list among some effects, and all that follow from the answers; what else was wanted.
    pub(crate) fn list(
        &mut self,
        asked: &[Effect],
        look: impl Fn(&ListRequest) -> Result<Vec<Entry>, LookFailure>,
    ) -> Vec<Effect> {
        let mut others = Vec::new();
        let mut requests = requests(asked);
        assert!(!requests.is_empty(), "nothing is to be listed: {asked:?}");
        while !requests.is_empty() {
            let (it_says, of) = (self.ignore.clone(), self.ignore_in);
            let answer = |request: &ListRequest| {
                let ignore = if request.path.to_string() == of { it_says.clone() } else { IgnoreFile::None };
                let listing = look(request).map(|entries| Listing { entries, unseen: Vec::new(), ignore });
                Listed { key: request.key, outcome: listing }
            };
            let wanted = self.tell(Event::Listed(requests.iter().map(answer).collect()));
            requests = self::requests(&wanted);
            others.extend(wanted.into_iter().filter(|effect| !matches!(effect, Effect::List(_))));
        }
        others
    }

    /// A pull brings these.
    pub(crate) fn pulled(&mut self, nodes: Vec<RemoteNode>) -> Vec<Effect> {
        self.tell(Event::ChangesPart(nodes));
        let cursor = Cursor { text: self.seq.to_string(), seq: Seq(self.seq) };
        self.tell(Event::ChangesDone { cursor, epoch: Epoch([1; 16]) })
    }

    /// Another device makes a directory there, and the server tells; what the engine wants when it was told.
    pub(crate) fn made_there(&mut self, id: u64, parent: NodeId, name: &str) -> Vec<Effect> {
        self.seq += 1;
        let head = Seq(self.seq);
        let wanted = self.tell(Event::Woken(head));
        if !wanted.iter().any(|effect| matches!(effect, Effect::Pull(_))) {
            return wanted;
        }
        self.pulled(vec![self.node(id, parent, name)])
    }

    /// The server tells that a directory is not there any more; what the engine wants then.
    pub(crate) fn gone_there(&mut self, id: u64, parent: NodeId, name: &str) -> Vec<Effect> {
        self.seq += 1;
        self.tell(Event::Woken(Seq(self.seq)));
        let gone = RemoteNode { deleted: true, ..self.node(id, parent, name) };
        self.pulled(vec![gone])
    }

    /// The one commit among some effects is carried out: it makes one directory, of this id, where the folder stood at
    /// `before`.
    pub(crate) fn committed(&mut self, asked: &[Effect], id: u64, before: Seq, after: Seq) -> Vec<Effect> {
        let key = asked.iter().find_map(|effect| match effect {
            Effect::Commit(commit) => Some(commit.intent.key),
            _ => None,
        });
        let revision = Revision { placement: after, version: after };
        let outcomes = vec![GroupOutcome::Applied(vec![Applied { node: NodeId(id), revision }])];
        let after = Cursor { text: after.0.to_string(), seq: after };
        let answer = CommitAnswer { outcomes, before, after };
        self.tell(Event::Committed { key: key.expect("a commit"), answer })
    }

    /// A pull ends at this number and shows nothing.
    pub(crate) fn nothing_shown(&mut self, head: Seq) -> Vec<Effect> {
        self.seq = head.0;
        self.tell(Event::Woken(head));
        self.pulled(Vec::new())
    }

    /// A directory on the server.
    pub(crate) fn node(&self, id: u64, parent: NodeId, name: &str) -> RemoteNode {
        let seq = Seq(self.seq);
        RemoteNode {
            id: NodeId(id),
            parent,
            name: Name::new(name).unwrap(),
            content: Content::Directory,
            executable: false,
            mtime: Timestamp(0),
            revision: Revision { placement: seq, version: seq },
            seq,
            deleted: false,
        }
    }

    /// Answers each local action among some effects in one way.
    pub(crate) fn applied(&mut self, asked: &[Effect], outcome: &LocalOutcome) -> Vec<Effect> {
        let count = actions(asked);
        assert!(count > 0, "nothing is to be done: {asked:?}");
        self.tell(Event::Applied((0..count).map(|index| (index, outcome.clone())).collect()))
    }

    pub(crate) fn status(&self) -> Status {
        self.engine.status(&self.store).unwrap()
    }
}

/// An engine that has not begun.
fn engine(view: View) -> Engine {
    let author = Author { user: "alice".to_owned(), device: "laptop".to_owned() };
    let view = PairView::new(view, NameRule::Exact);
    Engine::new(Settings {
        author,
        direction: planner::Direction::Both,
        hold_deletes: None,
        seed: [7; 16],
        view,
    })
}

/// How many local actions are among some effects.
pub(crate) fn actions(effects: &[Effect]) -> usize {
    effects.iter().map(|effect| if let Effect::Apply(actions) = effect { actions.len() } else { 0 }).sum()
}

fn requests(effects: &[Effect]) -> Vec<ListRequest> {
    let requests = effects.iter().filter_map(|effect| match effect {
        Effect::List(requests) => Some(requests.clone()),
        _ => None,
    });
    requests.flatten().collect()
}

/// How a directory looks on the disk.
pub(crate) fn fingerprint(handle: u8) -> Fingerprint {
    Fingerprint {
        handle: Handle(Box::new([handle])),
        size: 0,
        mtime: Timestamp(0),
        ctime: Timestamp(0),
        executable: false,
    }
}

/// A directory's entry in its parent.
pub(crate) fn directory(name: &str, handle: u8) -> Entry {
    Entry { name: Name::new(name).unwrap(), kind: EntryKind::Directory, fingerprint: fingerprint(handle) }
}

/// Whether the root is asked for.
pub(crate) fn is_root(request: &ListRequest) -> bool {
    request.key == NodeKey::ROOT
}
