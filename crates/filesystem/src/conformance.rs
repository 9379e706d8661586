//! What every disk has to pass.
//!
//! Each check works on a fresh [`Bench`] and panics where the disk breaks the port's promises. An adapter's tests call
//! [`run`] with a maker of benches; so does the fake's.

#![allow(clippy::unwrap_used, reason = "a suite tells by panicking")]

use crate::change::{self, Expected, Outcome};
use crate::disk::{Disk, Staged, Writers};
use crate::error::ErrorKind;
use crate::place::{Place, Removal};
use model::{Entry, EntryKind, Fingerprint, Name, RelativePath, Timestamp};
use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;

/// A user's hands on the disk, past the port. What cannot be done panics.
pub trait Hands: fmt::Debug {
    /// Writes a file in place.
    fn write(&self, path: &str, bytes: &[u8]);
    /// Writes another file and renames it over this one.
    fn save(&self, path: &str, bytes: &[u8]);
    /// The bytes of a file, or none.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Renames.
    fn rename(&self, from: &str, to: &str);
    /// Removes a file, link or empty directory.
    fn remove(&self, path: &str);
    /// Makes a directory.
    fn make_directory(&self, path: &str);
    /// Makes a symbolic link.
    fn make_link(&self, path: &str, target: &str);
    /// Gives a file one more name.
    fn make_hard_link(&self, path: &str, to: &str);
    /// Makes something that is neither file, directory nor link.
    fn make_special(&self, path: &str);
    /// Makes a file whose name is these bytes, in the root.
    fn write_raw(&self, name: &[u8], bytes: &[u8]);
    /// Opens a file for writing until what is given back is dropped.
    fn open(&self, path: &str) -> Box<dyn Any>;
}

/// A fresh, empty disk.
#[derive(Debug)]
pub struct Bench {
    /// The disk to check.
    pub disk: Box<dyn Disk>,
    /// A user of the same disk.
    pub hands: Box<dyn Hands>,
}

/// A promise of the port, checked on a fresh bench.
pub type Check = fn(&Bench);

/// Every check, by its name.
pub const CHECKS: &[(&str, Check)] = &[
    ("an_empty_root_is_an_empty_directory", an_empty_root_is_an_empty_directory),
    ("a_listing_tells_kinds_and_is_sorted", a_listing_tells_kinds_and_is_sorted),
    ("a_listing_and_a_look_agree", a_listing_and_a_look_agree),
    ("listing_again_is_like_listing", listing_again_is_like_listing),
    ("what_is_not_there_is_none_and_below_a_file_or_link_is_nothing", nothing_is_below_files_and_links),
    ("names_of_any_bytes_come_and_go", names_of_any_bytes_come_and_go),
    ("the_private_directory_is_not_in_the_tree", the_private_directory_is_not_in_the_tree),
    ("a_fingerprint_tells_every_change", a_fingerprint_tells_every_change),
    ("a_rename_keeps_the_handle", a_rename_keeps_the_handle),
    ("an_open_file_is_read_wherever_its_name_goes", an_open_file_is_read_wherever_its_name_goes),
    ("only_files_are_opened", only_files_are_opened),
    ("a_staged_file_has_what_was_written_and_its_attributes", a_staged_file_has_what_was_written),
    ("a_staged_file_is_resumed", a_staged_file_is_resumed),
    ("ranges_are_copied_from_another_file", ranges_are_copied_from_another_file),
    ("a_staged_link_is_a_link", a_staged_link_is_a_link),
    ("a_rename_never_replaces", a_rename_never_replaces),
    ("an_exchange_swaps_two_nodes", an_exchange_swaps_two_nodes),
    ("a_directory_does_not_go_into_itself", a_directory_does_not_go_into_itself),
    ("attributes_are_set_on_the_expected_node_only", attributes_are_set_on_the_expected_node_only),
    ("an_open_writer_is_seen", an_open_writer_is_seen),
    ("trash_is_found_again_and_emptied", trash_is_found_again_and_emptied),
    ("a_file_is_replaced_and_the_old_one_is_in_the_trash", a_file_is_replaced_and_the_old_one_trashed),
    ("a_hard_link_is_broken_by_an_install", a_hard_link_is_broken_by_an_install),
    ("many_are_synced_at_once_and_few_one_by_one", many_are_synced_at_once_and_few_one_by_one),
];

