//! The store itself: lookups through the working set, transactions, pair state.

use crate::cache::Cache;
use crate::codec;
use crate::rows::{self, COLUMNS, failed, handle_bytes};
use model::{Epoch, Handle, IdempotencyKey, Name, NameKey, NameRule, NodeId, NodeKey, RemoteNode, Seq};
use planner::{Tree, Triple, View};
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::vtab::array;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use sync_engine::{Cursor, Intent, Memory, PairState, PairStore, Row, StoreError};

const MIGRATIONS: [&str; 4] = [
    include_str!("../migrations/001_pair.sql"),
    include_str!("../migrations/002_why.sql"),
    include_str!("../migrations/003_kinds_of_dirty.sql"),
    include_str!("../migrations/004_log_bytes.sql"),
];
const TREES: [Tree; 3] = [Tree::Synced, Tree::Remote, Tree::Local];

/// A pair's memory in a file.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) connection: Connection,
    rule: NameRule,
    cache: RefCell<Cache>,
    next_key: u64,
    /// Whether a transaction is open in the file.
    pub(crate) open: RefCell<bool>,
}

impl SqliteStore {
    /// Opens (or makes) a pair's file. Fails if another process has it open.
    pub fn open(path: &Path, rule: NameRule) -> Result<Self, StoreError> {
        Self::prepare(Connection::open(path).map_err(failed)?, rule)
    }

