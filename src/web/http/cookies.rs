//! What stands for the review's token in a browser: a cookie that is signed, ends by itself, and can be revoked.
//!
//! The key is made of the token, so that a new token ends all cookies, and of a secret that the database holds: a cookie
//! that somebody has made of a guessed token is no way to find out whether the guess is right.

use std::time::Duration;

use axum::http::header::{COOKIE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::config::BasePath;
use crate::journal::{ReviewSecrets, SignedOut};
use crate::model::language::Language;
use crate::model::time::Timestamp;

/// For how long a cookie is good: a day at school.
const GOOD_FOR: Duration = Duration::from_secs(12 * 60 * 60);

const NAME: &str = "chatroom_review";

/// The name of the cookie by which a browser reads what a review link opens. It holds the link's token.
const LINK: &str = "chatroom_link";

/// The name of the cookie that keeps a reader's language, of whichever server of the host: it is no secret.
pub(crate) const LANGUAGE: &str = "chatroom_language";

/// For how long it does.
const LANGUAGE_KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a cookie is made of: when it was made, its own id, and the signature.
const MADE_AT: usize = 8;
const ID: usize = 16;
const SIGNATURE: usize = 32;

/// The cookies of one server.
pub(crate) struct Cookies {
    signer: Hmac<Sha256>,
    revoked: SignedOut,
}

/// A cookie that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// Its id.
    pub(crate) id: Uuid,
    /// Until when it is good.
    pub(crate) until: Timestamp,
}

impl Cookies {
    pub(crate) fn new(token: &str, secrets: ReviewSecrets) -> Self {
        let mut key = Hmac::<Sha256>::new_from_slice(&secrets.salt).expect("HMAC takes keys of any length");
        key.update(b"chatroom-server review cookie\0");
        key.update(token.as_bytes());
        let key = key.finalize().into_bytes();
        Self {
            signer: Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"),
            revoked: secrets.signed_out,
        }
    }

    /// A fresh cookie's value.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub(crate) fn make(&self, now: Timestamp) -> Result<String, getrandom::Error> {
        let mut bytes = now.0.to_be_bytes().to_vec();
        bytes.resize(MADE_AT + ID, 0);
        getrandom::fill(&mut bytes[MADE_AT..])?;
        let signature = self.sign(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whose cookie it is, if it is one of ours that is good now.
    pub(crate) fn read(&self, value: &str, now: Timestamp) -> Option<SignedIn> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        if bytes.len() != MADE_AT + ID + SIGNATURE {
            return None;
        }
        let (signed, signature) = bytes.split_at(MADE_AT + ID);
        // In a time that tells nothing of how much of it is right.
        self.sign(signed).verify_slice(signature).ok()?;
        let (made_at, id) = signed.split_at(MADE_AT);
        let made_at = i64::from_be_bytes(made_at.try_into().ok()?);
        let signed_in = SignedIn {
            id: Uuid::from_slice(id).ok()?,
            until: Timestamp(made_at.saturating_add(GOOD_FOR.as_millis() as i64)),
        };
        let is_good = signed_in.until > now && !self.revoked.contains(&signed_in.id);
        is_good.then_some(signed_in)
    }

    /// Makes a cookie good for nothing, for as long as this server runs.
    pub(crate) fn revoke(&self, cookie: SignedIn, now: Timestamp) {
        self.revoked.add(cookie.id, cookie.until, now);
    }

    fn sign(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut signer = self.signer.clone();
        signer.update(bytes);
        signer
    }
}

/// Where a cookie is good: a request to there, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct CookiePlace<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) is_https: bool,
    /// What else is on the host is not shown it.
    pub(crate) base: &'a BasePath,
}

/// The header that gives a browser a cookie.
pub(crate) fn give(place: CookiePlace<'_>, value: &str) -> String {
    set(place, value, GOOD_FOR)
}

/// The header that takes it away.
pub(crate) fn take_away(place: CookiePlace<'_>) -> String {
    set(place, "", Duration::ZERO)
}

/// The header that gives a browser what a review link opens, for as long as that is good.
pub(crate) fn give_link(place: CookiePlace<'_>, token: &str, lasts: Duration) -> String {
    cookie(place, &name(place, LINK), token, lasts, "Strict")
}

/// The header that takes it away.
pub(crate) fn take_link_away(place: CookiePlace<'_>) -> String {
    give_link(place, "", Duration::ZERO)
}

/// The header that keeps a reader's language.
pub(crate) fn keep_language(place: CookiePlace<'_>, language: Language) -> String {
    cookie(place, LANGUAGE, language.tag(), LANGUAGE_KEPT, "Lax")
}

fn set(place: CookiePlace<'_>, value: &str, lasts: Duration) -> String {
    cookie(place, &name(place, NAME), value, lasts, "Strict")
}

fn cookie(place: CookiePlace<'_>, name: &str, value: &str, lasts: Duration, same_site: &str) -> String {
    let (path, seconds) = (place.base.as_str(), lasts.as_secs());
    let secure = if place.is_https { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}")
}

/// The values of all those that a request brings.
pub(crate) fn all(place: CookiePlace<'_>) -> impl Iterator<Item = &str> {
    values(place.headers, name(place, NAME))
}

/// The same of those of review links.
pub(crate) fn links(place: CookiePlace<'_>) -> impl Iterator<Item = &str> {
    values(place.headers, name(place, LINK))
}

