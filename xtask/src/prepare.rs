//! What the tests need on the machine, installed where it is missing.

use crate::commands::{program, run, succeeds, target};
use anyhow::{Result, bail};

/// A program, how to see that it works, and the Debian package that has it.
struct Need {
    program: &'static str,
    probe: &'static str,
    package: &'static str,
}

/// SQLite, zstd and BLAKE3 are compiled from C; one end-to-end test counts system calls.
const NEEDS: [Need; 2] = [
    Need { program: "cc", probe: "--version", package: "build-essential" },
    Need { program: "strace", probe: "--version", package: "strace" },
];

/// Other people's programs: most let work in a plain directory by end-to-end tests, one that reads our units. A test whose
/// program is not there says so and is skipped.
const WANTED: [Need; 9] = [
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
];

/// The WebDAV server that Debian has no package of, and the web server it stands on.
const WEBDAV: [&str; 2] = ["wsgidav==4.4.0", "cheroot==11.1.2"];

/// Installs what is missing on Debian when run as root; says what to install elsewhere.
pub(crate) fn run_hook() -> Result<()> {
    let (needed, wanted) = (missing(&NEEDS), missing(&WANTED));
    if can_install() {
        install(&[needed, wanted].concat())?;
    } else if !needed.is_empty() {
        bail!("the tests need these packages: {}; install them and try again", needed.join(" "));
    } else if !wanted.is_empty() {
        println!("some tests will be skipped without these packages: {}", wanted.join(" "));
    }
    make_webdav();
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

/// Makes an environment of Python's with the WebDAV server beside what cargo builds. Only one test is without it.
fn make_webdav() {
    let place = target().join("wsgidav");
    let works = || succeeds(program(place.join("bin/wsgidav")).arg("--version"));
    let made = works()
        || run(program("python3").args(["-m", "venv", "--clear"]).arg(&place)).is_ok()
            && run(program(place.join("bin/pip")).args(["install", "--quiet"]).args(WEBDAV)).is_ok()
            && works();
    if !made {
        println!("the test of WebDAV will be skipped: WsgiDAV could not be installed");
    }
}

fn is_root() -> bool {
    crate::commands::output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
