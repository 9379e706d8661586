//! A server that runs for one test, and people who talk to it.

use crate::described;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use metadata::Database;
use model::{FolderId, RemoteNode};
use protocol::admin::{AdminAnswer, AdminRequest, Secret};
use protocol::bundle::{Decoder, Encoder, PageEnd, Record};
use protocol::v1::{FoldersResponse, LinkResponse, WireNameRule, WirePrivilege};
use protocol::{BUNDLE_MEDIA_TYPE, Problem, ProblemKind};
use server::{Server, Settings};
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) chunks: Arc<dyn content::ChunkStore>,
    pub(crate) folder: FolderId,
    pub(crate) directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// What decodes as the program does, in a process of its own.
pub(crate) fn decoders() -> Arc<preview::Decoders> {
    let program = env!("CARGO_BIN_EXE_server-test-decoder").into();
    Arc::new(preview::Decoders::new(program, vec![], preview::Strictness::Whole, preview::Bounds::default()))
}

impl World {
    /// A server with a folder `docs`.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(choose: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = content_store::PackStore::open(&directory.path().join("packs")).unwrap();
        Self::start_on(directory, Arc::new(store), choose).await
    }

    pub(crate) async fn start_on(
        directory: TempDir,
        chunks: Arc<dyn content::ChunkStore>,
        choose: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_bounded(directory, chunks, None, choose).await
    }

    /// With a database that finds its disk full at so many bytes.
    pub(crate) async fn start_bounded(
        directory: TempDir,
        chunks: Arc<dyn content::ChunkStore>,
        bytes_max: Option<u64>,
        choose: impl FnOnce(&mut Settings),
    ) -> Self {
        let path = directory.path().join("catalog.db");
        let database = metadata_sqlite::Sqlite::open_bounded(&path, bytes_max).unwrap();
        let database: Arc<dyn Database> = Arc::new(database);
        let mut settings = Settings { previews: Some(decoders()), ..Settings::default() };
        choose(&mut settings);
        let server = Server::new(Arc::clone(&database), Arc::clone(&chunks), settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = Arc::clone(&server);
        let serving = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            server::serve(listener, running, stop).await.unwrap();
        });
        let folder = FolderId(0);
        let mut world =
            Self { server, address, database, chunks, folder, directory, stop: Some(stop), serving };
        world.folder = world.add_folder("docs", None).await;
        world
    }

    /// Tells the server to stop and gives what waits for that.
    pub(crate) fn begin_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) async fn stopped(self) {
        self.serving.await.unwrap();
    }

    pub(crate) async fn keep_house(&self) {
        assert!(self.server.keep_house().await);
    }

    pub(crate) async fn admin(&self, request: AdminRequest) -> AdminAnswer {
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || server::admin::execute(&server, request)).await.unwrap()
    }

    pub(crate) async fn do_admin(&self, request: AdminRequest) {
        let answer = self.admin(request).await;
        assert_eq!(answer, AdminAnswer::Done);
    }

    pub(crate) async fn add_folder(&self, name: &str, quota_bytes: Option<u64>) -> FolderId {
        let request = AdminRequest::FolderAdd {
            folder: name.to_owned(),
            name_rule: WireNameRule::Portable,
            quota_bytes,
            plain: None,
        };
        match self.admin(request).await {
            AdminAnswer::FolderAdded { id } => id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn add_user(&self, name: &str, administrator: bool) {
        let password = Secret(PASSWORD.to_owned());
        self.do_admin(AdminRequest::UserAdd { user: name.to_owned(), password, administrator, home: false })
            .await;
    }

    pub(crate) async fn grant(&self, folder: &str, to: &str, privilege: WirePrivilege) {
        let (folder, to) = (folder.to_owned(), to.to_owned());
        self.do_admin(AdminRequest::FolderGrant { folder, to, privilege }).await;
    }

    /// Somebody with a privilege on `docs`, at a device of theirs.
    pub(crate) async fn person(&self, name: &str, privilege: WirePrivilege) -> Api {
        self.add_user(name, false).await;
        self.grant("docs", name, privilege).await;
        self.link(name, "laptop").await
    }

    pub(crate) async fn writer(&self) -> Api {
        self.person("alice", WirePrivilege::Write).await
    }

    pub(crate) fn nobody(&self) -> Api {
        Api { address: self.address, token: None, folder: self.folder, from: None }
    }

    pub(crate) async fn link(&self, user: &str, device: &str) -> Api {
        let body = serde_json::json!({
            "user": user, "password": PASSWORD, "device": device, "platform": "linux"
        });
        let answer = self.nobody().json(Method::POST, "/api/v1/devices", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let linked: LinkResponse = answer.parse();
        Api { token: Some(linked.token), ..self.nobody() }
    }
}

/// Somebody who talks to the server.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<String>,
    pub(crate) folder: FolderId,
    /// The address that a proxy says it asks for.
    pub(crate) from: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem that this answer is; every refusal must be one, of its own status.
    pub(crate) fn problem(&self) -> Problem {
        let kind = self.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap());
        assert_eq!(kind, Some("application/problem+json"), "{self:?}");
        let mut problem: Problem = self.parse();
        // Each names its request, as every answer's head does; the rest must not depend on which it was.
        let id = problem.members.remove("request_id");
        assert_eq!(id, Some(self.header("x-request-id").into()));
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, kind: ProblemKind) -> Problem {
        let problem = self.problem();
        assert_eq!(problem.kind(), Some(kind), "{problem:?}");
        problem
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Record> {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), BUNDLE_MEDIA_TYPE);
        let mut decoder = Decoder::new(self.body.len() as u64);
        decoder.push(&self.body).unwrap();
        let records = std::iter::from_fn(|| decoder.next_record().unwrap()).collect();
        decoder.finish().unwrap();
        records
    }

    /// A page of changes.
    #[track_caller]
    pub(crate) fn page(&self) -> (Vec<RemoteNode>, PageEnd) {
        let mut nodes = Vec::new();
        let mut end = None;
        for record in self.records() {
            match record {
                Record::Nodes(more) => nodes.extend(more),
                Record::PageEnd(page) => end = Some(page),
                Record::End(_) => {}
                other => panic!("{other:?}"),
            }
        }
        (nodes, end.unwrap())
    }
}

