//! What happens in a round.

use std::time::Duration;

use super::NODES;
use crate::support::cut::Lost;
use crate::support::seed::Seed;

/// Longer than a lease: others take over.
const LONG_SLEEP: Duration = Duration::from_secs(10);

/// What happens to a node, or between nodes, or to the database.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Kill(usize),
    Stop(usize),
    /// The second while the rooms of the first are being taken over.
    KillTwo {
        nodes: [usize; 2],
        between: Duration,
    },
    Sleep {
        node: usize,
        time: Duration,
        /// The balancer sends its clients elsewhere.
        is_seen: bool,
    },
    CutDatabase {
        node: usize,
        time: Duration,
        lost: Lost,
    },
    /// The links to one node, or all.
    CutLinks {
        to: Option<usize>,
        time: Duration,
        lost: Lost,
    },
    KillPostgres {
        time: Duration,
    },
}

impl Fault {
    /// `is_long` for a test that may take its time.
    pub(super) fn pick(seed: &mut Seed, is_long: bool) -> Self {
        let node = seed.below(NODES as u64) as usize;
        let lost = if seed.below(2) == 0 { Lost::Answers } else { Lost::All };
        match seed.below(20) {
            0..=3 => Self::Kill(node),
            4..=6 => Self::Stop(node),
            7..=10 => Self::KillTwo {
                nodes: [node, (node + 1 + seed.below(2) as usize) % NODES],
                between: Duration::from_millis(seed.below(400)),
            },
            11..=12 => Self::Sleep {
                node,
                time: Duration::from_millis(500 + seed.below(3_000)),
                is_seen: false,
            },
            13 => Self::Sleep {
                node,
                time: LONG_SLEEP,
                is_seen: true,
            },
            14..=15 => Self::CutDatabase {
                node,
                time: Duration::from_millis(500 + seed.below(10_000)),
                lost,
            },
            16..=18 => Self::CutLinks {
                to: (seed.below(3) > 0).then_some(node),
                time: Duration::from_millis(500 + seed.below(9_000)),
                lost,
            },
            _ => Self::KillPostgres {
                time: match (seed.below(2), is_long) {
                    (0, _) => Duration::from_millis(seed.below(3_000)),
                    (_, false) => Duration::from_secs(10),
                    (_, true) => Duration::from_secs(30),
                },
            },
        }
    }
}
