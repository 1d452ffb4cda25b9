//! What parameters may say, of the API as of the pages: moments, numbers, names, cursors.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::Error;
use super::query::SharedParameters;
use super::zone::Zone;
use crate::history::page::{Page, Slice};
use crate::model::id::{RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::EventKind;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The most rows, 50 if it is not given; there may be fewer though nextCursor is not null
    #[serde(default, deserialize_with = "fields::limit")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The nextCursor of the page before
    cursor: Option<String>,
}

impl SharedParameters for Paging {
    const NAMES: &'static [&'static str] = &["limit", "cursor"];
}

impl Paging {
    /// The page of the list of that name. A cursor is only good for the list it was made with, and holds what anybody may
    /// have written: `check` makes of it what it stands for, or says that nothing of the kind can be.
    ///
    /// # Errors
    /// If the cursor is not one of this list.
    pub(crate) fn page<R: DeserializeOwned, K>(
        self,
        list: &str,
        check: impl FnOnce(R) -> Option<K>,
    ) -> Result<Page<K>, Error> {
        let read = |raw: String| {
            let key = read_cursor(list, &raw).and_then(check);
            key.ok_or_else(|| Error::BadParameter {
                name: "cursor",
                reason: "must be a nextCursor of this list".to_owned(),
            })
        };
        Ok(Page {
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
            after: self.cursor.map(read).transpose()?,
        })
    }
}

/// A list, or a piece of one, as the API gives it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// The piece, with the cursor that asks for the next one of the list of that name.
    pub(crate) fn of<K: Serialize>(list: &str, slice: Slice<T, K>) -> Self {
        Self {
            data: slice.rows,
            next_cursor: slice.next.and_then(|key| write_cursor(list, &key)),
        }
    }
}

fn write_cursor<K: Serialize>(list: &str, key: &K) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(list, key)).ok()?))
}

fn read_cursor<K: DeserializeOwned>(list: &str, raw: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(raw).ok()?;
    let (of, key): (String, K) = serde_json::from_slice(&bytes).ok()?;
    (of == list).then_some(key)
}

/// Reads a moment (RFC 3339).
///
/// # Errors
/// If it is not one.
pub(crate) fn time(raw: &str) -> Result<Timestamp, &'static str> {
    // In a query an unescaped `+` stands for a space: `…T10:00:00+01:00` arrives as `…T10:00:00 01:00`.
    let repaired = || raw.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
    DateTime::parse_from_rfc3339(raw)
        .ok()
        .or_else(|| DateTime::parse_from_rfc3339(&repaired()?).ok())
        .map(|time| Timestamp(time.timestamp_millis()))
        .ok_or("must be a time such as 2026-03-01T09:30:00Z")
}

/// A moment in a cursor, in milliseconds: one that [`time()`] could have read, and not in the future.
pub(crate) fn past(ms: i64, now: Timestamp) -> Option<Timestamp> {
    const YEAR_0_MS: i64 = -62_167_219_200_000;
    (YEAR_0_MS..=now.0).contains(&ms).then_some(Timestamp(ms))
}

/// The longest time in minutes for which somebody, or everybody, is kept out of a room: a day.
pub(crate) const MOST_MINUTES: u32 = 24 * 60;

/// Reads for how many minutes somebody, or everybody, is kept out of a room.
///
/// # Errors
/// If it is not a whole number, or too large.
pub(crate) fn bar(raw: &str) -> Result<Duration, String> {
    let minutes: Option<u32> = raw.trim().parse().ok().filter(|minutes| *minutes <= MOST_MINUTES);
    let minutes = minutes.ok_or_else(|| format!("must be a whole number of minutes from 0 to {MOST_MINUTES}"))?;
    Ok(Duration::from_secs(60) * minutes)
}

/// Reads a sequence number.
///
/// # Errors
/// If it is not a whole number, or below zero.
pub(crate) fn seq(raw: &str) -> Result<i64, &'static str> {
    raw.parse()
        .ok()
        .filter(|seq| *seq >= 0)
        .ok_or("must be a whole number, 0 or more")
}

/// Reads a percentage.
///
/// # Errors
/// If it is not a number from 0 to 100.
pub(crate) fn percentage(raw: &str) -> Result<f64, &'static str> {
    f64::from_str(raw)
        .ok()
        .filter(|pct| (0.0..=100.0).contains(pct))
        .ok_or("must be a number from 0 to 100")
}

/// Reads the field of a query's struct, also one that need not be given: `read` says what is wrong, to be read on after
/// the parameter's name.
pub(crate) fn field<'de, D: Deserializer<'de>, V, T: From<V>, E: Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<V, E>,
) -> Result<T, D::Error> {
    let raw = String::deserialize(deserializer)?;
    read(&raw).map(T::from).map_err(D::Error::custom)
}

