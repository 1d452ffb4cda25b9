//! The same in PostgreSQL: no request may cost what is stored, be the tables empty or full, counted or not.

use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};

use super::fixture::Fixture;
use super::plans::{checked_queries, lists, queries_in, sources};
use crate::sql::PLANNER_SETTINGS;

/// What grows with the years.
const PAST: [&str; 6] = [
    "session",
    "session_glance",
    "participant",
    "connection",
    "link",
    "event",
];

/// Indices along which a range is read, from a place on and no further than wanted: the order in which lists are shown.
const IN_ORDER: [&str; 7] = [
    "event_pkey",
    "session_pkey",
    "session_by_room",
    "session_open",
    "session_open_by_start",
    "participant_by_username",
    "event_without_session",
];

/// They hold what is going on, and nothing of what is over.
const OF_THE_PRESENT: [&str; 2] = ["session_open", "session_open_by_start"];

/// Words of the queries that sort what they do not limit: the sessions of a room with few, the people of a session with few.
const SORTS_FEW: [&str; 2] = ["with ahead as materialized", "not bool_or(was_in_vain)"];

/// Two thousand sessions of ten people each, of which some go on.
const FILLED: &str = "
    create function pg_temp.id(kind text, n bigint) returns uuid language sql as
        $$select (lpad(to_hex(1772355600000 + n), 12, '0') || '7' || kind || '8000' || lpad(to_hex(n), 12, '0'))::uuid$$;
    insert into session (id, room, started_at, ended_at)
    select pg_temp.id('001', n), 'room ' || n % 100, n, case when n <= 1980 then n + 1 end
    from generate_series(1, 2000) as n;
    update session set room = id::text where ended_at is null;
    insert into session_glance (session_id, form, glance) select id, 1, 'x' from session where ended_at is not null;
    insert into participant (id, session_id, username, joined_at, left_at)
    select pg_temp.id('002', n), pg_temp.id('001', n / 10 + 1), 'name ' || n % 10 + n / 100 * 10, n, n + 1
    from generate_series(0, 19999) as n;
    insert into connection (session_id, participant_id, id, connected_at, disconnected_at, opened_by)
    select session_id, id, pg_temp.id('003', joined_at * 3 + nth), joined_at + nth, joined_at + nth + 1, 'join'
    from participant, generate_series(0, 2) as nth;
    insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at)
    select participant.id, session_id, participant.id, participant.id, decode(repeat('00', 32), 'hex'), joined_at, joined_at
    from participant join session on session.id = session_id where ended_at is null;
    insert into link (session_id, id, offerer_id, answerer_id, stream_type, offered_at)
    select one.session_id, pg_temp.id('004', one.joined_at * 20000 + other.joined_at), one.id, other.id, 'user', 1
    from participant as one join participant as other on other.session_id = one.session_id and other.id > one.id;
    insert into event (seq, at, session_id, participant_id, kind)
    select n << 12, n, pg_temp.id('001', n / 30 + 1), pg_temp.id('002', n / 3), 'joined'
    from generate_series(0, 59999) as n;
    insert into event (seq, at, kind) select -n, n, 'error' from generate_series(1, 2000) as n;
    analyze;";

/// A connection that plans as the readers' do.
async fn planner(fixture: &Fixture) -> PgConnection {
    let options = fixture.server().unwrap().clone().options(PLANNER_SETTINGS);
    options.connect().await.unwrap()
}

/// The plan for any values.
async fn plan(planner: &mut PgConnection, query: &str) -> Value {
    let prepare = AssertSqlSafe(format!("prepare asked as {query}"));
    sqlx::raw_sql(prepare).execute(&mut *planner).await.unwrap();
    let number: i32 = sqlx::query_scalar(
        "select coalesce(cardinality(parameter_types), 0) from pg_prepared_statements where name = 'asked'",
    )
    .persistent(false)
    .fetch_one(&mut *planner)
    .await
    .unwrap();
    let values = vec!["null"; usize::try_from(number).unwrap()].join(", ");
    let values = if number == 0 {
        String::new()
    } else {
        format!("({values})")
    };
    let explain = AssertSqlSafe(format!("explain (format json) execute asked {values}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut *planner).await.unwrap();
    sqlx::raw_sql("deallocate asked").execute(planner).await.unwrap();
    let plan: Value = rows[0].get(0);
    plan[0]["Plan"].clone()
}

fn text<'p>(node: &'p Value, field: &str) -> &'p str {
    node[field].as_str().unwrap_or_default()
}

