//! The token to join, where a request shows one.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};

use super::access::bearer;
use crate::join_token::Shown;

/// The header for it: in `Authorization` is the client's own id.
pub(crate) const JOIN_TOKEN: HeaderName = HeaderName::from_static("join-token");

/// What a client shows beside its own id.
pub(crate) fn beside_id(headers: &HeaderMap) -> Shown {
    let mut all = headers.get_all(JOIN_TOKEN).iter();
    match (all.next().map(|value| value.to_str()), all.next()) {
        (None, _) => Shown::Nothing,
        (Some(Ok(token)), None) => Shown::text(token),
        // No text, or two of them.
        (Some(_), _) => Shown::NotAString,
    }
}

/// What a client shows that needs no id: it may be in `Authorization` as well.
pub(crate) fn alone(headers: &HeaderMap) -> Shown {
    let shown = beside_id(headers);
    if shown != Shown::Nothing || !headers.contains_key(AUTHORIZATION) {
        return shown;
    }
    bearer(headers).map_or(Shown::NotAString, Shown::text)
}
