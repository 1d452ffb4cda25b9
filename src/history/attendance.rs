//! Attendance: who took part in a session, when, and how much of it.

use serde::Serialize;
use utoipa::ToSchema;

use super::intervals::{Interval, Intervals, Span, percent};
use super::loss::Loss;
use super::outages::{Outage, is_explained};
use super::page::{Page, Slice};
use super::people::Person;
use super::sessions::Session;
use super::{Error, History};
use crate::model::id::ParticipantId;
use crate::model::time::Timestamp;
use crate::model::vocabulary::LeaveReason;

/// The most people that one page looks at. The next page goes on from there, however few were present for long enough.
const EXAMINED: usize = 1_000;

/// One person's attendance of a session. Of more than a thousand connections in one session the latest thousand count.
/// What the server, or what everybody lost contact by, kept them out for counts against nobody: not as time away, as a gap,
/// as coming back, nor in the share.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attendance {
    /// The person's id in this session.
    pub id: ParticipantId,
    /// Their name.
    pub username: String,
    /// When they first joined.
    pub joined_at: Timestamp,
    /// When they last left; nothing while they are a member.
    pub left_at: Option<Timestamp>,
    /// How long they had a live socket.
    pub present_ms: i64,
    /// How long they were a member without one.
    pub away_ms: i64,
    /// The longest time without one between joining and leaving (or now).
    pub longest_gap_ms: i64,
    /// How often they came back from a drop.
    pub reconnect_count: i64,
    /// Why they last left.
    pub leave_reason: Option<LeaveReason>,
    /// What share of the session's duration they were present for, in percent with one decimal.
    pub present_pct: f64,
    /// How much of the session that share is of, for the review: without what the server, or what everybody lost contact by, kept
    /// them out for.
    #[serde(skip)]
    pub countable_ms: i64,
    /// When they were present.
    pub intervals: Vec<Span>,
    /// How they lost contact, for the review.
    #[serde(skip)]
    pub losses: Vec<Loss>,
}

/// How much of a session somebody was there, in whole numbers that agree: all of it is said by each or by none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeShare {
    /// How long they were there, in milliseconds: whole minutes, or whole seconds of a short session.
    pub part_ms: i64,
    /// How long they could have been, likewise.
    pub whole_ms: i64,
    /// What share they were there for to the millisecond, in per cent.
    pub per_cent: i64,
}

impl WholeShare {
    /// What is shorter is told in seconds.
    pub const IN_MINUTES_FROM_MS: i64 = 10 * 60_000;

    /// What share the whole numbers are, for where they are said beside it: 27 of 53 minutes are 51 per cent, also where they were
    /// half a minute less.
    pub fn per_cent_of_told(&self) -> i64 {
        let hundredths = self.part_ms.saturating_mul(100).saturating_add(self.whole_ms / 2);
        let per_cent = hundredths.checked_div(self.whole_ms).unwrap_or_default();
        if self.part_ms < self.whole_ms {
            per_cent.min(99)
        } else {
            per_cent
        }
    }

    fn of(present_ms: i64, countable_ms: i64) -> Self {
        let unit = if countable_ms < Self::IN_MINUTES_FROM_MS {
            1_000
        } else {
            60_000
        };
        let rounded = |ms: i64| ms.saturating_add(unit / 2) / unit * unit;
        let (part_ms, whole_ms) = (rounded(present_ms).min(rounded(countable_ms)), rounded(countable_ms));
        let hundredths = i128::from(present_ms) * 100 + i128::from(countable_ms) / 2;
        let per_cent = hundredths.checked_div(countable_ms.into()).unwrap_or_default();
        let per_cent = i64::try_from(per_cent.clamp(0, 100)).unwrap_or_default();
        match (part_ms < whole_ms, per_cent < 100) {
            (true, _) => Self {
                part_ms,
                whole_ms,
                per_cent: per_cent.min(99),
            },
            (false, true) => Self {
                part_ms: (part_ms - unit).max(0),
                whole_ms,
                per_cent,
            },
            (false, false) => Self {
                part_ms,
                whole_ms,
                per_cent,
            },
        }
    }
}

