//! The way into the review in a browser: a link with the token, which then moves out of the address.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{PageError, html};
use crate::web::http::access::CrossSiteAccess;
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::query::decode;
use crate::web::state::AppState;
use crate::web::words::{Html, SECOND_SLOT, SLOT, Words, message as m};

/// Where the review begins.
pub(crate) const START: &str = "/review";

const POLICIES: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    // Nobody else is told where the reader was; without any, a form would not say that it is ours.
    (REFERRER_POLICY, "same-origin"),
    // A page that opens one of ours gets no hold of its window.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Middleware of all pages: a token in the address becomes a cookie, and without either the page is locked.
pub(crate) async fn unlock(State(app): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let asked = (&request).into();
    let mut response = match take_token(query) {
        Some((token, rest)) => match app.access.check_token(&token, asked).await {
            Ok(()) => sign_in(&app, &request, &rest),
            Err(error) => locked(&error, &request, true),
        },
        None => match app
            .access
            .check(asked, CrossSiteAccess::Navigation, app.wall_now())
            .await
        {
            Ok(()) => next.run(request).await,
            Err(error @ Error::CrossOrigin) => PageError::from(error).into_response(),
            Err(error) => locked(&error, &request, false),
        },
    };
    for (name, value) in POLICIES {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `POST /review/sign-out`: the cookie is good for nothing any more, wherever else it may be.
pub(crate) async fn sign_out(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (header, signed_in) = app.access.sign_out((&request).into(), app.wall_now());
    let kept = match signed_in {
        Some(cookie) => app.removals.sign_out(cookie.id, cookie.until).await,
        None => Ok(()),
    };
    let answer = match kept {
        Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, START)]).into_response(),
        // It is signed out, but a restart would not know that.
        Err(_) => PageError::from(Error::NotChanged).into_response(),
    };
    ([(SET_COOKIE, header)], answer).into_response()
}

/// The token of a query, and the query without it.
pub(super) fn take_token(query: &str) -> Option<(String, String)> {
    let is_token = |pair: &&str| decode(pair.split('=').next().unwrap_or_default()).is_ok_and(|name| name == "token");
    let (tokens, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| is_token(pair));
    let (_, value) = tokens.first()?.split_once('=')?;
    Some((decode(value).ok()?, rest.join("&")))
}

fn sign_in(app: &AppState, request: &Request, query: &str) -> Response {
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{}{mark}{query}", request.uri().path());
    match app.access.sign_in(request.into(), app.wall_now()) {
        Ok(cookie) => (StatusCode::SEE_OTHER, [(LOCATION, location), (SET_COOKIE, cookie)]).into_response(),
        Err(error) => PageError::from(error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "locked.html")]
struct LockedPage {
    words: &'static Words,
    /// Whether the page is to be asked for once more, by itself.
    asks_again: bool,
    /// Whether a token was given, and is not the right one.
    is_wrong: bool,
}

impl LockedPage {
    /// Where the token is to be found.
    fn how_to_unlock(&self) -> Html {
        let how = m::HowToUnlock {
            line: SLOT,
            setting: SECOND_SLOT,
        };
        // The first is what the server prints.
        let codes = ["Review a class at …", "REVIEW_TOKEN"];
        self.words.around_two(how, codes.map(Html::code))
    }
}

fn locked(error: &Error, request: &Request, is_wrong: bool) -> Response {
    // A link followed from another site does not bring a SameSite=Strict cookie, not even one just set: a page of ours
    // that asks again does.
    let from_elsewhere = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    let asks_again = from_elsewhere && take_token(request.uri().query().unwrap_or_default()).is_none();
    let page = html(&LockedPage {
        words: Reader::of(request.headers()).0,
        asks_again,
        is_wrong,
    });
    let mut response = (error.status(), page).into_response();
    error.add_headers(&mut response);
    response
}
