//! What a step costs: wall time, CPU, bytes on the wire, the server's counters.

use crate::world::World;
use crate::{figure, machine};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A running measurement.
#[derive(Debug)]
pub(crate) struct Watch {
    counters: BTreeMap<String, f64>,
    cpu: BTreeMap<u32, f64>,
    busy: f64,
    wire: u64,
    started: Instant,
}

/// What a step has cost.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Seconds by process, in the order they were named.
    pub(crate) cpu: Vec<f64>,
    pub(crate) wire: u64,
    /// Cores that were busy with other things.
    pub(crate) others: f64,
    /// By how much each counter of the server grew.
    pub(crate) counters: BTreeMap<String, f64>,
}

impl Watch {
    /// Starts. `running` are the processes that take part and run already; those that start later count from zero.
    pub(crate) fn start(world: &World, running: &[u32]) -> Result<Self> {
        let counters = counters(world)?;
        let mut cpu = BTreeMap::new();
        for process in running {
            cpu.insert(*process, machine::cpu_seconds(*process)?);
        }
        let busy = machine::busy_seconds()?;
        let wire = machine::loopback_bytes()?;
        Ok(Self { counters, cpu, busy, wire, started: Instant::now() })
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Looks at what the step has cost in all. `took_part` are all processes that did, still running.
    pub(crate) fn cost(&self, world: &World, took_part: &[u32]) -> Result<Cost> {
        let mut cost = self.lap(took_part)?;
        let grown = |(name, value): (String, f64)| {
            let before = self.counters.get(&name).copied().unwrap_or(0.0);
            (name, value - before)
        };
        cost.counters = counters(world)?.into_iter().map(grown).filter(|(_, grown)| *grown > 0.0).collect();
        Ok(cost)
    }

    /// What the step has cost so far, without asking the server, so that what follows is not disturbed.
    pub(crate) fn lap(&self, took_part: &[u32]) -> Result<Cost> {
        let wall = self.elapsed();
        let wire = machine::loopback_bytes()? - self.wire;
        let mut cpu = Vec::new();
        for process in took_part {
            let before = self.cpu.get(process).copied().unwrap_or(0.0);
            cpu.push(machine::cpu_seconds(*process)? - before);
        }
        let busy = machine::busy_seconds()? - self.busy - cpu.iter().sum::<f64>();
        let others = (busy / wall.as_secs_f64().max(0.01)).max(0.0);
        Ok(Cost { wall, cpu, wire, others, counters: BTreeMap::new() })
    }
}

impl Cost {
    /// CPU seconds of all that took part.
    pub(crate) fn cpu_in_all(&self) -> f64 {
        self.cpu.iter().sum()
    }
}

/// Prints the costs of a step that was repeated: medians of time, and the last run's counters.
pub(crate) fn print(load: &str, step: &str, costs: &[Cost], payload: Option<u64>) -> Result<()> {
    let Some(last) = costs.last() else { return Ok(()) };
    let metric = |name: &str| if step.is_empty() { name.to_owned() } else { format!("{name}-{step}") };
    let others: Vec<String> = costs.iter().map(|cost| format!("{:.1}", cost.others)).collect();
    let walls: Vec<f64> = costs.iter().map(|cost| cost.wall.as_secs_f64()).collect();
    figure::medians(load, &metric("wall"), &walls)?;
    figure::medians(load, &metric("cpu"), &costs.iter().map(Cost::cpu_in_all).collect::<Vec<_>>())?;
    let mut wires: Vec<u64> = costs.iter().map(|cost| cost.wire).collect();
    wires.sort_unstable();
    let wire = wires[wires.len() / 2];
    let note = payload.filter(|payload| *payload > 0).map_or(String::new(), |payload| {
        format!("payload={payload} ratio={:.3}", wire as f64 / payload as f64)
    });
    figure::number(load, &metric("wire"), wire, "bytes", &note)?;
    for (name, grown) in &last.counters {
        figure::print(load, &metric(&format!("server:{name}")), &format!("{grown:.0}"), "count", "")?;
    }
    let cpu: Vec<String> = last.cpu.iter().map(|seconds| format!("{seconds:.2}")).collect();
    figure::say(&format!(
        "{load} {step}: cpu of the last run by process [{}], others' cores {others:?}",
        cpu.join(", ")
    ))
}

/// Prints memory now and at its highest.
pub(crate) fn print_memory(load: &str, roles: &[(&str, u32)]) -> Result<()> {
    for (role, process) in roles {
        let (now, peak) = machine::memory_kib(*process)?;
        figure::number(load, &format!("rss-{role}"), now, "KiB", "")?;
        figure::number(load, &format!("peak-rss-{role}"), peak, "KiB", "")?;
    }
    Ok(())
}

fn counters(world: &World) -> Result<BTreeMap<String, f64>> {
    match world.administrator() {
        Some(administrator) => administrator.counters(),
        None => Ok(BTreeMap::new()),
    }
}
