//! `cargo xtask tidy`: what a compiler does not guard, guarded by machine.
//!
//! Every check is a pure function from a [`Project`] to [`Finding`]s, so that each can be tested on projects that
//! are bad on purpose. To add one, write the function and its test in a file under `tidy/`, and name it in
//! [`CHECKS`].

mod docs;
mod floors;
mod manifests;
mod project;
mod sources;
mod words;

use anyhow::{Result, bail};
use project::Project;
use std::fmt;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A path, with a line where there is one.
    place: String,
    /// What is wrong and what would be right.
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

const CHECKS: [fn(&Project) -> Vec<Finding>; 17] = [
    floors::crates_use_only_what_their_floor_allows,
    floors::pure_crates_use_only_listed_libraries,
    floors::heavy_libraries_stay_where_they_belong,
    manifests::crates_share_lints_and_licence,
    manifests::pure_crates_have_their_own_clippy_settings,
    manifests::one_integration_harness_a_crate,
    sources::files_stay_small,
    sources::crates_stay_small,
    sources::every_file_says_what_it_is_for,
    sources::names_say_what_is_inside,
    words::unsafe_code_stays_where_it_is_and_says_why,
    words::reminders_carry_an_issue,
    words::nothing_names_a_machine_or_a_registry,
    docs::links_lead_somewhere,
    docs::the_map_names_every_crate,
    docs::the_map_lists_every_decision,
    docs::changelog_and_decisions_have_their_form,
];

/// Looks at the whole project; fails if there is a finding.
pub(crate) fn run() -> Result<()> {
    let project = Project::load()?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&project)).collect();
    findings.sort();
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => {
            println!("tidy: {} files, {} crates, no findings", project.files.len(), project.crates.len());
            Ok(())
        }
        count => bail!("{count} findings"),
    }
}