    /// A store that is gone with the process, for simulation.
    pub fn in_memory(rule: NameRule) -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory().map_err(failed)?, rule)
    }

    fn prepare(connection: Connection, rule: NameRule) -> Result<Self, StoreError> {
        connection
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;",
            )
            .map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Else statements are planned anew whenever other numbers are bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
        array::load_module(&connection).map_err(failed)?;
        migrate(&connection)?;
        let mut store = Self {
            connection,
            rule,
            cache: RefCell::new(Cache::new(rule)),
            next_key: NodeKey::ROOT.0 + 1,
            open: RefCell::new(false),
        };
        match store.read_value("next_key")? {
            Some(bytes) => store.next_key = u64::from_be_bytes(fixed(&bytes)?),
            None => store.make_root()?,
        }
        store.check_rule()?;
        Ok(store)
    }

    fn make_root(&mut self) -> Result<(), StoreError> {
        let memory = Memory { id: Some(NodeId::ROOT), ..Memory::default() };
        self.put(NodeKey::ROOT, Row { triple: planner::trees::root_triple(), extra: memory })?;
        self.write_value("rule", &[u8::from(self.rule == NameRule::Exact)])?;
        self.commit()
    }

    /// Name keys are stored, so the rule may not change under them.
    fn check_rule(&self) -> Result<(), StoreError> {
        let stored = self.read_value("rule")?;
        if stored.as_deref() == Some(&[u8::from(self.rule == NameRule::Exact)]) {
            Ok(())
        } else {
            Err(StoreError("the pair's file was made for a folder with another rule for names".to_owned()))
        }
    }

    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        let mut open = self.open.borrow_mut();
        if !*open {
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
            *open = true;
        }
        Ok(())
    }

    /// Makes everything since the last commit durable.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let result = self.write_out();
        if result.is_err() {
            self.rollback();
        }
        result
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        if std::mem::take(&mut *self.open.borrow_mut()) {
            self.connection.execute_batch("COMMIT").map_err(failed)?;
        }
        self.cache.borrow_mut().written();
        Ok(())
    }

    /// Drops everything since the last commit.
    pub fn rollback(&mut self) {
        if std::mem::take(&mut *self.open.borrow_mut()) && !self.connection.is_autocommit() {
            // If even this fails, the connection is broken and the next use says so.
            let _ignored = self.connection.execute_batch("ROLLBACK");
        }
        *self.cache.borrow_mut() = Cache::new(self.rule);
        if let Ok(Some(bytes)) = self.read_value("next_key")
            && let Ok(bytes) = fixed(&bytes)
        {
            self.next_key = u64::from_be_bytes(bytes);
        }
    }

    pub(crate) fn read_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM state WHERE name = ?1").map_err(failed)?;
        statement.query_row([name], |row| row.get(0)).optional().map_err(failed)
    }

    pub(crate) fn write_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.begin()?;
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO state VALUES (?1, ?2)").map_err(failed)?;
        statement.execute(params![name, value]).map_err(failed)?;
        Ok(())
    }

    /// Reads rows selected by a condition into the working set; returns their keys.
    fn load(&self, condition: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<NodeKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM node {condition}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let mut found = statement.query(parameters).map_err(failed)?;
        let mut keys = Vec::new();
        let mut cache = self.cache.borrow_mut();
        while let Some(row) = found.next().map_err(failed)? {
            let (key, row) = rows::read(row)?;
            cache.load(key, row);
            keys.push(key);
        }
        Ok(keys)
    }

    fn load_children(&self, tree: Tree, parent: NodeKey) -> Result<(), StoreError> {
        if self.cache.borrow().is_whole(tree, parent) {
            return Ok(());
        }
        let parent_number = parent.0.cast_signed();
        match tree {
            Tree::Synced => self.load("WHERE s_parent = ?1", &[&parent_number])?,
            Tree::Remote => {
                self.load("WHERE r_parent = ?1", &[&parent_number])?;
                self.load("WHERE s_parent = ?1 AND r_mode = 0", &[&parent_number])?
            }
            Tree::Local => {
                self.load("WHERE l_parent = ?1", &[&parent_number])?;
                self.load("WHERE s_parent = ?1 AND l_mode = 0", &[&parent_number])?
            }
        };
        self.cache.borrow_mut().set_whole(tree, parent);
        Ok(())
    }

    /// Loads the nodes of these places in all trees. What stands at a place of S may stand there in R and L too.
    fn load_names(&self, names: &[(NodeKey, NameKey)]) -> Result<(), StoreError> {
        let mut unknown: Vec<&(NodeKey, NameKey)> = {
            let cache = self.cache.borrow();
            let known = |(parent, name): &&(NodeKey, NameKey)| {
                TREES.into_iter().all(|tree| cache.knows_name(tree, *parent, name))
            };
            names.iter().filter(|place| !known(place)).collect()
        };
        unknown.sort_unstable();
        if unknown.is_empty() {
            return Ok(());
        }
        let parents: Vec<Value> =
            unknown.iter().map(|(parent, _)| Value::Integer(parent.0.cast_signed())).collect();
        let texts: Vec<Value> = unknown.iter().map(|(_, name)| Value::Text(name.0.to_string())).collect();
        let (parents, texts) = (distinct(parents), distinct(texts));
        // A join looks for every name in every directory: where they are many of both, one directory after the other.
        if parents.len().saturating_mul(texts.len()) > 4 * unknown.len() + 256 {
            self.load_names_by_directory(&unknown)?;
        } else {
            for prefix in ["s", "r", "l"] {
                let condition = format!(
                    "WHERE {prefix}_parent IN (SELECT value FROM rarray(?1))
                       AND {prefix}_name IN (SELECT value FROM rarray(?2))"
                );
                self.load(&condition, &[&parents, &texts])?;
            }
        }
        let mut cache = self.cache.borrow_mut();
        for (parent, name) in unknown {
            TREES.into_iter().for_each(|tree| cache.set_name(tree, *parent, name.clone()));
        }
        Ok(())
    }

    fn load_names_by_directory(&self, sorted: &[&(NodeKey, NameKey)]) -> Result<(), StoreError> {
        for places in sorted.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((parent, _)) = places.first() else { continue };
            let parent = parent.0.cast_signed();
            let texts: Vec<Value> = places.iter().map(|(_, name)| Value::Text(name.0.to_string())).collect();
            let texts = distinct(texts);
            for prefix in ["s", "r", "l"] {
                let condition =
                    format!("WHERE {prefix}_parent = ?1 AND {prefix}_name IN (SELECT value FROM rarray(?2))");
                self.load(&condition, &[&parent, &texts])?;
            }
        }
        Ok(())
    }

    fn page(&self, condition: &str, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError> {
        // Keys are listed from the file and corrected by the working set, which holds what is newer.
        let sql = format!("SELECT key FROM node WHERE key > ?1 AND {condition} ORDER BY key LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let limit_number = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = statement
            .query_map(params![after.0.cast_signed(), limit_number], |row| row.get::<_, i64>(0))
            .map_err(failed)?;
        found.map(|key| key.map(|key| NodeKey(key.cast_unsigned())).map_err(failed)).collect()
    }

    /// Writes the working set into the open transaction, so that the file can be asked for lists.
    fn flush(&self) -> Result<(), StoreError> {
        let mut cache = self.cache.borrow_mut();
        let (rows, gone) = cache.changes();
        if rows.is_empty() && gone.is_empty() {
            return Ok(());
        }
        self.begin()?;
        self.write_value("next_key", &self.next_key.to_be_bytes())?;
        rows::write(&self.connection, self.rule, &rows)?;
        if !gone.is_empty() {
            let mut statement = self
                .connection
                .prepare_cached("DELETE FROM node WHERE key IN (SELECT value FROM rarray(?1))")
                .map_err(failed)?;
            statement.execute([keys_array(&gone)]).map_err(failed)?;
        }
        cache.written();
        Ok(())
    }
}

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let done: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(StoreError("the pair's file was written by a newer version of this program".to_owned()));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let sql = format!("BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {}; COMMIT;", index + 1);
        connection.execute_batch(&sql).map_err(failed)?;
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError("a stored value has the wrong length".to_owned()))
}