/// Reads a field of a form: one that is left empty asks for nothing.
pub(crate) fn filled<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    field(deserializer, |raw| {
        (!raw.trim().is_empty()).then(|| read(raw)).transpose()
    })
}

/// Readers of the fields of queries, for serde's `deserialize_with`.
pub(crate) mod fields {
    use super::*;

    /// A room's name.
    pub(crate) fn room<'de, D: Deserializer<'de>, T: From<RoomName>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, RoomName::parse)
    }

    /// A person's name.
    pub(crate) fn username<'de, D: Deserializer<'de>, T: From<Username>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, Username::parse)
    }

    /// A person's name, in a form.
    pub(crate) fn filled_username<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Username>, D::Error> {
        filled(deserializer, Username::parse)
    }

    /// A room's name, in a form.
    pub(crate) fn filled_room<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RoomName>, D::Error> {
        filled(deserializer, RoomName::parse)
    }

    /// The room that a list of the pages goes on after.
    pub(crate) fn after_room<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        filled(deserializer, |raw| {
            kept_room(raw.to_owned()).ok_or("must be the name of a room")
        })
    }

    /// For how many minutes somebody is kept out.
    pub(crate) fn bar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        field(deserializer, super::bar)
    }

    /// A moment.
    pub(crate) fn time<'de, D: Deserializer<'de>, T: From<Timestamp>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, super::time)
    }

    /// A sequence number.
    pub(crate) fn seq<'de, D: Deserializer<'de>, T: From<i64>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, super::seq)
    }

    /// A session's id, as cursors in the pages' addresses hold it.
    pub(crate) fn session<'de, D: Deserializer<'de>, T: From<SessionId>>(deserializer: D) -> Result<T, D::Error> {
        let read = |raw: &str| Uuid::try_parse(raw).map(SessionId);
        field(deserializer, |raw| read(raw).map_err(|_| "must be a session's id"))
    }

    /// A percentage.
    pub(crate) fn percentage<'de, D: Deserializer<'de>, T: From<f64>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, super::percentage)
    }

    /// A time zone.
    pub(crate) fn zone<'de, D: Deserializer<'de>, T: From<Zone>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, Zone::parse)
    }

    /// How many rows a page may have.
    pub(crate) fn limit<'de, D: Deserializer<'de>, T: From<usize>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, super::limit)
    }

    /// Kinds of entries, separated by commas.
    pub(crate) fn kinds<'de, D: Deserializer<'de>, T: From<Vec<EventKind>>>(deserializer: D) -> Result<T, D::Error> {
        field(deserializer, super::kinds)
    }
}

fn limit(raw: &str) -> Result<usize, String> {
    let limit = raw.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {MAX_LIMIT}"))
}

fn kinds(raw: &str) -> Result<Vec<EventKind>, String> {
    let kinds = raw.split(',').map(|word| EventKind::parse(word.trim()));
    kinds.collect::<Option<_>>().ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("must be one or more of {}, separated by commas", all.join(", "))
    })
}

/// A room's name in a cursor, as it is kept: by rules that may have been others when it was.
pub(crate) fn kept_room(name: String) -> Option<String> {
    Some(name).filter(|name| is_kept(name, RoomName::MAX_CHARS))
}

/// The same of a person's name.
pub(crate) fn kept_username(name: String) -> Option<String> {
    Some(name).filter(|name| is_kept(name, Username::MAX_CHARS))
}

fn is_kept(name: &str, most: usize) -> bool {
    let chars = name.chars().count();
    (1..=most).contains(&chars) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset() {
        for (raw, ms) in [
            ("1970-01-01T00:00:01Z", 1000),
            ("1970-01-01T01:00:01.250+01:00", 1250),
            ("1970-01-01T01:00:01 01:00", 1000),
            ("1970-01-01T00:00:00.0019Z", 1),
        ] {
            assert_eq!(time(raw), Ok(Timestamp(ms)), "{raw}");
        }
        for raw in [
            "",
            "yesterday",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "12",
            "1970-02-30T00:00:00Z",
        ] {
            assert!(time(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = write_cursor("rooms", &"中 文").unwrap();
        assert!(
            cursor
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        );
        assert_eq!(read_cursor::<String>("rooms", &cursor).as_deref(), Some("中 文"));
        assert_eq!(read_cursor::<String>("sessions", &cursor), None);
        assert_eq!(read_cursor::<i64>("rooms", &cursor), None);
        for broken in ["", "x", "%%%", "bnVsbA", "[]"] {
            assert_eq!(read_cursor::<String>("rooms", broken), None);
        }
    }

    #[test]
    fn percentages_are_numbers_within_bounds() {
        assert_eq!(percentage("12.5"), Ok(12.5));
        for raw in ["-1", "100.1", "NaN", "inf", "", "half"] {
            assert!(percentage(raw).is_err(), "{raw}");
        }
    }
}
