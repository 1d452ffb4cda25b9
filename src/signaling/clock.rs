//! The server's two times: a monotonic one that measures, and a calendar that runs with it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::model::time::{Now, Tick, Timestamp};

/// Calendar times are the wall clock as it was at the start plus what has been measured since, so a wall clock that
/// jumps changes no duration and no order in the history. [`Clock::follow`] lets the two meet again slowly.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    calendar: Mutex<Calendar>,
}

/// In milliseconds.
#[derive(Debug)]
struct Calendar {
    /// The time at the start.
    anchor: i64,
    /// The last time that was told: while the calendar is moved back, it stands still.
    latest: i64,
}

impl Calendar {
    fn read(&mut self, elapsed: u64) -> i64 {
        self.latest = self.anchor.saturating_add_unsigned(elapsed).max(self.latest);
        self.latest
    }
}

impl Clock {
    /// The most that one call of [`Self::follow`] moves the calendar.
    const SLEW: Duration = Duration::from_millis(50);

    /// A clock that starts at the wall clock's time.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            calendar: Mutex::new(Calendar {
                anchor: wall_clock(),
                latest: i64::MIN,
            }),
        }
    }

    /// Moves the calendar ahead to `past` if it is behind: after a restart the history goes on, even if the wall clock
    /// has been set back meanwhile.
    pub fn catch_up(&self, past: Timestamp) {
        let mut calendar = self.calendar.lock();
        let behind = past.0.saturating_sub(calendar.read(self.elapsed()));
        calendar.anchor = calendar.anchor.saturating_add(behind.max(0));
        calendar.latest = calendar.latest.max(past.0);
    }

    /// This moment. Never before one that was told already.
    pub fn now(&self) -> Now {
        let mut calendar = self.calendar.lock();
        let elapsed = self.elapsed();
        Now {
            tick: Tick(elapsed),
            at: Timestamp(calendar.read(elapsed)),
        }
    }

    /// The moment a timer for `tick` has to wait for.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.start + Duration::from_millis(tick.0)
    }

    /// Moves the calendar a little towards the wall clock; all the way, also back, if nobody is there to see it
    /// (`unobserved`). To be called about every five seconds.
    pub fn follow(&self, unobserved: bool) {
        let mut calendar = self.calendar.lock();
        let elapsed = self.elapsed();
        let behind = wall_clock().saturating_sub(calendar.anchor.saturating_add_unsigned(elapsed));
        let most = i64::try_from(Self::SLEW.as_millis()).unwrap_or(i64::MAX);
        let step = if unobserved { behind } else { behind.clamp(-most, most) };
        calendar.anchor = calendar.anchor.saturating_add(step);
        if unobserved {
            calendar.latest = i64::MIN;
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn wall_clock() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_clock_moves_the_calendar_slowly() {
        let day = 86_400_000;
        for jump in [day, -day] {
            let clock = Clock::start();
            clock.calendar.lock().anchor -= jump;
            let before = clock.now();
            clock.follow(false);
            let moved = clock.now().at.0 - before.at.0;
            assert!(moved.abs() <= 1_000, "moved {moved} ms at once");
            clock.follow(true);
            assert!((clock.now().at.0 - wall_clock()).abs() < 1_000);
        }
    }

    #[test]
    fn a_calendar_that_is_ahead_never_goes_back() {
        let clock = Clock::start();
        clock.calendar.lock().anchor += 86_400_000;
        let mut before = clock.now();
        for _ in 0..100 {
            clock.follow(false);
            let now = clock.now();
            assert!(now.at >= before.at, "{before:?}, then {now:?}");
            before = now;
        }
        clock.follow(true);
        assert!(clock.now().at < before.at);
    }

    #[test]
    fn history_never_starts_before_its_own_past() {
        let future = Timestamp(wall_clock() + 3_600_000);
        let clock = Clock::start();
        clock.catch_up(future);
        assert!(clock.now().at >= future);
        clock.catch_up(Timestamp(0));
        assert!(clock.now().at >= future);
    }
}
