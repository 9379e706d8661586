//! Giving up: what a process can do after [`lock`] is compute, read what it is given and say what came of it.
//!
//! Two walls, and limits. **seccomp** lets through the few calls of the system that computing takes; of files, only the standard
//! input can be read and the standard outputs written, memory is anonymous and never executable, and any other call ends the
//! process. **Landlock** takes away every file and every port besides. Memory, processor time, open files, processes and
//! written files have **limits**. The process dies with its parent.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
};
use landlock::{RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::io;

pub(crate) use crate::wire::Lock;

/// How much memory decoding may take, beyond what the program itself takes.
pub const MEMORY_MAX: u64 = 512 << 20;
/// How many seconds of the processor decoding may take.
pub const SECONDS_MAX: u64 = 10;
/// How nice the process is to others: previews come after syncing.
const NICE: i32 = 10;
/// Which process the system shall end first when memory runs out.
const FIRST_TO_GO: &str = "1000";

/// What has to be there for anything to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// All of it.
    #[default]
    Whole,
    /// Everything but Landlock, which older kernels and some containers do not have.
    WithoutLandlock,
}

/// A part of the sandbox that this machine does not give.
#[derive(Debug, thiserror::Error)]
#[error("{lock:?} cannot be had: {cause}")]
pub struct Unlocked {
    pub(crate) lock: Lock,
    cause: String,
}

fn unlocked(lock: Lock) -> impl Fn(String) -> Unlocked {
    move |cause| Unlocked { lock, cause }
}

/// Gives up everything, for good. To be called by a process with one thread.
///
/// # Errors
/// If the machine does not give what is wanted. The process has given up a part by then and is of no use.
pub fn lock(wanted: Strictness) -> Result<(), Unlocked> {
    warm_up();
    limits().map_err(|error| unlocked(Lock::Limits)(error.to_string()))?;
    let landlocked = landlock();
    if wanted == Strictness::Whole {
        landlocked.map_err(unlocked(Lock::Landlock))?;
    }
    // Landlock needs a descriptor to set itself up.
    no_more(Resource::Nofile, 0).map_err(|error| unlocked(Lock::Limits)(error.to_string()))?;
    seccomp().map_err(unlocked(Lock::Seccomp))
}

/// What libraries find out once by asking the system is found out before nothing can be asked any more.
fn warm_up() {
    #[cfg(target_arch = "aarch64")]
    let _ = std::arch::is_aarch64_feature_detected!("neon");
    // Without hooks: a report would want to read files.
    std::panic::set_hook(Box::new(|_| {}));
}

fn limits() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    // Manners, not walls: where they are refused, decoding is as safe.
    let _ = rustix::process::setpriority_process(None, NICE);
    let _ = std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    no_more(Resource::As, taken()? + MEMORY_MAX)?;
    no_more(Resource::Cpu, SECONDS_MAX)?;
    no_more(Resource::Core, 0)?;
    no_more(Resource::Fsize, 0)?;
    no_more(Resource::Nproc, 0)
}

fn no_more(resource: Resource, most: u64) -> io::Result<()> {
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// How much address space the program has taken already.
fn taken() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.ok_or(io::ErrorKind::InvalidData)? * rustix::param::page_size() as u64)
}

/// The one wall: no file, no port, no signal, whatever of it the kernel knows. By itself it is for those who look whether it
/// stands.
///
/// # Errors
/// If the kernel does not have it.
pub fn landlock() -> Result<(), String> {
    let known = ABI::V6;
    let restrict = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(known))?
            .handle_access(AccessNet::from_all(known))?
            .scope(Scope::from_all(known))?
            .create()?
            .restrict_self()
    };
    let status = restrict().map_err(|error: landlock::RulesetError| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("the kernel does not have it, or not switched on".to_owned()),
    }
}

fn seccomp() -> Result<(), String> {
    let filter = filter().map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&filter).map_err(|error| error.to_string())
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, vec![])).collect();
    let only = |argument, value| equal(argument, SeccompCmpOp::Eq, value);
    rules.insert(libc::SYS_read, vec![SeccompRule::new(vec![only(0, 0)?])?]);
    // What a program says when its memory has run out goes to the standard error, which leads nowhere.
    let to = |output| SeccompRule::new(vec![only(0, output)?]);
    rules.insert(libc::SYS_write, vec![to(1)?, to(2)?]);
    // It can give itself up, and nobody else: that is how a program ends that gets no more memory.
    let (itself, up) = (u64::from(std::process::id()), libc::SIGABRT as u64);
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![only(0, itself)?, only(2, up)?])?]);
    // Memory that is nobody's file, and that never becomes a program.
    let anonymous = libc::MAP_ANONYMOUS as u64;
    let never_run = || equal(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0);
    let of_no_file = equal(3, SeccompCmpOp::MaskedEq(anonymous), anonymous)?;
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![never_run()?, of_no_file])?]);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![never_run()?])?]);
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

fn equal(argument: u8, how: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value)
}

/// What computing takes, whatever the arguments.
const ALLOWED: [i64; 17] = [
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    // Seeds of hash maps.
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    libc::SYS_close,
    // How a program ends, well or not.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit_group,
];
