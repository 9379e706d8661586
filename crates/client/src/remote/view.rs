//! Views: what of a folder is pulled.

use super::{Pulled, Remote, RemoteError, pull};
use http::Method;
use model::{Epoch, FolderId, View, ViewId};
use protocol::problem::ProblemKind;
use protocol::v1::{ViewRequest, ViewResponse};
use std::sync::{Mutex, PoisonError};
use sync_engine::Cursor;

impl Remote {
    /// Asks for a view of a folder, whose root may be named by its path from there.
    pub async fn view(
        &self,
        folder: FolderId,
        view: &View,
        directory: &str,
    ) -> Result<ViewResponse, RemoteError> {
        let request = ViewRequest {
            root: Some(view.root),
            directory: directory.to_owned(),
            only: view.only().iter().map(ToString::to_string).collect(),
            exclude: view.exclude().to_vec(),
        };
        self.json(Method::POST, &format!("/folders/{folder}/views"), Some(&request)).await
    }
}

/// A view that the server is asked for by name, and told of whenever it does not know the name.
#[derive(Debug)]
pub(crate) struct AskedView {
    remote: Remote,
    folder: FolderId,
    view: View,
    known: Mutex<Option<ViewId>>,
}

impl AskedView {
    pub(crate) fn new(remote: Remote, folder: FolderId, view: View) -> Self {
        Self { remote, folder, view, known: Mutex::new(None) }
    }

    /// Its name, if the server was asked for it.
    fn known(&self) -> Option<ViewId> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name; the server is asked for it once.
    pub(crate) async fn name(&self) -> Result<ViewId, RemoteError> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let name = self.remote.view(self.folder, &self.view, "").await?.view;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
        Ok(name)
    }

    /// Pulls through the view; see [`pull`].
    pub(crate) async fn pull(
        &self,
        since: Option<String>,
        known_epoch: Option<Epoch>,
        mut take: impl FnMut(Pulled),
    ) -> Result<(Cursor, Epoch), RemoteError> {
        let name = self.name().await?;
        let mut has_begun = false;
        let mut noting = |pulled: Pulled| {
            has_begun |= matches!(pulled, Pulled::Nodes(_));
            take(pulled);
        };
        let pulled =
            pull(&self.remote, self.folder, Some(name), since.clone(), known_epoch, &mut noting).await;
        match pulled {
            // It was not used for long, or the server is another one by now.
            Err(error) if error.problem() == Some(ProblemKind::UnknownView) => {
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
                if has_begun {
                    // What came before does not go with what would come now: it is dropped, and pulled anew.
                    return Err(error);
                }
                let name = self.name().await?;
                pull(&self.remote, self.folder, Some(name), since, known_epoch, take).await
            }
            pulled => pulled,
        }
    }
}
