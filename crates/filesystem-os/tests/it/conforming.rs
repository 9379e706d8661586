//! The real disk passes what every disk has to pass.

use crate::ground::bench;
use filesystem::conformance;
use std::path::Path;

#[test]
fn the_disk_of_temporary_files_conforms() {
    conformance::run(&|| bench(&std::env::temp_dir()));
}

/// A file system in memory: without room for extended attributes, and of another kind than most disks.
#[test]
fn a_disk_in_memory_conforms() {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        conformance::run(&|| bench(memory));
    }
}
