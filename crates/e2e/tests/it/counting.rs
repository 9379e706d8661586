//! No request, no sync to disk and no statement for each small file: shown by counting them.

use anyhow::{Context as _, Result, ensure};
use e2e::process::Counted;
use e2e::{Proxy, World};
use std::fs;

const FILES: usize = 20_000;

/// Generous: a batch may have a thousand files, and small ones more of their own at the start.
const PER_FILE_WOULD_BE: u64 = FILES as u64;
const AT_MOST: u64 = PER_FILE_WOULD_BE / 20;

#[test]
fn twenty_thousand_small_files_need_few_requests_few_syncs_and_few_statements() -> Result<()> {
    let mut world = World::create()?;
    world.server().stop()?;
    let server = Counted::in_directory(world.place(), "server")?;
    world.server().start_counted(&server)?;
    let door = Proxy::open(world.server().address())?;
    let (mut laptop, mut desktop) =
        (world.device_through("laptop", door.address())?, world.device_through("desktop", door.address())?);
    for index in 0..FILES {
        let directory = laptop.directory().join(format!("directory-{}", index / 200));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("file-{index}")), format!("content {index}\n").repeat(30))?;
    }
    let (sender, receiver) =
        (Counted::in_directory(world.place(), "sender")?, Counted::in_directory(world.place(), "receiver")?);
    laptop.start_counted(&sender)?;
    laptop.wait(300)?;
    desktop.start_counted(&receiver)?;
    desktop.wait(300)?;
    e2e::tree::ensure_same(laptop.directory(), desktop.directory())?;
    let token = laptop.token()?;
    let statements = world.server().counter(&token, "database_statements")?;
    let commits = world.server().counter(&token, "database_commits")?;
    laptop.stop()?;
    desktop.stop()?;
    world.server().stop()?;
    for counted in [&server, &sender, &receiver] {
        let syncs = counted.syncs().with_context(|| counted.name().to_owned())?;
        ensure!(syncs > 0, "{} never made anything durable", counted.name());
        ensure!(syncs < AT_MOST, "{} synced to disk {syncs} times", counted.name());
    }
    ensure!(statements > 0 && statements < AT_MOST, "{statements} statements");
    ensure!(commits > 0 && commits < AT_MOST, "{commits} commits");
    let requests = door.requests();
    ensure!(requests > 0 && requests < AT_MOST, "{requests} requests");
    Ok(())
}
