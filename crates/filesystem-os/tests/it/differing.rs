//! The fake disk does what the real one does: the same random acts, by a user and through the port, have the same
//! results and leave the same tree.

use crate::ground::Ground;
use filesystem::change::{self, Expected, Outcome};
use filesystem::fake::{FakeDisk, FakeOptions, Seen};
use filesystem::{Disk, Place};
use model::{EntryKind, Fingerprint, Name, RelativePath, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 31)) % end
    }

    fn path(&mut self) -> RelativePath {
        let depth = 1 + self.below(3);
        (0..depth).map(|_| Name::new(["a", "b", "c.part"][self.below(3) as usize]).unwrap()).collect()
    }
}

/// One act, the same on both disks.
#[derive(Debug, Clone)]
enum Act {
    Write(RelativePath, u64),
    Rename(RelativePath, RelativePath),
    Remove(RelativePath),
    Link(RelativePath),
    Remember(RelativePath),
    MakeDirectory(RelativePath),
    RenameNew(RelativePath, RelativePath),
    Exchange(RelativePath, RelativePath),
    Install(RelativePath, u64),
    Replace(RelativePath, u64),
    RemoveNode(RelativePath),
    Move(RelativePath, RelativePath),
    SetAttributes(RelativePath, bool),
    Look(RelativePath),
    List(RelativePath),
    Tend,
}

fn choose(random: &mut Random) -> Act {
    let (one, other, number) = (random.path(), random.path(), random.below(1000));
    match random.below(20) {
        0..=2 => Act::Write(one, number),
        3 => Act::Rename(one, other),
        4 => Act::Remove(one),
        5 => Act::Link(one),
        6 | 7 => Act::Remember(one),
        8 | 9 => Act::MakeDirectory(one),
        10 => Act::RenameNew(one, other),
        11 => Act::Exchange(one, other),
        12 => Act::Install(one, number),
        13 | 14 => Act::Replace(one, number),
        15 => Act::RemoveNode(one),
        16 => Act::Move(one, other),
        17 => Act::SetAttributes(one, number % 2 == 0),
        18 => {
            if number % 2 == 0 {
                Act::Look(one)
            } else {
                Act::List(one)
            }
        }
        _ => Act::Tend,
    }
}

/// A disk with a user, real or not.
trait Side {
    fn disk(&self) -> &dyn Disk;
    fn write(&self, at: &RelativePath, text: &str) -> bool;
    fn rename(&self, from: &RelativePath, to: &RelativePath) -> bool;
    fn remove(&self, at: &RelativePath) -> bool;
    fn link(&self, at: &RelativePath) -> bool;
    fn tree(&self) -> BTreeMap<String, String>;
    fn remembered(&mut self) -> &mut BTreeMap<RelativePath, Fingerprint>;
}

struct Fake(FakeDisk, BTreeMap<RelativePath, Fingerprint>);

impl Side for Fake {
    fn disk(&self) -> &dyn Disk {
        &self.0
    }
    fn write(&self, at: &RelativePath, text: &str) -> bool {
        self.0.user(|user| user.write(at, text.as_bytes())).is_ok()
    }
    fn rename(&self, from: &RelativePath, to: &RelativePath) -> bool {
        self.0.user(|user| user.rename(from, to)).is_ok()
    }
    fn remove(&self, at: &RelativePath) -> bool {
        self.0.user(|user| user.remove(at)).is_ok()
    }
    fn link(&self, at: &RelativePath) -> bool {
        self.0.user(|user| user.make_link(at, b"b")).is_ok()
    }
    fn tree(&self) -> BTreeMap<String, String> {
        let tree = self.0.user(|user| user.tree());
        tree.into_iter()
            .map(|(at, seen)| {
                let seen = match seen {
                    Seen::Directory => "directory".to_owned(),
                    Seen::File { bytes, executable, .. } => {
                        format!("{} {executable}", String::from_utf8_lossy(&bytes))
                    }
                    Seen::Link(target) => format!("-> {}", String::from_utf8_lossy(&target)),
                    Seen::Special => "special".to_owned(),
                };
                (at.to_string(), seen)
            })
            .collect()
    }
    fn remembered(&mut self) -> &mut BTreeMap<RelativePath, Fingerprint> {
        &mut self.1
    }
}

