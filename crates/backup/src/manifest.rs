//! What a backup says of itself.

use crate::{Error, Result, files};
use model::Epoch;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The version of the layout.
const FORMAT: u32 = 1;
const FILE: &str = "manifest.json";
const HASH_FILE: &str = "manifest.b3";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the layout.
    pub format: u32,
    /// When it was made (RFC 3339).
    pub made: String,
    /// By which version of the program.
    pub version: String,
    /// The server's epoch then.
    pub epoch: String,
    /// The data directory it was made of.
    pub data: String,
    /// Every file but the manifest's own two, by path.
    pub files: Vec<FileEntry>,
    /// The shared folders.
    pub folders: Vec<FolderEntry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it lies in the backup.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// The BLAKE3 of its bytes, in hexadecimal digits.
    pub blake3: String,
}

/// A folder, for whoever reads the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Its plain directory on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
}

impl FileEntry {
    /// The entry of a file that lies in a backup.
    pub(crate) fn of(backup: &Path, path: &Path) -> Result<Self> {
        let (bytes, hash) = files::hash(&backup.join(path))?;
        Ok(Self { path: text(path)?, bytes, blake3: hash.to_hex().to_string() })
    }

    /// Whether a file has these bytes; none if there is no such file.
    pub(crate) fn fits(&self, file: &Path) -> Result<Option<bool>> {
        if !file.is_file() {
            return Ok(None);
        }
        let (bytes, hash) = files::hash(file)?;
        Ok(Some(bytes == self.bytes && hash.to_hex().as_str() == self.blake3))
    }
}

impl Manifest {
    pub(crate) fn new(made: String, version: &str, epoch: Epoch, data: &Path) -> Self {
        Self {
            format: FORMAT,
            made,
            version: version.to_owned(),
            epoch: epoch.to_string(),
            data: data.display().to_string(),
            files: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// Writes it into a backup, with its hash.
    pub(crate) fn write(&self, backup: &Path) -> Result<()> {
        let path = backup.join(FILE);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| Error::disk("write", &path)(error.into()))?;
        files::write(&path, &text)?;
        files::write(&backup.join(HASH_FILE), hash_line(&text).as_bytes())
    }

    /// Reads the manifest of a backup, and proves it.
    ///
    /// # Errors
    /// `Disk`, `Damaged`.
    pub fn read(backup: &Path) -> Result<Self> {
        let path = backup.join(FILE);
        let read = |path: &Path| fs::read(path).map_err(Error::disk("read", path));
        let (text, hash) = (read(&path)?, read(&backup.join(HASH_FILE))?);
        let damaged = |what| Error::Damaged { path: path.clone(), what };
        if hash != hash_line(&text).as_bytes() {
            return Err(damaged("it is not what was written"));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| damaged("it cannot be read"))?;
        if manifest.format != FORMAT {
            return Err(damaged("another version of the program made it"));
        }
        if !manifest.files.iter().all(|file| is_inside(Path::new(&file.path))) {
            return Err(damaged("it names files that are not its own"));
        }
        Ok(manifest)
    }

    /// The paths of its files.
    pub(crate) fn paths(&self) -> BTreeSet<&str> {
        self.files.iter().map(|file| file.path.as_str()).collect()
    }
}

/// As `b3sum --check` reads it.
fn hash_line(text: &[u8]) -> String {
    format!("{}  {FILE}\n", blake3::hash(text).to_hex())
}

fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn text(path: &Path) -> Result<String> {
    let what = "its name is no text";
    path.to_str().map(str::to_owned).ok_or_else(|| Error::Unfit { path: path.to_owned(), what })
}

/// The backups of a directory, the oldest first. Whatever else lies there is left alone.
///
/// # Errors
/// `Disk`.
pub fn backups(target: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(target).map_err(Error::disk("list", target))? {
        let path = entry.map_err(Error::disk("list", target))?.path();
        if age(&path).is_some() && path.join(FILE).is_file() {
            found.push(path);
        }
    }
    found.sort_by(|one, other| age(one).cmp(&age(other)));
    Ok(found)
}

/// The moment that a backup is called by, `2026-11-22T10-20-30Z`, and the number behind it, zero without; none if this is
/// not how a backup is called.
pub(crate) fn age(backup: &Path) -> Option<(&str, u64)> {
    let name = backup.file_name()?.to_str()?;
    let shape = "0000-00-00T00-00-00Z";
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    let (moment, rest) = name.split_at_checked(shape.len())?;
    let number = match rest.strip_prefix('.') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None if rest.is_empty() => 0,
        None => return None,
    };
    moment.bytes().zip(shape.bytes()).all(fits).then_some((moment, number))
}

/// The backup of this name, or the newest.
pub(crate) fn find(target: &Path, name: Option<&str>) -> Result<PathBuf> {
    let mut all = backups(target)?;
    let found = match name {
        None => all.pop(),
        Some(name) => all.into_iter().find(|path| path.file_name().is_some_and(|own| own == name)),
    };
    found.ok_or_else(|| Error::NotFound(name.map_or_else(|| target.to_owned(), |name| target.join(name))))
}
