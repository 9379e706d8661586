//! A server of its own: initialised, on a free port, to be killed and started again at the same address.

use crate::process::{Actor, Counted, Output, Process, eventually, run_as};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The password of every account that tests make.
pub const PASSWORD: &str = "correct horse battery staple\n";

const START_WITHIN: Duration = Duration::from_secs(30);

/// A server and its data.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    address: SocketAddr,
    options: Vec<String>,
    actor: Actor,
    process: Option<Process>,
}

impl Server {
    /// Makes the data with an administrator, and starts the server, with more options of `serve`.
    pub fn create(data: &Path, administrator: &str, options: &[&str]) -> Result<Self> {
        Self::create_as(Actor::Test, data, administrator, options)
    }

    /// The same, run by somebody.
    pub fn create_as(actor: Actor, data: &Path, administrator: &str, options: &[&str]) -> Result<Self> {
        let (data, address) = (data.to_path_buf(), free_address()?);
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { data, address, options, actor, process: None };
        server.admin_with(&["init", "--user", administrator, "--password-stdin"], PASSWORD)?.ok()?;
        server.start()?;
        Ok(server)
    }

    /// Starts it, at the same address as before, and waits until it answers.
    pub fn start(&mut self) -> Result<()> {
        let actor = self.actor.clone();
        self.start_as(|arguments, log| Process::start(&actor, None, arguments, log))
    }

    /// The same, with its syncs to disk counted.
    pub fn start_counted(&mut self, counted: &Counted) -> Result<()> {
        self.start_as(|arguments, log| Process::start_counted(None, arguments, log, counted))
    }

    fn start_as(&mut self, start: impl FnOnce(&[&str], &Path) -> Result<Process>) -> Result<()> {
        let address = self.address.to_string();
        let data = self.data_text()?;
        let log = self.data.with_extension("log");
        let mut arguments = vec!["serve", "--data", &*data, "--listen", &*address];
        arguments.extend(self.options.iter().map(String::as_str));
        let process = self.process.insert(start(&arguments, &log)?);
        eventually("the server answers", START_WITHIN, || {
            process.check_running()?;
            Ok(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).ok())
        })?;
        Ok(())
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.kill()
    }

    /// Asks it to end.
    pub fn stop(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.stop()
    }

    /// Serves other data from its next start on, at the same address.
    pub fn adopt(&mut self, data: &Path) {
        self.data = data.to_path_buf();
    }

    /// Runs `driftless admin …` on its data.
    pub fn admin(&self, arguments: &[&str]) -> Result<Output> {
        self.admin_with(arguments, "")
    }

    /// Runs `driftless admin …` on its data, with input.
    pub fn admin_with(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let data = self.data_text()?;
        let all = [&["admin"], arguments, &["--data", &*data]].concat();
        run_as(&self.actor, None, &all, input)
    }

    /// Reads every byte and proves every reference, and fails unless all is well.
    pub fn verify(&self) -> Result<()> {
        self.admin(&["verify", "--all-bytes"])?.ok().context("the server's data is damaged")?;
        Ok(())
    }

    /// What `driftless admin WHAT list` says of one thing: the entry whose `key` is `value`.
    pub fn entry(&self, what: &str, key: &str, value: &str) -> Result<Value> {
        let listed = self.admin(&[what, "list", "--json"])?.ok()?.stdout;
        let listed: Value = serde_json::from_str(&listed).with_context(|| format!("not JSON: {listed}"))?;
        let entries = listed.as_array().or_else(|| listed.as_object()?.values().find_map(Value::as_array));
        let found = entries.into_iter().flatten().find(|entry| entry[key] == value).cloned();
        found.with_context(|| format!("no {what} whose {key} is '{value}' in {listed}"))
    }

    /// One of its counters (a name without prefix and suffix), summed over its labels; for an administrator's token.
    pub fn counter(&self, token: &str, name: &str) -> Result<u64> {
        let mut stream = TcpStream::connect(self.address)?;
        // HTTP/1.0: the answer ends with the connection.
        write!(
            stream,
            "GET /metrics HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let of_counter = |line: &&str| {
            let rest = line.strip_prefix("driftless_").and_then(|line| line.strip_prefix(name));
            let rest = rest.map(|rest| rest.strip_prefix("_total").unwrap_or(rest));
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        let values: Vec<f64> = answer.lines().filter(of_counter).filter_map(value).collect();
        ensure!(!values.is_empty(), "the server has no counter '{name}'\n{answer}");
        Ok(values.iter().sum::<f64>() as u64)
    }

    /// What it says of its certificate's fingerprint.
    pub fn fingerprint(&self) -> Result<String> {
        let status = self.admin(&["status", "--json"])?.ok()?.stdout;
        let status: Value = serde_json::from_str(&status).with_context(|| format!("not JSON: {status}"))?;
        Ok(status["certificate"]["fingerprint"].as_str().context("the server has no certificate")?.to_owned())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    fn data_text(&self) -> Result<String> {
        Ok(self.data.to_str().context("a test's directory is text")?.to_owned())
    }
}

/// A port that was free a moment ago. The server cannot choose one itself, because it must come back at the same.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
