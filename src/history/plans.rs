//! No request may cost what is stored: every query has to run along an index.

use sqlx::{AssertSqlSafe, Row, SqlSafeStr};

use super::fixture::Fixture;
use super::page::Page;
use super::sessions::{self, Along, SessionFilter, SortOrder};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::SessionStatus;
use crate::sql::{Database, Reader};

/// What may be read as a whole: what a query was given, or has put together within bounds before.
const BOUNDED: [&str; 11] = [
    "CONSTANT",
    "json_each",
    "wanted",
    "ahead",
    "known",
    "own",
    "visit",
    "some",
    "chosen",
    "offerer",
    "answerer",
];

/// Steps of the query's plan that read a whole table, by whatever name the query calls it.
async fn whole_reads(fixture: &Fixture, query: &str) -> Vec<String> {
    steps(fixture, query)
        .await
        .into_iter()
        .filter(|step| reads_whole_table(step))
        .collect()
}

async fn steps(fixture: &Fixture, query: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("explain query plan {query}")).into_sql_str();
    let Database::Sqlite(file) = fixture.writer() else {
        unreachable!("it is in a file");
    };
    let rows = sqlx::query(explain).fetch_all(file).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

fn reads_whole_table(step: &str) -> bool {
    let Some(rest) = step.strip_prefix("SCAN ") else {
        return false;
    };
    // The index of open sessions holds no others.
    if rest.contains("INDEX session_open") {
        return false;
    }
    // What a subquery reads has steps of its own.
    !rest.starts_with("(subquery-") && !BOUNDED.contains(&rest.split(' ').next().unwrap_or_default())
}

const TESTS: [&str; 3] = ["fixture.rs", "plans.rs", "plans_of_postgres.rs"];

/// Every file of a module that is not a test's.
pub(super) fn sources(module: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(module);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &std::path::PathBuf| TESTS.iter().any(|name| path.ends_with(name));
    paths
        .filter(|path| path.is_file() && !is_test(path))
        .map(|path| {
            let source = std::fs::read_to_string(path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests").next();
            code.unwrap_or_default().to_owned()
        })
        .collect()
}

/// The queries that were checked at compile time against one of the databases, as far as they are of these files. What
/// stands before those of PostgreSQL is left out.
pub(super) fn checked_queries(sources: &[String], database: &str) -> Vec<String> {
    // A macro may be in another file than what calls it.
    let all = sources.concat();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx");
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let checked: serde_json::Value = serde_json::from_str(&text).unwrap();
        let query = checked["query"].as_str().unwrap();
        let query = query
            .trim_start_matches("/*postgres*/")
            .trim_start_matches(' ')
            .to_owned();
        if checked["db_name"] == database && is_written_in(&all, &query) {
            queries.push(query);
        }
    }
    queries
}

/// A part of a query that is shorter stands everywhere.
const SHORTEST: usize = 12;

/// Whether a query stands in a text: as a whole, or in the few parts that a macro puts together.
fn is_written_in(source: &str, query: &str) -> bool {
    let mut rest = query;
    for _ in 0..5 {
        // Of whatever stands there, so does all it begins with.
        let ends: Vec<usize> = rest.char_indices().map(|(start, c)| start + c.len_utf8()).collect();
        let standing = ends.partition_point(|end| source.contains(&rest[..*end]));
        if standing < SHORTEST.min(ends.len()) {
            return false;
        }
        rest = &rest[standing.checked_sub(1).map_or(0, |last| ends[last])..];
    }
    rest.is_empty()
}

/// How many queries a file asks a database by: by our own macros both, or by sqlx's the one whose mark its text has.
pub(super) fn queries_in(source: &str, database: &str) -> usize {
    let source = without_macros(source);
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let places = source.match_indices("query");
    let asks = |(place, _): &(usize, &str)| {
        let name = source[*place..].split(|c| !is_name(c)).next().unwrap_or_default();
        let Some(words) = source[place + name.len()..].strip_prefix("!(") else {
            return false;
        };
        let text = words.split_once('"').map(|(_, text)| text).unwrap_or_default();
        let is_of_one = source[..*place].ends_with("sqlx::");
        let is_of_postgres = text.starts_with("/*postgres*/") || name.ends_with("_of_postgres");
        match database {
            "PostgreSQL" => !is_of_one || is_of_postgres,
            _ => !is_of_postgres,
        }
    };
    places.filter(asks).count()
}

/// What a macro's own text asks, its calls ask.
fn without_macros(source: &str) -> String {
    let mut parts = source.split("macro_rules! ");
    let first = parts.next().unwrap_or_default();
    let rests = parts.map(|part| part.split_once("\n}\n").map(|(_, rest)| rest).unwrap_or_default());
    std::iter::once(first).chain(rests).collect()
}

