//! What is answered stays; what waits together shares a commit.

use metadata::setting::Setting;
use metadata::{Database, Error, ErrorKind, Keep, Result, read, write};
use metadata_sqlite::Sqlite;
use std::sync::mpsc;

#[test]
fn what_was_answered_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let database = Sqlite::open(&path).unwrap();
    write::<(), Error>(&database, |t| t.put_setting(Setting::Epoch, &[4; 16])).unwrap();
    // A copy of the files while the database is open is what a crash leaves.
    let crashed = directory.path().join("crashed.db");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(path.with_extension("db-wal"), crashed.with_extension("db-wal")).unwrap();
    for path in [path, crashed] {
        let database = Sqlite::open(&path).unwrap();
        let epoch = read::<_, Error>(&database, |s| s.setting(Setting::Epoch)).unwrap();
        assert_eq!(epoch, Some(vec![4; 16]));
    }
}

#[test]
fn units_that_wait_together_share_a_commit_and_fail_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = Sqlite::open(&directory.path().join("catalog.db")).unwrap();
    let (answers, answered) = mpsc::channel::<(usize, Result<()>)>();
    let answer = |index: usize| {
        let answers = answers.clone();
        Box::new(move |result| answers.send((index, result)).unwrap())
    };
    // The first holds the writer until the others wait.
    let (go, wait) = mpsc::channel::<()>();
    database.queue_write(
        Box::new(move |_| {
            wait.recv().unwrap();
            Keep::RollBack
        }),
        answer(0),
    );
    for index in 1..=50 {
        database.queue_write(
            Box::new(move |t| {
                let row = metadata::throttle::Failures {
                    count: 1,
                    since: model::Timestamp(0),
                    last: model::Timestamp(0),
                };
                t.put_failures(&index.to_string(), &row).unwrap();
                if index % 10 == 0 { Keep::RollBack } else { Keep::Commit }
            }),
            answer(index),
        );
    }
    let before = database.figures();
    go.send(()).unwrap();
    for _ in 0..=50 {
        assert!(answered.recv().unwrap().1.is_ok());
    }
    let commits = database.figures().commits - before.commits;
    assert!(commits <= 3, "{commits} commits for 45 units that waited together");
    for index in 1..=50 {
        let kept = read::<_, Error>(&database, move |s| s.failures(&index.to_string())).unwrap();
        assert_eq!(kept.is_some(), index % 10 != 0, "{index}");
    }
}

#[test]
fn a_newer_or_foreign_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    drop(Sqlite::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    assert_eq!(Sqlite::open(&path).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    let foreign = directory.path().join("other.db");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.pragma_update(None, "application_id", 77).unwrap();
    drop(connection);
    assert_eq!(Sqlite::open(&foreign).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    let garbage = directory.path().join("garbage.db");
    std::fs::write(&garbage, [7; 5000]).unwrap();
    assert_eq!(Sqlite::open(&garbage).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
}

#[test]
fn a_full_disk_is_answered_and_writing_goes_on_once_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let database = Sqlite::open_bounded(&path, Some(1 << 20)).unwrap();
    let (answers, answered) = mpsc::channel::<(usize, Result<()>)>();
    let (go, wait) = mpsc::channel::<()>();
    let answer = |index: usize| {
        let answers = answers.clone();
        Box::new(move |result| answers.send((index, result)).unwrap())
    };
    database.queue_write(
        Box::new(move |_| {
            wait.recv().unwrap();
            Keep::RollBack
        }),
        answer(0),
    );
    // Units that share a commit; the third does not fit.
    for index in 1..=5 {
        let unit = move |t: &dyn metadata::Transaction| {
            let bytes = if index == 3 { 2 << 20 } else { 100 };
            let row = model::Timestamp(index as i64);
            let failures = metadata::throttle::Failures { count: 1, since: row, last: row };
            let written = t
                .put_failures(&index.to_string(), &failures)
                .and_then(|()| t.put_setting(Setting::CursorKey, &vec![1; bytes]));
            if index == 3 {
                assert_eq!(written.as_ref().map_err(Error::kind), Err(ErrorKind::Full));
            }
            if written.is_ok() { Keep::Commit } else { Keep::RollBack }
        };
        database.queue_write(Box::new(unit), answer(index));
    }
    go.send(()).unwrap();
    let mut results: Vec<(usize, Result<()>)> = (0..=5).map(|_| answered.recv().unwrap()).collect();
    results.sort_by_key(|(index, _)| *index);
    for (index, result) in results {
        let kept = read::<_, Error>(&database, move |s| s.failures(&index.to_string())).unwrap();
        assert_eq!(kept.is_some(), result.is_ok() && ![0, 3].contains(&index), "{index}: {result:?}");
    }
    let small = |database: &Sqlite| {
        write::<(), Error>(database, |t| t.put_setting(Setting::Epoch, &[1])).map_err(|error| error.kind())
    };
    assert_eq!(small(&database), Ok(()), "what fits is still written");
    drop(database);
    let database = Sqlite::open(&path).unwrap();
    let big = write::<(), Error>(&database, |t| t.put_setting(Setting::CursorKey, &vec![1; 2 << 20]));
    assert!(big.is_ok(), "there is room again");
}

#[test]
fn a_value_that_no_database_holds_is_refused_alone() {
    let database = Sqlite::in_memory().unwrap();
    let refused = write::<(), Error>(&database, |t| {
        t.put_setting(Setting::Epoch, &[1])?;
        t.put_setting(Setting::CursorKey, &vec![0; 1_000_000_001])
    });
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    assert_eq!(read::<_, Error>(&database, |s| s.setting(Setting::Epoch)).unwrap(), None);
}
