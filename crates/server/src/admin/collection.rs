//! Taking away what nothing names any more.

use super::{By, Outcome, change};
use crate::server::Server;
use protocol::admin::{AdminAnswer, CollectReport};
use std::sync::PoisonError;
use versioning::collection::plan::Rules;
use versioning::collection::{Done, collect};

/// The answer to a request: what is not given is as the server's settings have it.
pub(super) fn answer(
    server: &Server,
    by: &By,
    dry_run: bool,
    grace_hours: Option<u32>,
    any_share: bool,
) -> Outcome {
    let configured = server.settings.collection;
    let rules = Rules {
        dry_run,
        grace_ns: grace_hours.map_or(configured.grace_ns, Rules::grace_of_hours),
        most_percent: configured.most_percent.filter(|_| !any_share),
        rewrite_bytes: u64::MAX,
        ..configured
    };
    if !dry_run {
        let any_share = if any_share { "yes" } else { "no" };
        change(server, by, "store.collect", &[("any_share", any_share)], |_, _| Ok(()))?;
    }
    let done = run(server, rules, &mut || !*server.stopping.borrow())?;
    Ok(AdminAnswer::Collected(CollectReport {
        dry_run,
        chunks: done.chunks,
        stored_bytes: done.stored_bytes,
        unnamed_chunks: done.unnamed_chunks,
        unnamed_bytes: done.unnamed_bytes,
        due_bytes: done.due_bytes,
        deleted_chunks: done.deleted_chunks,
        deleted_bytes: done.deleted_bytes,
        rewritten_packs: done.rewritten_packs,
        removed_packs: done.removed_packs,
        freed_bytes: done.freed_bytes,
        waiting_bytes: done.waiting_bytes,
        braked: done.braked,
    }))
}

/// One run, after any other has ended; counted and logged.
pub(crate) fn run(
    server: &Server,
    rules: Rules,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Done, versioning::Error> {
    let _alone = server.collecting.lock().unwrap_or_else(PoisonError::into_inner);
    let result = collect(&*server.database, &*server.chunks, rules, server.now(), go_on);
    if !rules.dry_run {
        server.metrics.collected(result.as_ref().ok());
    }
    match &result {
        Ok(done) if done.braked => tracing::warn!(
            due_bytes = done.due_bytes,
            stored_bytes = done.stored_bytes,
            "collection did nothing: more is due than may go at once; `driftless admin gc --any-share` allows it"
        ),
        Ok(done) => tracing::info!(?done, "collected"),
        Err(error) => tracing::error!(%error, "collection stopped"),
    }
    result
}
