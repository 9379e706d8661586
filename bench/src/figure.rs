//! Figures, one a line, on stdout; everything else on stderr.

use anyhow::Result;
use std::io::Write as _;
use std::time::Duration;

/// Prints a figure.
pub(crate) fn print(load: &str, metric: &str, value: &str, unit: &str, note: &str) -> Result<()> {
    let line = format!("FIGURE {load} driftless {metric} {value} {unit} {note}");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", line.trim_end())?;
    Ok(out.flush()?)
}

/// Prints the median of durations; the note lists them all.
pub(crate) fn seconds(load: &str, metric: &str, runs: &[Duration]) -> Result<()> {
    let runs: Vec<f64> = runs.iter().map(Duration::as_secs_f64).collect();
    medians(load, metric, &runs)
}

/// Prints the median of seconds; the note lists them all.
pub(crate) fn medians(load: &str, metric: &str, runs: &[f64]) -> Result<()> {
    let all: Vec<String> = runs.iter().map(|run| format!("{run:.3}")).collect();
    let note = if runs.len() > 1 { format!("runs=[{}]", all.join(",")) } else { String::new() };
    print(load, metric, &format!("{:.3}", median(runs)), "s", &note)
}

/// Prints a whole number.
pub(crate) fn number(load: &str, metric: &str, value: u64, unit: &str, note: &str) -> Result<()> {
    print(load, metric, &value.to_string(), unit, note)
}

/// Says something that is no figure.
pub(crate) fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "# {text}")?)
}

/// The middle one, or the mean of the two middle ones.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of the values lies, interpolated. 0 for no values.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = part * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95), 4.8);
        assert_eq!(median(&[]), 0.0);
    }
}
