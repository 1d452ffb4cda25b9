//! What a token says.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::pattern::RoomPattern;
use super::refusal::{Forbidden, MAX_TOKEN_BYTES};
use crate::hs256;
use crate::model::id::{InvalidText, RoomName, Username};
use crate::model::secret::SharedSecret;
use crate::model::time::Timestamp;

/// What tokens to join are for, and no others: whoever signs other things with the same secret makes none by that.
const AUDIENCE: &str = "chatroom:join";

/// By how much the clocks of who makes tokens and of the server may differ, in milliseconds.
const LEEWAY_MS: i64 = 60_000;

/// What a token says that was signed with the right secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    room: RoomPattern,
    name: Option<Username>,
    expires_at: Timestamp,
    good_from: Option<Timestamp>,
    id: Option<Box<str>>,
}

/// What a token is to be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where it lets somebody in.
    pub room: RoomPattern,
    /// Under which name; `None` for any.
    pub name: Option<Username>,
    /// Until when, in whole seconds.
    pub expires_at: Timestamp,
}

impl Grant {
    /// The shortest time for which a token is made.
    pub const SHORTEST: Duration = Duration::from_secs(60);
    /// The longest.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// A token with an id of its own.
    ///
    /// # Errors
    /// If the library cannot write it.
    pub fn token(&self, secret: &SharedSecret) -> Result<String, jsonwebtoken::errors::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            aud: &'static str,
            room: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
            exp: i64,
            jti: Uuid,
        }
        hs256::install();
        let claims = Written {
            aud: AUDIENCE,
            room: self.room.as_str(),
            name: self.name.as_ref().map(Username::as_str),
            exp: self.expires_at.0 / 1000,
            jti: Uuid::new_v4(),
        };
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
    }
}

/// What tokens are checked with.
pub(super) fn key(secret: &SharedSecret) -> DecodingKey {
    hs256::install();
    DecodingKey::from_secret(secret.as_bytes())
}

impl Claims {
    /// Reads a token, whatever it is. Time is for [`Claims::admit`].
    pub(super) fn read(token: &str, key: &DecodingKey) -> Result<Self, Forbidden> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Forbidden::TooLong);
        }
        check_header(token)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["aud"]);
        // A moment is told to `admit`, the library would look at the clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, key, &rules);
        let claims = claims.map_err(|error| refusal(error.kind()))?;
        Self::of(&claims.claims)
    }

    fn of(claims: &Map<String, Value>) -> Result<Self, Forbidden> {
        Ok(Self {
            room: text(claims, "room", RoomPattern::parse)?.ok_or(Forbidden::NoClaim("room"))?,
            name: text(claims, "name", Username::parse)?,
            expires_at: time(claims, "exp")?.ok_or(Forbidden::NoClaim("exp"))?,
            good_from: time(claims, "nbf")?,
            id: text(claims, "jti", id)?,
        })
    }

    /// Its `jti`, by which whoever made it knows it again. It is no secret.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it lets in under one name only.
    pub(super) fn is_personal(&self) -> bool {
        self.name.is_some()
    }

    /// Whether it lets in under this name, if one is given. Who is back in a room that they were let into is not asked
    /// for the time.
    pub(super) fn admit(
        &self,
        room: &RoomName,
        name: Option<&Username>,
        is_back: bool,
        now: Timestamp,
    ) -> Result<(), Forbidden> {
        if !self.room.matches(room) {
            return Err(Forbidden::OtherRoom);
        }
        if let (Some(wanted), Some(name)) = (&self.name, name)
            && wanted != name
        {
            return Err(Forbidden::OtherName);
        }
        if is_back {
            return Ok(());
        }
        if self.expires_at.0.saturating_add(LEEWAY_MS) <= now.0 {
            return Err(Forbidden::Expired);
        }
        match self.good_from {
            Some(from) if from.0.saturating_sub(LEEWAY_MS) > now.0 => Err(Forbidden::NotYet),
            _ => Ok(()),
        }
    }
}

/// Tells what is signed otherwise, or cannot be read without knowing more, from what is no token.
fn check_header(token: &str) -> Result<(), Forbidden> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| {
        // An object, but not of an algorithm that the library has a word for.
        let is_other = matches!(error.kind(), ErrorKind::Json(error) if error.is_data());
        if is_other {
            Forbidden::Algorithm
        } else {
            Forbidden::NotAToken
        }
    })?;
    if header.alg != Algorithm::HS256 {
        return Err(Forbidden::Algorithm);
    }
    if header.crit.is_some() {
        return Err(Forbidden::Extension);
    }
    Ok(())
}

/// What the library has found, as far as it can be told to people.
fn refusal(kind: &ErrorKind) -> Forbidden {
    if matches!(kind, ErrorKind::InvalidAlgorithm) {
        return Forbidden::Algorithm;
    }
    if matches!(kind, ErrorKind::InvalidSignature) {
        return Forbidden::Signature;
    }
    if matches!(kind, ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_)) {
        return Forbidden::Audience;
    }
    Forbidden::NotAToken
}

fn text<T>(
    claims: &Map<String, Value>,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, InvalidText>,
) -> Result<Option<T>, Forbidden> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(raw)) => {
            let parsed = parse(raw).map_err(|problem| Forbidden::ClaimText(name, problem));
            parsed.map(Some)
        }
        Some(_) => Err(Forbidden::ClaimNotAString(name)),
    }
}

/// A `NumericDate`: seconds, which may have fractions.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Forbidden> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().ok_or(Forbidden::ClaimNotATime(name))?;
            // A time beyond all calendars is the last one.
            Ok(Some(Timestamp((seconds * 1000.0) as i64)))
        }
    }
}

fn id(raw: &str) -> Result<Box<str>, InvalidText> {
    const MAX_CHARS: usize = 128;
    if raw.len() > MAX_CHARS {
        return Err(InvalidText::TooLong { max: MAX_CHARS });
    }
    Ok(raw.into())
}
