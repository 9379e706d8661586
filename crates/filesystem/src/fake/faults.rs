//! When and how primitives fail.

use crate::error::ErrorKind;
use std::collections::BTreeMap;

/// How a primitive fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does nothing and says so.
    Fail(ErrorKind),
    /// It does its work, but says that it failed.
    FailAfter(ErrorKind),
    /// The machine stops before it: it and all later ones are `Offline`, until a restart.
    Halt,
    /// The machine stops just after it.
    HaltAfter,
}

/// How many primitives of 1,000,000 fail, by chance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// `Io`, before the primitive did anything.
    pub io: u32,
    /// `Io`, after it did its work.
    pub io_after: u32,
    /// `NoSpace`, where something is written or made.
    pub no_space: u32,
    /// `Denied`.
    pub denied: u32,
    /// `Busy`.
    pub busy: u32,
}

/// SplitMix64: deterministic, and good enough to choose faults.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True `parts` times in `whole`.
    pub(super) fn is_one_of(&mut self, parts: u32, whole: u32) -> bool {
        parts > 0 && self.next() % u64::from(whole) < u64::from(parts)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// How many primitives were called.
    pub(super) step: u64,
    pub(super) schedule: BTreeMap<u64, Fault>,
    pub(super) rates: FaultRates,
    pub(super) random: Random,
    pub(super) halted: bool,
}

const MILLION: u32 = 1_000_000;

impl Faults {
    /// The fault of the next primitive, if it has one.
    pub(super) fn next(&mut self, writes: bool) -> Option<Fault> {
        let step = self.step;
        self.step += 1;
        if self.halted {
            return Some(Fault::Halt);
        }
        self.schedule.remove(&step).or_else(|| self.by_chance(writes))
    }

    fn by_chance(&mut self, writes: bool) -> Option<Fault> {
        if self.rates == FaultRates::default() {
            return None;
        }
        let FaultRates { io, io_after, no_space, denied, busy } = self.rates;
        let no_space = if writes { no_space } else { 0 };
        [
            (io, Fault::Fail(ErrorKind::Io)),
            (io_after, Fault::FailAfter(ErrorKind::Io)),
            (no_space, Fault::Fail(ErrorKind::NoSpace)),
            (denied, Fault::Fail(ErrorKind::Denied)),
            (busy, Fault::Fail(ErrorKind::Busy)),
        ]
        .into_iter()
        .find_map(|(rate, fault)| self.random.is_one_of(rate, MILLION).then_some(fault))
    }
}
