//! Whether what is remembered of rights still holds, asked anew for every decision.
//!
//! The database tells the generation of everybody's rights in one small look. Decisions that are asked for at the same
//! moment share a look, but only one that *began* after each was asked for: what was taken away before, through whatever
//! connection to the database, is gone. So ten thousand clients that are woken together cost a few looks.

use crate::caller::Generation;
use crate::failure::Failure;
use crate::serve::told_to_stop;
use crate::server::Server;
use auth::rights::Account;
use auth::{Rights, Session, TokenDigest};
use model::{Access, Action, FolderId, Origin, Permit, Principal, Reach};
use protocol::ProblemKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often it is looked whether somebody else has changed rights, so that those who merely listen are told.
const PERIOD: Duration = Duration::from_secs(5);

/// The looks, and what they found.
pub(crate) struct Looks {
    pub(crate) rights: Rights,
    queue: Mutex<Queue>,
    done: watch::Sender<Look>,
    /// The newest generation that was seen.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    running: bool,
    /// The number of the last look that has begun, and of the last one that is wanted.
    begun: u64,
    wanted: u64,
}

/// A look that is done.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    number: u64,
    /// None: the database failed.
    generation: Option<u64>,
}

impl Looks {
    pub(crate) fn new() -> Self {
        Self {
            rights: Rights::default(),
            queue: Mutex::default(),
            done: watch::Sender::new(Look::default()),
            news: watch::Sender::new(0),
        }
    }

    /// Tells of every change of rights, whoever made it.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Numbers are changed in one step each.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a look that has not begun yet; gives its number, and whether somebody has to begin it.
    fn ask(&self) -> (u64, bool) {
        let mut queue = self.queue();
        queue.wanted = queue.begun + 1;
        (queue.wanted, !std::mem::replace(&mut queue.running, true))
    }

    /// The number of the next look, if one is wanted.
    fn begin(&self) -> Option<u64> {
        let mut queue = self.queue();
        queue.running = queue.wanted > queue.begun;
        queue.begun += u64::from(queue.running);
        queue.running.then_some(queue.begun)
    }

    /// Looks as long as looks are wanted. Blocks.
    fn look(&self, server: &Server) {
        while let Some(number) = self.begin() {
            let generation = metadata::read(&*server.database, |snapshot| snapshot.rights_generation());
            if let Err(error) = &generation {
                tracing::error!(%error, "the generation of rights could not be read");
            }
            let generation = generation.ok();
            self.publish(generation);
            self.done.send_replace(Look { number, generation });
        }
    }

    fn publish(&self, generation: Option<u64>) {
        let Some(generation) = generation else { return };
        self.news.send_if_modified(|newest| {
            let is_news = *newest < generation;
            *newest = generation.max(*newest);
            is_news
        });
    }
}

impl Server {
    /// The generation of everybody's rights, of a moment after this was asked.
    async fn generation(self: &Arc<Self>) -> Result<u64, Failure> {
        let mut done = self.looks.done.subscribe();
        let (number, is_first) = self.looks.ask();
        if is_first {
            let server = Arc::clone(self);
            tokio::task::spawn_blocking(move || server.looks.look(&server));
        }
        let look = done.wait_for(|look| look.number >= number).await.map(|look| *look);
        let look = look.map_err(Failure::internal)?;
        look.generation.ok_or_else(|| Failure::new(ProblemKind::Internal))
    }

    /// Rights have been changed: whoever listens is told now, and not when the next one asks.
    pub(crate) async fn rights_changed(self: &Arc<Self>) {
        // A look that fails is in the log; the next one tells.
        let _ = self.generation().await;
    }

    /// The same, from a thread that may wait.
    pub(crate) fn rights_were_changed(&self) {
        let generation = metadata::read(&*self.database, |snapshot| snapshot.rights_generation());
        self.looks.publish(generation.ok());
    }

    /// What is reached from where now, and at which generation of rights.
    pub(crate) async fn reach(self: &Arc<Self>) -> Result<(u64, Arc<Reach>), Failure> {
        let generation = self.generation().await?;
        if let Some(reach) = self.looks.rights.reach(generation) {
            return Ok((generation, reach));
        }
        let server = Arc::clone(self);
        let reach = self.read(move |snapshot| server.looks.rights.look_up_reach(snapshot)).await?;
        Ok((generation, reach))
    }

    /// Who shows a token from there now; none if it is worth nothing. `looked`: what was looked at for the same request.
    pub(crate) async fn session(
        self: &Arc<Self>,
        digest: TokenDigest,
        from: Origin,
        looked: Option<Generation>,
    ) -> Result<Option<Session>, Failure> {
        let generation = match looked {
            Some(Generation(generation)) => generation,
            None => self.generation().await?,
        };
        let now = self.now();
        if let Some(session) = self.looks.rights.session(generation, digest, from, now) {
            return Ok(Some(session));
        }
        let server = Arc::clone(self);
        self.read(move |snapshot| server.looks.rights.look_up_session(snapshot, digest, from, now)).await
    }

    /// What the account of a device may do now; none if account or device is not active.
    pub(crate) async fn account(
        self: &Arc<Self>,
        principal: Principal,
    ) -> Result<Option<Arc<Account>>, Failure> {
        let (generation, now) = (self.generation().await?, self.now());
        if let Some(account) = self.looks.rights.account(generation, principal, now) {
            return Ok(Some(account));
        }
        let server = Arc::clone(self);
        self.read(move |snapshot| server.looks.rights.look_up(snapshot, principal, now)).await
    }

    /// Asks whether a principal may do something in a folder now.
    pub(crate) async fn permit<A: Access + Send + 'static>(
        self: &Arc<Self>,
        principal: Principal,
        folder: FolderId,
        action: Action,
    ) -> Result<Permit<A>, Failure> {
        let (generation, now) = (self.generation().await?, self.now());
        if let Some(decided) = self.looks.rights.permit(generation, principal, folder, action, now) {
            return Ok(decided.map_err(auth::Refused::from)?);
        }
        let server = Arc::clone(self);
        self.read(move |snapshot| {
            server.looks.rights.look_up_permit::<A>(snapshot, principal, folder, action, now)
        })
        .await
    }
}

/// Looks now and then, until the server stops.
pub(crate) async fn keep(server: Arc<Server>, running: mpsc::Sender<()>) {
    let mut stopping = server.stopping.subscribe();
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopping) => break,
            () = tokio::time::sleep(PERIOD) => server.rights_changed().await,
        }
    }
    drop(running);
}
