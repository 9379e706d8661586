//! What all endpoints share.

use crate::api::folders::commits::MANIFEST_ENTRIES_MAX;
use crate::api::folders::space::Counts;
use crate::cursor::CursorKey;
use crate::failure::Failure;
use crate::lags::Lags;
use crate::metrics::Metrics;
use crate::outgoing::Probes;
use crate::plain::{Owners, monitor};
use crate::presence::Presence;
use crate::previews::Previews;
use crate::proxies::{Seen, TrustedProxies};
use crate::rights::Looks;
use crate::setup::Setup;
use crate::single_sign_on::SingleSignOn;
use crate::tls::Tls;
use crate::traffic::Traffic;
use crate::transfers::{Bounds, Transfers};
use crate::wakes::Wakes;
use crate::work::Work;
use auth::{Ceremonies, Codes, Factors, Hasher, SealKey};
use content::ChunkStore;
use metadata::{Database, Snapshot, Transaction};
use model::{Epoch, Limits, Rates, Timestamp};
use pairs::{Monitor, PlainDirectories};
use preview::Decoders;
use protocol::v1::SettingEntry;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use versioning::collection::plan::Rules;
use versioning::identity::Identity;

/// How many reads of the database wait or run on threads of their own at a time.
const READS_AT_ONCE: usize = 16;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The number of a login of the system, if there is such a login.
pub type SystemUser = Arc<dyn Fn(&str) -> Option<u32> + Send + Sync>;

/// What can be chosen.
#[derive(Clone)]
pub struct Settings {
    /// What the server takes; announced to clients.
    pub limits: Limits,
    /// The most transfers (commits, fetches, downloads) of one device at a time; announced to clients.
    pub device_transfers: usize,
    /// The most transfers in all; announced to clients.
    pub transfers: usize,
    /// The most entries of a zip archive; announced to clients.
    pub zip_entries: u64,
    /// How long a transfer waits for its turn, before it is sent away with a time to come again.
    pub transfer_wait: Duration,
    /// How many bytes a second all devices of an account may move together, where nothing else was chosen for the account.
    /// None: as many as they can; under [`pace::RATE_MIN`] it is that.
    pub user_rates: Rates,
    /// The most connections in all.
    pub connections: usize,
    /// How long a request's head may take, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a body may pause.
    pub body_pause: Duration,
    /// How long running requests may go on after the server was told to stop.
    pub stop_grace: Duration,
    /// How many passwords are looked at at a time; each takes 46 MiB.
    pub passwords_at_once: usize,
    /// Where the administration socket lies; none: there is none.
    pub admin_socket: Option<PathBuf>,
    /// The key that secrets in the database are sealed with, which lies outside of it; none: one that ends with the process.
    pub seal_key: Option<[u8; SealKey::BYTES]>,
    /// The data directory, for backups of it; none: none can be made.
    pub data: Option<PathBuf>,
    /// Where the bytes of all versions lie, to be told; none: not told.
    pub content: Option<PathBuf>,
    /// What was chosen for this process, each with where it comes from, to be told.
    pub shown: Vec<SettingEntry>,
    /// How long the server may take to reach itself.
    pub self_test_time: Duration,
    /// How long one answer of the provider of single sign-on may take.
    pub provider_time: Duration,
    /// When what nothing names any more goes, and how much at once.
    pub collection: Rules,
    /// How often that is looked for; none: only when it is asked for.
    pub collection_period: Option<Duration>,
    /// The version that is announced.
    pub version: String,
    /// Tells the time.
    pub clock: Clock,
    /// What makes previews; none: there are none.
    pub previews: Option<Arc<Decoders>>,
    /// Where folders' plain directories lie; none: folders have none.
    pub plain: Option<PlainDirectories>,
    /// The number of a login of the system.
    pub system_user: SystemUser,
    /// The certificate that is shown; none: plain HTTP, for this machine and trusted proxies only.
    pub tls: Option<Arc<Tls>>,
    /// Whose word about a client's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// The most TLS handshakes at a time.
    pub handshakes: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How often the certificate's files are looked at.
    pub certificate_period: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            device_transfers: 8,
            transfers: 64,
            zip_entries: 250_000,
            transfer_wait: Duration::from_secs(20),
            user_rates: Rates::default(),
            connections: 20_000,
            header_timeout: Duration::from_secs(60),
            body_pause: Duration::from_secs(30),
            stop_grace: Duration::from_secs(30),
            passwords_at_once: 2,
            admin_socket: None,
            seal_key: None,
            data: None,
            content: None,
            shown: Vec::new(),
            self_test_time: Duration::from_secs(5),
            provider_time: Duration::from_secs(10),
            collection: Rules::default(),
            collection_period: Some(Duration::from_secs(24 * 3_600)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: Arc::new(system_time),
            previews: None,
            plain: None,
            system_user: Arc::new(|_| None),
            tls: None,
            trusted_proxies: TrustedProxies::default(),
            handshakes: 1_024,
            handshake_timeout: Duration::from_secs(10),
            certificate_period: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("limits", &self.limits)
            .field("admin_socket", &self.admin_socket)
            .finish_non_exhaustive()
    }
}

fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_parts(since.as_secs().try_into().unwrap_or(i64::MAX), since.subsec_nanos())
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] versioning::Error),
    /// The setup cannot begin.
    #[error(transparent)]
    Setup(#[from] auth::setup::SetupError),
    /// Passwords cannot be hashed here.
    #[error(transparent)]
    Password(#[from] auth::password::PasswordError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    NoRandomness(getrandom::Error),
}

/// The server: its database, its chunk store, and what running requests share.
pub struct Server {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) chunks: Arc<dyn ChunkStore>,
    pub(crate) settings: Settings,
    pub(crate) hasher: Hasher,
    pub(crate) cursor_key: CursorKey,
    /// Seals notes of shown passwords of links.
    pub(crate) link_key: [u8; 32],
    epoch: RwLock<Epoch>,
    pub(crate) metrics: Metrics,
    pub(crate) transfers: Transfers,
    /// How fast the bytes of each account move.
    pub(crate) traffic: Traffic,
    pub(crate) wakes: Wakes,
    /// What is remembered of rights, and whether it still holds.
    pub(crate) looks: Looks,
    /// Where devices stand.
    pub(crate) lags: Lags,
    /// Who listens for changes.
    pub(crate) presence: Presence,
    /// What takes long.
    pub(crate) work: Work,
    pub(crate) passwords: Semaphore,
    /// Bounds the threads that read: many more than the database has connections would only wait for each other.
    reading: Semaphore,
    /// What second factors take.
    pub(crate) factors: Factors,
    /// Passkeys that are being made or used.
    pub(crate) ceremonies: Ceremonies,
    /// Single sign-on that was begun, and its provider.
    pub(crate) single_sign_on: SingleSignOn,
    /// Devices that wait to be linked.
    pub(crate) codes: Codes,
    /// Whether the first administrator is awaited.
    pub(crate) setup: Setup,
    /// Attempts of the server to reach itself.
    pub(crate) probes: Probes,
    /// What was seen of proxies.
    pub(crate) proxies_seen: Seen,
    /// Entries of manifests that commits under way hold in memory.
    pub(crate) manifest_entries: Arc<Semaphore>,
    /// What makes previews, and which files it cannot make any of.
    pub(crate) previews: Option<Previews>,
    /// What folders took a moment ago.
    pub(crate) space: Counts,
    pub(crate) stopping: watch::Sender<bool>,
    /// One proof of the log at a time.
    pub(crate) proving: tokio::sync::Mutex<()>,
    /// One collection at a time.
    pub(crate) collecting: Mutex<()>,
    /// Where it is reached, once it serves.
    pub(crate) listening: OnceLock<SocketAddr>,
    /// When it was made, in seconds since 1970: part of its requests' ids.
    pub(crate) started_seconds: i64,
    /// The folders' plain directories.
    pub(crate) monitor: Option<Monitor>,
    /// Whose files in plain directories are whose, by the system's numbers.
    pub(crate) owners: Owners,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes a database and a chunk store; a new database gets its epoch and its keys now. Blocks.
    ///
    /// # Errors
    /// If the database fails or holds damaged settings, or the system gives no randomness or memory.
    pub fn new(
        database: Arc<dyn Database>,
        chunks: Arc<dyn ChunkStore>,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        let fresh = Identity { epoch: Epoch(random()?), cursor_key: random()?, server_key: random()? };
        let identity = versioning::identity::identity(&*database, fresh)?;
        let hasher = Hasher::standard()?;
        let seal_key = match &settings.seal_key {
            Some(bytes) => SealKey::new(bytes),
            None => SealKey::new(&random()?),
        };
        Ok(Arc::new_cyclic(|server| Self {
            monitor: monitor(server, &database, &chunks, &settings, identity.server_key),
            owners: Owners::default(),
            hasher,
            cursor_key: CursorKey::new(identity.cursor_key),
            link_key: auth::public_link::shown_key(&identity.server_key),
            epoch: RwLock::new(identity.epoch),
            metrics: Metrics::new(),
            transfers: Transfers::new(Bounds {
                in_all: settings.transfers,
                of_a_device: settings.device_transfers,
                wait: settings.transfer_wait,
            }),
            traffic: Traffic::default(),
            wakes: Wakes::new(),
            looks: Looks::new(),
            lags: Lags::default(),
            presence: Presence::default(),
            work: Work::default(),
            passwords: Semaphore::new(settings.passwords_at_once.max(1)),
            reading: Semaphore::new(READS_AT_ONCE),
            factors: Factors::new(seal_key),
            ceremonies: Ceremonies::default(),
            single_sign_on: SingleSignOn::new(settings.provider_time),
            codes: Codes::default(),
            setup: Setup::default(),
            probes: Probes::default(),
            proxies_seen: Seen::default(),
            manifest_entries: Arc::new(Semaphore::new(2 * MANIFEST_ENTRIES_MAX)),
            previews: settings.previews.clone().map(Previews::new),
            space: Counts::default(),
            stopping: watch::Sender::new(false),
            proving: tokio::sync::Mutex::new(()),
            collecting: Mutex::new(()),
            listening: OnceLock::new(),
            started_seconds: (settings.clock)().parts().0,
            database,
            chunks,
            settings,
        }))
    }

    /// How many transfers run.
    pub fn running_transfers(&self) -> usize {
        self.transfers.running()
    }

    /// Whether requests can be answered: the database is read.
    pub async fn is_alive(&self) -> bool {
        self.read(|snapshot| snapshot.setting(metadata::setting::Setting::Epoch)).await.is_ok()
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.settings.clock)()
    }

    /// Finds out whether previews can be made on this machine, and tells the log; the overview shows it from then on.
    pub async fn look_at_previews(&self) {
        match &self.previews {
            Some(previews) => previews.look().await,
            None => tracing::info!("previews are switched off"),
        }
    }

    /// The server's lineage.
    pub(crate) fn epoch(&self) -> Epoch {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a new lineage: the database has been rolled back, so that numbers given out before mean other changes
    /// from now on.
    pub(crate) async fn renew_epoch(&self) -> Result<(), Failure> {
        let old = self.epoch();
        let new = Epoch(random().map_err(Failure::internal)?);
        let database = Arc::clone(&self.database);
        self.blocking(move || Ok(versioning::identity::start_epoch(&*database, new)?)).await?;
        let mut epoch = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        // Of several that noticed at once, the last one written is the one kept in the database, too.
        *epoch = new;
        tracing::warn!(old = %old, new = %*epoch, "a cursor beyond the head: the database was rolled back; a new epoch begins");
        Ok(())
    }

    /// Runs blocking work on a thread that may wait.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?
    }

    /// Runs work that reads from the database, on a thread that may wait, in its turn.
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = self.reading.acquire().await.map_err(Failure::internal)?;
        self.blocking(work).await
    }

    /// Reads from the database.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: From<metadata::Error> + Into<Failure> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        self.reading(move || metadata::read(&*database, work).map_err(Into::into)).await
    }

    /// Writes to the database.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: From<metadata::Error> + Into<Failure> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        self.blocking(move || metadata::write(&*database, work).map_err(Into::into)).await
    }
}

fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StartError::NoRandomness)?;
    Ok(bytes)
}
