//! Several nodes as one zip archive, made while it is sent.
//!
//! *Always:* what is sent belongs to one state of the folder, as of one number of its journal, however long it takes; its length
//! is announced, so that an archive that broke off is never taken for whole; each page of the way and each file passes the
//! permit again; memory does not grow with the archive: the directory at its end waits in a file without a name. *Never:* an
//! entry whose name or link leads out of where it is unpacked.
//!
//! Whoever has a permit calls [`answer`]; what it sends is decided by the nodes alone.

mod tree;

use crate::api::folders::nodes::content::disposition;
use crate::failure::Failure;
use crate::server::Server;
use crate::stream::{Outgoing, StreamEnd};
use crate::traffic::Lane;
use archive::format::{Head, block_head, end, left_in_block};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use model::location::Located;
use model::permit::Read;
use model::{ContentId, DeviceId, NodeId, Permit, Timestamp};
use protocol::RfcTime;
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::SpooledTempFile;
use tree::{Entry, Tree};
use versioning::archive::{Begun, begin, contents};
use versioning::past::When;

/// The most nodes named in one request.
pub(crate) const NODES_MAX: usize = 1_000;
/// So much of the directory at the archive's end is kept in memory.
const DIRECTORY_BYTES_IN_MEMORY: usize = 1 << 20;
/// Files whose bytes are looked up together: so many, of so many bytes at most.
const FILES_AT_ONCE: usize = 256;
const BYTES_AT_ONCE: u64 = 16 << 20;
/// Small records travel together in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// What is to be archived.
pub(crate) struct Wanted {
    pub(crate) permit: Permit<Read>,
    /// Each with all below it; the root alone for the whole folder.
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) when: When,
}

/// To whom it goes.
pub(crate) struct Reader {
    pub(crate) device: Option<DeviceId>,
    pub(crate) lane: Lane,
    pub(crate) patience: Duration,
    /// Whether only the head of the answer is wanted.
    pub(crate) head_only: bool,
}

/// An archive whose length is known.
#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    entries: u64,
    body_bytes: u64,
    directory_bytes: u64,
}

impl Size {
    fn add(&mut self, head: &Head) {
        self.entries += 1;
        self.directory_bytes += head.central(0, self.body_bytes).len() as u64;
        self.body_bytes += head.local().len() as u64 + head.body_bytes() + head.descriptor(0).len() as u64;
    }

    fn total(&self) -> u64 {
        let end = end(self.entries, self.body_bytes, self.directory_bytes);
        self.body_bytes + self.directory_bytes + end.len() as u64
    }
}

/// Says a waiting thread that nobody wants its result any more.
struct Given(Arc<AtomicBool>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The answer that is the archive. It counts as one transfer, from before its length is found out.
pub(crate) async fn answer(
    server: &Arc<Server>,
    wanted: Wanted,
    reader: Reader,
) -> Result<Response, Failure> {
    let transfer = server.transfers.begin(reader.device).await?;
    // Before anything is looked up: it stays where it is until it has been sent.
    let hold = server.chunks.hold();
    let gone = Given(Arc::default());
    let (of, is_gone) = (Arc::clone(server), Arc::clone(&gone.0));
    let (permit, when) = (wanted.permit, wanted.when);
    let (begun, size, transfer) = server
        .blocking(move || {
            let begun = begin(&*of.database, permit, when, wanted.nodes, of.now())?;
            let size = measure(
                &of,
                Tree::new(Arc::clone(&of.database), Arc::clone(&of.settings.clock), permit, &begun),
                &is_gone,
            )?;
            Ok((begun, size, transfer))
        })
        .await?;
    let mut answer = Response::new(Body::empty());
    let set = answer.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(size.total()));
    set.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    set.insert(header::CONTENT_DISPOSITION, disposition(&file_name(&begun, when)));
    if reader.head_only {
        return Ok(answer);
    }
    let (outgoing, body) = Outgoing::new(server, transfer, reader.lane, reader.patience);
    let (server, span) = (Arc::clone(server), tracing::Span::current());
    tokio::task::spawn_blocking(move || {
        span.in_scope(|| {
            let tree =
                Tree::new(Arc::clone(&server.database), Arc::clone(&server.settings.clock), permit, &begun);
            let mut sending = Sending { server: &server, permit, outgoing, piece: Vec::new(), sent: 0 };
            if let Err(StreamEnd::Failed(failure)) = sending.send(tree, &size) {
                // The head is sent: all that can be done is to log it and to stop short of the length announced.
                drop(failure.into_problem());
                sending.outgoing.break_off();
            }
            drop(hold);
        });
    });
    *answer.body_mut() = body;
    Ok(answer)
}

/// Goes all the way once without any bytes of files.
fn measure(server: &Server, mut tree: Tree, is_gone: &AtomicBool) -> Result<Size, Failure> {
    let most = server.settings.zip_entries;
    let mut size = Size::default();
    while let Some(entries) = tree.next_page()? {
        entries.iter().for_each(|entry| size.add(&entry.head));
        if size.entries > most {
            return Err(Failure::over_limit("zip_entries", most));
        }
        if is_gone.load(Ordering::Relaxed) {
            return Err(Failure::internal("the caller has gone"));
        }
    }
    Ok(size)
}

