//! Linking a device, and what the account may see.

use super::{Remote, RemoteError, SILENCE, full};
use http::Method;
use model::{FolderId, NodeId};
use protocol::v1::{
    FolderEntry, FoldersResponse, LinkRequest, LinkResponse, PinRequest, RestoreRequest, RestoreResponse,
    ServerResponse, TrashEntry, TrashResponse, VersionsResponse, WipedRequest,
};
use std::time::{Duration, Instant, SystemTime};

/// Waits until the server answers, at most so long.
pub async fn wait_for_server(remote: &Remote, at_most: Duration) -> Result<ServerResponse, RemoteError> {
    let begun = Instant::now();
    loop {
        match remote.server_information().await {
            Err(RemoteError::Unreachable { .. }) if begun.elapsed() < at_most => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answer => return answer,
        }
    }
}

/// Links this device to an account; with a code, if it has a second factor.
pub async fn link(
    remote: &Remote,
    user: &str,
    password: &str,
    code: Option<&str>,
    device: &str,
) -> Result<LinkResponse, RemoteError> {
    let question = LinkRequest {
        user: user.to_owned(),
        password: password.to_owned(),
        device: device.to_owned(),
        platform: std::env::consts::OS.to_owned(),
        one_time_code: code.map(str::to_owned),
    };
    remote.json(Method::POST, "/devices", Some(&question)).await
}

impl Remote {
    /// Who answers, and what it takes.
    pub async fn server_information(&self) -> Result<ServerResponse, RemoteError> {
        self.json(Method::GET, "/server", None::<&()>).await
    }

    /// What time it is there, if the server says so, to the second.
    pub async fn server_time(&self) -> Result<Option<SystemTime>, RemoteError> {
        let nothing = (full(Vec::new()), None);
        let answer = self.call(Method::GET, "/server", None, nothing, SILENCE).await?;
        let said = answer.headers().get(http::header::DATE).and_then(|value| value.to_str().ok());
        Ok(said.and_then(|text| httpdate::parse_http_date(text).ok()))
    }

    /// What the account may see.
    pub async fn folders(&self) -> Result<Vec<FolderEntry>, RemoteError> {
        let answer: FoldersResponse = self.json(Method::GET, "/folders", None::<&()>).await?;
        Ok(answer.folders)
    }

    /// Says that this device has removed its copies, as it was ordered to.
    pub(crate) async fn report_wiped(&self, removed: u64, kept: u64) -> Result<(), RemoteError> {
        self.json(Method::POST, "/devices/self/wiped", Some(&WipedRequest { removed, kept })).await
    }

    /// The kept versions of a node, the newest first.
    pub async fn versions(&self, folder: FolderId, node: NodeId) -> Result<VersionsResponse, RemoteError> {
        self.json(Method::GET, &format!("/folders/{folder}/nodes/{node}/versions"), None::<&()>).await
    }

    /// Pins or labels a version; what is not given stays.
    pub async fn pin(
        &self,
        folder: FolderId,
        node: NodeId,
        version: u64,
        pinned: Option<bool>,
        label: Option<String>,
    ) -> Result<(), RemoteError> {
        let path = format!("/folders/{folder}/nodes/{node}/versions/{version}");
        self.json(Method::PUT, &path, Some(&PinRequest { pinned, label })).await
    }

    /// The folder's removed nodes, the last removed first, at most so many.
    pub async fn trash(&self, folder: FolderId, at_most: usize) -> Result<Vec<TrashEntry>, RemoteError> {
        let mut entries = Vec::new();
        let mut before = String::new();
        loop {
            let path = format!("/folders/{folder}/trash{before}");
            let page: TrashResponse = self.json(Method::GET, &path, None::<&()>).await?;
            entries.extend(page.entries);
            match page.next {
                Some(next) if entries.len() < at_most => before = format!("?before={next}"),
                _ => return Ok(entries),
            }
        }
    }

    /// Makes an old version the newest.
    pub async fn restore(
        &self,
        folder: FolderId,
        node: NodeId,
        version: Option<u64>,
    ) -> Result<RestoreResponse, RemoteError> {
        let question = RestoreRequest { version, key: None };
        self.json(Method::POST, &format!("/folders/{folder}/nodes/{node}/restore"), Some(&question)).await
    }
}
