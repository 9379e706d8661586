//! The transcripts in the documents are what happens: each is typed anew, against the real program and a real server.
//!
//! A document's blocks marked `console` are run in their order. `[..]` in what is printed stands for what differs from time
//! to time, `...` for any lines. The document's port and places become ones of this test, and a `&` at the end of a command
//! runs it in the background, as a shell would.

use anyhow::{Context as _, Result};
use e2e::process::program;
use e2e::server::{PASSWORD, free_address};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How a document calls where everything is.
const PORT: &str = "7440";
const DATA: &str = "/srv/driftless";
const HOME: &str = "/home/alice";

/// Where a document's story takes place. What runs in the background ends with it.
struct Stage {
    place: tempfile::TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let started = std::fs::read_to_string(self.place.path().join("started")).unwrap_or_default();
        for pid in started.lines().filter_map(|line| rustix::process::Pid::from_raw(line.parse().ok()?)) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Runs a command; with `&` at its end in the background, until it says where it listens if it is a server.
const RUN: &str = r#"#!/bin/sh
last=; for word do last=$word; done
[ "$last" = '&' ] || exec PROGRAM "$@"
count=$(($# - 1))
for word do shift; [ $count -gt 0 ] && set -- "$@" "$word"; count=$((count - 1)); done
PROGRAM "$@" > PLACE/said.$$ 2>> PLACE/log < /dev/null &
echo $! >> PLACE/started
[ "$1" = serve ] || exit 0
until grep -q '^listening' PLACE/said.$$; do sleep 0.05; done
cat PLACE/said.$$
"#;

fn run(document: &str) -> Result<()> {
    let stage = Stage { place: tempfile::Builder::new().prefix("driftless-transcript-").tempdir()? };
    let place = stage.place.path().canonicalize()?;
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document))?;
    let (home, data) = (place.join("home"), place.join("data"));
    std::fs::create_dir_all(&home)?;
    let port = free_address()?.port().to_string();
    let here = |path: &PathBuf| path.to_str().map(str::to_owned).context("a test's directory is text");
    let text = text.replace(PORT, &port).replace(DATA, &here(&data)?).replace(HOME, &here(&home)?);
    let case = place.join(document);
    std::fs::write(&case, with_line_ends(&text))?;
    // The directory beside a case, called so, is where it runs.
    std::fs::create_dir(case.with_extension("in"))?;
    let script = place.join("driftless");
    let program = here(&program()?)?;
    std::fs::write(&script, RUN.replace("PROGRAM", &program).replace("PLACE", &here(&place)?))?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let password = place.join("password");
    std::fs::write(&password, PASSWORD)?;
    trycmd::TestCases::new()
        .env("HOME", here(&home)?)
        .env("XDG_STATE_HOME", here(&home.join(".local/state"))?)
        .env("DRIFTLESS_DATA", here(&data)?)
        .env("DRIFTLESS_PASSWORD_FILE", here(&password)?)
        .env("NO_COLOR", "1")
        .register_bin("driftless", script)
        .register_bin("sh", PathBuf::from("/bin/sh"))
        .case(&case)
        .run();
    Ok(())
}

/// What a command prints ends with a line's end, which a case wants to see written down as an empty line.
fn with_line_ends(text: &str) -> String {
    let (mut out, mut inside, mut printed) = (String::new(), false, false);
    for line in text.lines() {
        let fence = line.starts_with("```");
        if inside && printed && (fence || line.starts_with("$ ")) {
            out.push('\n');
        }
        printed = inside && !fence && !["$ ", "> ", "? "].iter().any(|mark| line.starts_with(mark));
        inside = if fence { !inside } else { inside };
        let _ = writeln!(out, "{line}");
    }
    out
}

#[test]
fn the_administrators_guide_is_what_happens() -> Result<()> {
    run("administration.md")
}

#[test]
fn every_json_output_is_as_it_is_written_down() -> Result<()> {
    run("json.md")
}
