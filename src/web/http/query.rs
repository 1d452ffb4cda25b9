//! A query as a struct: its fields are the parameters there are, for the reader as for the API's document.
//!
//! It is read strictly, so that a mistyped filter is never silently no filter. A refusal names the parameter, which
//! serde's own deserializers of queries do not.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de, forward_to_deserialize_any};
use utoipa::IntoParams;

use super::error::Error;

/// The parameters of a query, each at most once.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// No parameters at all.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NoQuery {}

/// The parameters of a route of its own, and those that it shares with others.
#[derive(Debug)]
pub(crate) struct QueryWith<T, S>(pub(crate) T, pub(crate) S);

/// Parameters that several routes have.
pub(crate) trait SharedParameters: DeserializeOwned {
    /// Their names.
    const NAMES: &'static [&'static str];
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl<T: DeserializeOwned, P: SharedParameters, S: Sync> FromRequestParts<S> for QueryWith<T, P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// Reads a query string.
    ///
    /// # Errors
    /// If it is not percent-encoded UTF-8, names a parameter twice, or says what `T` has no place for.
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        read(pairs(query)?).map(Self)
    }
}

impl<T: DeserializeOwned, S: SharedParameters> QueryWith<T, S> {
    /// Reads a query string. Serde itself does not refuse unknown fields of a struct that is a part of another.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        let (shared, own) = pairs(query)?
            .into_iter()
            .partition(|(name, _)| S::NAMES.contains(&name.as_str()));
        let own = read(own).map_err(|mut error| {
            if let Error::UnknownParameter { known, .. } = &mut error {
                known.extend(S::NAMES);
            }
            error
        })?;
        Ok(Self(own, read(shared)?))
    }
}

/// The names and values of a query, decoded, none of them twice.
///
/// # Errors
/// If it is not percent-encoded UTF-8, or names a parameter twice.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if pairs.iter().any(|(earlier, _)| *earlier == name) {
            return Err(Error::DuplicateParameter(shorten(&name)));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Error> {
    T::deserialize(QueryPairs {
        rest: pairs.into_iter(),
        fields: &[],
        current: None,
    })
}

/// The names and values of a query, as serde takes a struct's.
struct QueryPairs {
    rest: std::vec::IntoIter<(String, String)>,
    fields: &'static [&'static str],
    /// The parameter whose value is next: its field's name, if it is one, and the value.
    current: Option<(&'static str, String)>,
}

impl<'de> Deserializer<'de> for QueryPairs {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Self { fields, ..self })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for QueryPairs {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        let field = self.fields.iter().find(|field| **field == name);
        self.current = Some((field.copied().unwrap_or_default(), value));
        let name: StringDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (field, value) = self.current.take().unwrap_or_default();
        seed.deserialize(ParameterText(&value)).map_err(|mut error| {
            if let Error::BadParameter { name, .. } = &mut error {
                *name = field;
            }
            error
        })
    }
}

/// One value: text, from which its field reads what it is.
struct ParameterText<'a>(&'a str);

impl<'de> Deserializer<'de> for ParameterText<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        StrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What a struct finds wrong. The name of a bad value's parameter is added where it is known.
impl de::Error for Error {
    fn custom<T: Display>(reason: T) -> Self {
        Self::BadParameter {
            name: "",
            reason: reason.to_string(),
        }
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format!("must be {}", known.join(" or ")))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownParameter {
            name: shorten(name),
            known: known.to_vec(),
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::MissingParameter(name)
    }
}

/// Decodes a name or value of a query.
pub(crate) fn decode(raw: &str) -> Result<String, Error> {
    let spaced = raw.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8().map_err(|_| Error::BadQuery)?;
    Ok(text.into_owned())
}

/// What a client typed as a name, cut so that an answer never grows with it.
pub(super) fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}

/// What a request has in a header, cut like that.
pub(crate) fn shortened(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).map_or(&[][..], |value| value.as_bytes());
    shorten(&String::from_utf8_lossy(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::http::params::Paging;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Wanted {
        roomname: String,
        order: Option<Direction>,
        #[serde(default, deserialize_with = "crate::web::http::params::fields::seq")]
        after_seq: Option<i64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Direction {
        Asc,
        Desc,
    }

    #[test]
    fn fields_are_the_parameters() {
        let Query(wanted) = Query::<Wanted>::parse("order=desc&roomname=a%20b+c&afterSeq=7").unwrap();
        let expected = Wanted {
            roomname: "a b c".to_owned(),
            order: Some(Direction::Desc),
            after_seq: Some(7),
        };
        assert_eq!(wanted, expected);
    }

    #[test]
    fn a_refusal_names_the_parameter() {
        for (query, refusal) in [
            ("order=up&roomname=a", "order must be asc or desc."),
            ("roomname=a&afterSeq=-1", "afterSeq must be a whole number, 0 or more."),
            ("afterSeq=1", "roomname is missing."),
            (
                "roomname=a&x=1",
                "There is no parameter of this name here. Known are: roomname, order, afterSeq.",
            ),
            ("roomname=a&roomname=b", "The parameter is given more than once."),
            ("roomname=%ff", "The query is not valid percent-encoded UTF-8."),
        ] {
            assert_eq!(
                Query::<Wanted>::parse(query).unwrap_err().to_string(),
                refusal,
                "{query}"
            );
        }
        let refusal = QueryWith::<NoQuery, Paging>::parse("limit=1&x=2")
            .unwrap_err()
            .to_string();
        assert!(refusal.ends_with("Known are: limit, cursor."), "{refusal}");
        let refusal = QueryWith::<NoQuery, Paging>::parse("limit=201")
            .unwrap_err()
            .to_string();
        assert_eq!(refusal, "limit must be a whole number from 1 to 200.");
        let refusal = Query::<NoQuery>::parse("x").unwrap_err().to_string();
        assert!(refusal.ends_with("Known are: none."), "{refusal}");
    }
}
