//! `driftless doctor` says what is well and what is not.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::{eventually, run};
use serde_json::Value;
use std::time::Duration;

fn findings(world: &mut World) -> Result<(i32, Vec<Value>)> {
    let data = world.server().data().to_str().context("text")?.to_owned();
    let output = run(None, &["doctor", "--json", "--data", &data], "")?;
    let found: Value = serde_json::from_str(&output.stdout)
        .with_context(|| format!("not JSON: {}{}", output.stdout, output.stderr))?;
    Ok((output.code, found.as_array().context("a list")?.clone()))
}

fn says(findings: &[Value], subject: &str, health: &str, text: &str) -> bool {
    findings.iter().any(|finding| {
        finding["subject"] == subject
            && finding["health"] == health
            && finding["text"].as_str().is_some_and(|found| found.contains(text))
    })
}

#[test]
fn the_doctor_says_how_directories_are_watched_and_when_one_is_not_there() -> Result<()> {
    let mut world = World::create()?;
    let plain = world.place().join("plain");
    let text = plain.to_str().context("text")?.to_owned();
    world.server().admin(&["folder", "plain", "docs", &text])?.ok()?;
    let within = Duration::from_secs(30);
    eventually("the plain directory is watched", within, || {
        let (code, found) = findings(&mut world)?;
        ensure!(code == 0, "{found:#?}");
        ensure!(says(&found, "server", "good", "runs") && says(&found, "content", "good", "references"));
        let watched = ["fanotify", "inotify"].iter().any(|method| {
            found.iter().any(|finding| {
                let text = finding["text"].as_str().unwrap_or_default();
                finding["subject"] == "folder docs" && text.contains(&format!("watched by {method}"))
            })
        });
        Ok(watched.then_some(()))
    })?;
    std::fs::rename(&plain, plain.with_extension("elsewhere"))?;
    std::fs::create_dir(&plain)?;
    eventually("a missing mount is told", within, || {
        let (code, found) = findings(&mut world)?;
        Ok((code != 0 && says(&found, "folder docs", "bad", "offline")).then_some(()))
    })
}
