//! The server's two times: a monotonic one that measures, and a calendar that runs with it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::model::time::{CalendarJumps, Now, Tick, Timestamp};

/// Calendar times are the wall clock as it was at the start plus what has been measured since, so that a wall clock which
/// is set back changes no order in the history. [`Clock::follow`] lets the two meet again: slowly, or, where the calendar
/// is far behind, at once. Then [`Now::jumps`] tells by how much, so that nothing that goes on gets longer.
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
    /// How long the machine had slept when this was last looked at, since it was switched on.
    asleep: i64,
    jumps: CalendarJumps,
}

/// What the machine's clocks say at one moment, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// What was measured since the start, without the time asleep.
    elapsed: u64,
    /// How long the machine has slept since it was switched on.
    asleep: i64,
    wall: i64,
}

impl Calendar {
    /// The most that it is moved at once without a jump.
    const SLEW: i64 = 50;
    /// If it is as far behind, it jumps: it would take more than a quarter of an hour to catch up.
    const FAR: i64 = 10_000;
    /// A shorter sleep is none.
    const SLEEP: i64 = 1_000;

    fn at(reading: Reading) -> Self {
        Self {
            anchor: reading.wall.saturating_sub_unsigned(reading.elapsed),
            latest: i64::MIN,
            asleep: reading.asleep,
            jumps: CalendarJumps::default(),
        }
    }

    fn read(&mut self, elapsed: u64) -> i64 {
        self.latest = self.anchor.saturating_add_unsigned(elapsed).max(self.latest);
        self.latest
    }

    /// How far it has jumped for that, in all.
    fn follow(&mut self, reading: Reading, unobserved: bool) -> CalendarJumps {
        let before = self.jumps;
        let slept = reading.asleep.saturating_sub(self.asleep);
        if slept >= Self::SLEEP {
            self.asleep = reading.asleep;
            self.anchor = self.anchor.saturating_add(slept);
            self.jumps.asleep_ms += slept;
        }
        let behind = reading
            .wall
            .saturating_sub(self.anchor.saturating_add_unsigned(reading.elapsed));
        let is_far = behind >= Self::FAR;
        if is_far {
            self.jumps.set_ms += behind;
        }
        let step = if unobserved || is_far {
            behind
        } else {
            behind.clamp(-Self::SLEW, Self::SLEW)
        };
        self.anchor = self.anchor.saturating_add(step);
        if unobserved {
            self.latest = i64::MIN;
        }
        CalendarJumps {
            set_ms: self.jumps.set_ms - before.set_ms,
            asleep_ms: self.jumps.asleep_ms - before.asleep_ms,
        }
    }
}

impl Clock {
    /// A clock that starts at the wall clock's time.
    pub fn start() -> Self {
        let start = Instant::now();
        Self {
            start,
            calendar: Mutex::new(Calendar::at(reading(start))),
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
            jumps: calendar.jumps,
        }
    }

    /// The moment a timer for `tick` has to wait for.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.start + Duration::from_millis(tick.0)
    }

    /// Moves the calendar a little towards the wall clock; all the way if it is far behind, and also back if nobody is
    /// there to see it (`unobserved`). To be called about every five seconds.
    pub fn follow(&self, unobserved: bool) {
        let jumped = self.calendar.lock().follow(reading(self.start), unobserved);
        if jumped.asleep_ms > 0 {
            tracing::warn!(
                slept = %in_words(jumped.asleep_ms),
                "the machine slept: for that time nobody counts as present, on the server's account"
            );
        }
        if jumped.set_ms > 0 {
            tracing::warn!(
                by = %in_words(jumped.set_ms),
                "the wall clock was set ahead: the history follows, and the sessions that go on move with it"
            );
        }
    }

    fn elapsed(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

/// The wall clock's time, wherever the calendar is: what others are told to expire by their own clocks goes by it.
pub fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

fn reading(start: Instant) -> Reading {
    Reading {
        elapsed: millis(start.elapsed()),
        asleep: asleep(),
        wall: wall_clock().0,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn in_words(ms: i64) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(ms.unsigned_abs() / 1_000))
}

/// How long the machine has slept since it was switched on. Where the system does not tell, a sleep looks like a clock
/// that was set.
#[cfg(target_os = "linux")]
fn asleep() -> i64 {
    use rustix::time::{ClockId, clock_gettime};
    let ms = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec
            .saturating_mul(1_000)
            .saturating_add(time.tv_nsec / 1_000_000)
    };
    ms(ClockId::Boottime).saturating_sub(ms(ClockId::Monotonic))
}

#[cfg(not(target_os = "linux"))]
fn asleep() -> i64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const START: Reading = Reading {
        elapsed: 1_000,
        asleep: 5_000,
        wall: 1_000_000_000,
    };

    /// Five seconds later, and so much more by two of the clocks.
    fn later(from: Reading, asleep: i64, wall: i64) -> Reading {
        Reading {
            elapsed: from.elapsed + 5_000,
            asleep: from.asleep + asleep,
            wall: from.wall + 5_000 + wall,
        }
    }

    #[test]
    fn the_calendar_jumps_ahead_but_never_back() {
        for (asleep, wall, set, slept, off) in [
            // Nothing happened.
            (0, 0, 0, 0, 0),
            // Slewed by a time server: slowly, either way.
            (0, 400, 0, 0, -350),
            (0, -400, 0, 0, 350),
            (0, 9_999, 0, 0, -9_949),
            // Set ahead by hand.
            (0, 10_000, 10_000, 0, 0),
            (0, 8 * HOUR, 8 * HOUR, 0, 0),
            // Set back.
            (0, -8 * HOUR, 0, 0, 8 * HOUR - 50),
            // Asleep, with a wall clock that went on.
            (8 * HOUR, 8 * HOUR, 0, 8 * HOUR, 0),
            (8 * HOUR, 8 * HOUR + 70, 0, 8 * HOUR, -20),
            (900, 900, 0, 0, -850),
            // Asleep, and set meanwhile.
            (HOUR, 3 * HOUR, 2 * HOUR, HOUR, 0),
            (HOUR, 0, 0, HOUR, HOUR - 50),
        ] {
            let mut calendar = Calendar::at(START);
            let before = calendar.read(START.elapsed);
            assert_eq!(before, START.wall);
            let now = later(START, asleep, wall);
            let jumped = calendar.follow(now, false);
            let jumps = CalendarJumps {
                set_ms: set,
                asleep_ms: slept,
            };
            let case = format!("{asleep} {wall}");
            assert_eq!((jumped, calendar.jumps), (jumps, jumps), "{case}");
            assert_eq!(calendar.read(now.elapsed) - now.wall, off, "{case}");
            // It is told of once.
            let again = later(now, 0, 0);
            assert_eq!(calendar.follow(again, false), CalendarJumps::default(), "{case}");
            assert_eq!(calendar.jumps, jumps, "{case}");
            assert!(calendar.read(again.elapsed) > before, "{case}");
        }
    }

    #[test]
    fn where_nobody_sees_it_the_calendar_goes_back_too() {
        for wall in [400, -400, HOUR, -HOUR] {
            let mut calendar = Calendar::at(START);
            calendar.read(START.elapsed);
            let now = later(START, 0, wall);
            calendar.follow(now, true);
            assert_eq!(calendar.read(now.elapsed), now.wall, "{wall}");
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
        let future = Timestamp(wall_clock().0 + 3_600_000);
        let clock = Clock::start();
        clock.catch_up(future);
        assert!(clock.now().at >= future);
        clock.catch_up(Timestamp(0));
        assert!(clock.now().at >= future);
    }
}
