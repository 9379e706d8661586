//! Documents: their links, the map, the changelog and the decisions.

use super::Finding;
use super::project::Project;

/// What every decision says, as headings of its page.
const DECISION_PARTS: [&str; 4] =
    ["## Context", "## Decision", "## What it costs", "## How we would notice it was wrong"];

pub(super) fn links_lead_somewhere(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.files_ending(".md") {
        for (number, line) in prose(text) {
            for link in links(line) {
                if let Some(problem) = broken(project, path, link) {
                    findings.push(Finding::at(path, number, problem));
                }
            }
        }
    }
    findings
}

/// Lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fence && !fenced).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(start, _)| line[start + 2..].split(')').next())
}

fn broken(project: &Project, path: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (target, anchor) =
        link.split_once('#').map_or((link, None), |(target, anchor)| (target, Some(anchor)));
    let file = if target.is_empty() { path.to_owned() } else { resolve(path, target)? };
    if !project.holds(&file) {
        return Some(format!("links to `{link}`, which is not there"));
    }
    let text = project.files.get(&file).filter(|_| file.ends_with(".md"))?;
    let anchor = anchor?;
    let known = prose(text).filter(|(_, line)| line.starts_with('#')).any(|(_, line)| slug(line) == anchor);
    (!known).then(|| format!("links to `{link}`, but there is no such heading"))
}

/// A path beside another; nothing if it leads out of the project, which `holds` cannot see.
fn resolve(from: &str, target: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.map(|character| if character == ' ' { '-' } else { character }).collect()
}

pub(super) fn the_map_names_every_crate(project: &Project) -> Vec<Finding> {
    let map = project.files.get("ARCHITECTURE.md").map_or("", |text| text);
    let missing = project.crates.iter().filter(|member| !map.contains(&format!("`{}`", member.name)));
    missing
        .map(|member| Finding::new("ARCHITECTURE.md", format!("does not name the crate `{}`", member.name)))
        .collect()
}

pub(super) fn the_map_lists_every_decision(project: &Project) -> Vec<Finding> {
    let map = project.files.get("ARCHITECTURE.md").map_or("", |text| text);
    let decisions = project.files.keys().filter(|path| path.starts_with("docs/decisions/"));
    let missing = decisions.filter(|path| !map.contains(&format!("]({path})")));
    missing
        .map(|path| Finding::new("ARCHITECTURE.md", format!("does not list the decision `{path}`")))
        .collect()
}

pub(super) fn changelog_and_decisions_have_their_form(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    let changelog = project.files.get("CHANGELOG.md").map_or("", |text| text);
    if !changelog.lines().any(|line| line == "## Unreleased") {
        findings.push(Finding::new("CHANGELOG.md", "has no section `## Unreleased`"));
    }
    for (path, text) in &project.files {
        let Some(name) = path.strip_prefix("docs/decisions/") else { continue };
        if !is_dated(name) {
            findings.push(Finding::new(&**path, "is not named `YYYY-MM-DD-title.md`"));
        }
        let missing = DECISION_PARTS.iter().filter(|part| !text.lines().any(|line| line == **part));
        findings.extend(missing.map(|part| Finding::new(&**path, format!("has no section `{part}`"))));
    }
    findings
}

fn is_dated(name: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| match index {
        4 | 7 | 10 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let title = name.get(11..).and_then(|title| title.strip_suffix(".md")).unwrap_or_default();
    name.bytes().take(11).enumerate().all(shape) && !title.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::project::fixtures::{member, of_files};
    use super::*;

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| &*finding.place).collect()
    }

    #[test]
    fn broken_links_are_found_and_good_ones_are_not() {
        let text = "\
# One title, two
[a](../README.md) [b](https://example.com/x) [c](#one-title-two) [d](.)
[e](missing.md)
[f](../README.md#nowhere) and [g](../docs/)
```
[h](missing.md)
```
";
        let project = of_files(&[("docs/page.md", text), ("README.md", "# Here\n")]);
        assert_eq!(places(&links_lead_somewhere(&project)), ["docs/page.md:3", "docs/page.md:4"]);
    }

    #[test]
    fn a_crate_that_the_map_forgets_is_found() {
        let mut project = of_files(&[("ARCHITECTURE.md", "`model` is the words; planner\n")]);
        project.crates = vec![member("model", &[], &[]), member("planner", &[], &[])];
        let findings = the_map_names_every_crate(&project);
        assert_eq!(findings, [Finding::new("ARCHITECTURE.md", "does not name the crate `planner`")]);
    }

    #[test]
    fn a_decision_that_the_map_forgets_is_found() {
        let (listed, forgotten) = ("docs/decisions/2026-11-21-a.md", "docs/decisions/2026-11-21-b.md");
        let map = format!("- [A]({listed})\n");
        let project = of_files(&[("ARCHITECTURE.md", &map), (listed, ""), (forgotten, "")]);
        let message = format!("does not list the decision `{forgotten}`");
        assert_eq!(the_map_lists_every_decision(&project), [Finding::new("ARCHITECTURE.md", message)]);
    }

    #[test]
    fn a_decision_without_a_date_or_a_part_is_found() {
        let whole = DECISION_PARTS.join("\n\n");
        let half = DECISION_PARTS[..3].join("\n\n");
        let project = of_files(&[
            ("CHANGELOG.md", "# Changes\n\n## Unreleased\n"),
            ("docs/decisions/2026-11-21-good.md", &whole),
            ("docs/decisions/0001-numbered.md", &whole),
            ("docs/decisions/2026-11-21-half.md", &half),
        ]);
        let findings = changelog_and_decisions_have_their_form(&project);
        let expected = ["docs/decisions/0001-numbered.md", "docs/decisions/2026-11-21-half.md"];
        assert_eq!(places(&findings), expected);
    }

    #[test]
    fn a_changelog_without_room_for_the_next_release_is_found() {
        let project = of_files(&[("CHANGELOG.md", "# Changes\n\n## 1.0.0\n")]);
        assert_eq!(places(&changelog_and_decisions_have_their_form(&project)), ["CHANGELOG.md"]);
    }
}
