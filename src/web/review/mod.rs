//! The review as pages: the history in a teacher's words, each page whole without any script.

pub(crate) mod acts;
mod address;
pub(crate) mod api;
mod guest;
pub(crate) mod invitations;
pub(crate) mod language;
mod log;
mod moment;
pub(crate) mod names;
#[cfg(test)]
mod pair_fixture;
mod pair_groups;
mod pairs;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod project;
pub(crate) mod range;
pub(crate) mod removal;
pub(crate) mod rooms;
pub(crate) mod sentences;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod share;
pub(crate) mod sign_in;
mod sorting;
mod strip;
mod summary;
pub(crate) mod timeline;

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::http::error::Error;
use super::http::language::Reader;
use crate::words::{Words, message as m};

/// A page, or why there is none, which is a page too.
type PageResult = Result<Html<String>, PageError>;

fn html(template: &impl Template) -> PageResult {
    let text = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Error::Internal
    })?;
    Ok(Html(text))
}

/// A refusal that people read.
pub(crate) struct PageError(Error);

impl<E> From<E> for PageError
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    words: &'static Words,
    /// Whether, and whence, it was asked for by a link.
    guest: Option<RefusedGuest>,
    title: String,
    reason: String,
}

/// Who was refused something that they asked for by a link: a mark of the answer.
#[derive(Clone, Default)]
struct RefusedGuest {
    /// Where their link begins, if it opens anything.
    home: Option<String>,
}

/// What [`in_the_readers_language`] makes a page of.
#[derive(Clone)]
struct Refused(Arc<Error>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.0.status().into_response();
        response.extensions_mut().insert(Refused(Arc::new(self.0)));
        response
    }
}

/// Middleware of all pages: says which language they are in, and writes those about a refusal, which does not know the
/// reader.
pub(crate) async fn in_the_readers_language(request: Request, next: Next) -> Response {
    let reader = Reader::of(request.headers());
    let mut response = next.run(request).await;
    if let Some(Refused(error)) = response.extensions_mut().remove() {
        let page = RefusedPage {
            words: reader.0,
            guest: response.extensions_mut().remove(),
            title: sentences::problem_title(reader.0, &error),
            reason: sentences::problem(reader.0, &error),
        };
        let (mut parts, _) = response.into_parts();
        parts
            .headers
            .extend([(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))]);
        response = Response::from_parts(parts, Body::from(page.render().unwrap_or_default()));
    }
    let content = response.headers().get(CONTENT_TYPE);
    if content.is_some_and(|content| content.as_bytes().starts_with(b"text/html")) {
        reader.mark(&mut response);
    }
    response
}

/// What has no page.
pub(crate) async fn no_such_page() -> PageError {
    PageError(Error::NoSuchPath)
}

/// `GET /review/style.css`, for the locked page too.
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], sheet()).into_response()
}

fn sheet() -> String {
    format!("{}{}", include_str!("../../../templates/review.css"), timeline::STYLE)
}

/// `GET /review/script.js`
pub(crate) async fn script() -> Response {
    javascript(include_str!("../../../templates/review.js"))
}

/// `GET /review/stream.js`, which the script runs beside the pages.
pub(crate) async fn stream() -> Response {
    javascript(include_str!("../../../templates/stream.js"))
}

fn javascript(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}

/// `GET /review/icon.svg`
pub(crate) async fn icon() -> Response {
    let text = include_str!("../../../templates/icon.svg");
    ([(CONTENT_TYPE, "image/svg+xml")], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::model::vocabulary::EventKind;

    #[test]
    fn the_style_stays_light() {
        let bytes = super::sheet().len();
        assert!(bytes <= 12 * 1024, "{bytes}");
    }

    #[test]
    fn the_stream_of_live_pages_listens_for_every_kind() {
        let script = include_str!("../../../templates/stream.js");
        let (_, list) = script.split_once("const KINDS = [").unwrap();
        let (list, _) = list.split_once(']').unwrap();
        let listed: BTreeSet<&str> = list.split(',').map(|kind| kind.trim().trim_matches('\'')).collect();
        assert_eq!(listed, EventKind::ALL.iter().map(|kind| kind.as_str()).collect());
    }
}
