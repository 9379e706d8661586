//! Event pulling: what changed past a cursor.

use super::{Remote, RemoteError};
use http::Method;
use model::{Epoch, FolderId, Privilege, RemoteNode, Seq, ViewId};
use protocol::bundle::Record;
use std::time::Duration;
use sync_engine::Cursor;

/// How long an answer may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// What a pull brings.
pub(crate) enum Pulled {
    /// What the account may do in the folder.
    Privilege(Privilege),
    /// Nodes past the cursor.
    Nodes(Vec<RemoteNode>),
}

/// Pulls everything past a cursor (or everything there is), page by page; gives where that ends.
pub(crate) async fn pull(
    remote: &Remote,
    folder: FolderId,
    view: Option<ViewId>,
    since: Option<String>,
    known_epoch: Option<Epoch>,
    mut take: impl FnMut(Pulled),
) -> Result<(Cursor, Epoch), RemoteError> {
    let mut since = since;
    loop {
        let mut query: Vec<String> = view.iter().map(|view| format!("view={view}")).collect();
        query.extend(since.iter().map(|cursor| format!("since={cursor}")));
        let path = format!("/folders/{folder}/changes?{}", query.join("&"));
        let mut bundle = remote.bundle(Method::GET, &path, None, SILENCE).await?;
        if let (Some(known), Some(epoch)) = (known_epoch, bundle.epoch())
            && known != epoch
        {
            return Err(RemoteError::EpochChanged);
        }
        if let Some(privilege) = bundle.privilege() {
            take(Pulled::Privilege(privilege));
        }
        let mut end = None;
        while let Some(record) = bundle.next().await? {
            match record {
                Record::Nodes(nodes) => take(Pulled::Nodes(nodes)),
                Record::PageEnd(page) => end = Some(page),
                _ => return Err(RemoteError::Confused("an unexpected record in changes".to_owned())),
            }
        }
        let page = end.ok_or_else(|| RemoteError::Confused("changes without a cursor".to_owned()))?;
        if !page.more {
            return position(&page.cursor);
        }
        since = Some(page.cursor.0);
    }
}

/// A cursor with the number it stands at.
pub(crate) fn position(cursor: &protocol::Cursor) -> Result<(Cursor, Epoch), RemoteError> {
    let (epoch, seq) =
        protocol::cursor::position(cursor).map_err(|error| RemoteError::Confused(error.to_string()))?;
    Ok((Cursor { text: cursor.0.clone(), seq }, epoch))
}

/// Waits until something changes past the cursor, at most so long; gives the folder's head then.
pub(crate) async fn wait_for_change(
    remote: &Remote,
    folder: FolderId,
    since: &str,
    seconds: u64,
) -> Result<Option<Seq>, RemoteError> {
    let path = format!("/folders/{folder}/changes?since={since}&wait={seconds}");
    let silence = SILENCE + Duration::from_secs(seconds);
    let mut bundle = remote.bundle(Method::GET, &path, None, silence).await?;
    let mut head = None;
    while let Some(record) = bundle.next().await? {
        if let Record::PageEnd(page) = record {
            head = Some(page.head);
        }
    }
    Ok(head)
}