struct Real(Ground, BTreeMap<RelativePath, Fingerprint>);

impl Real {
    fn at(&self, at: &RelativePath) -> PathBuf {
        self.0.at(&at.to_string())
    }

    /// A link in a path leads elsewhere for a real user; the fake's users do not follow any.
    fn leads_through_a_link(&self, at: &RelativePath) -> bool {
        let names = at.names();
        (1..=names.len()).any(|length| {
            let above: RelativePath = names[..length].iter().cloned().collect();
            self.at(&above).is_symlink()
        })
    }

    fn is_below_a_link(&self, at: &RelativePath) -> bool {
        at.split().is_some_and(|(parent, _)| self.leads_through_a_link(&parent))
    }

    fn collect(&self, at: &RelativePath, tree: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(self.at(at)).unwrap() {
            let entry = entry.unwrap();
            let name = Name::new(&entry.file_name().into_string().unwrap()).unwrap();
            if name.as_str() == ".driftless" {
                continue;
            }
            let at = at.join(&name);
            let metadata = entry.metadata().unwrap();
            let seen = if metadata.is_dir() {
                self.collect(&at, tree);
                "directory".to_owned()
            } else if metadata.is_symlink() {
                format!("-> {}", fs::read_link(entry.path()).unwrap().display())
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                format!("{} {executable}", fs::read_to_string(entry.path()).unwrap())
            };
            tree.insert(at.to_string(), seen);
        }
    }
}

impl Side for Real {
    fn disk(&self) -> &dyn Disk {
        &self.0.disk
    }
    fn write(&self, at: &RelativePath, text: &str) -> bool {
        !self.leads_through_a_link(at) && fs::write(self.at(at), text).is_ok()
    }
    fn rename(&self, from: &RelativePath, to: &RelativePath) -> bool {
        !self.is_below_a_link(from)
            && !self.is_below_a_link(to)
            && fs::rename(self.at(from), self.at(to)).is_ok()
    }
    fn remove(&self, at: &RelativePath) -> bool {
        !self.is_below_a_link(at)
            && (fs::remove_file(self.at(at)).is_ok() || fs::remove_dir(self.at(at)).is_ok())
    }
    fn link(&self, at: &RelativePath) -> bool {
        !self.is_below_a_link(at) && symlink("b", self.at(at)).is_ok()
    }
    fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        self.collect(&RelativePath::root(), &mut tree);
        tree
    }
    fn remembered(&mut self) -> &mut BTreeMap<RelativePath, Fingerprint> {
        &mut self.1
    }
}

fn aside(attempt: u32) -> Name {
    Name::new(&format!("aside {attempt}")).unwrap()
}

fn told<T>(result: filesystem::Result<T>, tell: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => tell(value),
        Err(error) => format!("{:?}", error.kind),
    }
}

fn told_outcome(result: filesystem::Result<Outcome>) -> String {
    told(result, |outcome| match outcome {
        Outcome::Done { trashed, .. } => format!("done, trashed: {}", trashed.is_some()),
        Outcome::Refused { found, kept } => {
            format!("refused, found {:?}, kept {kept:?}", found.map(|entry| told_kind(&entry.kind)))
        }
    })
}

fn told_kind(kind: &EntryKind) -> String {
    format!("{kind:?}")
}

