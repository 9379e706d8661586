//! Who made the changes that the log of a file tells of, as far as the server knows.

use super::Daemon;
use crate::control::LogLine;
use protocol::v1::VersionsResponse;
use std::collections::BTreeMap;
use std::path::Path;

type Author = (Option<String>, Option<String>);

impl Daemon {
    /// Completes the lines of what stands at a path, or stood there last.
    pub(super) async fn name_authors(&self, path: &Path, lines: &mut [LogLine]) {
        let Ok((folder, node)) = self.node_at(path).await else { return };
        match self.remote.versions(folder, node).await {
            Ok(history) => name(lines, history),
            Err(error) => tracing::debug!(%error, "the server does not say who it was"),
        }
    }
}

/// Lines and history, both the newest first. Numbers of the journal tell who; a removal that was carried out here has none,
/// so the newest of these is the newest removal that was not made here, and so on.
fn name(lines: &mut [LogLine], history: VersionsResponse) {
    let made_here: Vec<u64> = lines.iter().filter_map(|line| line.seq).collect();
    let mut removals = Vec::new();
    let mut authors: BTreeMap<u64, Author> = BTreeMap::new();
    for place in history.places {
        let author = (place.user, place.device);
        if place.removed && !made_here.contains(&place.seq) {
            removals.push(author.clone());
        }
        authors.insert(place.seq, author);
    }
    authors.extend(history.versions.into_iter().map(|version| (version.seq, (version.user, version.device))));
    let mut removals = removals.into_iter();
    for line in lines {
        let author = match line.seq {
            Some(seq) => authors.get(&seq).cloned(),
            None if line.action == "removed_here" => removals.next(),
            None => None,
        };
        (line.user, line.device) = author.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::RfcTime;
    use protocol::v1::PlaceEntry;

    fn line(action: &str, seq: Option<u64>) -> LogLine {
        LogLine {
            time: String::new(),
            action: action.to_owned(),
            path: "a".into(),
            other: None,
            reason: None,
            why: None,
            seq,
            user: None,
            device: None,
        }
    }

    fn place(seq: u64, removed: bool, user: &str) -> PlaceEntry {
        let time = RfcTime(model::Timestamp(0));
        PlaceEntry { seq, name: "a".into(), removed, time, user: Some(user.into()), device: None }
    }

    #[test]
    fn numbers_of_the_journal_and_the_order_of_removals_tell_who() {
        let mut lines = [
            line("removed_here", None),
            line("downloaded", Some(6)),
            line("removed_there", Some(5)),
            line("kept", None),
            line("removed_here", None),
            line("uploaded", Some(1)),
        ];
        let places =
            [(7, true, "gil"), (6, false, "fay"), (5, true, "eve"), (3, true, "cat"), (1, false, "amy")];
        let places = places.map(|(seq, removed, user)| place(seq, removed, user)).to_vec();
        name(&mut lines, VersionsResponse { versions: Vec::new(), places });
        let told = lines.map(|line| line.user.unwrap_or_default());
        assert_eq!(told, ["gil", "fay", "eve", "", "cat", "amy"]);
    }
}
