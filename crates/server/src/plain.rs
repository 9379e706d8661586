//! Folders' plain directories: the monitor at work beside the doors.

use crate::server::{Server, Settings};
use content::ChunkStore;
use metadata::Database;
use model::{Epoch, FolderId, Seq, UserId};
use pairs::{Monitor, MonitorSettings, Surroundings};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// Whose files are whose: accounts by the number of the system's login that they are mapped to.
#[derive(Debug, Default)]
pub(crate) struct Owners(RwLock<HashMap<u32, UserId>>);

impl Owners {
    fn account(&self, owner: u32) -> Option<UserId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&owner).copied()
    }

    /// Reads the mapping anew. What cannot be read stays as it was.
    pub(crate) fn refresh(&self, database: &dyn Database, settings: &Settings) {
        let mapped = metadata::read::<_, metadata::Error>(database, |snapshot| snapshot.system_users());
        match mapped {
            Ok(mapped) => {
                let owners = mapped
                    .into_iter()
                    .filter_map(|(login, user)| Some(((settings.system_user)(&login)?, user)))
                    .collect();
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = owners;
            }
            Err(error) => tracing::warn!(%error, "whose files are whose cannot be read"),
        }
    }
}

/// The monitor of a server, if folders may have plain directories.
pub(crate) fn monitor(
    server: &Weak<Server>,
    database: &Arc<dyn Database>,
    chunks: &Arc<dyn ChunkStore>,
    settings: &Settings,
    server_key: [u8; 32],
) -> Option<Monitor> {
    let plain = settings.plain.clone()?;
    let (of_epoch, of_news, of_owners) = (Weak::clone(server), Weak::clone(server), Weak::clone(server));
    let surroundings = Surroundings {
        database: Arc::clone(database),
        chunks: Arc::clone(chunks),
        limits: settings.limits,
        clock: Arc::clone(&settings.clock),
        // A server that is gone answers nothing that matters.
        epoch: Arc::new(move || of_epoch.upgrade().map_or(Epoch([0; 16]), |server| server.epoch())),
        changed: Arc::new(move |folder: FolderId, head: Seq| {
            if let Some(server) = of_news.upgrade() {
                server.wakes.folder_changed(folder, head);
            }
        }),
        account: Arc::new(move |owner| of_owners.upgrade()?.owners.account(owner)),
    };
    Some(Monitor::new(MonitorSettings { surroundings, plain, server_key }))
}

/// Runs the monitor until the server stops.
pub(crate) async fn keep(server: Arc<Server>, running: mpsc::Sender<()>) {
    if server.monitor.is_none() {
        return;
    }
    // Listening begins before the pairs do: nothing can fall between.
    let mut wakes = server.wakes.listen();
    let mut stopping = server.stopping.subscribe();
    let starting = Arc::clone(&server);
    let _started = tokio::task::spawn_blocking(move || {
        starting.owners.refresh(&*starting.database, &starting.settings);
        starting.refresh_plain();
    })
    .await;
    loop {
        tokio::select! {
            () = crate::serve::told_to_stop(&mut stopping) => break,
            woken = wakes.recv() => match woken {
                Ok((folder, head)) => server.monitor.iter().for_each(|monitor| monitor.woken(folder, head)),
                // News were missed: there may be some for every folder.
                Err(RecvError::Lagged(_)) => server.monitor.iter().for_each(Monitor::verify),
                Err(RecvError::Closed) => break,
            },
        }
    }
    let _stopped = tokio::task::spawn_blocking(move || {
        server.monitor.iter().for_each(Monitor::stop);
    })
    .await;
    drop(running);
}

impl Server {
    /// Brings the running pairs in line with the database. Blocks.
    pub(crate) fn refresh_plain(&self) {
        if let Some(monitor) = &self.monitor
            && let Err(error) = monitor.refresh()
        {
            tracing::error!(%error, "plain directories are not watched");
        }
    }
}
