//! A server and its devices, each with a directory of its own below the scratch directory.

use crate::http::Administrator;
use crate::options::Options;
use anyhow::{Context as _, Result};
use e2e::device::Device;
use e2e::server::{PASSWORD, Server};
use std::path::Path;
use tempfile::TempDir;

const USER: &str = "alice";
const FOLDER: &str = "docs";

/// A fresh server with one shared folder. Everything ends and is removed with it.
#[derive(Debug)]
pub(crate) struct World {
    // Dropped in this order: the server ends before its directory goes.
    server: Server,
    administrator: Option<Administrator>,
    place: TempDir,
}

impl World {
    /// Starts a server.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("run-").tempdir_in(&options.scratch)?;
        let server = Server::create(&place.path().join("data"), USER, &[])?;
        server.admin(&["folder", "add", FOLDER])?.ok()?;
        server.admin(&["folder", "grant", FOLDER, USER, "write"])?.ok()?;
        let administrator = match Administrator::link(server.address(), USER, PASSWORD) {
            Ok(administrator) => Some(administrator),
            Err(error) => {
                crate::figure::say(&format!("no counters of the server: {error:#}"))?;
                None
            }
        };
        Ok(Self { server, administrator, place })
    }

    /// Links a device whose directory is filled first. Its daemon does not run yet.
    pub(crate) fn device(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Device> {
        let device = Device::link(self.place.path(), name, USER, self.server.address())?;
        fill(device.directory())?;
        device.sync(FOLDER)?;
        Ok(device)
    }

    /// Links a device with an empty directory, starts it, and waits until it is in step.
    pub(crate) fn running_device(&self, name: &str, options: &Options) -> Result<Device> {
        let mut device = self.device(name, |_| Ok(()))?;
        device.start()?;
        device.wait(options.timeout)?;
        Ok(device)
    }

    /// The way to the server's counters, if it lets us.
    pub(crate) fn administrator(&self) -> Option<&Administrator> {
        self.administrator.as_ref()
    }

    /// A place on the same disk, outside all synced directories.
    pub(crate) fn aside(&self) -> &Path {
        self.place.path()
    }

    /// The server's process id.
    pub(crate) fn server_process(&self) -> Result<u32> {
        Ok(self.server.process().context("the server does not run")?.id())
    }
}

/// The process id of a device's daemon.
pub(crate) fn process_of(device: &Device) -> Result<u32> {
    Ok(device.daemon().context("the daemon does not run")?.id())
}
