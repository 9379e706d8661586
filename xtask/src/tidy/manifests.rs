//! What every crate's folder holds besides its sources.

use super::Finding;
use super::floors::PURE;
use super::project::Project;

/// Calls that a pure crate's `clippy.toml` must refuse, one for each thing that purity means.
const REFUSED: [&str; 9] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
    "std::env::var",
    "std::fs::read",
    "std::fs::File",
    "std::net::TcpStream",
    "std::process::Command",
    "std::collections::HashMap",
];

pub(super) fn crates_share_lints_and_licence(project: &Project) -> Vec<Finding> {
    let wanted = ["[lints]\nworkspace = true", "license.workspace = true", "publish.workspace = true"];
    let mut findings = Vec::new();
    for member in &project.crates {
        let path = format!("{}/Cargo.toml", member.folder);
        let text = project.files.get(&path).map_or("", |text| text);
        let missing = wanted.iter().filter(|line| !text.contains(**line));
        findings
            .extend(missing.map(|line| Finding::new(&*path, format!("lacks `{}`", line.replace('\n', " ")))));
    }
    findings
}

pub(super) fn pure_crates_have_their_own_clippy_settings(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, _) in PURE {
        let path = format!("crates/{name}/clippy.toml");
        let text = project.files.get(&path).map_or("", |text| text);
        // The file replaces the outer one: what that says must be said again.
        let outer = project.files.get("clippy.toml").map_or("", |text| text);
        let repeated = outer.lines().filter(|line| !text.contains(*line)).map(ToString::to_string);
        let refused =
            REFUSED.iter().filter(|call| !text.contains(&format!("\"{call}\""))).map(ToString::to_string);
        findings.extend(repeated.chain(refused).map(|line| Finding::new(&*path, format!("lacks `{line}`"))));
    }
    findings
}

pub(super) fn one_integration_harness_a_crate(project: &Project) -> Vec<Finding> {
    let loose = |path: &str| {
        let (_, below) = path.strip_prefix("crates/")?.split_once('/')?;
        let inside = below.strip_prefix("tests/")?;
        (!inside.contains('/')).then(|| {
            Finding::new(path, "make it a module of `tests/it/main.rs`: every harness is linked anew")
        })
    };
    project.rust_files().filter_map(|(path, _)| loose(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::project::fixtures::{member, of_files};
    use super::*;

    #[test]
    fn a_crate_without_the_shared_lints_is_found() {
        let mut project = of_files(&[(
            "crates/model/Cargo.toml",
            "license.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n",
        )]);
        project.crates.push(member("model", &[], &[]));
        assert_eq!(crates_share_lints_and_licence(&project), []);
        project.crates.push(member("planner", &[], &[]));
        assert_eq!(crates_share_lints_and_licence(&project).len(), 3);
    }

    #[test]
    fn a_pure_crate_that_may_read_the_clock_is_found() {
        let all: String = REFUSED.iter().map(|call| format!("\"{call}\"\n")).collect();
        let good = format!("limit = 1\n{all}");
        let bad = good.replace("\"std::time::Instant::now\"", "");
        let path = |name: &str| format!("crates/{name}/clippy.toml");
        let mut files: Vec<(String, &str)> = PURE.iter().map(|(name, _)| (path(name), &*good)).collect();
        files.push(("clippy.toml".to_owned(), "limit = 1\n"));
        let project = |files: &[(String, &str)]| {
            of_files(&files.iter().map(|(path, text)| (&**path, *text)).collect::<Vec<_>>())
        };
        assert_eq!(pure_crates_have_their_own_clippy_settings(&project(&files)), []);
        files[1].1 = &bad;
        let findings = pure_crates_have_their_own_clippy_settings(&project(&files));
        assert_eq!(findings, [Finding::new(path(PURE[1].0), "lacks `std::time::Instant::now`")]);
    }

    #[test]
    fn a_second_harness_is_found() {
        let project = of_files(&[("crates/model/tests/names.rs", ""), ("crates/model/tests/it/main.rs", "")]);
        assert_eq!(one_integration_harness_a_crate(&project).len(), 1);
    }
}
