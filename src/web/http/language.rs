//! Which language a reader is spoken to in: the one they chose, or else the one that their browser likes best.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::cookies;
use crate::model::language::Language;
use crate::words::Words;

/// Who asks, as far as it matters how they are spoken to.
pub(crate) struct Reader(pub(crate) &'static Words);

impl Reader {
    /// Whoever a request with these headers is of. A cookie that names no language of ours is none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookies::values(headers, cookies::LANGUAGE).find_map(Language::of_tag);
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self(Words::of(chosen.unwrap_or_else(|| Language::preferred(accepted()))))
    }

    /// Says of an answer which language it is in, and that it might have been in another.
    pub(crate) fn mark(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.0.tag()));
        headers.append(VARY, HeaderValue::from_static("accept-language, cookie"));
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
