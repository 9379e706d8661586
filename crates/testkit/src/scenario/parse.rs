//! Reads scenario files.

use super::{Action, Deed, Expectation, Given, Scenario};
use crate::tree::{Held, parse_entry};
use crate::words::{Word, words};
use model::{NameRule, RelativePath};
use planner::Direction;
use std::fmt;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Where in a scenario a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Head,
    Given,
    Do,
    Expect,
}

/// Reads the scenarios of a file.
pub fn parse(text: &str) -> Result<Vec<Scenario>, ParseError> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut part = Part::Head;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let fault = |what: String| ParseError { line: line_number, what };
        if let Some(title) = line.strip_prefix("scenario ") {
            let title = title.trim().to_owned();
            if scenarios.iter().any(|other| other.title == title) {
                return Err(fault("a scenario of this title stands above".to_owned()));
            }
            if let Some(last) = scenarios.last() {
                complete(last).map_err(fault)?;
            }
            scenarios.push(empty(title));
            part = Part::Head;
            continue;
        }
        let words = words(line).map_err(fault)?;
        if words.is_empty() {
            continue;
        }
        let scenario =
            scenarios.last_mut().ok_or_else(|| fault("a file begins with `scenario`".to_owned()))?;
        if line.starts_with(char::is_whitespace) {
            read_line(scenario, part, &words, line, line_number).map_err(fault)?;
        } else {
            part = read_heading(scenario, part, &words).map_err(fault)?;
        }
    }
    if let Some(last) = scenarios.last() {
        complete(last).map_err(|what| ParseError { line: text.lines().count(), what })?;
    }
    Ok(scenarios)
}

fn empty(title: String) -> Scenario {
    let rule = NameRule::Portable;
    Scenario {
        title,
        rule,
        directions: Vec::new(),
        given: Vec::new(),
        actions: Vec::new(),
        expectations: Vec::new(),
    }
}

fn complete(scenario: &Scenario) -> Result<(), String> {
    let tree = |expectation: &Expectation| matches!(expectation, Expectation::Tree { .. });
    if scenario.actions.is_empty() || !scenario.expectations.iter().any(tree) {
        return Err(format!("`{}` needs `do` and `expect`", scenario.title));
    }
    Ok(())
}

fn read_heading(scenario: &mut Scenario, before: Part, words: &[Word]) -> Result<Part, String> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (part, device) = match texts[..] {
        ["names", rule] if before == Part::Head => {
            scenario.rule = match rule {
                "exact" => NameRule::Exact,
                "portable" => NameRule::Portable,
                _ => return Err("names are `exact` or `portable`".to_owned()),
            };
            return Ok(Part::Head);
        }
        ["direction", device, direction] if before == Part::Head => {
            scenario.directions.push((device_name(device)?, self::direction(direction)?));
            return Ok(Part::Head);
        }
        ["given"] if before <= Part::Given => (Part::Given, None),
        ["given", "on", device] if before <= Part::Given => (Part::Given, Some(device_name(device)?)),
        ["do"] if before < Part::Do => (Part::Do, None),
        ["expect"] if before >= Part::Do => (Part::Expect, None),
        ["expect", "on", device] if before >= Part::Do => (Part::Expect, Some(device_name(device)?)),
        _ => {
            return Err(
                "a heading is `names`, `direction`, `given [on X]`, `do` or `expect [on X]`, in this order"
                    .to_owned(),
            );
        }
    };
    match part {
        Part::Given => scenario.given.push(Given { device, entries: Vec::new() }),
        Part::Expect => scenario.expectations.push(Expectation::Tree { device, entries: Vec::new() }),
        Part::Head | Part::Do => {}
    }
    Ok(part)
}

fn device_name(text: &str) -> Result<String, String> {
    match text.as_bytes() {
        [b'A'..=b'Z'] => Ok(text.to_owned()),
        _ => Err(format!("a device is one capital letter, not `{text}`")),
    }
}

fn read_line(
    scenario: &mut Scenario,
    part: Part,
    words: &[Word],
    line: &str,
    number: usize,
) -> Result<(), String> {
    match part {
        Part::Head => Err("this belongs under a heading".to_owned()),
        Part::Given => {
            let (path, held) = parse_entry(line)?;
            let given = scenario.given.last_mut().ok_or("no `given`")?;
            given.entries.push((self::path(&path)?, held));
            Ok(())
        }
        Part::Do => {
            scenario.actions.push(read_action(words, number)?);
            Ok(())
        }
        Part::Expect => read_expectation(scenario, words, line),
    }
}

