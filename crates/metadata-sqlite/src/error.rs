//! Engine errors in the port's words.

use metadata::{Error, ErrorKind};
use rusqlite::ffi::ErrorCode;

/// Sorts an engine's error into its kind.
pub(crate) fn port_error(operation: &'static str, error: rusqlite::Error) -> Error {
    Error::with_source(kind(&error), operation, error)
}

pub(crate) fn kind(error: &rusqlite::Error) -> ErrorKind {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::ConstraintViolation => ErrorKind::Conflict,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Busy,
            ErrorCode::DiskFull => ErrorKind::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorKind::Corrupt,
            ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => {
                ErrorKind::Invalid
            }
            _ => ErrorKind::Unavailable,
        },
        E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..) => {
            ErrorKind::Corrupt
        }
        E::QueryReturnedNoRows => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    }
}

/// A value that no version of this program writes.
pub(crate) fn corrupt(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Null, what.into())
}
