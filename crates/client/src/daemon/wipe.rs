//! The server's order to remove all copies: heard once, noted before anything is done, and carried out to its end, whether the
//! server is reached meanwhile or not, and however often the daemon is stopped.
//!
//! What goes and what stays is [`replica::wipe()`]'s to decide. A pair whose directory is not there (a disk that is not mounted)
//! waits for it: the order is carried out when all have had their turn.

use super::Daemon;
use super::answers::no_such_pair;
use crate::control::{ControlAnswer, PairStatus, WipeStatus};
use crate::home::{Configuration, PairConfiguration, WipeOrder};
use crate::pair::Pair;
use crate::remote::RemoteError;
use model::Epoch;
use model::conflict::Author;
use protocol::problem::ProblemKind;
use replica::{Copies, Wiped};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What to say to whoever wants something else meanwhile.
pub(super) const WIPING: &str = "the server has ordered this device to remove its copies, and they are being removed; what the \
     server does not have is kept";

/// Pauses between attempts.
const PAUSE: Duration = Duration::from_secs(3);
const PAUSE_LAST: Duration = Duration::from_secs(60);
/// How often copies of a pair are tried to be removed that are in use. What is left then is counted as kept.
const ATTEMPTS: u32 = 20;

/// The removal of all copies.
#[derive(Debug, Default)]
pub(super) struct Wiping {
    task: Mutex<Option<JoinHandle<()>>>,
    /// How many files were removed of the pair at work.
    removed: AtomicU64,
    /// Pairs that wait, and why.
    waits: Mutex<BTreeMap<u64, Waits>>,
}

/// Why not all copies of a pair are removed yet.
#[derive(Debug, Clone, Default)]
struct Waits {
    reason: String,
    /// How often it was tried where some copies were in use; not counted where nothing could be tried.
    tried: u32,
}

