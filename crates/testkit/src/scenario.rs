//! Golden scenarios: what people do, and what they mean by it.
//!
//! ```text
//! # a comment
//! scenario two different edits keep both
//! given
//!   plan.txt "one"
//! do
//!   A: offline
//!   A: write plan.txt "from A"
//!   B: write plan.txt "from B"
//!   sync
//!   A: online
//!   sync
//! expect
//!   plan.txt "from B"
//!   "plan (conflict*).txt" "from A"
//! ```
//!
//! - `names exact` before `given`: names clash byte for byte only (else they are portable).
//! - `direction A down` (or `up`) before `given`: which way changes travel for A, once the given trees have arrived.
//! - `given` is a tree that A made and that has reached every device; `given on A`, `given on B` are trees that
//!   stand there when the devices are joined for the first time.
//! - Devices are single capital letters; A and B are always there. They begin online, but nothing is sent before a
//!   `sync`, in which all that are online settle; `A: sync` lets A alone settle.
//! - A device: `write PATH "text" [at SECOND]`, `mkdir PATH`, `link PATH "target"`, `move FROM TO`, `copy FROM TO`,
//!   `remove PATH`, `chmod +x PATH`, `chmod -x PATH`, `touch PATH [at SECOND]`, `lock PATH` (it can be neither read
//!   nor written there any more), `unlock PATH`, `offline`, `online`, `sync`,
//!   `direction both` (or `down`, `up`). What was set aside stands in `Not synced`. Every line happens a second after the
//!   one before it, by a clock that starts at the beginning of 2026; `at` sets another modification time.
//! - `expect` is the tree that the server and every online device have in the end: exactly these nodes, and the
//!   same modification times. `*` in a name stands for anything. `expect on A` is the tree of A alone, where it
//!   differs.
//! - Facts, among the lines of `expect`, about all that happened in `do`: `conflicts N` (names that say so),
//!   `uploads N`, `downloads N` (files' contents), `changes N` (operations that the server took),
//!   `untouched A` (the program changed nothing in A's tree).

mod golden;
mod parse;
mod run;

use crate::tree::Held;
use model::{NameRule, RelativePath};
use planner::Direction;

pub use golden::golden;
pub use parse::{ParseError, parse};
pub use run::run;

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What it shows, as a statement.
    pub title: String,
    /// How names clash.
    pub rule: NameRule,
    /// Devices that are not kept in step both ways.
    pub directions: Vec<(String, Direction)>,
    /// Trees to begin with.
    pub given: Vec<Given>,
    /// What happens.
    pub actions: Vec<Action>,
    /// What is expected.
    pub expectations: Vec<Expectation>,
}

/// A tree to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The device that has it before it is joined; none if it has reached every device.
    pub device: Option<String>,
    /// The tree, in order.
    pub entries: Vec<(RelativePath, Held)>,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// All that are online settle.
    SyncAll,
    /// Something on one device.
    On {
        /// Which.
        device: String,
        /// What.
        deed: Deed,
        /// The line of the file, for messages.
        line: usize,
    },
}

/// What happens on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// `write PATH "text" [at SECOND]`
    Write {
        /// The file.
        path: RelativePath,
        /// Its text.
        text: String,
        /// Its modification time, in seconds of the scenario's clock.
        at: Option<u64>,
    },
    /// `mkdir PATH`
    MakeDirectory(RelativePath),
    /// `link PATH "target"`
    Link(RelativePath, String),
    /// `move FROM TO`
    Move(RelativePath, RelativePath),
    /// `copy FROM TO`
    Copy(RelativePath, RelativePath),
    /// `remove PATH`
    Remove(RelativePath),
    /// `chmod +x PATH`, `chmod -x PATH`
    SetExecutable(RelativePath, bool),
    /// `touch PATH [at SECOND]`
    Touch(RelativePath, Option<u64>),
    /// `lock PATH`, `unlock PATH`
    Lock(RelativePath, bool),
    /// `online`, `offline`
    Online(bool),
    /// `direction both`, `direction down`, `direction up`
    Direction(Direction),
    /// `sync`
    Sync,
}

/// Something expected in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// A whole tree.
    Tree {
        /// The device that alone has it; none for the server and all others that are online.
        device: Option<String>,
        /// Its nodes; `*` in a path stands for anything.
        entries: Vec<(String, Held)>,
    },
    /// How many names say that they are conflict copies.
    Conflicts(u64),
    /// How many files' contents were sent.
    Uploads(u64),
    /// How many files' contents were fetched.
    Downloads(u64),
    /// How many operations the server took.
    Changes(u64),
    /// The program changed nothing in this device's tree.
    Untouched(String),
}

impl Scenario {
    /// The devices that take part.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        let mut names = vec!["A".to_owned(), "B".to_owned()];
        names.extend(self.given.iter().filter_map(|given| given.device.clone()));
        names.extend(self.actions.iter().filter_map(|action| match action {
            Action::On { device, .. } => Some(device.clone()),
            Action::SyncAll => None,
        }));
        names.sort();
        names.dedup();
        names
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(after) = text.strip_prefix(first) else { return false };
    let ends = after.char_indices().map(|(at, _)| at).chain([after.len()]);
    ends.into_iter().any(|at| fits(rest, &after[at..]))
}
