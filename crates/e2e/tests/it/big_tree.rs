//! A big tree goes from one device through the server to another, and nothing of it differs there.

use anyhow::{Result, ensure};
use e2e::{TreeShape, World, tree};

/// As many files as a developer's or photographer's folder.
const FILES: usize = 20_000;

#[test]
fn a_tree_of_twenty_thousand_odd_files_arrives_whole() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    TreeShape::of(FILES).make(laptop.directory(), 1)?;
    let before = e2e::Tree::read(laptop.directory())?;
    laptop.start()?;
    laptop.wait(240)?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(240)?;
    let arrived = e2e::Tree::read(desktop.directory())?;
    ensure!(arrived.0.len() >= FILES, "{} nodes arrived", arrived.0.len());
    before.ensure_same(&arrived)?;
    before.ensure_same(&e2e::Tree::read(laptop.directory())?)?;
    world.server().verify()
}

#[test]
fn a_tree_that_grows_while_it_is_synced_arrives_whole() -> Result<()> {
    let world = World::create()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    laptop.start()?;
    desktop.start()?;
    TreeShape::of(2_000).make(laptop.directory(), 2)?;
    laptop.wait(120)?;
    desktop.wait(120)?;
    tree::ensure_same(laptop.directory(), desktop.directory())
}
