//! Folders' plain directories: where they are, how they are watched, what they hold up.

use super::{Findings, machine};
use crate::output;
use protocol::admin::{AdminFolderEntry, PlainEntry, PlainState};

pub(super) fn look(findings: &mut Findings, folders: &[AdminFolderEntry]) {
    for folder in folders {
        if let Some(plain) = &folder.plain {
            plain_directory(findings, folder, plain);
        }
    }
    let watched = |folder: &AdminFolderEntry| {
        folder.plain.as_ref().is_some_and(|plain| plain.watch.as_deref() == Some("inotify"))
    };
    if folders.iter().any(watched) {
        machine::watches(findings);
    }
}

fn plain_directory(findings: &mut Findings, folder: &AdminFolderEntry, plain: &PlainEntry) {
    let subject = format!("folder {}", folder.name);
    let place = format!("plain directory {}", plain.directory);
    match plain.state {
        None => findings.good(&subject, format!("{place}; watched once the server runs")),
        Some(PlainState::Offline) => findings.bad(
            &subject,
            format!(
                "{place} is offline: not mounted, not readable, or its marker is missing. Nothing is deleted for it"
            ),
            format!(
                "mount it, or put back what was there with its `.driftless`; if it is gone for good: \
                 `driftless admin folder plain {} none`, then the new directory",
                folder.name
            ),
        ),
        Some(PlainState::Held) => findings.warning(
            &subject,
            format!("{place}: many deletions are held"),
            format!("driftless admin folder hold {} approve|undo", folder.name),
        ),
        Some(PlainState::InStep | PlainState::Working) => watch(findings, &subject, &place, plain),
    }
    for issue in &plain.issues {
        findings.warning(
            &subject,
            issue.clone(),
            "rename or mend what is named, in the plain directory; it is looked at again by itself",
        );
    }
    let twice = output::bytes(folder.used_bytes);
    findings.good(&subject, format!("its plain directory is a second copy: {twice} more"));
}

fn watch(findings: &mut Findings, subject: &str, place: &str, plain: &PlainEntry) {
    let watch = plain.watch.as_deref().unwrap_or("scan");
    let instead = plain.watch_instead.iter().map(|why| format!(" ({why})")).collect::<String>();
    let text = format!("{place} is watched by {watch}{instead}");
    match watch {
        "fanotify" => findings.good(subject, text),
        "inotify" => findings.warning(
            subject,
            text,
            "for a watch of the whole disk at once, run the server as root (`driftless service install server --user root`); \
             for small trees this is enough",
        ),
        _ => findings.warning(
            subject,
            text,
            "changes are seen when it is looked at, once a minute: leave out `--watch scan`, or use a local disk",
        ),
    }
}
