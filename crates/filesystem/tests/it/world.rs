//! A small world around one procedure: what stands where, what a user may do, and what may never be lost.

use filesystem::change::{self, Expected, Outcome};
use filesystem::fake::{FakeDisk, FakeOptions, Seen, User, WriterId};
use filesystem::{Disk, Place, Result, Staged};
use model::{Entry, Fingerprint, Name, RelativePath, Timestamp};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

pub(crate) fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) const MTIME: Timestamp = Timestamp(1_600_000_000_123_456_789);

pub(crate) fn stage(disk: &dyn Disk, bytes: &[u8]) -> Staged {
    let mut file = disk.stage_file().unwrap();
    file.write_at(0, bytes).unwrap();
    let staged = file.finish(bytes.len() as u64, MTIME, false).unwrap();
    disk.sync_staged(&[staged.id]).unwrap();
    staged
}

pub(crate) fn look(disk: &dyn Disk, at: &str) -> Option<Entry> {
    disk.look(&Place::from(path(at))).unwrap()
}

pub(crate) fn fingerprint(disk: &dyn Disk, at: &str) -> Fingerprint {
    look(disk, at).unwrap().fingerprint
}

pub(crate) fn aside(attempt: u32) -> Name {
    name(&format!("plan (conflict {attempt})"))
}

pub(crate) fn bytes_at(disk: &FakeDisk, at: &str) -> Option<String> {
    disk.user(|user| user.read(&path(at))).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Contents of all files in the tree.
pub(crate) fn contents(disk: &FakeDisk) -> Vec<String> {
    disk.user(|user| user.tree())
        .into_values()
        .filter_map(|seen| match seen {
            Seen::File { bytes, .. } => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        })
        .collect()
}

/// Clears up as the client does at start, with a trash that keeps nothing longer than it must.
pub(crate) fn tend(disk: &FakeDisk) -> change::Tended {
    let later = Timestamp(disk.now().0 + 1_000_000_000_000);
    change::tend(disk, &|_| false, later, &|_, name, attempt| {
        Name::new(&format!("{name} (rescued {attempt})")).unwrap()
    })
    .unwrap()
}

/// The procedure under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Procedure {
    Install,
    InstallNew,
    Remove,
    RemoveDirectory,
    Move,
    Attributes,
}

impl Procedure {
    pub(crate) const ALL: [Self; 6] =
        [Self::Install, Self::InstallNew, Self::Remove, Self::RemoveDirectory, Self::Move, Self::Attributes];
}

/// A disk with `d/plan` ("old"), an empty directory `d/empty` and "new" in the stage.
pub(crate) struct World {
    pub(crate) disk: FakeDisk,
    staged: Staged,
    file: Fingerprint,
    directory: Fingerprint,
    /// What users have in the end who are alone, by what they do.
    alone: Rc<RefCell<BTreeMap<Vec<Act>, Vec<String>>>>,
}

impl World {
    pub(crate) fn new(options: FakeOptions) -> Self {
        let disk = FakeDisk::new(options);
        disk.user(|user| {
            user.make_directory(&path("d")).unwrap();
            user.write(&path("d/plan"), b"old").unwrap();
            user.make_directory(&path("d/empty")).unwrap();
        });
        let staged = stage(&disk, b"new");
        disk.advance_ms(10_000);
        disk.write_back();
        let file = fingerprint(&disk, "d/plan");
        let directory = fingerprint(&disk, "d/empty");
        Self { disk, staged, file, directory, alone: Rc::default() }
    }

    pub(crate) fn fork(&self) -> Self {
        Self {
            disk: self.disk.fork(),
            staged: self.staged.clone(),
            file: self.file.clone(),
            directory: self.directory.clone(),
            alone: Rc::clone(&self.alone),
        }
    }

    pub(crate) fn run(&self, procedure: Procedure) -> Result<Outcome> {
        let disk = &self.disk;
        let file = Expected::Present { fingerprint: &self.file, proof: None };
        match procedure {
            Procedure::Install => change::install(disk, &self.staged, &path("d/plan"), file, &aside),
            Procedure::InstallNew => {
                change::install(disk, &self.staged, &path("d/fresh"), Expected::Absent, &aside)
            }
            Procedure::Remove => change::remove(disk, &path("d/plan"), &self.file, None, &aside),
            Procedure::RemoveDirectory => {
                change::remove(disk, &path("d/empty"), &self.directory, None, &aside)
            }
            Procedure::Move => change::move_node(disk, &path("d/plan"), &path("d/moved"), &self.file, &aside),
            Procedure::Attributes => change::set_attributes(disk, &path("d/plan"), &self.file, MTIME, true),
        }
    }

    /// How many primitives the undisturbed procedure takes, and the number of its first.
    pub(crate) fn steps(&self, procedure: Procedure) -> std::ops::Range<u64> {
        let world = self.fork();
        let first = world.disk.steps();
        world.run(procedure).unwrap();
        first..world.disk.steps()
    }
}

/// Something a user does. Written bytes hold the action's own word, so that they can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Save,
    WriteInPlace,
    Append,
    Remove,
    RenameAway,
    RenameAwayAndWrite,
    RenameOver,
    OpenAndWriteLater,
    MakeExecutable,
    ReplaceByDirectory,
    WriteFresh,
    FillDirectory,
    RemoveDirectory,
    HardLink,
    TakeMoveTarget,
}

impl Act {
    pub(crate) const ALL: [Self; 15] = [
        Self::Save,
        Self::WriteInPlace,
        Self::Append,
        Self::Remove,
        Self::RenameAway,
        Self::RenameAwayAndWrite,
        Self::RenameOver,
        Self::OpenAndWriteLater,
        Self::MakeExecutable,
        Self::ReplaceByDirectory,
        Self::WriteFresh,
        Self::FillDirectory,
        Self::RemoveDirectory,
        Self::HardLink,
        Self::TakeMoveTarget,
    ];