fn keys_array(keys: &[NodeKey]) -> Rc<Vec<Value>> {
    Rc::new(keys.iter().map(|key| Value::Integer(key.0.cast_signed())).collect())
}

/// Each value once: a join visits every pair, so repeated parents would cost.
fn distinct(mut values: Vec<Value>) -> Rc<Vec<Value>> {
    let order = |value: &Value| match value {
        Value::Integer(number) => (*number, String::new()),
        Value::Text(text) => (0, text.clone()),
        _ => (0, String::new()),
    };
    values.sort_by_key(order);
    values.dedup_by_key(|value| order(value));
    Rc::new(values)
}

impl View for SqliteStore {
    type Error = StoreError;

    fn dirty(&self) -> Result<Vec<NodeKey>, StoreError> {
        if !self.cache.borrow().has_all_dirty() {
            self.load("WHERE dirty > 0", &[])?;
            self.cache.borrow_mut().set_all_dirty();
        }
        Ok(self.cache.borrow().trees().dirty_keys().collect())
    }

    fn changed(&self) -> Result<Vec<NodeKey>, StoreError> {
        self.flush()?;
        self.load("WHERE dirty > 0 AND dirty = ?1 ORDER BY key", &[&rows::CHANGED])
    }

    fn new_on(&self, tree: Tree, most: usize) -> Result<Vec<NodeKey>, StoreError> {
        self.flush()?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.load("WHERE dirty > 0 AND dirty = ?1 ORDER BY key LIMIT ?2", &[&rows::new_on(tree), &most])
    }

