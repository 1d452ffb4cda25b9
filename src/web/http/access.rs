//! Who is a reviewer, and by which host name a reviewer's routes may be reached.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::cookies::{self, CookiePlace, Cookies, SignedIn};
use super::error::Error;
use super::review_link::{LinkRefusal, LinkTokens, looks_like_token};
use super::throttle::{GuessCost, Throttle, asker};
use crate::config::{BasePath, HostNames, TrustedProxies};
use crate::journal::ReviewSecrets;
use crate::model::id::ReviewLinkId;
use crate::model::language::Language;
use crate::model::time::Timestamp;
use crate::net::{OverTls, forwarded};
use crate::web::settings::Settings;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

const HOW_TO_GET_IN: &str = "This is for reviewers. Send the review token as Authorization: Bearer …; \
    the server prints it at its start unless REVIEW_TOKEN sets it. A browser gets in by /review?token=….";
const WRONG_TOKEN: &str = "The review token is wrong. The server prints it at its start unless REVIEW_TOKEN sets it.";
const WRONG_COOKIE: &str = "You are not signed in any more: that ends after 12 hours, when you sign out, and when the \
    review token changes. Open /review?token=… again, or send the token as Authorization: Bearer ….";

/// What a reviewer is known by.
pub(crate) struct Access {
    token: [u8; 32],
    cookies: Cookies,
    /// What makes and reads the tokens of review links.
    pub(crate) links: LinkTokens,
    guesses: Throttle,
    proxies: TrustedProxies,
    base: BasePath,
}

/// What a request says of who sent it.
#[derive(Clone, Copy)]
pub(crate) struct Requester<'a> {
    method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for Requester<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

/// What a request has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The review token, or a cookie that stands for it.
    ReviewToken,
    /// The token of a review link that has not ended. Whether it was revoked, and what it opens, the history knows.
    Link(ReviewLinkId),
}

/// How the pages and the rest may be reached by cookie from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrossSiteAccess {
    /// A browser may go there by a link of another site: it shows what nobody but the reader sees.
    Navigation,
    /// Only pages of the same origin ask.
    None,
}

impl Access {
    pub(crate) fn new(settings: &Settings, secrets: ReviewSecrets) -> Self {
        let token = &settings.review_token;
        Self {
            token: digest(token),
            links: LinkTokens::new(token, &secrets.salt),
            cookies: Cookies::new(token, secrets),
            guesses: Throttle::new("review token", settings.guesses_per_minute),
            proxies: settings.trusted_proxies.clone(),
            base: settings.base_path.clone(),
        }
    }

    /// Reads the token of a review link. A wrong one costs little: nobody guesses a signature.
    pub(crate) async fn check_link(
        &self,
        token: &str,
        asked: Requester<'_>,
        now: Timestamp,
    ) -> Result<ReviewLinkId, Error> {
        let read = self.links.read(token, now);
        let wrong = (read == Err(LinkRefusal::NotOurs)).then_some(GuessCost::UNLIKELY);
        self.guesses.settle(asker(asked.extensions), wrong).await;
        read.map_err(Error::Link)
    }

    /// Compares a token in a time that tells nothing of how much of it is right. A wrong one counts as a guess.
    pub(crate) async fn check_token(&self, token: &str, asked: Requester<'_>) -> Result<(), Error> {
        let is_right = self.is_right(token);
        let wrong = (!is_right).then_some(GuessCost::GUESS);
        self.guesses.settle(asker(asked.extensions), wrong).await;
        if is_right {
            return Ok(());
        }
        Err(Error::Unauthorized(WRONG_TOKEN))
    }

    fn is_right(&self, token: &str) -> bool {
        // Both sides are hashed, so that not even the length is told.
        digest(token).ct_eq(&self.token).into()
    }

    /// The header with a cookie that stands for the token in a browser.
    pub(crate) fn sign_in(&self, asked: Requester<'_>, now: Timestamp) -> Result<String, Error> {
        let value = self.cookies.make(now).map_err(|error| {
            tracing::error!(%error, "the system gives no random numbers for a cookie");
            Error::Internal
        })?;
        Ok(cookies::give(self.place(asked), &value))
    }

    /// The header with a cookie by which a browser reads what a link opens. `token` is the link's, good until then.
    pub(crate) fn keep_link(&self, asked: Requester<'_>, token: &str, until: Timestamp, now: Timestamp) -> String {
        let lasts = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or_default();
        cookies::give_link(self.place(asked), token, Duration::from_millis(lasts))
    }

    /// The header that takes such a cookie away.
    pub(crate) fn drop_link(&self, asked: Requester<'_>) -> String {
        cookies::take_link_away(self.place(asked))
    }

    /// Makes the cookie of a request good for nothing. The headers take it away from the browser, and that of a link: who
    /// signs out leaves nothing open.
    pub(crate) fn sign_out(&self, asked: Requester<'_>, now: Timestamp) -> ([String; 2], Option<SignedIn>) {
        let signed_in = self.signed_in(asked, now);
        if let Some(cookie) = signed_in {
            self.cookies.revoke(cookie, now);
        }
        let headers = [cookies::take_away(self.place(asked)), self.drop_link(asked)];
        (headers, signed_in)
    }

