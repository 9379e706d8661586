//! The engine's rules broken on purpose, to show that the simulation would notice.

/// A rule broken on purpose.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// What a commit may have done is forgotten when it is not answered.
    NoIntents,
    /// Agreement is not noted before a pull is taken in.
    NoBookkeepingBeforePull,
    /// What is missing at the first look was deleted.
    DeletionAtFirstLook,
    /// The remote side is not asked for anything again once a commit was refused.
    NoPullAfterRefusal,
    /// What could not be done is taken for done.
    FailedIsDone,
    /// A rule of the planner.
    Planner(planner::rule::Fault),
}

impl Fault {
    /// The engine's own.
    pub const ALL: &'static [Self] = &[
        Self::NoIntents,
        Self::NoBookkeepingBeforePull,
        Self::DeletionAtFirstLook,
        Self::NoPullAfterRefusal,
        Self::FailedIsDone,
    ];

    pub(crate) fn of_planner(fault: Option<Self>) -> Option<planner::rule::Fault> {
        match fault {
            Some(Self::Planner(fault)) => Some(fault),
            _ => None,
        }
    }
}
