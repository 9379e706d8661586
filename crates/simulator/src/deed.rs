//! What users do on their disks: a deed, resolved against the tree it finds, becomes one or several acts.
//!
//! A deed chooses everything by its own seed, so that leaving out another deed changes it as little as possible.

use filesystem::fake::{Seen, User, WriterId};
use model::ignore::{NOT_SYNCED, is_ignored};
use model::{Name, RelativePath, Timestamp};
use std::collections::BTreeMap;
use testkit::seed::Random;

/// A tree as a user sees it.
pub(crate) type Tree = BTreeMap<RelativePath, Seen>;

/// Something a user does, as they would say it.
#[derive(Debug, Clone)]
pub struct Deed {
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// On which device.
    pub device: usize,
    /// What.
    pub kind: DeedKind,
    /// Chooses the rest.
    pub seed: u64,
    /// Unique; what is written is told apart by it.
    pub serial: u64,
    /// Names may clash on some disks.
    pub traps: bool,
}

macro_rules! deed_kinds {
    ($($(#[$doc:meta])* $kind:ident = $weight:literal),* $(,)?) => {
        /// What a user does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum DeedKind {
            $($(#[$doc])* $kind),*
        }

        impl DeedKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// How often it is done, compared to the others.
            #[must_use]
            pub fn weight(self) -> u32 {
                match self {
                    $(Self::$kind => $weight),*
                }
            }
        }
    };
}

deed_kinds! {
    /// A new file.
    Write = 10,
    /// Other bytes in the same file.
    Overwrite = 6,
    /// More bytes at the end of a file.
    Append = 3,
    /// A new file renamed over the old one.
    Save = 6,
    /// The old file renamed aside, a new one written, the old one perhaps removed.
    BackupDance = 3,
    /// A file written to for a while.
    LongWrite = 2,
    /// A directory.
    MakeDirectory = 5,
    /// A symbolic link.
    MakeLink = 2,
    /// A file gets another name or directory.
    MoveFile = 6,
    /// A directory gets another name or directory.
    MoveDirectory = 6,
    /// Something is renamed to another case.
    ChangeCase = 2,
    /// Two nodes change their names.
    Swap = 2,
    /// A directory is moved, made anew, and the old one moved into the new one.
    MoveIntoItsPlace = 1,
    /// A file is removed.
    Remove = 5,
    /// A directory is removed with all in it.
    RemoveAll = 3,
    /// A file makes way for a directory of its name, or the other way round.
    ChangeKind = 2,
    /// A file is removed and made again.
    Recreate = 2,
    /// A modification time is set.
    Touch = 2,
    /// An executable bit is set or cleared.
    ChangeMode = 2,
    /// A file is copied.
    Copy = 2,
    /// A directory is copied.
    CopyDirectory = 1,
    /// Many files are written, removed and made at once.
    Checkout = 1,
    /// Directories and files are made at once.
    Unpack = 2,
    /// A file is moved over another.
    Replace = 2,
    /// A conflict copy is edited, renamed or removed.
    TendConflict = 3,
    /// A file of which the same content may be written elsewhere.
    WriteCommon = 3,
    /// A file that is never synced.
    WriteIgnored = 1,
    /// A socket.
    MakeSpecial = 1,
    /// A name that is not Unicode.
    WriteRaw = 1,
    /// One more name for a file.
    HardLink = 1,
}

/// One call of a user's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Writes a file in place.
    Write(RelativePath, Vec<u8>),
    /// Adds to a file.
    Append(RelativePath, Vec<u8>),
    /// Writes a new file and renames it over the old one.
    Save(RelativePath, Vec<u8>),
    /// Renames.
    Rename(RelativePath, RelativePath),
    /// Removes a file or an empty directory.
    Remove(RelativePath),
    /// Removes all of it.
    RemoveAll(RelativePath),
    /// Makes a directory.
    MakeDirectory(RelativePath),
    /// Makes a link.
    MakeLink(RelativePath, Vec<u8>),
    /// Copies a file's bytes as they are by then.
    CopyFile(RelativePath, RelativePath),
    /// Sets a modification time.
    Touch(RelativePath, Timestamp),
    /// Sets the executable bit.
    SetExecutable(RelativePath, bool),
    /// Takes or gives permission to read.
    SetDenied(RelativePath, bool),
    /// Adds a name.
    HardLink(RelativePath, RelativePath),
    /// Makes a socket.
    MakeSpecial(RelativePath),
    /// Writes a file with any name.
    WriteRaw(RelativePath, Vec<u8>, Vec<u8>),
    /// Opens a file for writing and keeps it open.
    Open(RelativePath),
    /// Writes into the open file.
    WriteOpen(u64, Vec<u8>),
    /// Closes it.
    Close,
}

/// What a user's programs hold open on one device.
#[derive(Debug, Default)]
pub(crate) struct Hands {
    open: Option<WriterId>,
}

impl Act {
    /// Does it. Answers whether it could be done.
    pub(crate) fn perform(&self, user: &mut User<'_>, hands: &mut Hands) -> bool {
        let result = match self {
            Self::Write(path, bytes) => user.write(path, bytes),
            Self::Append(path, bytes) => user.append(path, bytes),
            Self::Save(path, bytes) => user.save(path, bytes),
            Self::Rename(from, to) => user.rename(from, to),
            Self::Remove(path) => user.remove(path),
            Self::RemoveAll(path) => user.remove_all(path),
            Self::MakeDirectory(path) => user.make_directory(path),
            Self::MakeLink(path, target) => user.make_link(path, target),
            Self::CopyFile(from, to) => match user.read(from) {
                Some(bytes) if !user.sees(to) => user.write(to, &bytes),
                _ => return false,
            },
            Self::Touch(path, at) => user.set_mtime(path, *at),
            Self::SetExecutable(path, executable) => user.set_executable(path, *executable),
            Self::SetDenied(path, denied) => user.set_denied(path, *denied),
            Self::HardLink(path, to) => user.make_hard_link(path, to),
            Self::MakeSpecial(path) => user.make_special(path),
            Self::WriteRaw(directory, name, bytes) => user.write_raw(directory, name, bytes),
            Self::Open(path) => {
                Self::Close.perform(user, hands);
                user.open(path).map(|writer| hands.open = Some(writer))
            }
            Self::WriteOpen(offset, bytes) => match hands.open {
                Some(writer) => user.write_open(writer, *offset, bytes),
                None => return false,
            },
            Self::Close => {
                if let Some(writer) = hands.open.take() {
                    user.close(writer);
                }
                Ok(())
            }
        };
        result.is_ok()
    }

    /// Whether it may bring one content to a second place.
    pub(crate) fn copies(&self) -> bool {
        matches!(self, Self::CopyFile(..) | Self::HardLink(..))
    }
}

/// What a deed comes to in this tree: acts, and how many microseconds after the first.
pub(crate) fn resolve(deed: &Deed, tree: &Tree) -> Vec<(u64, Act)> {
    let mut chooser =
        Chooser { random: Random::new(deed.seed), tree, deed, written: 0, acts: Vec::new(), at: 0 };
    // What finds nothing to work on makes something.
    if chooser.choose(deed.kind).is_none() || chooser.acts.is_empty() {
        chooser.choose(DeedKind::Write);
    }
    chooser.acts
}

/// Without what is never synced.
pub(crate) fn is_synced_path(path: &RelativePath) -> bool {
    !path.names().iter().any(is_ignored) && !is_set_aside(path)
}

/// Whether it is kept on its device only, by a pair that goes one way.
pub(crate) fn is_set_aside(path: &RelativePath) -> bool {
    path.names().first().is_some_and(|name| name.as_str() == NOT_SYNCED)
}

const NAMES: [&str; 9] = ["a", "b", "c", "d", "x.txt", "y.txt", "notes.md", "docs", "src"];
const TRAPS: [&str; 7] = ["A", "B", "X.txt", "DOCS", "\u{e9}", "e\u{301}", "E\u{301}"];

struct Chooser<'a> {
    random: Random,
    tree: &'a Tree,
    deed: &'a Deed,
    written: u64,
    acts: Vec<(u64, Act)>,
    at: u64,
}

