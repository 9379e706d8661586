//! What is going to happen in a run, decided before it begins: what users do (the workload), and what goes wrong.
//!
//! Both are lists, apart from the randomness of the schedule (delays, losses, parts), so that one can be made
//! shorter while the rest stays as it was.

use crate::deed::{Deed, DeedKind};
use crate::profile::Profile;
use testkit::seed::Random;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// A device is cut off for a while.
    CutOff,
    /// A device's program is killed between two events.
    Kill,
    /// A device's program is killed before what it noted is durable.
    KillBeforeCommit,
    /// A device's program is killed after it noted something, before it did anything.
    KillAfterCommit,
    /// A device's program is killed within a procedure on its disk.
    KillOnDisk,
    /// A device loses its power: what was not synced may be gone.
    PowerLoss,
    /// The same within a procedure on its disk.
    PowerLossOnDisk,
    /// The server stops for a while, perhaps just before or after it took a commit.
    ServerStop,
    /// A device's disk fails by chance for a while.
    DiskErrors,
    /// A device's disk is full for a while.
    DiskFull,
    /// A device's replica is unmounted for a while.
    Unmount,
    /// Something on a device cannot be read for a while.
    Deny,
    /// A person pauses a pair for a while.
    Pause,
    /// No trouble, but a person's deed on the server: the folder goes back to an earlier state.
    Rewind,
    /// A person wants another part of the folder on a device.
    ChangeView,
    /// Hours or days go by on the server, perhaps more than anything is kept for, and what is due goes.
    Days,
    /// A person changes what is kept for how long.
    Rules,
    /// A person pins or labels a version, or takes that back.
    Pin,
    /// A person brings something back from the trash.
    RestoreNode,
    /// A person brings an old version back.
    RestoreVersion,
    /// Somebody's program changes or removes over a thousand files at once.
    Mass,
    /// An administrator sets how much may be there.
    Quota,
    /// No trouble either: a device's account may only read for a while.
    ReadOnly,
}

impl TroubleKind {
    /// All that devices and server suffer.
    pub const ALL: &'static [Self] = &[
        Self::CutOff,
        Self::Kill,
        Self::KillBeforeCommit,
        Self::KillAfterCommit,
        Self::KillOnDisk,
        Self::PowerLoss,
        Self::PowerLossOnDisk,
        Self::ServerStop,
        Self::DiskErrors,
        Self::DiskFull,
        Self::Unmount,
        Self::Deny,
        Self::Pause,
    ];

    /// What persons and the passing of time do with a folder's past.
    pub const KEEPING: &'static [Self] =
        &[Self::Days, Self::Rules, Self::Pin, Self::RestoreNode, Self::RestoreVersion, Self::Quota];

    /// Whether it is one of those, or a mass change.
    pub(crate) fn is_keeping(self) -> bool {
        self == Self::Mass || Self::KEEPING.contains(&self)
    }

    /// Whether what was not synced may be lost.
    #[must_use]
    pub fn is_power_loss(self) -> bool {
        matches!(self, Self::PowerLoss | Self::PowerLossOnDisk)
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// For how long.
    pub for_ms: u64,
    /// On which device.
    pub device: usize,
    /// What.
    pub kind: TroubleKind,
    /// Chooses the rest.
    pub seed: u64,
}

/// What is going to happen.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What users do, in order of time.
    pub deeds: Vec<Deed>,
    /// What goes wrong, in order of time.
    pub troubles: Vec<Trouble>,
}

impl Plan {
    /// Decides.
    #[must_use]
    pub fn of(profile: &Profile, seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x776f_726b);
        let mut at_ms = 0;
        let mut deeds = Vec::with_capacity(profile.steps);
        let total: u32 = profile.deeds.iter().map(|(_, weight)| *weight).sum();
        for serial in 0..profile.steps {
            // Mostly in bursts, with longer pauses in between.
            let pause = if random.one_in(5) { profile.pause_ms * 4 } else { profile.pause_ms };
            at_ms += random.below(pause as usize + 1) as u64;
            deeds.push(Deed {
                at_ms,
                device: random.below(profile.users),
                kind: choose(&mut random, &profile.deeds, total),
                seed: random.bits(),
                serial: serial as u64,
                traps: profile.traps,
            });
        }
        let troubles = troubles(profile, seed, at_ms);
        Self { deeds, troubles }
    }

    /// When the last of it begins or ends, in milliseconds.
    #[must_use]
    pub fn end_ms(&self) -> u64 {
        let deeds = self.deeds.iter().map(|deed| deed.at_ms);
        let troubles = self.troubles.iter().map(|trouble| trouble.at_ms + trouble.for_ms);
        deeds.chain(troubles).max().unwrap_or(0)
    }
}

fn choose(random: &mut Random, weights: &[(DeedKind, u32)], total: u32) -> DeedKind {
    let mut left = random.below(total.max(1) as usize) as u32;
    for (kind, weight) in weights {
        if left < *weight {
            return *kind;
        }
        left -= weight;
    }
    DeedKind::Write
}

fn troubles(profile: &Profile, seed: u64, end_ms: u64) -> Vec<Trouble> {
    let mut random = Random::new(seed ^ 0x74_726f_7562_6c65);
    let mut troubles = Vec::new();
    for (kind, count) in &profile.troubles {
        for _ in 0..*count {
            let longest = *random.pick(&[50, 1_000, 20_000]).expect("not empty");
            troubles.push(Trouble {
                at_ms: random.below(end_ms as usize + 1) as u64,
                for_ms: 1 + random.below(longest) as u64,
                device: random.below(profile.devices),
                kind: *kind,
                seed: random.bits(),
            });
        }
    }
    troubles.sort_by_key(|trouble| trouble.at_ms);
    troubles
}
