//! What a review link carries: a JWT that names the link, and says until when it is good. All else of it the database keeps.
//!
//! Its key is made as that of the cookies is, for another purpose; its audience is no other's. So nothing that is signed for
//! joining, or for signing in, opens what a link opens, and no link opens more.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::hs256;
use crate::model::id::ReviewLinkId;
use crate::model::time::Timestamp;

/// What these tokens are for.
const AUDIENCE: &str = "chatroom:review";

/// More than any of ours has.
const MAX_TOKEN_BYTES: usize = 1024;

/// Why a link opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkRefusal {
    /// This server has not made it, or not like this, or with an earlier review token.
    #[error("This is no review link of this server, or not all of one: copy it whole, or ask for another.")]
    NotOurs,
    /// Its time is over.
    #[error("This review link has ended. Ask whoever gave it to you for another.")]
    Ended,
    /// It is not kept any more.
    #[error("This review link was revoked, or what it showed was removed.")]
    Revoked,
    /// It opens something else.
    #[error(
        "This review link does not open this: it shows one session, or the sessions of one room, and changes nothing."
    )]
    OpensOther,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    /// Whole seconds since 1970.
    exp: i64,
    jti: Uuid,
}

/// Makes and reads the tokens of one server's links.
pub(crate) struct LinkTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    mark: u8,
}

impl LinkTokens {
    /// A new review token, or another database, makes others.
    pub(crate) fn new(review_token: &str, salt: &[u8]) -> Self {
        hs256::install();
        let derive = |purpose: &[u8]| {
            let mut key = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
            key.update(purpose);
            key.update(review_token.as_bytes());
            key.finalize().into_bytes()
        };
        let key = derive(b"chatroom-server review link\0");
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            mark: derive(b"chatroom-server mark of the key of review links\0")[0],
        }
    }

    /// Which key this is, as far as one byte tells.
    pub(crate) fn mark(&self) -> u8 {
        self.mark
    }

    /// The token of a link.
    ///
    /// # Errors
    /// If the library cannot write it.
    pub(crate) fn make(&self, id: ReviewLinkId, expires_at: Timestamp) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            exp: expires_at.0 / 1000,
            jti: id.0,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Which link a token is of, if it is one of ours that has not ended.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Result<ReviewLinkId, LinkRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(LinkRefusal::NotOurs);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["aud", "exp"]);
        // Below, by the time that we are told: the library would look at the clock.
        rules.validate_exp = false;
        let read = jsonwebtoken::decode::<Claims>(token, &self.decoding, &rules);
        let claims = read.map_err(|_| LinkRefusal::NotOurs)?.claims;
        if claims.exp.saturating_mul(1000) <= now.0 {
            return Err(LinkRefusal::Ended);
        }
        Ok(ReviewLinkId(claims.jti))
    }
}

/// Whether somebody has shown what could be the token of a link: three parts.
pub(crate) fn looks_like_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp(1_772_355_600_000);
    const HOUR: i64 = 3_600_000;

    fn tokens() -> LinkTokens {
        LinkTokens::new("a-token-for-reviewers", &[1; 32])
    }

    fn id() -> ReviewLinkId {
        ReviewLinkId(Uuid::from_u128(7))
    }

    fn signed(tokens: &LinkTokens, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &tokens.encoding).unwrap()
    }

    #[test]
    fn it_is_good_until_it_ends_with_the_review_token_and_the_database_it_was_made_with() {
        let token = tokens().make(id(), Timestamp(NOW.0 + HOUR)).unwrap();
        assert!(looks_like_token(&token));
        for (at, expected) in [
            (0, Ok(id())),
            (HOUR - 1, Ok(id())),
            (HOUR, Err(LinkRefusal::Ended)),
            (i64::MAX - NOW.0, Err(LinkRefusal::Ended)),
        ] {
            assert_eq!(tokens().read(&token, Timestamp(NOW.0 + at)), expected, "{at}");
        }
        for others in [
            LinkTokens::new("another-token", &[1; 32]),
            LinkTokens::new("a-token-for-reviewers", &[2; 32]),
        ] {
            assert_eq!(others.read(&token, NOW), Err(LinkRefusal::NotOurs));
            assert_ne!(others.mark(), tokens().mark());
        }
    }

    #[test]
    fn what_is_signed_for_something_else_or_says_too_little_is_no_link() {
        let exp = NOW.0 / 1000 + 60;
        let jti = id().0.to_string();
        let good = json!({ "aud": AUDIENCE, "exp": exp, "jti": jti });
        assert_eq!(tokens().read(&signed(&tokens(), &good), NOW), Ok(id()));
        for claims in [
            json!({ "aud": "chatroom:join", "exp": exp, "jti": jti }),
            json!({ "exp": exp, "jti": jti }),
            json!({ "aud": AUDIENCE, "jti": jti }),
            json!({ "aud": AUDIENCE, "exp": "tomorrow", "jti": jti }),
            json!({ "aud": AUDIENCE, "exp": exp }),
            json!({ "aud": AUDIENCE, "exp": exp, "jti": "x" }),
        ] {
            let token = signed(&tokens(), &claims);
            assert_eq!(tokens().read(&token, NOW), Err(LinkRefusal::NotOurs), "{claims}");
        }
    }

    #[test]
    fn no_letter_of_it_can_be_changed_or_left_out() {
        let token = tokens().make(id(), Timestamp(NOW.0 + HOUR)).unwrap();
        for at in 0..token.len() {
            let (before, after) = (&token[..at], &token[at + 1..]);
            let other = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            for changed in [format!("{before}{after}"), format!("{before}{other}{after}")] {
                assert_ne!(tokens().read(&changed, NOW), Ok(id()), "{at}");
            }
            assert_eq!(tokens().read(before, NOW), Err(LinkRefusal::NotOurs));
        }
        let (_, rest) = token.split_once('.').unwrap();
        let claims = rest.split('.').next().unwrap();
        // {"typ":"JWT","alg":"none"}, and {"alg":"HS512"}
        for header in ["eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0", "eyJhbGciOiJIUzUxMiJ9"] {
            for unsigned in [format!("{header}.{claims}."), format!("{header}.{rest}")] {
                assert_eq!(tokens().read(&unsigned, NOW), Err(LinkRefusal::NotOurs));
            }
        }
        for wrong in ["", ".", "..", "a.b.c", &"x".repeat(10_000_000)] {
            assert_eq!(tokens().read(wrong, NOW), Err(LinkRefusal::NotOurs));
        }
    }
}
