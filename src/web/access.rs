//! Who is a reviewer, and by which host name a reviewer's routes may be reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderName, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Web;
use super::error::Error;
use super::throttle::Throttle;
use crate::config::HostNames;

const COOKIE_NAME: &str = "chatroom_review";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const HOW_TO_GET_IN: &str = "This is for reviewers. Send the review token as Authorization: Bearer …; \
    the server prints it at its start unless REVIEW_TOKEN sets it. A browser gets in by /review?token=….";
const WRONG_TOKEN: &str = "The review token is wrong. The server prints it at its start unless REVIEW_TOKEN sets it.";

/// What a reviewer is known by.
pub(crate) struct Access {
    token: [u8; 32],
    cookie: String,
    throttle: Mutex<Throttle>,
}

impl Access {
    pub(crate) fn new(token: &str) -> Self {
        // The cookie's value is derived from the token with a label of its own: it opens the review, and stays good over
        // restarts with the same token, but the token itself, which may be set elsewhere too, is not in a cookie jar.
        let derived = Sha256::new()
            .chain_update(b"chatroom-server review cookie\0")
            .chain_update(token)
            .finalize();
        Self {
            token: digest(token),
            cookie: URL_SAFE_NO_PAD.encode(derived),
            throttle: Mutex::new(Throttle::default()),
        }
    }

    /// Compares a token in a time that tells nothing of how much of it is right. A wrong one counts as a guess.
    pub(crate) fn check_token(&self, token: &str, extensions: &Extensions) -> Result<(), Error> {
        // Both sides are hashed, so that not even the length is told.
        if bool::from(digest(token).ct_eq(&self.token)) {
            return Ok(());
        }
        Err(self.wrong(extensions))
    }

    /// The cookie that stands for the token in a browser.
    pub(crate) fn set_cookie(&self, headers: &HeaderMap) -> String {
        // The header can be forged, but only by the one who gets the cookie.
        let is_tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let secure = if is_tls { "; Secure" } else { "" };
        format!(
            "{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict{secure}",
            self.cookie
        )
    }

    /// Lets a reviewer pass.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<(), Error> {
        if headers.contains_key(AUTHORIZATION) {
            let token = bearer(headers).ok_or(Error::Unauthorized(HOW_TO_GET_IN))?;
            return self.check_token(token, extensions);
        }
        let cookie = cookie(headers).ok_or(Error::Unauthorized(HOW_TO_GET_IN))?;
        if !bool::from(digest(cookie).ct_eq(&digest(&self.cookie))) {
            return Err(self.wrong(extensions));
        }
        let only_reads = method == Method::GET || method == Method::HEAD;
        if only_reads || is_same_origin(uri, headers) {
            Ok(())
        } else {
            Err(Error::CrossOrigin)
        }
    }

    fn wrong(&self, extensions: &Extensions) -> Error {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        match throttle.count(address, Instant::now()) {
            Ok(()) => Error::Unauthorized(WRONG_TOKEN),
            Err(wait) => Error::TooManyAttempts(wait),
        }
    }
}

/// Middleware: only a reviewer passes.
pub(crate) async fn reviewers_only(
    State(web): State<Arc<Web>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    web.access
        .check(request.method(), request.uri(), request.headers(), request.extensions())?;
    Ok(next.run(request).await)
}

/// Middleware: a page of another site whose name was made to point here (DNS rebinding) does not pass.
pub(crate) async fn known_hosts_only(
    State(web): State<Arc<Web>>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    if !is_known_host(request.uri(), request.headers(), &web.settings.allowed_hosts) {
        return Err(Error::HostNotAllowed);
    }
    Ok(next.run(request).await)
}

/// The secret of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE_NAME).then_some(value))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Whether a browser says that a page of this very origin sent the request.
fn is_same_origin(uri: &Uri, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    // Browsers that do not send the header above send the origin with everything but GET and HEAD.
    let origin = headers
        .get(ORIGIN)
        .and_then(|origin| origin.to_str().ok()?.split_once("://"));
    let own = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(Authority::as_str));
    origin
        .zip(own)
        .is_some_and(|((_, origin), own)| origin.eq_ignore_ascii_case(own))
}

/// Every place of a request that can name the host has to name a known one, and there has to be exactly one `Host`.
fn is_known_host(uri: &Uri, headers: &HeaderMap, allowed: &HostNames) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    is_known_name(&host, allowed)
        && uri
            .authority()
            .is_none_or(|authority| is_known_name(authority, allowed))
}

fn is_known_name(authority: &Authority, allowed: &HostNames) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let unbracketed = name.trim_start_matches('[').trim_end_matches(']');
    unbracketed.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") || allowed.contains(name)
}
