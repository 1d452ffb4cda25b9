//! One session: what was wrong, the picture, the numbers, the pairs, the log.

use std::ops::Range;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use serde::{Deserialize, Deserializer};

use super::guest::Guest;
use super::log::{LogChoice, LogLine, LogLink, with_pairs};
use super::pair_groups::{PairGroup, groups};
use super::pairs::{ConnectedCount, PairsSection, connected};
use super::people::{PageLink, People, PeopleQuery};
use super::sentences::wording::counted;
use super::sorting::{self, COLUMNS, Sorting};
use super::summary::{Subject, Summary};
use super::{PageResult, address, html, moment, pairs, sentences, timeline};
use crate::history::attendance::Attendance;
use crate::history::page::{Page, Slice};
use crate::history::refusals::Refusal;
use crate::history::sessions::{Session, SessionFilter, SortOrder};
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::params::{field, fields};
use crate::web::http::path::SessionPath;
use crate::web::http::query::QueryWith;
use crate::web::http::zone::Zone;
use crate::web::state::AppState;
use crate::web::viewer::Viewer;
use crate::words::{Html as Markup, SECOND_SLOT, SLOT, Words, message as m};

/// Entries of the log on one page.
const ENTRIES: usize = 100;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage {
    words: &'static Words,
    /// Who sees it by a link only.
    guest: Option<Guest>,
    summary: Summary,
    /// Nothing, where no other session may be seen.
    ways: Option<RoomWays>,
    picture: String,
    keys: Vec<timeline::PageKey>,
    /// Up to when the picture has marks, if they are too many.
    marks_end: Option<Timestamp>,
    picture_address: String,
    heads: Vec<ColumnHead>,
    /// Where the table is in its own order, if it is in another.
    by_attention: Option<String>,
    people: People,
    table: Vec<TableRow>,
    page_links: Vec<PageLink>,
    connections: PairsSection,
    lines: Vec<LogLine>,
    choices: Vec<LogLink>,
    previous_entries: Option<String>,
    next_entries: Option<String>,
    session: Session,
}

/// One person in the table.
struct TableRow {
    person: Attendance,
    pairs: ConnectedCount,
}

/// Other sessions of the room.
struct RoomWays {
    all: String,
    previous: Option<String>,
    next: Option<String>,
}

/// The head of a column.
struct ColumnHead {
    title: String,
    class: &'static str,
    address: String,
    direction: Option<&'static str>,
}

/// Which piece of the log is shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    #[serde(default, deserialize_with = "log")]
    log: LogChoice,
    /// The number of the entry that the others come after.
    #[serde(default, deserialize_with = "fields::seq")]
    after: Option<i64>,
}

/// By which clock the picture is drawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    #[serde(deserialize_with = "fields::zone")]
    tz: Zone,
}

fn log<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogChoice, D::Error> {
    field(deserializer, LogChoice::parse)
}

