//! The suite that every engine passes.

use metadata::conformance::check_all;
use metadata::{Answer, Database, Figures, ReadUnit, Result, WriteUnit};
use metadata_sqlite::Sqlite;
use std::path::Path;
use tempfile::TempDir;

/// A database whose directory goes with it.
#[derive(Debug)]
struct OnDisk {
    database: Sqlite,
    _directory: TempDir,
}

impl Database for OnDisk {
    fn queue_write(&self, unit: WriteUnit, answer: Answer) {
        self.database.queue_write(unit, answer);
    }

    fn queue_read(&self, unit: ReadUnit, answer: Answer) {
        self.database.queue_read(unit, answer);
    }

    fn copy_to(&self, path: &Path) -> Result<()> {
        self.database.copy_to(path)
    }

    fn figures(&self) -> Figures {
        self.database.figures()
    }
}

#[test]
fn a_database_in_memory_conforms() {
    check_all(&|| Box::new(Sqlite::in_memory().unwrap()));
}

#[test]
fn a_database_on_disk_conforms() {
    check_all(&|| {
        let directory = tempfile::tempdir().unwrap();
        let database = Sqlite::open(&directory.path().join("catalog.db")).unwrap();
        Box::new(OnDisk { database, _directory: directory })
    });
}
