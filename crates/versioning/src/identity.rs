//! Who the server is: its lineage and its own keys, made once.

use crate::Error;
use metadata::setting::Setting;
use metadata::{Database, Snapshot, write};
use model::Epoch;

/// The server's lineage and keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The lineage.
    pub epoch: Epoch,
    /// The key that cursors are authenticated with.
    pub cursor_key: [u8; 32],
    /// The key of whatever else must not be guessable.
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity {{ epoch: {} }}", self.epoch)
    }
}

/// What is stored; where nothing is stored yet, `fresh` is, and given back.
pub fn identity(database: &dyn Database, fresh: Identity) -> Result<Identity, Error> {
    write(database, move |transaction| {
        let stored = |setting, value: &[u8]| -> Result<Vec<u8>, Error> {
            if let Some(stored) = transaction.setting(setting)? {
                return Ok(stored);
            }
            transaction.put_setting(setting, value)?;
            Ok(value.to_vec())
        };
        Ok(Identity {
            epoch: Epoch(fixed(&stored(Setting::Epoch, &fresh.epoch.0)?)?),
            cursor_key: fixed(&stored(Setting::CursorKey, &fresh.cursor_key)?)?,
            server_key: fixed(&stored(Setting::ServerKey, &fresh.server_key)?)?,
        })
    })
}

/// Starts a new lineage: after a restore from a backup, or when a cursor proves that the server was rolled back.
pub fn start_epoch(database: &dyn Database, epoch: Epoch) -> Result<(), Error> {
    write(database, move |transaction| Ok(transaction.put_setting(Setting::Epoch, &epoch.0)?))
}

/// The lineage; zeros before [`identity`] was called.
pub(crate) fn epoch(snapshot: &dyn Snapshot) -> Result<Epoch, Error> {
    Ok(Epoch(match snapshot.setting(Setting::Epoch)? {
        Some(bytes) => fixed(&bytes)?,
        None => [0; 16],
    }))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Error> {
    let wrong = || metadata::Error::new(metadata::ErrorKind::Corrupt, "setting", "a value of another length");
    Ok(bytes.try_into().map_err(|_| wrong())?)
}
