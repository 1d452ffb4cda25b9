//! How far something is that takes its time: a bar on a terminal, elsewhere a line every ten seconds. Standard output is for
//! what comes of it.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, interval_at};
use tokio_util::task::AbortOnDropHandle;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
const REDRAWN_EVERY: Duration = Duration::from_millis(100);

const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len} ({per_sec}, {eta} left)";

/// Something that goes on. It is no longer shown once this is dropped.
pub struct Progress {
    bar: ProgressBar,
    _lines: Option<AbortOnDropHandle<()>>,
}

impl Progress {
    /// Begins to show how many of `total` are done; `what` says what they are.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn of(what: &'static str, total: u64) -> Self {
        if stderr().is_terminal() {
            let bar = ProgressBar::new(total).with_message(what);
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(REDRAWN_EVERY);
            return Self { bar, _lines: None };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let lines = tokio::spawn(write_lines(what, bar.clone()));
        Self {
            bar,
            _lines: Some(AbortOnDropHandle::new(lines)),
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

async fn write_lines(what: &'static str, bar: ProgressBar) {
    let mut ticks = interval_at(Instant::now() + LINE_EVERY, LINE_EVERY);
    loop {
        ticks.tick().await;
        eprintln!("{}", line(what, &bar));
    }
}

fn line(what: &str, bar: &ProgressBar) -> String {
    let total = bar.length().unwrap_or_default();
    let (done, total) = (HumanCount(bar.position()), HumanCount(total));
    let rate = bar.per_sec();
    if rate < 1.0 {
        return format!("{what}: {done} of {total}");
    }
    let left = HumanDuration(bar.eta());
    format!("{what}: {done} of {total} ({rate:.0}/s, {left} left)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let bar = ProgressBar::with_draw_target(Some(12_000), ProgressDrawTarget::hidden());
        assert_eq!(line("rows", &bar), "rows: 0 of 12,000");
        bar.set_position(4_000);
        let told = line("rows", &bar);
        assert!(told.starts_with("rows: 4,000 of 12,000"), "{told}");
    }
}
