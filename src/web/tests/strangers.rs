//! Whatever strangers write into an address, it is read or refused, and never more than that.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::api::sessions::{EventsQuery, SessionsQuery};
use super::super::http::params::{self, Paging};
use super::super::http::query::QueryWith;
use super::Story;
use crate::history::fixture::START_MS;
use crate::model::time::Timestamp;

/// Text near what is meant: pieces of queries, numbers, times and names.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("cursor=".to_owned()),
        Just("&".to_owned()),
        Just("%".to_owned()),
        Just("limit=".to_owned()),
        Just("2026-03-01T09:30:00Z".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "\\PC{0,8}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// What a cursor may be forged of.
fn key() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<u128>().prop_map(|id| json!(Uuid::from_u128(id))),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(Value::from)
    })
}

proptest! {
    #[test]
    fn a_query_is_read_or_refused(query in text()) {
        let _ = QueryWith::<EventsQuery, Paging>::parse(&query);
        let _ = QueryWith::<SessionsQuery, Paging>::parse(&query);
        let _ = params::time(&query);
        let _ = params::percentage(&query);
    }

    #[test]
    fn a_time_that_was_read_is_a_possible_one(ms in any::<i64>(), text in text()) {
        let now = Timestamp(START_MS);
        prop_assert!(params::past(ms, now).is_none_or(|at| at <= now));
        if let Ok(at) = params::time(&text) {
            prop_assert!(at > now || params::past(at.0, now) == Some(at));
        }
    }
}

#[test]
fn a_forged_cursor_is_answered_or_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let story = runtime.block_on(Story::new());
    let session = story.first;
    let lists = [
        ("/api/v1/sessions".to_owned(), "sessions"),
        ("/api/v1/rooms".to_owned(), "rooms"),
        ("/api/v1/rooms/Chemie%20101/participants".to_owned(), "attendants"),
        (format!("/api/v1/sessions/{session}/participants"), "participants"),
        (format!("/api/v1/sessions/{session}/events"), "events"),
        (format!("/api/v1/sessions/{session}/links"), "links"),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(100));
    runner
        .run(&(0..lists.len(), key()), |(list, key)| {
            let (path, name) = &lists[list];
            let cursor = URL_SAFE_NO_PAD.encode(json!([name, key]).to_string());
            let answer = runtime.block_on(story.get(&format!("{path}?cursor={cursor}")));
            if answer.status != 200 {
                prop_assert_eq!(answer.problem(), (400, "invalidParameter".into(), "cursor".into()));
            }
            Ok(())
        })
        .unwrap();
}