/// The values of all cookies of a name that a request brings. A page on another port of the host can add some, which come
/// first if they are for a longer path; and what other cookies hold need not be text.
pub(crate) fn values(headers: &HeaderMap, wanted: impl AsRef<str>) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| str::from_utf8(pair).ok()?.trim().split_once('='))
        .filter_map(move |(name, value)| (name == wanted.as_ref()).then_some(value))
}

/// Cookies are common to all ports of a host: two servers on one would throw each other's away, if they had one name.
fn name(place: CookiePlace<'_>, name: &str) -> String {
    let own = own_authority(place.uri, place.headers).and_then(|own| own.parse::<Authority>().ok());
    let port = own.and_then(|own| own.port_u16());
    let port = port.unwrap_or(if place.is_https { 443 } else { 80 });
    // A page without TLS cannot set one of this name, nor, where it is for all paths, can a subdomain.
    let prefix = match (place.is_https, place.base.is_root()) {
        (false, _) => "",
        (true, true) => "__Host-",
        (true, false) => "__Secure-",
    };
    format!("{prefix}{name}_{port}")
}

/// The host and port that the browser asks.
pub(crate) fn own_authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(Authority::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_772_355_600_000);
    const TWELVE_HOURS: i64 = 12 * 60 * 60 * 1000;

    fn secrets(salt: u8) -> ReviewSecrets {
        ReviewSecrets {
            salt: vec![salt; 32],
            signed_out: SignedOut::default(),
        }
    }

    fn later(ms: i64) -> Timestamp {
        Timestamp(NOW.0 + ms)
    }

    #[test]
    fn a_cookie_is_good_for_twelve_hours_with_the_token_and_the_database_it_was_made_with() {
        let cookies = Cookies::new("token", secrets(1));
        let value = cookies.make(NOW).unwrap();
        assert_ne!(value, cookies.make(NOW).unwrap());
        let restarted = Cookies::new("token", secrets(1));
        for (at, good) in [
            (0, true),
            (TWELVE_HOURS - 1, true),
            (TWELVE_HOURS, false),
            (i64::MAX - NOW.0, false),
        ] {
            assert_eq!(restarted.read(&value, later(at)).is_some(), good, "{at}");
        }
        assert_eq!(Cookies::new("other", secrets(1)).read(&value, NOW), None);
        assert_eq!(Cookies::new("token", secrets(2)).read(&value, NOW), None);
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let cookies = Cookies::new("token", secrets(1));
        let value = cookies.make(NOW).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&value).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cookies.read(&URL_SAFE_NO_PAD.encode(changed), NOW), None, "{bit}");
        }
        for wrong in ["", "x", "=", "\u{e9}", &value[1..], &format!("{value}AAAA")] {
            assert_eq!(cookies.read(wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn a_revoked_one_is_good_for_nothing_and_forgotten_when_it_would_have_ended() {
        let cookies = Cookies::new("token", secrets(1));
        let (one, other) = (cookies.make(NOW).unwrap(), cookies.make(NOW).unwrap());
        let signed_in = cookies.read(&one, NOW).unwrap();
        cookies.revoke(signed_in, NOW);
        assert_eq!(cookies.read(&one, NOW), None);
        assert!(cookies.read(&other, NOW).is_some());

        let kept = secrets(1);
        kept.signed_out.extend([(signed_in.id, signed_in.until)]);
        let restarted = Cookies::new("token", kept);
        assert_eq!(restarted.read(&one, NOW), None);
        let other = restarted.read(&other, NOW).unwrap();
        restarted.revoke(other, later(TWELVE_HOURS));
        assert_eq!(restarted.revoked.count(), 1);
    }

    #[test]
    fn the_name_carries_the_port_that_the_browser_knows() {
        let name_by = |host: Option<&'static str>, uri: &'static str, is_https| {
            let host = host.map(|host| (HOST, host.parse().unwrap()));
            let place = CookiePlace {
                uri: &uri.parse().unwrap(),
                headers: &host.into_iter().collect(),
                is_https,
                base: &BasePath::default(),
            };
            name(place, NAME)
        };
        for (host, uri, is_https, expected) in [
            (Some("localhost:3000"), "/", false, "chatroom_review_3000"),
            (Some("[::1]:3001"), "/", false, "chatroom_review_3001"),
            (Some("192.0.2.1"), "/", false, "chatroom_review_80"),
            (Some("class.example"), "/", true, "__Host-chatroom_review_443"),
            (Some("class.example:8443"), "/", true, "__Host-chatroom_review_8443"),
            (None, "http://localhost:3002/", false, "chatroom_review_3002"),
        ] {
            assert_eq!(name_by(host, uri, is_https), expected);
        }
    }

    #[test]
    fn below_a_path_a_cookie_is_for_that_path() {
        let base = BasePath::parse("/signal").unwrap();
        let headers = [(HOST, "class.example".parse().unwrap())].into_iter().collect();
        for (is_https, start) in [
            (true, "__Secure-chatroom_review_443=x; "),
            (false, "chatroom_review_80=x; "),
        ] {
            let place = CookiePlace {
                uri: &Uri::from_static("/review"),
                headers: &headers,
                is_https,
                base: &base,
            };
            let header = give(place, "x");
            assert!(header.starts_with(&format!("{start}Path=/signal/; ")), "{header}");
        }
    }
}
