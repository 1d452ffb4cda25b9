//! What reads requests, for [`crate::fuzzing`].

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode;
use uuid::Uuid;

use super::api::sessions::{AttendanceQuery, EventsQuery, SessionsQuery};
use super::http::params::{self, Paging};
use super::http::query::{NoQuery, Query, QueryWith};
use super::review::people::PeopleQuery;
use super::review::person::PersonQuery;
use super::review::range::Range;
use super::review::rooms::LiveRoomsQuery;
use super::review::session::{LogQuery, TimelineQuery};
use super::review::sessions::SessionListQuery;
use crate::model::id::{RoomName, Username};
use crate::model::time::Timestamp;

/// Reads a query, of each route whose parameters are more than names.
pub(crate) fn parameters(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    is_read_or_refused(QueryWith::<SessionsQuery, Paging>::parse(query));
    is_read_or_refused(QueryWith::<EventsQuery, Paging>::parse(query));
    is_read_or_refused(QueryWith::<AttendanceQuery, Paging>::parse(query));
    is_read_or_refused(QueryWith::<SessionListQuery, Range>::parse(query));
    is_read_or_refused(QueryWith::<PersonQuery, Range>::parse(query));
    is_read_or_refused(QueryWith::<LogQuery, PeopleQuery>::parse(query));
    is_read_or_refused(QueryWith::<TimelineQuery, PeopleQuery>::parse(query));
    is_read_or_refused(Query::<LiveRoomsQuery>::parse(query));
}

/// Reads a cursor of every list, as it is and as the content of one.
pub(crate) fn cursor(bytes: &[u8]) {
    let encoded = URL_SAFE_NO_PAD.encode(bytes);
    for raw in [std::str::from_utf8(bytes).unwrap_or(&encoded), &encoded] {
        let query = format!("cursor={}", raw.replace(['&', '=', '%', '+'], ""));
        let given = || match QueryWith::<NoQuery, Paging>::parse(&query) {
            Ok(QueryWith(_, paging)) => paging,
            Err(refused) => panic!("a cursor and nothing else: {refused:?}"),
        };
        is_read_or_refused(given().page("sessions", |id: Uuid| Some(id)));
        is_read_or_refused(given().page("participants", params::kept_username));
        is_read_or_refused(given().page("rooms", params::kept_room));
        is_read_or_refused(given().page("events", |seq: i64| Some(seq).filter(|seq| *seq >= 0)));
        is_read_or_refused(given().page("links", |(one, other)| {
            params::kept_username(one).zip(params::kept_username(other))
        }));
        let now = Timestamp(1_772_355_600_000);
        is_read_or_refused(given().page("attendants", |(at, username): (i64, String)| {
            params::past(at, now).zip(params::kept_username(username))
        }));
    }
}

/// Reads a part of a path. A name that is one stays the same when it is read again.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(part) = percent_decode(bytes).decode_utf8() else {
        return;
    };
    if let Ok(room) = RoomName::parse(&part) {
        assert_eq!(RoomName::parse(room.as_str()).as_ref(), Ok(&room));
    }
    if let Ok(username) = Username::parse(&part) {
        assert_eq!(Username::parse(username.as_str()).as_ref(), Ok(&username));
    }
    _ = Uuid::try_parse(&part);
}

fn is_read_or_refused<T: Debug>(read: Result<T, super::http::error::Error>) {
    if let Err(refused) = read {
        assert!(refused.status().is_client_error(), "{refused:?}");
    }
}
