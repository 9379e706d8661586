//! What a reader may download, and where it lies.

use crate::Error;
use crate::access::recheck;
use metadata::{Database, Snapshot, read};
use model::location::Located;
use model::permit::Read;
use model::{
    Action, ChunkId, Content, ContentId, FolderId, Limits, NodeId, Permit, Timestamp, VersionNumber,
};
use std::collections::{HashMap, HashSet};

/// A chunk asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The chunk.
    pub chunk: ChunkId,
    /// The node whose content it is, as far as the caller knows, now or formerly. It is needed for contents of one
    /// chunk that another folder had first; without it such a chunk may not be found.
    pub node: Option<NodeId>,
}

/// Where the chunks lie, in the order asked; none for what the folder does not hold (whether or not it exists).
///
/// Three statements, however many chunks: the bytes are then read with [`content::ChunkStore::read`].
///
/// # Errors
/// `Denied`, `Limit`, `Database`.
pub fn plan(
    database: &dyn Database,
    permit: Permit<Read>,
    wanted: Vec<Wanted>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<Option<Located>>, Error> {
    if wanted.len() as u64 > limits.chunks {
        return Err(Error::Limit { what: "chunks in one call", most: limits.chunks });
    }
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::Read, now)?;
        locate(snapshot, folder.id, &wanted)
    })
}

fn locate(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    wanted: &[Wanted],
) -> Result<Vec<Option<Located>>, Error> {
    let ids: Vec<ChunkId> = wanted.iter().map(|wanted| wanted.chunk).collect();
    let rows: HashMap<ChunkId, _> = snapshot.chunks(&ids)?.into_iter().map(|row| (row.id, row)).collect();
    let mut held: HashSet<ChunkId> =
        rows.values().filter(|row| row.folder == Some(folder)).map(|row| row.id).collect();
    let open: Vec<ChunkId> = rows.keys().copied().filter(|id| !held.contains(id)).collect();
    held.extend(snapshot.folder_chunks(folder, &open)?);
    let claims: Vec<(NodeId, ContentId)> = wanted
        .iter()
        .filter(|wanted| rows.contains_key(&wanted.chunk) && !held.contains(&wanted.chunk))
        .filter_map(|wanted| Some((wanted.node?, ContentId::of_single_chunk(wanted.chunk))))
        .collect();
    let proven = snapshot.versions_holding(folder, &claims)?;
    held.extend(proven.into_iter().map(|(_, content)| content.as_single_chunk()));
    let located = |id: &ChunkId| {
        let row = rows.get(id).filter(|_| held.contains(id))?;
        Some(Located { chunk: row.id, location: row.location })
    };
    Ok(ids.iter().map(located).collect())
}

/// The chunks of one content, in order, each with its length. One entry for a content of one chunk, none for an
/// empty one.
pub type Chunks = Vec<(ChunkId, u32)>;

/// The chunks of these nodes' contents, current or former, in the order asked; none for what the node never held.
///
/// # Errors
/// `Denied`, `Limit`, `Database`.
pub fn manifests(
    database: &dyn Database,
    permit: Permit<Read>,
    wanted: Vec<(NodeId, ContentId)>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<Option<Chunks>>, Error> {
    if wanted.len() as u64 > limits.chunks {
        return Err(Error::Limit { what: "contents in one call", most: limits.chunks });
    }
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::Read, now)?;
        let held: HashSet<(NodeId, ContentId)> =
            snapshot.versions_holding(folder.id, &wanted)?.into_iter().collect();
        let ids: Vec<ContentId> = held.iter().map(|(_, content)| *content).collect();
        let chunks = chunks_of(snapshot, &ids)?;
        Ok(wanted
            .iter()
            .map(|pair| held.contains(pair).then(|| chunks.get(&pair.1).cloned()).flatten())
            .collect())
    })
}

/// A file's version, ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: ContentId,
    /// Its size in bytes.
    pub size: u64,
    /// The modification time.
    pub mtime: Timestamp,
    /// Its chunks in order, and where they lie.
    pub chunks: Vec<Located>,
}

/// A version of a file (the current one if none is named), for a plain download. Removed files can be read too.
///
/// # Errors
/// `Denied`, `NotFound` (no such node or version, or no file), `Database`.
pub fn file(
    database: &dyn Database,
    permit: Permit<Read>,
    node: NodeId,
    version: Option<VersionNumber>,
    now: Timestamp,
) -> Result<File, Error> {
    read(database, move |snapshot| {
        let action = if version.is_some() { Action::History } else { Action::Read };
        let folder = recheck(snapshot, &permit, action, now)?;
        let row = snapshot.nodes(folder.id, &[node])?.pop();
        let row = row.filter(|row| !row.purged).ok_or(Error::NotFound("node"))?;
        let (content, mtime) = match version {
            Some(number) if number != row.version => {
                let old = snapshot.versions_numbered(folder.id, &[(node, number)])?.pop();
                let old = old.ok_or(Error::NotFound("version"))?;
                (old.content, old.mtime)
            }
            _ => (row.content, row.mtime),
        };
        let Content::File { id, size } = content else { return Err(Error::NotFound("file")) };
        located(snapshot, id, size, mtime)
    })
}

/// A content that somebody was found to be allowed to read, and where it lies.
pub(crate) fn located(
    snapshot: &dyn Snapshot,
    id: ContentId,
    size: u64,
    mtime: Timestamp,
) -> Result<File, Error> {
    let chunks = chunks_of(snapshot, &[id])?.remove(&id).unwrap_or_default();
    let ids: Vec<ChunkId> = chunks.iter().map(|(chunk, _)| *chunk).collect();
    let rows: HashMap<ChunkId, _> =
        snapshot.chunks(&ids)?.into_iter().map(|row| (row.id, row.location)).collect();
    let located = |chunk: &ChunkId| {
        let lost = || metadata::Error::new(metadata::ErrorKind::Corrupt, "chunks", chunk.to_string());
        let location = rows.get(chunk).copied().ok_or_else(lost)?;
        Ok(Located { chunk: *chunk, location })
    };
    let chunks = ids.iter().map(located).collect::<Result<Vec<_>, Error>>()?;
    Ok(File { content: id, size, mtime, chunks })
}

/// The chunks of contents that versions name.
pub(crate) fn chunks_of(
    snapshot: &dyn Snapshot,
    contents: &[ContentId],
) -> Result<HashMap<ContentId, Chunks>, Error> {
    let mut chunks: HashMap<ContentId, Chunks> =
        snapshot.contents(contents)?.into_iter().map(|row| (row.id, row.manifest)).collect();
    let singles: Vec<ChunkId> =
        contents.iter().filter(|id| !chunks.contains_key(id)).map(|id| id.as_single_chunk()).collect();
    for row in snapshot.chunks(&singles)? {
        chunks.insert(ContentId::of_single_chunk(row.id), vec![(row.id, row.location.length)]);
    }
    if contents.contains(&ContentId::EMPTY) {
        chunks.insert(ContentId::EMPTY, Vec::new());
    }
    Ok(chunks)
}