impl Api {
    /// The same, from another address.
    pub(crate) fn from(&self, address: &'static str) -> Self {
        Self { from: Some(address), ..self.clone() }
    }

    pub(crate) fn folder_path(&self, rest: &str) -> String {
        format!("/api/v1/folders/{}/{rest}", self.folder)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut builder = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if let Some(from) = self.from {
            builder = builder.header("x-forwarded-for", from);
        }
        match &self.token {
            Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => builder,
        }
    }

    pub(crate) async fn send<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        self.try_send(request).await.unwrap()
    }

    async fn try_send<B>(&self, request: Request<B>) -> hyper::Result<Answer>
    where
        B: http_body::Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        drop(sender);
        let _ = connection.await;
        let answer = Answer { status: head.status, headers: head.headers, body };
        described::assert_answer(&method, &path, &answer);
        Ok(answer)
    }

    /// Like [`Api::get`], where the answer may break off.
    pub(crate) async fn try_get(&self, path: &str) -> hyper::Result<Answer> {
        self.try_send(self.request(Method::GET, path).body(Full::<bytes::Bytes>::default()).unwrap()).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str) -> Answer {
        self.send(self.request(method, path).body(Full::default()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: &serde_json::Value) -> Answer {
        let builder = self.request(method.clone(), path).header(header::CONTENT_TYPE, "application/json");
        let answer = self.send(builder.body(Full::from(body.to_string())).unwrap()).await;
        if answer.status.is_success() {
            described::assert_request(&method, path, body);
        }
        answer
    }

    pub(crate) async fn bundle(&self, path: &str, body: Vec<u8>) -> Answer {
        let builder = self.request(Method::POST, path).header(header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE);
        self.send(builder.body(Full::from(body)).unwrap()).await
    }

    pub(crate) async fn folders(&self) -> FoldersResponse {
        let answer = self.get("/api/v1/folders").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.parse()
    }

    /// What `docs` looks like: pulled from the beginning.
    pub(crate) async fn listing(&self) -> Vec<RemoteNode> {
        let records = self.get(&self.folder_path("changes")).await.records();
        let nodes = records.into_iter().filter_map(|record| match record {
            Record::Nodes(nodes) => Some(nodes),
            _ => None,
        });
        nodes.flatten().collect()
    }
}

/// A bundle that a closure writes.
pub(crate) fn bundle(write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    encoder.finish()
}
