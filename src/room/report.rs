//! What pages say of their ends of a link, recorded as it changes and not more often than is of use.

use std::time::Duration;

use super::record::{LinkSide, Report};
use crate::model::time::Tick;
use crate::model::vocabulary::ConnectionState;

/// What both ends of one link have said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reports {
    offerer: EndReports,
    answerer: EndReports,
}

#[derive(Debug, Clone, Copy, Default)]
struct EndReports {
    last: Option<Report>,
    /// When one of them was last given out to be recorded.
    recorded_at: Option<Tick>,
    /// Whether `last` is still to be recorded.
    is_waiting: bool,
}

impl Reports {
    /// How far apart what is recorded of one end is at least.
    const APART: Duration = Duration::from_millis(250);

    /// Takes what an end says, and gives it back if it is to be recorded at once.
    pub(super) fn say(&mut self, end: LinkSide, report: Report, now: Tick) -> Option<Report> {
        let said = self.end(end);
        let is_known = |last: Report| last.state == report.state && (report.path.is_none() || last.path == report.path);
        // That a page closes its end says nothing of how it went.
        let is_no_news = |last: Report| is_known(last) || report.state == ConnectionState::Closed;
        if said.last.is_some_and(is_no_news) {
            return None;
        }
        said.last = Some(report);
        said.is_waiting = said.recorded_at.is_some_and(|at| now < at.after(Self::APART));
        if said.is_waiting {
            return None;
        }
        said.recorded_at = Some(now);
        Some(report)
    }

    /// The clock was wrong when they were said.
    pub(super) fn move_times(&mut self, by: i64) {
        for report in [&mut self.offerer.last, &mut self.answerer.last].into_iter().flatten() {
            report.at.0 = report.at.0.saturating_add(by);
        }
    }

    /// What is still to be recorded.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = (LinkSide, Report)> {
        let ends = [LinkSide::Offerer, LinkSide::Answerer].map(|end| {
            let said = self.end(end);
            let is_waiting = std::mem::take(&mut said.is_waiting);
            said.last.filter(|_| is_waiting).map(|report| (end, report))
        });
        ends.into_iter().flatten()
    }

    fn end(&mut self, end: LinkSide) -> &mut EndReports {
        match end {
            LinkSide::Offerer => &mut self.offerer,
            LinkSide::Answerer => &mut self.answerer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::model::vocabulary::ConnectionPath;

    fn report(state: ConnectionState, path: Option<ConnectionPath>) -> Report {
        let at = Timestamp(0);
        Report { state, path, at }
    }

    #[test]
    fn only_what_changes_is_recorded_and_the_last_word_is_never_lost() {
        use ConnectionState::{Closed, Connected, Disconnected, Failed};
        let mut reports = Reports::default();
        let mut say = |end, state, path, ms| reports.say(end, report(state, path), Tick(ms)).is_some();
        assert!(say(LinkSide::Offerer, Connected, Some(ConnectionPath::Host), 0));
        assert!(!say(LinkSide::Offerer, Connected, None, 1_000), "said already");
        assert!(
            say(LinkSide::Answerer, Connected, None, 1_000),
            "the other end speaks for itself"
        );
        assert!(say(LinkSide::Offerer, Disconnected, None, 1_000));
        assert!(!say(LinkSide::Offerer, Connected, None, 1_100), "too soon");
        assert!(!say(LinkSide::Offerer, Failed, None, 1_200), "too soon");
        assert!(
            !say(LinkSide::Offerer, Closed, None, 9_000),
            "it says nothing of how it went"
        );
        let waiting: Vec<_> = reports.take_waiting().collect();
        assert_eq!(waiting, [(LinkSide::Offerer, report(Failed, None))]);
        assert_eq!(reports.take_waiting().count(), 0);
    }
}
