//! A server and its devices in a directory of their own, gone at the end.

use crate::device::Device;
use crate::plain::Plain;
use crate::process::Actor;
use crate::server::Server;
use crate::tree::paths;
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
    actor: Actor,
    place: PathBuf,
    _kept: Option<TempDir>,
}

impl World {
    /// Starts a server.
    pub fn create() -> Result<Self> {
        let world = Self::empty("auto", |_| Ok(Actor::Test))?;
        world.add_folder(&[])?;
        Ok(world)
    }

    /// Starts a server whose folder has a plain directory, watched in a way, with what `fill` puts into it before.
    pub fn create_plain(watch: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<(Self, Plain)> {
        Self::with_plain(Self::empty(watch, |_| Ok(Actor::Test))?, fill)
    }

    /// The same, where server and devices are held back by permissions, also when root runs the test. What `fill` makes
    /// is theirs.
    pub fn create_plain_unprivileged(
        watch: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(Self, Plain)> {
        Self::with_plain(Self::empty(watch, Actor::unprivileged)?, fill)
    }

    fn with_plain(world: Self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<(Self, Plain)> {
        let plain = Plain::at(&world.place.join("plain"))?;
        fill(plain.directory())?;
        world.actor.own(plain.directory())?;
        for path in paths(plain.directory())? {
            world.actor.own(&plain.directory().join(path))?;
        }
        world.add_folder(&["--plain", plain.text()])?;
        Ok((world, plain))
    }

    fn empty(watch: &str, actor: impl FnOnce(&Path) -> Result<Actor>) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("driftless-e2e-").tempdir()?;
        let place = directory.path().canonicalize()?;
        let kept = if std::env::var_os("DRIFTLESS_E2E_KEEP").is_some() {
            let _ = directory.keep();
            None
        } else {
            Some(directory)
        };
        let actor = actor(&place)?;
        let server = Server::create_as(actor.clone(), &place.join("data"), USER, watch)?;
        Ok(Self { server, actor, place, _kept: kept })
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
        let device = Device::link_as(self.actor.clone(), &self.place, name, USER, address)?;
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
