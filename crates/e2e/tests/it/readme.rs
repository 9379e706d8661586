//! Who follows the README alone gets two devices in step over TLS.
//!
//! Its commands are run as they stand, in their order, but for what the reader chooses: the server's name and port, and
//! where things lie. What is typed at prompts comes from a file, and the fingerprint that the reader compares is given.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{Process, eventually, program};
use e2e::server::{PASSWORD, free_address};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The blocks of commands below a title.
fn blocks<'a>(document: &'a str, title: &str) -> Result<Vec<&'a str>> {
    let (_, section) = document.split_once(title).with_context(|| format!("no {title}"))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    Ok(section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect())
}

/// Somebody at a terminal: a shell in which `driftless` is the program.
struct Reader<'a> {
    place: &'a Path,
    home: &'a str,
    fingerprint: String,
}

impl Reader<'_> {
    fn command(&self, script: &str) -> Result<Command> {
        let place = self.place;
        let mut command = Command::new("sh");
        command.arg("-euc").arg(script).current_dir(place).env("HOME", place.join(self.home));
        command.env("PATH", format!("{}:{}", place.join("bin").display(), std::env::var("PATH")?));
        command.env("DRIFTLESS_PASSWORD_FILE", place.join("password"));
        if !self.fingerprint.is_empty() {
            command.env("DRIFTLESS_FINGERPRINT", &self.fingerprint);
        }
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").env_remove("DRIFTLESS_HOME");
        Ok(command)
    }

    fn does(&self, script: &str) -> Result<String> {
        let output = self.command(script)?.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{script}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        Ok(said)
    }

    /// Does all but the last command, which stays in the foreground of its terminal.
    fn stays(&self, block: &str) -> Result<Process> {
        let (before, last) = block.trim_end().rsplit_once('\n').context("several commands")?;
        self.does(before)?;
        let log = self.place.join(format!("{}.log", self.home));
        Process::run(self.command(&format!("exec {last}"))?, &log)
    }
}

#[test]
fn the_readme_leads_to_two_devices_in_step_over_tls() -> Result<()> {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md"))?;
    let place = tempfile::tempdir()?;
    let place = place.path();
    let port = free_address()?.port().to_string();
    let chosen =
        document.replace("7440", &port).replace("0.0.0.0", "127.0.0.1").replace("SERVER", "localhost");
    // TLS is by itself where others can reach the server; here nobody else should.
    let chosen = chosen.replace(
        &format!("--listen 127.0.0.1:{port}"),
        &format!("--listen 127.0.0.1:{port} --tls self-signed"),
    );
    let blocks = blocks(&chosen, "## Two devices in step")?;
    let [server, folder, device, look, ..] = blocks[..] else { anyhow::bail!("{blocks:?}") };

    std::fs::create_dir(place.join("bin"))?;
    std::os::unix::fs::symlink(program()?, place.join("bin/driftless"))?;
    std::fs::write(place.join("password"), PASSWORD)?;
    for home in ["keeper", "laptop", "desktop"] {
        std::fs::create_dir(place.join(home))?;
    }
    let mut keeper = Reader { place, home: "keeper", fingerprint: String::new() };
    let serving = keeper.stays(server)?;
    eventually("the server says its fingerprint", Duration::from_secs(30), || {
        Ok(serving.logged().contains("certificate fingerprint").then_some(()))
    })?;
    let said = keeper.does(folder)?;
    let fingerprint = said.lines().find_map(|line| line.strip_prefix("certificate fingerprint (SHA-256): "));
    keeper.fingerprint = fingerprint.context("the status says it")?.to_owned();

    std::fs::create_dir(place.join("laptop/Docs"))?;
    std::fs::write(place.join("laptop/Docs/letter.txt"), "held already")?;
    let mut running = Vec::new();
    for home in ["laptop", "desktop"] {
        let reader = Reader { place, home, fingerprint: keeper.fingerprint.clone() };
        running.push(reader.stays(device)?);
        let said = reader.does(look)?;
        ensure!(said.contains("in_step"), "{said}");
    }
    ensure!(std::fs::read(place.join("desktop/Docs/letter.txt"))? == b"held already");
    Ok(())
}
