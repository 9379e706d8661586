//! Full disks, forbidden directories, mounts, depths.

use crate::ground::{Ground, path};
use filesystem::{Disk as _, ErrorKind, Place};
use model::{EntryKind, Name, RelativePath};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// None where mounting is not permitted.
    fn new(at: &Path, options: &str) -> Option<Self> {
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().ok()?;
        if !output.status.success() {
            skip(&format!("mounting is not permitted: {}", String::from_utf8_lossy(&output.stderr)));
            return None;
        }
        Some(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[allow(clippy::print_stderr, reason = "who runs the tests has to know what was not tested")]
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

#[test]
fn a_full_disk_is_told_as_such_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(directory.path(), "size=1m") else { return };
    let ground = Ground::within(directory.path());
    assert!(ground.disk.free_bytes().unwrap() <= 1 << 20);
    let mut file = ground.disk.stage_file().unwrap();
    assert_eq!(file.reserve(2 << 20).unwrap_err().kind, ErrorKind::NoSpace);
    file.reserve(1 << 19).unwrap();
    assert!(ground.disk.free_bytes().unwrap() <= 1 << 19, "room is really reserved");
    let error = (0..3).find_map(|part| file.write_at(part << 19, &vec![1; 1 << 19]).err()).unwrap();
    assert_eq!(error.kind, ErrorKind::NoSpace);
    ground.disk.discard_staged(file.id()).unwrap();
    drop(file);
    assert!(ground.disk.free_bytes().unwrap() > 1 << 19);
}

#[test]
fn a_disk_without_inodes_left_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(directory.path(), "nr_inodes=30") else { return };
    let ground = Ground::within(directory.path());
    let error = (0..40).find_map(|_| ground.disk.stage_file().err()).unwrap();
    assert_eq!(error.kind, ErrorKind::NoSpace);
    assert_eq!(ground.disk.make_directory(&path("d")).unwrap_err().kind, ErrorKind::NoSpace);
}

#[test]
fn a_mount_inside_is_seen_and_not_entered() {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("d/mount")).unwrap();
    fs::write(ground.at("d/mount/hidden"), b"").unwrap();
    {
        let Some(_mount) = Mount::new(&ground.at("d/mount"), "size=1m") else { return };
        fs::write(ground.at("d/mount/x"), b"1").unwrap();
        let entry = ground.disk.look(&path("d/mount").into()).unwrap().unwrap();
        assert_eq!(entry.kind, EntryKind::OtherFileSystem);
        assert_eq!(ground.disk.list(&path("d").into()).unwrap().entries, [entry]);
        for error in [
            ground.disk.list(&path("d/mount").into()).unwrap_err(),
            ground.disk.look(&path("d/mount/x").into()).unwrap_err(),
            ground.disk.look(&path("d/mount/hidden").into()).unwrap_err(),
            ground.disk.make_directory(&path("d/mount/new")).unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        }
    }
    assert_eq!(ground.disk.list(&path("d/mount").into()).unwrap().entries.len(), 1);
}

#[test]
fn a_read_only_disk_is_told_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(directory.path(), "size=1m") else { return };
    let ground = Ground::within(directory.path());
    fs::write(ground.at("a"), b"1").unwrap();
    let status = Command::new("mount").args(["-o", "remount,ro"]).arg(&mount.0).status().unwrap();
    assert!(status.success());
    assert_eq!(ground.disk.stage_file().unwrap_err().kind, ErrorKind::ReadOnly);
    assert_eq!(
        ground.disk.rename_new(&path("a").into(), &path("b").into()).unwrap_err().kind,
        ErrorKind::ReadOnly
    );
    assert!(ground.disk.look(&path("a").into()).unwrap().is_some());
    let status = Command::new("mount").args(["-o", "remount,rw"]).arg(&mount.0).status().unwrap();
    assert!(status.success());
}

/// Acts as a user without privileges on the file system; only this thread does.
#[allow(unsafe_code, reason = "no safe wrapper changes the identity of one thread only")]
fn as_nobody(act: impl FnOnce() + Send) {
    if !rustix::process::geteuid().is_root() {
        return act();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: it changes the identity of the calling thread only, which ends with this closure.
            unsafe { libc::setfsuid(65_534) };
            act();
        });
    });
}

#[test]
fn what_may_not_be_read_is_denied_and_never_gone() {
    use std::os::unix::fs::PermissionsExt as _;
    let ground = Ground::new();
    let chmod =
        |at: &str, mode| fs::set_permissions(ground.at(at), fs::Permissions::from_mode(mode)).unwrap();
    fs::set_permissions(ground.outside(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(ground.at("closed/below")).unwrap();
    fs::create_dir(ground.at("unsearchable")).unwrap();
    fs::write(ground.at("unsearchable/x"), b"1").unwrap();
    fs::write(ground.at("unreadable"), b"1").unwrap();
    chmod("closed", 0o700);
    chmod("unsearchable", 0o744);
    chmod("unreadable", 0o600);
    as_nobody(|| {
        let denied = [
            ground.disk.list(&path("closed").into()).unwrap_err(),
            ground.disk.look(&path("closed/below").into()).unwrap_err(),
            ground.disk.look(&path("closed/none").into()).unwrap_err(),
            ground.disk.open_read(&path("unreadable").into()).unwrap_err(),
            ground.disk.rename_new(&path("unreadable").into(), &path("b").into()).unwrap_err(),
            ground.disk.make_directory(&path("new")).unwrap_err(),
        ];
        for error in denied {
            assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        }
        let listing = ground.disk.list(&path("unsearchable").into()).unwrap();
        assert_eq!((listing.entries.len(), listing.unseen.len()), (0, 1));
        assert_eq!(listing.unseen[0].kind, ErrorKind::Denied);
        assert_eq!(listing.unseen[0].name, Some(Name::new("x").unwrap()));
        assert_eq!(ground.disk.list(&Place::Tree(RelativePath::root())).unwrap().entries.len(), 3);
    });
}

#[test]
fn a_deep_tree_is_listed_and_one_too_deep_for_the_system_is_told() {
    let ground = Ground::new();
    let name = Name::new(&"d".repeat(200)).unwrap();
    let mut at = RelativePath::root();
    for _ in 0..19 {
        at = at.join(&name);
        ground.disk.make_directory(&at).unwrap();
    }
    assert!(ground.disk.list(&at.clone().into()).unwrap().entries.is_empty());
    for _ in 0..5 {
        at = at.join(&name);
    }
    assert_eq!(ground.disk.list(&at.into()).unwrap_err().kind, ErrorKind::NameNotPossible);
}

#[test]
fn a_name_that_cannot_be_one_is_told_with_its_bytes() {
    let ground = Ground::new();
    // Bytes that are no text take three in a name, and then there are more than 255.
    let raw = vec![0xff; 100];
    fs::write(ground.root().join(OsStr::from_bytes(&raw)), b"1").unwrap();
    let listing = ground.disk.list(&RelativePath::root().into()).unwrap();
    assert!(listing.entries.is_empty());
    assert_eq!((&*listing.unseen[0].bytes, listing.unseen[0].kind), (&raw[..], ErrorKind::NameNotPossible));
}
