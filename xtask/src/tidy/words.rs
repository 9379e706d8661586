//! Words that a tracked file may not hold.

use super::Finding;
use super::project::Project;

/// Reminders need an issue: `TODO(#12)`.
const REMINDERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Directories of somebody's machine, where a path begins with them.
const MACHINES: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/br", "ief")];

/// Hosts of package registries: where packages come from is a matter of each machine's settings.
const REGISTRIES: [&str; 4] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("proxy.gol", "ang.org"),
];

/// The one line that cargo itself writes into its lock file.
const CARGO_SOURCE: &str = concat!("registry+https://github.com/rust-lang/", "crates", ".io-index");

/// The only files that go where the compiler cannot follow, because a library or system offers no other way.
const UNSAFE: [&str; 4] = [
    "crates/filesystem-os/src/system.rs",
    "crates/filesystem-os/tests/it/limits.rs",
    "crates/metadata-sqlite/src/rows.rs",
    "crates/preview/testing/child.rs",
];

/// How many lines above such code its reason may begin.
const REASON_LINES: usize = 5;

pub(super) fn unsafe_code_stays_where_it_is_and_says_why(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.rust_files() {
        let all: Vec<&str> = text.lines().collect();
        for (number, _) in lines(text).filter(|(_, line)| is_unsafe(line)) {
            let above = &all[(number - 1).saturating_sub(REASON_LINES)..number];
            if !UNSAFE.contains(&path) {
                findings.push(Finding::at(
                    path,
                    number,
                    "unsafe code belongs into a file of the list in `words.rs`",
                ));
            } else if !above.iter().any(|line| line.contains("// SAFETY:")) {
                findings.push(Finding::at(
                    path,
                    number,
                    "unsafe code without `// SAFETY:` and why it is sound",
                ));
            }
        }
    }
    findings
}

fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let opens = |rest: &str| [" {", " impl", " fn", " extern"].iter().any(|start| rest.starts_with(start));
    occurrences(code, concat!("uns", "afe")).any(opens)
}

pub(super) fn reminders_carry_an_issue(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.rust_files() {
        for (number, line) in lines(text) {
            for word in REMINDERS {
                let bare = occurrences(line, word).any(|rest| !rest.starts_with("(#"));
                if bare {
                    findings.push(Finding::at(
                        path,
                        number,
                        format!("`{word}` without an issue: `{word}(#12)`"),
                    ));
                }
            }
        }
    }
    findings
}

pub(super) fn nothing_names_a_machine_or_a_registry(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &project.files {
        for (number, line) in lines(text) {
            let line = if path == "Cargo.lock" { line.replace(CARGO_SOURCE, "") } else { line.to_owned() };
            let machine = MACHINES.into_iter().find(|place| begins_a_path(&line, place));
            let registry = REGISTRIES.into_iter().find(|host| line.contains(host));
            if let Some(word) = machine.or(registry) {
                findings.push(Finding::at(
                    path,
                    number,
                    format!("names `{word}`, which is no part of the project"),
                ));
            }
        }
    }
    findings
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// What follows each occurrence of a whole word.
fn occurrences<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).filter_map(move |(start, _)| {
        let rest = &line[start + word.len()..];
        let joins = |character: char| character.is_alphanumeric() || character == '_';
        let whole = !line[..start].ends_with(joins) && !rest.starts_with(joins);
        whole.then_some(rest)
    })
}

/// Whether a path in the line begins so, rather than going through such a directory.
fn begins_a_path(line: &str, place: &str) -> bool {
    let continues = |character: char| character.is_alphanumeric() || "_-./}~$".contains(character);
    line.match_indices(place).any(|(start, _)| !line[..start].ends_with(continues))
}

#[cfg(test)]
mod tests {
    use super::super::project::fixtures::of_files;
    use super::*;

    #[test]
    fn unsafe_code_elsewhere_or_without_a_reason_is_found() {
        let word = concat!("uns", "afe");
        let good = format!("// SAFETY: it is.\nlet a = {word} {{ b() }};\n");
        let bad = format!("// {word} {{ in a comment\nlet a = {word} {{ b() }};\n{word} impl A for B {{}}\n");
        let of = |path: &str, text: &str| {
            let findings = unsafe_code_stays_where_it_is_and_says_why(&of_files(&[(path, text)]));
            findings.into_iter().map(|finding| finding.place).collect::<Vec<_>>()
        };
        assert!(of(UNSAFE[0], &good).is_empty());
        assert_eq!(of(UNSAFE[0], &bad), [format!("{}:2", UNSAFE[0]), format!("{}:3", UNSAFE[0])]);
        assert_eq!(of("crates/a/src/a.rs", &good), ["crates/a/src/a.rs:2"]);
    }

    #[test]
    fn a_reminder_without_an_issue_is_found() {
        let word = REMINDERS[0];
        let text = format!("// {word}(#7): later\n// {word}: some day\nlet {word}S = 1;\n");
        let findings = reminders_carry_an_issue(&of_files(&[("crates/a/src/a.rs", &text)]));
        assert_eq!(
            findings.iter().map(|finding| &*finding.place).collect::<Vec<_>>(),
            ["crates/a/src/a.rs:2"]
        );
    }

    #[test]
    fn paths_of_a_machine_are_found_and_others_are_not() {
        let machine = MACHINES[0];
        let text = format!("see {machine}main\nhome{machine}notes\n\"{machine}x\"\n");
        let findings = nothing_names_a_machine_or_a_registry(&of_files(&[("README.md", &text)]));
        let places: Vec<&str> = findings.iter().map(|finding| &*finding.place).collect();
        assert_eq!(places, ["README.md:1", "README.md:3"]);
    }

    #[test]
    fn a_registry_is_named_in_cargos_lock_file_alone_and_there_only_as_cargo_does() {
        let source = format!("source = \"{CARGO_SOURCE}\"\n");
        let foreign = format!("source = \"sparse+https://index.{}/\"\n", REGISTRIES[0]);
        let project = of_files(&[("Cargo.lock", &format!("{source}{foreign}")), ("docs/a.md", &source)]);
        let findings = nothing_names_a_machine_or_a_registry(&project);
        let places: Vec<&str> = findings.iter().map(|finding| &*finding.place).collect();
        assert_eq!(places, ["Cargo.lock:2", "docs/a.md:1"]);
    }
}
