//! Conflict copies: found by their names wherever they were made, and resolved as a person would, by changing files.

use super::ask;
use crate::cli::Keep;
use crate::output;
use anyhow::{Context as _, bail, ensure};
use client::Home;
use client::control::{ControlAnswer, ControlRequest, Waited};
use model::Name;
use model::conflict::{ConflictCopy, numbered};
use model::ignore::PRIVATE_DIRECTORY;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How long a resolution waits for both files to be safe on the server.
const PATIENCE_MS: u64 = 60_000;

/// How many names are tried for a copy that becomes an ordinary file.
const NAMES_TRIED: u32 = 1_000;

/// A conflict copy, as listed.
#[derive(Debug, Serialize)]
struct Found {
    path: PathBuf,
    /// What it is a copy of, which may be gone by now.
    original: PathBuf,
    /// Whose side lost.
    user: String,
    device: String,
    /// When it was last modified.
    date: String,
}

pub(super) fn list(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    for pair in home.read()?.pairs {
        search(&pair.directory, &mut found)
            .with_context(|| format!("cannot look into {}", pair.directory.display()))?;
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    if json {
        output::json(&found)?;
    } else {
        found.iter().for_each(|copy| output::line(&copy.path.display().to_string()));
    }
    Ok(ExitCode::SUCCESS)
}

fn search(root: &Path, found: &mut Vec<Found>) -> io::Result<()> {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if directory == root && error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Gone meanwhile, or an issue that `driftless issues` names.
            Err(_) => continue,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() && entry.file_name() != PRIVATE_DIRECTORY {
                directories.push(path.clone());
            }
            if let Some(copy) = copy_at(&path) {
                found.push(Found {
                    original: path.with_file_name(copy.original.as_str()),
                    path,
                    user: copy.author.user,
                    device: copy.author.device,
                    date: copy.date,
                });
            }
        }
    }
    Ok(())
}

fn copy_at(path: &Path) -> Option<ConflictCopy> {
    ConflictCopy::of(&Name::new(path.file_name()?.to_str()?).ok()?)
}

pub(super) async fn resolve(home: &Home, path: &Path, keep: Keep) -> anyhow::Result<ExitCode> {
    let Some(copy) = copy_at(path) else {
        bail!("{} is no conflict copy; `driftless conflicts` lists them", path.display());
    };
    ensure!(
        home.read()?.pairs.iter().any(|pair| path.starts_with(&pair.directory)),
        "{} lies in no directory that is kept in step",
        path.display()
    );
    let original = path.with_file_name(copy.original.as_str());
    let before = look(path)?.with_context(|| format!("there is no {}", path.display()))?;
    if keep == Keep::Both {
        return keep_both(path, &copy.original);
    }
    let original_before = look(&original)?;
    ensure!(
        !before.is_dir() && !original_before.as_ref().is_some_and(Metadata::is_dir),
        "{} is a directory: look into it, and keep what you need",
        path.display()
    );
    if keep == Keep::Original && original_before.is_none() {
        bail!("{} is gone; --keep copy makes the copy take its place", original.display());
    }
    // What goes must be on the server, so that it can be brought back.
    safe_on_the_server(home, &[path, &original]).await?;
    let same = |before: Option<&Metadata>, now: Option<&Metadata>| before.map(looks) == now.map(looks);
    ensure!(
        same(Some(&before), look(path)?.as_ref())
            && same(original_before.as_ref(), look(&original)?.as_ref()),
        "a file changed meanwhile; nothing was done"
    );
    match keep {
        Keep::Original => fs::remove_file(path).context("the copy cannot be removed")?,
        Keep::Copy | Keep::Both => fs::rename(path, &original).context("the copy cannot take its place")?,
    }
    output::remark(&match keep {
        Keep::Original => format!("kept {}; the copy is in the trash", original.display()),
        Keep::Copy | Keep::Both => {
            format!("{} is as the copy was; what it was before is among its versions", original.display())
        }
    });
    Ok(ExitCode::SUCCESS)
}

fn look(path: &Path) -> anyhow::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

/// What changes when a file changes.
fn looks(found: &Metadata) -> (u64, u64, i64, i64) {
    (found.ino(), found.size(), found.ctime(), found.ctime_nsec())
}

async fn safe_on_the_server(home: &Home, files: &[&Path]) -> anyhow::Result<()> {
    match ask(home, &ControlRequest::Wait { milliseconds: PATIENCE_MS }).await? {
        ControlAnswer::Waited(Waited::InStep) => Ok(()),
        ControlAnswer::Waited(Waited::Issues(issues)) => {
            let issue = issues.iter().find(|issue| files.iter().any(|file| file.starts_with(&issue.path)));
            match issue {
                Some(issue) => bail!("{}: {}; nothing was done", issue.path.display(), issue.reason),
                None => Ok(()),
            }
        }
        ControlAnswer::Waited(Waited::TimeUp(reason) | Waited::Held(reason) | Waited::NoAccess(reason)) => {
            bail!("not everything is on the server yet ({reason}); nothing was done")
        }
        _ => bail!("the daemon's answer is not understood"),
    }
}

/// Gives the copy the original's name with a number.
fn keep_both(path: &Path, original: &Name) -> anyhow::Result<ExitCode> {
    for number in 2..NAMES_TRIED {
        let chosen = path.with_file_name(numbered(original, number).as_str());
        match renameat_with(CWD, path, CWD, &chosen, RenameFlags::NOREPLACE) {
            Ok(()) => {
                output::remark(&format!("kept both; the copy is {}", chosen.display()));
                return Ok(ExitCode::SUCCESS);
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error).context("the copy cannot be renamed"),
        }
    }
    bail!("no free name was found for the copy")
}
