//! The planner's rules by name: which of them decided something, and how to break one on purpose.
//!
//! A simulation that never makes a rule fire proves nothing about it, so [`Trace`] counts. A test that cannot tell
//! a broken rule from a sound one proves nothing either, so [`Fault`] breaks them one at a time.

use std::collections::BTreeMap;

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$item])* $variant),*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    };
}

closed_list! {
    /// A rule that decided something in a plan.
    Rule {
        /// Gone on both sides: forgotten.
        Forget,
        /// Both sides agree in something: noted.
        Agree,
        /// A node found under its shelf name is taken for shelved, not for renamed by a person.
        ShelfFound,
        /// Two different contents met: both are kept.
        ContentConflict,
        /// An edited node outlives its deletion on the other side.
        EditBeatsDelete,
        /// A moved node, or what a moved directory holds, outlives its deletion on the other side.
        MoveBeatsDelete,
        /// A directory outlives its deletion because of what is in it.
        ParentKept,
        /// Both sides changed different attributes of one node.
        BothChanged,
        /// Both sides changed the same attribute: the remote side's was taken.
        RemoteWins,
        /// Two moves would have closed a circle: the local one is undone.
        CycleUndone,
        /// The directory that an undone move needs was deleted locally: it comes back.
        ParentRevived,
        /// A new local directory and a new remote one are the same.
        DirectoryAdopted,
        /// A new local file or link and a new remote one hold the same.
        EqualAdopted,
        /// A new local file stands where a remote move brings one that holds the same.
        DuplicateDropped,
        /// Two nodes want one name: the local one is renamed.
        NameConflict,
        /// A directory held by what is frozen in it makes way for a new remote node as a new local one.
        HeldReleased,
        /// A circle of local moves is broken with a temporary name.
        Shelve,
        /// A circle of remote changes is sent as one group.
        Fuse,
        /// Something waits for a frozen node.
        Blocked,
        /// One-way: what the following side did to a node does not count.
        Yielded,
        /// Down: an edited local file makes way for the remote state, and is kept outside the tree.
        SetAside,
        /// Down: what was deleted locally comes back.
        BroughtBack,
        /// Up: what was deleted remotely is sent again.
        SentAgain,
        /// Up: a remote node that is new there makes way for a local one of its name.
        RemoteRenamed,
        /// Down: of two new local nodes whose names clash none gives way, for neither is sent.
        ClashLeft,
    }
}

closed_list! {
    /// A rule broken on purpose, to show that a test would notice.
    #[doc(hidden)]
    Fault {
        /// Agreement is not noted.
        NoBookkeeping,
        /// A deletion beats an edit.
        DeleteBeatsEdit,
        /// A deletion beats a move.
        DeleteBeatsMove,
        /// What a moved directory holds is deleted.
        MovedDirectoryLosesItsContent,
        /// A survivor does not keep its directory.
        SurvivorLosesItsParent,
        /// Modification times decide which of two contents is kept.
        ClocksDecide,
        /// Equal contents conflict.
        EqualContentsConflict,
        /// The remote side wins also where it changed nothing.
        RemoteAlwaysWins,
        /// Circles of moves into one another are not undone.
        CyclesStay,
        /// A deleted directory is not revived for an undone move.
        NoRevivalOnCycle,
        /// A conflict rename does not count as a local change.
        RenameLeavesTheBase,
        /// Equal directories are not adopted.
        NoAdoption,
        /// Circles of local moves are not broken.
        NoShelving,
        /// Circles of remote changes are not fused.
        NoFusing,
        /// Changed attributes beat a deletion.
        TouchBeatsDelete,
        /// A frozen node is treated like any other.
        FrozenIsIgnored,
        /// Name clashes are judged byte for byte.
        NamesComparedByteForByte,
        /// Down: what was edited here is overwritten.
        EditsAreNotSetAside,
        /// Down: what is new here is sent.
        NewIsSentUpwards,
        /// Up: what was changed there counts.
        RemoteLeadsUpwards,
        /// Up: what is new there is fetched.
        NewIsFetched,
    }
}

/// How often each rule decided something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(BTreeMap<Rule, u64>);

impl Trace {
    /// Notes that a rule decided something.
    pub fn note(&mut self, rule: Rule) {
        *self.0.entry(rule).or_default() += 1;
    }

    /// How often it decided something.
    #[must_use]
    pub fn count(&self, rule: Rule) -> u64 {
        self.0.get(&rule).copied().unwrap_or_default()
    }

    /// Adds another trace to this one.
    pub fn add(&mut self, other: &Self) {
        for (rule, count) in &other.0 {
            *self.0.entry(*rule).or_default() += count;
        }
    }

    /// The rules that never decided anything.
    pub fn silent(&self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(|rule| self.count(*rule) == 0)
    }
}