/// What it is to be saved as: the one node's name or the folder's, and of when it is.
fn file_name(begun: &Begun, when: When) -> String {
    let name = match begun.nodes.as_slice() {
        [only] => only.name.as_str(),
        _ => begun.folder.as_str(),
    };
    let moment = match when {
        When::At(at) => format!(" {}", spelled(at)),
        When::Seq(seq) => format!(" {}", seq.0),
        When::Now => String::new(),
    };
    format!("{}{moment}.zip", archive::names::safe(name))
}

/// A moment without signs that a name may not hold.
fn spelled(at: Timestamp) -> String {
    let text = RfcTime(at).to_string();
    text[..19.min(text.len())].replace('T', " ").replace(':', ".")
}

/// The archive on its way out.
struct Sending<'a> {
    server: &'a Server,
    permit: Permit<Read>,
    outgoing: Outgoing,
    /// What has been written and not yet sent.
    piece: Vec<u8>,
    sent: u64,
}

impl Sending<'_> {
    fn send(&mut self, mut tree: Tree, announced: &Size) -> Result<(), StreamEnd> {
        let mut directory = self.directory_file();
        let mut size = Size::default();
        while let Some(page) = tree.next_page()? {
            let mut entries = page.as_slice();
            while !entries.is_empty() {
                let (now, later) = entries.split_at(together(entries));
                for (entry, located) in now.iter().zip(self.locate(now)?) {
                    let offset = self.sent;
                    let crc = self.entry(entry, &located)?;
                    size.add(&entry.head);
                    directory.write_all(&entry.head.central(crc, offset)).map_err(Failure::internal)?;
                }
                entries = later;
            }
        }
        if size != *announced {
            return Err(Failure::internal("retention has changed what is archived meanwhile").into());
        }
        self.finish(directory, &size)
    }

    /// Where the directory at the archive's end waits.
    fn directory_file(&self) -> SpooledTempFile {
        match &self.server.settings.data {
            Some(data) => tempfile::spooled_tempfile_in(DIRECTORY_BYTES_IN_MEMORY, data),
            None => tempfile::spooled_tempfile(DIRECTORY_BYTES_IN_MEMORY),
        }
    }

    /// Where the bytes of these entries lie; nothing for one without.
    fn locate(&self, entries: &[Entry]) -> Result<Vec<Vec<Located>>, Failure> {
        let wanted: Vec<(NodeId, ContentId)> = entries.iter().filter_map(|entry| entry.content).collect();
        let mut found = Vec::new();
        if !wanted.is_empty() {
            found = contents(&*self.server.database, self.permit, wanted, self.server.now())?;
        }
        let mut found = found.into_iter();
        let located =
            entries.iter().map(|entry| entry.content.and_then(|_| found.next()).unwrap_or_default());
        Ok(located.collect())
    }

    /// Sends one entry; gives the sum of its bytes.
    fn entry(&mut self, entry: &Entry, located: &[Located]) -> Result<u32, StreamEnd> {
        self.write(&entry.head.local())?;
        let mut crc = crc32fast::Hasher::new();
        match &entry.head.body {
            archive::format::Body::Directory => {}
            archive::format::Body::Link(target) => self.write(target)?,
            archive::format::Body::File(size) => {
                let known: u64 = located.iter().map(|located| u64::from(located.location.length)).sum();
                if known != *size {
                    return Err(Failure::internal("a file's chunks are not as long as the file").into());
                }
                let mut position = 0;
                for located in located {
                    let plain = self.server.chunks.read_chunk(located).map_err(Failure::from)?;
                    crc.update(&plain);
                    self.blocks(&plain, &mut position, *size)?;
                }
            }
        }
        let crc = crc.finalize();
        self.write(&entry.head.descriptor(crc))?;
        Ok(crc)
    }

    fn blocks(&mut self, mut plain: &[u8], position: &mut u64, size: u64) -> Result<(), StreamEnd> {
        while !plain.is_empty() {
            if let Some(head) = block_head(*position, size) {
                self.write(&head)?;
            }
            let (now, later) = plain.split_at((left_in_block(*position) as usize).min(plain.len()));
            self.write(now)?;
            *position += now.len() as u64;
            plain = later;
        }
        Ok(())
    }

    fn finish(&mut self, mut directory: SpooledTempFile, size: &Size) -> Result<(), StreamEnd> {
        directory.rewind().map_err(Failure::internal)?;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let read = directory.read(&mut buffer).map_err(Failure::internal)?;
            if read == 0 {
                break;
            }
            self.write(&buffer[..read])?;
        }
        self.write(&end(size.entries, size.body_bytes, size.directory_bytes))?;
        self.flush()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StreamEnd> {
        self.sent += bytes.len() as u64;
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StreamEnd> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(2 * PIECE_BYTES));
        self.outgoing.send(Bytes::from(piece))
    }
}

/// How many of these entries are looked up together.
fn together(entries: &[Entry]) -> usize {
    let mut bytes = 0_u64;
    let fits = |entry: &&Entry| {
        bytes = bytes.saturating_add(entry.head.body_bytes());
        bytes <= BYTES_AT_ONCE
    };
    entries.iter().take(FILES_AT_ONCE).take_while(fits).count().max(1)
}
