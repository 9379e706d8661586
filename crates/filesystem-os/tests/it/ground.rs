//! A replica in a temporary directory, and a user's hands on it.

use filesystem::conformance::{Bench, Hands};
use filesystem_os::OsDisk;
use model::RelativePath;
use std::any::Any;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const MARKER: &str = "pair 1";

pub(crate) fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

/// A replica that is removed in the end.
#[derive(Debug)]
pub(crate) struct Ground {
    directory: TempDir,
    pub(crate) disk: OsDisk,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    pub(crate) fn within(parent: &Path) -> Self {
        let directory = TempDir::new_in(parent).unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        OsDisk::create(&root, MARKER).unwrap();
        let disk = OsDisk::open(&root, MARKER).unwrap();
        Self { directory, disk }
    }

    /// Closes the disk; the directory stays for as long as what is given back.
    pub(crate) fn close(self) -> TempDir {
        self.directory
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Outside of the root, on the same file system.
    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }
}

#[derive(Debug)]
struct RealHands(Ground);

impl Hands for RealHands {
    fn write(&self, at: &str, bytes: &[u8]) {
        fs::write(self.0.at(at), bytes).unwrap();
    }
    fn save(&self, at: &str, bytes: &[u8]) {
        let temporary = self.0.at(&format!("{at}.tmp~"));
        fs::write(&temporary, bytes).unwrap();
        fs::rename(temporary, self.0.at(at)).unwrap();
    }
    fn read(&self, at: &str) -> Option<Vec<u8>> {
        fs::read(self.0.at(at)).ok()
    }
    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.at(from), self.0.at(to)).unwrap();
    }
    fn remove(&self, at: &str) {
        let at = self.0.at(at);
        if at.symlink_metadata().unwrap().is_dir() { fs::remove_dir(at) } else { fs::remove_file(at) }
            .unwrap();
    }
    fn make_directory(&self, at: &str) {
        fs::create_dir(self.0.at(at)).unwrap();
    }
    fn make_link(&self, at: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.0.at(at)).unwrap();
    }
    fn make_hard_link(&self, at: &str, to: &str) {
        fs::hard_link(self.0.at(to), self.0.at(at)).unwrap();
    }
    fn make_special(&self, at: &str) {
        drop(std::os::unix::net::UnixListener::bind(self.0.at(at)).unwrap());
    }
    fn write_raw(&self, name: &[u8], bytes: &[u8]) {
        fs::write(self.0.root().join(std::ffi::OsStr::from_bytes(name)), bytes).unwrap();
    }
    fn open(&self, at: &str) -> Box<dyn Any> {
        Box::new(fs::OpenOptions::new().append(true).open(self.0.at(at)).unwrap())
    }
}

pub(crate) fn bench(parent: &Path) -> Bench {
    let ground = Ground::within(parent);
    Bench { disk: Box::new(ground.disk.clone()), hands: Box::new(RealHands(ground)) }
}
