//! What persons and the passing of time do on the server with a folder's past, and what the server says of it.
//!
//! Each fault of [`ServerFault`] that concerns the past is planted here, around the calls of the real versioning.

use super::{NODES_MAX, Server, ServerFault};
use content::ChunkStore as _;
use metadata::account::User;
use metadata::collection::Claim;
use metadata::node::NodeRow;
use metadata::placement::PastNode;
use metadata::retention::PinRow;
use metadata::{read, write};
use model::permit::{Read, Write};
use model::{
    Action, Content, FolderId, Group, GroupOutcome, IdempotencyKey, Limits, NameRule, NodeId, NodeRef,
    Operation, Seq, Timestamp, UserId, VersionNumber,
};
use std::sync::Arc;
use versioning::collection::plan::Rules;
use versioning::folder::{self, Authority};
use versioning::history::{self, Removed, Version};
use versioning::restore::{Item, Restore, restore};
use versioning::retention::plan::{HOUR_NS, Rules as RetentionRules};
use versioning::retention::{self, Done};
use versioning::space::{self, CHUNKS_AT_ONCE, Overview, Space};
use versioning::{Committed, Error, collection, fetch};

/// How much of the trash and of an earlier tree is asked for at once: little, so that pages are followed.
const PAGE: usize = 7;

/// How much one folder, and all folders of one person, may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Quotas {
    pub(crate) folder: Option<u64>,
    pub(crate) owner: Option<u64>,
}

impl Server {
    /// The folder of the world gets an owner; another folder holds these contents, and belongs to somebody else.
    pub(crate) fn begin_keeping(&mut self, elsewhere: &[&[u8]], now: Timestamp) -> Result<(), Error> {
        let owner = Some(self.principals[0].user);
        let set = move |settings: &mut metadata::folder::FolderSettings| settings.owner = owner;
        folder::set(&*self.database, Authority::Administrator, self.folder, set, now)?;
        let last = self.principals[self.principals.len() - 1];
        let other = folder::Create { owner: Some(last.user), ..folder::Create::shared("elsewhere") };
        let other = folder::create(&*self.database, other, now)?;
        let groups = elsewhere.iter().enumerate().map(|(index, bytes)| {
            let content = Content::File { id: chunker::hash_bytes(bytes).0, size: bytes.len() as u64 };
            created(index, NodeRef::Id(NodeId::ROOT), content, now)
        });
        let contents = elsewhere.iter().map(|bytes| (chunker::hash_bytes(bytes).0, Arc::new(bytes.to_vec())));
        let sent =
            super::Sent { key: self.next_key(), groups: groups.collect(), contents: contents.collect() };
        let own = std::mem::replace(&mut self.folder, other);
        let device = self.principals.len() - 1;
        let committed = self.try_commit(device, &sent, now);
        self.folder = own;
        committed.map(drop)
    }

    /// Whose folders there are: the world's, and the other one.
    pub(crate) fn owners(&self) -> [UserId; 2] {
        [self.principals[0].user, self.principals[self.principals.len() - 1].user]
    }

    pub(crate) fn folder_id(&self) -> FolderId {
        self.folder
    }

    pub(crate) fn principal(&self, device: usize) -> model::Principal {
        self.principals[device]
    }

    pub(crate) fn next_key(&mut self) -> IdempotencyKey {
        self.taken += 1;
        IdempotencyKey((u128::from(self.taken) << 64 | 0x6b65_6570).to_le_bytes())
    }

    /// Every node whose newest change is past a number, removed ones too.
    pub(crate) fn rows_since(&self, since: Seq) -> Result<Vec<NodeRow>, Error> {
        let folder = self.folder;
        read(&*self.database, move |s| Ok(s.changed_nodes(folder, since, since, NODES_MAX)?))
    }

    pub(crate) fn covered_since(&self) -> Result<Seq, Error> {
        let folder = self.folder;
        read(&*self.database, move |s| Ok(s.retention(folder)?.covered_since))
    }

