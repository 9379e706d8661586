//! `driftless doctor`: looks at everything a server or a device needs, and says what is wrong and what to do.
//!
//! What is not well has a remedy: a command, or a sentence that one can follow. That something cannot be looked at is a
//! finding like any other, and the rest is looked at all the same.

mod certificate;
mod device;
mod folders;
mod machine;
mod server;

use crate::cli::DoctorArguments;
use crate::data::Data;
use crate::device::home_directory;
use crate::output;
use serde::Serialize;
use std::process::ExitCode;

/// How well one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Good,
    Warning,
    Bad,
}

/// Of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Server,
    Device,
}

/// What was found about one thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    part: Part,
    subject: String,
    health: Health,
    text: String,
    /// What to do about it; none if it is good.
    remedy: Option<String>,
}

/// Everything that was found about one part.
#[derive(Debug)]
struct Findings {
    part: Part,
    found: Vec<Finding>,
}

impl Findings {
    fn of(part: Part) -> Self {
        Self { part, found: Vec::new() }
    }

    fn good(&mut self, subject: &str, text: impl Into<String>) {
        self.add(subject, Health::Good, text.into(), None);
    }

    fn warning(&mut self, subject: &str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(subject, Health::Warning, text.into(), Some(remedy.into()));
    }

    fn bad(&mut self, subject: &str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(subject, Health::Bad, text.into(), Some(remedy.into()));
    }

    fn add(&mut self, subject: &str, health: Health, text: String, remedy: Option<String>) {
        self.found.push(Finding { part: self.part, subject: subject.to_owned(), health, text, remedy });
    }
}

pub(crate) fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.data.data.as_deref())?;
    let home = home_directory(&arguments.home)?;
    // What is named is looked at; if nothing is named, what is there.
    let (named, device_named) = (arguments.data.data.is_some(), arguments.home.home.is_some());
    let linked = home.join("client.json").exists();
    let mut found = Vec::new();
    let device = device_named || !named && linked;
    if named || !device_named && (data.exists() || !device) {
        data.must_exist()?;
        let mut findings = Findings::of(Part::Server);
        server::look(&mut findings, &data);
        found.append(&mut findings.found);
    }
    if device {
        let mut findings = Findings::of(Part::Device);
        crate::runtime(2)?.block_on(device::look(&mut findings, &home));
        found.append(&mut findings.found);
    }
    show(&found, arguments.json)?;
    let bad = found.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(found: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&found);
    }
    let mut rows = Vec::new();
    for finding in found {
        rows.push(vec![
            match finding.health {
                Health::Good => "good",
                Health::Warning => "WARNING",
                Health::Bad => "BAD",
            }
            .to_owned(),
            finding.subject.clone(),
            finding.text.clone(),
        ]);
        if let Some(remedy) = &finding.remedy {
            rows.push(vec![String::new(), String::new(), format!("-> {remedy}")]);
        }
    }
    output::table(&rows);
    Ok(())
}
