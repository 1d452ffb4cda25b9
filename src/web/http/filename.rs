//! The names that downloads are saved under.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use chrono::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::history::sessions::Session;

/// So much of a room's name fits into any file system's limit of 255 bytes, whatever it is made of.
const ROOM_CHARS: usize = 40;

/// What RFC 8187 lets stand for itself.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name that every file system takes.
pub(crate) struct FileName(String);

/// What it holds, the room, and the day the session began, in UTC.
pub(crate) fn of_session(what: &str, session: &Session, extension: &str) -> FileName {
    let day = DateTime::from_timestamp_millis(session.started_at.0).unwrap_or_default();
    let room: String = session.room.chars().take(ROOM_CHARS).map(harmless).collect();
    FileName(format!("{what}-{}-{}.{extension}", room.trim(), day.format("%Y-%m-%d")))
}

/// File systems refuse these, or take them for more than a name; and marks of direction hide what an extension is.
fn harmless(c: char) -> char {
    match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' => '-',
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '-',
        _ if c.is_control() => '-',
        _ => c,
    }
}

impl FileName {
    /// Says the name in an answer (RFC 6266): `attachment` is saved, `inline` is shown.
    pub(crate) fn put(&self, response: &mut Response, disposition: &str) {
        let ascii: String = self.0.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
        let whole = utf8_percent_encode(&self.0, ENCODED);
        let value = format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{whole}");
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(CONTENT_DISPOSITION, value);
        }
    }
}