/// `GET /review/sessions/{id}`
pub(crate) async fn show(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    viewer: Viewer,
    path: Result<SessionPath, Error>,
    query: Result<QueryWith<LogQuery, PeopleQuery>, Error>,
) -> PageResult {
    let (SessionPath(id), QueryWith(LogQuery { log, after }, query)) = (path?, query?);
    let now = app.now();
    let session = app.session(id, now).await?;
    let guest = Guest::of(&viewer);
    let mut people = People::read(&app, words, &session, &query, now).await?;
    let is_paged = people.is_paged();
    let log_piece = Page { limit: ENTRIES, after };
    // Where the disk has to be read, it is read for all of them at once.
    let (pairs, entries, entries_before, model, refusals, ways) = tokio::try_join!(
        app.history.pairs_among(id, &people.shown, !is_paged, now),
        app.history.events(id, log.kinds(), &log_piece),
        app.history.page_before(id, log.kinds(), &log_piece),
        app.history.timeline_of(&session, &people.shown, now),
        refusals(&app, &session),
        RoomWays::of(&app, &session, guest.as_ref(), now),
    )?;

    let path = format!("/review/sessions/{id}");
    let subject = Subject {
        words,
        session: &session,
        people: people.everyone.as_deref(),
        outages: &people.outages,
        pairs: (!is_paged).then_some(&pairs),
        refusals: &refusals,
        refused_at: format!("{}#log", query.address(&path, &[("log", LogChoice::Wrong.word())])),
    };
    let summary = subject.summary();
    let mut lines = log.lines(words, entries.rows);
    if log.has_pairs() {
        let within = log_span(&app, id, after, entries.next).await?;
        let is_within = |group: &PairGroup<'_>| within.contains(&group.at);
        let groups: Vec<PairGroup<'_>> = groups(&pairs).into_iter().filter(is_within).collect();
        lines = with_pairs(words, lines, &groups);
    }
    let log_after = |last: i64| {
        let others = [("log", log.word()), ("after", &last.to_string())];
        format!("{}#log", query.address(&path, &others))
    };
    let counts = connected(&pairs);
    if !is_paged {
        people.sort(words, query.sorting, &counts);
    }
    let row = |person: &Attendance| TableRow {
        pairs: counts.get(person.username.as_str()).copied().unwrap_or_default(),
        person: person.clone(),
    };
    html(&SessionPage {
        words,
        guest,
        summary,
        ways,
        picture: timeline::inline(words, &model, Zone::UTC, now),
        keys: timeline::keys(&model),
        marks_end: model.marks_end,
        picture_address: query.address(&format!("{path}/timeline"), &[]),
        heads: heads(words, &path, query.sorting, log),
        by_attention: query
            .sorting
            .map(|_| format!("{}#attendance", address::page(&path, &[("log", log.word())]))),
        connections: PairsSection::of(words, &people.table, &pairs, &counts),
        page_links: people.page_links(words, &path, &query),
        table: people.table.iter().map(row).collect(),
        people,
        choices: log.links(words, |choice| query.address(&path, &[("log", choice.word())])),
        previous_entries: entries_before.map(log_after),
        next_entries: entries.next.map(log_after),
        lines,
        session,
    })
}

/// The time of a piece of the log, from the entry before it to the last that belongs to it; the first begins and the last ends
/// with all time.
async fn log_span(
    app: &AppState,
    session: SessionId,
    after: Option<i64>,
    next: Option<i64>,
) -> Result<Range<Timestamp>, crate::history::Error> {
    let mut ends = [Timestamp(i64::MIN), Timestamp(i64::MAX)];
    for (end, seq) in ends.iter_mut().zip([after, next]) {
        if let Some(seq) = seq
            && let Some(at) = app.history.moment_up_to(session, seq).await?
        {
            *end = at;
        }
    }
    Ok(ends[0]..ends[1])
}

/// What was refused in it, if anything was.
async fn refusals(app: &AppState, session: &Session) -> Result<Vec<Refusal>, crate::history::Error> {
    if session.error_count == 0 {
        return Ok(Vec::new());
    }
    app.history.refusals(session.id).await
}

impl RoomWays {
    /// Nothing for who has a link to one session only.
    async fn of(
        app: &AppState,
        session: &Session,
        guest: Option<&Guest>,
        now: Timestamp,
    ) -> Result<Option<Self>, crate::history::Error> {
        if guest.is_some_and(|guest| !guest.sees_room) {
            return Ok(None);
        }
        let Ok(room) = RoomName::parse(&session.room) else {
            return Ok(guest.is_none().then(|| Self {
                all: "/review".to_owned(),
                previous: None,
                next: None,
            }));
        };
        let filter = |order| SessionFilter {
            room: Some(room.clone()),
            order,
            ..SessionFilter::default()
        };
        let beside = Page {
            limit: 1,
            after: Some(session.id),
        };
        let (before, after) = (filter(SortOrder::Desc), filter(SortOrder::Asc));
        let (before, after) = tokio::try_join!(
            app.history.sessions(&before, &beside, now),
            app.history.sessions(&after, &beside, now),
        )?;
        let address = |found: Slice<Session, SessionId>| {
            let first = found.rows.first()?;
            Some(format!("/review/sessions/{}", first.id))
        };
        Ok(Some(Self {
            all: address::page("/review", &[("room", room.as_str())]),
            previous: address(before),
            next: address(after),
        }))
    }
}

impl SessionPage {
    /// The name of the page: room and day.
    fn title(&self) -> String {
        let words = self.words;
        words.say(m::TitleOfSession {
            room: &words.plain(&self.session.room),
            day: &self.day(),
        })
    }

    /// The day on which it began, as the title has it.
    fn day(&self) -> String {
        moment::plain_day(self.words, self.session.started_at)
    }

