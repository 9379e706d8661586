//! Which rows go, over random histories.

use model::{DeviceId, Seq, Timestamp, UserId, VersionNumber};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use versioning::retention::plan::{DAY_NS, HOUR_NS, Held, Plan, Row, Rules, plan};

const NOW: i64 = 1_800_000_000_000_000_000;
const MINUTE_NS: i64 = HOUR_NS / 60;

/// A node's history, and by what it is kept.
#[derive(Debug, Clone)]
struct Case {
    rows: Vec<Row>,
    removed: Option<(Seq, Timestamp)>,
    rules: Rules,
    held: Vec<Held>,
}

/// Steps between changes, from seconds to months, so that bursts and long pauses alternate.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        5 => 1..20 * MINUTE_NS,
        3 => HOUR_NS..10 * HOUR_NS,
        2 => DAY_NS..20 * DAY_NS,
        1 => 20 * DAY_NS..200 * DAY_NS,
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let days = prop_oneof![2 => Just(None), 1 => (1_u32..400).prop_map(Some)];
    (1_u32..40, days, 1_u32..30).prop_map(|(versions, days, safe_days)| Rules { versions, days, safe_days })
}

fn history() -> impl Strategy<Value = Vec<Row>> {
    let change = (step(), 1_u64..3, 0_u64..3, prop::bool::weighted(0.2), prop::bool::weighted(0.05));
    (prop::collection::vec(change, 1..160), 0..DAY_NS * 60).prop_map(|(changes, idle)| {
        let total: i64 = changes.iter().map(|change| change.0).sum();
        let (mut at, mut seq, mut number) = (NOW - total - idle, 1, 0);
        let mut rows = Vec::new();
        let mut pinned = BTreeSet::new();
        for (index, (step, user, device, attributes, pin)) in changes.into_iter().enumerate() {
            at += step;
            seq += 1 + u64::from(index % 3 == 0);
            let is_attributes = attributes && number > 0;
            number += u64::from(!is_attributes);
            if pin {
                pinned.insert(number);
            }
            rows.push(Row {
                seq: Seq(seq),
                number: VersionNumber(number),
                at: Timestamp(at),
                user: UserId(user),
                device: Some(DeviceId(device)).filter(|device| device.0 > 0),
                is_attributes,
                is_pinned: false,
            });
        }
        rows.iter_mut().for_each(|row| row.is_pinned = pinned.contains(&row.number.0));
        rows
    })
}

fn case() -> impl Strategy<Value = Case> {
    let held = prop::collection::vec((0..700 * DAY_NS, 1..HOUR_NS, 0..900 * DAY_NS), 0..3);
    (history(), prop::option::weighted(0.3, 1..100 * DAY_NS), rules(), held).prop_map(
        |(rows, gone, rules, held)| {
            let last = rows[rows.len() - 1];
            let removed = gone.map(|after| (Seq(last.seq.0 + 1), Timestamp((last.at.0 + after).min(NOW))));
            let held = held.into_iter().map(|(before, length, hold)| {
                let from = NOW - before;
                Held {
                    from: Timestamp(from),
                    to: Timestamp(from + length),
                    until: Timestamp(from + length + hold),
                }
            });
            Case { rows, removed, rules, held: held.collect() }
        },
    )
}

impl Case {
    fn plan(&self, now: i64) -> Plan {
        let held: Vec<Held> = self.held.iter().copied().filter(|held| held.until.0 > now).collect();
        plan(&self.rows, self.removed, self.rules, Timestamp(now), &held)
    }

    fn kept(&self, plan: &Plan) -> Vec<Row> {
        let goes: BTreeSet<Seq> = plan.remove.iter().copied().collect();
        self.rows.iter().copied().filter(|row| !goes.contains(&row.seq)).collect()
    }

