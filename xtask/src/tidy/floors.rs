//! The floors of the house: which crate may use which.
//!
//! The table is the one of `ARCHITECTURE.md`. A crate that is not in it fails: say where it stands first.

use super::Finding;
use super::project::{Crate, Project};

/// A crate, its floor, and the crates of ours it may use (each on a lower floor, but for `DEVELOPMENT`).
struct Room {
    name: &'static str,
    floor: u8,
    may_use: &'static [&'static str],
}

/// The floor of what only serves development.
const DEVELOPMENT: u8 = 9;

const fn room(name: &'static str, floor: u8, may_use: &'static [&'static str]) -> Room {
    Room { name, floor, may_use }
}

const HOUSE: [Room; 30] = [
    room("model", 1, &[]),
    room("planner", 2, &["model"]),
    room("chunker", 2, &["model"]),
    room("protocol", 2, &["model"]),
    room("metadata", 2, &["model"]),
    room("content", 2, &["model"]),
    room("filesystem", 2, &["model"]),
    room("pace", 2, &[]),
    room("preview", 2, &[]),
    room("archive", 2, &["model"]),
    room("web", 2, &[]),
    room("sync-engine", 3, &["model", "planner"]),
    room("versioning", 3, &["model", "metadata", "content"]),
    room("auth", 3, &["model", "metadata"]),
    room("metadata-sqlite", 3, &["model", "metadata"]),
    room("content-store", 3, &["model", "content"]),
    room("filesystem-os", 3, &["model", "filesystem"]),
    room("openid", 4, &["model", "protocol", "auth"]),
    room("backup", 4, &["model", "metadata", "content", "versioning"]),
    room("pair-store", 4, &["model", "planner", "sync-engine"]),
    room("replica", 5, &["model", "planner", "chunker", "sync-engine", "pair-store", "filesystem"]),
    room(
        "pairs",
        6,
        &["model", "chunker", "sync-engine", "replica", "metadata", "content", "versioning", "filesystem"],
    ),
    room("client", 6, &["model", "protocol", "chunker", "sync-engine", "replica", "filesystem", "pace"]),
    room(
        "server",
        7,
        &[
            "model",
            "protocol",
            "chunker",
            "metadata",
            "content",
            "versioning",
            "auth",
            "archive",
            "openid",
            "backup",
            "sync-engine",
            "pairs",
            "filesystem",
            "pace",
            "preview",
            "web",
        ],
    ),
    room(
        "driftless",
        8,
        &[
            "model",
            "planner",
            "chunker",
            "protocol",
            "metadata",
            "content",
            "filesystem",
            "sync-engine",
            "versioning",
            "auth",
            "metadata-sqlite",
            "content-store",
            "filesystem-os",
            "pair-store",
            "replica",
            "pairs",
            "backup",
            "client",
            "server",
            "preview",
        ],
    ),
    room("testkit", DEVELOPMENT, &["model", "planner"]),
    room(
        "simulator",
        DEVELOPMENT,
        &[
            "model",
            "planner",
            "chunker",
            "metadata",
            "content",
            "filesystem",
            "sync-engine",
            "versioning",
            "auth",
            "metadata-sqlite",
            "content-store",
            "pair-store",
            "testkit",
        ],
    ),
    room("e2e", DEVELOPMENT, &["testkit"]),
    room(
        "bench",
        DEVELOPMENT,
        &["testkit", "e2e", "model", "protocol", "metadata", "metadata-sqlite", "auth"],
    ),
    room("xtask", DEVELOPMENT, &[]),
];

/// Crates without clock, disk, network, environment, threads, random order or async runtime, and the libraries
/// that they may use.
pub(super) const PURE: [(&str, &[&str]); 4] = [
    ("model", &["caseless", "ipnet", "thiserror", "unicode-normalization"]),
    ("planner", &["thiserror"]),
    ("chunker", &["blake3", "fastcdc", "thiserror"]),
    ("sync-engine", &["thiserror"]),
];

/// Libraries that say what a crate is, and the only crates that may build on them.
const HEAVY: [(&str, &[&str]); 9] = [
    ("anyhow", &["driftless", "e2e", "bench", "xtask", "simulator"]),
    ("argon2", &["auth"]),
    ("axum", &["server"]),
    ("clap", &["driftless", "bench", "simulator"]),
    ("fastcdc", &["chunker"]),
    ("hyper", &["client", "openid", "server", "driftless"]),
    ("notify", &["filesystem-os"]),
    ("rusqlite", &["metadata-sqlite", "pair-store"]),
    ("tokio", &["client", "openid", "server", "driftless", "pace", "preview", "bench"]),
];

pub(super) fn crates_use_only_what_their_floor_allows(project: &Project) -> Vec<Finding> {
    project.crates.iter().flat_map(|member| uses_of(project, member)).collect()
}

fn uses_of(project: &Project, member: &Crate) -> Vec<Finding> {
    let place = format!("{}/Cargo.toml", member.folder);
    let Some(room) = room_of(&member.name) else {
        let message = format!(
            "`{}` stands on no floor: add it to the table of `xtask/src/tidy/floors.rs`",
            member.name
        );
        return vec![Finding::new(place, message)];
    };
    let ours = |used: &&String| project.is_ours(used);
    let built = member
        .uses
        .iter()
        .filter(ours)
        .filter(|used| !room.may_use.contains(&&***used))
        .map(|used| format!("`{}` (floor {}) may not use `{used}`", member.name, room.floor));
    // Tests may use any crate, adapters included, but for the binary and what drives it.
    let tested = member
        .tests_use
        .iter()
        .filter(ours)
        .filter(|used| ["driftless", "e2e"].contains(&&***used))
        .map(|used| format!("tests of `{}` may not use `{used}`: write them in `e2e`", member.name));
    built.chain(tested).map(|message| Finding::new(place.clone(), message)).collect()
}

fn room_of(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

pub(super) fn pure_crates_use_only_listed_libraries(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, libraries) in PURE {
        for member in project.crates.iter().filter(|member| member.name == name) {
            let foreign =
                member.uses.iter().filter(|used| !project.is_ours(used) && !libraries.contains(&&***used));
            findings.extend(foreign.map(|used| {
                Finding::new(
                    format!("{}/Cargo.toml", member.folder),
                    format!("`{name}` is pure and may not use `{used}`"),
                )
            }));
        }
    }
    findings
}

pub(super) fn heavy_libraries_stay_where_they_belong(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (library, homes) in HEAVY {
        for member in project.crates.iter().filter(|member| member.uses.contains(library)) {
            if !homes.contains(&&*member.name) {
                let message = format!("`{library}` belongs into {} only", homes.join(", "));
                findings.push(Finding::new(format!("{}/Cargo.toml", member.folder), message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::project::fixtures::{member, of_crates};
    use super::*;

    fn messages(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| &*finding.message).collect()
    }

    #[test]
    fn every_room_uses_only_lower_floors() {
        for room in HOUSE {
            for used in room.may_use {
                let below = room_of(used).expect("every used crate has a room");
                let development = room.floor == DEVELOPMENT && below.floor == DEVELOPMENT;
                assert!(below.floor < room.floor || development, "{} uses {used}", room.name);
            }
        }
    }

    #[test]
    fn only_the_binary_and_what_is_for_development_see_adapters() {
        // The benchmark makes thousands of devices at once, past the doors.
        let may = ["driftless", "simulator", "bench"];
        for room in HOUSE.iter().filter(|room| !may.contains(&room.name)) {
            for adapter in ["metadata-sqlite", "content-store", "filesystem-os"] {
                assert!(!room.may_use.contains(&adapter), "{} sees {adapter}", room.name);
            }
        }
    }

    #[test]
    fn a_crate_that_uses_a_higher_floor_is_found() {
        let project = of_crates(vec![member("model", &["planner"], &[]), member("planner", &["model"], &[])]);
        let findings = crates_use_only_what_their_floor_allows(&project);
        assert_eq!(messages(&findings), ["`model` (floor 1) may not use `planner`"]);
        assert_eq!(findings[0].place, "crates/model/Cargo.toml");
    }

    #[test]
    fn an_adapter_is_allowed_in_tests_alone() {
        let adapter = member("metadata-sqlite", &["model", "metadata"], &[]);
        let tested = of_crates(vec![member("versioning", &[], &["metadata-sqlite"]), adapter.clone()]);
        assert_eq!(crates_use_only_what_their_floor_allows(&tested), []);
        let built = of_crates(vec![member("versioning", &["metadata-sqlite"], &[]), adapter]);
        assert_eq!(crates_use_only_what_their_floor_allows(&built).len(), 1);
    }

    #[test]
    fn a_crate_without_a_floor_and_a_test_of_the_binary_are_found() {
        let project = of_crates(vec![member("extra", &[], &[]), member("driftless", &[], &[])]);
        assert_eq!(crates_use_only_what_their_floor_allows(&project).len(), 1);
        let project = of_crates(vec![member("server", &[], &["driftless"]), member("driftless", &[], &[])]);
        assert_eq!(crates_use_only_what_their_floor_allows(&project).len(), 1);
    }

    #[test]
    fn a_pure_crate_with_a_foreign_library_is_found() {
        let project = of_crates(vec![member("planner", &["thiserror", "rand"], &["proptest"])]);
        let findings = pure_crates_use_only_listed_libraries(&project);
        assert_eq!(messages(&findings), ["`planner` is pure and may not use `rand`"]);
    }

    #[test]
    fn a_database_outside_its_adapters_is_found() {
        let project = of_crates(vec![
            member("server", &["axum", "rusqlite"], &[]),
            member("metadata-sqlite", &["rusqlite"], &[]),
        ]);
        let findings = heavy_libraries_stay_where_they_belong(&project);
        assert_eq!(messages(&findings), ["`rusqlite` belongs into metadata-sqlite, pair-store only"]);
    }
}