    /// From when to when it was.
    fn when(&self) -> Markup {
        let from = Markup::element(&moment::moment(self.words, self.session.started_at));
        let Some(end) = self.session.ended_at else { return from };
        let to = Markup::element(&moment::minute(self.words, end, self.session.started_at));
        let both = m::FromTo {
            from: SLOT,
            to: SECOND_SLOT,
        };
        self.words.around_two(both, [from, to])
    }

    /// How many of all people are shown.
    fn only_some(&self) -> String {
        self.words.say(m::OnlySomePeople {
            shown: counted(self.table.len()),
            all: counted(self.people.count),
        })
    }

    /// How many more reasons there are.
    fn more_reasons(&self) -> String {
        self.words.say(m::NumberMore {
            count: counted(self.summary.more.len()),
        })
    }

    /// Up to when the picture has marks, if they are too many.
    fn marks_end(&self) -> Option<Markup> {
        let end = moment::clock(self.words, self.marks_end?, self.session.started_at);
        Some(self.words.around(m::MarksEnd { moment: SLOT }, &Markup::element(&end)))
    }

    /// Whose pairs are told.
    fn among_shown(&self) -> String {
        self.words.say(m::AmongShown {
            shown: counted(self.table.len()),
        })
    }

    /// Whom the triangle shows.
    fn most_missed(&self, shown: usize) -> String {
        self.words.say(m::MostMissed {
            all: counted(self.table.len()),
            shown: counted(shown),
        })
    }

    /// How many more pairs there are, and where.
    fn more_pairs(&self) -> Markup {
        let address = format!("/api/v1/sessions/{}/links", self.session.id);
        let link = Markup::link(&address, &self.words.say(m::AllPairsAsJson));
        let count = counted(self.connections.more);
        self.words.around(m::AndMorePairs { count, link: SLOT }, &link)
    }
}

impl TableRow {
    /// Why of nobody it is known whether they connected; nothing where it is of somebody.
    fn nothing_known(&self, words: &Words) -> Option<String> {
        if self.pairs.known() > 0 {
            None
        } else if self.pairs.waiting > 0 {
            Some(words.say(m::CellWaiting))
        } else if self.pairs.unknown > 0 {
            Some(words.say(m::CellUnknown))
        } else {
            Some(words.say(m::CellParted))
        }
    }

    /// With how many of those whom they met they connected, as far as it is known.
    fn connected(&self, words: &Words) -> String {
        words.say(m::PartOf {
            part: &words.number(counted(self.pairs.good)),
            whole: &words.number(counted(self.pairs.known())),
        })
    }

    /// Of how many more it is not known; nothing where it is known of all.
    fn and_unknown(&self, words: &Words) -> String {
        match counted(self.pairs.unknown) {
            0 => String::new(),
            unknown => words.say(m::AndUnknown { unknown }),
        }
    }

    /// How loud the end is: the rule is quiet, the exception is not.
    fn end_class(&self) -> &'static str {
        if self.person.needs_attention() {
            "bad"
        } else if self.person.left_at.is_some() {
            "quiet"
        } else {
            ""
        }
    }
}

/// `GET /review/sessions/{id}/timeline`: the picture by the clock of another zone, for the page's script.
pub(crate) async fn picture(
    State(app): State<Arc<AppState>>,
    Reader(words): Reader,
    path: Result<SessionPath, Error>,
    query: Result<QueryWith<TimelineQuery, PeopleQuery>, Error>,
) -> PageResult {
    let (SessionPath(id), QueryWith(TimelineQuery { tz }, query)) = (path?, query?);
    let now = app.now();
    let session = app.session(id, now).await?;
    let people = People::read(&app, words, &session, &query, now).await?;
    let model = app.history.timeline_of(&session, &people.shown, now).await?;
    Ok(Html(timeline::inline(words, &model, tz, now)))
}

fn heads(words: &Words, path: &str, sorting: Option<Sorting>, log: LogChoice) -> Vec<ColumnHead> {
    let head = |column: sorting::Column| {
        let sort = sorting::next(&column, sorting);
        let address = address::page(path, &[("sort", &sort), ("log", log.word())]);
        ColumnHead {
            title: column.title(words),
            class: column.class,
            address: format!("{address}#attendance"),
            direction: sorting::direction(&column, sorting),
        }
    };
    COLUMNS.into_iter().map(head).collect()
}
