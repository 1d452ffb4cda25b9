//! The way into the review in a browser: a link with the token, which then moves out of the address.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::guest::home;
use super::{PageError, RefusedGuest, html};
use crate::web::http::access::{CrossSiteAccess, Requester};
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::query::decode;
use crate::web::state::AppState;
use crate::web::viewer::{NotAdmitted, Viewer, admit};
use crate::words::{Html, SECOND_SLOT, SLOT, Words, message as m};

/// Where the review begins.
pub(crate) const START: &str = "/review";

/// What a review link has its token in.
const LINK: &str = "link";

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

/// Middleware of all pages: a token in the address becomes a cookie, and so does a review link; without any the page is
/// locked.
pub(crate) async fn unlock(State(app): State<Arc<AppState>>, mut request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let mut response = if let Some((token, rest)) = take_token(query) {
        match app.access.check_token(&token, (&request).into()).await {
            Ok(()) => sign_in(&app, &request, &rest),
            Err(error) => locked(&error, (&request).into(), true),
        }
    } else if let Some((token, _)) = take(query, LINK) {
        let opened = open_link(&app, (&request).into(), &token).await;
        opened.unwrap_or_else(|error| refused_to_guest(error, None))
    } else {
        match admit(&app, &mut request, CrossSiteAccess::Navigation).await {
            Ok(()) => show(request, next).await,
            Err(refused) => not_admitted(&app, refused, (&request).into()),
        }
    };
    for (name, value) in POLICIES {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page, marked as a guest's if it is one's.
async fn show(request: Request, next: Next) -> Response {
    let home = match request.extensions().get() {
        Some(Viewer::Guest(link)) => Some(home(link)),
        Some(Viewer::Reviewer) | None => None,
    };
    let mut response = next.run(request).await;
    if home.is_some() {
        response.extensions_mut().insert(RefusedGuest { home });
    }
    response
}

fn not_admitted(app: &AppState, refused: NotAdmitted, asked: Requester<'_>) -> Response {
    let NotAdmitted { error, link } = refused;
    if let Some(link) = link {
        return refused_to_guest(error, Some(home(&link)));
    }
    if let Error::Link(_) = error {
        // Whoever has the token as well finds the page for it the next time.
        let cookie = [(SET_COOKIE, app.access.drop_link(asked))];
        return (cookie, refused_to_guest(error, None)).into_response();
    }
    if let Error::Unauthorized(_) = error {
        return locked(&error, asked, false);
    }
    PageError::from(error).into_response()
}

fn refused_to_guest(error: Error, home: Option<String>) -> Response {
    let mut response = PageError::from(error).into_response();
    response.extensions_mut().insert(RefusedGuest { home });
    response
}

/// Where a review link leads, with a cookie that opens it. Who is signed in keeps on seeing everything.
async fn open_link(app: &AppState, asked: Requester<'_>, token: &str) -> Result<Response, Error> {
    let now = app.wall_now();
    let id = app.access.check_link(token, asked, now).await?;
    let link = app.review_link(id).await?;
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, home(&link))]).into_response();
    if app.access.signed_in(asked, now).is_none() {
        let cookie = app.access.keep_link(asked, token, link.expires_at, now);
        let cookie = HeaderValue::try_from(cookie).map_err(|_| Error::Internal)?;
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /review/sign-out`: the cookie is good for nothing any more, wherever else it may be.
pub(crate) async fn sign_out(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let ([review, link], signed_in) = app.access.sign_out((&request).into(), app.wall_now());
    let kept = match signed_in {
        Some(cookie) => app.removals.sign_out(cookie.id, cookie.until).await,
        None => Ok(()),
    };
    let answer = match kept {
        Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, START)]).into_response(),
        // It is signed out, but a restart would not know that.
        Err(_) => PageError::from(Error::NotChanged).into_response(),
    };
    (AppendHeaders([(SET_COOKIE, review), (SET_COOKIE, link)]), answer).into_response()
}

/// The token of a query, and the query without it.
pub(super) fn take_token(query: &str) -> Option<(String, String)> {
    take(query, "token")
}

/// A secret of a query, and the query without it.
fn take(query: &str, wanted: &str) -> Option<(String, String)> {
    let is_wanted = |pair: &&str| decode(pair.split('=').next().unwrap_or_default()).is_ok_and(|name| name == wanted);
    let (tokens, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| is_wanted(pair));
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

fn locked(error: &Error, asked: Requester<'_>, is_wrong: bool) -> Response {
    // A link followed from another site does not bring a SameSite=Strict cookie, not even one just set: a page of ours
    // that asks again does.
    let from_elsewhere = asked
        .headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    let asks_again = from_elsewhere && take_token(asked.uri.query().unwrap_or_default()).is_none();
    let page = html(&LockedPage {
        words: Reader::of(asked.headers).0,
        asks_again,
        is_wrong,
    });
    let mut response = (error.status(), page).into_response();
    error.add_headers(&mut response);
    response
}
