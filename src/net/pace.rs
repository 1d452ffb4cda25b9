//! How fast one connection may send: who sends faster is read more slowly, and cut only if that goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::Seen;
use crate::model::limit::LimitName;

/// How much more than a second's worth may come at once: a page that meets thirty others sends 1,200 messages.
const BURST: i64 = 8;
/// How many Socket.IO connects may come at once, with one more each second: a client library sends one.
const CONNECTS: i64 = 8;
/// For how long a client may send faster than it is read, without a pause, until it is cut.
const CUT_AFTER: Duration = Duration::from_secs(10);
/// Who has not had to wait for so long has paused.
const PAUSE: Duration = Duration::from_secs(1);

/// What one connection may send each second, and [`BURST`] times as much at once; 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PaceLimits {
    /// `MESSAGES_PER_SOCKET`.
    pub messages: usize,
    /// `BYTES_PER_SOCKET`.
    pub bytes: usize,
}

/// Why a connection is cut for what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooFast {
    #[error("it went on sending more messages a second than MESSAGES_PER_SOCKET allows")]
    Messages,
    #[error("it went on sending more bytes a second than BYTES_PER_SOCKET allows")]
    Bytes,
    #[error("it repeated the packet that connects")]
    Connects,
}

/// What one connection may still send.
#[derive(Debug)]
pub(crate) struct InboundPace {
    messages: Allowance,
    bytes: Allowance,
    connects: Allowance,
    refilled: Instant,
    over_since: Instant,
    /// The end of the last wait.
    waits_until: Instant,
}

/// A bucket that is filled only when it is empty: until then nobody needs to know the time.
#[derive(Debug)]
struct Allowance {
    /// For each second.
    rate: i64,
    /// In thousandths, as `left`: what comes within a millisecond counts too.
    most: i64,
    left: i64,
}

impl TooFast {
    /// The limit that it is about, if there is one.
    pub(crate) fn limit(self) -> Option<LimitName> {
        match self {
            Self::Messages => Some(LimitName::MessagesPerSocket),
            Self::Bytes => Some(LimitName::BytesPerSocket),
            Self::Connects => None,
        }
    }
}

impl InboundPace {
    pub(crate) fn new(limits: PaceLimits) -> Self {
        let now = Instant::now();
        let allowance = |rate: usize| Allowance::new(rate as i64, rate as i64 * BURST);
        Self {
            messages: allowance(limits.messages),
            bytes: allowance(limits.bytes),
            connects: Allowance::new(1, CONNECTS),
            refilled: now,
            over_since: now,
            waits_until: now,
        }
    }

    /// Counts what has come.
    ///
    /// # Errors
    /// If it must not be handed on.
    pub(crate) fn count(&mut self, seen: Seen, bytes: usize) -> Result<(), TooFast> {
        self.messages.take(seen.frames.into());
        self.bytes.take(bytes as i64);
        self.connects.take(seen.connects.into());
        if self.connects.left < 0 {
            self.refill(Instant::now());
        }
        if self.connects.left < 0 {
            return Err(TooFast::Connects);
        }
        Ok(())
    }

    /// How long to wait until more may be read, if not at all.
    ///
    /// # Errors
    /// If that has gone on for too long.
    pub(crate) fn wait(&mut self) -> Result<Option<Duration>, TooFast> {
        if self.messages.has_some() && self.bytes.has_some() {
            return Ok(None);
        }
        let now = Instant::now();
        self.refill(now);
        let over = match (self.messages.has_some(), self.bytes.has_some()) {
            (true, true) => return Ok(None),
            (false, _) => TooFast::Messages,
            (true, false) => TooFast::Bytes,
        };
        if self.over_for(now) > CUT_AFTER {
            return Err(over);
        }
        let wait = self.messages.refilled_in().max(self.bytes.refilled_in());
        self.waits_until = now + wait;
        Ok(Some(wait))
    }

    /// For how long it has been too fast, without a pause.
    fn over_for(&mut self, now: Instant) -> Duration {
        if now.saturating_duration_since(self.waits_until) > PAUSE {
            self.over_since = now;
        }
        now.duration_since(self.over_since)
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.refilled);
        self.refilled += Duration::from_millis(elapsed.as_millis() as u64);
        for allowance in [&mut self.messages, &mut self.bytes, &mut self.connects] {
            allowance.refill(elapsed);
        }
    }
}

impl Allowance {
    fn new(rate: i64, most: i64) -> Self {
        let most = most * 1_000;
        Self { rate, most, left: most }
    }

    fn take(&mut self, count: i64) {
        self.left = self.left.saturating_sub(count * 1_000);
    }

    fn has_some(&self) -> bool {
        self.rate == 0 || self.left > 0
    }

    fn refill(&mut self, elapsed: Duration) {
        let come = self.rate.saturating_mul(elapsed.as_millis().min(1_000_000) as i64);
        self.left = self.left.saturating_add(come).min(self.most);
    }

    /// How long until a tenth of a second's worth is there.
    fn refilled_in(&self) -> Duration {
        if self.has_some() {
            return Duration::ZERO;
        }
        let missing = self.rate * 100 - self.left;
        Duration::from_millis((missing / self.rate + 1) as u64)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMITS: PaceLimits = PaceLimits {
        messages: 100,
        bytes: 10_000,
    };

    fn frames(frames: u32) -> Seen {
        Seen { frames, connects: 0 }
    }

    async fn ready(pace: &mut InboundPace) -> Result<(), TooFast> {
        while let Some(wait) = pace.wait()? {
            sleep(wait).await;
        }
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_the_rate() {
        let mut pace = InboundPace::new(LIMITS);
        let start = Instant::now();
        for _ in 0..800 {
            ready(&mut pace).await.unwrap();
            pace.count(frames(1), 10).unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..500 {
            ready(&mut pace).await.unwrap();
            pace.count(frames(1), 10).unwrap();
        }
        let elapsed = start.elapsed().as_millis();
        assert!((4_800..5_300).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_for_too_long_is_cut_and_who_pauses_is_not() {
        for (seen, bytes, why) in [(frames(150), 0, TooFast::Messages), (frames(1), 20_000, TooFast::Bytes)] {
            let mut pace = InboundPace::new(LIMITS);
            let start = Instant::now();
            let error = loop {
                if let Err(error) = ready(&mut pace).await {
                    break error;
                }
                pace.count(seen, bytes).unwrap();
            };
            assert_eq!(error, why);
            assert!((10..13).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        }
        let mut pace = InboundPace::new(LIMITS);
        for _ in 0..10 {
            pace.count(frames(900), 10).unwrap();
            ready(&mut pace).await.unwrap();
            sleep(Duration::from_secs(8)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connects_are_few() {
        let mut pace = InboundPace::new(PaceLimits::default());
        let connect = Seen { frames: 1, connects: 1 };
        for _ in 0..CONNECTS {
            pace.count(connect, 8).unwrap();
        }
        sleep(Duration::from_secs(2)).await;
        pace.count(connect, 8).unwrap();
        pace.count(connect, 8).unwrap();
        assert_eq!(pace.count(connect, 8), Err(TooFast::Connects));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_counted_where_there_is_no_limit() {
        let mut pace = InboundPace::new(PaceLimits::default());
        for _ in 0..10 {
            pace.count(frames(1_000_000), 1 << 30).unwrap();
            ready(&mut pace).await.unwrap();
        }
    }
}
