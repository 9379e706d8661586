//! Nothing outside of the root is read or written, whatever links a user makes at whatever moment.

use crate::ground::{Ground, path};
use filesystem::Disk as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_millis(1500);

#[test]
fn a_directory_swapped_for_a_link_leads_nowhere() {
    let ground = Ground::new();
    let outside = ground.outside().join("outside");
    fs::create_dir_all(outside.join("below")).unwrap();
    fs::write(outside.join("below/secret"), b"secret").unwrap();
    fs::create_dir_all(ground.at("a/below")).unwrap();
    fs::write(ground.at("a/below/secret"), b"public").unwrap();
    let is_over = AtomicBool::new(false);
    let installed = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                fs::rename(ground.at("a"), ground.at("b")).unwrap();
                symlink(&outside, ground.at("a")).unwrap();
                fs::remove_file(ground.at("a")).unwrap();
                fs::rename(ground.at("b"), ground.at("a")).unwrap();
            }
        });
        let start = Instant::now();
        let mut installed = 0;
        let mut number = 0;
        while start.elapsed() < TIME {
            number += 1;
            installed += u32::from(poke(&ground, number));
        }
        is_over.store(true, Ordering::Relaxed);
        installed
    });
    assert!(installed > 0, "never in time for the real directory");
    let left: Vec<_> = fs::read_dir(outside.join("below")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["secret"]);
    assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
}

/// Does one of everything at a path through the swapped directory; whether the install went in.
fn poke(ground: &Ground, number: u32) -> bool {
    let disk = &ground.disk;
    if let Ok(mut file) = disk.open_read(&path("a/below/secret").into()) {
        let mut bytes = [0; 16];
        let length = file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"public");
    }
    if let Ok(listing) = disk.list(&path("a").into()) {
        assert_eq!(listing.entries.len(), 1);
    }
    let _ = disk.make_directory(&path(&format!("a/below/d{number}")));
    let staged = disk.stage_file().unwrap().finish(0, model::Timestamp(0), false).unwrap();
    let place = filesystem::Place::Staged(staged.id);
    let is_in = disk.rename_new(&place, &path(&format!("a/below/f{number}")).into()).is_ok();
    if !is_in {
        disk.discard_staged(staged.id).unwrap();
    }
    is_in
}

#[test]
fn a_link_in_place_of_the_private_directory_is_not_followed() {
    let ground = Ground::new();
    let root = ground.outside().join("other");
    let elsewhere = ground.outside().join("elsewhere");
    fs::create_dir(&root).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, root.join(".driftless")).unwrap();
    assert!(filesystem_os::OsDisk::create(&root, "pair").is_err());
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}