/// What comes of an act, in words that are the same for the same result.
fn perform(side: &mut dyn Side, act: &Act) -> String {
    let known = |side: &mut dyn Side, at: &RelativePath| side.remembered().get(at).cloned();
    match act {
        Act::Write(at, number) => side.write(at, &format!("user {number}")).to_string(),
        Act::Rename(from, to) => side.rename(from, to).to_string(),
        Act::Remove(at) => side.remove(at).to_string(),
        Act::Link(at) => side.link(at).to_string(),
        Act::Remember(at) => {
            let found = side.disk().look(&at.into()).unwrap();
            let kind = found.as_ref().map(|entry| told_kind(&entry.kind));
            found.map(|entry| side.remembered().insert(at.clone(), entry.fingerprint));
            format!("{kind:?}")
        }
        Act::MakeDirectory(at) => told_outcome(change::make_directory(side.disk(), at)),
        Act::RenameNew(from, to) => {
            told(side.disk().rename_new(&from.into(), &to.into()), |()| "done".into())
        }
        Act::Exchange(one, other) => {
            told(side.disk().exchange(&one.into(), &other.into()), |()| "done".into())
        }
        Act::Install(at, number) => install(side, at, *number, None),
        Act::Replace(at, number) => match known(side, at) {
            Some(fingerprint) => install(side, at, *number, Some(&fingerprint)),
            None => String::new(),
        },
        Act::RemoveNode(at) => match known(side, at) {
            Some(fingerprint) => told_outcome(change::remove(side.disk(), at, &fingerprint, None, &aside)),
            None => String::new(),
        },
        Act::Move(from, to) => match known(side, from) {
            Some(fingerprint) => told_outcome(change::move_node(side.disk(), from, to, &fingerprint, &aside)),
            None => String::new(),
        },
        Act::SetAttributes(at, executable) => match known(side, at) {
            Some(fingerprint) => {
                let set = change::set_attributes(
                    side.disk(),
                    at,
                    &fingerprint,
                    Timestamp(9_000_000_000),
                    *executable,
                );
                told_outcome(set)
            }
            None => String::new(),
        },
        Act::Look(at) => told(side.disk().look(&at.into()), |found| {
            format!("{:?}", found.map(|entry| (told_kind(&entry.kind), entry.fingerprint.size)))
        }),
        Act::List(at) => told(side.disk().list(&at.into()), |listing| {
            let entries =
                listing.entries.iter().map(|entry| format!("{} {}", entry.name, told_kind(&entry.kind)));
            entries.collect::<Vec<_>>().join(", ")
        }),
        Act::Tend => {
            let later = Timestamp(i64::MAX);
            let tended = change::tend(side.disk(), &|_| false, later, &|_, name, attempt| {
                Name::new(&format!("{name} rescued {attempt}")).unwrap()
            })
            .unwrap();
            format!("{} {} {} {:?}", tended.swept, tended.emptied, tended.kept, tended.rescued)
        }
    }
}

fn install(side: &dyn Side, at: &RelativePath, number: u64, known: Option<&Fingerprint>) -> String {
    let disk = side.disk();
    let text = format!("download {number}");
    let mut file = disk.stage_file().unwrap();
    file.write_at(0, text.as_bytes()).unwrap();
    let staged = file.finish(text.len() as u64, Timestamp(1_000_000_000), number.is_multiple_of(3)).unwrap();
    let expected =
        known.map_or(Expected::Absent, |fingerprint| Expected::Present { fingerprint, proof: None });
    let outcome = change::install(disk, &staged, at, expected, &aside);
    let is_left = disk.look(&Place::Staged(staged.id)).unwrap().is_some();
    format!("{}, staged still: {is_left}", told_outcome(outcome))
}

#[test]
fn the_fake_disk_and_the_real_one_do_the_same() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let mut real = Real(Ground::new(), BTreeMap::new());
        let mut fake = Fake(FakeDisk::new(FakeOptions::default()), BTreeMap::new());
        let mut history = Vec::new();
        for _ in 0..120 {
            let act = choose(&mut random);
            history.push(act.clone());
            let (there, here) = (perform(&mut real, &act), perform(&mut fake, &act));
            assert_eq!(there, here, "seed {seed}, real against fake: {act:?} after {history:#?}");
            assert_eq!(real.tree(), fake.tree(), "seed {seed}: after {history:#?}");
        }
    }
}