#[tokio::test]
async fn no_checked_query_reads_a_whole_table() {
    let fixture = Fixture::in_file().await;
    let sources = sources("history");
    let queries = checked_queries(&sources, "SQLite");
    let written: usize = sources.iter().map(|source| queries_in(source, "SQLite")).sum();
    assert_eq!(queries.len(), written, "run .ci/prepare-queries");
    for query in queries {
        assert_eq!(whole_reads(&fixture, &query).await, [""; 0], "{query}");
    }
}

/// What the journal reads as a whole is what is live, or has no session: a start costs what was going on at the stop.
#[tokio::test]
async fn the_journal_reads_nothing_of_the_past_as_a_whole() {
    const PAST: [&str; 5] = ["session", "participant", "connection", "link", "event"];
    let fixture = Fixture::in_file().await;
    let queries = checked_queries(&sources("journal"), "SQLite");
    assert!(queries.len() > 20, "{}", queries.len());
    for query in queries {
        let mut reads = whole_reads(&fixture, &query).await;
        reads.retain(|step| !step.contains("INDEX event_without_session"));
        let table = |step: &String| step.split(' ').nth(1).unwrap_or_default().to_owned();
        reads.retain(|step| PAST.contains(&table(step).as_str()));
        assert_eq!(reads, [""; 0], "{query}");
    }
}

/// Lists of sessions, with every filter, and whether they look only for where to stop.
pub(super) fn lists(reader: &Reader) -> Vec<(SessionFilter, Along, String, bool)> {
    let page = Page {
        limit: 50,
        after: Some(SessionId(uuid::Uuid::nil())),
    };
    let last = SessionId(uuid::Uuid::max());
    let mut lists = Vec::new();
    for choice in 0_u32..96 {
        let filter = SessionFilter {
            room: (choice & 1 != 0).then(|| RoomName::parse("a").unwrap()),
            username: (choice & 2 != 0).then(|| Username::parse("a").unwrap()),
            started_after: (choice & 4 != 0).then_some(Timestamp(1)),
            started_before: (choice & 16 != 0).then_some(Timestamp(2)),
            order: if choice & 8 != 0 {
                SortOrder::Asc
            } else {
                SortOrder::Desc
            },
            status: [None, Some(SessionStatus::Active), Some(SessionStatus::Ended)][(choice / 32) as usize],
        };
        for along in ways(&filter) {
            if sessions::skips(&filter, along) {
                let query = sessions::examined(reader, &filter, &page, along).text();
                lists.push((filter.clone(), along, query, true));
            }
            let query = sessions::list(reader, &filter, &page, along, Some(last)).text();
            lists.push((filter.clone(), along, query, false));
        }
    }
    lists
}

#[tokio::test]
async fn no_list_of_sessions_reads_a_whole_table() {
    let fixture = Fixture::in_file().await;
    for (filter, along, query, is_look) in lists(fixture.writer()) {
        assert_eq!(whole_reads(&fixture, &query).await, [""; 0], "{filter:?}");
        let steps = steps(&fixture, &query).await.join("; ");
        let expected = if is_look {
            "SEARCH"
        } else {
            expected_step(&filter, along)
        };
        assert!(steps.contains(expected), "{filter:?}: {steps}");
        // Open sessions are few enough to be sorted; everything else comes in the index's order.
        if along != Along::Open {
            assert!(!steps.contains("TEMP B-TREE"), "{filter:?}: {steps}");
        }
    }
}

/// The indices that may be chosen for a filter.
fn ways(filter: &SessionFilter) -> Vec<Along> {
    match (filter.status, &filter.room, &filter.username) {
        (Some(SessionStatus::Active), None, Some(_)) => vec![Along::Open, Along::Person],
        (Some(SessionStatus::Active), ..) => vec![Along::Open],
        (_, None, None) => vec![Along::Start],
        (_, room, person) => {
            let by_room = room.iter().map(|_| Along::Room);
            by_room.chain(person.iter().map(|_| Along::Person)).collect()
        }
    }
}

/// How the rows of a list are found: few open sessions, or a range of what is asked for.
fn expected_step(filter: &SessionFilter, along: Along) -> &'static str {
    match along {
        Along::Open if filter.room.is_some() => "SEARCH session USING INDEX session_open (room=?",
        Along::Open => "SCAN session USING INDEX session_open",
        Along::Room => "SEARCH session USING INDEX session_by_room (room=?",
        Along::Person => "participant_by_username (username=?",
        Along::Start => "SEARCH session USING PRIMARY KEY (id",
    }
}

#[tokio::test]
async fn the_check_itself_can_fail() {
    let fixture = Fixture::in_file().await;
    assert_eq!(
        whole_reads(&fixture, "select * from event where at > 5").await,
        ["SCAN event"]
    );
    assert_eq!(
        whole_reads(&fixture, "select * from session where started_at > 5").await,
        ["SCAN session"]
    );
    assert_eq!(
        whole_reads(
            &fixture,
            "select * from session as anything where anything.started_at > 5"
        )
        .await,
        ["SCAN anything"]
    );
}
