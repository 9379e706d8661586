//! A big transfer that was cut off goes on where it stood, whichever side was cut off.

use anyhow::{Result, ensure};
use e2e::process::eventually;
use e2e::{Device, Proxy, Random, Tree, World};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

const MEBIBYTE: u64 = 1 << 20;
const SIZE: u64 = 192 * MEBIBYTE;

/// What may travel twice: a bundle or two that were under way, and not yet acknowledged or kept, when it was cut off.
const TWICE_MAX: u64 = 72 * MEBIBYTE;

const WITHIN: Duration = Duration::from_secs(120);

fn big_file(path: &Path) -> Result<()> {
    let (mut file, mut random) = (File::create(path)?, Random::new(71));
    for _ in 0..SIZE / MEBIBYTE {
        file.write_all(&random.bytes(MEBIBYTE as usize))?;
    }
    Ok(())
}

/// Waits until about half of the file has travelled.
fn halfway(travelled: impl Fn() -> u64) -> Result<()> {
    eventually("half of the file travels", WITHIN, || Ok((travelled() > SIZE / 2).then_some(())))
}

fn ensure_resumed(cut_at: u64, travelled: u64) -> Result<()> {
    ensure!(cut_at < SIZE - MEBIBYTE, "it was cut off too late to show anything: at {cut_at} of {SIZE}");
    ensure!(
        travelled < SIZE + TWICE_MAX,
        "{travelled} bytes travelled for a file of {SIZE}, cut at {cut_at}"
    );
    Ok(())
}

/// Who is cut off halfway.
#[derive(Clone, Copy)]
enum Cut {
    Client,
    Server,
}

impl Cut {
    /// Kills and starts again; gives how much had travelled by then.
    fn happen(self, world: &mut World, client: &mut Device, travelled: impl Fn() -> u64) -> Result<u64> {
        halfway(&travelled)?;
        match self {
            Self::Client => client.kill()?,
            Self::Server => world.server().kill()?,
        }
        let cut_at = travelled();
        match self {
            Self::Client => client.start()?,
            Self::Server => world.server().start()?,
        }
        Ok(cut_at)
    }
}

fn ensure_same(world: &mut World, left: &Device, right: &Device) -> Result<()> {
    Tree::read(left.directory())?.ensure_same(&Tree::read(right.directory())?)?;
    world.server().verify()
}

fn ensure_upload_goes_on(cut: Cut) -> Result<()> {
    let mut world = World::create()?;
    let door = Proxy::open(world.server().address())?;
    let mut laptop = world.device_through("laptop", door.address())?;
    big_file(&laptop.directory().join("film.mkv"))?;
    laptop.start()?;
    let cut_at = cut.happen(&mut world, &mut laptop, || door.up())?;
    laptop.wait(240)?;
    ensure_resumed(cut_at, door.up())?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(240)?;
    ensure_same(&mut world, &laptop, &desktop)
}

fn ensure_download_goes_on(cut: Cut) -> Result<()> {
    let mut world = World::create()?;
    let door = Proxy::open(world.server().address())?;
    let mut laptop = world.device("laptop")?;
    let mut desktop = world.device_through("desktop", door.address())?;
    big_file(&laptop.directory().join("film.mkv"))?;
    laptop.start()?;
    laptop.wait(240)?;
    desktop.start()?;
    let cut_at = cut.happen(&mut world, &mut desktop, || door.down())?;
    desktop.wait(240)?;
    ensure_resumed(cut_at, door.down())?;
    ensure_same(&mut world, &laptop, &desktop)
}

#[test]
fn an_upload_goes_on_after_its_sender_was_killed() -> Result<()> {
    ensure_upload_goes_on(Cut::Client)
}

#[test]
fn an_upload_goes_on_after_the_server_was_killed() -> Result<()> {
    ensure_upload_goes_on(Cut::Server)
}

#[test]
fn a_download_goes_on_after_its_receiver_was_killed() -> Result<()> {
    ensure_download_goes_on(Cut::Client)
}

#[test]
fn a_download_goes_on_after_the_server_was_killed() -> Result<()> {
    ensure_download_goes_on(Cut::Server)
}
