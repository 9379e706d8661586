//! What the system gives: room, watches, time, and files that others must not read.

use super::{Findings, Health};
use crate::output;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Less than this free, and commits are soon refused.
const FREE_BYTES_BAD: u64 = 1 << 30;

/// Less than this, if it is little of the whole, too.
const FREE_BYTES_LOW: u64 = 10 << 30;

/// Each file takes one.
const FREE_INODES_LOW: u64 = 10_000;

/// inotify takes a watch for each directory; below this, big trees are not watched whole.
const WATCHES_LOW: u64 = 100_000;

/// A moment before this program was made: a clock that says so is wrong.
const CLOCK_EARLIEST: u64 = 1_760_000_000;

/// What clocks may differ by before anybody minds.
pub(super) const CLOCK_SECONDS_MAX: u64 = 60;

/// How a clock is set right.
pub(super) const SET_CLOCK: &str = "let the system's clock be set by NTP: `timedatectl set-ntp true`";

pub(super) fn disk(findings: &mut Findings, directory: &Path, remedy: &str) {
    match rustix::fs::statvfs(directory) {
        Ok(stat) => {
            let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
            let (free, whole) = (bytes(stat.f_bavail), bytes(stat.f_blocks));
            let text = format!("{} free on the disk of {}", output::bytes(free), directory.display());
            match room(free, whole) {
                Health::Good => findings.good("disk", text),
                Health::Warning => findings.warning("disk", text, remedy),
                Health::Bad => findings.bad("disk", text, remedy),
            }
            // File systems that make inodes as they need them say that they have none.
            if stat.f_files > 0 && stat.f_favail < FREE_INODES_LOW {
                let text = format!("room for {} more files only, in {}", stat.f_favail, directory.display());
                findings.warning(
                    "disk",
                    text,
                    "remove files there that are not needed (`df -i` shows inodes)",
                );
            }
        }
        Err(error) => findings.bad(
            "disk",
            format!("{}: {error}", directory.display()),
            "make the directory there again, or mount its disk",
        ),
    }
}

fn room(free: u64, whole: u64) -> Health {
    match free {
        _ if free < FREE_BYTES_BAD => Health::Bad,
        _ if free < FREE_BYTES_LOW && free < whole / 20 => Health::Warning,
        _ => Health::Good,
    }
}

pub(super) fn watches(findings: &mut Findings) {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let Some(limit) = limit.ok().and_then(|text| text.trim().parse::<u64>().ok()) else { return };
    let text = format!("inotify may watch {limit} directories");
    if limit < WATCHES_LOW {
        let remedy =
            "for bigger trees: `sysctl fs.inotify.max_user_watches=1000000`, and the same in /etc/sysctl.d/";
        findings.warning("watches", text, remedy);
    } else {
        findings.good("watches", text);
    }
}

/// Looks at the clock alone, and at what was written last: a clock behind that was set back.
pub(super) fn clock(findings: &mut Findings, written: &[&Path]) {
    let now = seconds(SystemTime::now());
    let last = written.iter().filter_map(|path| path.metadata().ok()?.modified().ok()).map(seconds).max();
    if now < CLOCK_EARLIEST {
        findings.bad("clock", "it is wrong: versions would carry wrong times", SET_CLOCK);
    } else if let Some(ahead) =
        last.map(|last| last.saturating_sub(now)).filter(|ahead| *ahead > CLOCK_SECONDS_MAX)
    {
        let ahead = output::duration(ahead);
        findings.bad("clock", format!("it is {ahead} behind what was written last"), SET_CLOCK);
    } else {
        findings.good("clock", "it says a time that can be");
    }
}

fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A file or directory that holds secrets, and who must not reach it: `0o077` anybody else, `0o007` strangers.
pub(super) fn private(findings: &mut Findings, subject: &str, path: &Path, nobody: u32) {
    let Ok(found) = path.metadata() else { return };
    let mode = found.mode() & 0o777;
    if mode & nobody != 0 {
        let text = format!("others may reach {} (mode {mode:o}), which holds secrets", path.display());
        findings.warning(subject, text, format!("chmod {:o} {}", mode & !nobody, path.display()));
    } else {
        findings.good(subject, format!("{} is out of others' reach", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;
    use std::fs::{File, Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    #[test]
    fn little_room_is_told_before_there_is_none() {
        const GIB: u64 = 1 << 30;
        assert_eq!(room(GIB - 1, 10 * GIB), Health::Bad);
        assert_eq!(room(2 * GIB, 10 * GIB), Health::Good, "a small disk");
        assert_eq!(room(9 * GIB, 1_000 * GIB), Health::Warning);
        assert_eq!(room(11 * GIB, 1_000 * GIB), Health::Good);
    }

    #[test]
    fn a_disk_that_is_away_is_bad_and_has_a_remedy() {
        let mut findings = Findings::of(Part::Server);
        disk(&mut findings, Path::new("/nowhere/at/all"), "delete something");
        assert_eq!(findings.found[0].health, Health::Bad);
        assert!(findings.found[0].remedy.is_some());
    }

    #[test]
    fn a_clock_behind_what_was_written_last_is_wrong() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("catalog.db");
        let file = File::create(&path).unwrap();
        let health = |file: &File, ahead: u64| {
            file.set_modified(SystemTime::now() + Duration::from_secs(ahead)).unwrap();
            let mut findings = Findings::of(Part::Server);
            clock(&mut findings, &[&path, Path::new("/nowhere")]);
            findings.found[0].health
        };
        assert_eq!((health(&file, 0), health(&file, 3_600)), (Health::Good, Health::Bad));
    }

    #[test]
    fn the_remedy_for_a_file_that_others_may_read_takes_that_away() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key.pem");
        File::create(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut findings = Findings::of(Part::Server);
        private(&mut findings, "tls", &path, 0o007);
        private(&mut findings, "tls", &path, 0o077);
        let remedies: Vec<_> = findings.found.iter().map(|finding| finding.remedy.clone().unwrap()).collect();
        assert!(
            remedies[0].starts_with("chmod 640 ") && remedies[1].starts_with("chmod 600 "),
            "{remedies:?}"
        );
    }
}