    fn count_new(&self, tree: Tree) -> Result<usize, StoreError> {
        self.flush()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM node WHERE dirty > 0 AND dirty = ?1")
            .map_err(failed)?;
        let count: i64 = statement.query_row([rows::new_on(tree)], |row| row.get(0)).map_err(failed)?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    fn triple(&self, key: NodeKey) -> Result<Option<Triple>, StoreError> {
        self.prefetch(&[key])?;
        Ok(self.cache.borrow().trees().row(key).map(|row| row.triple.clone()))
    }

    fn children(&self, tree: Tree, parent: NodeKey) -> Result<Vec<NodeKey>, StoreError> {
        self.load_children(tree, parent)?;
        Ok(self.cache.borrow().trees().children_of(tree, parent).into_iter().collect())
    }

    fn named(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> Result<Vec<NodeKey>, StoreError> {
        if !self.cache.borrow().knows_name(tree, parent, name) {
            self.load_names(&[(parent, name.clone())])?;
        }
        Ok(self.cache.borrow().trees().named_in(tree, parent, name).collect())
    }

    fn name_key(&self, name: &Name) -> NameKey {
        self.rule.key(name)
    }

    fn prefetch(&self, keys: &[NodeKey]) -> Result<(), StoreError> {
        let unknown: Vec<NodeKey> = {
            let cache = self.cache.borrow();
            keys.iter().copied().filter(|key| !cache.knows(*key)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        self.load("WHERE key IN (SELECT value FROM rarray(?1))", &[&keys_array(&unknown)])?;
        let mut cache = self.cache.borrow_mut();
        unknown.into_iter().for_each(|key| cache.load_absence(key));
        Ok(())
    }

    fn prefetch_named(&self, names: &[(NodeKey, NameKey)]) -> Result<(), StoreError> {
        self.load_names(names)
    }
}

impl PairStore for SqliteStore {
    fn row(&self, key: NodeKey) -> Result<Option<Row>, StoreError> {
        self.prefetch(&[key])?;
        Ok(self.cache.borrow().trees().row(key).cloned())
    }

    fn put(&mut self, key: NodeKey, row: Row) -> Result<(), StoreError> {
        self.cache.borrow_mut().put(key, row);
        Ok(())
    }

    fn take(&mut self, key: NodeKey) -> Result<Option<Row>, StoreError> {
        self.prefetch(&[key])?;
        Ok(self.cache.borrow_mut().take(key))
    }

    fn new_key(&mut self) -> Result<NodeKey, StoreError> {
        let key = NodeKey(self.next_key);
        self.next_key += 1;
        self.cache.borrow_mut().load_absence(key);
        Ok(key)
    }

    fn keys_of_ids(&self, ids: &[NodeId]) -> Result<BTreeMap<NodeId, NodeKey>, StoreError> {
        let wanted: Vec<Value> = {
            let cache = self.cache.borrow();
            let unknown = ids.iter().filter(|id| cache.key_of_id(**id).is_none());
            unknown.map(|id| Value::Integer(id.0.cast_signed())).collect()
        };
        if !wanted.is_empty() {
            self.load("WHERE id IN (SELECT value FROM rarray(?1))", &[&Rc::new(wanted)])?;
        }
        let cache = self.cache.borrow();
        Ok(ids.iter().filter_map(|id| Some((*id, cache.key_of_id(*id)?))).collect())
    }

    fn keys_of_handles(&self, handles: &[Handle]) -> Result<BTreeMap<Handle, Vec<NodeKey>>, StoreError> {
        if handles.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wanted: Vec<Value> = handles.iter().map(|handle| Value::Blob(handle_bytes(handle))).collect();
        self.load("WHERE handle IN (SELECT value FROM rarray(?1))", &[&Rc::new(wanted)])?;
        let cache = self.cache.borrow();
        let keys = |handle: &Handle| cache.keys_of_handle(handle).collect::<Vec<_>>();
        Ok(handles
            .iter()
            .map(|handle| (handle.clone(), keys(handle)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect())
    }

    fn remote_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError> {
        self.flush()?;
        self.page("(r_mode = 1 OR (r_mode = 0 AND s_parent IS NOT NULL))", after, limit)
    }

    fn all_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError> {
        self.flush()?;
        self.page("1", after, limit)
    }

    fn frozen_keys(&self) -> Result<Vec<NodeKey>, StoreError> {
        self.flush()?;
        self.page("frozen = 1", NodeKey(0), usize::MAX)
    }

    fn stage(&mut self, nodes: &[RemoteNode]) -> Result<(), StoreError> {
        self.begin()?;
        for batch in nodes.chunks(512) {
            let values = vec!["(?,?,?)"; batch.len()].join(",");
            let sql = format!(
                "INSERT INTO staged VALUES {values} ON CONFLICT (id) DO UPDATE
                 SET seq = excluded.seq, node = excluded.node WHERE excluded.seq >= seq"
            );
            let parameters = batch.iter().flat_map(|node| {
                [
                    Value::Integer(node.id.0.cast_signed()),
                    Value::Integer(node.seq.0.cast_signed()),
                    Value::Blob(codec::write_node(node)),
                ]
            });
            let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
            statement.execute(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        }
        Ok(())
    }

    fn staged(&self, after: Option<NodeId>, limit: usize) -> Result<Vec<RemoteNode>, StoreError> {
        // What the pages before brought goes to the file, or a pull of everything would be held in memory.
        self.flush()?;
        let after = after.map_or(i64::MIN, |id| id.0.cast_signed());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached("SELECT node FROM staged WHERE id > ?1 ORDER BY id LIMIT ?2")
            .map_err(failed)?;
        let mut rows = statement.query([after, limit]).map_err(failed)?;
        let mut nodes = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let bytes = row.get_ref(0).map_err(failed)?.as_blob().map_err(|e| StoreError(e.to_string()))?;
            nodes.push(codec::read_node(bytes)?);
        }
        Ok(nodes)
    }

    fn drop_staged(&mut self) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM staged LIMIT 1").map_err(failed)?;
        if statement.exists([]).map_err(failed)? {
            drop(statement);
            self.begin()?;
            self.connection.execute_batch("DELETE FROM staged").map_err(failed)?;
        }
        Ok(())
    }

    fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, body FROM intent ORDER BY ordinal")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut intents = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let key: Vec<u8> = row.get(0).map_err(failed)?;
            let body: Vec<u8> = row.get(1).map_err(failed)?;
            intents.push(Intent { key: IdempotencyKey(fixed(&key)?), groups: codec::read_groups(&body)? });
        }
        Ok(intents)
    }

    fn put_intent(&mut self, intent: &Intent) -> Result<(), StoreError> {
        self.begin()?;
        let body = codec::write_groups(&intent.groups);
        self.connection
            .prepare_cached("INSERT INTO intent (key, body) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![intent.key.0, body]))
            .map_err(failed)?;
        Ok(())
    }

    fn take_intent(&mut self, key: IdempotencyKey) -> Result<Option<Intent>, StoreError> {
        let found = self.intents()?.into_iter().find(|intent| intent.key == key);
        if found.is_some() {
            self.begin()?;
            self.connection
                .prepare_cached("DELETE FROM intent WHERE key = ?1")
                .and_then(|mut statement| statement.execute(params![key.0]))
                .map_err(failed)?;
        }
        Ok(found)
    }

    fn state(&self) -> Result<PairState, StoreError> {
        let cursor = match self.read_value("cursor")? {
            Some(bytes) if bytes.len() > 8 => {
                let (seq, text) = bytes.split_at(8);
                let text = String::from_utf8(text.to_vec())
                    .map_err(|_| StoreError("the stored cursor is not text".to_owned()))?;
                Some(Cursor { text, seq: Seq(u64::from_be_bytes(fixed(seq)?)) })
            }
            _ => None,
        };
        let epoch = match self.read_value("epoch")? {
            Some(bytes) if !bytes.is_empty() => Some(Epoch(fixed(&bytes)?)),
            _ => None,
        };
        let view = self.read_value("view")?.unwrap_or_default();
        Ok(PairState { cursor, epoch, view })
    }

    fn set_state(&mut self, state: &PairState) -> Result<(), StoreError> {
        let mut cursor = Vec::new();
        if let Some(held) = &state.cursor {
            cursor.extend_from_slice(&held.seq.0.to_be_bytes());
            cursor.extend_from_slice(held.text.as_bytes());
        }
        self.write_value("cursor", &cursor)?;
        self.write_value("view", &state.view)?;
        self.write_value("epoch", state.epoch.as_ref().map_or(&[], |epoch| &epoch.0))
    }

    fn guard(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.read_value("guard")?.unwrap_or_default())
    }

    fn set_guard(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_value("guard", bytes)
    }
}
