//! Outcomes as runs: 10,000 new files are answered in a few bytes, because their ids and numbers are consecutive.

use super::BundleError;
use super::frame::kind;
use super::record::Outcomes;
use super::wire::{self, AppliedRun, OutcomeRun};
use model::{Applied, GroupOutcome, NodeId, Revision, Seq};

const fn malformed(what: &'static str) -> BundleError {
    BundleError::Malformed { kind: kind::OUTCOMES, what }
}

/// Writes outcomes as runs.
pub(crate) fn compress(outcomes: &[GroupOutcome]) -> wire::Outcomes {
    let mut groups = Vec::new();
    let mut applied = Vec::new();
    for outcome in outcomes {
        match outcome {
            GroupOutcome::Applied(entries) => {
                add_applied_group(&mut groups, entries.len() as u32);
                entries.iter().for_each(|entry| add_applied(&mut applied, entry));
            }
            GroupOutcome::Refused { operation, reason, current } => groups.push(OutcomeRun::Refused {
                operation: *operation,
                reason: wire::refusal_code(*reason),
                current: current.as_deref().map(|node| Box::new(node.into())),
            }),
        }
    }
    wire::Outcomes { groups, applied }
}

fn add_applied_group(runs: &mut Vec<OutcomeRun>, size: u32) {
    match runs.last_mut() {
        Some(OutcomeRun::Applied { groups, operations }) if *operations == size => *groups += 1,
        _ => runs.push(OutcomeRun::Applied { groups: 1, operations: size }),
    }
}

fn add_applied(runs: &mut Vec<AppliedRun>, entry: &Applied) {
    let (node, placement, version) = (entry.node.0, entry.revision.placement.0, entry.revision.version.0);
    if let Some(run) = runs.last_mut() {
        let (last_node, last_placement, last_version) = run.at(run.count - 1);
        let steps = (
            node.wrapping_sub(last_node) as i64,
            placement.wrapping_sub(last_placement) as i64,
            version.wrapping_sub(last_version) as i64,
        );
        if run.count == 1 {
            (run.node_step, run.placement_step, run.version_step) = steps;
        }
        if (run.node_step, run.placement_step, run.version_step) == steps {
            run.count += 1;
            return;
        }
    }
    runs.push(AppliedRun {
        count: 1,
        node,
        node_step: 0,
        placement,
        placement_step: 0,
        version,
        version_step: 0,
    });
}

impl AppliedRun {
    fn at(&self, index: u32) -> (u64, u64, u64) {
        let along = |start: u64, step: i64| start.wrapping_add((step as u64).wrapping_mul(u64::from(index)));
        (
            along(self.node, self.node_step),
            along(self.placement, self.placement_step),
            along(self.version, self.version_step),
        )
    }
}

/// Gives outcomes one by one. `operations_max` bounds groups and applied operations each, so that a few bytes
/// cannot ask for much memory.
pub(crate) fn expand(outcomes: &Outcomes, operations_max: usize) -> Result<Vec<GroupOutcome>, BundleError> {
    let outcomes = &outcomes.0;
    let count = |total: u64| {
        if total > operations_max as u64 { Err(malformed("it has too many outcomes")) } else { Ok(total) }
    };
    count(outcomes.applied.iter().map(|run| u64::from(run.count)).sum())?;
    let mut groups_total = 0u64;
    let mut operations_total = 0u64;
    for run in &outcomes.groups {
        match run {
            OutcomeRun::Applied { groups, operations } => {
                groups_total += u64::from(*groups);
                operations_total =
                    operations_total.saturating_add(u64::from(*groups) * u64::from(*operations));
            }
            OutcomeRun::Refused { .. } => groups_total += 1,
        }
    }
    count(groups_total)?;
    count(operations_total)?;

    let mut entries = outcomes.applied.iter().flat_map(|run| (0..run.count).map(|index| run.at(index)));
    let mut expanded = Vec::with_capacity(groups_total as usize);
    for run in &outcomes.groups {
        match run {
            OutcomeRun::Applied { groups, operations } => {
                for _ in 0..*groups {
                    let group: Vec<_> =
                        entries.by_ref().take(*operations as usize).map(applied_entry).collect();
                    if group.len() != *operations as usize {
                        return Err(malformed("it has too few applied operations"));
                    }
                    expanded.push(GroupOutcome::Applied(group));
                }
            }
            OutcomeRun::Refused { operation, reason, current } => {
                let reason = wire::refusal_of(*reason).ok_or(malformed("an unknown reason"))?;
                let current = match current {
                    Some(node) => {
                        let node = (**node).clone().into_model();
                        Some(Box::new(node.map_err(|_| malformed("a node's name or target is none"))?))
                    }
                    None => None,
                };
                expanded.push(GroupOutcome::Refused { operation: *operation, reason, current });
            }
        }
    }
    if entries.next().is_some() {
        return Err(malformed("it has too many applied operations"));
    }
    Ok(expanded)
}

fn applied_entry((node, placement, version): (u64, u64, u64)) -> Applied {
    Applied { node: NodeId(node), revision: Revision { placement: Seq(placement), version: Seq(version) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Refusal;
    use proptest::prelude::*;

    fn applied(node: u64, seq: u64) -> Applied {
        applied_entry((node, seq, seq))
    }

    #[test]
    fn consecutive_creations_are_one_run() {
        let outcomes: Vec<_> =
            (0..10_000).map(|index| GroupOutcome::Applied(vec![applied(50 + index, 90 + index)])).collect();
        let runs = compress(&outcomes);
        assert_eq!((runs.groups.len(), runs.applied.len()), (1, 1));
        assert_eq!(expand(&Outcomes(runs.clone()), 10_000).unwrap(), outcomes);
        assert!(expand(&Outcomes(runs), 9_999).is_err());
    }

    #[test]
    fn runs_that_ask_for_too_much_or_do_not_add_up_are_refused() {
        let run = AppliedRun {
            count: u32::MAX,
            node: 0,
            node_step: 1,
            placement: 0,
            placement_step: 0,
            version: 0,
            version_step: 0,
        };
        let huge = wire::Outcomes {
            groups: vec![OutcomeRun::Applied { groups: u32::MAX, operations: u32::MAX }; 9],
            applied: vec![run; 9],
        };
        assert!(expand(&Outcomes(huge), 10_000).is_err());
        for operations in [1, 3] {
            let groups = vec![OutcomeRun::Applied { groups: 1, operations }];
            let applied = vec![AppliedRun { count: 2, ..run }];
            assert!(expand(&Outcomes(wire::Outcomes { groups, applied }), 10).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_outcomes_are_read_back(
            groups in prop::collection::vec(prop::collection::vec((0u64..4, any::<u64>()), 0..4), 0..30)
        ) {
            let outcomes: Vec<_> = groups
                .iter()
                .map(|group| match group.len() {
                    0 => GroupOutcome::Refused { operation: 1, reason: Refusal::Held, current: None },
                    _ => GroupOutcome::Applied(group.iter().map(|(node, seq)| applied(*node, *seq)).collect()),
                })
                .collect();
            prop_assert_eq!(expand(&Outcomes(compress(&outcomes)), 200).unwrap(), outcomes);
        }
    }
}
