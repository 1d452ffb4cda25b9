//! Bodies: a JSON object, read strictly field by field so that a refusal can name one, or a form.

use std::fmt::{self, Formatter};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::error::Error;
use super::query::Query;

/// The largest request body in bytes. Nothing here needs more than a few lines of JSON.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The fields of a body that is a JSON object. Each is taken once; what is left then is refused.
pub(crate) struct JsonFields {
    fields: Map<String, Value>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequest<S> for JsonFields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let is_json = kind.trim().eq_ignore_ascii_case("application/json");
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection: BytesRejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Error::BodyTooLarge(MAX_BODY),
                _ => Error::BodyCut,
            })?;
        if !is_json {
            return Err(Error::NotJson);
        }
        let Ok(Pairs(pairs)) = serde_json::from_slice(&body) else {
            return Err(bad("", "The body must be a JSON object"));
        };
        let mut fields = Map::with_capacity(pairs.len());
        for (name, value) in pairs {
            // Which of the two is meant is not for us to guess.
            if fields.contains_key(&name) {
                return Err(bad(&short(&name), "must be given once"));
            }
            fields.insert(name, value);
        }
        Ok(Self {
            fields,
            known: Vec::new(),
        })
    }
}

/// The fields of an object as they are written: a map would keep the last of two with one name.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = object.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

impl JsonFields {
    /// What a field says, if it is there: `read` says what is wrong, to be read on after the field's name.
    ///
    /// # Errors
    /// If `read` refuses it.
    pub(crate) fn take<T, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        self.known.push(name);
        let value = self.fields.remove(name);
        value
            .map(read)
            .transpose()
            .map_err(|wrong| bad(name, &wrong.to_string()))
    }

    /// The same of a field that has to be there.
    ///
    /// # Errors
    /// If it is missing, or `read` refuses it.
    pub(crate) fn need<T, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, E>,
    ) -> Result<T, Error> {
        self.take(name, read)?.ok_or_else(|| bad(name, "is missing"))
    }

    /// That there is nothing else: a mistyped field must not be silently none.
    ///
    /// # Errors
    /// If there is.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Some(unknown) = self.fields.keys().next() else {
            return Ok(());
        };
        let known = self.known.join(", ");
        Err(bad(&short(unknown), &format!("is not known here; known are {known}")))
    }
}

/// As much of a name that somebody made up as an answer repeats.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

/// A text.
pub(crate) fn text<T, E: ToString>(value: Value, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, String> {
    let text = value.as_str().ok_or("must be a string")?;
    read(text).map_err(|wrong| wrong.to_string())
}

/// A number without a fraction, in digits; nothing if it is none. It is whole however it is written: `5.0` is 5 (JSON
/// Schema, validation, 6.1.1).
pub(crate) fn whole(value: &Value) -> String {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0);
    // Nothing is not less than nothing: -0.0 + 0.0 is 0.0.
    whole.map(|number| (number + 0.0).to_string()).unwrap_or_default()
}

/// Yes or no.
pub(crate) fn boolean(value: Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("must be true or false")
}

/// A form, as a struct whose fields are the form's.
///
/// # Errors
/// As a query, or if it is too large.
pub(crate) async fn form<T: DeserializeOwned>(body: Body) -> Result<T, Error> {
    let body = to_bytes(body, MAX_BODY).await;
    let body = body.map_err(|_| Error::BodyTooLarge(MAX_BODY))?;
    let form = String::from_utf8(body.into()).map_err(|_| Error::BadQuery)?;
    Query::parse(&form).map(|Query(form)| form)
}

/// What is wrong with a field; `reason` reads on after its name.
pub(crate) fn bad(field: &str, reason: &str) -> Error {
    Error::BadBody {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}
