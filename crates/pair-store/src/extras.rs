//! What a shell keeps beside the engine's memory: manifests of long contents, and the log of what sync did.

use crate::rows::failed;
use crate::store::SqliteStore;
use model::{ContentId, RelativePath, Seq, Timestamp};
use rusqlite::{OptionalExtension as _, params};
use sync_engine::{Activity, ActivityKind, StoreError, Why};

/// How many manifests and log lines are kept.
const MANIFESTS_KEPT: i64 = 4_096;
const ACTIVITIES_KEPT: i64 = 200_000;
/// How many bytes of log lines are kept, the names in their indexes included.
const ACTIVITY_BYTES_KEPT: i64 = 64 << 20;
/// What a line takes beside its names.
const LINE_BYTES: i64 = 64;

/// A manifest in the caller's own encoding.
pub type StoredManifest = Vec<u8>;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedActivity {
    /// When.
    pub time: Timestamp,
    /// What.
    pub activity: Activity,
}

const KINDS: [ActivityKind; 9] = [
    ActivityKind::Downloaded,
    ActivityKind::Uploaded,
    ActivityKind::MovedHere,
    ActivityKind::MovedThere,
    ActivityKind::RemovedHere,
    ActivityKind::RemovedThere,
    ActivityKind::ConflictCopy,
    ActivityKind::Kept,
    ActivityKind::Refused,
];

impl SqliteStore {
    /// The manifest of a content, if it was kept.
    pub fn manifest(&self, content: ContentId) -> Result<Option<StoredManifest>, StoreError> {
        self.connection
            .prepare_cached("SELECT body FROM manifest WHERE content = ?1")
            .and_then(|mut statement| statement.query_row(params![content.0], |row| row.get(0)).optional())
            .map_err(failed)
    }

    /// Keeps a manifest; the least recently kept make room.
    pub fn put_manifest(
        &mut self,
        content: ContentId,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.begin()?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO manifest VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![content.0, now.0, body]))
            .map_err(failed)?;
        self.connection
            .prepare_cached(
                "DELETE FROM manifest WHERE content IN
                 (SELECT content FROM manifest ORDER BY used DESC LIMIT -1 OFFSET ?1)",
            )
            .and_then(|mut statement| statement.execute([MANIFESTS_KEPT]))
            .map_err(failed)?;
        Ok(())
    }

    /// Appends to the log.
    pub fn log(&mut self, time: Timestamp, activities: &[Activity]) -> Result<(), StoreError> {
        self.begin()?;
        let mut upto = self.logged_bytes()?;
        for batch in activities.chunks(256) {
            let values = vec!["(?,?,?,?,?,?,?)"; batch.len()].join(",");
            let sql =
                format!("INSERT INTO activity (time, kind, path, other, why, seq, upto) VALUES {values}");
            let parameters = batch.iter().flat_map(|activity| {
                use rusqlite::types::Value;
                let kind = KINDS.iter().position(|kind| *kind == activity.kind).unwrap_or_default();
                let (path, other) =
                    (activity.path.to_string(), activity.other.as_ref().map(ToString::to_string));
                upto = upto.saturating_add(line_bytes(&path, other.as_deref()));
                [
                    Value::Integer(time.0),
                    Value::Integer(i64::try_from(kind).unwrap_or_default()),
                    Value::Text(path),
                    other.map_or(Value::Null, Value::Text),
                    activity.why.map_or(Value::Null, |why| Value::Text(why.word().to_owned())),
                    activity.seq.map_or(Value::Null, |seq| Value::Integer(seq.0.cast_signed())),
                    Value::Integer(upto),
                ]
            });
            self.connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(parameters)))
                .map_err(failed)?;
        }
        self.trim_log(ACTIVITIES_KEPT, ACTIVITY_BYTES_KEPT)
    }

    /// The bytes of all lines that were ever written.
    fn logged_bytes(&self) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached("SELECT coalesce(max(upto), 0) FROM activity")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(failed)
    }

    /// Forgets the oldest lines beyond so many, and beyond so many bytes; the newest line always stays.
    fn trim_log(&self, lines: i64, bytes: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM activity WHERE ordinal <= max(
                       (SELECT max(ordinal) FROM activity) - ?1,
                       coalesce((SELECT max(ordinal) FROM activity
                           WHERE upto <= (SELECT max(upto) FROM activity) - ?2), 0))";
        let trimmed =
            self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([lines, bytes]));
        trimmed.map(drop).map_err(failed)
    }

    /// The newest lines of the log, newest first: of one path, also under the names that what is there had before, or of all; of one kind, or of all.
    pub fn activities(
        &self,
        path: Option<&RelativePath>,
        kind: Option<ActivityKind>,
        limit: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError> {
        // Whatever was moved to a name of the path had another before, and so on: a line belongs to it under any of them.
        let sql = "WITH RECURSIVE name (path) AS (
                       SELECT ?1
                       UNION SELECT moved.other FROM activity moved JOIN name ON moved.path = name.path
                           WHERE moved.other IS NOT NULL AND moved.kind IN (2, 3)
                       LIMIT 1000)
                   SELECT time, kind, path, other, why, seq FROM activity
                   WHERE (?1 IS NULL OR path IN (SELECT path FROM name) OR other = ?1) AND (?2 IS NULL OR kind = ?2)
                   ORDER BY ordinal DESC LIMIT ?3";
        let path = path.map(ToString::to_string);
        let kind = kind.and_then(|wanted| KINDS.iter().position(|kind| *kind == wanted));
        let kind = kind.and_then(|kind| i64::try_from(kind).ok());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let found = statement
            .query_map(params![path, kind, limit], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX),
                    row.get::<_, String>(2)?,
                    row.get::<_, Option<String>>(3)?,
                    row.get::<_, Option<String>>(4)?,
                    row.get::<_, Option<i64>>(5)?,
                ))
            })
            .map_err(failed)?;
        let mut activities = Vec::new();
        for line in found {
            let (time, kind, path, other, why, seq) = line.map_err(failed)?;
            let (Some(kind), Ok(path)) = (KINDS.get(kind).copied(), RelativePath::parse(&path)) else {
                continue;
            };
            let other = other.and_then(|other| RelativePath::parse(&other).ok());
            let why = why.and_then(|word| Why::of_word(&word));
            let seq = seq.map(|seq| Seq(seq.cast_unsigned()));
            let activity = Activity { kind, path, other, why, seq };
            activities.push(LoggedActivity { time: Timestamp(time), activity });
        }
        Ok(activities)
    }

    /// A small value under a name of the shell's own.
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_value(&format!("shell.{name}"))
    }

    /// Keeps a small value under a name of the shell's own.
    pub fn set_value(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write_value(&format!("shell.{name}"), value)
    }
}

