//! Installing downloads while a user saves the same file, as fast as both can.

use crate::ground::{Ground, path};
use filesystem::change::{self, Expected, Outcome};
use filesystem::{Disk, ErrorKind, Place};
use model::{Name, Timestamp};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(2);

/// Saves by renaming a finished file over the old one, and tells what was there.
fn save_by_renaming(file: &Path, text: &str) -> String {
    let temporary = file.with_extension("tmp~");
    fs::write(&temporary, text).unwrap();
    renameat_with(CWD, &temporary, CWD, file, RenameFlags::EXCHANGE).unwrap();
    let overwritten = fs::read_to_string(&temporary).unwrap();
    fs::remove_file(temporary).unwrap();
    overwritten
}

/// Saves into the file itself, and tells what was there.
fn save_in_place(file: &Path, text: &str) -> String {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut overwritten = String::new();
    file.read_to_string(&mut overwritten).unwrap();
    file.set_len(0).unwrap();
    file.rewind().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    overwritten
}

#[derive(Debug, Default)]
struct Tally {
    done: u32,
    refused: u32,
    busy: u32,
    kept: u32,
}

/// Downloads new versions for as long as the user saves; what the disk shows is always taken in first.
fn download(ground: &Ground, is_over: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let place = Place::from(path("d/plan"));
    let asides = AtomicU32::new(0);
    let aside = |_| Name::new(&format!("aside {}", asides.fetch_add(1, Ordering::Relaxed))).unwrap();
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        let seen = change::read_stable(&ground.disk, &place, None, &mut |_| ControlFlow::Continue(()));
        let Ok(Some(fingerprint)) = seen else { continue };
        number += 1;
        let text = format!("download {number}");
        let mut file = ground.disk.stage_file().unwrap();
        file.write_at(0, text.as_bytes()).unwrap();
        let staged = file.finish(text.len() as u64, Timestamp(number), false).unwrap();
        let expected = Expected::Present { fingerprint: &fingerprint, proof: None };
        match change::install(&ground.disk, &staged, &path("d/plan"), expected, &aside) {
            Ok(Outcome::Done { .. }) => tally.done += 1,
            Ok(Outcome::Refused { kept, .. }) => {
                tally.refused += 1;
                tally.kept += u32::from(kept.is_some());
            }
            Err(error) if error.kind == ErrorKind::Busy => tally.busy += 1,
            // Replaced between two calls.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Changed) => {
                tally.refused += 1;
            }
            Err(error) => panic!("{error}: {:?}", error.source),
        }
    }
    tally
}

/// Every text in the tree and in the trash.
fn texts(ground: &Ground) -> BTreeSet<String> {
    ["d", ".driftless/trash"]
        .iter()
        .flat_map(|directory| fs::read_dir(ground.at(directory)).unwrap())
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

fn contend(save: fn(&Path, &str) -> String) {
    let ground = Ground::new();
    fs::create_dir(ground.at("d")).unwrap();
    let file = ground.at("d/plan");
    fs::write(&file, "save 0").unwrap();
    let is_over = AtomicBool::new(false);
    let (tally, saves, mut accounted) = std::thread::scope(|scope| {
        let downloads = scope.spawn(|| download(&ground, &is_over));
        let start = Instant::now();
        let mut overwritten = BTreeSet::new();
        let mut saves = 0;
        while start.elapsed() < TIME {
            saves += 1;
            overwritten.insert(save(&file, &format!("save {saves}")));
            std::thread::sleep(Duration::from_micros(300));
        }
        is_over.store(true, Ordering::Relaxed);
        (downloads.join().unwrap(), saves, overwritten)
    });
    // What a writer did to a file that was taken out at that very moment comes back now.
    let tended = change::tend(&ground.disk, &|_| false, Timestamp(0), &|_, name, attempt| {
        Name::new(&format!("{name} rescued {attempt}")).unwrap()
    })
    .unwrap();
    assert!(tended.problems.is_empty(), "{:?}", tended.problems);
    accounted.extend(texts(&ground));
    let lost: Vec<_> =
        (0..=saves).map(|n| format!("save {n}")).filter(|text| !accounted.contains(text)).collect();
    assert!(lost.is_empty(), "{saves} saves, {tally:?}: lost {lost:?}");
    assert!(tally.done > 10 && saves > 100, "{saves} saves, {tally:?}: too little happened");
    assert_eq!(fs::read_dir(ground.at(".driftless/stage")).unwrap().count(), 0);
}

#[test]
fn no_save_by_renaming_is_destroyed_by_downloads() {
    contend(save_by_renaming);
}

#[test]
fn no_save_in_place_is_destroyed_by_downloads() {
    contend(save_in_place);
}

#[test]
fn a_replaced_file_keeps_its_permissions_and_attributes() {
    use std::os::unix::fs::PermissionsExt as _;
    let ground = Ground::new();
    let file = ground.at("private");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    rustix::fs::setxattr(&file, "user.note", b"mine", rustix::fs::XattrFlags::empty()).unwrap();
    let mut staged = ground.disk.stage_file().unwrap();
    staged.write_at(0, b"new").unwrap();
    let staged = staged.finish(3, Timestamp(5_000_000_000), true).unwrap();
    let fingerprint = ground.disk.look(&path("private").into()).unwrap().unwrap().fingerprint;
    let expected = Expected::Present { fingerprint: &fingerprint, proof: None };
    let outcome =
        change::install(&ground.disk, &staged, &path("private"), expected, &|_| Name::new("x").unwrap())
            .unwrap();
    let Outcome::Done { fingerprint, .. } = outcome else { panic!("{outcome:?}") };
    assert!(fingerprint.executable && fingerprint.mtime == Timestamp(5_000_000_000));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o700);
    let mut note = [0; 16];
    let length = rustix::fs::getxattr(&file, "user.note", &mut note[..]).unwrap();
    assert_eq!(&note[..length], b"mine");
    assert_eq!(fs::read(&file).unwrap(), b"new");
}

/// What root makes in somebody's directory is theirs. Needs root.
#[test]
fn what_root_makes_belongs_to_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new();
    chown(ground.root(), Some(1234), Some(5678)).unwrap();
    fs::set_permissions(ground.root(), fs::Permissions::from_mode(0o2770)).unwrap();
    change::make_directory(&ground.disk, &path("d")).unwrap();
    let mut file = ground.disk.stage_file().unwrap();
    file.write_at(0, b"one").unwrap();
    let staged = file.finish(3, Timestamp(0), false).unwrap();
    let unused = |_| Name::new("aside").unwrap();
    let installed = change::install(&ground.disk, &staged, &path("d/f"), Expected::Absent, &unused).unwrap();
    assert!(matches!(installed, Outcome::Done { .. }));
    for (name, mode) in [("d", 0o2770), ("d/f", 0o660)] {
        let found = fs::symlink_metadata(ground.at(name)).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (1234, 5678, mode), "{name}");
    }
}
