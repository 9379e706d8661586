//! What the system knows of processes, the loopback interface and other load.

use anyhow::{Context as _, Result};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Linux tells CPU time in hundredths of a second, whatever the kernel's own tick.
const TICKS_A_SECOND: f64 = 100.0;

/// User and system seconds of a process and the children it has waited for.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the process has ended")?;
    // The second field is the program's name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("no process status")?;
    let ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS_A_SECOND)
}

/// Memory of a process in KiB: resident now, and at its highest.
pub(crate) fn memory_kib(process: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("the process has ended")?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
        Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?)
    };
    Ok((field("VmRSS")?, field("VmHWM")?))
}

/// Bytes that the loopback interface has carried, each packet once.
pub(crate) fn loopback_bytes() -> Result<u64> {
    let table = fs::read_to_string("/proc/net/dev")?;
    let line = table.lines().find_map(|line| line.trim().strip_prefix("lo:")).context("no loopback")?;
    Ok(line.split_whitespace().next().context("no counter")?.parse()?)
}

/// Seconds that all cores together have been busy.
pub(crate) fn busy_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> =
        stat.lines().next().context("no status")?.split_whitespace().skip(1).flat_map(str::parse).collect();
    let idle = fields.get(3).copied().unwrap_or(0) + fields.get(4).copied().unwrap_or(0);
    Ok((fields.iter().sum::<u64>() - idle) as f64 / TICKS_A_SECOND)
}

/// Writes all caches to disk, then waits for a second in which less than half a core is busy.
pub(crate) fn settle(at_most: f64) -> Result<()> {
    rustix::fs::sync();
    let late = Instant::now() + Duration::from_secs_f64(at_most);
    while Instant::now() < late {
        let (busy, since) = (busy_seconds()?, Instant::now());
        sleep(Duration::from_millis(700));
        if (busy_seconds()? - busy) / since.elapsed().as_secs_f64() < 0.5 {
            break;
        }
    }
    Ok(())
}
