//! What the tests need on the machine, installed where it is missing.

use crate::commands::{program, run, succeeds, target};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// A program, how to see that it works, and the Debian package that has it.
struct Need {
    program: &'static str,
    probe: &'static str,
    package: &'static str,
}

/// SQLite, zstd and BLAKE3 are compiled from C; one end-to-end test counts system calls.
const NEEDS: &[Need] = &[
    Need { program: "cc", probe: "--version", package: "build-essential" },
    Need { program: "strace", probe: "--version", package: "strace" },
];

/// Other people's programs: most let work in a plain directory by end-to-end tests, one that reads our units. A test whose
/// program is not there says so and is skipped.
const WANTED: &[Need] = &[
    Need { program: "smbd", probe: "--version", package: "samba" },
    Need { program: "smbclient", probe: "--version", package: "smbclient" },
    Need { program: "vsftpd", probe: "-v", package: "vsftpd" },
    Need { program: "rsync", probe: "--version", package: "rsync" },
    Need { program: "git", probe: "--version", package: "git" },
    Need { program: "curl", probe: "--version", package: "curl" },
    Need { program: "systemd-analyze", probe: "--version", package: "systemd" },
    // The examples of the documents.
    Need { program: "python3", probe: "--version", package: "python3" },
    Need { program: "zstd", probe: "--version", package: "zstd" },
    // The browser that walks through the page.
    Need { program: "chromium", probe: "--version", package: "chromium" },
];

/// Programs in Python that Debian has no package of, or too old a one: what they are called, and what they stand on.
const WEBDAV: (&str, &[&str]) = ("wsgidav", &["wsgidav==4.4.0", "cheroot==11.1.2"]);
const SCHEMATHESIS: (&str, &[&str]) = ("schemathesis", &["schemathesis==4.32.5"]);

/// Installs what is missing on Debian when run as root; says what to install elsewhere.
pub(crate) fn run_hook() -> Result<()> {
    let (needed, wanted) = (missing(NEEDS), missing(WANTED));
    if can_install() {
        install(&[needed, wanted].concat())?;
    } else if !needed.is_empty() {
        bail!("the tests need these packages: {}; install them and try again", needed.join(" "));
    } else if !wanted.is_empty() {
        println!("some tests will be skipped without these packages: {}", wanted.join(" "));
    }
    if environment(WEBDAV).is_none() {
        println!("the test of WebDAV will be skipped: WsgiDAV could not be installed");
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    // Some servers lie where only root's shell looks.
    let works = |need: &&Need| {
        let beside = format!("/usr/sbin/{}", need.program);
        [need.program, &beside].iter().any(|path| succeeds(program(path).arg(need.probe)))
    };
    needs.iter().filter(|need| !works(need)).map(|need| need.package).collect()
}

fn can_install() -> bool {
    succeeds(program("apt-get").arg("--version")) && is_root()
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    run(program("apt-get").args(["update", "--quiet"]))?;
    let mut install = program("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install.args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Makes an environment of Python's with a program beside what cargo builds, and gives back the environment.
fn environment((name, packages): (&str, &[&str])) -> Option<PathBuf> {
    let place = target().join(name);
    let works = || succeeds(program(place.join("bin").join(name)).arg("--version"));
    let made = works()
        || run(program("python3").args(["-m", "venv", "--clear"]).arg(&place)).is_ok()
            && run(program(place.join("bin/pip")).args(["install", "--quiet"]).args(packages)).is_ok()
            && works();
    made.then_some(place)
}

/// The Python that schemathesis runs in, if it can be had.
pub(crate) fn schemathesis() -> Option<PathBuf> {
    environment(SCHEMATHESIS).map(|place| place.join("bin/python"))
}

fn is_root() -> bool {
    crate::commands::output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
