//! How soon an edit is seen elsewhere, and that nobody asks while nothing happens.

use anyhow::{Result, ensure};
use e2e::process::eventually;
use e2e::{Device, Proxy, World};
use std::fs;
use std::time::{Duration, Instant};

/// Writes on one device and waits until the other shows it.
fn travel(from: &Device, to: &Device, number: usize, within: Duration) -> Result<Duration> {
    let text = format!("edit number {number}");
    let start = Instant::now();
    fs::write(from.directory().join("note.txt"), &text)?;
    eventually("the edit is on the other device", within, || {
        let shown = fs::read_to_string(to.directory().join("note.txt")).unwrap_or_default();
        Ok((shown == text).then(|| start.elapsed()))
    })
}

fn pair(world: &mut World) -> Result<(Device, Device, Proxy)> {
    let door = Proxy::open(world.server().address())?;
    let mut laptop = world.device_through("laptop", door.address())?;
    let mut desktop = world.device_through("desktop", door.address())?;
    laptop.start()?;
    desktop.start()?;
    laptop.wait(60)?;
    desktop.wait(60)?;
    Ok((laptop, desktop, door))
}

#[test]
fn an_edit_is_on_the_other_device_in_under_a_second() -> Result<()> {
    let mut world = World::create()?;
    let (laptop, desktop, _door) = pair(&mut world)?;
    let mut times = Vec::new();
    for number in 0..9 {
        times.push(travel(&laptop, &desktop, number, Duration::from_secs(20))?);
        laptop.wait(20)?;
        desktop.wait(20)?;
    }
    times.sort_unstable();
    ensure!(times[4] < Duration::from_secs(1), "{times:?}");
    Ok(())
}

#[test]
fn devices_with_nothing_to_do_ask_for_nothing() -> Result<()> {
    let mut world = World::create()?;
    let (_laptop, _desktop, door) = pair(&mut world)?;
    // What was under way when the last wait ended may still end.
    std::thread::sleep(Duration::from_secs(1));
    let before = door.up() + door.down();
    std::thread::sleep(Duration::from_secs(5));
    let spoken = door.up() + door.down() - before;
    ensure!(spoken < 200, "{spoken} bytes in five idle seconds");
    Ok(())
}

#[test]
fn an_edit_still_arrives_where_websockets_are_blocked() -> Result<()> {
    let mut world = World::create()?;
    let door = Proxy::open(world.server().address())?;
    door.refuse_upgrades();
    let mut laptop = world.device_through("laptop", door.address())?;
    let mut desktop = world.device_through("desktop", door.address())?;
    laptop.start()?;
    desktop.start()?;
    laptop.wait(60)?;
    desktop.wait(60)?;
    for number in 0..3 {
        travel(&laptop, &desktop, number, Duration::from_secs(30))?;
    }
    ensure!(door.refused() > 0, "no WebSocket was tried");
    Ok(())
}
