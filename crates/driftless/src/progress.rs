//! How far something long is, for a person at a terminal: on standard error, gone at the end. Elsewhere nothing is
//! shown at all. There are no colours in it.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::admin::{ProgressReport, ProgressStep};
use std::io::IsTerminal as _;
use std::time::Duration;

/// How often it is drawn anew; and what ends sooner shows nothing.
const TICK: Duration = Duration::from_millis(400);

/// Whether somebody could see it.
pub(crate) fn is_seen() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Something that goes on.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins; shown once it has lasted for a moment.
    pub(crate) fn begin(text: &str) -> Self {
        let target = if is_seen() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{spinner} {elapsed} {wide_msg}"));
        bar.set_message(text.to_owned());
        if is_seen() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Says what goes on now.
    pub(crate) fn say(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }

    /// Says how much of it is done.
    pub(crate) fn tell(&self, report: ProgressReport) {
        let (text, template) = match report.step {
            ProgressStep::Folders => {
                ("folders followed to their contents", "{msg} [{bar:30}] {pos} of {len}  {elapsed}")
            }
            ProgressStep::PackBytes => (
                "contents looked through",
                "{msg} [{bar:30}] {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
            ),
        };
        if self.0.message() != text || self.0.length() != Some(report.total) {
            self.0.set_style(style(template).progress_chars("=> "));
            self.0.set_message(text);
            self.0.set_length(report.total);
            self.0.reset_eta();
        }
        self.0.set_position(report.done);
    }
}

/// Nothing of it stays on the terminal.
impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are fixed, and tested")
}

/// A transfer or a step of it, in few words.
pub(crate) fn of_bytes(done: u64, total: u64) -> String {
    format!("{} of {}", output::bytes(done), output::bytes(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        let progress = Progress::begin("looking");
        for step in [ProgressStep::Folders, ProgressStep::PackBytes] {
            for done in [0, 5, 10] {
                progress.tell(ProgressReport { step, done, total: 10 });
            }
        }
        progress.say("and now something else");
    }
}
