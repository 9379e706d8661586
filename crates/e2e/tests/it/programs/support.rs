//! Running other people's programs: once, or in the background for as long as a test needs them.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{eventually, remark};
use e2e::{Device, Plain, Tree, World};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A world with an empty plain directory, and a device in step with it.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) plain: Plain,
    pub(super) laptop: Device,
}

impl Scene {
    pub(super) fn set() -> Result<Self> {
        let (mut world, plain) = World::create_plain("auto", |_| Ok(()))?;
        let mut laptop = world.device("laptop")?;
        laptop.start()?;
        plain.settle(world.server(), &laptop, 60)?;
        Ok(Self { world, plain, laptop })
    }

    /// Waits until the device has what is in the plain directory.
    pub(super) fn arrives(&mut self, after: &str) -> Result<Tree> {
        let arrived = self.plain.arrives(self.world.server(), &self.laptop, 90);
        arrived.with_context(|| format!("after {after}"))
    }

    /// Somebody writes on the device, so that a program meets what it has not made.
    pub(super) fn write_on_device(&mut self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.laptop.directory().join(name), text)?;
        self.plain.settle(self.world.server(), &self.laptop, 60)?;
        Ok(())
    }

    /// A directory for a program's own files, beside the plain one.
    pub(super) fn aside(&self, name: &str) -> Result<std::path::PathBuf> {
        let path = self.world.place().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

/// Whether a program is there; says so if it is not.
pub(super) fn is_installed(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref();
    let places = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&places).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = places.any(|place| place.join(name).is_file());
    if !found {
        remark(&format!("SKIPPED: {} is not installed", name.display()));
    }
    found
}

/// Whether this is root, as some servers insist on; says so if it is not.
pub(super) fn is_root_for(name: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        remark(&format!("SKIPPED: {name} has to be started as root"));
    }
    root
}

/// Runs a program to its end; what it printed.
pub(super) fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?}: {}\n{printed}{complained}", output.status);
    Ok(printed)
}

/// A file server in the background. It ends, with the processes it has started, when this is dropped.
pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts one and waits until it answers.
    pub(super) fn start(command: &mut Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let file = std::fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // A group of its own: a server starts a process for each connection.
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut daemon = Self { child };
        eventually("a file server answers", Duration::from_secs(30), || {
            let ended = daemon.child.try_wait()?;
            let said = || std::fs::read_to_string(log).unwrap_or_default();
            ensure!(ended.is_none(), "it ended by itself: {ended:?}\n{}", said());
            Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok())
        })?;
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        // Both fail only if it has ended already.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}