impl Waits {
    fn shown(&self) -> String {
        let way_out = "if it is gone for good: `driftless unsync` it";
        if self.tried > 0 { self.reason.clone() } else { format!("{}; {way_out}", self.reason) }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Either is changed whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Daemon {
    pub(super) fn is_wiping(&self) -> bool {
        self.state().configuration.wipe.is_some()
    }

    /// Notes the order and begins. If it cannot be noted, the server will say it again.
    pub(super) fn hear_wipe(self: &Arc<Self>, epoch: Epoch) {
        if self.is_wiping() {
            return;
        }
        let server = self.remote.server().to_owned();
        let (heard, epoch) = (crate::now().0, epoch.to_string());
        let order = WipeOrder { heard, server, epoch, ..WipeOrder::default() };
        tracing::warn!(server = order.server, "the server has ordered this device to remove its copies");
        match self.configure(|configuration| configuration.wipe = Some(order)) {
            Ok(()) => self.begin_to_wipe(),
            Err(error) => tracing::error!(%error, "the order cannot be noted"),
        }
    }

    pub(super) fn begin_to_wipe(self: &Arc<Self>) {
        let daemon = Arc::clone(self);
        let task = self.runtime.spawn(async move {
            if daemon.wipe_all().await.is_some() {
                daemon.stop.send_replace(true);
            }
        });
        *locked(&self.wiping.task) = Some(task);
    }

    /// Waits until nothing of it is under way.
    pub(super) async fn end_to_wipe(&self) {
        let task = locked(&self.wiping.task).take();
        if let Some(task) = task {
            let _finished = task.await;
        }
    }

    /// A pause, or none if the daemon stops.
    async fn rest(&self, pause: Duration) -> Option<()> {
        let mut stop = self.stop.subscribe();
        tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_err().then_some(())
    }

    /// Carries the order out to its end; none if the daemon stops before.
    async fn wipe_all(self: &Arc<Self>) -> Option<()> {
        let mut pause = PAUSE;
        loop {
            // One may have begun while the order came.
            let running = std::mem::take(&mut self.state().pairs);
            let stopping = move || running.into_values().for_each(Pair::stop);
            let _finished = tokio::task::spawn_blocking(stopping).await;
            let pairs = self.state().configuration.pairs.clone();
            for pair in pairs {
                self.wipe_one(pair).await;
                self.rest(Duration::ZERO).await?;
            }
            if self.state().configuration.pairs.is_empty() {
                break;
            }
            let is_at_work = locked(&self.wiping.waits).values().any(|waits| waits.tried > 0);
            pause = if is_at_work { PAUSE } else { pause };
            self.rest(pause).await?;
            pause = (pause * 2).min(PAUSE_LAST);
        }
        self.report_wiped().await?;
        // What a crash left behind names files.
        let numbers = 0..self.state().configuration.next_pair;
        for number in numbers {
            if let Err(error) = self.home.remove_pair_file(number) {
                tracing::warn!(%error, "what a pair remembered is left behind");
            }
        }
        let ended = self.configure(|configuration| {
            configuration.link = None;
            configuration.wipe.get_or_insert_default().done = true;
        });
        match ended {
            Ok(()) => tracing::warn!("all copies are removed; this device is linked to no server any more"),
            // Its token is worth nothing any more; the next start tries again.
            Err(error) => tracing::error!(%error, "the link cannot be forgotten"),
        }
        Some(())
    }

    async fn wipe_one(self: &Arc<Self>, pair: PairConfiguration) {
        let (daemon, number) = (Arc::clone(self), pair.number);
        let before = locked(&self.wiping.waits).get(&number).cloned().unwrap_or_default();
        let last = before.tried + 1 >= ATTEMPTS;
        let wiped = tokio::task::spawn_blocking(move || daemon.wipe_pair(&pair, last)).await;
        let mut waits = locked(&self.wiping.waits);
        let reason = match wiped {
            Ok(Ok(None)) => return drop(waits.remove(&number)),
            Ok(Ok(Some(left))) => {
                let reason = format!(
                    "{left} copies are in use or cannot be removed; they are tried again for a minute"
                );
                return drop(waits.insert(number, Waits { reason, tried: before.tried + 1 }));
            }
            Ok(Err(reason)) => reason,
            Err(_) => "it failed unexpectedly".to_owned(),
        };
        if before.reason != reason {
            tracing::warn!(number, reason, "the copies of a pair cannot be removed yet");
        }
        waits.insert(number, Waits { reason, ..before });
    }

    /// Removes the copies of a pair, and the pair. Some that cannot be removed, so many, are waited for, but not the last time.
    fn wipe_pair(&self, pair: &PairConfiguration, last: bool) -> Result<Option<u64>, String> {
        let directory = &pair.directory;
        let link = self.state().configuration.link.clone().ok_or("this device is linked to no server")?;
        let author = Author { user: link.user, device: link.device };
        let order = self.state().configuration.wipe.clone().unwrap_or_default();
        let epoch = order.epoch.parse().map_err(|_| "the order does not say whose it is")?;
        let disk = self.opener.open_disk(directory, &pair.marker).map_err(|error| error.to_string())?;
        let memory = self.home.pair_file(pair.number);
        let copies =
            Copies { disk: &*disk, memory: &memory, names: pair.name_rule(), epoch, author: &author };
        let wiped = replica::wipe(copies, &self.wiping.removed, &|| *self.stop.borrow());
        let removed = self.wiping.removed.swap(0, Ordering::Relaxed);
        let is_over = wiped.as_ref().is_ok_and(|wiped| wiped.left == 0 || last);
        let kept = wiped.as_ref().map_or(0, |wiped| wiped.kept + wiped.left);
        let noted = self.configure(|configuration| {
            let Some(order) = &mut configuration.wipe else { return };
            order.removed += removed;
            if is_over {
                configuration.pairs.retain(|held| held.number != pair.number);
                order.kept += kept;
                order.kept_in.extend((kept > 0).then(|| directory.clone()));
            }
        });
        noted.map_err(|error| error.to_string())?;
        let Wiped { left, .. } = wiped.map_err(|error| error.to_string())?;
        if !is_over {
            return Ok(Some(left));
        }
        drop(disk);
        self.forget(pair.number, directory);
        tracing::warn!(directory = %directory.display(), removed, kept, "the copies are removed");
        Ok(None)
    }

    /// Ends a pair whose copies cannot be removed, at its person's wish: its directory is gone for good, or what it remembers is
    /// damaged. What lies there stays.
    pub(super) fn give_up(&self, directory: &Path) -> ControlAnswer {
        let pairs = self.state().configuration.pairs.clone();
        let Some(pair) = pairs.into_iter().find(|pair| pair.directory == directory) else {
            return ControlAnswer::Failed(no_such_pair(directory));
        };
        let is_stuck = locked(&self.wiping.waits).get(&pair.number).is_some_and(|waits| waits.tried == 0);
        if !is_stuck {
            return ControlAnswer::Failed(WIPING.to_owned());
        }
        let noted = self.configure(|configuration| {
            configuration.pairs.retain(|held| held.number != pair.number);
            if let Some(order) = &mut configuration.wipe {
                order.kept_in.push(pair.directory.clone());
            }
        });
        if let Err(error) = noted {
            return ControlAnswer::Failed(error.to_string());
        }
        self.forget(pair.number, directory);
        locked(&self.wiping.waits).remove(&pair.number);
        let place = directory.display();
        ControlAnswer::Done(format!("{place} is no longer waited for; if anything is there, it stays"))
    }

    /// Tells the server, however long that takes: until then it says that the order is not carried out. None if the daemon
    /// stops before.
    async fn report_wiped(&self) -> Option<()> {
        let order = self.state().configuration.wipe.clone().unwrap_or_default();
        let (mut pause, mut stop) = (PAUSE, self.stop.subscribe());
        loop {
            let told = tokio::select! {
                told = self.remote.report_wiped(order.removed, order.kept) => told,
                _ = stop.wait_for(|stop| *stop) => return None,
            };
            match told {
                Ok(()) => return Some(()),
                Err(error) if is_known(&error) => return Some(()),
                Err(error) => {
                    tracing::info!(%error, "the server does not know yet that the copies are removed");
                }
            }
            self.rest(pause).await?;
            pause = (pause * 2).min(PAUSE_LAST);
        }
    }

    pub(super) fn wipe_status(&self, order: &WipeOrder) -> WipeStatus {
        WipeStatus::of(order, self.wiping.removed.load(Ordering::Relaxed))
    }

    pub(super) fn pairs_being_wiped(&self, configuration: &Configuration) -> Vec<PairStatus> {
        let waits = locked(&self.wiping.waits);
        let status = |pair: &PairConfiguration| PairStatus {
            folder: pair.remote_name(),
            directory: pair.directory.clone(),
            state: "wiping".to_owned(),
            direction: pair.direction.clone(),
            detail: Some(waits.get(&pair.number).map_or_else(|| WIPING.to_owned(), Waits::shown)),
            ..PairStatus::default()
        };
        configuration.pairs.iter().map(status).collect()
    }
}

/// Whether the server has nothing to hear any more: it was told before, or the order was taken back.
fn is_known(error: &RemoteError) -> bool {
    matches!(error.problem(), Some(ProblemKind::Unauthenticated | ProblemKind::NotFound))
}
