//! The trees that are synced: the same bytes for the same seed, made once and kept.

use crate::options::{Filling, Options};
use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const MIB: usize = 1 << 20;

/// Many small files in directories: `d0000/f00000`.
pub(crate) fn small(options: &Options) -> Result<PathBuf> {
    let Options { small_files, small_dirs, small_size, small_filling, seed, .. } = *options;
    let name =
        format!("small-{small_files}x{small_size}-{small_dirs}-{small_filling:?}-{seed}").to_lowercase();
    made_once(options, &name, |root| {
        make_files(root, small_files, small_dirs, |number| match small_filling {
            Filling::Random => noise(seed, number as u64, small_size),
            Filling::Text => text(seed, number as u64, small_size),
        })
    })
}

/// Very many empty files.
pub(crate) fn scan(options: &Options) -> Result<PathBuf> {
    let name = format!("scan-{}-{}", options.scan_files, options.scan_dirs);
    made_once(options, &name, |root| make_files(root, options.scan_files, options.scan_dirs, |_| Vec::new()))
}

/// One big random file, `big.bin`.
pub(crate) fn big(options: &Options) -> Result<PathBuf> {
    made_once(options, &format!("big-{}-{}", options.big_mib, options.seed), |root| {
        let mut file = File::create(root.join("big.bin"))?;
        for number in 0..options.big_mib {
            file.write_all(&noise(options.seed, number as u64, MIB))?;
        }
        Ok(())
    })
}

/// Overwrites 1 MiB in the middle.
pub(crate) fn change_middle(file: &Path, seed: u64) -> Result<()> {
    let mut file = File::options().read(true).write(true).open(file)?;
    let middle = file.metadata()?.len() / 2 / MIB as u64 * MIB as u64;
    file.seek(SeekFrom::Start(middle))?;
    file.write_all(&noise(seed, u64::MAX, MIB))?;
    touch(&file)
}

/// Writes a copy with 1 KiB inserted at 1 MiB, as an editor does before it renames the copy over the original.
pub(crate) fn copy_with_insertion(file: &Path, copy: &Path, seed: u64) -> Result<()> {
    let mut from = File::open(file)?;
    let mut to = File::create(copy)?;
    let mut head = vec![0; MIB];
    from.read_exact(&mut head)?;
    to.write_all(&head)?;
    to.write_all(&noise(seed, u64::MAX - 1, 1024))?;
    std::io::copy(&mut from, &mut to)?;
    touch(&to)
}

/// Copies a tree, times included.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = std::process::Command::new("cp")
        .args(["-a", "--reflink=never"])
        .arg(from.join("."))
        .arg(to)
        .status()
        .context("cannot run cp")?;
    ensure!(status.success(), "cp failed");
    Ok(())
}

/// Fails unless `copy` holds exactly the files of `original`, with the same bytes. Hidden files are not compared.
pub(crate) fn compare(original: &Path, copy: &Path) -> Result<usize> {
    let wanted = files(original)?;
    let found = files(copy)?;
    ensure!(wanted == found, "{} files instead of {}", found.len(), wanted.len());
    for name in &wanted {
        let (mut a, mut b) = (File::open(original.join(name))?, File::open(copy.join(name))?);
        let (mut left, mut right) = (vec![0; MIB], vec![0; MIB]);
        loop {
            let read = a.read(&mut left)?;
            b.read_exact(&mut right[..read]).with_context(|| format!("{} is shorter", name.display()))?;
            ensure!(left[..read] == right[..read], "{} differs", name.display());
            if read == 0 {
                ensure!(b.read(&mut right)? == 0, "{} is longer", name.display());
                break;
            }
        }
    }
    Ok(wanted.len())
}

/// The files below a directory, by path, hidden ones left out.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root)?.to_path_buf());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn made_once(options: &Options, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let made = options.scratch.join(name);
    if !made.is_dir() {
        // Under another name until it is whole: a run that was broken off leaves no half tree to measure.
        let part = made.with_extension("part");
        if part.is_dir() {
            fs::remove_dir_all(&part)?;
        }
        fs::create_dir_all(&part)?;
        make(&part)?;
        fs::rename(part, &made)?;
    }
    Ok(made)
}

fn make_files(root: &Path, files: usize, directories: usize, bytes: impl Fn(usize) -> Vec<u8>) -> Result<()> {
    let in_each = files.div_ceil(directories.max(1)).max(1);
    for number in 0..files {
        let directory = root.join(format!("d{:04}", number / in_each));
        if number % in_each == 0 {
            fs::create_dir(&directory)?;
        }
        fs::write(directory.join(format!("f{:05}", number % in_each)), bytes(number))?;
    }
    Ok(())
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, number: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Something like source text: words of a small vocabulary, in an order of their own.
fn text(seed: u64, number: u64, length: usize) -> Vec<u8> {
    const WORDS: [&str; 32] = [
        "let", "mut", "fn", "self", "match", "return", "value", "index", "buffer", "length", "error",
        "result", "for", "in", "if", "else", "struct", "impl", "use", "crate", "=>", "->", "==", "+=",
        "();\n", "{\n", "}\n", "        ", "    ", "&", "?;\n", "//",
    ];
    let order = noise(seed, number, length);
    let mut text = Vec::with_capacity(length + 16);
    for byte in order {
        if text.len() >= length {
            break;
        }
        text.extend_from_slice(WORDS[usize::from(byte) % WORDS.len()].as_bytes());
        text.push(if byte < 128 { b' ' } else { b'_' });
    }
    text.truncate(length);
    text
}

/// Makes sure that a look at size and time sees the change.
fn touch(file: &File) -> Result<()> {
    Ok(file.set_modified(SystemTime::now() + Duration::from_secs(2))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_compares_equal_and_any_difference_is_found() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("a"), place.path().join("b"));
        fs::create_dir_all(&a).unwrap();
        fs::create_dir_all(&b).unwrap();
        make_files(&a, 25, 3, |number| text(1, number as u64, 3000)).unwrap();
        copy(&a, &b).unwrap();
        assert_eq!(compare(&a, &b).unwrap(), 25);

        let file = b.join("d0002/f00000");
        let whole = fs::read(&file).unwrap();
        for other in [&whole[..2999], &[&whole[..], b"x"].concat(), &[b"y", &whole[1..]].concat()] {
            fs::write(&file, other).unwrap();
            compare(&a, &b).unwrap_err();
        }
        fs::remove_file(&file).unwrap();
        compare(&a, &b).unwrap_err();
    }

    #[test]
    fn contents_are_the_same_for_the_same_seed_only() {
        assert_eq!(noise(1, 2, 100), noise(1, 2, 100));
        assert_ne!(noise(1, 2, 100), noise(1, 3, 100));
        assert_ne!(text(1, 2, 100), text(2, 2, 100));
        assert_eq!(text(1, 2, 5000).len(), 5000);
    }
}