    /// Bytes that quotas go by: the folder's, and each owner's.
    pub(crate) fn used_bytes(&self) -> Result<(u64, [u64; 2]), Error> {
        let (folder, owners) = (self.folder, self.owners());
        read(&*self.database, move |s| {
            let used = s.folder(folder)?.map_or(0, |row| row.counters.used_bytes);
            let owned =
                |user: UserId| -> Result<u64, Error> { Ok(s.user(user)?.map_or(0, |row| row.used_bytes)) };
            Ok((used, [owned(owners[0])?, owned(owners[1])?]))
        })
    }

    /// A node's versions, the newest first; none if the server no longer knows the node.
    pub(crate) fn versions(&self, node: NodeId, now: Timestamp) -> Result<Option<Vec<Version>>, Error> {
        let permit = self.permit::<Read>(0, Action::History, now)?;
        match history::versions(&*self.database, permit, node, now) {
            Err(Error::NotFound(_)) => Ok(None),
            versions => versions.map(Some),
        }
    }

    /// A version's bytes, as a download brings them.
    pub(crate) fn read_version(
        &self,
        node: NodeId,
        version: VersionNumber,
        now: Timestamp,
    ) -> Result<Vec<u8>, String> {
        let permit = self.permit::<Read>(0, Action::History, now).map_err(|error| error.to_string())?;
        let file = fetch::file(&*self.database, permit, node, Some(version), now);
        let file = file.map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        self.store
            .read(&file.chunks, &mut |_, chunk| bytes.extend_from_slice(chunk))
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// The whole trash, page by page.
    pub(crate) fn trash(&self, now: Timestamp) -> Result<Vec<Removed>, Error> {
        let (mut removed, mut before) = (Vec::new(), None);
        loop {
            let permit = self.permit::<Read>(0, Action::History, now)?;
            let page = history::trash(&*self.database, permit, before, PAGE.max(removed.len()), now)?;
            let Some(last) = page.last() else { return Ok(removed) };
            before = Some(last.node.seq);
            removed.extend(page);
        }
    }

    /// The tree as it was, page by page.
    pub(crate) fn tree_at(&self, seq: Seq, now: Timestamp) -> Result<Vec<PastNode>, Error> {
        let (mut nodes, mut after) = (Vec::new(), NodeId::ROOT);
        loop {
            let permit = self.permit::<Read>(0, Action::History, now)?;
            let page = history::tree_at(&*self.database, permit, seq, after, PAGE.max(nodes.len()), now)?;
            let Some(last) = page.last() else { return Ok(nodes) };
            after = last.id;
            nodes.extend(page);
        }
    }

    /// Changes what is kept.
    pub(crate) fn set_rules(&mut self, rules: RetentionRules, now: Timestamp) -> Result<(), Error> {
        let set = move |settings: &mut metadata::folder::FolderSettings| {
            settings.keep_versions = rules.versions;
            settings.keep_days = rules.days;
        };
        folder::set(&*self.database, Authority::Administrator, self.folder, set, now)?;
        self.set_safe_days(rules.safe_days).map(drop)
    }

    /// Sets the safe window and has everything looked at again; says what it was.
    fn set_safe_days(&self, safe_days: u32) -> Result<u32, Error> {
        let folder = self.folder;
        write(&*self.database, move |t| {
            let row = t.retention(folder)?;
            t.put_retention(folder, &metadata::retention::RetentionRow { safe_days, ..row })?;
            retention::look_again(t, folder)?;
            Ok(row.safe_days)
        })
    }

    /// What is due goes.
    pub(crate) fn retention_round(&mut self, now: Timestamp) -> Result<Done, Error> {
        let round = |server: &Self| retention::round(&*server.database, server.folder, now, &|| true);
        match self.fault {
            Some(ServerFault::PinsIgnored) => {
                let pins = self.take_pins(now)?;
                let done = round(self)?;
                self.put_pins(pins)?;
                Ok(done)
            }
            Some(ServerFault::SafeWindowIgnored) => {
                let safe_days = self.set_safe_days(0)?;
                let done = round(self)?;
                self.set_safe_days(safe_days)?;
                Ok(done)
            }
            Some(ServerFault::MassChangesIgnored) => {
                // The first finds them.
                round(self)?;
                self.acknowledge(now)?;
                self.look_again()?;
                round(self)
            }
            _ => round(self),
        }
    }

    /// What nothing names any more and has been nobody's for an hour goes.
    pub(crate) fn collect(&mut self, now: Timestamp) -> Result<collection::Done, Error> {
        let rules =
            Rules { grace_ns: HOUR_NS, most_percent: None, seal_bytes: 1, rows: 100, ..Rules::default() };
        if self.fault == Some(ServerFault::TrashCollected) {
            self.lose_trash()?;
        }
        collection::collect(&*self.database, &self.store, rules, now, &mut || true)
    }

    /// Chunks that only removed nodes name go.
    fn lose_trash(&self) -> Result<(), Error> {
        let folder = self.folder;
        write(&*self.database, move |t| {
            let chunk = |row: &NodeRow| match row.content {
                Content::File { id, .. } => Some(Claim::Chunk(id.as_single_chunk())),
                _ => None,
            };
            let (removed, living): (Vec<NodeRow>, Vec<NodeRow>) =
                t.scan_nodes(folder, None, NODES_MAX)?.into_iter().partition(|row| row.deleted);
            let named: Vec<Claim> = living.iter().filter_map(chunk).collect();
            let gone: Vec<Claim> =
                removed.iter().filter_map(chunk).filter(|claim| !named.contains(claim)).collect();
            Ok(t.drop_claims(&gone).map(drop)?)
        })
    }

    fn look_again(&self) -> Result<(), Error> {
        let folder = self.folder;
        write(&*self.database, move |t| Ok(retention::look_again(t, folder)?))
    }

    /// A person says that all mass changes found so far were meant.
    pub(crate) fn acknowledge(&self, now: Timestamp) -> Result<(), Error> {
        let folder = self.folder;
        write(&*self.database, move |t| {
            t.acknowledge_mass_changes(folder, now)?;
            Ok(retention::look_again(t, folder)?)
        })
    }

    /// Takes every pin and label away; gives what was said.
    fn take_pins(&self, now: Timestamp) -> Result<Vec<PinRow>, Error> {
        let nodes: Vec<NodeId> = self.rows_since(Seq(0))?.iter().map(|row| row.id).collect();
        let folder = self.folder;
        write(&*self.database, move |t| {
            let pins = t.pins(folder, &nodes)?;
            for pin in &pins {
                t.put_pin(folder, &PinRow { pinned: false, label: None, ..pin.clone() })?;
                t.put_due(folder, &[(pin.node, Some(now))])?;
            }
            Ok(pins)
        })
    }

    /// Says again what was said of versions that are still there.
    fn put_pins(&self, pins: Vec<PinRow>) -> Result<(), Error> {
        let folder = self.folder;
        write(&*self.database, move |t| {
            for pin in &pins {
                if !t.versions_numbered(folder, &[(pin.node, pin.number)])?.is_empty() {
                    t.put_pin(folder, pin)?;
                }
            }
            Ok(())
        })
    }

    /// What would go now.
    pub(crate) fn foreseen(&self, now: Timestamp) -> Result<Done, Error> {
        retention::preview(&*self.database, self.folder, now)
    }

    /// Somebody pins or labels a version, or takes that back.
    pub(crate) fn pin(
        &mut self,
        device: usize,
        version: (NodeId, VersionNumber),
        pinned: bool,
        label: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let permit = self.permit::<Write>(device, Action::Write, now)?;
        let label = Some(label.to_owned());
        retention::pin(&*self.database, permit, version, Some(pinned), label, now).map(drop)
    }

    /// Somebody brings something back.
    pub(crate) fn restore(&mut self, device: usize, item: Item, now: Timestamp) -> Result<Committed, Error> {
        let permit = self.permit::<Write>(device, Action::Restore, now)?;
        let limits = Limits::default();
        let key = self.next_key();
        let items = vec![item];
        let wanted = Restore { permit, key, digest: [0; 32], items, limits, now };
        let committed = restore(&*self.database, wanted)?;
        if let Some(GroupOutcome::Applied(applied)) = committed.outcomes.first() {
            let node = match item {
                Item::Node(node) | Item::Version { node, .. } => node,
            };
            if let Some(applied) = applied.iter().find(|applied| applied.node == node) {
                self.spoil_restored(device, applied, now)?;
            }
        }
        Ok(committed)
    }

    /// What was brought back is not as it should be, if that is the fault.
    fn spoil_restored(
        &mut self,
        device: usize,
        restored: &model::Applied,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(row) = self.rows_since(Seq(0))?.into_iter().find(|row| row.id == restored.node) else {
            return Ok(());
        };
        let operation = match (self.fault, &row.content) {
            (Some(ServerFault::RestoredElsewhere), _) => {
                let nodes = self.nodes();
                let fits = |node: &&model::RemoteNode| {
                    node.content.is_directory() && node.id != row.parent && node.id != row.id
                };
                let other = nodes.iter().find(fits).map_or(NodeId::ROOT, |node| node.id);
                let (parent, name) = (NodeRef::Id(other), row.name.clone());
                Operation::Move { node: row.id, base: row.revision.placement, parent, name }
            }
            (Some(ServerFault::RestoredEmpty), Content::File { .. }) => Operation::Update {
                node: row.id,
                base: row.revision.version,
                content: Content::File { id: model::ContentId::EMPTY, size: 0 },
                executable: row.executable,
                mtime: row.mtime,
            },
            _ => return Ok(()),
        };
        let groups = vec![Group { operations: vec![operation] }];
        let sent = super::Sent { key: self.next_key(), groups, contents: Vec::new() };
        self.try_commit(device, &sent, now).map(drop)
    }

    /// What everything takes, and what the folder's members see of it.
    pub(crate) fn space(&self, now: Timestamp) -> Result<(Overview, Space), Error> {
        let mut overview = space::of_all(&*self.database, CHUNKS_AT_ONCE)?;
        let permit = self.permit::<Read>(0, Action::List, now)?;
        let mut own = space::of_folder(&*self.database, permit, now)?;
        if self.fault == Some(ServerFault::TrashNotCounted) {
            own.trash_bytes = 0;
            overview.folders.iter_mut().for_each(|(_, space)| space.trash_bytes = 0);
            overview.users.iter_mut().for_each(|(_, space)| space.trash_bytes = 0);
        }
        Ok((overview, own))
    }

    /// Sets how much may be there.
    pub(crate) fn set_quotas(&mut self, quotas: Quotas, now: Timestamp) -> Result<(), Error> {
        if self.fault == Some(ServerFault::QuotaIgnored) {
            return Ok(());
        }
        let set = move |settings: &mut metadata::folder::FolderSettings| settings.quota_bytes = quotas.folder;
        folder::set(&*self.database, Authority::Administrator, self.folder, set, now)?;
        let owner = self.owners()[0];
        write(&*self.database, move |t| {
            let user = t.user(owner)?.ok_or(Error::NotFound("user"))?;
            Ok(t.set_user(&User { quota_bytes: quotas.owner, ..user })?)
        })
    }

    /// Which names clash.
    pub(crate) fn rule(&self) -> NameRule {
        let folder = self.folder;
        let row = read::<_, Error>(&*self.database, move |s| Ok(s.folder(folder)?));
        row.ok().flatten().map_or(NameRule::Portable, |row| row.names)
    }
}

/// A group that makes a file called by a number.
pub(crate) fn created(index: usize, parent: NodeRef, content: Content, now: Timestamp) -> Group {
    let name = model::Name::new(&format!("{index:04}")).expect("digits are a name");
    let temporary = index as u32;
    let create = Operation::Create { temporary, parent, name, content, executable: false, mtime: now };
    Group { operations: vec![create] }
}
