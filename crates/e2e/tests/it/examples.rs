//! The examples of the documents do what they say, against the real program.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::eventually;
use e2e::server::PASSWORD;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Runs `docs/examples/upload.py`.
fn upload(world: &mut World, folder: &str, file: &Path) -> Result<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/upload.py");
    let address = format!("http://{}", world.server().address());
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).args([&*address, e2e::world::USER, folder]).arg(file);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = piped.spawn().context("python3 cannot be run")?;
    write!(running.stdin.take().context("it was piped")?, "{PASSWORD}")?;
    Ok(running.wait_with_output()?)
}

#[test]
fn a_client_of_a_hundred_lines_uploads_a_file_that_reaches_a_device() -> Result<()> {
    if Command::new("python3").arg("--version").output().is_err() {
        // A failed remark is no failed test.
        let _ = writeln!(std::io::stderr(), "SKIPPED: python3 is not installed");
        return Ok(());
    }
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    laptop.start()?;
    let (letter, empty) = (world.place().join("caf\u{e9}.txt"), world.place().join("empty"));
    let text = "dear reader\n".repeat(500);
    std::fs::write(&letter, &text)?;
    std::fs::write(&empty, "")?;
    for file in [&letter, &empty] {
        let done = upload(&mut world, "docs", file)?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said: Value = serde_json::from_slice(&done.stdout)?;
        let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
        ensure!(said["entry"]["name"] == name, "{said}");
        ensure!(said["entry"]["version"] == said["version"], "{said}");
        ensure!(said["result"]["replayed"] == false, "{said}");
    }
    eventually("both files are on the device", Duration::from_secs(30), || {
        let there = |path: &Path| std::fs::read(laptop.directory().join(path.file_name()?)).ok();
        Ok((there(&letter) == Some(text.clone().into_bytes()) && there(&empty) == Some(vec![])).then_some(()))
    })?;
    // The refusals of a commit and of a request are read, too.
    for (folder, reason) in [("docs", "refused: name_taken"), ("elsewhere", "there is no folder 'elsewhere'")]
    {
        let again = upload(&mut world, folder, &letter)?;
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        ensure!(!again.status.success() && said.contains(reason), "{said}");
    }
    Ok(())
}
