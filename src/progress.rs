//! How far something is that takes its time: a bar on a terminal, elsewhere a line every ten seconds. Standard output is for
//! what comes of it.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::time::{Instant, interval_at};
use tokio_util::task::AbortOnDropHandle;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
const REDRAWN_EVERY: Duration = Duration::from_millis(100);

const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len} ({pace})";

/// Something that goes on. It is no longer shown once this is dropped.
pub struct Progress {
    bar: ProgressBar,
    /// Where there is no terminal.
    lines: Option<Lines>,
}

/// How lines are written, and the task that does.
struct Lines {
    write: fn(&str),
    _task: AbortOnDropHandle<()>,
}

impl Progress {
    /// Begins to show how many of `total` are done; `what` says what they are.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn of(what: &'static str, total: u64) -> Self {
        Self::begin(what.into(), total, |line| eprintln!("{line}"))
    }

    /// The same of what a server does, too, whose lines are those of its log; [`Progress::say`] has to say what they are.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn logged(total: u64) -> Self {
        Self::begin(Cow::default(), total, |line| tracing::info!("{line}"))
    }

    fn begin(what: Cow<'static, str>, total: u64, write: fn(&str)) -> Self {
        if stderr().is_terminal() {
            let bar = ProgressBar::new(total).with_message(what);
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style.with_key("pace", |state: &ProgressState, out: &mut dyn Write| {
                    let _ = out.write_str(&pace(state.per_sec(), state.eta(), state.elapsed()));
                }));
            }
            bar.enable_steady_tick(REDRAWN_EVERY);
            return Self { bar, lines: None };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()).with_message(what);
        let task = AbortOnDropHandle::new(tokio::spawn(write_lines(bar.clone(), write)));
        let lines = Some(Lines { write, _task: task });
        Self { bar, lines }
    }

    /// Says what they are now.
    pub(crate) fn say(&self, what: String) {
        self.bar.set_message(what);
        if let Some(lines) = &self.lines {
            (lines.write)(&line(&self.bar));
        }
    }

    /// So many more are done.
    pub fn add(&self, done: u64) {
        self.bar.inc(done);
    }

    /// So many are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// So many were done before, which says nothing of how fast it goes now.
    pub fn resume_at(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

async fn write_lines(bar: ProgressBar, write: fn(&str)) {
    let mut ticks = interval_at(Instant::now() + LINE_EVERY, LINE_EVERY);
    loop {
        ticks.tick().await;
        write(&line(&bar));
    }
}

fn line(bar: &ProgressBar) -> String {
    let total = bar.length().unwrap_or_default();
    let (done, total) = (HumanCount(bar.position()), HumanCount(total));
    let pace = pace(bar.per_sec(), bar.eta(), bar.elapsed());
    format!("{}: {done} of {total} ({pace})", bar.message())
}

/// How fast it goes and how much time is left, or, while that cannot be known, how much is gone.
fn pace(per_second: f64, left: Duration, gone: Duration) -> String {
    if per_second < 1.0 {
        return format!("for {}", HumanDuration(gone));
    }
    format!("{per_second:.0}/s, {} left", HumanDuration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let bar = ProgressBar::with_draw_target(Some(12_000), ProgressDrawTarget::hidden()).with_message("rows");
        assert_eq!(line(&bar), "rows: 0 of 12,000 (for 0 seconds)");
        bar.set_position(4_000);
        let told = line(&bar);
        assert!(told.starts_with("rows: 4,000 of 12,000 ("), "{told}");
        let (short, long) = (Duration::from_secs(20), Duration::from_secs(80));
        assert_eq!(pace(200.4, short, long), "200/s, 20 seconds left");
        assert_eq!(pace(0.9, short, long), "for 80 seconds");
    }
}
