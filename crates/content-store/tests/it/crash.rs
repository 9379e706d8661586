//! `kill -9` of a writer, again and again.
//!
//! The parent runs this very test program as a child that appends batches and prints the place of every chunk that
//! was acknowledged. The parent kills it in the middle and checks everything that was ever printed.

use crate::open;
use content::conformance::{append, block, expect_readable, noise, single, text};
use content::{ChunkStore, Codec, Depth, Located, Location, PackId};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const DIRECTORY: &str = "CONTENT_STORE_CRASH_DIRECTORY";
const SEED: &str = "CONTENT_STORE_CRASH_SEED";
const KILLS: u64 = 25;

/// The child: does nothing unless the parent started it.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let seed: u64 = env::var(SEED).unwrap().parse().unwrap();
    let store = open(Path::new(&directory));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let store = &store;
            scope.spawn(move || {
                // A bound, should nobody kill us.
                for batch in 0..5000 {
                    let seed = (seed * 2 + thread) * 5000 + batch;
                    let records = [
                        single(&noise(seed, 40_000)),
                        block(&[text(seed, 700), noise(seed, 300), text(seed, 50)]),
                    ];
                    for place in append(store, &records).unwrap() {
                        // One write a line, so that lines of two threads do not mix and none waits in a buffer.
                        let line = format!("PLACE {}\n", to_text(&place));
                        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn killing_a_writer_at_any_moment_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .env(SEED, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A moment of its own each time: after so many places, between one system call and another.
        let wanted = 3 + (round * 37) % 101;
        let mut places = 0;
        while let Some(Ok(line)) = lines.next() {
            if let Some(place) = line.split_once("PLACE ").and_then(|(_, place)| from_text(place)) {
                acknowledged.push(place);
                places += 1;
            }
            if places == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(places >= wanted, "the child was killed, it did not end by itself");
        expect_readable(&open(directory.path()), &acknowledged);
    }

    let store = open(directory.path());
    expect_readable(&store, &acknowledged);
    for info in store.packs().unwrap() {
        let summary = store.scan(info.pack, Depth::AllBytes, &mut |_| ()).unwrap();
        assert!(summary.is_clean(), "a crash tears tails and nothing else: {summary:?}");
    }
}

fn to_text(place: &Located) -> String {
    let Location { pack, offset, stored_length, codec, checksum, plain_length, start, length } =
        place.location;
    let (chunk, codec) = (place.chunk, codec.number());
    format!(
        "{chunk} {pack} {offset} {stored_length} {codec} {checksum} {plain_length} {start} {length} whole"
    )
}

/// The place that a whole line tells; a line that the kill cut off tells none.
fn from_text(text: &str) -> Option<Located> {
    let mut words = text.split(' ');
    let chunk = words.next()?.parse().ok()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let mut location = Location {
        pack: PackId(number()?),
        offset: number()?,
        stored_length: number()? as u32,
        codec: Codec::from_number(number()? as u8)?,
        checksum: number()? as u32,
        plain_length: number()? as u32,
        start: number()? as u32,
        length: 0,
    };
    location.length = number()? as u32;
    (words.next() == Some("whole")).then_some(Located { chunk, location })
}
