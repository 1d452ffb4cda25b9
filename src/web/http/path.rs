//! What a request's path names.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use super::error::Error;
use crate::model::id::{ReviewLinkId, RoomName, SessionId, Username};

/// The room named in a path. Its percent-encoding may hide any character, also a slash.
#[derive(Debug, IntoParams)]
#[into_params(names("room"), parameter_in = Path)]
pub(crate) struct RoomPath(
    /// The room's name, percent-encoded
    pub(crate) RoomName,
);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let name = segment(parts, state, "room").await?;
        RoomName::parse(&name)
            .map(Self)
            .map_err(|invalid| bad("room", &invalid))
    }
}

/// The person named in a path.
#[derive(Debug)]
pub(crate) struct PersonPath(pub(crate) Username);

impl<S: Send + Sync> FromRequestParts<S> for PersonPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let name = segment(parts, state, "username").await?;
        Username::parse(&name)
            .map(Self)
            .map_err(|invalid| bad("username", &invalid))
    }
}

/// The session named in a path.
#[derive(Debug, IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct SessionPath(
    /// The session
    pub(crate) SessionId,
);

impl<S: Send + Sync> FromRequestParts<S> for SessionPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let id = segment(parts, state, "id").await?;
        let id = Uuid::try_parse(&id).map_err(|_| bad("id", &"must be a session's id, a UUID"))?;
        Ok(Self(SessionId(id)))
    }
}

/// The review link named in a path.
#[derive(Debug, IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct ReviewLinkPath(
    /// The link
    pub(crate) ReviewLinkId,
);

impl<S: Send + Sync> FromRequestParts<S> for ReviewLinkPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let id = segment(parts, state, "id").await?;
        let id = Uuid::try_parse(&id).map_err(|_| bad("id", &"must be a review link's id, a UUID"))?;
        Ok(Self(ReviewLinkId(id)))
    }
}

/// A part of the path, decoded once. The router has matched the path as it was sent, so `%2F` never splits it.
async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S, name: &'static str) -> Result<String, Error> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| bad(name, &"must be UTF-8"))?;
    let value = params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned());
    value.ok_or(Error::NoSuchPath)
}

fn bad(name: &'static str, reason: &impl ToString) -> Error {
    Error::BadParameter {
        name,
        reason: reason.to_string(),
    }
}
