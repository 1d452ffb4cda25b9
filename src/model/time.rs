//! The two times of a room: one that measures, one that people read.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// A moment of the server's monotonic time, in milliseconds since an arbitrary start. Deadlines are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// How much time has passed since the start.
    pub fn since_start(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// The moment `duration` later (saturating).
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// How long from `self` until `later`; zero if that has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// A moment of the calendar, in milliseconds since 1970-01-01T00:00:00Z. The history is written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// RFC 3339 in UTC with milliseconds, as the details of entries hold it and the API gives it. Times that no calendar
    /// has are its beginning.
    pub fn rfc3339(self) -> String {
        let time: DateTime<Utc> = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

/// One moment in both times: what every input of a room carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// For deadlines.
    pub tick: Tick,
    /// For the history.
    pub at: Timestamp,
    /// How far the second has jumped beside the first.
    pub jumps: CalendarJumps,
}

/// How far the calendar has jumped ahead of what was measured, in milliseconds since the server's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CalendarJumps {
    /// Because a clock that was wrong was set.
    pub set_ms: i64,
    /// Because the machine slept.
    pub asleep_ms: i64,
}

impl Now {
    /// The calendar time that `tick` will be (or was), seen from this moment.
    pub fn at_tick(self, tick: Tick) -> Timestamp {
        let ahead = i128::from(tick.0) - i128::from(self.tick.0);
        let at = i128::from(self.at.0) + ahead;
        Timestamp(i64::try_from(at).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX }))
    }
}
