//! The fake disk passes what every disk has to pass.

use crate::world::path;
use filesystem::conformance::{self, Bench, Hands};
use filesystem::fake::{FakeDisk, FakeOptions, WriterId};
use model::RelativePath;
use std::any::Any;

#[derive(Debug)]
struct FakeHands(FakeDisk);

struct Open(FakeDisk, WriterId);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.user(|user| user.close(self.1));
    }
}

impl Hands for FakeHands {
    fn write(&self, at: &str, bytes: &[u8]) {
        self.0.user(|user| user.write(&path(at), bytes)).unwrap();
    }
    fn save(&self, at: &str, bytes: &[u8]) {
        self.0.user(|user| user.save(&path(at), bytes)).unwrap();
    }
    fn read(&self, at: &str) -> Option<Vec<u8>> {
        self.0.user(|user| user.read(&path(at))).map(|bytes| bytes.to_vec())
    }
    fn rename(&self, from: &str, to: &str) {
        self.0.user(|user| user.rename(&path(from), &path(to))).unwrap();
    }
    fn remove(&self, at: &str) {
        self.0.user(|user| user.remove(&path(at))).unwrap();
    }
    fn make_directory(&self, at: &str) {
        self.0.user(|user| user.make_directory(&path(at))).unwrap();
    }
    fn make_link(&self, at: &str, target: &str) {
        self.0.user(|user| user.make_link(&path(at), target.as_bytes())).unwrap();
    }
    fn make_hard_link(&self, at: &str, to: &str) {
        self.0.user(|user| user.make_hard_link(&path(at), &path(to))).unwrap();
    }
    fn make_special(&self, at: &str) {
        self.0.user(|user| user.make_special(&path(at))).unwrap();
    }
    fn write_raw(&self, name: &[u8], bytes: &[u8]) {
        self.0.user(|user| user.write_raw(&RelativePath::root(), name, bytes)).unwrap();
    }
    fn open(&self, at: &str) -> Box<dyn Any> {
        Box::new(Open(self.0.clone(), self.0.user(|user| user.open(&path(at))).unwrap()))
    }
}

#[test]
fn the_fake_disk_conforms_in_all_its_kinds() {
    let usual = FakeOptions::default();
    for options in [
        usual,
        FakeOptions { insensitive: true, ..usual },
        FakeOptions { exchange: false, ..usual },
        FakeOptions { writers: false, ..usual },
    ] {
        conformance::run(&|| {
            let disk = FakeDisk::new(options);
            Bench { disk: Box::new(disk.clone()), hands: Box::new(FakeHands(disk)) }
        });
    }
}
