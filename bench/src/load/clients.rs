//! Very many linked, idle clients: memory for each, and how soon all of them are told of a change.

use crate::crowd::{Crowd, believing};
use crate::options::Options;
use crate::{figure, machine};
use anyhow::{Context as _, Result, ensure};
use e2e::Server;
use metadata::account::{NewDevice, Subject};
use model::{
    FolderId, Group, IdempotencyKey, Name, NameKey, NodeId, NodeRef, Operation, Privilege, Timestamp,
};
use protocol::bundle::{CommitHead, Decoder, Encoder, Record};
use protocol::v1::ClientInfo;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FOLDER: &str = "docs";
/// Devices of one person.
const OF_A_PERSON: usize = 50;
/// Changes of the burst.
const BURST: u8 = 20;
const WITHIN: Duration = Duration::from_secs(120);

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Memory of the server when it had answered one client, when all had pulled and gone, and with everybody.
    pub(crate) fresh_kib: u64,
    pub(crate) empty_kib: u64,
    pub(crate) full_kib: u64,
    pub(crate) peak_kib: u64,
    /// Milliseconds until each client was told of one change, of the last of a burst, and until it had pulled.
    pub(crate) first_wake: Vec<f64>,
    pub(crate) wake: Vec<f64>,
    pub(crate) burst: Vec<f64>,
    pub(crate) pull: Vec<f64>,
    pub(crate) pulls_in_all: Duration,
    /// Seconds of the server's CPU: to connect all, for one change, and for all pulls.
    pub(crate) cpu_connect: f64,
    pub(crate) cpu_wake: f64,
    pub(crate) cpu_pull: f64,
}

impl Measured {
    /// Bytes of the server's memory for each client that listens.
    pub(crate) fn bytes_a_client(&self, clients: usize) -> u64 {
        self.full_kib.saturating_sub(self.empty_kib) * 1024 / clients as u64
    }

    /// The same, with all that it ever took for them.
    pub(crate) fn bytes_in_all(&self, clients: usize) -> u64 {
        self.full_kib.saturating_sub(self.fresh_kib) * 1024 / clients as u64
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let place = tempfile::Builder::new().prefix("run-").tempdir_in(&options.scratch)?;
    let measured = measure(place.path(), options.clients, options.tls)?;
    let load = if options.tls { "clients-tls" } else { "clients" };
    let note = format!("{} clients", options.clients);
    figure::number(load, "rss-fresh", measured.fresh_kib, "KiB", "one client has asked")?;
    figure::number(load, "rss-empty", measured.empty_kib, "KiB", "all have pulled once, and gone")?;
    figure::number(load, "rss", measured.full_kib, "KiB", &note)?;
    figure::number(load, "rss-peak", measured.peak_kib, "KiB", "through everything")?;
    figure::number(load, "memory-a-client", measured.bytes_a_client(options.clients), "bytes", &note)?;
    let in_all = measured.bytes_in_all(options.clients);
    figure::number(load, "memory-a-client-in-all", in_all, "bytes", "what their pulls left included")?;
    for (step, times) in [
        ("first-wake", &measured.first_wake),
        ("wake", &measured.wake),
        ("burst", &measured.burst),
        ("pull", &measured.pull),
    ] {
        for (part, at) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            figure::print(
                load,
                &format!("{step}-{part}"),
                &format!("{:.1}", figure::quantile(times, at)),
                "ms",
                "",
            )?;
        }
    }
    let pulls = format!("{:.2}", measured.pulls_in_all.as_secs_f64());
    figure::print(load, "pull-all", &pulls, "s", &note)?;
    for (step, seconds) in
        [("connect", measured.cpu_connect), ("wake", measured.cpu_wake), ("pull", measured.cpu_pull)]
    {
        figure::print(load, &format!("cpu-{step}"), &format!("{seconds:.2}"), "s", "of the server")?;
    }
    Ok(())
}

/// Starts a server, has so many clients link and listen, and changes something.
pub(crate) fn measure(place: &Path, clients: usize, tls: bool) -> Result<Measured> {
    raise_open_files(clients as u64 + 1_000)?;
    let options: &[&str] = if tls { &["--tls", "self-signed"] } else { &[] };
    let mut server = Server::create(&place.join("data"), "root", options)?;
    let added = server.admin(&["folder", "add", FOLDER])?.ok()?;
    let folder: FolderId = added.stdout.trim().parse().ok().context("the new folder's id")?;
    server.stop()?;
    let tokens = link_all(&place.join("data").join("catalog.db"), folder, clients)?;
    server.start()?;
    let process = server.process().context("the server runs")?.id();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let certificate = tls.then(|| server.data().join("tls").join("self-signed.pem"));
    let tls = certificate.map(|path| believing(&path)).transpose()?;
    let crowd = Crowd::new(server.address(), tls, tokens);
    let measured = runtime.block_on(play(&crowd, process, folder));
    // Everybody goes at once, before the server does.
    drop(runtime);
    measured
}

