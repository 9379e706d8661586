//! What is on the screen: the pairs, what moves, what cannot, what was done last. The last gives way first.

use super::Seen;
use super::speeds::TransferSpeed;
use crate::output::{bytes, duration};
use client::control::{Direction, PairStatus};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many cells a transfer's bar has.
const BAR: usize = 20;

/// A line of the screen, no wider than it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Title,
    Faint,
    Warning,
}

/// The screen, of at most so many cells and lines.
pub(super) fn lines(seen: &Seen, width: usize, height: usize) -> Vec<Line> {
    let mut screen = Screen { lines: Vec::new(), width, left: height };
    let status = &seen.status;
    let reached = if status.online { "connected" } else { "not connected" };
    screen
        .add(Style::Title, &format!("{} on {} as {}, {reached}", status.device, status.server, status.user));
    if let Some(distrust) = &status.distrust {
        screen.add(Style::Warning, distrust);
    }
    let rates = (bytes(seen.sent_bytes_per_second), bytes(seen.received_bytes_per_second));
    screen.add(Style::Faint, &format!("sending {}/s, receiving {}/s   (q ends)", rates.0, rates.1));
    screen.add(Style::Plain, "");
    for pair in &status.pairs {
        let calm = matches!(pair.state.as_str(), "in_step" | "syncing" | "looking" | "paused");
        screen.add(if calm { Style::Plain } else { Style::Warning }, &pair_line(pair));
    }
    let issues: Vec<_> = status.pairs.iter().flat_map(|pair| &pair.issues).collect();
    // Half of what is left is for transfers, and half of that for issues, unless there are fewer.
    screen.section("Transfers", seen.speeds.len(), screen.left / 2, |place| {
        (Style::Plain, transfer_line(&seen.speeds[place], width))
    });
    screen.section("Issues", issues.len(), screen.left / 2, |place| {
        (Style::Warning, format!("{}: {}", issues[place].path.display(), issues[place].reason))
    });
    screen.section("Recent", seen.recent.len(), screen.left, |place| {
        let line = &seen.recent[place];
        let other = line.other.as_ref().map(|other| format!("  (before: {})", other.display()));
        let time = line.time.get(11..19).unwrap_or(&line.time);
        (
            Style::Plain,
            format!("{time}  {:<13}  {}{}", line.action, line.path.display(), other.unwrap_or_default()),
        )
    });
    screen.lines
}

fn pair_line(pair: &PairStatus) -> String {
    let detail = match (&pair.detail, pair.pending) {
        (Some(detail), _) => format!("  {detail}"),
        (None, 0) => String::new(),
        (None, pending) => format!("  {pending} changes to go"),
    };
    format!("{:<10}  {}  {}{detail}", pair.state, pair.folder, pair.directory.display())
}

fn transfer_line(speed: &TransferSpeed, width: usize) -> String {
    let transfer = &speed.transfer;
    let arrow = if transfer.direction == Direction::Up { "^" } else { "v" };
    let full = match transfer.total_bytes {
        0 => BAR,
        total => {
            usize::try_from(u128::from(transfer.done_bytes) * BAR as u128 / u128::from(total)).unwrap_or(BAR)
        }
    };
    let full = full.min(BAR);
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR - full));
    let rate = speed.bytes_per_second.map(|rate| format!("{}/s", bytes(rate))).unwrap_or_default();
    let left = speed.seconds_left.map(|seconds| format!("{} left", duration(seconds))).unwrap_or_default();
    let more = if transfer.files > 1 { format!(" and {} more", transfer.files - 1) } else { String::new() };
    let figures = format!("{arrow} [{bar}] {:>10} {:>12} {:>11}  ", bytes(transfer.total_bytes), rate, left);
    let room = width.saturating_sub(figures.width() + more.width());
    format!("{figures}{}{more}", end_of(&transfer.path, room))
}

struct Screen {
    lines: Vec<Line>,
    width: usize,
    left: usize,
}