/// What a line takes: its names stand in an index, too.
fn line_bytes(path: &str, other: Option<&str>) -> i64 {
    let names = path.len() + other.map_or(0, str::len);
    i64::try_from(2 * names).unwrap_or(i64::MAX).saturating_add(LINE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(path: &str) -> Activity {
        let path = RelativePath::parse(path).unwrap();
        Activity { kind: ActivityKind::Uploaded, path, other: None, why: None, seq: None }
    }

    fn kept(store: &SqliteStore) -> Vec<String> {
        let lines = store.activities(None, None, 100).unwrap();
        lines.iter().map(|line| line.activity.path.to_string()).collect()
    }

    #[test]
    fn the_log_is_bounded_by_lines_and_by_bytes() {
        let mut store = SqliteStore::in_memory(model::NameRule::Exact).unwrap();
        let names = ["a", "b", "c", "d", "e"].map(|name| format!("{}/{name}", "x".repeat(200)));
        let lines: Vec<Activity> = names.iter().map(|name| activity(name)).collect();
        for pair in lines.chunks(2) {
            store.log(Timestamp(1), pair).unwrap();
        }
        let newest = |count: usize| names.iter().rev().take(count).cloned().collect::<Vec<_>>();
        assert_eq!(kept(&store), newest(5));
        let each = line_bytes(&names[0], None);
        store.trim_log(10, 3 * each).unwrap();
        assert_eq!(kept(&store), newest(3));
        store.trim_log(2, 3 * each).unwrap();
        assert_eq!(kept(&store), newest(2));
        store.trim_log(10, 1).unwrap();
        assert_eq!(kept(&store), newest(1), "the newest stays");
        store.log(Timestamp(2), &[activity("f")]).unwrap();
        store.trim_log(10, 2 * each).unwrap();
        assert_eq!(
            kept(&store),
            [vec!["f".to_owned()], newest(1)].concat(),
            "what was trimmed counts no more"
        );
    }
}
