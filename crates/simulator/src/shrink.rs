//! Makes a failing run's plan as short as possible, while it still fails.

use crate::plan::Plan;
use crate::profile::Profile;
use crate::run_plan;
use crate::world::{Planted, Report};

/// A shorter plan and what came of it.
#[derive(Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// Its run.
    pub report: Report,
}

/// Leaves out deeds and troubles as long as the run still fails in the same way (the first word of the failure).
#[must_use]
pub fn shrink(seed: u64, profile: &Profile, planted: Planted, failure: &str) -> Shrunk {
    let kind = |failure: &str| failure.split([' ', ':']).next().unwrap_or_default().to_owned();
    let wanted = kind(failure);
    let fails = |plan: &Plan| {
        let report = run_plan(seed, profile, plan.clone(), planted, true);
        report.failure.as_deref().is_some_and(|failure| kind(failure) == wanted).then_some(report)
    };
    let mut plan = Plan::of(profile, seed);
    let mut best = run_plan(seed, profile, plan.clone(), planted, true);
    loop {
        let before = plan.deeds.len() + plan.troubles.len();
        for part in [Part::Troubles, Part::Deeds] {
            let mut size = part.len(&plan).div_ceil(2);
            while size > 0 {
                let mut from = 0;
                while from < part.len(&plan) {
                    let shorter = part.without(&plan, from, size);
                    match fails(&shorter) {
                        Some(report) => (plan, best) = (shorter, report),
                        None => from += size,
                    }
                }
                size /= 2;
            }
        }
        if plan.deeds.len() + plan.troubles.len() == before {
            return Shrunk { plan, report: best };
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Deeds,
    Troubles,
}

impl Part {
    fn len(self, plan: &Plan) -> usize {
        match self {
            Self::Deeds => plan.deeds.len(),
            Self::Troubles => plan.troubles.len(),
        }
    }

    fn without(self, plan: &Plan, from: usize, size: usize) -> Plan {
        let mut plan = plan.clone();
        let end = (from + size).min(self.len(&plan));
        match self {
            Self::Deeds => drop(plan.deeds.drain(from..end)),
            Self::Troubles => drop(plan.troubles.drain(from..end)),
        }
        plan
    }
}
