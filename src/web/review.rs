//! The way into the review in a browser: a link with the token, which then moves out of the address.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::Web;
use super::error::Error;
use super::params::decode;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Middleware of all pages: a token in the address becomes a cookie, and without either the page is locked.
pub(crate) async fn unlock(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let mut response = match take_token(query) {
        Some((token, rest)) => match web.access.check_token(&token, request.extensions()) {
            Ok(()) => redirect(&web, &request, &rest),
            Err(error) => locked(&error, &request, &told(&error)),
        },
        None => match web
            .access
            .check(request.method(), request.uri(), request.headers(), request.extensions())
        {
            Ok(()) => next.run(request).await,
            Err(error) => locked(&error, &request, ""),
        },
    };
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The token of a query, and the query without it.
fn take_token(query: &str) -> Option<(String, String)> {
    let is_token = |pair: &&str| decode(pair.split('=').next().unwrap_or_default()).is_ok_and(|name| name == "token");
    let (tokens, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| is_token(pair));
    let (_, value) = tokens.first()?.split_once('=')?;
    Some((decode(value).ok()?, rest.join("&")))
}

fn redirect(web: &Web, request: &Request, query: &str) -> Response {
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{}{mark}{query}", request.uri().path());
    let cookie = web.access.set_cookie(request.headers());
    (StatusCode::SEE_OTHER, [(LOCATION, location), (SET_COOKIE, cookie)]).into_response()
}

/// What somebody is told whose token did not open the page.
fn told(error: &Error) -> String {
    let reason = if let Error::TooManyAttempts(_) = error {
        error.to_string()
    } else {
        "This token is not the right one.".to_owned()
    };
    format!("<p class=\"bad\" role=\"alert\">{reason}</p>")
}

fn locked(error: &Error, request: &Request, told: &str) -> Response {
    // A link followed from another site does not bring a SameSite=Strict cookie, not even one just set: a page of ours
    // that asks again does.
    let from_elsewhere = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    let again = from_elsewhere && take_token(request.uri().query().unwrap_or_default()).is_none();
    let refresh = if again {
        "<meta http-equiv=\"refresh\" content=\"0\">"
    } else {
        ""
    };
    let page = include_str!("../../templates/locked.html")
        .replace("<!--refresh-->", refresh)
        .replace("<!--told-->", told);
    let mut response = (error.status(), Html(page)).into_response();
    error.add_headers(&mut response);
    response
}
