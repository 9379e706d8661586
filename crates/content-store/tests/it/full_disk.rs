//! A disk that is really full: a small tmpfs.

use crate::{open, pack_files};
use content::conformance::{append, expect_readable, noise, single};
use content::{ChunkStore, Depth, ErrorKind, Retry};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A tmpfs, unmounted when dropped.
struct Tmpfs(TempDir);

impl Tmpfs {
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    /// `None`, with a printed reason, where mounting is not permitted.
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(directory)),
            Ok(output) => {
                eprintln!("skipped: no tmpfs here: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: no mount here: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the tmpfs of the test is unmounted");
    }
}

#[test]
fn a_full_disk_refuses_cleanly_and_the_store_goes_on_when_there_is_room() {
    let Some(disk) = Tmpfs::mount("4m") else { return };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, noise(0, 2 << 20)).unwrap();
    let packs = disk.path().join("packs");
    let store = open(&packs);

    let mut located = Vec::new();
    let mut refused = None;
    for seed in 1..100 {
        match append(&store, &[single(&noise(seed, 70_000)), single(&noise(seed + 1000, 70_000))]) {
            Ok(places) => located.extend(places),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("a disk of 4 MiB is full at some time");
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::NoSpace, Retry::AfterSpaceIsFreed));
    assert!(located.len() > 10);
    expect_readable(&store, &located);

    // Nothing half is left, and refusing again and again neither fills the disk nor leaves empty packs behind.
    let sizes =
        || -> Vec<u64> { pack_files(&packs).iter().map(|pack| fs::metadata(pack).unwrap().len()).collect() };
    let before = sizes();
    for _ in 0..20 {
        let error = append(&store, &[single(&noise(7, 900_000))]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace);
    }
    assert_eq!(sizes().iter().sum::<u64>(), before.iter().sum::<u64>());
    for info in store.packs().unwrap() {
        let summary = store.scan(info.pack, Depth::AllBytes, &mut |_| ()).unwrap();
        assert!(summary.is_clean() && summary.tail_bytes == 0, "{summary:?}");
    }

    fs::remove_file(ballast).unwrap();
    located.extend(append(&store, &[single(&noise(7, 900_000))]).unwrap());
    expect_readable(&store, &located);
    drop(store);
    expect_readable(&open(&packs), &located);
}