impl Attendance {
    /// How much of the session they were there, in whole numbers.
    pub fn whole_share(&self) -> WholeShare {
        WholeShare::of(self.present_ms, self.countable_ms)
    }

    /// Whether they are there at this moment.
    pub fn is_present(&self) -> bool {
        self.intervals.last().is_some_and(|last| last.to.is_none())
    }

    /// Whether they are away, or were lost.
    pub fn needs_attention(&self) -> bool {
        match (self.left_at, self.leave_reason) {
            (None, _) => !self.is_present(),
            (Some(_), reason) => reason.is_some_and(LeaveReason::is_lost),
        }
    }
}

impl Person {
    /// Their attendance of the session that they are of, with those of its outages that they may have been in.
    pub fn attendance(&self, session: &Session, outages: &[Outage], now: Timestamp) -> Attendance {
        let present = self.present(now);
        let mut intervals: Vec<Span> = present
            .iter()
            .map(|interval| Span {
                from: interval.from,
                to: Some(interval.to),
            })
            .collect();
        if let Some(last) = intervals.last_mut().filter(|_| self.is_present()) {
            last.to = None;
        }
        let losses = self.losses();
        let nobodys = losses.iter().filter(|loss| is_explained(**loss, outages));
        let kept_out = Intervals::merge(nobodys.map(|loss| loss.away(now)));
        let there = Intervals::merge(present.iter().chain(kept_out.iter()));
        let membership = Interval::new(self.joined_at, self.left_at.unwrap_or(now));
        let countable_ms = session.span().ms() - kept_out.total_ms();
        Attendance {
            id: self.id,
            username: self.username.clone(),
            joined_at: self.joined_at,
            left_at: self.left_at,
            present_ms: present.total_ms(),
            away_ms: self.away(now).minus(&there).total_ms(),
            longest_gap_ms: there.longest_gap_ms(membership),
            reconnect_count: self.own_returns(&losses, outages),
            leave_reason: self.leave_reason,
            present_pct: percent(present.total_ms(), countable_ms),
            countable_ms,
            intervals,
            losses,
        }
    }
}

impl History {
    /// Who took part in a session, by name, without those who were present for less than `min_pct` percent of it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn attendance(
        &self,
        session: &Session,
        min_pct: Option<f64>,
        page: &Page<String>,
        now: Timestamp,
    ) -> Result<Slice<Attendance, String>, Error> {
        let examined = Page {
            limit: min_pct.map_or(page.limit, |_| EXAMINED),
            after: page.after.clone(),
        };
        let people = self.people(session.id, &examined).await?;
        let outages = self
            .outages_for(session, &people.rows.iter().collect::<Vec<_>>(), now)
            .await?;
        let found = people.rows.iter();
        let found = found
            .map(|person| person.attendance(session, &outages, now))
            .filter(|person| min_pct.is_none_or(|least| person.present_pct >= least))
            .take(page.limit + 1);
        let found = Slice::cut(found.collect(), page.limit, |person: &Attendance| {
            person.username.clone()
        });
        Ok(Slice {
            next: found.next.or(people.next),
            rows: found.rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::WholeShare;

    #[test]
    fn whole_numbers_of_a_share_agree() {
        let of = |present: i64, countable: i64| {
            let share = WholeShare::of(present * 1000, countable * 1000);
            let told = share.per_cent_of_told();
            (share.part_ms / 1000, share.whole_ms / 1000, share.per_cent, told)
        };
        for (present, countable, told) in [
            (3_180, 3_180, (3_180, 3_180, 100, 100)),
            // Not the whole 53 minutes: 99 %.
            (3_155, 3_180, (3_120, 3_180, 99, 98)),
            (3_170, 3_180, (3_180, 3_180, 100, 100)),
            // 99.7 %, but not the whole 8 hours.
            (28_700, 28_800, (28_680, 28_800, 99, 99)),
            // Half of them; but 27 of 53 minutes are more.
            (1_590, 3_180, (1_620, 3_180, 50, 51)),
            (40, 50, (40, 50, 80, 80)),
            (596, 600, (540, 600, 99, 90)),
            (0, 0, (0, 0, 0, 0)),
        ] {
            assert_eq!(of(present, countable), told, "{present} of {countable} s");
        }
    }
}
