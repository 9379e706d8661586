//! A folder's plain directory on the server, where programs work that know nothing of the server.

use crate::device::Device;
use crate::process::eventually;
use crate::server::Server;
use crate::tree::Tree;
use crate::world::FOLDER;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The plain directory of a world's folder.
#[derive(Debug)]
pub struct Plain {
    directory: PathBuf,
}

impl Plain {
    pub(crate) fn at(directory: &Path) -> Result<Self> {
        fs::create_dir(directory)?;
        Ok(Self { directory: directory.to_path_buf() })
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where it is, as text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.directory.to_str().expect("a world's directory is text")
    }

    /// What `driftless admin folder list` says of it.
    pub fn entry(&self, server: &Server) -> Result<Value> {
        Ok(server.entry("folder", "name", FOLDER)?["plain"].clone())
    }

    /// Waits until the server shows it in a state: `in_step`, `working`, `held` or `offline`.
    pub fn wait_for(&self, server: &Server, state: &str, seconds: u64) -> Result<()> {
        eventually(&format!("the plain directory is {state}"), Duration::from_secs(seconds), || {
            let entry = self.entry(server)?;
            Ok((entry["state"] == state).then_some(()))
        })
        .with_context(|| format!("{:?}", self.entry(server)))
    }

    /// Waits until it holds what a device's directory holds, with nothing left to do for either; what both hold.
    ///
    /// What the directory's watcher has not yet seen shows in neither state, but in the trees: so they are compared
    /// until they are the same.
    pub fn settle(&self, server: &Server, device: &Device, seconds: u64) -> Result<Tree> {
        let look = || Ok::<_, anyhow::Error>((Tree::read(&self.directory)?, Tree::read(device.directory())?));
        let settled =
            eventually("plain directory and device hold the same", Duration::from_secs(seconds), || {
                self.wait_for(server, "in_step", seconds)?;
                device.wait(u32::try_from(seconds)?)?;
                // What is being changed while it is read is read again.
                let Ok((outside, inside)) = look() else { return Ok(None) };
                let still = self.entry(server)?["state"] == "in_step";
                Ok((still && outside == inside).then_some(outside))
            });
        settled.or_else(|error| {
            let (outside, inside) = look()?;
            outside.ensure_same(&inside).context(error)?;
            self.wait_for(server, "in_step", 1)?;
            Ok(outside)
        })
    }

    /// Waits until a device has what is in the directory now, which stays as it is, without any conflict copy.
    pub fn arrives(&self, server: &Server, device: &Device, seconds: u64) -> Result<Tree> {
        let left = Tree::read(&self.directory)?;
        let settled = self.settle(server, device, seconds)?;
        left.ensure_same(&settled).context("the plain directory did not stay as a program left it")?;
        let copies = settled.conflict_copies().len();
        ensure!(copies == 0, "{copies} conflict copies, though only one side worked");
        Ok(settled)
    }
}
