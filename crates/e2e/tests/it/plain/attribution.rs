//! Who is said to have made what appears in the plain directory.

use super::{is_root, start};
use anyhow::{Context as _, Result, ensure};
use e2e::process::remark;
use e2e::world::USER;
use e2e::{Device, Plain};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A system user of every Debian, and the number it has there.
const KNOWN: (&str, u32) = ("daemon", 1);

/// A number that no account is mapped to.
const OTHER: u32 = 65_534;

/// Writes as another system user, as a file server does that serves that user.
fn write_as(user: u32, path: &Path) -> Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022; echo \"by $1\" > \"$0\""]).arg(path).arg(user.to_string());
    ensure!(shell.uid(user).gid(user).status()?.success(), "user {user} cannot write {}", path.display());
    Ok(())
}

/// The newest version of a file.
fn newest(laptop: &Device, name: &str) -> Result<Value> {
    let path = laptop.directory().join(name);
    let text = path.to_str().context("a test's directory is text")?;
    let listed = laptop.run(&["versions", text, "--json"])?.ok()?.stdout;
    let listed: Value = serde_json::from_str(&listed)?;
    let versions = listed.as_array().or_else(|| listed["versions"].as_array());
    versions
        .and_then(|versions| versions.first())
        .cloned()
        .with_context(|| format!("no versions in {listed}"))
}

fn ensure_made_by(laptop: &Device, name: &str, user: Option<&str>) -> Result<()> {
    let version = newest(laptop, name)?;
    ensure!(version["origin"] == "outside", "{name}: {version}");
    ensure!(version["user"].as_str() == user, "{name} should be by {user:?}: {version}");
    Ok(())
}

/// Lets every system user in.
fn open_for_all(world: &Path, plain: &Plain) -> Result<()> {
    fs::set_permissions(world, fs::Permissions::from_mode(0o711))?;
    fs::set_permissions(plain.directory(), fs::Permissions::from_mode(0o777))?;
    Ok(())
}

#[test]
fn a_version_from_outside_is_by_the_account_of_the_files_owner() -> Result<()> {
    if !is_root() {
        remark("SKIPPED: only root can act as other system users");
        return Ok(());
    }
    let (mut world, plain, laptop) = start("auto", |_| Ok(()))?;
    open_for_all(world.place(), &plain)?;
    let (login, number) = KNOWN;
    world.server().admin(&["user", "set", USER, "--system-user", login])?.ok()?;
    write_as(number, &plain.path("mapped.txt"))?;
    write_as(OTHER, &plain.path("unmapped.txt"))?;
    fs::write(plain.path("by-root.txt"), "root's")?;
    plain.arrives(world.server(), &laptop, 60)?;
    ensure_made_by(&laptop, "mapped.txt", Some(USER))?;
    ensure_made_by(&laptop, "unmapped.txt", None)?;
    ensure_made_by(&laptop, "by-root.txt", None)?;
    // What a device sends is no version from outside, though it is written into the directory.
    fs::write(laptop.directory().join("mapped.txt"), "from the laptop")?;
    plain.settle(world.server(), &laptop, 60)?;
    let version = newest(&laptop, "mapped.txt")?;
    ensure!(version["origin"] == "commit" && version["user"] == USER, "{version}");
    // Without the mapping, the same owner is nobody.
    world.server().admin(&["user", "set", USER, "--system-user", "none"])?.ok()?;
    write_as(number, &plain.path("mapped-no-more.txt"))?;
    plain.arrives(world.server(), &laptop, 60)?;
    ensure_made_by(&laptop, "mapped-no-more.txt", None)
}
