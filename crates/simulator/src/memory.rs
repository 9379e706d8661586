//! A pair's memory, in ordered maps or on SQLite, and what a crash leaves of it.

use model::conflict::Author;
use model::{NameRule, Timestamp};
use pair_store::SqliteStore;
use planner::View as _;
use sync_engine::{Effect, Engine, Event, MemoryStore, PairStore as _, Status, StoreError};

/// Which store a device uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// Ordered maps: fast.
    Maps,
    /// The client's own, on SQLite in memory.
    Sqlite,
}

/// A pair's memory. Its transactions are the shell's: begun by the first change, ended by [`Self::commit`].
#[derive(Debug)]
pub(crate) enum Memory {
    Maps { working: Box<MemoryStore>, saved: Option<Box<MemoryStore>> },
    Sqlite(Box<SqliteStore>),
}

/// Evaluates an expression with the store, whichever it is.
macro_rules! with_store {
    ($memory:expr, $store:ident => $body:expr) => {
        match $memory {
            $crate::memory::Memory::Maps { working: $store, .. } => $body,
            $crate::memory::Memory::Sqlite($store) => $body,
        }
    };
}

impl Memory {
    pub(crate) fn new(kind: StoreKind, rule: NameRule) -> Result<Self, StoreError> {
        Ok(match kind {
            StoreKind::Maps => Self::Maps { working: Box::new(MemoryStore::new(rule)), saved: None },
            StoreKind::Sqlite => Self::Sqlite(Box::new(SqliteStore::in_memory(rule)?)),
        })
    }

    /// The next transaction may be rolled back. (Copying the maps costs; SQLite always can.)
    pub(crate) fn save(&mut self) {
        if let Self::Maps { working, saved } = self {
            *saved = Some(working.clone());
        }
    }

    pub(crate) fn handle(
        &mut self,
        engine: &mut Engine,
        event: Event,
        now: Timestamp,
    ) -> Result<Vec<Effect>, StoreError> {
        with_store!(self, store => engine.handle(event, now, &mut **store))
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Maps { saved, .. } => {
                *saved = None;
                Ok(())
            }
            Self::Sqlite(store) => store.commit(),
        }
    }

    pub(crate) fn roll_back(&mut self) {
        match self {
            Self::Maps { working, saved } => {
                if let Some(saved) = saved.take() {
                    *working = saved;
                }
            }
            Self::Sqlite(store) => store.rollback(),
        }
    }

    /// What is still to be done, and what the trees say of the nodes concerned.
    pub(crate) fn plan(&self, author: &Author, direction: planner::Direction) -> Result<String, StoreError> {
        with_store!(self, store => {
            let plan = planner::plan(&**store, author, direction)?;
            let mut text = format!("{plan:#?}");
            for key in store.dirty()? {
                text.push_str(&format!("\n{key:?} {:?}", store.row(key)?));
            }
            Ok(text)
        })
    }

    pub(crate) fn status(&self, engine: &Engine) -> Result<Status, StoreError> {
        with_store!(self, store => engine.status(&**store))
    }
}
