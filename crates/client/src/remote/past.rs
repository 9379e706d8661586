//! A folder as it was, and its trash.

use super::{Remote, RemoteError};
use http::Method;
use model::{FolderId, NodeId};
use protocol::v1::{
    ChildrenResponse, DifferencesResponse, FolderRestoreRequest, FolderRestoreResponse, TrashEntry,
    TrashResponse, TrashRestoreRequest, TrashRestoreResponse,
};
use std::fmt::Write as _;

impl Remote {
    /// A page of a directory as it was; `when` is `at=…` or `seq=…`.
    pub async fn children(
        &self,
        (folder, root): (FolderId, NodeId),
        path: &str,
        when: &str,
        after: Option<NodeId>,
    ) -> Result<ChildrenResponse, RemoteError> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let path = encoded(path);
        let call = format!("/folders/{folder}/nodes/{root}/children?{when}&path={path}{after}");
        self.json(Method::GET, &call, None::<&()>).await
    }

    /// A page of what has changed below a path since then.
    pub async fn differences(
        &self,
        (folder, root): (FolderId, NodeId),
        path: &str,
        when: &str,
        after: Option<u64>,
    ) -> Result<DifferencesResponse, RemoteError> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let path = encoded(path);
        let call = format!("/folders/{folder}/nodes/{root}/differences?{when}&path={path}{after}");
        self.json(Method::GET, &call, None::<&()>).await
    }

    /// Brings a folder, or what is below a path of it, to the state of a moment.
    pub async fn restore_folder(
        &self,
        folder: FolderId,
        request: &FolderRestoreRequest,
    ) -> Result<FolderRestoreResponse, RemoteError> {
        self.json(Method::POST, &format!("/folders/{folder}/restore"), Some(request)).await
    }

    /// What was removed from one directory, at most so many.
    pub async fn trash_of(
        &self,
        folder: FolderId,
        directory: NodeId,
        at_most: usize,
    ) -> Result<Vec<TrashEntry>, RemoteError> {
        let mut entries = Vec::new();
        let mut after = NodeId(0);
        loop {
            let call = format!("/folders/{folder}/trash?directory={directory}&after={after}");
            let page: TrashResponse = self.json(Method::GET, &call, None::<&()>).await?;
            entries.extend(page.entries);
            match page.next_after {
                Some(next) if entries.len() < at_most => after = next,
                _ => return Ok(entries),
            }
        }
    }

    /// Brings removed nodes back, each with what was removed with it.
    pub async fn restore_removed(
        &self,
        folder: FolderId,
        nodes: Vec<NodeId>,
    ) -> Result<TrashRestoreResponse, RemoteError> {
        let request = TrashRestoreRequest { nodes, key: None };
        self.json(Method::POST, &format!("/folders/{folder}/trash/restore"), Some(&request)).await
    }
}

/// A value of an address: everything but letters, digits and a few signs as `%` and two digits (RFC 3986).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing into a string cannot fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_place_in_an_address() {
        assert_eq!(encoded("a b/c&d=e#f?%\u{e9}+"), "a%20b/c%26d%3De%23f%3F%25%C3%A9%2B");
    }
}
