//! A database that comes from a backup begins anew: what was given out after the backup must not be taken for something else.
//!
//! A new epoch makes every client list its folders anew and merge. Beyond that, all numbers go on far above those that may
//! have been given out since: a change that some client has not got rid of, made to a node or based on a number that the
//! restored server never gave, meets neither that node nor that number ever again, and is refused.

use crate::Error;
use metadata::folder::{FolderCounters, FolderSettings};
use metadata::setting::Setting;
use metadata::{Database, write};
use model::{Epoch, NodeId, Seq};

/// How far numbers jump: more changes than any folder sees between two backups.
pub const NUMBERS_SKIPPED: u64 = 1 << 32;

/// How far ids of folders jump. A device that keeps a folder of after the backup must not meet another one under its id, and
/// merge the two.
pub const FOLDERS_SKIPPED: u64 = 1 << 20;

/// Begins a new epoch, lets all numbers jump, and takes plain directories away from their folders: a second server at work in
/// the same directory would bring back there what was removed since the backup.
///
/// # Errors
/// `Database`.
pub fn begin_anew(database: &dyn Database, epoch: Epoch) -> Result<(), Error> {
    write(database, move |transaction| {
        transaction.put_setting(Setting::Epoch, &epoch.0)?;
        transaction.skip_folder_ids(FOLDERS_SKIPPED)?;
        for folder in transaction.folders()? {
            let old = folder.counters;
            let counters = FolderCounters {
                head: Seq(old.head.0.saturating_add(NUMBERS_SKIPPED)),
                next_node: NodeId(old.next_node.0.saturating_add(NUMBERS_SKIPPED)),
                ..old
            };
            transaction.set_folder_counters(folder.id, &counters)?;
            if folder.settings.plain_directory.is_some() {
                let settings = FolderSettings { plain_directory: None, ..folder.settings };
                transaction.set_folder(folder.id, &settings)?;
            }
        }
        Ok(())
    })
}
