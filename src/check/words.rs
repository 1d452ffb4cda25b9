//! The columns that hold one of a few words: a page that finds another there cannot be made.

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection, query_scalar};

use crate::model::vocabulary::{
    ConnectionCloseReason, ConnectionOpenReason, ConnectionPath, ConnectionState, EventKind, LeaveReason,
    LinkCloseReason,
};

/// A column of a table, and the words that it may hold.
struct Column {
    table: &'static str,
    column: &'static str,
    words: Vec<&'static str>,
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

/// All of them.
fn columns() -> Vec<Column> {
    let of_members = || words(LeaveReason::ALL, LeaveReason::as_str);
    let of_connections = [of_members(), vec![ConnectionCloseReason::Disconnected.as_str()]].concat();
    let of_links = [of_members(), words(LinkCloseReason::ALL, LinkCloseReason::as_str)].concat();
    let states = || words(ConnectionState::ALL, ConnectionState::as_str);
    let paths = || words(ConnectionPath::ALL, ConnectionPath::as_str);
    let opened = words(ConnectionOpenReason::ALL, ConnectionOpenReason::as_str);
    let kinds = words(EventKind::ALL, EventKind::as_str);
    [
        ("participant", "leave_reason", of_members()),
        ("member", "stopped_by", of_members()),
        ("connection", "opened_by", opened),
        ("connection", "closed_by", of_connections),
        ("event", "kind", kinds),
        ("link", "closed_by", of_links),
        ("link", "offerer_state", states()),
        ("link", "answerer_state", states()),
        ("link", "offerer_path", paths()),
        ("link", "answerer_path", paths()),
    ]
    .map(|(table, column, words)| Column { table, column, words })
    .into()
}

/// What counts the rows of each column that hold words which are none, and the sentence for that many.
fn counts(list: &str) -> impl Iterator<Item = (String, String, impl Fn(i64) -> Option<String>)> {
    columns().into_iter().map(move |Column { table, column, words }| {
        let sql = format!("select count(*) from {table} where {column} not in ({list})");
        let words = serde_json::Value::from(words).to_string();
        let sentence =
            move |rows: i64| (rows > 0).then(|| format!("rows: {rows}, against: {table}.{column} is one of its words"));
        (sql, words, sentence)
    })
}

/// A sentence for each column of a file that holds words which are none.
pub(super) async fn faults(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (sql, words, sentence) in counts("select value from json_each(?)") {
        let rows = query_scalar(AssertSqlSafe(sql)).bind(words);
        faults.extend(sentence(rows.fetch_one(&mut *connection).await?));
    }
    Ok(faults)
}

/// The same in PostgreSQL.
pub(super) async fn faults_in_postgres(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (sql, words, sentence) in counts("select json_array_elements_text($1::json)") {
        let rows = query_scalar(AssertSqlSafe(sql)).bind(words);
        faults.extend(sentence(rows.fetch_one(&mut *connection).await?));
    }
    Ok(faults)
}
