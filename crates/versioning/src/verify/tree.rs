//! A folder's tree, journal, history and counters, and that every version's content can be put together.

use super::{PAGE, Problem, Report};
use crate::Error;
use metadata::folder::Folder;
use metadata::node::NodeRow;
use metadata::placement::PlacementRow;
use metadata::version::VersionRow;
use metadata::{Result as MetadataResult, Snapshot};
use model::{ChunkId, Content, ContentId, FolderId, NodeId, Seq, VersionNumber};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// Contents looked up at a time.
const CONTENTS: usize = 1024;

pub(super) fn check(
    snapshot: &dyn Snapshot,
    folder: &Folder,
    referenced: &mut HashSet<ChunkId>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut walk = Walk {
        snapshot,
        folder,
        report,
        briefs: HashMap::new(),
        contents: HashMap::new(),
        used_bytes: 0,
        living: 0,
    };
    walk.rows()?;
    walk.shape();
    walk.counters();
    let Walk { contents, report, .. } = walk;
    check_contents(snapshot, folder.id, &contents, referenced, report)
}

/// What the check of the tree's shape needs of a node.
#[derive(Debug, Clone, Copy)]
struct Brief {
    parent: NodeId,
    is_directory: bool,
    deleted: bool,
    subtree_seq: Seq,
}

/// A content, and one version that names it.
#[derive(Debug, Clone, Copy)]
struct Named {
    size: u64,
    node: NodeId,
    number: VersionNumber,
}

struct Walk<'a> {
    snapshot: &'a dyn Snapshot,
    folder: &'a Folder,
    report: &'a mut Report,
    briefs: HashMap<NodeId, Brief>,
    contents: HashMap<ContentId, Named>,
    used_bytes: u64,
    living: u64,
}

