//! The reader's own choice of a language, which a cookie keeps.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{LOCATION, REFERER, SET_COOKIE};
use axum::http::{self, HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};

use super::PageError;
use super::sign_in::{START, take_token};
use crate::config::BasePath;
use crate::model::language::Language;
use crate::web::http::error::Error;
use crate::web::http::params::field;
use crate::web::http::query::Query;
use crate::web::state::AppState;

/// No language's name is longer, in a form.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageForm {
    #[serde(deserialize_with = "language")]
    lang: Language,
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Language, D::Error> {
    field(deserializer, |raw| {
        let tags = Language::ALL.map(Language::tag);
        Language::of_tag(raw).ok_or_else(|| format!("must be one of {}", tags.join(", ")))
    })
}

/// `POST /review/language`, by a form at the foot of every page: back to that page. Whoever makes a browser ask this from
/// elsewhere has changed the language of pages that they do not see.
pub(crate) async fn choose(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, PageError> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST).await.map_err(|_| Error::BodyTooLarge(MOST))?;
    let form = String::from_utf8(body.into()).map_err(|_| Error::BadQuery)?;
    let Query(LanguageForm { lang }) = Query::parse(&form)?;
    let location = back(&parts.headers, &app.settings.base_path).unwrap_or_else(|| START.to_owned());
    let request = http::Request::from_parts(parts, ());
    let kept = app.access.keep_language((&request).into(), lang);
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location), (SET_COOKIE, kept)]).into_response())
}

/// The page that a form is on, as the browser says it, without a token that may be in its address.
fn back(headers: &HeaderMap, base: &BasePath) -> Option<String> {
    let from: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    let path = from.path().strip_prefix(base.as_str())?;
    let is_page = path == START || path.strip_prefix(START)?.starts_with('/');
    let query = from.query().unwrap_or_default();
    let query = take_token(query).map_or_else(|| query.to_owned(), |(_, rest)| rest);
    let mark = if query.is_empty() { "" } else { "?" };
    is_page.then(|| format!("{path}{mark}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_pages_only() {
        let base = BasePath::parse("/signal").unwrap();
        for (referer, expected) in [
            ("http://a/signal/review?person=Ann", Some("/review?person=Ann")),
            ("http://a/signal/review/rooms", Some("/review/rooms")),
            ("http://a/signal/review?token=x&sort=name", Some("/review?sort=name")),
            ("http://a/signal/review?token=x", Some("/review")),
            ("http://a/signal/reviewer", None),
            ("http://a/signal//evil.example/review", None),
            ("http://a/review", None),
            ("http://a/", None),
        ] {
            let headers = [(REFERER, referer.parse().unwrap())].into_iter().collect();
            assert_eq!(back(&headers, &base).as_deref(), expected, "{referer}");
        }
        assert_eq!(back(&HeaderMap::new(), &base), None);
    }
}
