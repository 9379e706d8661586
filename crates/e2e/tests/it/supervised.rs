//! Under a service manager: told when it is ready, fed its watchdog, handed its socket.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::{program, run};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(30);

/// The ear of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(place: &Path) -> Result<Self> {
        let socket = UnixDatagram::bind(place)?;
        socket.set_read_timeout(Some(WITHIN))?;
        Ok(Self(socket))
    }

    /// The next message that has this line.
    fn wait_for(&self, line: &str) -> Result<()> {
        let late = Instant::now() + WITHIN;
        let mut buffer = [0; 4096];
        while Instant::now() < late {
            let length = self.0.recv(&mut buffer).with_context(|| format!("{line} was not told"))?;
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|told| told == line) {
                return Ok(());
            }
        }
        anyhow::bail!("{line} was not told in time")
    }
}

/// Ends what it holds.
struct Running(Child);

impl Running {
    fn ask_to_end(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.0), Signal::TERM)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn supervised(arguments: &[&str], socket: &Path) -> Result<Running> {
    let mut command = Command::new(program()?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "300000");
    Ok(Running(command.spawn()?))
}

fn lives_as_a_service(arguments: &[&str], place: &Path) -> Result<()> {
    let socket = place.join("notify");
    let manager = Manager::listen(&socket)?;
    let mut process = supervised(arguments, &socket)?;
    manager.wait_for("READY=1")?;
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1")?;
    }
    process.ask_to_end()?;
    manager.wait_for("STOPPING=1")?;
    ensure!(process.0.wait()?.success());
    Ok(())
}

#[test]
fn a_server_tells_its_service_manager_that_it_is_ready_alive_and_stopping() -> Result<()> {
    let mut world = World::create()?;
    world.server().stop()?;
    let data = world.server().data().to_str().context("text")?.to_owned();
    lives_as_a_service(&["serve", "--data", &data, "--listen", "127.0.0.1:0"], world.place())
}

#[test]
fn a_client_tells_its_service_manager_the_same() -> Result<()> {
    let world = World::create()?;
    let device = world.device("laptop")?;
    let home = device.home().to_str().context("text")?.to_owned();
    lives_as_a_service(&["daemon", "--home", &home], world.place())
}

#[test]
fn a_socket_that_the_service_manager_holds_is_served() -> Result<()> {
    let mut world = World::create()?;
    world.server().stop()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // A client may knock before the server runs: the socket is there.
    let mut early = TcpStream::connect(address)?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"", "sh"]);
    shell.arg(program()?).arg("serve").arg("--data").arg(world.server().data());
    shell.stdin(OwnedFd::from(listener)).stdout(Stdio::null()).stderr(Stdio::null());
    let _running = Running(shell.spawn()?);
    early.set_read_timeout(Some(WITHIN))?;
    early.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    early.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

#[test]
fn units_are_written_that_systemd_takes() -> Result<()> {
    let place = tempfile::tempdir()?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("text");
    let (units, data) = (text(&place.path().join("units"))?, text(&place.path().join("my data"))?);
    for arguments in [["server", "--data"], ["client", "--home"]] {
        let [role, option] = arguments;
        run(None, &["service", "install", role, option, &data, "--directory", &units], "")?.ok()?;
    }
    let names = ["driftless.service", "driftless.socket", "driftless-client.service"];
    let paths: Vec<_> = names.iter().map(|name| place.path().join("units").join(name)).collect();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&paths).output();
    let verified = verified.context("this test needs systemd-analyze, of Debian's package systemd")?;
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("driftless")).collect();
    ensure!(ours.is_empty(), "{ours:#?}");
    let service = std::fs::read_to_string(&paths[0])?;
    ensure!(service.contains("/my data\"") && service.contains("Type=notify"), "{service}");
    Ok(())
}
