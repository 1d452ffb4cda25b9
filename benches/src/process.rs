//! What a process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Linux counts a process's time in hundredths of a second wherever programs can see it.
const TICK: Duration = Duration::from_millis(10);

/// How the server is told to log warnings only, as its peers log nothing. `LOG` says otherwise.
#[must_use]
pub fn log_level() -> (&'static str, String) {
    const VARIABLE: &str = "LOG";
    (VARIABLE, std::env::var(VARIABLE).unwrap_or_else(|_| "warn".to_owned()))
}

/// The CPU time of all threads of a process, in user space and in the kernel.
///
/// # Errors
/// If it has ended.
pub fn cpu(pid: u32) -> Result<Duration> {
    ticks(&format!("/proc/{pid}/stat")).map(|(_, ticks)| TICK * ticks)
}

/// The same, with the processes that it has started itself and that still run.
///
/// # Errors
/// If it has ended.
pub fn cpu_with_children(pid: u32) -> Result<Duration> {
    let mut sum = cpu(pid)?;
    for process in fs::read_dir("/proc")? {
        let stat = process?.path().join("stat");
        // What is no process has none, and one may end in between.
        let Ok(text) = fs::read_to_string(&stat) else { continue };
        let parent = text
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1));
        if parent == Some(pid.to_string().as_str()) {
            sum += ticks(&stat.to_string_lossy()).map_or(Duration::ZERO, |(_, ticks)| TICK * ticks);
        }
    }
    Ok(sum)
}

/// The CPU time of those threads of a process whose names `are_meant`.
///
/// # Errors
/// If it has ended.
pub fn cpu_of_threads(pid: u32, are_meant: impl Fn(&str) -> bool) -> Result<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = thread?.path().join("stat");
        // A thread may end in between.
        if let Ok((name, ticks)) = ticks(&stat.to_string_lossy())
            && are_meant(&name)
        {
            sum += ticks;
        }
    }
    Ok(TICK * sum)
}

/// Resident memory in bytes.
///
/// # Errors
/// If it has ended.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// A process's or thread's name, and the ticks it has used.
fn ticks(path: &str) -> Result<(String, u32)> {
    let stat = fs::read_to_string(path).context("the process has ended")?;
    let (name, rest) = stat
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .context("no name in stat")?;
    // Fields 14 and 15 of all; the first after the name is the third.
    let mut fields = rest.split_whitespace().skip(11);
    let mut field = || -> Result<u32> { Ok(fields.next().context("stat is too short")?.parse()?) };
    Ok((name.to_owned(), field()? + field()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn our_own_use_is_counted() {
        let pid = std::process::id();
        let before = cpu(pid).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let until_done = Arc::clone(&done);
        // A thread of its own, alive while it is counted: those of other tests come and go.
        let spinner = thread::Builder::new().name("spinner".to_owned()).spawn(move || {
            while !until_done.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let spun = || cpu_of_threads(pid, |name| name == "spinner").unwrap();
        while spun() < TICK * 3 {
            thread::sleep(TICK);
        }
        assert!(cpu(pid).unwrap() >= before + TICK * 3);
        assert_eq!(cpu_of_threads(pid, |_| false).unwrap(), Duration::ZERO);
        assert!(resident(pid).unwrap() > 100_000);
        done.store(true, Ordering::Relaxed);
        spinner.unwrap().join().unwrap();
    }
}
