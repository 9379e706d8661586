//! Units of work: whole or nothing, alone, durable, and seen at once by whoever reads next.

use super::{Open, folder, new_folder, read, write};
use crate::setting::Setting;
use crate::{Error, ErrorKind};

pub(super) fn check(open: Open<'_>) {
    a_refused_unit_leaves_nothing(open);
    a_panicking_unit_is_answered_and_leaves_nothing(open);
    units_from_many_threads_are_all_kept(open);
    unique_keys_conflict(open);
}

fn a_refused_unit_leaves_nothing(open: Open<'_>) {
    let database = open();
    let refused = crate::write::<(), Error>(&*database, |transaction| {
        transaction.put_setting(Setting::Epoch, &[1; 16])?;
        Err(Error::new(ErrorKind::Invalid, "test", "refused"))
    });
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    assert_eq!(read(&*database, |snapshot| snapshot.setting(Setting::Epoch)), None);
    write(&*database, |transaction| transaction.put_setting(Setting::Epoch, &[1; 16]));
    write(&*database, |transaction| transaction.put_setting(Setting::Epoch, &[2; 16]));
    assert_eq!(read(&*database, |snapshot| snapshot.setting(Setting::Epoch)), Some(vec![2; 16]));
}

fn a_panicking_unit_is_answered_and_leaves_nothing(open: Open<'_>) {
    let database = open();
    let answer = crate::write::<(), Error>(&*database, |transaction| {
        transaction.put_setting(Setting::CursorKey, &[3; 32])?;
        panic!("a unit of the conformance suite panics on purpose");
    });
    assert_eq!(answer.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    assert_eq!(read(&*database, |snapshot| snapshot.setting(Setting::CursorKey)), None);
    let answer = crate::read::<(), Error>(&*database, |_| panic!("so does a reading one"));
    assert_eq!(answer.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    folder(&*database);
}

fn units_from_many_threads_are_all_kept(open: Open<'_>) {
    let database = open();
    let folder = folder(&*database);
    let counted = || read(&*database, move |snapshot| Ok(snapshot.folder(folder)?.map(|row| row.counters)));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let database = &*database;
            scope.spawn(move || {
                for turn in 0..25 {
                    let refuse = (thread + turn) % 5 == 0;
                    let answer = crate::write::<(), Error>(database, move |transaction| {
                        let mut row = transaction.folder(folder)?.expect("the folder is there");
                        row.counters.nodes += 1;
                        transaction.set_folder_counters(folder, &row.counters)?;
                        if refuse { Err(Error::new(ErrorKind::Invalid, "test", "")) } else { Ok(()) }
                    });
                    assert_eq!(answer.is_err(), refuse);
                }
            });
        }
    });
    assert_eq!(counted().map(|counters| counters.nodes), Some(160), "each unit saw the one before");
    let figures = database.figures();
    assert_eq!(figures.units, 201);
    assert!(figures.commits <= 161 && figures.statements >= 400, "{figures:?}");
}

fn unique_keys_conflict(open: Open<'_>) {
    let database = open();
    folder(&*database);
    assert_eq!(read(&*database, |snapshot| snapshot.damage()), Vec::<String>::new());
    let again =
        crate::write::<_, Error>(&*database, |transaction| transaction.create_folder(&new_folder("DOCS")));
    assert_eq!(again.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
}