/// Runs every check on a fresh bench.
pub fn run(make: &dyn Fn() -> Bench) {
    for (_, check) in CHECKS {
        check(&make());
    }
}

const MTIME: Timestamp = Timestamp(1_600_000_000_000_000_000);

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn place(text: &str) -> Place {
    Place::Tree(path(text))
}

impl Bench {
    fn look(&self, at: &str) -> Option<Entry> {
        self.disk.look(&place(at)).unwrap()
    }

    fn fingerprint(&self, at: &str) -> Fingerprint {
        self.look(at).unwrap().fingerprint
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let listing = self.disk.list(&place(directory)).unwrap();
        assert!(listing.unseen.is_empty(), "{:?}", listing.unseen);
        listing.entries.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn stage(&self, bytes: &[u8]) -> Staged {
        let mut file = self.disk.stage_file().unwrap();
        file.write_at(0, bytes).unwrap();
        file.finish(bytes.len() as u64, MTIME, false).unwrap()
    }

    fn refusal<T: fmt::Debug>(&self, result: crate::Result<T>, kind: ErrorKind) {
        assert_eq!(result.unwrap_err().kind, kind);
    }
}

fn an_empty_root_is_an_empty_directory(bench: &Bench) {
    assert_eq!(bench.disk.list(&place("")).unwrap(), crate::Listing::default());
    let root = bench.look("").unwrap();
    assert_eq!((root.name, root.kind), (Name::root(), EntryKind::Directory));
    let identity = bench.disk.check().unwrap();
    assert_eq!(identity.root.handle, root.fingerprint.handle);
}

fn a_listing_tells_kinds_and_is_sorted(bench: &Bench) {
    bench.hands.write("file", b"12345");
    bench.hands.make_directory("dir");
    bench.hands.make_link("link", "no/such/../target");
    bench.hands.make_special("special");
    bench.hands.write(".hidden", b"");
    bench.hands.write("ignored.part", b"");
    let listing = bench.disk.list(&place("")).unwrap();
    let kinds: Vec<_> =
        listing.entries.iter().map(|entry| (entry.name.as_str(), entry.kind.clone())).collect();
    let target = b"no/such/../target"[..].into();
    let expected = [
        (".hidden", EntryKind::File),
        ("dir", EntryKind::Directory),
        ("file", EntryKind::File),
        ("ignored.part", EntryKind::File),
        ("link", EntryKind::Link { target }),
        ("special", EntryKind::Special),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(listing.entries[2].fingerprint.size, 5);
    assert!(listing.entries[1].fingerprint.size == 0 && listing.entries[4].fingerprint.size == 0);
    bench.refusal(bench.disk.list(&place("file")), ErrorKind::Changed);
    bench.refusal(bench.disk.list(&place("link")), ErrorKind::Changed);
    bench.refusal(bench.disk.list(&place("none")), ErrorKind::NotFound);
}

fn a_listing_and_a_look_agree(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.write("d/file", b"1");
    bench.hands.make_link("d/link", "x");
    bench.hands.make_directory("d/dir");
    for entry in bench.disk.list(&place("d")).unwrap().entries {
        assert_eq!(bench.look(&format!("d/{}", entry.name)).as_ref(), Some(&entry));
    }
}

fn listing_again_is_like_listing(bench: &Bench) {
    for name in ["a", "b", "c"] {
        bench.hands.write(name, b"1");
    }
    let before = bench.disk.list(&place("")).unwrap();
    let known = |name: &Name| {
        before.entries.iter().find(|entry| entry.name == *name).map(|entry| entry.fingerprint.clone())
    };
    assert_eq!(bench.disk.list_again(&place(""), &known).unwrap(), before);
    bench.hands.write("a", b"22");
    bench.hands.save("b", b"33");
    bench.hands.write("d", b"44");
    assert_eq!(bench.disk.list_again(&place(""), &known).unwrap(), bench.disk.list(&place("")).unwrap());
}

fn nothing_is_below_files_and_links(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.write("d/file", b"secret");
    bench.hands.write("file", b"");
    bench.hands.make_link("link", "d");
    for at in ["none", "none/x", "file/x", "link/file", "d/none"] {
        assert_eq!(bench.look(at), None, "{at}");
    }
    bench.refusal(bench.disk.open_read(&place("link/file")), ErrorKind::NotFound);
    let staged = bench.stage(b"1");
    for at in ["link/new", "file/new", "none/new"] {
        bench.refusal(bench.disk.rename_new(&Place::Staged(staged.id), &place(at)), ErrorKind::NotFound);
        bench.refusal(bench.disk.make_directory(&path(at)), ErrorKind::NotFound);
    }
    assert_eq!(bench.names("d"), ["file"]);
}

fn names_of_any_bytes_come_and_go(bench: &Bench) {
    bench.hands.write_raw(b"bad-\xff-name", b"1");
    bench.hands.write("umlaut-\u{fc} \n\"'$`\\*?", b"2");
    let listing = bench.disk.list(&place("")).unwrap();
    assert_eq!((listing.entries.len(), listing.unseen.len()), (2, 0));
    let bad = &listing.entries[0].name;
    assert_eq!(bad.to_disk(), b"bad-\xff-name");
    let at = RelativePath::root().join(bad);
    let mut bytes = [0; 10];
    let read = bench.disk.open_read(&at.clone().into()).unwrap().read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes[..read], b"1");
    bench.disk.rename_new(&at.into(), &place("good")).unwrap();
    assert_eq!(bench.hands.read("good").unwrap(), b"1");
    let longest = "x".repeat(255);
    bench.disk.rename_new(&place("good"), &place(&longest)).unwrap();
    assert_eq!(bench.look(&longest).unwrap().name.as_str(), longest);
}

fn the_private_directory_is_not_in_the_tree(bench: &Bench) {
    let staged = bench.stage(b"1");
    assert_eq!(bench.names(""), [""; 0]);
    let target = format!("{}/x", model::ignore::PRIVATE_DIRECTORY);
    bench.refusal(bench.disk.rename_new(&Place::Staged(staged.id), &place(&target)), ErrorKind::Denied);
    bench.refusal(bench.disk.make_directory(&path(&target)), ErrorKind::Denied);
}

fn a_fingerprint_tells_every_change(bench: &Bench) {
    bench.hands.write("a", b"1");
    let mut before = bench.fingerprint("a");
    assert_eq!(bench.fingerprint("a"), before);
    bench.hands.write("a", b"22");
    let written = bench.fingerprint("a");
    assert!(written != before && written.handle == before.handle && written.size == 2);
    before = written;
    bench.hands.save("a", b"22");
    let saved = bench.fingerprint("a");
    assert_ne!(saved.handle, before.handle);
    before = saved;
    bench.hands.remove("a");
    bench.hands.write("a", b"22");
    assert_ne!(bench.fingerprint("a").handle, before.handle);
}

fn a_rename_keeps_the_handle(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.write("d/a", b"1");
    let (directory, file) = (bench.fingerprint("d").handle, bench.fingerprint("d/a"));
    bench.hands.rename("d", "e");
    bench.hands.rename("e/a", "b");
    assert_eq!(bench.fingerprint("e").handle, directory);
    let moved = bench.fingerprint("b");
    assert_eq!((moved.handle, moved.size, moved.mtime), (file.handle, file.size, file.mtime));
}

fn an_open_file_is_read_wherever_its_name_goes(bench: &Bench) {
    bench.hands.write("a", b"0123456789");
    let mut file = bench.disk.open_read(&place("a")).unwrap();
    let before = file.fingerprint().unwrap();
    assert_eq!(before, bench.fingerprint("a"));
    bench.hands.rename("a", "b");
    bench.hands.write("a", b"other");
    let mut buffer = [0; 4];
    assert_eq!(file.read_at(3, &mut buffer).unwrap(), 4);
    assert_eq!(&buffer, b"3456");
    assert_eq!(file.read_at(8, &mut buffer).unwrap(), 2);
    assert_eq!(file.read_at(10, &mut buffer).unwrap(), 0);
    assert_eq!(file.read_at(1 << 40, &mut buffer).unwrap(), 0);
    assert_eq!(file.fingerprint().unwrap().handle, before.handle);
    let mut read = Vec::new();
    let stable = change::read_stable(&*bench.disk, &place("b"), None, &mut |piece| {
        read.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    assert_eq!((stable.unwrap(), &*read), (Some(bench.fingerprint("b")), &b"0123456789"[..]));
}

fn only_files_are_opened(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.make_link("l", "f");
    bench.hands.make_special("s");
    bench.hands.write("f", b"1");
    for at in ["d", "l", "s", ""] {
        bench.refusal(bench.disk.open_read(&place(at)), ErrorKind::Changed);
    }
    bench.refusal(bench.disk.open_read(&place("none")), ErrorKind::NotFound);
}

fn a_staged_file_has_what_was_written(bench: &Bench) {
    let mut file = bench.disk.stage_file().unwrap();
    file.reserve(1 << 20).unwrap();
    assert_eq!(file.size().unwrap(), 0);
    file.write_at(4, b"4567").unwrap();
    file.write_at(0, b"0123").unwrap();
    file.write_at(12, b"cdefgh").unwrap();
    assert_eq!(file.size().unwrap(), 18);
    let mut back = [0; 8];
    assert_eq!(file.read_at(2, &mut back).unwrap(), 8);
    assert_eq!(&back, b"234567\0\0");
    let executable = bench.disk.capabilities().executable;
    let staged = file.finish(16, MTIME, executable).unwrap();
    assert_eq!((staged.fingerprint.size, staged.fingerprint.mtime), (16, MTIME));
    assert_eq!(staged.fingerprint.executable, executable);
    assert_eq!(bench.disk.look(&Place::Staged(staged.id)).unwrap().unwrap().fingerprint, staged.fingerprint);
    assert_eq!(bench.disk.staged().unwrap(), [staged.id]);
    bench.disk.rename_new(&Place::Staged(staged.id), &place("a")).unwrap();
    assert_eq!(bench.hands.read("a").unwrap(), b"01234567\0\0\0\0cdef");
    assert_eq!(bench.fingerprint("a").executable, executable);
    assert_eq!(bench.disk.staged().unwrap(), []);
}

fn a_staged_file_is_resumed(bench: &Bench) {
    let mut file = bench.disk.stage_file().unwrap();
    let id = file.id();
    file.write_at(0, b"12").unwrap();
    drop(file);
    let mut file = bench.disk.stage_resume(id).unwrap();
    assert_eq!(file.size().unwrap(), 2);
    file.write_at(2, b"34").unwrap();
    let staged = file.finish(4, MTIME, false).unwrap();
    assert_eq!(staged.id, id);
    bench.disk.discard_staged(id).unwrap();
    bench.refusal(bench.disk.stage_resume(id), ErrorKind::NotFound);
    assert_ne!(bench.disk.stage_file().unwrap().id(), id);
}

fn ranges_are_copied_from_another_file(bench: &Bench) {
    let bytes: Vec<u8> = (0..200_000_u32).map(|index| (index * 7 % 251) as u8).collect();
    bench.hands.write("source", &bytes);
    let mut source = bench.disk.open_read(&place("source")).unwrap();
    let mut file = bench.disk.stage_file().unwrap();
    file.write_at(0, b"head").unwrap();
    assert_eq!(file.copy_at(4, &mut *source, 1_000, 150_000).unwrap(), 150_000);
    assert_eq!(file.copy_at(150_004, &mut *source, 199_990, 100).unwrap(), 10);
    let staged = file.finish(150_014, MTIME, false).unwrap();
    bench.disk.rename_new(&Place::Staged(staged.id), &place("copy")).unwrap();
    let copy = bench.hands.read("copy").unwrap();
    assert_eq!(&copy[..4], b"head");
    assert_eq!(copy[4..150_004], bytes[1_000..151_000]);
    assert_eq!(copy[150_004..], bytes[199_990..]);
}

fn a_staged_link_is_a_link(bench: &Bench) {
    if !bench.disk.capabilities().links {
        return;
    }
    let staged = bench.disk.stage_link(b"/any/where", MTIME).unwrap();
    assert_eq!(staged.fingerprint.mtime, MTIME);
    bench.disk.sync_staged(&[staged.id]).unwrap();
    bench.disk.rename_new(&Place::Staged(staged.id), &place("l")).unwrap();
    let entry = bench.look("l").unwrap();
    assert_eq!(entry.kind, EntryKind::Link { target: b"/any/where"[..].into() });
    assert_eq!(entry.fingerprint.mtime, MTIME);
    let expected = Expected::Present { fingerprint: &entry.fingerprint, proof: None };
    let file = bench.stage(b"file now");
    let outcome = change::install(&*bench.disk, &file, &path("l"), expected, &|_| Name::new("x").unwrap());
    assert!(matches!(outcome, Ok(Outcome::Done { trashed: Some(_), .. })), "{outcome:?}");
    assert_eq!(bench.look("l").unwrap().kind, EntryKind::File);
}

fn a_rename_never_replaces(bench: &Bench) {
    bench.hands.write("a", b"a");
    bench.hands.write("b", b"b");
    bench.hands.make_directory("d");
    bench.hands.make_directory("e");
    let staged = bench.stage(b"s");
    for (from, to) in [("a", "b"), ("a", "d"), ("d", "e"), ("d", "a")] {
        bench.refusal(bench.disk.rename_new(&place(from), &place(to)), ErrorKind::Exists);
    }
    bench.refusal(bench.disk.rename_new(&Place::Staged(staged.id), &place("a")), ErrorKind::Exists);
    bench.refusal(bench.disk.make_directory(&path("a")), ErrorKind::Exists);
    bench.refusal(bench.disk.rename_new(&place("none"), &place("c")), ErrorKind::NotFound);
    bench.refusal(bench.disk.rename_new(&place(""), &place("c")), ErrorKind::Changed);
    bench.disk.rename_new(&place("a"), &place("d/c")).unwrap();
    bench.disk.rename_new(&place("d"), &place("e/f")).unwrap();
    assert_eq!(bench.hands.read("e/f/c").unwrap(), b"a");
    assert_eq!(bench.hands.read("b").unwrap(), b"b");
}

fn an_exchange_swaps_two_nodes(bench: &Bench) {
    bench.hands.write("a", b"a");
    let staged = bench.stage(b"s");
    let other = Place::Staged(staged.id);
    if !bench.disk.capabilities().exchange {
        return bench.refusal(bench.disk.exchange(&other, &place("a")), ErrorKind::Unsupported);
    }
    let before = bench.fingerprint("a");
    bench.disk.exchange(&other, &place("a")).unwrap();
    assert_eq!(bench.hands.read("a").unwrap(), b"s");
    assert_eq!(bench.fingerprint("a").handle, staged.fingerprint.handle);
    let out = bench.disk.look(&other).unwrap().unwrap().fingerprint;
    assert_eq!((out.handle, out.size, out.mtime), (before.handle, before.size, before.mtime));
    bench.refusal(bench.disk.exchange(&other, &place("none")), ErrorKind::NotFound);
}

fn a_directory_does_not_go_into_itself(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.make_directory("d/e");
    bench.refusal(bench.disk.rename_new(&place("d"), &place("d/e/f")), ErrorKind::Changed);
    bench.refusal(bench.disk.rename_new(&place("d"), &place("d/f")), ErrorKind::Changed);
}

fn attributes_are_set_on_the_expected_node_only(bench: &Bench) {
    bench.hands.write("a", b"1");
    let before = bench.fingerprint("a");
    let executable = bench.disk.capabilities().executable;
    let after = bench.disk.set_attributes(&path("a"), &before, MTIME, executable).unwrap();
    assert_eq!((after.mtime, after.executable), (MTIME, executable));
    assert_eq!(after, bench.fingerprint("a"));
    bench.refusal(bench.disk.set_attributes(&path("a"), &before, MTIME, false), ErrorKind::Changed);
    let later = bench.disk.set_attributes(&path("a"), &after, MTIME.plus_ms(2_000), false).unwrap();
    assert_eq!((later.mtime, later.executable), (MTIME.plus_ms(2_000), false));
    bench.refusal(bench.disk.set_attributes(&path("none"), &before, MTIME, false), ErrorKind::NotFound);
    if bench.disk.capabilities().writers {
        let open = bench.hands.open("a");
        bench.refusal(bench.disk.set_attributes(&path("a"), &later, MTIME, false), ErrorKind::Busy);
        drop(open);
    }
    if bench.disk.capabilities().links {
        bench.hands.make_link("l", "x");
        let link = bench.fingerprint("l");
        assert_eq!(bench.disk.set_attributes(&path("l"), &link, MTIME, false).unwrap().mtime, MTIME);
    }
}

fn an_open_writer_is_seen(bench: &Bench) {
    bench.hands.write("a", b"1");
    if !bench.disk.capabilities().writers {
        return assert_eq!(bench.disk.writers(&place("a")).unwrap(), Writers::Unknown);
    }
    assert_eq!(bench.disk.writers(&place("a")).unwrap(), Writers::None);
    let open = bench.hands.open("a");
    assert_eq!(bench.disk.writers(&place("a")).unwrap(), Writers::Some);
    drop(open);
    assert_eq!(bench.disk.writers(&place("a")).unwrap(), Writers::None);
}

fn trash_is_found_again_and_emptied(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.write("d/~$a.docx", b"1");
    bench.hands.make_directory("d/b.part");
    bench.hands.write("d/b.part/piece", b"2");
    bench.hands.make_link("d/.nfs1", "..");
    let fingerprint = bench.fingerprint("d");
    let at = path("d");
    let id = bench.disk.new_trashed(Removal::of(&EntryKind::Directory, &fingerprint, None), &at);
    assert_ne!(id, bench.disk.new_trashed(*id.removal(), &at));
    bench.disk.rename_new(&at.clone().into(), &Place::Trashed(id.clone())).unwrap();
    assert_eq!(bench.disk.trashed().unwrap(), std::slice::from_ref(&id));
    let entry = bench.disk.look(&Place::Trashed(id.clone())).unwrap().unwrap();
    assert!(id.removal().is_expected(&entry) && id.path() == Some(at));
    assert_eq!(bench.disk.list(&Place::Trashed(id.clone())).unwrap().entries.len(), 3);
    bench.disk.discard_trashed(&id).unwrap();
    assert_eq!(bench.disk.trashed().unwrap(), []);
    bench.refusal(bench.disk.discard_trashed(&id), ErrorKind::NotFound);
}

fn a_file_is_replaced_and_the_old_one_trashed(bench: &Bench) {
    bench.hands.make_directory("d");
    bench.hands.write("d/a", b"old");
    let fingerprint = bench.fingerprint("d/a");
    let staged = bench.stage(b"newer");
    bench.disk.sync_staged(&[staged.id]).unwrap();
    let expected = Expected::Present { fingerprint: &fingerprint, proof: None };
    let outcome =
        change::install(&*bench.disk, &staged, &path("d/a"), expected, &|_| Name::new("x").unwrap()).unwrap();
    bench.disk.sync_directories(&[path("d"), path("gone")]).unwrap();
    let Outcome::Done { fingerprint, trashed: Some(trashed) } = outcome else { panic!("{outcome:?}") };
    assert_eq!(bench.fingerprint("d/a"), fingerprint);
    assert_eq!((fingerprint.size, fingerprint.mtime), (5, MTIME));
    let mut bytes = [0; 10];
    let read = bench.disk.open_read(&Place::Trashed(trashed)).unwrap().read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes[..read], b"old");
    let outcome =
        change::remove(&*bench.disk, &path("d/a"), &fingerprint, None, &|_| Name::new("x").unwrap());
    assert!(matches!(outcome, Ok(Outcome::Done { trashed: Some(_), .. })), "{outcome:?}");
    assert_eq!(bench.names("d"), [""; 0]);
    let later = Timestamp(i64::MAX);
    let tended = change::tend(&*bench.disk, &|_| false, later, &|_, name, _| name.clone()).unwrap();
    assert!(tended.emptied == 2 && tended.rescued.is_empty() && tended.problems.is_empty(), "{tended:?}");
}

fn a_hard_link_is_broken_by_an_install(bench: &Bench) {
    bench.hands.write("a", b"old");
    bench.hands.make_hard_link("b", "a");
    let fingerprint = bench.fingerprint("a");
    assert_eq!(bench.fingerprint("b").handle, fingerprint.handle);
    let staged = bench.stage(b"new");
    let expected = Expected::Present { fingerprint: &fingerprint, proof: None };
    change::install(&*bench.disk, &staged, &path("a"), expected, &|_| Name::new("x").unwrap()).unwrap();
    assert_eq!(
        (bench.hands.read("a").unwrap(), bench.hands.read("b").unwrap()),
        (b"new".into(), b"old".into())
    );
}

fn many_are_synced_at_once_and_few_one_by_one(bench: &Bench) {
    let staged: Vec<_> = (0..33).map(|_| bench.stage(b"1").id).collect();
    let before = bench.disk.sync_counts();
    bench.disk.sync_staged(&staged[..32]).unwrap();
    assert_eq!(bench.disk.sync_counts().files - before.files, 32);
    bench.disk.sync_staged(&staged).unwrap();
    let after = bench.disk.sync_counts();
    assert_eq!((after.files - before.files, after.file_systems - before.file_systems), (32, 1));
}
