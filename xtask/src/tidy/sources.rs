//! Sizes, module documentation and names of source files.

use super::Finding;
use super::project::Project;

/// No file is longer. Functions are measured by clippy.
const FILE_LINES_MAX: usize = 1_000;

/// No crate is larger, tests beside the code included.
const CRATE_LINES_MAX: usize = 21_000;

/// Names that say nothing.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "core", "helper", "helpers", "misc", "types"];

pub(super) fn files_stay_small(project: &Project) -> Vec<Finding> {
    let long = |(path, text): (&str, &str)| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX).then(|| {
            Finding::new(
                path,
                format!("{lines} lines, at most {FILE_LINES_MAX}: split it by what changes together"),
            )
        })
    };
    project.rust_files().filter_map(long).collect()
}

pub(super) fn crates_stay_small(project: &Project) -> Vec<Finding> {
    let large = |folder: &String| {
        let sources = format!("{folder}/src/");
        let files = project.rust_files().filter(|(path, _)| path.starts_with(&sources));
        let lines: usize = files.map(|(_, text)| text.lines().count()).sum();
        (lines > CRATE_LINES_MAX)
            .then(|| Finding::new(&**folder, format!("{lines} lines, at most {CRATE_LINES_MAX}")))
    };
    project.crates.iter().filter_map(|member| large(&member.folder)).collect()
}

pub(super) fn every_file_says_what_it_is_for(project: &Project) -> Vec<Finding> {
    let silent = |(path, text): (&str, &str)| {
        let says =
            text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with("//!"));
        (path.contains("src/") && !says)
            .then(|| Finding::at(path, 1, "begins without `//!` and a sentence on what it is for"))
    };
    project.rust_files().filter_map(silent).collect()
}

pub(super) fn names_say_what_is_inside(project: &Project) -> Vec<Finding> {
    let crates = project.crates.iter().map(|member| (&*member.folder, &*member.name));
    let files = project.rust_files().map(|(path, _)| (path, stem(path)));
    let modules_of_old =
        project.rust_files().filter(|(path, _)| path.contains("src/") && stem(path) == "mod");
    let old =
        modules_of_old.map(|(path, _)| Finding::new(path, "write `foo.rs` beside `foo/`, not `foo/mod.rs`"));
    crates
        .chain(files)
        .filter(|(_, name)| EMPTY_NAMES.contains(name))
        .map(|(path, name)| Finding::new(path, format!("`{name}` says nothing: name it by what it does")))
        .chain(old)
        .collect()
}

fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = file.strip_suffix(".rs").unwrap_or(file);
    if name == "mod" {
        path.rsplit('/').nth(1).filter(|name| EMPTY_NAMES.contains(name)).unwrap_or(name)
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::super::project::fixtures::{member, of_files};
    use super::*;

    #[test]
    fn a_file_of_a_thousand_lines_is_the_longest() {
        let longest = "x\n".repeat(FILE_LINES_MAX);
        let longer = "x\n".repeat(FILE_LINES_MAX + 1);
        let project = of_files(&[("crates/a/src/a.rs", &longest), ("crates/a/src/b.rs", &longer)]);
        assert_eq!(
            files_stay_small(&project).iter().map(|finding| &*finding.place).collect::<Vec<_>>(),
            ["crates/a/src/b.rs"]
        );
    }

    #[test]
    fn a_crate_that_has_grown_too_large_is_found() {
        let half = "x\n".repeat(CRATE_LINES_MAX / 2);
        let mut project = of_files(&[("crates/a/src/a.rs", &half), ("crates/a/src/b.rs", &half)]);
        project.crates.push(member("a", &[], &[]));
        assert_eq!(crates_stay_small(&project), []);
        project.files.insert("crates/a/src/c.rs".to_owned(), "x\n".to_owned());
        assert_eq!(crates_stay_small(&project).len(), 1);
    }

    #[test]
    fn a_file_without_a_sentence_is_found() {
        let project = of_files(&[
            ("crates/a/src/good.rs", "\n//! Says.\n"),
            ("crates/a/src/bad.rs", "// Says nothing.\nfn a() {}\n"),
            ("crates/a/tests/it/main.rs", "fn a() {}\n"),
        ]);
        assert_eq!(
            every_file_says_what_it_is_for(&project)
                .iter()
                .map(|finding| &*finding.place)
                .collect::<Vec<_>>(),
            ["crates/a/src/bad.rs:1"]
        );
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        let mut project = of_files(&[
            ("crates/a/src/utils.rs", ""),
            ("crates/a/src/common/mod.rs", ""),
            ("crates/a/src/names.rs", ""),
            ("crates/a/tests/it/helpers.rs", ""),
            ("crates/a/src/sync/mod.rs", ""),
        ]);
        project.crates.push(member("core", &[], &[]));
        let places: Vec<String> =
            names_say_what_is_inside(&project).into_iter().map(|finding| finding.place).collect();
        let expected = [
            "crates/core",
            "crates/a/src/common/mod.rs",
            "crates/a/src/utils.rs",
            "crates/a/tests/it/helpers.rs",
            "crates/a/src/sync/mod.rs",
        ];
        assert_eq!(places, expected);
    }
}
