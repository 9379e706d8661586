//! What is brought back begins anew, and takes nothing away.

use crate::world::{EPOCH, NOW, World, adapters, noise, read_file};
use backup::{Error, restore};
use metadata::{Error as MetadataError, read};
use metadata_sqlite::Sqlite;
use model::Epoch;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use versioning::folder::{self, Authority};
use versioning::recovery::{FOLDERS_SKIPPED, NUMBERS_SKIPPED};

const NEW: Epoch = Epoch([7; 16]);

#[test]
fn a_restored_server_has_the_files_a_new_epoch_and_numbers_that_nobody_was_given() {
    let world = World::new();
    let plain = |settings: &mut metadata::folder::FolderSettings| {
        settings.plain_directory = Some(b"/srv/docs".to_vec());
    };
    folder::set(&*world.database, Authority::Administrator, world.folder, plain, NOW).unwrap();
    let node = world.file("a", &noise(1, 30_000));
    let (name, id) = (world.create().unwrap().backup, world.folder);
    let before = read::<_, MetadataError>(&*world.database, move |s| s.folder(id)).unwrap().unwrap();
    world.file("later", &noise(2, 30_000));
    world.create().unwrap();

    let data = world.place.path().join("new/data");
    let name = name.file_name().unwrap().to_str();
    let restored = restore(&world.target(), name, &data, NEW, &adapters()).unwrap();
    assert_eq!(restored.detached.len(), 1);
    assert_eq!(restored.detached[0].plain.as_deref(), Some("/srv/docs"));
    assert_eq!(read_file(&data, world.alice, id, node), noise(1, 30_000));
    let database = Sqlite::open(&data.join(backup::CATALOG)).unwrap();
    let (epoch, after) = read::<_, MetadataError>(&database, move |s| {
        Ok((s.setting(metadata::setting::Setting::Epoch)?, s.folder(id)?.unwrap()))
    })
    .unwrap();
    assert_eq!(epoch.unwrap(), NEW.0);
    assert_ne!(NEW, EPOCH);
    assert_eq!(after.counters.head.0, before.counters.head.0 + NUMBERS_SKIPPED);
    assert_eq!(after.counters.next_node.0, before.counters.next_node.0 + NUMBERS_SKIPPED);
    assert_eq!(after.settings.plain_directory, None, "nothing outside of it is touched");
    for path in [data.clone(), data.join("catalog.db"), data.join("tls/key.pem"), data.join(backup::SEAL_KEY)]
    {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    assert_eq!(fs::read_dir(data.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
}

/// Devices know a folder by its id alone: two of one id would be merged.
#[test]
fn a_folder_of_a_restored_server_has_no_id_that_was_given_after_the_backup() {
    let world = World::new();
    world.create().unwrap();
    let later = folder::create(&*world.database, folder::Create::shared("later"), NOW).unwrap();
    let data = world.place.path().join("new");
    restore(&world.target(), None, &data, NEW, &adapters()).unwrap();
    let database = Sqlite::open(&data.join(backup::CATALOG)).unwrap();
    let other = folder::create(&database, folder::Create::shared("another"), NOW).unwrap();
    assert!(other.0 >= later.0 + FOLDERS_SKIPPED, "{other:?} {later:?}");
}

#[test]
fn a_used_directory_is_never_written_over() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    world.create().unwrap();
    let refused = restore(&world.target(), None, &world.data, NEW, &adapters());
    assert!(matches!(refused, Err(Error::Unfit { .. })));
    let file = world.place.path().join("file");
    fs::write(&file, "a file").unwrap();
    assert!(matches!(restore(&world.target(), None, &file, NEW, &adapters()), Err(Error::Unfit { .. })));
    let empty = world.place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    restore(&world.target(), None, &empty, NEW, &adapters()).unwrap();
    assert!(matches!(restore(&world.target(), None, &empty, NEW, &adapters()), Err(Error::Unfit { .. })));
    let missing = restore(&world.target(), Some("2020-01-01T00-00-00Z"), &file, NEW, &adapters());
    assert!(matches!(missing, Err(Error::NotFound(_))));
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let world = World::new();
    world.file("a", &noise(1, 30_000));
    let backup = world.create_with(|order| backup::Order { copy: true, ..order }).unwrap().backup;
    let pack = backup.join(backup::PACKS).join(content::pack::relative_path(model::location::PackId(1)));
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let data = world.place.path().join("new");
    match restore(&world.target(), None, &data, NEW, &adapters()) {
        Err(Error::Damaged { path, .. }) => assert_eq!(path, pack),
        other => panic!("{other:?}"),
    }
    assert!(!data.exists());
}
