//! That this node lives: said again and again, and over when it could not be said for too long, unless no other can say it
//! either.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::owners::{NoLink, Owners};
use super::question::{Question, Reply};
use super::reach::Reach;
use crate::journal::{Journal, Nodes, Peer};

/// How often the lease is renewed.
const BEAT: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(200);
/// How long the database, or another node, may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// After so long the database is asked anew: it has not got the question.
const RENEWED_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks at the lease there is never so much, unless nothing of this process runs.
const STOOD_STILL: Duration = BEAT.saturating_add(ANSWERED_WITHIN.saturating_mul(2));
/// By how much this node's idea of its lease is shorter than the database's.
const MARGIN: Duration = Duration::from_secs(1);
/// A node that the database has answered so short a time ago may reach it.
const MAY_REACH: Duration = BEAT.saturating_add(ANSWERED_WITHIN).saturating_add(RETRY);

/// How long what is told waits for the database, as long as others may take this node's rooms over: longer than it can be
/// without the database.
pub(crate) const COMMITTED_WITHIN: Duration = Duration::from_secs(300);
/// The same once no node reaches it, as for a server that is alone.
const NOT_COMMITTED_WITHIN: Duration = Duration::from_secs(1);

/// Keeps the lease.
pub(super) struct Keeper {
    pub(super) nodes: Arc<Nodes>,
    pub(super) journal: Journal,
    pub(super) owners: Arc<Owners>,
    pub(super) reach: Arc<Reach>,
}

/// Why a node has lost its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LostPlace {
    /// Another server has come with its number, or has taken its rooms.
    #[error("another node has taken it")]
    Taken,
    /// Its machine slept, or its process was stopped.
    #[error("it stood still for {} s", .0.as_secs())]
    StoodStill(Duration),
    /// The database may answer others.
    #[error("the database did not answer until the lease was over, and may answer others")]
    Unanswered,
}

/// What the database was asked.
struct Renewal<'a> {
    asked: Instant,
    answer: BoxFuture<'a, sqlx::Result<Option<Vec<Peer>>>>,
}

/// What another node says of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// It answered so long ago.
    Answered(Duration),
    /// The node is gone, or has no place: once it has one again, it waits for a whole lease before it takes another's.
    Gone,
    /// Nothing.
    Nothing,
}

/// Whether none of the other nodes that lived reaches the database. Of one that says nothing that is not known.
fn is_away_for_all(heard: &[Heard]) -> bool {
    heard.iter().all(|heard| match heard {
        Heard::Answered(ago) => *ago >= MAY_REACH,
        Heard::Gone => true,
        Heard::Nothing => false,
    })
}

impl Keeper {
    /// Renews the lease until another node may have this one's place, and says why. What counts is the time from before the
    /// database was asked, by a clock that nobody sets.
    ///
    /// While the database is away for all that are known, the lease goes on: whoever finds it again waits for a lease before it
    /// takes another's place, and asks that one first.
    pub(super) async fn keep(&self) -> LostPlace {
        let mut looked_at = Instant::now();
        let mut until = self.goes_on_from(looked_at);
        let mut is_away = false;
        let mut renewal = self.renewal();
        loop {
            let now = Instant::now();
            let stood = now - std::mem::replace(&mut looked_at, now);
            if now >= until {
                return if stood > STOOD_STILL {
                    LostPlace::StoodStill(stood)
                } else {
                    LostPlace::Unanswered
                };
            }
            // One that takes longer goes on: it may have to connect first.
            let renewed = timeout(ANSWERED_WITHIN, &mut renewal.answer);
            let (renewed, is_away_for_all) = if self.reach.ago() >= MAY_REACH {
                tokio::join!(renewed, self.is_away_for_all())
            } else {
                (renewed.await, false)
            };
            match renewed {
                Ok(Ok(Some(peers))) => {
                    until = self.goes_on_from(renewal.asked);
                    self.owners.set_peers(peers);
                    self.reach.answered();
                    if std::mem::take(&mut is_away) {
                        self.journal.set_commit_timeout(COMMITTED_WITHIN);
                        info!("the database answers again");
                    }
                    sleep(BEAT).await;
                    renewal = self.renewal();
                    continue;
                }
                Ok(Ok(None)) => return LostPlace::Taken,
                Err(_) if renewal.asked.elapsed() < RENEWED_WITHIN => {}
                Ok(Err(_)) | Err(_) => {
                    self.reach.failed();
                    renewal = self.renewal();
                }
            }
            if is_away_for_all {
                until = self.goes_on_from(now);
                if !std::mem::replace(&mut is_away, true) {
                    self.journal.set_commit_timeout(NOT_COMMITTED_WITHIN);
                    warn!("no node reaches the database: rooms go on, and what happens waits in memory");
                }
            }
            sleep(RETRY).await;
        }
    }

    fn renewal(&self) -> Renewal<'_> {
        Renewal {
            asked: Instant::now(),
            answer: self.nodes.renew_lease().boxed(),
        }
    }

    fn goes_on_from(&self, asked: Instant) -> Instant {
        let until = asked + Nodes::LEASE - MARGIN;
        self.reach.set_lease_over(until);
        until
    }

    async fn is_away_for_all(&self) -> bool {
        let peers = self.owners.peers();
        let heard =
            peers.iter().map(
                async |peer| match self.owners.ask(peer, Question::Database, ANSWERED_WITHIN).await {
                    Ok(Reply::Database(ago)) => Heard::Answered(Duration::from_millis(ago)),
                    Err(NoLink::NobodyThere | NoLink::Vacant) => Heard::Gone,
                    Ok(_) | Err(NoLink::Refused | NoLink::Other) => Heard::Nothing,
                },
            );
        is_away_for_all(&join_all(heard).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_goes_on_only_if_nobody_may_reach_the_database() {
        let long_ago = Heard::Answered(MAY_REACH);
        let just_now = Heard::Answered(MAY_REACH - Duration::from_millis(1));
        for (heard, is_away) in [
            (&[][..], true),
            (&[long_ago, Heard::Gone], true),
            (&[long_ago, just_now], false),
            (&[long_ago, Heard::Nothing], false),
        ] {
            assert_eq!(is_away_for_all(heard), is_away, "{heard:?}");
        }
        // Asked once more before its own lease is over, whoever the database has just answered says so.
        assert!(MAY_REACH + ANSWERED_WITHIN < Nodes::LEASE - MARGIN - BEAT);
    }
}
