//! Events and effects in a line each, for the trace.

use std::fmt::Write as _;
use sync_engine::{Effect, Event};

pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::ChangesPart(nodes) => {
            let mut text = "ChangesPart".to_owned();
            for node in nodes {
                let mark = if node.deleted { " deleted" } else { "" };
                let _ =
                    write!(text, " [{} {} in {}{mark} {:?}]", node.id, node.name, node.parent, node.content);
            }
            text
        }
        Event::Listed(listings) => {
            let mut text = "Listed".to_owned();
            for listed in listings {
                match &listed.outcome {
                    Ok(listing) => {
                        let names: Vec<String> = listing
                            .entries
                            .iter()
                            .map(|entry| format!("{}#{:?}", entry.name, entry.fingerprint.handle))
                            .collect();
                        let _ = write!(text, " {}:{}", listed.key.0, names.join(","));
                    }
                    Err(failure) => {
                        let _ = write!(text, " {}:{failure:?}", listed.key.0);
                    }
                }
            }
            text
        }
        other => format!("{other:?}"),
    }
}

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::List(requests) => {
            let paths: Vec<String> =
                requests.iter().map(|request| format!("{}={}", request.key.0, request.path)).collect();
            format!("List {}", paths.join(" "))
        }
        Effect::Hash(requests) => {
            let paths: Vec<String> =
                requests.iter().map(|request| format!("{}={}", request.token, request.path)).collect();
            format!("Hash {}", paths.join(" "))
        }
        Effect::Commit(commit) => {
            let groups: Vec<String> = commit
                .intent
                .groups
                .iter()
                .map(|group| {
                    let operations: Vec<String> =
                        group.iter().map(|operation| format!("{:?}", operation.sent)).collect();
                    operations.join(" + ")
                })
                .collect();
            format!("Commit {:?} sends {}: {}", commit.intent.key, commit.sends.len(), groups.join(" | "))
        }
        other => format!("{other:?}"),
    }
}
