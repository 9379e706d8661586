//! The project as the checks see it: its files as text, and its crates with their dependencies.

use crate::commands::{cargo, output, program, root, succeeds};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Everything that the checks look at.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// Text by path from the root; a file that is not text is there with an empty text.
    pub(crate) files: BTreeMap<String, String>,
    /// The members of the workspace.
    pub(crate) crates: Vec<Crate>,
}

/// A member of the workspace.
#[derive(Debug, Default, Clone)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its folder from the root.
    pub(crate) folder: String,
    /// What it uses when it is built (build scripts included).
    pub(crate) uses: BTreeSet<String>,
    /// What only its tests use.
    pub(crate) tests_use: BTreeSet<String>,
}

impl Project {
    /// Reads the project from the disk.
    pub(crate) fn load() -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in paths()? {
            let bytes = match std::fs::read(root().join(&path)) {
                Ok(bytes) => bytes,
                // Deleted, but not yet in the index; or a link to a directory.
                Err(_) => continue,
            };
            files.insert(path, String::from_utf8(bytes).unwrap_or_default());
        }
        Ok(Self { files, crates: crates()? })
    }

    /// Whether there is a file or a directory of this path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let directory = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(directory.clone()..)
                .next()
                .is_some_and(|(file, _)| file.starts_with(&directory))
    }

    /// The Rust files of the project.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files_ending(".rs")
    }

    /// The files whose names end so.
    pub(crate) fn files_ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter(move |(path, _)| path.ends_with(end)).map(|(path, text)| (&**path, &**text))
    }

    /// Whether a crate of ours has this name.
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.crates.iter().any(|member| member.name == name)
    }
}

/// What git knows or would take, or every file where there is no git.
fn paths() -> Result<Vec<String>> {
    if !succeeds(program("git").args(["rev-parse", "--is-inside-work-tree"])) {
        let mut found = Vec::new();
        walk(&root(), "", &mut found)?;
        return Ok(found);
    }
    let listed = output(program("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !["target", ".git", "node_modules", "dist"].contains(&&*name) {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn crates() -> Result<Vec<Crate>> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cannot read what cargo metadata printed")?;
    let root = root().canonicalize()?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|package| read_crate(package, &root)).collect()
}

fn read_crate(package: &Value, root: &Path) -> Result<Crate> {
    let name = package["name"].as_str().context("a package has no name")?;
    let manifest = Path::new(package["manifest_path"].as_str().context("a package has no manifest")?);
    let folder = manifest.parent().context("a manifest lies nowhere")?.strip_prefix(root)?;
    let mut found =
        Crate { name: name.to_owned(), folder: folder.to_string_lossy().into_owned(), ..Crate::default() };
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let used = dependency["name"].as_str().context("a dependency has no name")?.to_owned();
        match dependency["kind"].as_str() {
            Some("dev") => found.tests_use.insert(used),
            _ => found.uses.insert(used),
        };
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod fixtures {
    //! Projects made for tests.

    use super::{Crate, Project};

    /// A project of files alone.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Project {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Project { files, crates: Vec::new() }
    }

    /// A crate that uses these, and whose tests use those.
    pub(crate) fn member(name: &str, uses: &[&str], tests_use: &[&str]) -> Crate {
        Crate {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            uses: uses.iter().map(ToString::to_string).collect(),
            tests_use: tests_use.iter().map(ToString::to_string).collect(),
        }
    }

    /// A project of crates alone.
    pub(crate) fn of_crates(crates: Vec<Crate>) -> Project {
        Project { crates, ..Project::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::of_files;

    #[test]
    fn a_directory_is_held_if_a_file_below_it_is() {
        let project = of_files(&[("docs/a/b.md", ""), ("docs-old.md", "")]);
        assert!(project.holds("docs") && project.holds("docs/a") && project.holds("docs/a/b.md"));
        assert!(!project.holds("doc") && !project.holds("docs/a/b"));
    }
}