fn below(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

/// What reads a table of the past, or an index of one, without being led to a few rows; and what sorts such reads.
fn faults(node: &Value, found: &mut Vec<String>) {
    let (kind, table, index) = (
        text(node, "Node Type"),
        text(node, "Relation Name"),
        text(node, "Index Name"),
    );
    let (condition, filter) = (text(node, "Index Cond"), text(node, "Filter"));
    let is_led = condition.contains(" = ") || OF_THE_PRESENT.contains(&index);
    // Of one session there is an index, in the same order.
    let is_in_order = IN_ORDER.contains(&index) && !condition.is_empty() && !filter.contains("session_id =");
    // What is changed is read below.
    if PAST.contains(&table) && kind != "ModifyTable" && !is_led && !is_in_order {
        found.push(format!(
            "{kind} of {table} by {index:?} where {condition:?}, then {filter:?}"
        ));
    }
    for node in below(node) {
        faults(node, found);
    }
}

/// Whether rows of the past are sorted that no limit holds back before.
fn sorts(node: &Value) -> bool {
    let is_sort = text(node, "Node Type").ends_with("Sort");
    is_sort && is_unbounded(node) || below(node).any(sorts)
}

fn is_unbounded(node: &Value) -> bool {
    let is_past = PAST.contains(&text(node, "Relation Name"));
    // What is looked up for each of the rows is as much as these are.
    let rows = below(node).filter(|node| text(node, "Parent Relationship") != "SubPlan");
    let mut rows = rows.take(if text(node, "Node Type") == "Nested Loop" {
        1
    } else {
        usize::MAX
    });
    text(node, "Node Type") != "Limit" && (is_past || rows.any(is_unbounded))
}

async fn check(planner: &mut PgConnection, query: &str) {
    let plan = plan(planner, query).await;
    let mut found = Vec::new();
    faults(&plan, &mut found);
    assert_eq!(found, [""; 0], "{query}\n{plan:#}");
    let is_few = SORTS_FEW.iter().any(|words| query.contains(words));
    assert_eq!(sorts(&plan), is_few, "{query}\n{plan:#}");
}

/// The same, and nothing goes on: what is open seems to be nothing at all then.
const ALL_OVER: &str = "
    update session set ended_at = 1 where ended_at is null;
    update connection set away_until = disconnected_at;
    update link set closed_at = 1;
    delete from member;
    analyze;";

/// An empty history, and one that is full and was counted.
async fn empty_and_full() -> [Fixture; 2] {
    [Fixture::on_postgres().await, filled_with(&[FILLED]).await]
}

async fn filled_with(scripts: &[&'static str]) -> Fixture {
    let fixture = Fixture::on_postgres().await;
    let mut connection = fixture.server().unwrap().connect().await.unwrap();
    for script in scripts {
        sqlx::raw_sql(*script).execute(&mut connection).await.unwrap();
    }
    fixture
}

#[tokio::test]
async fn no_checked_query_reads_a_whole_table() {
    let sources = sources("history");
    let queries = checked_queries(&sources, "PostgreSQL");
    let written: usize = sources.iter().map(|source| queries_in(source, "PostgreSQL")).sum();
    assert_eq!(queries.len(), written, "run .ci/prepare-queries");
    for fixture in empty_and_full().await {
        let mut planner = planner(&fixture).await;
        for query in &queries {
            check(&mut planner, query).await;
        }
    }
}

/// What the journal asks and changes, a start before all: it costs what was going on at the stop.
#[tokio::test]
async fn the_journal_reads_nothing_of_the_past_as_a_whole() {
    let queries = checked_queries(&sources("journal"), "PostgreSQL");
    assert!(queries.len() > 20, "{}", queries.len());
    let [empty, full] = empty_and_full().await;
    for fixture in [empty, full, filled_with(&[FILLED, ALL_OVER]).await] {
        let mut planner = planner(&fixture).await;
        let mut all = Vec::new();
        for query in &queries {
            let mut found = Vec::new();
            faults(&plan(&mut planner, query).await, &mut found);
            // What has no session is few.
            found.retain(|fault| !fault.contains("event_without_session"));
            all.extend(found.into_iter().map(|fault| format!("{fault}: {query}")));
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

#[tokio::test]
async fn no_list_of_sessions_reads_a_whole_table_or_sorts() {
    for fixture in empty_and_full().await {
        let mut planner = planner(&fixture).await;
        for (filter, along, query, _) in lists(fixture.writer()) {
            eprintln!("{filter:?} along {along:?}");
            check(&mut planner, &query).await;
        }
    }
}

#[tokio::test]
async fn the_check_itself_can_fail() {
    let [_, fixture] = empty_and_full().await;
    let mut planner = planner(&fixture).await;
    for (query, fault) in [
        ("select * from event where at > 5", "Seq Scan of event"),
        ("select * from session where started_at > $1", "Seq Scan of session"),
        (
            "select session_id from participant order by session_id",
            "Index Only Scan of participant by \"participant_by_session\"",
        ),
        (
            "select * from link where id > $1",
            "Index Scan of link by \"link_pkey\"",
        ),
    ] {
        let mut found = Vec::new();
        faults(&plan(&mut planner, query).await, &mut found);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{query}: {found:?}");
    }
    for (query, is_fault) in [
        ("select * from event where session_id = $1 order by at limit $2", true),
        ("select * from event where session_id = $1 order by seq limit $2", false),
        (
            "select * from (select * from event where session_id = $1 order by seq limit $2) as own order by at",
            false,
        ),
    ] {
        assert_eq!(sorts(&plan(&mut planner, query).await), is_fault, "{query}");
    }
}
