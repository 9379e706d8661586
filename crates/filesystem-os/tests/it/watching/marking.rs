//! What only fanotify does, and when it is not used.

use super::{Mirror, WatchMode, WatchOptions, best, by, is_root, say, without_privileges};
use crate::ground::{Ground, MARKER, path};
use filesystem::{ErrorKind, WatchEvent, WatchMethod, Watcher as _};
use filesystem_os::OsDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// None where mounting is not permitted.
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let output = Command::new("mount").args(arguments).arg(at).output().ok()?;
        if !output.status.success() {
            say(&format!("skipped: mounting is not permitted: {}", String::from_utf8_lossy(&output.stderr)));
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

#[test]
fn the_status_says_what_is_at_work_and_why_it_is_not_better() {
    let ground = Ground::new();
    for (mode, method) in [
        (WatchMode::Inotify, WatchMethod::Inotify),
        (WatchMode::Scan, WatchMethod::Scan),
        (best(), if is_root() { WatchMethod::Fanotify } else { WatchMethod::Inotify }),
        (WatchMode::Auto, if is_root() { WatchMethod::Fanotify } else { WatchMethod::Inotify }),
    ] {
        let mirror = Mirror::new(&ground, by(mode));
        let status = mirror.watcher.status();
        assert_eq!(status.method, method, "{mode}: {status:?}");
        assert_eq!(status.stopped.is_some(), mode == WatchMode::Scan);
        mirror.woken.recv_timeout(super::PATIENCE).unwrap();
        assert_eq!(mirror.watcher.take(), [WatchEvent::Lost(path(""))], "{mode}: the first word");
    }
    drop(ground);
    without_privileges(|| {
        let ground = Ground::new();
        let status = Mirror::new(&ground, WatchOptions::default()).watcher.status();
        assert_eq!(status.method, WatchMethod::Inotify);
        assert!(status.instead.unwrap().contains("SYS_ADMIN"));
        let refused = ground.disk.watch(by(WatchMode::Fanotify), Box::new(|| {})).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unsupported);
    });
}

