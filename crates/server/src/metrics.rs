//! Figures for operators, in the Prometheus text format.

use crate::admin::folders::plain_state;
use crate::server::Server;
use metadata::folder::Folder;
use model::{FLUSH_BOUNDS_US, FlushTimes, FolderId, GroupOutcome, Seq};
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use protocol::admin::PlainState;
use protocol::schema::refusal_word;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeviceLabels {
    device: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// A histogram that is counted elsewhere.
#[derive(Debug, Clone, Default)]
struct Times(Arc<Mutex<FlushTimes>>);

impl Times {
    fn set(&self, times: FlushTimes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = times;
    }
}

impl EncodeMetric for Times {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let times = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = |microseconds: u64| Duration::from_micros(microseconds).as_secs_f64();
        let bounds = FLUSH_BOUNDS_US.into_iter().map(seconds).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(times.counts).collect();
        encoder.encode_histogram::<NoLabelSet>(seconds(times.sum_us), times.count(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Counted in a gauge while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted while the server runs.
pub(crate) struct Metrics {
    registry: Registry,
    /// The name of each, without the prefix.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the documented list"))]
    names: Vec<&'static str>,
    requests: Family<RequestLabels, Counter>,
    commits: Counter,
    replayed_commits: Counter,
    applied: Counter,
    refused: Family<ReasonLabels, Counter>,
    bytes_in: Counter,
    bytes_out: Counter,
    pulls: Counter,
    connections: Gauge,
    devices: Gauge,
    waiting_passwords: Gauge,
    transfers: Gauge,
    waiting_transfers: Gauge,
    bounded_accounts: Gauge,
    chunk_fsyncs: Gauge<u64, AtomicU64>,
    chunk_fsync_times: Times,
    chunk_bytes_written: Gauge<u64, AtomicU64>,
    database_statements: Gauge<u64, AtomicU64>,
    database_commits: Gauge<u64, AtomicU64>,
    database_commit_times: Times,
    database_queue: Gauge<u64, AtomicU64>,
    lag_changes: Family<DeviceLabels, Gauge>,
    lag_seconds: Family<DeviceLabels, Gauge>,
    plain_directories: Family<StateLabels, Gauge>,
    collections: Family<OutcomeLabels, Counter>,
    collected: Counter,
    unnamed: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("driftless");
        let mut names = Vec::new();
        macro_rules! register {
            ($name:literal, $help:literal) => {{
                let metric = Default::default();
                names.push($name);
                registry.register($name, $help, Clone::clone(&metric));
                metric
            }};
        }
        Self {
            requests: register!("requests", "Requests answered"),
            commits: register!("commits", "Commits carried out"),
            replayed_commits: register!("replayed_commits", "Commits answered with their stored result"),
            applied: register!("operations_applied", "Operations applied"),
            refused: register!("groups_refused", "Groups of operations refused, by reason"),
            bytes_in: register!("bundle_bytes_in", "Bytes of bundles taken"),
            bytes_out: register!("bundle_bytes_out", "Bytes of bundles and contents sent"),
            pulls: register!("pulls", "Pages of changes sent"),
            connections: register!("open_connections", "Connections open, WebSockets included"),
            waiting_passwords: register!(
                "waiting_passwords",
                "Sign-ins whose password waits to be looked at"
            ),
            devices: register!("connected_devices", "Devices that listen for wakes"),
            transfers: register!("running_transfers", "Transfers running"),
            waiting_transfers: register!("waiting_transfers", "Transfers waiting for their turn"),
            bounded_accounts: register!(
                "bounded_accounts",
                "Accounts that have moved bytes and are held to a rate"
            ),
            chunk_fsyncs: register!("chunk_store_fsyncs", "Flushes of the chunk store since the start"),
            chunk_fsync_times: register!(
                "chunk_store_fsync_seconds",
                "How long flushes of the chunk store took"
            ),
            chunk_bytes_written: register!(
                "chunk_store_written_bytes",
                "Bytes written to packs since the start"
            ),
            database_statements: register!("database_statements", "Statements executed since the start"),
            database_commits: register!("database_commits", "Durable commits since the start"),
            database_commit_times: register!(
                "database_commit_seconds",
                "How long durable commits took, the flush included"
            ),
            database_queue: register!("database_queue", "Writing units that wait or are at work"),
            lag_changes: register!("device_lag_changes", "Journal numbers that a device has not been sent"),
            lag_seconds: register!(
                "device_lag_seconds",
                "Seconds since a device was last seen to have everything"
            ),
            plain_directories: register!("plain_directories", "Plain directories, by state"),
            collections: register!("collections", "Runs of collection, by outcome"),
            collected: register!("collected_bytes", "Bytes of packs that collection took away"),
            unnamed: register!("unnamed_bytes", "Stored bytes that nothing named at the last collection"),
            names,
            registry,
        }
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: u16) {
        let labels =
            RequestLabels { method: method.to_owned(), route: route.to_owned(), status: status.into() };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn commit(&self, outcomes: &[GroupOutcome], replayed: bool) {
        if replayed {
            self.replayed_commits.inc();
            return;
        }
        self.commits.inc();
        for outcome in outcomes {
            match outcome {
                GroupOutcome::Applied(operations) => {
                    self.applied.inc_by(operations.len() as u64);
                }
                GroupOutcome::Refused { reason, .. } => {
                    self.refused.get_or_create(&ReasonLabels { reason: refusal_word(*reason) }).inc();
                }
            }
        }
    }

    pub(crate) fn bytes_in(&self, bytes: u64) {
        self.bytes_in.inc_by(bytes);
    }

    pub(crate) fn bytes_out(&self, bytes: u64) {
        self.bytes_out.inc_by(bytes);
    }

    /// Counts a run of collection; none: it failed.
    pub(crate) fn collected(&self, done: Option<&versioning::collection::Done>) {
        let outcome = match done {
            None => "failed",
            Some(done) if done.braked => "braked",
            Some(_) => "done",
        };
        self.collections.get_or_create(&OutcomeLabels { outcome }).inc();
        if let Some(done) = done {
            self.collected.inc_by(done.freed_bytes);
            self.unnamed.set(done.unnamed_bytes.saturating_sub(done.deleted_bytes));
        }
    }

    pub(crate) fn pull(&self) {
        self.pulls.inc();
    }

    /// A connection is open as long as this lives.
    pub(crate) fn connection_opened(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// A password waits to be looked at as long as this lives.
    pub(crate) fn password_waits(&self) -> Counted {
        Counted::new(&self.waiting_passwords)
    }

    pub(crate) fn device_connected(&self) {
        self.devices.inc();
    }

    pub(crate) fn device_gone(&self) {
        self.devices.dec();
    }

    /// How far devices are behind.
    fn look_at_lags(&self, server: &Server, heads: &HashMap<FolderId, Seq>) {
        self.lag_changes.clear();
        self.lag_seconds.clear();
        for lag in server.lags.lags(heads) {
            let labels = DeviceLabels { device: lag.device.to_string() };
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            self.lag_changes.get_or_create(&labels).set(number(lag.changes));
            self.lag_seconds.get_or_create(&labels).set(number(lag.seconds));
        }
    }

    fn look_at_plain_directories(&self, server: &Server) {
        self.plain_directories.clear();
        let Some(monitor) = &server.monitor else { return };
        for status in monitor.statuses().values() {
            let state = state_word(plain_state(status));
            self.plain_directories.get_or_create(&StateLabels { state }).inc();
        }
    }

    /// Everything, as text, with what these folders tell.
    pub(crate) fn text(server: &Server, folders: &[Folder]) -> String {
        let metrics = &server.metrics;
        let heads = folders.iter().map(|folder| (folder.id, folder.counters.head)).collect();
        metrics.look_at_lags(server, &heads);
        metrics.look_at_plain_directories(server);
        let store = server.chunks.counters();
        let database = server.database.figures();
        metrics.transfers.set(server.transfers.running() as i64);
        metrics.waiting_transfers.set(server.transfers.waiting() as i64);
        metrics.bounded_accounts.set(server.traffic.bounded_accounts() as i64);
        metrics.chunk_fsyncs.set(store.fsyncs);
        metrics.chunk_fsync_times.set(store.fsync_times);
        metrics.chunk_bytes_written.set(store.written_bytes);
        metrics.database_statements.set(database.statements);
        metrics.database_commits.set(database.commits);
        metrics.database_commit_times.set(database.commit_times);
        metrics.database_queue.set(database.queued);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry)
            .expect("writing into a string cannot fail");
        text
    }
}

fn state_word(state: PlainState) -> &'static str {
    match state {
        PlainState::Offline => "offline",
        PlainState::Held => "held",
        PlainState::InStep => "in_step",
        PlainState::Working => "working",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_documented_list_is_the_programs() {
        let document = include_str!("../../../docs/metrics.md");
        let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
        let metrics = Metrics::new();
        assert_eq!(documented, metrics.names.iter().copied().collect());
    }
}
