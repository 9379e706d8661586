//! Programs that make, change and remove many files at once: rsync, git, tar.

use super::support::{Scene, is_installed, run};
use anyhow::{Result, ensure};
use e2e::{Editor, Tree, TreeShape};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn what_rsync_brings_changes_and_deletes_reaches_a_client() -> Result<()> {
    if !is_installed("rsync") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let source = scene.aside("source")?;
    TreeShape { largest: 400_000, ..TreeShape::of(600) }.make(&source, 101)?;
    let rsync = |scene: &Scene, options: &[&str]| {
        let mut command = Command::new("rsync");
        command.args(options).arg(source.join("")).arg(scene.plain.path(""));
        // The marker by which the directory is known is nobody's to delete.
        run(command.arg("--exclude=/.driftless"))
    };
    for round in 0..2 {
        rsync(&scene, &["-a", "--delete"])?;
        let brought = Tree::read(&source)?;
        brought.ensure_same(&scene.arrives("rsync -a --delete")?)?;
        Editor::new(&source, "rsync", 102 + round).work(200)?;
    }
    rsync(&scene, &["-a", "--delete", "--inplace"])?;
    let brought = Tree::read(&source)?;
    brought.ensure_same(&scene.arrives("rsync --inplace")?)?;
    scene.world.server().verify()
}

/// Git with nothing of the machine's or the person's settings.
fn git<A: AsRef<OsStr>>(repository: &Path, arguments: &[A]) -> Result<String> {
    let mut command = Command::new("git");
    command.current_dir(repository).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_SYSTEM", "/dev/null").env("HOME", repository);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.org");
    }
    run(&mut command)
}

/// A repository with two branches that differ in many files.
fn make_repository(path: &Path) -> Result<()> {
    git(path, &["init", "--quiet", "--initial-branch=main"])?;
    TreeShape { largest: 100_000, undecodable: false, ..TreeShape::of(400) }.make(path, 111)?;
    git(path, &["add", "--all"])?;
    git(path, &["commit", "--quiet", "--message=first"])?;
    git(path, &["checkout", "--quiet", "-b", "other"])?;
    for entry in fs::read_dir(path)?.take(20) {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != ".git" {
            fs::rename(entry.path(), path.join(format!("renamed-{}", fs::read_dir(path)?.count())))?;
            break;
        }
    }
    for number in 0..100 {
        fs::write(path.join(format!("other-{number}")), format!("only on the other branch {number}"))?;
    }
    git(path, &["add", "--all"])?;
    git(path, &["commit", "--quiet", "--message=second"])?;
    git(path, &["checkout", "--quiet", "main"])?;
    Ok(())
}

#[test]
fn what_git_clones_checks_out_and_packs_reaches_a_client() -> Result<()> {
    if !is_installed("git") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let origin = scene.aside("origin")?;
    make_repository(&origin)?;
    let from = format!("file://{}", origin.display());
    git(scene.plain.directory(), &["clone", "--quiet", &from, "clone"])?;
    let tree = scene.arrives("git clone")?;
    ensure!(tree.files() > 380, "{} files", tree.files());
    let clone = scene.plain.path("clone");
    git(&clone, &["checkout", "--quiet", "other"])?;
    scene.arrives("git checkout")?;
    // Back and forth faster than anybody can follow.
    for branch in ["main", "other", "main", "other"] {
        git(&clone, &["checkout", "--quiet", branch])?;
    }
    scene.arrives("git checkout, back and forth")?;
    fs::write(clone.join("work.txt"), "uncommitted work")?;
    git(&clone, &["add", "work.txt"])?;
    git(&clone, &["commit", "--quiet", "--message=work"])?;
    git(&clone, &["gc", "--quiet", "--prune=now"])?;
    scene.arrives("git commit and git gc")?;
    // What arrived is a whole repository.
    let arrived = scene.laptop.directory().join("clone");
    git(&arrived, &["fsck", "--strict"])?;
    let status = git(&arrived, &["-c", "core.trustctime=false", "status", "--porcelain"])?;
    ensure!(status.is_empty(), "{status}");
    scene.world.server().verify()
}

#[test]
fn what_tar_unpacks_reaches_a_client() -> Result<()> {
    if !is_installed("tar") {
        return Ok(());
    }
    let mut scene = Scene::set()?;
    let source = scene.aside("source")?;
    TreeShape { largest: 2 << 20, ..TreeShape::of(800) }.make(&source, 121)?;
    let archive = scene.world.place().join("archive.tar");
    run(Command::new("tar").args(["--format=posix", "-cf"]).arg(&archive).arg("-C").arg(&source).arg("."))?;
    let unpack =
        |scene: &Scene| run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(scene.plain.text()));
    unpack(&scene)?;
    let packed = Tree::read(&source)?;
    packed.ensure_same(&scene.arrives("tar x")?)?;
    // Over what is there already: tar unlinks and makes every file again.
    unpack(&scene)?;
    packed.ensure_same(&scene.arrives("tar x once more")?)
}