#[test]
fn a_mode_is_read_as_it_is_written() {
    for mode in [WatchMode::Auto, WatchMode::Fanotify, WatchMode::Inotify, WatchMode::Scan] {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    assert!("notify".parse::<WatchMode>().is_err());
}

#[test]
fn a_renamed_directory_is_lost_only_if_something_happened_in_it() {
    if !is_root() {
        return say("skipped: fanotify needs root");
    }
    let ground = Ground::new();
    fs::create_dir_all(ground.at("a/b/c")).unwrap();
    let mut mirror = Mirror::new(&ground, by(WatchMode::Fanotify));
    mirror.catch_up();
    fs::rename(ground.at("a"), ground.at("d")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    let expected = [WatchEvent::Entry(path("a")), WatchEvent::Entry(path("d")), WatchEvent::Passed(barrier)];
    assert_eq!(mirror.told_before(barrier), expected);
    fs::write(ground.at("d/b/c/x"), b"1").unwrap();
    fs::rename(ground.at("d"), ground.at("e")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    // Whoever was told of the file by its old path, and comes too late, looks everywhere below the new one.
    assert!(mirror.told_before(barrier).contains(&WatchEvent::Lost(path("e"))));
}

#[test]
fn a_directory_that_another_replaces_is_forgotten() {
    if !is_root() {
        return say("skipped: fanotify needs root");
    }
    let ground = Ground::new();
    let mut mirror = Mirror::new(&ground, by(WatchMode::Fanotify));
    mirror.catch_up();
    for _ in 0..100 {
        fs::create_dir_all(ground.at("a")).unwrap();
        fs::create_dir_all(ground.at("b")).unwrap();
        fs::rename(ground.at("a"), ground.at("b")).unwrap();
    }
    fs::create_dir(ground.at("c")).unwrap();
    mirror.catch_up();
    mirror.assert_complete("replaced 100 times");
    for _ in 0..100 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        mirror.catch_up();
        if mirror.watcher.status().watched == 3 {
            return;
        }
    }
    panic!("{:?}", mirror.watcher.status());
}

#[test]
fn a_mount_inside_is_not_ours_even_if_its_handles_look_alike() {
    if !is_root() {
        return say("skipped: fanotify needs root");
    }
    let directory = tempfile::tempdir().unwrap();
    let Some(_outer) = Mount::new(&["-t", "tmpfs", "tmpfs"], directory.path()) else { return };
    let ground = Ground::within(directory.path());
    fs::create_dir_all(ground.at("d/inner")).unwrap();
    let Some(inner) = Mount::new(&["-t", "tmpfs", "tmpfs"], &ground.at("d/inner")) else { return };
    let mut mirror = Mirror::new(&ground, WatchOptions::default());
    if mirror.watcher.status().method != WatchMethod::Fanotify {
        return say(&format!("skipped: no fanotify on tmpfs: {:?}", mirror.watcher.status()));
    }
    mirror.catch_up();
    assert_eq!(mirror.watcher.status().watched, 2);
    fs::write(ground.at("d/inner/x"), b"1").unwrap();
    fs::create_dir(ground.at("d/inner/y")).unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert_eq!(mirror.told_before(barrier), [WatchEvent::Passed(barrier)]);
    fs::write(ground.at("d/x"), b"1").unwrap();
    let barrier = mirror.watcher.barrier().unwrap();
    assert!(mirror.told_before(barrier).contains(&WatchEvent::Entry(path("d/x"))));
    drop(inner);
}

#[test]
fn a_root_that_is_mounted_elsewhere_is_told_of_what_is_done_at_either_place() {
    if !is_root() {
        return say("skipped: fanotify needs root");
    }
    let directory = tempfile::tempdir().unwrap();
    let (real, bound) = (directory.path().join("real"), directory.path().join("bound"));
    fs::create_dir_all(real.join("d")).unwrap();
    fs::create_dir(&bound).unwrap();
    let Some(_mount) = Mount::new(&["--bind", real.to_str().unwrap()], &bound) else { return };
    OsDisk::create(&bound, MARKER).unwrap();
    let disk = OsDisk::open(&bound, MARKER).unwrap();
    let mut mirror = Mirror::of(disk, by(WatchMode::Fanotify));
    mirror.catch_up();
    for at in [real.join("d/x"), bound.join("d/y")] {
        fs::create_dir(&at).unwrap();
        fs::write(at.join("file"), b"1").unwrap();
    }
    mirror.catch_up();
    mirror.assert_complete("by the real path and by the mount");
    assert!(mirror.known.contains_key(&path("d/x/file")) && mirror.known.contains_key(&path("d/y/file")));
}

#[test]
fn where_handles_cannot_be_opened_inotify_watches() {
    if !is_root() {
        return say("skipped: mounting needs root");
    }
    let directory = tempfile::tempdir().unwrap();
    let Some(_base) = Mount::new(&["-t", "tmpfs", "tmpfs"], directory.path()) else { return };
    let at = |name: &str| directory.path().join(name);
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir(at(name)).unwrap();
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        at("lower").display(),
        at("upper").display(),
        at("work").display()
    );
    let Some(_overlay) = Mount::new(&["-t", "overlay", "-o", &options, "overlay"], &at("merged")) else {
        return;
    };
    let ground = Ground::within(&at("merged"));
    let mut mirror = Mirror::new(&ground, WatchOptions::default());
    let status = mirror.watcher.status();
    assert_eq!(status.method, WatchMethod::Inotify, "{status:?}");
    assert!(status.instead.is_some());
    mirror.catch_up();
    fs::create_dir(ground.at("d")).unwrap();
    fs::write(ground.at("d/x"), b"1").unwrap();
    mirror.catch_up();
    mirror.assert_complete("on an overlay");
}

#[test]
fn two_replicas_of_one_file_system_are_told_each_their_own() {
    let (one, other) = (Ground::new(), Ground::new());
    let mut mirrors = [Mirror::new(&one, by(best())), Mirror::new(&other, by(best()))];
    mirrors.iter_mut().for_each(Mirror::catch_up);
    fs::create_dir(one.at("d")).unwrap();
    fs::write(one.at("d/x"), b"1").unwrap();
    let barrier = mirrors[1].watcher.barrier().unwrap();
    assert_eq!(mirrors[1].told_before(barrier), [WatchEvent::Passed(barrier)]);
    // Between them, too.
    fs::rename(one.at("d"), other.at("d")).unwrap();
    fs::write(other.at("d/y"), b"1").unwrap();
    for mirror in &mut mirrors {
        mirror.catch_up();
        mirror.assert_complete("after a move between replicas");
    }
    assert!(mirrors[1].known.contains_key(&path("d/y")));
}
