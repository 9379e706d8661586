//! What a shell keeps beside the engine's memory: manifests of long contents, and the log of what sync did.

use crate::rows::failed;
use crate::store::SqliteStore;
use model::{ContentId, RelativePath, Seq, Timestamp};
use rusqlite::{OptionalExtension as _, params};
use sync_engine::{Activity, ActivityKind, StoreError, Why};

/// How many manifests and log lines are kept.
const MANIFESTS_KEPT: i64 = 4_096;
const ACTIVITIES_KEPT: i64 = 200_000;

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
        for batch in activities.chunks(256) {
            let values = vec!["(?,?,?,?,?,?)"; batch.len()].join(",");
            let sql = format!("INSERT INTO activity (time, kind, path, other, why, seq) VALUES {values}");
            let parameters = batch.iter().flat_map(|activity| {
                use rusqlite::types::Value;
                let kind = KINDS.iter().position(|kind| *kind == activity.kind).unwrap_or_default();
                let other = activity.other.as_ref().map_or(Value::Null, |path| Value::Text(path.to_string()));
                [
                    Value::Integer(time.0),
                    Value::Integer(i64::try_from(kind).unwrap_or_default()),
                    Value::Text(activity.path.to_string()),
                    other,
                    activity.why.map_or(Value::Null, |why| Value::Text(why.word().to_owned())),
                    activity.seq.map_or(Value::Null, |seq| Value::Integer(seq.0.cast_signed())),
                ]
            });
            self.connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(parameters)))
                .map_err(failed)?;
        }
        self.connection
            .prepare_cached("DELETE FROM activity WHERE ordinal <= (SELECT max(ordinal) FROM activity) - ?1")
            .and_then(|mut statement| statement.execute([ACTIVITIES_KEPT]))
            .map_err(failed)?;
        Ok(())
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