async fn play(crowd: &Arc<Crowd>, process: u32, folder: FolderId) -> Result<Measured> {
    let commits = format!("/api/v1/folders/{folder}/commits");
    let commit = async |number: u8| -> Result<(Instant, u64)> {
        let begun = Instant::now();
        let answer = crowd.ask(0, "POST", &commits, &new_directory(number)?).await?;
        Ok((begun, head_of(&answer)?))
    };
    // What a first request sets up belongs to the server, not to the clients.
    commit(0).await?;
    let fresh_kib = machine::memory_kib(process)?.0;
    crowd.pull(&folder.to_string()).await?;
    let cpu = || machine::cpu_seconds(process);
    let (empty_kib, before) = (machine::memory_kib(process)?.0, cpu()?);
    crowd.connect().await?;
    let cpu_connect = cpu()? - before;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (begun, head) = commit(1).await?;
    let first_wake = crowd.all_heard(head, begun, WITHIN).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let full_kib = machine::memory_kib(process)?.0;
    let before = cpu()?;
    let (begun, head) = commit(2).await?;
    let wake = crowd.all_heard(head, begun, WITHIN).await?;
    let cpu_wake = cpu()? - before;
    let mut last = (begun, head);
    for number in 3..3 + BURST {
        last = commit(number).await?;
    }
    let burst = crowd.all_heard(last.1, last.0, WITHIN).await?;
    let (before, begun) = (cpu()?, Instant::now());
    let pull = crowd.pull(&folder.to_string()).await?;
    let (pulls_in_all, cpu_pull) = (begun.elapsed(), cpu()? - before);
    let peak_kib = machine::memory_kib(process)?.1;
    Ok(Measured {
        fresh_kib,
        empty_kib,
        full_kib,
        peak_kib,
        first_wake,
        wake,
        burst,
        pull,
        pulls_in_all,
        cpu_connect,
        cpu_wake,
        cpu_pull,
    })
}

/// Makes people and their devices in the database of a server that does not run; gives the devices' tokens.
fn link_all(catalog: &Path, folder: FolderId, clients: usize) -> Result<Vec<String>> {
    let database = metadata_sqlite::Sqlite::open(catalog)?;
    let tokens: Vec<auth::Token> = (0..clients).map(|_| auth::Token::generate()).collect::<Result<_, _>>()?;
    let texts = tokens.iter().map(auth::Token::text).collect();
    metadata::write(&database, move |transaction| {
        let now = Timestamp::from_parts(1_700_000_000, 0);
        for (person, tokens) in tokens.chunks(OF_A_PERSON).enumerate() {
            let name = format!("person{person}");
            let new = metadata::account::NewUser {
                name_key: NameKey(name.as_str().into()),
                name,
                administrator: false,
                quota_bytes: None,
                at: now,
            };
            let user = transaction.create_user(&new)?;
            transaction.set_grant(folder, Subject::User(user), Some(Privilege::Write))?;
            for (number, token) in tokens.iter().enumerate() {
                let name = format!("device{number}");
                let token_hash = token.digest().0;
                transaction.create_device(&NewDevice {
                    user,
                    name,
                    token_hash,
                    at: now,
                    expires_at: None,
                    platform: "bench".to_owned(),
                    address: String::new(),
                })?;
            }
        }
        Ok::<_, metadata::Error>(())
    })?;
    Ok(texts)
}

/// A commit that makes a directory.
fn new_directory(number: u8) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new();
    encoder.commit_head(&CommitHead {
        key: IdempotencyKey([number; 16]),
        uploads: Vec::new(),
        groups: 1,
        operations: 1,
        chunk_bytes: 0,
        client: ClientInfo { name: "bench".to_owned(), version: "1".to_owned() },
    });
    encoder.groups(&[Group {
        operations: vec![Operation::Create {
            temporary: 0,
            parent: NodeRef::Id(NodeId::ROOT),
            name: Name::new(&format!("d{number}"))?,
            content: model::Content::Directory,
            executable: false,
            mtime: Timestamp::from_parts(1_700_000_000, 0),
        }],
    }]);
    Ok(encoder.finish())
}

fn head_of(answer: &[u8]) -> Result<u64> {
    let mut decoder = Decoder::new(answer.len() as u64);
    decoder.push(answer)?;
    while let Some(record) = decoder.next_record()? {
        if let Record::CommitResult(result) = record {
            return Ok(result.head.0);
        }
    }
    anyhow::bail!("a commit without a result")
}

/// Lets this process, and the server that it starts, hold so many connections.
fn raise_open_files(wanted: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let maximum = now.maximum.map_or(wanted, |maximum| maximum.max(wanted));
    setrlimit(
        Resource::Nofile,
        Rlimit { current: Some(wanted.max(now.current.unwrap_or(0))), maximum: Some(maximum) },
    )
    .context("more open files are not allowed here (ulimit -Hn)")?;
    ensure!(getrlimit(Resource::Nofile).current.is_none_or(|current| current >= wanted));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short form of the measurement: figures that no neighbour disturbs. Debug builds have larger futures.
    #[test]
    fn five_hundred_idle_clients_cost_little_and_are_all_told() {
        const CLIENTS: usize = 500;
        let place = tempfile::tempdir().unwrap();
        let measured = measure(place.path(), CLIENTS, false).unwrap();
        let each = measured.bytes_a_client(CLIENTS);
        assert!(each < 24 << 10, "{each} bytes a client: {measured:?}");
        assert_eq!((measured.burst.len(), measured.pull.len()), (CLIENTS, CLIENTS));
    }
}