    /// The header with a cookie that keeps the language of a reader's choice.
    pub(crate) fn keep_language(&self, asked: Requester<'_>, language: Language) -> String {
        cookies::keep_language(self.place(asked), language)
    }

    /// Whom a request is of. Who is signed in is a reviewer, whatever link they have opened besides.
    pub(crate) async fn check(
        &self,
        asked: Requester<'_>,
        from_elsewhere: CrossSiteAccess,
        now: Timestamp,
    ) -> Result<Credential, Error> {
        if asked.headers.contains_key(AUTHORIZATION) {
            let token = bearer(asked.headers).ok_or(Error::Unauthorized(HOW_TO_GET_IN))?;
            if looks_like_token(token) && !self.is_right(token) {
                return self.check_link(token, asked, now).await.map(Credential::Link);
            }
            return self.check_token(token, asked).await.map(|()| Credential::ReviewToken);
        }
        let credential = match self.signed_in(asked, now) {
            Some(_) => Credential::ReviewToken,
            None => self.linked(asked, now)?,
        };
        if is_from_review(asked, from_elsewhere) {
            Ok(credential)
        } else {
            Err(Error::CrossOrigin)
        }
    }

    /// The link that a cookie holds. A wrong cookie, of whichever kind, is not a guess: nobody can make one of a token that
    /// they guess.
    fn linked(&self, asked: Requester<'_>, now: Timestamp) -> Result<Credential, Error> {
        let mut has_ended = false;
        for token in cookies::links(self.place(asked)) {
            match self.links.read(token, now) {
                Ok(id) => return Ok(Credential::Link(id)),
                Err(refusal) => has_ended |= refusal == LinkRefusal::Ended,
            }
        }
        if has_ended {
            return Err(Error::Link(LinkRefusal::Ended));
        }
        let has_cookie = cookies::all(self.place(asked)).next().is_some();
        Err(Error::Unauthorized(if has_cookie {
            WRONG_COOKIE
        } else {
            HOW_TO_GET_IN
        }))
    }

    /// The cookie of a reviewer, if a request has one that is good.
    pub(crate) fn signed_in(&self, asked: Requester<'_>, now: Timestamp) -> Option<SignedIn> {
        cookies::all(self.place(asked)).find_map(|value| self.cookies.read(value, now))
    }

    fn place<'a>(&'a self, asked: Requester<'a>) -> CookiePlace<'a> {
        CookiePlace {
            uri: asked.uri,
            headers: asked.headers,
            is_https: self.is_https(asked),
            base: &self.base,
        }
    }

    /// How the browser calls this server: `https://class.example`.
    pub(crate) fn origin(&self, asked: Requester<'_>) -> Option<String> {
        let scheme = if self.is_https(asked) { "https" } else { "http" };
        let authority = cookies::own_authority(asked.uri, asked.headers)?;
        Some(format!("{scheme}://{authority}"))
    }

    /// Whether a browser speaks TLS to the server, or to a proxy in front of it.
    pub(crate) fn is_https(&self, asked: Requester<'_>) -> bool {
        let peer = asked.extensions.get::<ConnectInfo<SocketAddr>>();
        asked.extensions.get::<OverTls>().is_some()
            || peer.is_some_and(|peer| forwarded::is_https(peer.0.ip(), asked.headers, &self.proxies))
    }
}

/// The secret of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Whether a host is known to its own machine only.
pub(crate) fn is_loopback(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether a request by cookie comes from the review itself, as far as the browser says so: what reads may leave that
/// open, as old browsers do, what changes something may not. (The cookie comes along from every port of the host.)
fn is_from_review(asked: Requester<'_>, from_elsewhere: CrossSiteAccess) -> bool {
    let only_reads = asked.method == Method::GET || asked.method == Method::HEAD;
    if only_reads && from_elsewhere == CrossSiteAccess::Navigation && is_navigation(asked.headers) {
        return true;
    }
    let site = asked.headers.get(SEC_FETCH_SITE);
    let origin = asked.headers.get(ORIGIN).map(|origin| {
        let (_, host) = origin.to_str().ok()?.split_once("://")?;
        Some(host.eq_ignore_ascii_case(cookies::own_authority(asked.uri, asked.headers)?))
    });
    match (site, origin) {
        // Typed, or a bookmark.
        (Some(site), None | Some(Some(true))) if only_reads && site == "none" => true,
        (Some(site), None) => site == "same-origin",
        // Of a form on a page that tells nobody where it is, an origin says nothing.
        (Some(site), Some(origin)) => site == "same-origin" && origin != Some(false),
        (None, Some(origin)) => origin == Some(true),
        (None, None) => only_reads,
    }
}

/// Whether a browser goes there, with all of a window.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|header| header == value);
    is(&SEC_FETCH_MODE, "navigate") && is(&SEC_FETCH_DEST, "document")
}

/// Every place of a request that can name the host has to name a known one, and there has to be exactly one `Host`.
pub(crate) fn is_known_host(uri: &Uri, headers: &HeaderMap, allowed: &HostNames) -> bool {
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

/// Whether the review may be opened under a name.
pub(crate) fn is_known_name(authority: &Authority, allowed: &HostNames) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let unbracketed = name.trim_start_matches('[').trim_end_matches(']');
    unbracketed.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") || allowed.contains(name)
}
