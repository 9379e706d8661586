//! A server and its devices in a directory of their own, gone at the end.

use crate::device::Device;
use crate::plain::Plain;
use crate::server::Server;
use anyhow::Result;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The account that every device of a world belongs to unless a test says otherwise.
pub const USER: &str = "alice";

/// The shared folder of a world.
pub const FOLDER: &str = "docs";

/// A server with one account that may write to one shared folder.
///
/// With `DRIFTLESS_E2E_KEEP` set, its directory (logs, data, trees) is kept for a look.
#[derive(Debug)]
pub struct World {
    // Devices and server end before their directory goes.
    server: Server,
    place: PathBuf,
    _kept: Option<TempDir>,
}

impl World {
    /// Starts a server.
    pub fn create() -> Result<Self> {
        Self::create_with(&[])
    }

    /// Starts a server with more options of `serve`.
    pub fn create_with(options: &[&str]) -> Result<Self> {
        let world = Self::empty(options)?;
        world.add_folder(&[])?;
        Ok(world)
    }

    /// Starts a server whose folder has a plain directory, watched in a way, with what `fill` puts into it before.
    pub fn create_plain(watch: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<(Self, Plain)> {
        let world = Self::empty(&["--watch", watch])?;
        let plain = Plain::at(&world.place.join("plain"))?;
        fill(plain.directory())?;
        world.add_folder(&["--plain", plain.text()])?;
        Ok((world, plain))
    }

    fn empty(options: &[&str]) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("driftless-e2e-").tempdir()?;
        let place = directory.path().canonicalize()?;
        let kept = if std::env::var_os("DRIFTLESS_E2E_KEEP").is_some() {
            let _ = directory.keep();
            None
        } else {
            Some(directory)
        };
        Ok(Self { server: Server::create(&place.join("data"), USER, options)?, place, _kept: kept })
    }

    fn add_folder(&self, options: &[&str]) -> Result<()> {
        self.server.admin(&[&["folder", "add", FOLDER], options].concat())?.ok()?;
        self.server.admin(&["folder", "grant", FOLDER, USER, "write"])?.ok()?;
        Ok(())
    }

    /// A device that is linked and has a synced directory; its daemon does not run yet.
    pub fn device(&self, name: &str) -> Result<Device> {
        self.device_through(name, self.server.address())
    }

    /// The same, but through a door in front of the server.
    pub fn device_through(&self, name: &str, address: std::net::SocketAddr) -> Result<Device> {
        let device = Device::link(&self.place, name, USER, address)?;
        device.sync(FOLDER)?;
        Ok(device)
    }

    /// The server.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The directory of everything.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }
}
