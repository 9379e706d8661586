//! `GET /api/v1/admin/storage`: where the server's files lie, and how much room there is.

use super::Administrator;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use protocol::v1::{StoragePlace, StorageResponse, StoredThing};
use rustix::fs::{Access, AtFlags, CWD};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the server's files lie
///
/// Its data directory, the bytes of all versions, and the plain directories of folders for which none was named: how much is
/// free there, and whether the server may write.
#[utoipa::path(
    get,
    path = "/storage",
    operation_id = "get_storage",
    tag = "administration",
    responses(
        (status = 200, description = "The places.", body = StorageResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
) -> Result<Json<StorageResponse>, Failure> {
    let settings = &server.settings;
    let places = [
        (StoredThing::Data, settings.data.clone()),
        (StoredThing::Content, settings.content.clone()),
        (StoredThing::Plain, settings.plain.as_ref().map(|plain| plain.automatic.clone())),
    ];
    let looked = server.blocking(move || {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let known = places.into_iter().filter_map(|(holds, path)| Some((holds, path?)));
        Ok(known.map(|(holds, path)| look(holds, &path, &mounts)).collect())
    });
    Ok(Json(StorageResponse { places: looked.await? }))
}

fn look(holds: StoredThing, path: &Path, mounts: &str) -> StoragePlace {
    // What is made when it is first needed stands on the disk of what is there.
    let there =
        path.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_else(|| PathBuf::from("/"));
    let stat = rustix::fs::statvfs(&there).ok();
    let bytes = |blocks: fn(&rustix::fs::StatVfs) -> u64| {
        stat.as_ref().map(|stat| blocks(stat).saturating_mul(stat.f_frsize))
    };
    let may = Access::WRITE_OK | Access::EXEC_OK;
    StoragePlace {
        holds,
        path: path.display().to_string(),
        file_system: file_system(&there, mounts),
        free_bytes: bytes(|stat| stat.f_bavail),
        total_bytes: bytes(|stat| stat.f_blocks),
        writable: rustix::fs::accessat(CWD, &there, may, AtFlags::EACCESS).is_ok(),
    }
}

/// The type of the file system that a directory is in: of the mount with the longest path, the last of its equals
/// (proc_pid_mountinfo(5)).
fn file_system(path: &Path, mounts: &str) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = unescaped(mount.split(' ').nth(4)?);
        let holds = path.starts_with(Path::new(std::ffi::OsStr::from_bytes(&point)));
        holds.then(|| (point.len(), kind.split(' ').next().unwrap_or_default()))
    });
    mounted.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

/// Spaces and such stand there as `\040`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let number = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(number.unwrap_or(*first));
        rest = if number.is_some() { &after[3..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                          40 22 0:40 / /srv/my\\040files rw - btrfs /dev/sdb rw\n\
                          41 22 0:41 / /srv/my\\040files rw master:1 - zfs tank rw\n\
                          damaged line\n";

    #[test]
    fn the_file_system_is_that_of_the_nearest_mount() {
        let of = |path: &str| file_system(Path::new(path), MOUNTS);
        assert_eq!(of("/srv/my files/photos").as_deref(), Some("zfs"), "the last one mounted there");
        assert_eq!(of("/srv/my filesystem").as_deref(), Some("ext4"));
        assert_eq!(file_system(Path::new("/"), ""), None);
    }

    #[test]
    fn a_place_that_is_not_there_yet_is_on_the_disk_of_what_is() {
        let directory = tempfile::tempdir().unwrap();
        let place = look(StoredThing::Plain, &directory.path().join("a/b"), MOUNTS);
        assert!(
            place.writable && place.free_bytes > Some(0) && place.total_bytes >= place.free_bytes,
            "{place:?}"
        );
        assert!(place.path.ends_with("/a/b"));
    }
}
