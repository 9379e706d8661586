//! The scripts that anyone can run.

use anyhow::{Result, ensure};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

fn two_devices(script: &str) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(script);
    let place = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new(script);
    command.arg(place.path()).env("DRIFTLESS_BIN", e2e::process::program()?).env("PORT", port.to_string());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let logged = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the script failed\n{said}{logged}");
    ensure!(
        said.contains("the desktop's changes are on the laptop"),
        "the script ended early\n{said}{logged}"
    );
    Ok(())
}

#[test]
fn two_devices_are_in_step_when_each_command_follows_the_one_before_at_once() -> Result<()> {
    two_devices("two-devices.sh")
}

#[test]
fn two_devices_are_in_step_over_tls_when_each_command_follows_the_one_before_at_once() -> Result<()> {
    two_devices("two-devices-tls.sh")
}
