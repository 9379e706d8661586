//! What is printed: the only place that writes to standard output and error.

use serde::Serialize;
use std::io::{self, Write as _};

/// A line of data.
pub(crate) fn line(text: &str) {
    // A reader that went away (`| head`) needs no more.
    let _closed = writeln!(io::stdout(), "{text}");
}

/// Data as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// One of several JSON documents, each on a line.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// What went wrong, for a person.
pub(crate) fn error(text: &str) {
    let _closed = writeln!(io::stderr(), "driftless: {text}");
}

/// A remark beside the data.
pub(crate) fn remark(text: &str) {
    let _closed = writeln!(io::stderr(), "{text}");
}

/// A question, whose answer is read from the same line.
pub(crate) fn ask(text: &str) {
    let _closed = write!(io::stderr(), "{text}").and_then(|()| io::stderr().flush());
}

/// Rows in columns, the first row being the head.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Seconds as people read them: the two largest units that are not nought.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes:02}m"),
        (days, hours, _) => format!("{days}d {hours:02}h"),
    }
}
