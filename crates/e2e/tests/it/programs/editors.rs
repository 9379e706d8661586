//! How editors save: vim's and LibreOffice's ways, by the system calls they make, and vim itself.

use super::support::{Scene, is_installed, run};
use anyhow::{Result, ensure};
use e2e::Tree;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// A way of saving, given the file, what it is to hold, and a directory for files of its own.
type Save = fn(&Path, &str, &Path) -> Result<()>;

/// vim with `backupcopy=no`: a swap file while it is open; a trial file; the old file renamed to a backup, the new
/// one written in its place, then the backup removed.
fn save_as_vim_renaming(file: &Path, text: &str, _own: &Path) -> Result<()> {
    let swap = swap_of(file);
    fs::write(&swap, "b0VIM 9.0")?;
    let trial = file.with_file_name("4913");
    File::options().write(true).create_new(true).open(&trial)?;
    fs::remove_file(&trial)?;
    let backup = file.with_extension("txt~");
    let mode = fs::metadata(file)?.permissions();
    fs::rename(file, &backup)?;
    let mut new = File::options().write(true).create(true).truncate(true).open(file)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::set_permissions(file, mode)?;
    fs::remove_file(&backup)?;
    Ok(fs::remove_file(&swap)?)
}

/// vim with `backupcopy=yes`: the backup is a copy, and the file itself is written over.
fn save_as_vim_copying(file: &Path, text: &str, _own: &Path) -> Result<()> {
    let swap = swap_of(file);
    fs::write(&swap, "b0VIM 9.0")?;
    let backup = file.with_extension("txt~");
    fs::write(&backup, fs::read(file)?)?;
    let mut same = File::options().write(true).truncate(true).open(file)?;
    same.write_all(text.as_bytes())?;
    same.sync_all()?;
    fs::remove_file(&backup)?;
    Ok(fs::remove_file(&swap)?)
}

/// LibreOffice: a lock file; the document is written elsewhere, then copied over the file in place.
fn save_as_libreoffice_in_place(file: &Path, text: &str, own: &Path) -> Result<()> {
    let lock = lock_of(file);
    fs::write(&lock, ",alice,laptop,22.11.2026 04:32,file:///home/alice;")?;
    let elsewhere = own.join("lu12345abc.tmp");
    fs::write(&elsewhere, text)?;
    let mut same = File::options().write(true).open(file)?;
    same.set_len(0)?;
    std::io::copy(&mut File::open(&elsewhere)?, &mut same)?;
    same.sync_all()?;
    fs::remove_file(&elsewhere)?;
    Ok(fs::remove_file(&lock)?)
}

/// LibreOffice where it may make files beside the document: a temporary one, renamed over it.
fn save_as_libreoffice_renaming(file: &Path, text: &str, _own: &Path) -> Result<()> {
    let lock = lock_of(file);
    fs::write(&lock, ",alice,laptop,22.11.2026 04:32,file:///home/alice;")?;
    let beside = file.with_file_name("lu98765xyz.tmp");
    let mut new = File::options().write(true).create_new(true).open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::set_permissions(&beside, fs::metadata(file)?.permissions())?;
    fs::rename(&beside, file)?;
    Ok(fs::remove_file(&lock)?)
}

fn beside(file: &Path, name: impl Fn(&str) -> String) -> std::path::PathBuf {
    file.with_file_name(name(&file.file_name().unwrap_or_default().to_string_lossy()))
}

fn swap_of(file: &Path) -> std::path::PathBuf {
    beside(file, |name| format!(".{name}.swp"))
}

fn lock_of(file: &Path) -> std::path::PathBuf {
    beside(file, |name| format!(".~lock.{name}#"))
}

#[test]
fn what_editors_save_reaches_a_client_as_versions_of_one_file() -> Result<()> {
    let mut scene = Scene::set()?;
    let own = scene.aside("own")?;
    let ways: [(&str, Save); 4] = [
        ("vim, renaming", save_as_vim_renaming),
        ("vim, copying", save_as_vim_copying),
        ("LibreOffice, in place", save_as_libreoffice_in_place),
        ("LibreOffice, renaming", save_as_libreoffice_renaming),
    ];
    for (number, (way, save)) in ways.into_iter().enumerate() {
        let name = format!("letter-{number}.txt");
        let file = scene.plain.path(&name);
        fs::write(&file, "as it was")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        scene.arrives("the first version")?;
        for round in 0..5 {
            let text = format!("{way} saved this {round} times");
            save(&file, &text, &own)?;
            scene.arrives(way)?;
            ensure!(fs::read_to_string(scene.laptop.directory().join(&name))? == text);
        }
        // As somebody does who saves with every word.
        (0..20).try_for_each(|round| save(&file, &format!("{way}, quickly, {round}"), &own))?;
        let tree = scene.arrives(way)?;
        ensure!(tree.files() == number + 1, "{way}: {:?}", tree.0.keys());
        ensure!(versions(&scene, &name)? >= 7, "{way}: the file lost its history");
    }
    Ok(())
}

/// How many versions a file has.
fn versions(scene: &Scene, name: &str) -> Result<usize> {
    let path = scene.laptop.directory().join(name);
    let text = path.to_str().expect("a test's directory is text");
    let listed = scene.laptop.run(&["versions", text, "--json"])?.ok()?.stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let versions = listed.as_array().or_else(|| listed["versions"].as_array());
    Ok(versions.map_or(0, Vec::len))
}

#[test]
fn lock_and_swap_files_stay_where_they_are() -> Result<()> {
    let mut scene = Scene::set()?;
    let file = scene.plain.path("letter.txt");
    fs::write(&file, "open in two editors")?;
    fs::write(swap_of(&file), "b0VIM 9.0")?;
    fs::write(lock_of(&file), ",alice,laptop;")?;
    let entry = |scene: &mut Scene| scene.plain.wait_for(scene.world.server(), "in_step", 30);
    e2e::process::eventually("the letter arrives", std::time::Duration::from_secs(30), || {
        Ok(scene.laptop.directory().join("letter.txt").exists().then_some(()))
    })?;
    entry(&mut scene)?;
    scene.laptop.wait(30)?;
    let tree = Tree::read(scene.laptop.directory())?;
    ensure!(tree.0.len() == 1, "{:?}", tree.0.keys());
    ensure!(swap_of(&file).exists() && lock_of(&file).exists(), "the programs still need them");
    Ok(())
}

#[test]
fn what_vim_itself_saves_reaches_a_client() -> Result<()> {
    if !is_installed("vim") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let file = scene.plain.path("letter.txt");
    fs::write(&file, "dear reader\n")?;
    scene.arrives("the first version")?;
    for (round, way) in ["yes", "no", "auto", "yes", "no", "auto"].into_iter().enumerate() {
        let mut vim = Command::new("vim");
        vim.args(["-u", "NONE", "-i", "NONE", "-es", "-c"])
            .arg(format!("set nocp backupcopy={way} writebackup"));
        vim.args(["-c", &format!("normal Goline {round}"), "-c", "wq"]).arg(&file);
        run(&mut vim)?;
        scene.arrives("vim")?;
    }
    let text = fs::read_to_string(scene.laptop.directory().join("letter.txt"))?;
    ensure!(text.lines().count() == 7 && text.ends_with("line 5\n"), "{text}");
    ensure!(versions(&scene, "letter.txt")? >= 7, "the file lost its history");
    Ok(())
}
