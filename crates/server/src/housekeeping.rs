//! Forgetting what has had its time: ended uploads, stored answers of long ago, counted failures of yesterday, what of the
//! folders' pasts is not kept any more, and, less often, what nothing names any more in the chunk store.

use crate::failure::Failure;
use crate::serve::told_to_stop;
use crate::server::Server;
use model::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// How much at a time, so that nobody waits long behind it.
const BATCH: usize = 2000;
/// The longest pause between two steps of collection.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Counted failures are forgotten after a day.
const FAILURES_NS: i64 = 86_400_000_000_000;

/// Runs until the server stops.
pub(crate) async fn keep(server: Arc<Server>, running: mpsc::Sender<()>) {
    let mut stopping = server.stopping.subscribe();
    let mut collected: Option<Instant> = None;
    // What was never counted is counted now: a new server's overview is not empty for its first quarter of an hour.
    drop(watch(&server).await.map_err(Failure::into_problem));
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopping) => break,
            () = tokio::time::sleep(PERIOD) => {
                // Nobody asked for it, so nobody is answered; the next round tries again.
                drop(forget(&server).await.map_err(Failure::into_problem));
                let is_due = |period| collected.is_none_or(|at| at.elapsed() >= period);
                if server.settings.collection_period.is_some_and(is_due) {
                    drop(collect(&server).await.map_err(Failure::into_problem));
                    collected = Some(Instant::now());
                }
            }
        }
    }
    drop(running);
}

impl Server {
    /// One round of what is otherwise done every quarter of an hour. Whether all of it was; the log says what was not.
    pub async fn keep_house(self: &Arc<Self>) -> bool {
        forget(self).await.map_err(Failure::into_problem).is_ok()
    }
}

/// One round.
pub(crate) async fn forget(server: &Arc<Server>) -> Result<(), Failure> {
    let (database, now) = (Arc::clone(&server.database), server.now());
    server
        .blocking(move || {
            while versioning::upload::expire(&*database, now, BATCH)? == BATCH {}
            while versioning::commit::forget_answers(&*database, now, BATCH)? == BATCH as u64 {}
            versioning::view::forget_unused(&*database, now)?;
            let before = Timestamp(now.0.saturating_sub(FAILURES_NS));
            metadata::write(&*database, move |transaction| {
                transaction.forget_link_downloads(before)?;
                transaction.forget_failures(before)
            })?;
            Ok(())
        })
        .await?;
    thin(server).await?;
    watch(server).await
}

/// Counts what folders take, and has the log's oldest rows go.
async fn watch(server: &Arc<Server>) -> Result<(), Failure> {
    let (here, now, stopping) = (Arc::clone(server), server.now(), server.stopping.subscribe());
    server
        .blocking(move || {
            versioning::growth::round(&*here.database, now, &|| !*stopping.borrow())?;
            let gone = crate::log::thin(&here, now)?;
            if gone > 0 {
                tracing::info!(rows = gone, "the log's oldest rows were taken away");
            }
            Ok(())
        })
        .await
}

/// One run of collection, at work half of the time, so that others have the disk for the other half.
async fn collect(server: &Arc<Server>) -> Result<(), Failure> {
    let (shared, stopping) = (Arc::clone(server), server.stopping.subscribe());
    server
        .blocking(move || {
            let mut before = Instant::now();
            let mut go_on = || {
                std::thread::sleep(before.elapsed().min(PAUSE_MAX));
                before = Instant::now();
                !*stopping.borrow()
            };
            crate::admin::collection::run(&shared, shared.settings.collection, &mut go_on)?;
            Ok(())
        })
        .await
}

/// Has what is due in each folder go. A folder that fails does not keep the others from their turn.
async fn thin(server: &Arc<Server>) -> Result<(), Failure> {
    let (database, now, stopping) = (Arc::clone(&server.database), server.now(), server.stopping.subscribe());
    server
        .blocking(move || {
            let go_on = || !*stopping.borrow();
            for folder in versioning::folder::all(&*database)? {
                match versioning::retention::round(&*database, folder.id, now, &go_on) {
                    Ok(done) if done == versioning::retention::Done::default() => {}
                    Ok(done) => tracing::info!(folder = %folder.id, ?done, "thinned out"),
                    Err(error) => {
                        tracing::error!(folder = %folder.id, %error, "the folder was not thinned out");
                    }
                }
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use metadata::Database;
    use metadata::throttle::Failures;

    /// Bytes of a commit that never came: nobody's since they are there.
    #[tokio::test]
    async fn the_server_collects_by_itself_and_tells_of_it() {
        use content::ChunkStore as _;
        use content::conformance::{append, noise, single};
        let database: Arc<dyn Database> = Arc::new(metadata_sqlite::Sqlite::in_memory().unwrap());
        let store = Arc::new(content::MemoryStore::new());
        append(&*store, &[single(&noise(1, 5_000))]).unwrap();
        store.restart();
        append(&*store, &[single(&noise(2, 50))]).unwrap();
        let collection = crate::CollectionRules { grace_ns: 0, ..crate::CollectionRules::default() };
        let settings = crate::Settings { collection, ..crate::Settings::default() };
        let server = Server::new(database, Arc::<content::MemoryStore>::clone(&store), settings).unwrap();
        let transfer = store.hold();
        collect(&server).await.unwrap();
        assert_eq!(store.packs().unwrap().len(), 2, "somebody may still read there");
        drop(transfer);
        collect(&server).await.unwrap();
        assert_eq!(store.packs().unwrap().len(), 1);
        let text = crate::metrics::Metrics::text(&server, &[]);
        assert!(text.contains("driftless_collections_total{outcome=\"done\"} 2"), "{text}");
        assert!(text.contains("driftless_collected_bytes_total 51"), "{text}");
    }

    #[tokio::test]
    async fn failures_of_long_ago_are_forgotten_and_fresh_ones_are_not() {
        let database: Arc<dyn Database> = Arc::new(metadata_sqlite::Sqlite::in_memory().unwrap());
        let now = Timestamp::from_parts(2_000_000_000, 0);
        let settings = crate::Settings { clock: Arc::new(move || now), ..crate::Settings::default() };
        let store = Arc::new(content::MemoryStore::new());
        let server = Server::new(Arc::clone(&database), store, settings).unwrap();
        let at = |seconds: i64| Timestamp::from_parts(2_000_000_000 - seconds, 0);
        metadata::write(&*database, move |transaction| {
            for (key, age) in [("old", 100_000), ("fresh", 1000)] {
                transaction.put_failures(key, &Failures { count: 3, since: at(age), last: at(age) })?;
            }
            Ok::<_, metadata::Error>(())
        })
        .unwrap();
        forget(&server).await.unwrap();
        let kept = metadata::read(&*database, |snapshot| {
            Ok::<_, metadata::Error>((snapshot.failures("old")?, snapshot.failures("fresh")?))
        })
        .unwrap();
        assert!(kept.0.is_none() && kept.1.is_some());
    }
}