fn read_expectation(scenario: &mut Scenario, words: &[Word], line: &str) -> Result<(), String> {
    let fact = match words {
        [word, value] if !word.quoted && !value.quoted => match (word.text.as_str(), value.text.as_str()) {
            ("conflicts", value) => Some(Expectation::Conflicts(number(value)?)),
            ("uploads", value) => Some(Expectation::Uploads(number(value)?)),
            ("downloads", value) => Some(Expectation::Downloads(number(value)?)),
            ("changes", value) => Some(Expectation::Changes(number(value)?)),
            ("untouched", value) => Some(Expectation::Untouched(device_name(value)?)),
            _ => None,
        },
        _ => None,
    };
    if let Some(fact) = fact {
        scenario.expectations.push(fact);
        return Ok(());
    }
    let entry: (String, Held) = parse_entry(line)?;
    let tree = scenario.expectations.iter_mut().rev().find_map(|expectation| match expectation {
        Expectation::Tree { entries, .. } => Some(entries),
        _ => None,
    });
    tree.ok_or("no `expect`")?.push(entry);
    Ok(())
}

fn read_action(words: &[Word], line: usize) -> Result<Action, String> {
    let (first, rest) = words.split_first().ok_or("an empty line")?;
    if first.is("sync") && rest.is_empty() {
        return Ok(Action::SyncAll);
    }
    let device = first.text.strip_suffix(':').filter(|_| !first.quoted);
    let device = device_name(device.ok_or("an action is `sync` or `A: ...`")?)?;
    let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
    let deed = match texts[..] {
        ["write", path, text] => Deed::Write { path: self::path(path)?, text: text.to_owned(), at: None },
        ["write", path, text, "at", second] => {
            Deed::Write { path: self::path(path)?, text: text.to_owned(), at: Some(number(second)?) }
        }
        ["mkdir", path] => Deed::MakeDirectory(self::path(path)?),
        ["link", path, target] => Deed::Link(self::path(path)?, target.to_owned()),
        ["move", from, to] => Deed::Move(path(from)?, path(to)?),
        ["copy", from, to] => Deed::Copy(path(from)?, path(to)?),
        ["remove", path] => Deed::Remove(self::path(path)?),
        ["chmod", "+x", path] => Deed::SetExecutable(self::path(path)?, true),
        ["chmod", "-x", path] => Deed::SetExecutable(self::path(path)?, false),
        ["touch", path] => Deed::Touch(self::path(path)?, None),
        ["touch", path, "at", second] => Deed::Touch(self::path(path)?, Some(number(second)?)),
        ["lock", path] => Deed::Lock(self::path(path)?, true),
        ["unlock", path] => Deed::Lock(self::path(path)?, false),
        ["online"] => Deed::Online(true),
        ["offline"] => Deed::Online(false),
        ["direction", direction] => Deed::Direction(self::direction(direction)?),
        ["sync"] => Deed::Sync,
        _ => return Err(format!("no such deed: `{}`", texts.join(" "))),
    };
    Ok(Action::On { device, deed, line })
}

fn path(text: &str) -> Result<RelativePath, String> {
    let path = RelativePath::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
    if path.is_root() { Err("a path may not be empty".to_owned()) } else { Ok(path) }
}

fn direction(text: &str) -> Result<Direction, String> {
    text.parse().map_err(|()| format!("`{text}` is no direction: both, down or up"))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error("scenario x\ndo\n  A: fly away\n").line, 3);
        assert_eq!(error("scenario x\nexpect\n").line, 2);
        assert_eq!(error("scenario x\ndo\n  sync\n").line, 3);
        assert_eq!(error("given\n").line, 1);
        assert_eq!(error("scenario x\ngiven\n  ../x \"\"\n").line, 3);
        assert!(error("scenario x\ndo\n  AB: sync\n").what.contains("capital letter"));
        let twice = "scenario x\ndo\n  sync\nexpect\n  a/\nscenario x\n";
        assert_eq!(error(twice).line, 6);
    }
}