impl Chooser<'_> {
    fn act(&mut self, act: Act) {
        self.acts.push((self.at, act));
    }

    /// Time goes by before the next act: mostly little.
    fn pause(&mut self) {
        let longest = *self.random.pick(&[20, 2_000, 300_000]).expect("not empty");
        self.at += self.random.below(longest) as u64;
    }

    /// Bytes that nobody has written before; often as many as others.
    fn bytes(&mut self) -> Vec<u8> {
        self.written += 1;
        let mut text = format!("{:05}.{:02}", self.deed.serial, self.written);
        if self.random.one_in(3) {
            let more = self.random.below(300);
            text.extend(std::iter::repeat_n('.', more));
        }
        text.into_bytes()
    }

    fn paths(&self, fits: impl Fn(&RelativePath, &Seen) -> bool) -> Vec<RelativePath> {
        let fitting = self.tree.iter().filter(|(path, seen)| is_synced_path(path) && fits(path, seen));
        fitting.map(|(path, _)| path.clone()).collect()
    }

    fn file(&mut self) -> Option<RelativePath> {
        let files = self.paths(|_, seen| matches!(seen, Seen::File { .. }));
        self.random.pick(&files).cloned()
    }

    fn directory(&mut self) -> Option<RelativePath> {
        let directories = self.paths(|_, seen| matches!(seen, Seen::Directory));
        self.random.pick(&directories).cloned()
    }

    fn any(&mut self) -> Option<RelativePath> {
        let all = self.paths(|_, _| true);
        self.random.pick(&all).cloned()
    }

    /// A directory or the root.
    fn parent(&mut self) -> RelativePath {
        if self.random.one_in(3) {
            return RelativePath::root();
        }
        let shallow = self.paths(|path, seen| matches!(seen, Seen::Directory) && path.names().len() < 6);
        self.random.pick(&shallow).cloned().unwrap_or_default()
    }

    fn name(&mut self) -> Name {
        let text = if self.deed.traps && self.random.one_in(3) {
            self.random.pick(&TRAPS)
        } else {
            self.random.pick(&NAMES)
        };
        Name::new(text.expect("not empty")).expect("a name")
    }

    /// A place where nothing is, mostly.
    fn place(&mut self) -> RelativePath {
        let mut place = RelativePath::root();
        for _ in 0..4 {
            let (parent, name) = (self.parent(), self.name());
            place = parent.join(&name);
            if !self.tree.contains_key(&place) {
                break;
            }
        }
        place
    }

    fn sibling(path: &RelativePath, name: &str) -> Option<RelativePath> {
        let (parent, _) = path.split()?;
        Some(parent.join(&Name::new(name).ok()?))
    }

    fn choose(&mut self, kind: DeedKind) -> Option<()> {
        use DeedKind as K;
        match kind {
            K::Write | K::WriteCommon | K::WriteIgnored | K::WriteRaw => self.write_new(kind),
            K::Overwrite | K::Append | K::Save | K::BackupDance | K::LongWrite => self.edit(kind)?,
            K::MoveFile | K::MoveDirectory | K::ChangeCase | K::Swap | K::MoveIntoItsPlace | K::Replace => {
                self.relocate(kind)?;
            }
            K::Remove => {
                let path = self.file()?;
                self.act(Act::Remove(path));
            }
            K::RemoveAll => {
                let path = self.directory()?;
                self.act(Act::RemoveAll(path));
            }
            K::ChangeKind | K::Recreate => self.make_anew(kind)?,
            K::Copy | K::CopyDirectory | K::HardLink => self.copy(kind)?,
            K::Checkout => self.checkout(),
            K::Unpack => self.unpack(),
            K::TendConflict => self.tend_conflict()?,
            K::MakeDirectory | K::MakeLink | K::MakeSpecial => {
                let place = self.place();
                let target = self.bytes();
                self.act(match kind {
                    K::MakeDirectory => Act::MakeDirectory(place),
                    K::MakeLink => Act::MakeLink(place, target),
                    _ => Act::MakeSpecial(place),
                });
            }
            K::Touch => {
                let (path, at) = (self.file()?, 1_600_000_000 + self.random.below(1000) as i64);
                self.act(Act::Touch(path, Timestamp::from_parts(at, 0)));
            }
            K::ChangeMode => {
                let (path, executable) = (self.file()?, self.random.one_in(2));
                self.act(Act::SetExecutable(path, executable));
            }
        }
        Some(())
    }

    fn write_new(&mut self, kind: DeedKind) {
        let place = self.place();
        let bytes = self.bytes();
        match kind {
            DeedKind::WriteCommon => {
                let common = [&b"common one"[..], b"common two", b""][self.random.below(3)];
                self.act(Act::Write(place, common.to_vec()));
            }
            DeedKind::WriteIgnored => {
                let parent = self.parent();
                let name = [".DS_Store", "~$a", "b.part"][self.random.below(3)];
                self.act(Act::Write(parent.join(&Name::new(name).expect("a name")), bytes));
            }
            DeedKind::WriteRaw => {
                let name = [&b"\xff"[..], b"a\xfe.txt"][self.random.below(2)];
                let parent = self.parent();
                self.act(Act::WriteRaw(parent, name.to_vec(), bytes));
            }
            _ => self.act(Act::Write(place, bytes)),
        }
    }

    fn edit(&mut self, kind: DeedKind) -> Option<()> {
        let path = self.file()?;
        let bytes = self.bytes();
        match kind {
            DeedKind::Append => self.act(Act::Append(path, bytes)),
            DeedKind::Save => self.act(Act::Save(path, bytes)),
            DeedKind::BackupDance => {
                let aside = ["~", ".bak", ".orig"][self.random.below(3)];
                let aside = Self::sibling(&path, &format!("{}{aside}", path.split()?.1))?;
                self.act(Act::Rename(path.clone(), aside.clone()));
                self.pause();
                self.act(Act::Write(path, bytes));
                if self.random.one_in(2) {
                    self.pause();
                    self.act(Act::Remove(aside));
                }
            }
            DeedKind::LongWrite => {
                self.act(Act::Open(path));
                for _ in 0..1 + self.random.below(4) {
                    self.pause();
                    let (offset, bytes) = (self.random.below(20) as u64, self.bytes());
                    self.act(Act::WriteOpen(offset, bytes));
                }
                self.pause();
                self.act(Act::Close);
            }
            _ => self.act(Act::Write(path, bytes)),
        }
        Some(())
    }

    fn relocate(&mut self, kind: DeedKind) -> Option<()> {
        match kind {
            DeedKind::MoveFile => {
                let (path, place) = (self.file()?, self.place());
                self.act(Act::Rename(path, place));
            }
            DeedKind::MoveDirectory => {
                let (path, place) = (self.directory()?, self.place());
                self.act(Act::Rename(path, place));
            }
            DeedKind::Replace => {
                let (path, over) = (self.file()?, self.file()?);
                self.act(Act::Rename(path, over));
            }
            DeedKind::ChangeCase => {
                let path = self.any()?;
                let name = path.split()?.1.as_str().to_owned();
                let other = if self.random.one_in(2) { name.to_uppercase() } else { name.to_lowercase() };
                let to = Self::sibling(&path, &other)?;
                self.act(Act::Rename(path, to));
            }
            DeedKind::Swap => {
                let (one, other) = (self.any()?, self.any()?);
                if one.is_within(&other) || other.is_within(&one) {
                    return None;
                }
                let between = RelativePath::root().join(&Name::new("swapping").ok()?);
                self.act(Act::Rename(one.clone(), between.clone()));
                self.pause();
                self.act(Act::Rename(other.clone(), one));
                self.pause();
                self.act(Act::Rename(between, other));
            }
            _ => {
                let path = self.directory()?;
                let aside = Self::sibling(&path, "moved")?;
                self.act(Act::Rename(path.clone(), aside.clone()));
                self.pause();
                self.act(Act::MakeDirectory(path.clone()));
                self.pause();
                let name = self.name();
                self.act(Act::Rename(aside, path.join(&name)));
            }
        }
        Some(())
    }

    fn make_anew(&mut self, kind: DeedKind) -> Option<()> {
        let path = if self.random.one_in(2) { self.file()? } else { self.any()? };
        let is_directory = matches!(self.tree.get(&path), Some(Seen::Directory));
        self.act(Act::RemoveAll(path.clone()));
        self.pause();
        let bytes = self.bytes();
        match (kind, is_directory) {
            (DeedKind::ChangeKind, true) => self.act(Act::Write(path, bytes)),
            (DeedKind::ChangeKind, false) | (_, true) => {
                self.act(Act::MakeDirectory(path.clone()));
                let name = self.name();
                self.act(Act::Write(path.join(&name), bytes));
            }
            _ => self.act(Act::Write(path, bytes)),
        }
        Some(())
    }

    fn copy(&mut self, kind: DeedKind) -> Option<()> {
        let place = self.place();
        match kind {
            DeedKind::Copy => {
                let path = self.file()?;
                self.act(Act::CopyFile(path, place));
            }
            DeedKind::HardLink => {
                let path = self.file()?;
                self.act(Act::HardLink(place, path));
            }
            _ => {
                let path = self.directory()?;
                if place.is_within(&path) {
                    return None;
                }
                let depth = path.names().len();
                let below = self.paths(|other, _| other.is_within(&path));
                for from in below {
                    let to: RelativePath =
                        place.names().iter().chain(&from.names()[depth..]).cloned().collect();
                    self.act(match self.tree.get(&from) {
                        Some(Seen::Directory) => Act::MakeDirectory(to),
                        Some(Seen::Link(target)) => Act::MakeLink(to, target.to_vec()),
                        _ => Act::CopyFile(from, to),
                    });
                    self.at += 50;
                }
            }
        }
        Some(())
    }

    fn checkout(&mut self) {
        for path in self.paths(|_, seen| matches!(seen, Seen::File { .. })) {
            let bytes = self.bytes();
            match self.random.below(6) {
                0 => self.act(Act::Remove(path)),
                1 => self.act(Act::Save(path, bytes)),
                2 => {
                    self.act(Act::Remove(path.clone()));
                    self.act(Act::Write(path, bytes));
                }
                _ => {}
            }
            self.at += self.random.below(3_000) as u64;
        }
        self.unpack();
    }

    fn unpack(&mut self) {
        let mut directory = self.place();
        self.act(Act::MakeDirectory(directory.clone()));
        for _ in 0..self.random.below(8) {
            let (name, bytes) = (self.name(), self.bytes());
            if self.random.one_in(4) {
                directory = directory.join(&name);
                self.act(Act::MakeDirectory(directory.clone()));
            } else {
                self.act(Act::Write(directory.join(&name), bytes));
            }
            self.at += self.random.below(2_000) as u64;
        }
    }

    fn tend_conflict(&mut self) -> Option<()> {
        let copies = self.paths(|path, seen| is_conflict_copy(path) && matches!(seen, Seen::File { .. }));
        let path = self.random.pick(&copies).cloned()?;
        let bytes = self.bytes();
        match self.random.below(3) {
            0 => self.act(Act::Remove(path)),
            1 => self.act(Act::Save(path, bytes)),
            _ => {
                let place = self.place();
                self.act(Act::Rename(path, place));
            }
        }
        Some(())
    }
}

/// Whether a name says that it is a conflict copy.
pub(crate) fn is_conflict_copy(path: &RelativePath) -> bool {
    path.split().is_some_and(|(_, name)| name.as_str().contains(" (conflict, "))
}