impl Screen {
    fn add(&mut self, style: Style, text: &str) {
        if self.left > 0 {
            self.left -= 1;
            self.lines.push(Line { text: beginning_of(text, self.width), style });
        }
    }

    /// A title and as many lines as fit into `room`; the last says how many more there are.
    fn section(&mut self, title: &str, count: usize, room: usize, line: impl Fn(usize) -> (Style, String)) {
        if count == 0 || room < 3 {
            return;
        }
        self.add(Style::Plain, "");
        self.add(Style::Title, title);
        let fits = room - 2;
        let shown = if count <= fits { count } else { fits - 1 };
        for place in 0..shown {
            let (style, text) = line(place);
            self.add(style, &text);
        }
        if shown < count {
            self.add(Style::Faint, &format!("and {} more", count - shown));
        }
    }
}

/// As much of the beginning as fits; what a terminal would obey is not shown to it.
fn beginning_of(text: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take_while(fits).collect()
}

/// As much of a path's end as fits, which says more than its beginning.
fn end_of(path: &str, width: usize) -> String {
    if path.width() <= width {
        return path.to_owned();
    }
    let mut used = 3;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    let kept: Vec<char> = path.chars().rev().take_while(fits).collect();
    format!("...{}", kept.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::control::{DaemonStatus, IssueLine, LogLine, TrafficStatus, Transfer};

    fn seen(issues: usize, recent: usize) -> Seen {
        let issue =
            |n: usize| IssueLine { path: format!("/d/bad{n}").into(), reason: "cannot be read".to_owned() };
        let pair = PairStatus {
            folder: "docs".to_owned(),
            directory: "/d".into(),
            state: "syncing".to_owned(),
            pending: 7,
            issues: (0..issues).map(issue).collect(),
            ..PairStatus::default()
        };
        let transfer = Transfer {
            direction: Direction::Up,
            path: "very/long/way/to/a/film with a name.mkv".to_owned(),
            files: 1,
            done_bytes: 3 << 20,
            total_bytes: 6 << 20,
        };
        let speed = TransferSpeed {
            directory: "/d".into(),
            transfer,
            bytes_per_second: Some(1 << 20),
            seconds_left: Some(3),
        };
        let line = |n: usize| LogLine {
            time: "2026-11-22T10:20:30Z".to_owned(),
            action: "uploaded".to_owned(),
            path: format!("/d/file{n}\u{1b}[2J").into(),
            other: None,
            reason: None,
            why: None,
            seq: None,
            user: None,
            device: None,
        };
        Seen {
            status: DaemonStatus {
                server: "http://127.0.0.1:7440".to_owned(),
                user: "alice".to_owned(),
                device: "laptop".to_owned(),
                online: true,
                distrust: None,
                wipe: None,
                limits: TrafficStatus::default(),
                pairs: vec![pair],
            },
            speeds: vec![speed],
            sent_bytes_per_second: 1 << 20,
            received_bytes_per_second: 0,
            recent: (0..recent).map(line).collect(),
        }
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    #[test]
    fn everything_is_on_a_screen_of_usual_size() {
        let shown = text(&lines(&seen(1, 2), 80, 24));
        let expected = "\
laptop on http://127.0.0.1:7440 as alice, connected
sending 1.0 MiB/s, receiving 0 B/s   (q ends)

syncing     docs  /d  7 changes to go

Transfers
^ [##########----------]    6.0 MiB    1.0 MiB/s     3s left  ...with a name.mkv

Issues
/d/bad0: cannot be read

Recent
10:20:30  uploaded       /d/file0?[2J
10:20:30  uploaded       /d/file1?[2J
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_small_screen_is_never_overflown_and_says_what_is_left_out() {
        for height in 0..30 {
            for width in [0, 1, 20, 79, 200] {
                let shown = lines(&seen(50, 200), width, height);
                assert!(shown.len() <= height, "{height}");
                assert!(shown.iter().all(|line| line.text.width() <= width), "{width}: {}", text(&shown));
            }
        }
        assert!(text(&lines(&seen(50, 200), 80, 24)).contains("more"));
    }
}
