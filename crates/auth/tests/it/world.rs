//! A database with accounts.

use auth::sign_in::LinkAttempt;
use auth::{Factors, Hasher, LinkError, Linked, Opening, OpeningKind, SealKey};
use metadata::Database;
use metadata::folder::{FolderKind, FolderSettings, NewFolder};
use metadata_sqlite::Sqlite;
use model::{FolderId, NameRule, Timestamp, UserId};
use std::sync::Arc;

pub(crate) struct World {
    pub(crate) database: Sqlite,
    pub(crate) hasher: Hasher,
    pub(crate) factors: Arc<Factors>,
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(1_000_000 + seconds, 0)
}

impl World {
    /// Passwords cost next to nothing here.
    pub(crate) fn new() -> Self {
        Self {
            database: Sqlite::in_memory().unwrap(),
            hasher: Hasher::with_cost(64, 1).unwrap(),
            factors: Arc::new(Factors::new(SealKey::new(&[1; 32]))),
        }
    }

    pub(crate) fn user(&self, name: &'static str, administrator: bool) -> UserId {
        let hash = self.hasher.hash("correct horse").unwrap();
        metadata::write(&self.database as &dyn Database, move |transaction| {
            auth::account::create_user(transaction, name, &hash, administrator, at(0))
        })
        .unwrap()
    }

    pub(crate) fn folder(&self, name: &str) -> FolderId {
        let folder = NewFolder {
            kind: FolderKind::Shared,
            names: NameRule::Portable,
            settings: FolderSettings {
                name: name.to_owned(),
                name_key: auth::account::name_key(name).unwrap(),
                owner: None,
                quota_bytes: None,
                keep_versions: 32,
                keep_days: None,
                plain_directory: None,
            },
            at: at(0),
        };
        metadata::write(&self.database as &dyn Database, move |transaction| {
            transaction.create_folder(&folder)
        })
        .unwrap()
    }

    pub(crate) fn link(
        &self,
        user: &str,
        password: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<Linked, LinkError> {
        self.link_with(user, password, None, address, now)
    }

    pub(crate) fn link_with(
        &self,
        user: &str,
        password: &str,
        code: Option<&str>,
        address: &str,
        now: Timestamp,
    ) -> Result<Linked, LinkError> {
        let opening = self.opening(OpeningKind::Device, address, now);
        let attempt = LinkAttempt { user, password, code, opening };
        auth::link_device(&self.database, &self.hasher, &self.factors, attempt)
    }

    pub(crate) fn opening(&self, kind: OpeningKind, address: &str, now: Timestamp) -> Opening {
        Opening {
            kind,
            device: "laptop".to_owned(),
            platform: "linux".to_owned(),
            address: Some(address.parse().unwrap()),
            ends: None,
            now,
        }
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn metadata::Snapshot) -> metadata::Result<T> + Send + 'static,
    ) -> T {
        metadata::read(&self.database as &dyn Database, work).unwrap()
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn metadata::Transaction) -> metadata::Result<T> + Send + 'static,
    ) -> T {
        metadata::write(&self.database as &dyn Database, work).unwrap()
    }
}
