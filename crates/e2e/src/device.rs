//! A device: a client's own directory, a synced directory, and a daemon that comes and goes.

use crate::process::{Actor, Counted, Output, Process, run_as};
use crate::server::PASSWORD;
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A linked device with one synced directory.
#[derive(Debug)]
pub struct Device {
    home: PathBuf,
    directory: PathBuf,
    actor: Actor,
    daemon: Option<Process>,
}

impl Device {
    /// Links a device to an account. Its daemon does not run yet, and nothing is synced.
    pub fn link(place: &Path, name: &str, user: &str, server: SocketAddr) -> Result<Self> {
        Self::link_as(Actor::Test, place, name, user, server)
    }

    /// The same, run by somebody.
    pub fn link_as(actor: Actor, place: &Path, name: &str, user: &str, server: SocketAddr) -> Result<Self> {
        let home = place.join(format!("{name}.home"));
        let directory = place.join(name);
        std::fs::create_dir_all(&directory)?;
        actor.own(&directory)?;
        let device = Self { home, directory, actor, daemon: None };
        let address = format!("http://{server}");
        let arguments = ["link", &*address, "--user", user, "--password-stdin", "--device", name];
        device.run_with(&arguments, PASSWORD)?.ok().context("cannot link")?;
        Ok(device)
    }

    /// Keeps its directory in step with a shared folder from now on.
    pub fn sync(&self, folder: &str) -> Result<()> {
        let directory = self.directory.to_str().context("a test's directory is text")?;
        self.run(&["sync", folder, directory])?.ok().context("cannot sync")?;
        Ok(())
    }

    /// Starts the daemon.
    pub fn start(&mut self) -> Result<()> {
        let log = self.home.with_extension("log");
        self.daemon = Some(Process::start(&self.actor, Some(&self.home), &["daemon"], &log)?);
        Ok(())
    }

    /// Starts the daemon with its syncs to disk counted.
    pub fn start_counted(&mut self, counted: &Counted) -> Result<()> {
        let log = self.home.with_extension("log");
        self.daemon = Some(Process::start_counted(Some(&self.home), &["daemon"], &log, counted)?);
        Ok(())
    }

    /// Ends the daemon as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.take().context("the daemon does not run")?.kill()
    }

    /// Asks the daemon to end.
    pub fn stop(&mut self) -> Result<()> {
        self.daemon.take().context("the daemon does not run")?.stop()
    }

    /// Waits until it is in step, and fails if it is not in time.
    pub fn wait(&self, seconds: u32) -> Result<()> {
        let waited = self.run(&["wait", "--timeout", &seconds.to_string()])?;
        waited.ok().with_context(|| format!("{} is not in step", self.directory.display()))?;
        Ok(())
    }

    /// Runs a command of this client.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.run_with(arguments, "")
    }

    /// Runs a command of this client, with input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Result<Output> {
        run_as(&self.actor, Some(&self.home), arguments, input)
    }

    /// The token it shows to the server.
    pub fn token(&self) -> Result<String> {
        let text = std::fs::read(self.home.join("client.json"))?;
        let kept: serde_json::Value = serde_json::from_slice(&text)?;
        Ok(kept["link"]["token"].as_str().context("the device keeps no token")?.to_owned())
    }

    /// The synced directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The client's own directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The daemon, if it runs.
    #[must_use]
    pub fn daemon(&self) -> Option<&Process> {
        self.daemon.as_ref()
    }
}
