//! Figures for operators, in the Prometheus text format.

use crate::server::Server;
use model::GroupOutcome;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use protocol::schema::refusal_word;
use std::sync::atomic::AtomicU64;

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

/// What is counted while the server runs.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    commits: Counter,
    replayed_commits: Counter,
    applied: Counter,
    refused: Family<ReasonLabels, Counter>,
    bytes_in: Counter,
    bytes_out: Counter,
    pulls: Counter,
    devices: Gauge,
    transfers: Gauge,
    chunk_fsyncs: Gauge<u64, AtomicU64>,
    chunk_bytes_written: Gauge<u64, AtomicU64>,
    database_statements: Gauge<u64, AtomicU64>,
    database_commits: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("driftless");
        macro_rules! register {
            ($name:literal, $help:literal) => {{
                let metric = Default::default();
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
            devices: register!("connected_devices", "Devices that listen for wakes"),
            transfers: register!("running_transfers", "Transfers running"),
            chunk_fsyncs: register!("chunk_store_fsyncs", "Flushes of the chunk store since the start"),
            chunk_bytes_written: register!(
                "chunk_store_written_bytes",
                "Bytes written to packs since the start"
            ),
            database_statements: register!("database_statements", "Statements executed since the start"),
            database_commits: register!("database_commits", "Durable commits since the start"),
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

    pub(crate) fn pull(&self) {
        self.pulls.inc();
    }

    pub(crate) fn device_connected(&self) {
        self.devices.inc();
    }

    pub(crate) fn device_gone(&self) {
        self.devices.dec();
    }

    /// Everything, as text.
    pub(crate) fn text(server: &Server) -> String {
        let metrics = &server.metrics;
        let store = server.chunks.counters();
        let database = server.database.figures();
        metrics.transfers.set(server.transfers.running() as i64);
        metrics.chunk_fsyncs.set(store.fsyncs);
        metrics.chunk_bytes_written.set(store.written_bytes);
        metrics.database_statements.set(database.statements);
        metrics.database_commits.set(database.commits);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry)
            .expect("writing into a string cannot fail");
        text
    }
}