    /// Does it; false if it cannot be done, for example because the file is not there any more.
    pub(crate) fn perform(
        self,
        user: &mut User<'_>,
        word: &str,
        open: &mut Option<(WriterId, String)>,
    ) -> bool {
        let plan = path("d/plan");
        let bytes = word.as_bytes();
        let result = match self {
            Self::Save => user.save(&plan, bytes),
            Self::WriteInPlace => user.write(&plan, bytes),
            Self::Append => user.append(&plan, bytes),
            Self::Remove => user.remove(&plan),
            Self::RenameAway => user.rename(&plan, &path("d/renamed")),
            Self::RenameAwayAndWrite => {
                user.rename(&plan, &path("d/renamed")).and_then(|()| user.write(&plan, bytes))
            }
            Self::RenameOver => {
                user.write(&path("d/other"), bytes).and_then(|()| user.rename(&path("d/other"), &plan))
            }
            Self::OpenAndWriteLater => match open {
                Some(_) => return false,
                None => user.open(&plan).map(|writer| *open = Some((writer, word.to_owned()))),
            },
            Self::MakeExecutable => user.set_executable(&plan, true),
            Self::ReplaceByDirectory => user
                .remove(&plan)
                .and_then(|()| user.make_directory(&plan))
                .and_then(|()| user.write(&path("d/plan/inside"), bytes)),
            Self::WriteFresh => user.write(&path("d/fresh"), bytes),
            Self::FillDirectory => user.write(&path("d/empty/late"), bytes),
            Self::RemoveDirectory => user.remove_all(&path("d/empty")),
            Self::HardLink => user.make_hard_link(&path("d/linked"), &plan),
            Self::TakeMoveTarget if user.sees(&path("d/moved")) => return false,
            Self::TakeMoveTarget => user.write(&path("d/moved"), bytes),
        };
        result.is_ok()
    }
}

/// What a user does, and before which primitive.
pub(crate) type Script = Vec<(u64, Act)>;

/// What came of a procedure that ran beside a user.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Result<Outcome>,
    /// The words that the user wrote without being told of an error.
    written: Vec<String>,
    /// What was to be seen at `d/plan` before each act.
    overwritten: Vec<String>,
}

impl Run {
    /// The same, with nothing asked for that the user himself overwrote where he saw it. Only for users who act so
    /// fast and often that they see, and overwrite, what stands somewhere for a moment only.
    pub(crate) fn forgiving(mut self) -> Self {
        let overwritten = self.overwritten.concat();
        self.written.retain(|word| !overwritten.contains(word));
        self
    }

    /// Whether the user could do anything.
    pub(crate) fn wrote(&self) -> bool {
        !self.written.is_empty()
    }
}

/// Lets the script's user work while the procedure runs; what is open is written to and closed at the end.
pub(crate) fn perform(world: &World, script: &Script, procedure: Procedure) -> Run {
    #[derive(Default)]
    struct Shared {
        open: Option<(WriterId, String)>,
        written: Vec<String>,
        overwritten: Vec<String>,
    }
    let shared: Arc<Mutex<Shared>> = Arc::default();
    let (acts, hooked) = (script.clone(), Arc::clone(&shared));
    world.disk.set_hook(Some(Box::new(move |step, user| {
        for (index, (at, act)) in acts.iter().enumerate() {
            if *at != step {
                continue;
            }
            let shared = &mut *hooked.lock().unwrap();
            let seen = user.read(&path("d/plan")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            shared.overwritten.extend(seen);
            if act.perform(user, &word(index), &mut shared.open) {
                shared.written.push(word(index));
            }
        }
    })));
    let outcome = world.run(procedure);
    world.disk.set_hook(None);
    let Shared { open, written, overwritten } = std::mem::take(&mut *shared.lock().unwrap());
    write_and_close(world, open);
    Run { outcome, written, overwritten }
}

fn write_and_close(world: &World, open: Option<(WriterId, String)>) {
    if let Some((writer, word)) = open {
        world.disk.user(|user| {
            user.write_open(writer, 0, word.as_bytes()).unwrap();
            user.close(writer);
        });
    }
}

fn word(index: usize) -> String {
    format!("<word{index}>")
}

/// The words that the same user would have in the tree, had nothing of ours run.
fn words_alone(options: FakeOptions, script: &Script) -> Vec<String> {
    let world = World::new(options);
    let mut open = None;
    for (index, (_, act)) in script.iter().enumerate() {
        world.disk.user(|user| act.perform(user, &word(index), &mut open));
    }
    write_and_close(&world, open);
    let all = contents(&world.disk).concat();
    (0..script.len()).map(word).filter(|word| all.contains(word)).collect()
}

/// Nothing that the user has written, and would still have, is missing in the tree; and the stage is empty.
pub(crate) fn assert_nothing_lost(world: &World, script: &Script, run: &Run, about: &dyn std::fmt::Debug) {
    let tended = tend(&world.disk);
    assert!(tended.problems.is_empty(), "{about:?} {script:?}: {:?}", tended.problems);
    let all = contents(&world.disk).concat();
    let acts: Vec<Act> = script.iter().map(|(_, act)| *act).collect();
    let words = world
        .alone
        .borrow_mut()
        .entry(acts)
        .or_insert_with(|| words_alone(world.disk.options(), script))
        .clone();
    for word in words {
        assert!(
            all.contains(&word) || !run.written.contains(&word),
            "{about:?} {script:?} {run:?}: {word} is lost; left: {all}"
        );
    }
    assert!(world.disk.user(|user| user.stage_is_empty()), "{about:?} {script:?}: the stage is not empty");
}
