//! Units of work, and how they are run.

use crate::error::{Error, ErrorKind, Result};
use crate::{
    account, activity, audit, collection, content, folder, growth, identity, link, moment, network, node,
    operation, passkey, placement, retention, setting, space, throttle, upload, version, view,
};
use model::FlushTimes;
use std::fmt;
use std::path::Path;
use std::sync::mpsc;

/// Reads of one consistent state.
pub trait Snapshot:
    folder::ReadFolders
    + node::ReadNodes
    + placement::ReadPlacements
    + version::ReadVersions
    + moment::ReadMoments
    + content::ReadContents
    + upload::ReadUploads
    + operation::ReadOperations
    + account::ReadAccounts
    + passkey::ReadPasskeys
    + network::ReadNetworks
    + identity::ReadIdentities
    + audit::ReadAudit
    + setting::ReadSettings
    + throttle::ReadThrottle
    + retention::ReadRetention
    + space::ReadSpace
    + view::ReadViews
    + collection::ReadCollection
    + link::ReadLinks
    + activity::ReadActivity
    + growth::ReadGrowth
{
}

/// Reads and writes that become durable together or not at all.
pub trait Transaction:
    Snapshot
    + folder::WriteFolders
    + node::WriteNodes
    + placement::WritePlacements
    + version::WriteVersions
    + moment::WriteMoments
    + content::WriteContents
    + upload::WriteUploads
    + operation::WriteOperations
    + account::WriteAccounts
    + passkey::WritePasskeys
    + network::WriteNetworks
    + identity::WriteIdentities
    + audit::WriteAudit
    + setting::WriteSettings
    + throttle::WriteThrottle
    + retention::WriteRetention
    + view::WriteViews
    + collection::WriteCollection
    + link::WriteLinks
    + growth::WriteGrowth
{
    /// The same state, for what only reads.
    fn as_snapshot(&self) -> &dyn Snapshot;
}

/// What is to become of a unit's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Make them durable.
    Commit,
    /// Undo them.
    RollBack,
}

/// A writing unit. It may run on another thread, or on the caller's before [`Database::queue_write`] returns.
pub type WriteUnit = Box<dyn FnOnce(&dyn Transaction) -> Keep + Send>;
/// A reading unit. It may run on another thread, or on the caller's before [`Database::queue_read`] returns.
pub type ReadUnit = Box<dyn FnOnce(&dyn Snapshot) + Send>;
/// Called once when a unit is done: for a writing unit that said [`Keep::Commit`], `Ok` means that its changes
/// are durable; an error means that none of them is kept.
pub type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// What the engine has done since it was opened; for metrics and for tests that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Statements executed.
    pub statements: u64,
    /// Steps that the engine took for them, in units of its own: what a statement costs, whatever the machine does
    /// besides. 0 where an engine cannot tell.
    pub steps: u64,
    /// Writing units answered.
    pub units: u64,
    /// Durable commits, one synchronisation of the disk each.
    pub commits: u64,
    /// How long they took.
    pub commit_times: FlushTimes,
    /// Writing units that wait or are at work now.
    pub queued: u64,
}

/// A database engine.
pub trait Database: Send + Sync + fmt::Debug {
    /// Queues a writing unit. A unit that panics is rolled back and answered with an error.
    fn queue_write(&self, unit: WriteUnit, answer: Answer);

    /// Queues a reading unit.
    fn queue_read(&self, unit: ReadUnit, answer: Answer);

    /// Writes all of one consistent state into a new file, which the same engine opens. Blocks; commits go on meanwhile.
    ///
    /// # Errors
    /// `Full`, `Unavailable`, `Invalid` (an engine that keeps no files).
    fn copy_to(&self, path: &Path) -> Result<()>;

    /// What has been done so far.
    fn figures(&self) -> Figures;
}

/// Runs a writing unit and waits. An `Err` of the unit rolls its changes back.
pub fn write<T, E>(
    database: &dyn Database,
    work: impl FnOnce(&dyn Transaction) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(2);
    let answers = sender.clone();
    let unit: WriteUnit = Box::new(move |transaction| {
        let result = work(transaction);
        let keep = if result.is_ok() { Keep::Commit } else { Keep::RollBack };
        // The receiver waits below until both messages have come.
        let _ = sender.send(Message::Result(result));
        keep
    });
    database.queue_write(unit, Box::new(move |answer| drop(answers.send(Message::Answer(answer)))));
    collect(&receiver, "write")
}

/// Runs a reading unit and waits.
pub fn read<T, E>(
    database: &dyn Database,
    work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(2);
    let answers = sender.clone();
    let unit: ReadUnit = Box::new(move |snapshot| drop(sender.send(Message::Result(work(snapshot)))));
    database.queue_read(unit, Box::new(move |answer| drop(answers.send(Message::Answer(answer)))));
    collect(&receiver, "read")
}

enum Message<T, E> {
    Result(Result<T, E>),
    Answer(Result<()>),
}

/// The unit's result counts once the engine's answer has come, and an error of the engine outweighs it.
fn collect<T, E: From<Error>>(
    receiver: &mpsc::Receiver<Message<T, E>>,
    operation: &'static str,
) -> Result<T, E> {
    let mut result = None;
    let gone = || E::from(Error::new(ErrorKind::Unavailable, operation, "the unit was dropped"));
    loop {
        match receiver.recv().map_err(|_| gone())? {
            Message::Result(value) => result = Some(value),
            Message::Answer(Ok(())) => return result.unwrap_or_else(|| Err(gone())),
            // The unit's own refusal says more than an engine's.
            Message::Answer(Err(error)) => match result {
                Some(Err(own)) => return Err(own),
                _ => return Err(E::from(error)),
            },
        }
    }
}
