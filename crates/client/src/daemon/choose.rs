//! Which directory is to be kept in step with what of which folder: a new pair, or another view for one that is there.

use super::overlaps;
use crate::control::{HoldDeletes, SyncRequest};
use crate::home::{Configuration, HOLD_DELETES, PairConfiguration};
use crate::remote::{Remote, RemoteError};
use model::{NodeId, View};
use protocol::problem::ProblemKind;
use protocol::v1::{FolderEntry, WireNameRule};
use sync_engine::Direction;

/// A pair as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What the configuration is to hold.
    pub pair: PairConfiguration,
    /// Whether there is no such pair yet; else it has the same number.
    pub is_new: bool,
}

impl Chosen {
    /// What to say when it is done.
    #[must_use]
    pub fn said(&self) -> String {
        let (directory, name) = (self.pair.directory.display(), self.pair.remote_name());
        if self.is_new {
            format!("{directory} is kept in step with {name}")
        } else {
            format!(
                "{directory} is kept in step with another choice of {name}; what is no longer chosen stays where it is"
            )
        }
    }

    /// Puts it into a configuration.
    pub fn put_into(self, configuration: &mut Configuration) {
        configuration.next_pair = configuration.next_pair.max(self.pair.number + 1);
        match configuration.pairs.iter_mut().find(|pair| pair.number == self.pair.number) {
            Some(held) => *held = self.pair,
            None => configuration.pairs.push(self.pair),
        }
    }
}

/// Finds out what is asked for. The request's directory is absolute and exists.
///
/// # Errors
/// What to tell the person.
pub async fn choose(
    remote: &Remote,
    configuration: &Configuration,
    request: &SyncRequest,
) -> Result<Chosen, String> {
    let folders = remote.folders().await.map_err(|error| error.to_string())?;
    let Some((folder, subdirectory)) = find(&folders, &request.folder) else {
        return Err(no_such_folder(&request.folder));
    };
    let view = View::new(NodeId::ROOT, &request.only, &request.exclude).map_err(|error| error.to_string())?;
    let root = if subdirectory.is_empty() && view.is_everything() {
        NodeId::ROOT
    } else {
        let asked = remote.view(folder.id, &view, subdirectory).await;
        asked.map_err(|error| not_had(&error, &request.folder))?.root
    };
    let mut chosen = match configuration.pairs.iter().find(|pair| pair.directory == request.directory) {
        Some(held) if held.folder_id() == Some(folder.id) && held.root_id() == Some(root) => {
            Chosen { pair: held.clone(), is_new: false }
        }
        Some(held) => {
            return Err(format!(
                "{} is kept in step with {}; `driftless unsync` it first",
                request.directory.display(),
                held.remote_name()
            ));
        }
        None => Chosen { pair: new_pair(configuration, request, folder)?, is_new: true },
    };
    let pair = &mut chosen.pair;
    if let Some(direction) = &request.direction {
        let _known: Direction =
            direction.parse().map_err(|()| format!("`{direction}` is no direction: both, down or up"))?;
        direction.clone_into(&mut pair.direction);
    }
    pair.root = (root != NodeId::ROOT).then(|| root.to_string());
    subdirectory.clone_into(&mut pair.subdirectory);
    pair.only = view.only().iter().map(ToString::to_string).collect();
    pair.exclude = view.exclude().to_vec();
    match request.hold_deletes {
        Some(HoldDeletes::Never) => pair.hold_deletes = None,
        Some(HoldDeletes::Over(most)) => pair.hold_deletes = Some(most),
        None => {}
    }
    Ok(chosen)
}

/// The folder of this name, or of what is before one of its slashes; and the path after that.
fn find<'a>(folders: &'a [FolderEntry], text: &'a str) -> Option<(&'a FolderEntry, &'a str)> {
    let text = text.trim_end_matches('/');
    // The longest name first: a folder's name may hold a slash.
    let slashes = text.rmatch_indices('/').map(|(at, _)| (&text[..at], &text[at + 1..]));
    std::iter::once((text, "")).chain(slashes).find_map(|(name, rest)| {
        folders.iter().find(|folder| folder.name == name).map(|folder| (folder, rest))
    })
}

fn not_had(error: &RemoteError, asked: &str) -> String {
    match error.problem() {
        Some(ProblemKind::NotFound) => {
            format!(
                "there is no directory {asked:?} in the shared folder; make it first, on a device that syncs the whole folder"
            )
        }
        Some(ProblemKind::MethodNotAllowed) => "this server cannot sync a part of a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// What to say of a folder that the account does not see.
pub(super) fn no_such_folder(name: &str) -> String {
    format!(
        "there is no shared folder {name:?}, or you may not see it; `driftless folders` shows what you may"
    )
}

fn new_pair(
    configuration: &Configuration,
    request: &SyncRequest,
    folder: &FolderEntry,
) -> Result<PairConfiguration, String> {
    if let Some(other) = configuration.pairs.iter().find(|pair| overlaps(&pair.directory, &request.directory))
    {
        return Err(format!(
            "{} overlaps with {}, which is kept in step already; choose another directory",
            request.directory.display(),
            other.directory.display()
        ));
    }
    let number = configuration.next_pair.max(1);
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    Ok(PairConfiguration {
        number,
        folder: folder.id.to_string(),
        folder_name: folder.name.clone(),
        exact_names: folder.name_rule == WireNameRule::Exact,
        root: None,
        subdirectory: String::new(),
        only: Vec::new(),
        exclude: Vec::new(),
        directory: request.directory.clone(),
        marker: model::UploadId(random).to_string(),
        direction: Direction::Both.as_str().to_owned(),
        hold_deletes: Some(HOLD_DELETES),
        paused: false,
        paused_until: None,
    })
}
