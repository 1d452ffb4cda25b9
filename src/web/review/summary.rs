//! What there is to say of a session before all else: a line that answers, and one for each reason, the worst first.

use std::collections::BTreeMap;
use std::{iter, slice};

use super::pair_groups::groups;
use super::sentences::wording::columns;
use super::sentences::{self, Clause, Line};
use crate::history::attendance::Attendance;
use crate::history::outages::{Outage, is_explained};
use crate::history::pair::Pair;
use crate::history::refusals::Refusal;
use crate::history::sessions::Session;
use crate::model::vocabulary::LeaveReason;
use crate::words::Words;

/// No more columns of letters are two lines on a phone, in the widest of the usual fonts.
pub(super) const LEAD: usize = 72;

/// As many lines are in sight under it.
const LINES: usize = 4;

/// All that is known of a session.
pub(super) struct Subject<'a> {
    pub(super) words: &'static Words,
    pub(super) session: &'a Session,
    /// All its people; `None` where they are too many.
    pub(super) people: Option<&'a [Attendance]>,
    pub(super) outages: &'a [Outage],
    /// All their pairs; `None` where they are too many.
    pub(super) pairs: Option<&'a [Pair]>,
    pub(super) refusals: &'a [Refusal],
    /// Where the log says what was refused.
    pub(super) refused_at: String,
}

/// What is said of it. Names are isolated.
pub(super) struct Summary {
    pub(super) lead: String,
    pub(super) lines: Vec<Line>,
    /// Those that are not in sight at first.
    pub(super) more: Vec<Line>,
}

/// What is wrong, the worst first: in a few words, and each reason in a line of its own.
#[derive(Default)]
struct Troubles {
    clauses: Vec<Told>,
    lines: Vec<Line>,
}

impl Troubles {
    fn add(&mut self, (told, line): (impl Into<Told>, Line)) {
        self.clauses.push(told.into());
        self.lines.push(line);
    }
}

/// What is said in the line that answers.
struct Told {
    said: Clause,
    /// The same without names, for where they take too much room.
    shorter: Option<Clause>,
    /// Whether that will do where it is the worst: not in place of one name.
    is_of_several: bool,
}

impl Told {
    /// Of several people, who need not be named.
    fn of_people(said: Clause, shorter: Option<Clause>) -> Self {
        Self {
            said,
            shorter,
            is_of_several: true,
        }
    }

    fn forms(&self) -> impl Iterator<Item = &Clause> {
        iter::once(&self.said).chain(&self.shorter)
    }

    fn forms_of_worst(&self) -> impl Iterator<Item = &Clause> {
        iter::once(&self.said).chain(self.shorter.as_ref().filter(|_| self.is_of_several))
    }
}

impl From<Clause> for Told {
    fn from(said: Clause) -> Self {
        Self {
            said,
            shorter: None,
            is_of_several: false,
        }
    }
}