    /// Each version with when it began and when it was no longer current.
    fn lives(&self) -> BTreeMap<VersionNumber, (Row, i64, i64)> {
        let heads: Vec<Row> = self.rows.iter().copied().filter(|row| !row.is_attributes).collect();
        let end = self.removed.map_or(i64::MAX, |(_, at)| at.0);
        let ends = heads.iter().skip(1).map(|row| row.at.0).chain([end]);
        heads.iter().zip(ends).map(|(row, end)| (row.number, (*row, row.at.0, end))).collect()
    }

    /// Whether the safe window or its age protects a version, told again in other words.
    fn is_safe(&self, number: VersionNumber, now: i64) -> bool {
        let lives = self.lives();
        let (row, from, to) = lives[&number];
        let window = now - i64::from(self.rules.safe_days) * DAY_NS;
        let same_hour = |other: &Row| {
            other.at.0.div_euclid(HOUR_NS) == from.div_euclid(HOUR_NS)
                && (other.user, other.device) == (row.user, row.device)
        };
        let is_hours_last = !lives.range(number..).skip(1).any(|(_, (other, _, _))| same_hour(other));
        from > now - HOUR_NS || (to > window && (from < window || is_hours_last))
    }

    fn is_held(&self, number: VersionNumber, now: i64) -> bool {
        let (_, from, to) = self.lives()[&number];
        let next_to = |held: &Held| {
            from <= held.to.0 + HOUR_NS && to.saturating_add(HOUR_NS) >= held.from.0 && held.until.0 > now
        };
        self.held.iter().any(next_to)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_a_node_holds_now_stays(case in case()) {
        let plan = case.plan(NOW);
        let last = case.rows[case.rows.len() - 1];
        prop_assert!(plan.purge || !plan.remove.contains(&last.seq));
        prop_assert!(!plan.purge || case.removed.is_some());
        prop_assert_eq!(plan.purge, case.kept(&plan).is_empty());
    }

    #[test]
    fn pinned_versions_stay_whole(case in case()) {
        let plan = case.plan(NOW);
        for row in case.rows.iter().filter(|row| row.is_pinned) {
            prop_assert!(!plan.remove.contains(&row.seq));
        }
    }

    #[test]
    fn a_version_that_stays_keeps_its_beginning_and_its_newest_attributes(case in case()) {
        let plan = case.plan(NOW);
        let kept = case.kept(&plan);
        for number in kept.iter().map(|row| row.number).collect::<BTreeSet<_>>() {
            let all = || case.rows.iter().filter(|row| row.number == number);
            let (first, last) = (all().next().unwrap(), all().next_back().unwrap());
            prop_assert!(kept.contains(first) && kept.contains(last));
        }
    }

    #[test]
    fn the_safe_window_keeps_what_was_current_and_each_hours_last_by_each_author(case in case()) {
        let plan = case.plan(NOW);
        for (number, (row, _, _)) in case.lives() {
            if case.is_safe(number, NOW) {
                prop_assert!(!plan.remove.contains(&row.seq), "{number:?}");
            }
        }
        if let Some((_, at)) = case.removed.filter(|_| plan.purge) {
            let window = i64::from(case.rules.safe_days) * DAY_NS;
            prop_assert!(at.0 + window <= NOW && case.rules.days.is_some());
        }
    }

    #[test]
    fn nothing_next_to_a_mass_change_goes_while_it_is_held(case in case()) {
        let plan = case.plan(NOW);
        for (number, (row, _, _)) in case.lives() {
            // A removed node's last state lives until the removal.
            if case.is_held(number, NOW) {
                prop_assert!(!plan.remove.contains(&row.seq), "{number:?} of {plan:?}");
            }
        }
    }

    #[test]
    fn no_more_than_the_wanted_versions_stay_but_protected_ones(case in case()) {
        let plan = case.plan(NOW);
        let numbers: BTreeSet<VersionNumber> =
            case.kept(&plan).iter().filter(|row| !row.is_pinned).map(|row| row.number).collect();
        if numbers.len() > case.rules.versions as usize {
            let last = case.rows[case.rows.len() - 1].number;
            let oldest = case.kept(&plan)[0].number;
            for number in numbers {
                prop_assert!(
                    number == last || number == oldest || case.is_safe(number, NOW) || case.is_held(number, NOW),
                    "{:?} is one too many", number
                );
            }
        }
    }

    #[test]
    fn what_is_within_the_count_and_the_days_stays(case in case()) {
        let plan = case.plan(NOW);
        let heads = case.rows.iter().filter(|row| !row.is_attributes && !row.is_pinned).count();
        if heads <= case.rules.versions as usize {
            for (_, (row, _, to)) in case.lives().into_iter().filter(|_| !plan.purge) {
                let days = case.rules.days.map_or(i64::MAX, |days| i64::from(days) * DAY_NS);
                prop_assert!(NOW.saturating_sub(to) >= days || !plan.remove.contains(&row.seq));
            }
        }
    }

    #[test]
    fn carried_out_twice_it_changes_nothing_more(case in case()) {
        let plan = case.plan(NOW);
        let rest = Case { rows: case.kept(&plan), ..case };
        if !rest.rows.is_empty() {
            let again = rest.plan(NOW);
            prop_assert_eq!(again.remove, vec![]);
        }
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(case in case(), seed in any::<u64>()) {
        let mut other = case.clone();
        let length = other.rows.len() as u64;
        for index in (1..other.rows.len()).rev() {
            other.rows.swap(index, (seed.wrapping_mul(index as u64 + 7) % length.min(index as u64 + 1)) as usize);
        }
        prop_assert_eq!(other.plan(NOW), case.plan(NOW));
    }

    /// A look at any moment still covered finds a row, and knows whether it is the very one — also after several
    /// rounds with new rows between.
    #[test]
    fn any_moment_still_covered_is_told_truly(case in case(), pauses in prop::collection::vec(1..40 * DAY_NS, 1..5)) {
        let truth = case.rows.clone();
        let mut case = Case { held: vec![], ..case };
        let (mut covered, mut marks) = (Seq(0), BTreeMap::new());
        let mut now = NOW;
        for pause in pauses {
            let plan = case.plan(now);
            covered = covered.max(plan.covered_since.unwrap_or_default());
            for (kept, from) in &plan.thinned {
                marks.entry(*kept).or_insert(*from);
            }
            case.rows = case.kept(&plan);
            if plan.purge {
                // What is covered begins after the removal.
                prop_assert_eq!(Some(covered), case.removed.map(|removed| removed.0));
                return Ok(());
            }
            for seq in covered.0..=truth[truth.len() - 1].seq.0 {
                let at = |rows: &[Row]| rows.iter().rev().find(|row| row.seq <= Seq(seq)).copied();
                let Some(then) = at(&truth) else { continue };
                let found = at(&case.rows);
                prop_assert!(found.is_some(), "nothing at {seq}, covered since {covered:?}");
                let found = found.unwrap();
                let is_thinned = marks.get(&found.seq).is_some_and(|from| *from <= Seq(seq));
                prop_assert_eq!(is_thinned, found != then, "at {}", seq);
            }
            now += pause;
        }
    }

    /// What the next look is put off to misses nothing: nothing would go before.
    #[test]
    fn nothing_is_due_before_the_next_look(case in case()) {
        let plan = case.plan(NOW);
        if plan.purge {
            return Ok(());
        }
        let rest = Case { rows: case.kept(&plan), ..case };
        let until = plan.next.map_or(NOW + 2000 * DAY_NS, |next| next.0 - 1);
        for part in 1..=20 {
            let then = NOW + (until - NOW) / 20 * part;
            // Within an hour of a look there is none.
            if then > NOW + HOUR_NS || plan.next.is_none() {
                prop_assert_eq!(rest.plan(then).remove, vec![], "after {} of {:?}", then - NOW, plan.next);
            }
        }
    }

    /// Regular work: the older, the sparser; and the recent half is dense.
    #[test]
    fn the_older_the_sparser(versions in 8_u32..64, minutes in 600_i64..6000, count in 100_usize..400) {
        let step = minutes * MINUTE_NS;
        let rules = Rules { versions, days: None, safe_days: 1 };
        // Old enough for the safe window to have no say; and so much work that the oldest is much older than the newest.
        let now = NOW + 10 * DAY_NS;
        let rows: Vec<Row> = (0..count).map(|index| Row {
            seq: Seq(index as u64 + 1),
            number: VersionNumber(index as u64 + 1),
            at: Timestamp(NOW - (count - index) as i64 * step),
            user: UserId(1),
            device: None,
            is_attributes: false,
            is_pinned: false,
        }).collect();
        let case = Case { rows, removed: None, rules, held: vec![] };
        let kept = case.kept(&case.plan(now));
        prop_assert_eq!(kept.len(), versions as usize);
        let gaps: Vec<i64> = kept.windows(2).map(|pair| pair[1].at.0 - pair[0].at.0).collect();
        let third = gaps.len() / 3;
        let mean = |gaps: &[i64]| gaps.iter().sum::<i64>() / gaps.len() as i64;
        let (old, recent) = (mean(&gaps[..third]), mean(&gaps[gaps.len() - third..]));
        prop_assert!(old >= recent, "{old} apart when old, {recent} when recent");
    }
}

/// Saves in quick succession go before the state that somebody stopped at.
#[test]
fn what_somebody_stopped_at_outlives_what_they_saved_on_the_way() {
    let day = |day: i64, minute: i64| NOW - (60 - day) * DAY_NS + minute * MINUTE_NS;
    let moments: Vec<i64> = (0..30).flat_map(|d| (0..10).map(move |minute| day(d, minute))).collect();
    let row = |(index, at): (usize, &i64)| Row {
        seq: Seq(index as u64 + 1),
        number: VersionNumber(index as u64 + 1),
        at: Timestamp(*at),
        user: UserId(1),
        device: None,
        is_attributes: false,
        is_pinned: false,
    };
    let rows: Vec<Row> = moments.iter().enumerate().map(row).collect();
    let rules = Rules { versions: 31, days: None, safe_days: 1 };
    let case = Case { rows, removed: None, rules, held: vec![] };
    let kept = case.kept(&case.plan(NOW));
    let evenings = kept.iter().filter(|row| row.seq.0 % 10 == 0).count();
    assert_eq!(
        (kept.len(), evenings),
        (31, 30),
        "{:?}",
        kept.iter().map(|row| row.seq.0).collect::<Vec<_>>()
    );
}

/// A file was there when a program changed everything, and was removed by hand a day later: what it held before stays.
#[test]
fn a_node_that_was_there_at_a_mass_change_is_not_purged_while_that_is_held() {
    let row = Row {
        seq: Seq(1),
        number: VersionNumber(1),
        at: Timestamp(NOW - 50 * DAY_NS),
        user: UserId(1),
        device: None,
        is_attributes: false,
        is_pinned: false,
    };
    let removed = Some((Seq(2), Timestamp(NOW - 39 * DAY_NS)));
    let at = Timestamp(NOW - 40 * DAY_NS);
    let held = [Held { from: at, to: at, until: Timestamp(NOW + 50 * DAY_NS) }];
    let rules = Rules { versions: 32, days: Some(1), safe_days: 1 };
    assert!(plan(&[row], removed, rules, Timestamp(NOW), &[]).purge);
    let kept = plan(&[row], removed, rules, Timestamp(NOW), &held);
    assert!(!kept.purge && kept.remove.is_empty(), "{kept:?}");
    assert_eq!(kept.next, Some(held[0].until));
}
