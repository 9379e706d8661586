//! Running the program: once, or in the background until told to end.

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end when asked.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The program under test: `DRIFTLESS_BIN`, else the one that cargo built beside this test.
pub fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("DRIFTLESS_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe().context("where is this test?")?;
    let built = test.ancestors().skip(1).take(2).map(|folder| folder.join("driftless"));
    let found = built.into_iter().find(|path| path.is_file());
    found.context("the program is not built: run `cargo build -p driftless`, or set DRIFTLESS_BIN")
}

/// A user without any privilege: "nobody" on every system.
const NOBODY: u32 = 65534;

/// As whom the program runs.
#[derive(Debug, Clone, Default)]
pub enum Actor {
    /// Whoever runs the test.
    #[default]
    Test,
    /// Somebody without any privilege, with a copy of the program that they can reach.
    Nobody(PathBuf),
}

impl Actor {
    /// Somebody whom permissions hold back, also where root runs the test; they get a directory for their own.
    pub fn unprivileged(place: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Test);
        }
        let copy = place.join("driftless");
        std::fs::copy(program()?, &copy)?;
        let actor = Self::Nobody(copy);
        actor.own(place)?;
        Ok(actor)
    }

    /// Gives them a node for their own.
    pub fn own(&self, path: &Path) -> Result<()> {
        if matches!(self, Self::Nobody(_)) {
            std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    fn command(&self, home: Option<&Path>) -> Result<Command> {
        use std::os::unix::process::CommandExt as _;
        let Self::Nobody(copy) = self else { return Ok(with_home(Command::new(program()?), home)) };
        let mut command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        Ok(with_home(command, home))
    }
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Output {
    /// Its exit status; a signal is 128 and the signal's number.
    pub code: i32,
    /// What it printed for people and scripts.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

impl Output {
    /// Fails unless the program succeeded.
    pub fn ok(self) -> Result<Self> {
        ensure!(self.code == 0, "exit status {}\n{}{}", self.code, self.stdout, self.stderr);
        Ok(self)
    }

    /// Fails unless the program failed in a way of its own, with a message and without a panic.
    pub fn refused(self) -> Result<Self> {
        ensure!(self.code != 0, "it succeeded, but should not have\n{}", self.stdout);
        ensure!(self.code < 100, "exit status {} is a crash\n{}", self.code, self.stderr);
        ensure!(!self.stderr.trim().is_empty(), "it failed without a word");
        Ok(self)
    }
}

/// Runs the program to its end.
pub fn run(home: Option<&Path>, arguments: &[&str], input: &str) -> Result<Output> {
    run_as(&Actor::Test, home, arguments, input)
}

/// Runs the program to its end as somebody.
pub fn run_as(actor: &Actor, home: Option<&Path>, arguments: &[&str], input: &str) -> Result<Output> {
    let shown = arguments.join(" ");
    let mut command = actor.command(home)?;
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run `driftless {shown}`"))?;
    let mut stdin = child.stdin.take().context("no input to write to")?;
    // A program that does not read its input closes it: that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().with_context(|| format!("`driftless {shown}` did not end"))?;
    Ok(Output {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn with_home(mut command: Command, home: Option<&Path>) -> Command {
    command.env_remove("DRIFTLESS_HOME").env("NO_COLOR", "1");
    if let Some(home) = home {
        command.env("DRIFTLESS_HOME", home);
    }
    command
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The program running in the background. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program as somebody; what it prints and logs goes to the end of a file.
    pub fn start(actor: &Actor, home: Option<&Path>, arguments: &[&str], log: &Path) -> Result<Self> {
        Self::spawn(actor.command(home)?, arguments, log)
    }

    /// The same, with its syncs to disk counted.
    pub fn start_counted(
        home: Option<&Path>,
        arguments: &[&str],
        log: &Path,
        counted: &Counted,
    ) -> Result<Self> {
        Self::spawn(counted.command(home)?, arguments, log)
    }

    /// Starts a command that becomes the program.
    pub fn run(command: Command, log: &Path) -> Result<Self> {
        Self::spawn(command, &[], log)
    }

    fn spawn(mut command: Command, arguments: &[&str], log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let shown = arguments.join(" ");
        let child = command.spawn().with_context(|| format!("cannot start `driftless {shown}`"))?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed and logged so far (earlier processes of the same file included).
    #[must_use]
    pub fn logged(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails if it has ended by itself.
    pub fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended by itself ({status})\n{}", self.logged()),
        }
    }

    /// Ends it as a power cut would: no chance to finish anything.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and fails unless it does so in time and well.
    pub fn stop(mut self) -> Result<()> {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::TERM)?;
        let late = Instant::now() + END_WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < late, "it did not end when asked\n{}", self.logged());
            std::thread::sleep(Duration::from_millis(5));
        };
        ensure!(status.success(), "it ended badly ({status})\n{}", self.logged());
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts how often a process makes something durable, with strace.
#[derive(Debug)]
pub struct Counted {
    name: String,
    trace: PathBuf,
}

impl Counted {
    /// For one process; the trace goes into a directory.
    pub fn in_directory(directory: &Path, name: &str) -> Result<Self> {
        let found = Command::new("strace").arg("--version").output();
        found.context("this test needs strace")?;
        Ok(Self { name: name.to_owned(), trace: directory.join(format!("{name}.strace")) })
    }

    /// Whose calls are counted.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many calls so far.
    pub fn syncs(&self) -> Result<u64> {
        let trace = std::fs::read_to_string(&self.trace).context("no trace was written")?;
        Ok(trace.lines().filter(|line| line.contains("sync") && !line.contains("resumed")).count() as u64)
    }

    /// strace becomes a grandchild, so that the program itself is what is signalled and waited for.
    fn command(&self, home: Option<&Path>) -> Result<Command> {
        let mut command = Command::new("strace");
        let calls = "trace=fsync,fdatasync,syncfs,sync,sync_file_range,msync";
        command.args(["-D", "-f", "-q", "-e", calls, "-e", "signal=none", "-o"]).arg(&self.trace);
        command.arg(program()?);
        Ok(with_home(command, home))
    }
}

/// Says something about a test, also where it succeeds and what it prints is kept back.
pub fn remark(text: &str) {
    // Nobody who could read it is there.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Waits until something is there, and fails when time is up.
pub fn eventually<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let late = Instant::now() + within;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(Instant::now() < late, "{what}: not within {} s", within.as_secs_f64());
        std::thread::sleep(Duration::from_millis(5));
    }
}