impl Subject<'_> {
    pub(super) fn summary(&self) -> Summary {
        let Troubles { clauses, mut lines } = self.troubles();
        let lead = match self.people {
            None => sentences::too_many(self.words, self.session),
            Some(people) => {
                let mut clauses = clauses.into_iter();
                let nothing = || sentences::nothing_wrong(self.words, people.len(), self.pairs).into();
                let worst = clauses.next().unwrap_or_else(nothing);
                self.lead(people, &worst, clauses.next().as_ref())
            }
        };
        let more = lines.split_off(lines.len().min(LINES));
        Summary { lead, lines, more }
    }

    /// The worst, and what comes next, in the first form in which the line holds both.
    fn lead(&self, people: &[Attendance], worst: &Told, next: Option<&Told>) -> String {
        let here = people.iter().filter(|person| person.is_present()).count();
        let lead = |in_short, told: &[Clause]| sentences::lead(self.words, self.session, here, in_short, told);
        for worst in worst.forms_of_worst() {
            for next in next.into_iter().flat_map(Told::forms) {
                for in_short in [false, true] {
                    let both = lead(in_short, &[worst.clone(), next.clone()]);
                    if columns(&both) <= LEAD {
                        return both;
                    }
                }
            }
        }
        lead(false, slice::from_ref(&worst.said))
    }

    fn troubles(&self) -> Troubles {
        let mut found = Troubles::default();
        let people = self.people.unwrap_or_default();
        let of = |fate: Fate| -> Vec<&Attendance> {
            let all = people.iter();
            all.filter(|person| self.fate(person) == Some(fate)).collect()
        };
        let (away, lost) = (of(Fate::Away), of(Fate::Lost));
        let back: Vec<&Attendance> = people.iter().filter(|person| person.reconnect_count > 0).collect();
        if !away.is_empty() {
            let (said, line) = sentences::away(self.words, &away, self.session, rows(&away));
            let shorter = sentences::away_in_short(self.words, away.len());
            found.add((Told::of_people(said, shorter), line));
        }
        if !lost.is_empty() {
            let (said, line) = sentences::lost(self.words, &lost, self.session, rows(&lost));
            let shorter = sentences::lost_in_short(self.words, lost.len());
            found.add((Told::of_people(said, shorter), line));
        }
        let is_bad = self.outages.iter().any(|outage| !outage.missing.is_empty());
        if is_bad {
            self.add_outages(&mut found);
        }
        let pairs = self.pairs.unwrap_or_default();
        let mut unconnected = sentences::unconnected(self.words, pairs, &alone(pairs)).into_iter();
        found.clauses.extend(unconnected.next().map(|said| Told {
            said,
            shorter: sentences::unconnected_in_short(self.words, pairs),
            is_of_several: false,
        }));
        found.clauses.extend(unconnected.map(Told::from));
        let groups = groups(pairs);
        let line = |group| Line::plain(&sentences::group(self.words, group), "#connections");
        found.lines.extend(groups.iter().map(line));
        if !back.is_empty() {
            found.add(sentences::came_back(self.words, &back, self.outages, &rows(&back)));
        }
        if !is_bad {
            self.add_outages(&mut found);
        }
        if !self.refusals.is_empty() {
            let line = Line::plain(&sentences::refused(self.words, self.refusals), &self.refused_at);
            found.add((sentences::refused_clause(self.words, self.refusals), line));
        }
        found
    }

    fn add_outages(&self, found: &mut Troubles) {
        if !self.outages.is_empty() {
            found
                .clauses
                .push(sentences::outage_clause(self.words, self.outages).into());
            let lines = sentences::outage_lines(self.words, self.session, self.outages, "#timeline-title");
            found.lines.extend(lines);
        }
    }

    fn fate(&self, person: &Attendance) -> Option<Fate> {
        let is_member = person.left_at.is_none();
        if self.session.is_live() && is_member && !person.is_present() {
            return Some(Fate::Away);
        }
        let is_lost = !is_member && person.leave_reason.is_some_and(LeaveReason::is_lost);
        // Of an outage it is said who did not come back.
        let last = person.losses.last();
        let is_explained = last.is_some_and(|last| is_explained(*last, self.outages));
        (is_lost && !is_explained).then_some(Fate::Lost)
    }
}

/// What is to say of where somebody is, or was last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They are away at this moment.
    Away,
    /// They did not come back.
    Lost,
}

/// The row of one person, or the table of several.
fn rows(people: &[&Attendance]) -> String {
    match people {
        [one] => format!("#person-{}", one.id.0),
        _ => "#attendance".to_owned(),
    }
}