impl Walk<'_> {
    fn fault(&mut self, node: NodeId, what: &'static str) {
        self.report.add(Problem::Node { folder: self.folder.id, node, what });
    }

    /// All nodes by id, each with its placements and versions.
    fn rows(&mut self) -> Result<(), Error> {
        let (snapshot, folder) = (self.snapshot, self.folder.id);
        let mut placements = Rows::new(
            |after| snapshot.scan_placements(folder, after, PAGE),
            |row: &PlacementRow| (row.node, row.seq),
        );
        let mut versions = Rows::new(
            |after| snapshot.scan_versions(folder, after, PAGE),
            |row: &VersionRow| (row.node, row.seq),
        );
        let mut after = None;
        loop {
            let nodes = snapshot.scan_nodes(folder, after, PAGE)?;
            let Some(last) = nodes.last() else { break };
            after = Some(last.id);
            for row in &nodes {
                let (placements, versions) = (placements.of(row.id)?, versions.of(row.id)?);
                self.node(row, &placements, &versions);
            }
        }
        // What is left belongs to no node.
        let beyond = NodeId(u64::MAX);
        placements.of(beyond)?;
        versions.of(beyond)?;
        for stray in placements.strays.into_iter().chain(versions.strays) {
            self.fault(stray, "it has a history but is not there");
        }
        Ok(())
    }

    fn node(&mut self, row: &NodeRow, placements: &[PlacementRow], versions: &[VersionRow]) {
        self.report.nodes += 1;
        self.report.versions += versions.len() as u64;
        if !row.deleted && row.id != NodeId::ROOT {
            self.living += 1;
            self.used_bytes += row.content.size();
        }
        let counters = self.folder.counters;
        let newest = row.revision.placement.max(row.revision.version);
        let rules = [
            (row.id < counters.next_node, "its id has not been given yet"),
            (row.seq <= counters.head, "its number has not been given yet"),
            (row.seq == newest || row.id == NodeId::ROOT, "its number is not that of its newest half"),
            (row.subtree_seq >= row.seq, "its subtree's number is below its own"),
            (row.name_key == self.folder.names.key(&row.name), "its name key is not that of its name"),
            (placements_agree(row, placements), "its placements do not lead to where it is"),
            (versions_agree(row, versions), "its versions do not lead to what it holds"),
        ];
        for (holds, what) in rules {
            if !holds {
                self.fault(row.id, what);
            }
        }
        for version in versions {
            if let Content::File { id, size } = version.content {
                let named = Named { size, node: row.id, number: version.number };
                match self.contents.entry(id) {
                    Entry::Vacant(entry) => drop(entry.insert(named)),
                    Entry::Occupied(entry) if entry.get().size != size => {
                        self.fault(row.id, "another version has the same content in another size");
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        let brief = Brief {
            parent: row.parent,
            is_directory: row.content.is_directory(),
            deleted: row.deleted,
            subtree_seq: row.subtree_seq,
        };
        self.briefs.insert(row.id, brief);
    }

    /// Every node hangs on the root.
    fn shape(&mut self) {
        let root = self.briefs.get(&NodeId::ROOT).copied();
        if !root.is_some_and(|root| root.is_directory && !root.deleted && root.parent == NodeId::ROOT) {
            self.fault(NodeId::ROOT, "the root is not a living directory");
        }
        let mut hangs: HashSet<NodeId> = HashSet::from([NodeId::ROOT]);
        let mut ids: Vec<NodeId> = self.briefs.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let brief = self.briefs[&id];
            if let Some(what) = self.parent_fault(&brief) {
                self.fault(id, what);
            }
            let mut path = Vec::new();
            let mut at = id;
            while !hangs.contains(&at) && path.len() <= self.briefs.len() {
                path.push(at);
                at = self.briefs.get(&at).map_or(NodeId::ROOT, |brief| brief.parent);
            }
            if path.len() > self.briefs.len() {
                self.fault(id, "it is below itself");
            }
            hangs.extend(path);
        }
    }

    fn parent_fault(&self, brief: &Brief) -> Option<&'static str> {
        let Some(parent) = self.briefs.get(&brief.parent) else { return Some("its directory is not there") };
        if !parent.is_directory {
            return Some("it is in something that is not a directory");
        }
        if parent.deleted && !brief.deleted {
            return Some("it lives in a removed directory");
        }
        if parent.subtree_seq < brief.subtree_seq && !brief.deleted {
            return Some("its directory does not know that something below it changed");
        }
        None
    }

    fn counters(&mut self) {
        let (id, counters) = (self.folder.id, self.folder.counters);
        self.report.count(|| format!("bytes of folder {id}"), counters.used_bytes, self.used_bytes);
        self.report.count(|| format!("nodes of folder {id}"), counters.nodes, self.living);
    }
}

fn placements_agree(row: &NodeRow, placements: &[PlacementRow]) -> bool {
    if row.id == NodeId::ROOT {
        return placements.is_empty();
    }
    let first = placements.first().is_some_and(|first| !first.deleted);
    first
        && placements.last().is_some_and(|last| {
            last.seq == row.revision.placement
                && (last.parent, &last.name, last.deleted) == (row.parent, &row.name, row.deleted)
        })
}

fn versions_agree(row: &NodeRow, versions: &[VersionRow]) -> bool {
    if row.purged {
        return row.deleted && versions.is_empty();
    }
    if row.content.is_directory() {
        return versions.is_empty() && row.version == VersionNumber(0);
    }
    let ascending = versions.is_sorted_by_key(|version| version.number);
    ascending
        && versions.last().is_some_and(|last| {
            last.number == row.version
                && last.seq == row.revision.version
                && last.content == row.content
                && (last.executable, last.mtime) == (row.executable, row.mtime)
        })
}

/// Rows by node, read page by page beside the nodes.
struct Rows<R, Read, Key> {
    read: Read,
    key: Key,
    buffer: VecDeque<R>,
    after: Option<(NodeId, Seq)>,
    strays: Vec<NodeId>,
}

impl<R, Read, Key> Rows<R, Read, Key>
where
    Read: FnMut(Option<(NodeId, Seq)>) -> MetadataResult<Vec<R>>,
    Key: Fn(&R) -> (NodeId, Seq),
{
    fn new(read: Read, key: Key) -> Self {
        Self { read, key, buffer: VecDeque::new(), after: None, strays: Vec::new() }
    }

    /// The rows of a node; nodes are asked for in order.
    fn of(&mut self, node: NodeId) -> Result<Vec<R>, Error> {
        let mut rows = Vec::new();
        loop {
            if self.buffer.is_empty() {
                self.buffer = (self.read)(self.after)?.into();
            }
            let Some(next) = self.buffer.front().map(&self.key) else { return Ok(rows) };
            if next.0 > node {
                return Ok(rows);
            }
            self.after = Some(next);
            match self.buffer.pop_front() {
                Some(row) if next.0 == node => rows.push(row),
                _ => self.strays.push(next.0),
            }
        }
    }
}

/// Every content can be put together from chunks that the folder may use.
fn check_contents(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    contents: &HashMap<ContentId, Named>,
    referenced: &mut HashSet<ChunkId>,
    report: &mut Report,
) -> Result<(), Error> {
    report.contents += contents.len() as u64;
    let mut ids: Vec<ContentId> = contents.keys().copied().filter(|id| *id != ContentId::EMPTY).collect();
    ids.sort_unstable();
    for page in ids.chunks(CONTENTS) {
        let manifests: HashMap<ContentId, _> =
            snapshot.contents(page)?.into_iter().map(|row| (row.id, row)).collect();
        let listed = manifests.values().flat_map(|row| row.manifest.iter().map(|(chunk, _)| *chunk));
        let listed: Vec<ChunkId> = listed.collect();
        let singles = page.iter().filter(|id| !manifests.contains_key(id)).map(|id| id.as_single_chunk());
        let chunks: Vec<ChunkId> = listed.iter().copied().chain(singles).collect();
        let lengths: HashMap<ChunkId, u32> =
            snapshot.chunks(&chunks)?.into_iter().map(|row| (row.id, row.location.length)).collect();
        let held: HashSet<ChunkId> = snapshot.folder_chunks(folder, &listed)?.into_iter().collect();
        referenced.extend(chunks);
        for id in page {
            let named = contents[id];
            let what = match manifests.get(id) {
                None if lengths.get(&id.as_single_chunk()).map(|length| u64::from(*length))
                    == Some(named.size) =>
                {
                    continue;
                }
                None => "its chunk is not stored, or not of its size",
                Some(row) if row.size != named.size => "its manifest is of another size",
                Some(row)
                    if row.manifest.iter().map(|(_, length)| u64::from(*length)).sum::<u64>() != row.size =>
                {
                    "its manifest does not add up"
                }
                Some(row) if row.manifest.iter().any(|(id, length)| lengths.get(id) != Some(length)) => {
                    "a chunk of its manifest is not stored, or of another length"
                }
                Some(row) if row.manifest.iter().any(|(id, _)| !held.contains(id)) => {
                    "a chunk of its manifest is not the folder's"
                }
                Some(_) => continue,
            };
            let Named { node, number, .. } = named;
            report.add(Problem::Version { folder, node, number, what });
        }
    }
    Ok(())
}