/// People who met more than one other, and connected with none of them.
fn alone(pairs: &[Pair]) -> Vec<&str> {
    let mut met: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| !pair.parted_early()) {
        for one in &pair.between {
            let (all, bad) = met.entry(one.username.as_str()).or_default();
            *all += 1;
            *bad += usize::from(pair.is_failed());
        }
    }
    let is_alone = |(_, (all, bad)): &(&str, (usize, usize))| *all > 1 && all == bad;
    met.into_iter().filter(is_alone).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::pair_fixture::pair;
    use super::*;
    use crate::history::intervals::Span;
    use crate::model::id::{ParticipantId, SessionId};
    use crate::model::language::Language;
    use crate::model::time::Timestamp;
    use crate::model::vocabulary::{ErrorKind, Outcome, SessionStatus};

    fn session(people: usize, minutes: i64, is_live: bool, errors: i64) -> Session {
        Session {
            id: SessionId(Uuid::nil()),
            room: "r".to_owned(),
            status: if is_live {
                SessionStatus::Active
            } else {
                SessionStatus::Ended
            },
            started_at: Timestamp(0),
            ended_at: (!is_live).then_some(Timestamp(minutes * 60_000)),
            duration_ms: minutes * 60_000,
            peak_participants: 2,
            unique_participants: i64::try_from(people).unwrap(),
            reconnect_count: 0,
            error_count: errors,
        }
    }

    /// How somebody's time went.
    #[derive(Clone, Copy)]
    enum Went {
        Left(i64),
        Lost,
        Here,
        Away,
    }

    fn person(name: &str, went: Went) -> Attendance {
        let left_at = matches!(went, Went::Left(_) | Went::Lost).then_some(Timestamp(9));
        let to = (!matches!(went, Went::Here)).then_some(Timestamp(9));
        Attendance {
            id: ParticipantId(Uuid::nil()),
            username: name.to_owned(),
            joined_at: Timestamp(0),
            left_at,
            present_ms: 9,
            away_ms: 0,
            longest_gap_ms: 0,
            reconnect_count: if let Went::Left(back) = went { back } else { 0 },
            leave_reason: match went {
                Went::Left(_) => Some(LeaveReason::Left),
                Went::Lost => Some(LeaveReason::Timeout),
                Went::Here | Went::Away => None,
            },
            present_pct: 100.0,
            countable_ms: 9,
            intervals: vec![Span { from: Timestamp(0), to }],
            losses: Vec::new(),
        }
    }

    fn told(session: &Session, people: &[(&str, Went)], pairs: &[(&str, &str, Outcome)]) -> (String, Vec<String>) {
        let people: Vec<_> = people.iter().map(|(name, went)| person(name, *went)).collect();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(one, other, outcome)| pair(one, other, *outcome))
            .collect();
        let refusals = vec![
            Refusal {
                event: Some("join".to_owned()),
                code: Some(ErrorKind::Repeat),
                count: session.error_count,
            };
            usize::from(session.error_count > 0)
        ];
        let subject = Subject {
            words: Words::of(Language::EnGb),
            session,
            people: Some(&people),
            outages: &[],
            pairs: Some(&pairs),
            refusals: &refusals,
            refused_at: "#log".to_owned(),
        };
        let Summary { lead, lines, more } = subject.summary();
        let plain = |text: String| text.replace(['\u{2068}', '\u{2069}'], "");
        assert!(more.is_empty() || lines.len() == LINES);
        let lines = lines.into_iter().chain(more).map(|line| {
            let sentence = line.sentence.to_string().replace("&#39;", "'");
            let text = sentence
                .split('<')
                .map(|part| part.rsplit('>').next().unwrap_or_default());
            plain(format!("{} -> {}", line.address, text.collect::<String>()))
        });
        (plain(lead), lines.collect())
    }

    #[test]
    fn the_worst_comes_first_and_each_reason_has_a_line() {
        use Outcome::{Connected, Failed, NoAnswer, NoOffer};
        use Went::{Away, Here, Left, Lost};
        let people = [
            ("Ann", Left(1)),
            ("Bo", Left(0)),
            ("Chidi", Lost),
            ("Dana", Left(0)),
            ("Ed", Left(2)),
        ];
        let pairs = [
            ("Bo", "Dana", NoAnswer),
            ("Bo", "Ed", NoAnswer),
            ("Ann", "Chidi", Failed),
            ("Ann", "Bo", Connected),
            ("Chidi", "Ed", Connected),
            ("Dana", "Ed", Connected),
        ];
        let (lead, lines) = told(&session(5, 53, false, 2), &people, &pairs);
        assert_eq!(
            lead,
            "5 people, 53 minutes. Chidi did not come back; 3 pairs never connected."
        );
        assert_eq!(
            lines,
            [
                "#person-00000000-0000-0000-0000-000000000000 -> Chidi did not come back: contact was lost at 00:00.",
                "#connections -> Bo's offers to Dana and Ed were never answered.",
                "#connections -> Ann never connected with Chidi: no way between their networks (TURN would help).",
                "#attendance -> Ann and Ed dropped and came back.",
                "#log -> The server refused 2 messages: 2 joins under a taken name.",
            ]
        );
        let (lead, lines) = told(
            &session(3, 5, true, 0),
            &[("Ann", Here), ("Bo", Away), ("Cy", Lost)],
            &[("Ann", "Bo", NoOffer), ("Ann", "Cy", NoOffer), ("Bo", "Cy", Connected)],
        );
        assert_eq!(lead, "Live for 5 min, 1 of 3 here. Bo is away; Cy did not come back.");
        assert!(lines[0].contains("Bo has been away since 00:00.") && lines[1].contains("Cy did not come back"));
    }

    #[test]
    fn the_line_that_answers_says_no_more_than_two_lines_of_a_phone_hold() {
        use Outcome::{Connected, Failed};
        use Went::{Left, Lost};
        let pairs = [("Ann", "Bo", Failed), ("Ann", "Cy", Connected), ("Bo", "Cy", Connected)];
        for (name, minutes, expected) in [
            (
                "Cy",
                90,
                "3 people, 1 h 30 min. Cy did not come back; Ann and Bo never connected.",
            ),
            (
                "Bartholomäus-Maximilian",
                90,
                "3 people, 1 h 30 min. Bartholomäus-Maximilian did not come back.",
            ),
            (
                "Alexandra",
                53,
                "3 people, 53 min. Alexandra did not come back; 1 pair never connected.",
            ),
            // Without names there is room.
            (
                "Kasimir",
                90,
                "3 people, 1 h 30 min. Kasimir did not come back; 1 pair never connected.",
            ),
        ] {
            let people = [("Ann", Left(0)), ("Bo", Left(0)), (name, Lost)];
            let pairs = pairs.map(|(one, other, outcome)| (one, if other == "Cy" { name } else { other }, outcome));
            let (lead, lines) = told(&session(3, minutes, false, 0), &people, &pairs);
            assert_eq!((lead.as_str(), lines.len()), (expected, 2));
        }
        // Of several people it is enough how many they are.
        let people = [
            ("Alexandra", Lost),
            ("Bartholomäus", Lost),
            ("Cy", Left(0)),
            ("Di", Left(0)),
        ];
        let (lead, _) = told(&session(4, 53, false, 0), &people, &[("Cy", "Di", Failed)]);
        assert_eq!(
            lead,
            "4 people, 53 min. 2 people did not come back; Cy and Di never connected."
        );
    }

    #[test]
    fn the_line_that_answers_counts_what_is_grouped() {
        use Outcome::{Connected, Exchanged, Failed, Lost, NoAnswer, NoOffer, Waiting};
        for (expected, people, pairs) in [
            ("Nobody else came, and nothing went wrong.", vec!["Ann"], vec![]),
            (
                "The two connected, and nobody dropped.",
                vec!["Ann", "Bo"],
                vec![("Ann", "Bo", Connected)],
            ),
            (
                "No two were there at the same time; nobody dropped.",
                vec!["Ann", "Bo"],
                vec![],
            ),
            (
                "Nobody dropped; it is not known whether video came.",
                vec!["Ann", "Bo"],
                vec![("Ann", "Bo", Exchanged)],
            ),
            (
                "Nobody dropped; it is not known if 2 pairs had video.",
                vec!["Ann", "Bo", "Cy"],
                vec![
                    ("Ann", "Bo", Connected),
                    ("Ann", "Cy", Exchanged),
                    ("Bo", "Cy", Exchanged),
                ],
            ),
            (
                "Nobody dropped; some are still connecting.",
                vec!["Ann", "Bo"],
                vec![("Ann", "Bo", Waiting)],
            ),
            (
                "Ann and Bo never connected.",
                vec!["Ann", "Bo"],
                vec![("Ann", "Bo", Failed)],
            ),
            (
                "Cy never connected with anyone.",
                vec!["Ann", "Bo", "Cy"],
                vec![("Ann", "Bo", Connected), ("Ann", "Cy", NoOffer), ("Bo", "Cy", NoAnswer)],
            ),
            (
                "Nobody connected with anybody.",
                vec!["Ann", "Bo", "Cy"],
                vec![("Ann", "Bo", NoOffer), ("Ann", "Cy", Failed), ("Bo", "Cy", NoAnswer)],
            ),
            (
                "Ann never connected with 2 others.",
                vec!["Ann", "Bo", "Cy", "Di"],
                vec![
                    ("Ann", "Bo", NoAnswer),
                    ("Ann", "Cy", NoAnswer),
                    ("Ann", "Di", Connected),
                    ("Bo", "Cy", Lost),
                    ("Bo", "Di", Connected),
                    ("Cy", "Di", Connected),
                ],
            ),
            (
                "Ann and Bo never connected; 1 pair lost each other.",
                vec!["Ann", "Bo", "Cy"],
                vec![("Ann", "Bo", NoAnswer), ("Ann", "Cy", Lost), ("Bo", "Cy", Connected)],
            ),
        ] {
            let all: Vec<_> = people.iter().map(|name| (*name, Went::Left(0))).collect();
            let (lead, _) = told(&session(people.len(), 60, false, 0), &all, &pairs);
            let (_, lead) = lead.split_once(". ").unwrap();
            assert_eq!(lead, expected);
        }
    }
}
