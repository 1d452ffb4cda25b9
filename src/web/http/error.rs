//! What a refused request is told: RFC 9457 problems, each with a `code` that does not change.

use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::review_link::LinkRefusal;
use crate::history;
use crate::join_token::Forbidden;
use crate::model::act::CannotAct;
use crate::model::review_link::NewReviewLink;

/// Why a request was refused. What it displays is the answer's `detail`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A parameter of the query, or a part of the path, has a bad value.
    #[error("{name} {reason}.")]
    BadParameter {
        /// Its name.
        name: &'static str,
        /// What is wrong; reads on after the name.
        reason: String,
    },
    /// A parameter that is needed is missing.
    #[error("{0} is missing.")]
    MissingParameter(&'static str),
    /// A parameter that does not exist here.
    #[error("There is no parameter of this name here. Known are: {}.", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownParameter {
        /// The name given.
        name: String,
        /// Those there are.
        known: Vec<&'static str>,
    },
    /// A parameter was given twice.
    #[error("The parameter is given more than once.")]
    DuplicateParameter(String),
    /// The query is not made of percent-encoded UTF-8.
    #[error("The query is not valid percent-encoded UTF-8.")]
    BadQuery,
    /// No credential, or a wrong one. The text says how to get in.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// A review link opens nothing, or not this.
    #[error("{0}")]
    Link(LinkRefusal),
    /// Who asks could not join.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// A member has asked for credentials again and again.
    #[error(
        "This member has been given as many credentials for TURN servers as TURN_CREDENTIALS_PER_MEMBER allows. Keep those you have, or wait."
    )]
    TooManyCredentials(Duration),
    /// The request came by a host name that is not known to be ours.
    #[error(
        "The host name {0:?} is not one the server answers to here. Use its IP address or localhost, or list the name in ALLOWED_HOSTS."
    )]
    HostNotAllowed(String),
    /// A page that may not connect tried to.
    #[error("Pages of the origin {0} may not connect: ALLOWED_ORIGINS does not list it.")]
    OriginNotAllowed(String),
    /// A page of another origin asked with the reviewer's cookie.
    #[error("By its cookie only the review's own pages may ask this. Send the token in the Authorization header.")]
    CrossOrigin,
    /// No such path.
    #[error("There is nothing at this path.")]
    NoSuchPath,
    /// A room that was never seen.
    #[error("No room of this name has ever been used.")]
    NoSuchRoom,
    /// No session of that id.
    #[error("There is no session of this id.")]
    NoSuchSession,
    /// No review link of that id.
    #[error("There is no review link of this id: it was revoked, has ended, or went with its session.")]
    NoSuchLink,
    /// As many review links are good as there may be.
    #[error(
        "There are {} review links already, which is the most. Revoke one first.",
        NewReviewLink::MOST
    )]
    TooManyLinks,
    /// The path does not have this method.
    #[error("This path does not have this method; the Allow header says which it has.")]
    MethodNotAllowed,
    /// The request's body is over the limit.
    #[error("The request's body is larger than {0} bytes.")]
    BodyTooLarge(usize),
    /// The request's body ended early, or took longer than one may.
    #[error("The request's body did not arrive in time, or not all of it.")]
    BodyCut,
    /// Not everything works. The text says what does not.
    #[error("{0}")]
    NotReady(String),
    /// The database does not answer, so that nothing can be said of the past.
    #[error("The history cannot be read for now: its database does not answer. Try again in a moment.")]
    HistoryAway,
    /// As many streams of events are open as there may be.
    #[error("Too many streams of events are open. Close one, or try again later.")]
    TooManyStreams,
    /// As many questions of one address wait as may.
    #[error("Too many questions of this address are waiting for an answer. Wait for some of them.")]
    TooManyQuestions,
    /// As many questions wait as may.
    #[error("Too many questions are waiting for an answer. Try again in a moment.")]
    Busy,
    /// What the body says is not what is asked for.
    #[error("{}{reason}.", if field.is_empty() { String::new() } else { format!("{field} ") })]
    BadBody {
        /// The field, or nothing if it is the body as a whole.
        field: String,
        /// What is wrong; reads on after the field.
        reason: String,
    },
    /// The body is not said to be JSON.
    #[error("The body must be JSON, with Content-Type: application/json.")]
    NotJson,
    /// A teacher's act is not done.
    #[error("{}", cannot_act(*.0))]
    CannotAct(CannotAct),
    /// What is to be removed is still in use.
    #[error("{}", live(*.0))]
    Live(Doomed),
    /// The database does not take a change for now.
    #[error("The history cannot be changed for now. What was asked may still be done: look again in a while.")]
    NotChanged,
    /// Something of ours broke. The log says what; the client does not need to know.
    #[error("Something went wrong in the server. Its log says what.")]
    Internal,
}

impl From<history::Error> for Error {
    fn from(error: history::Error) -> Self {
        tracing::error!(%error, "a request failed");
        if error.is_of_the_connection() {
            Self::HistoryAway
        } else {
            Self::Internal
        }
    }
}

/// What somebody wants removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doomed {
    /// A session.
    Session,
    /// A person's name.
    Person,
}

fn live(what: Doomed) -> &'static str {
    match what {
        Doomed::Session => "This session goes on. It can be removed once it is over.",
        Doomed::Person => "This person took part in a session that goes on. They can be erased once it is over.",
    }
}

fn cannot_act(why: CannotAct) -> &'static str {
    match why {
        CannotAct::NoSession => {
            "No session goes on in this room: it has ended, or there was none. Nothing was changed."
        }
        CannotAct::NoSuchMember => "Nobody of this name is in the room. Nothing was changed.",
        CannotAct::TooManyBarred => {
            "As many people are kept out of this room as it remembers. Lock or close it instead. Nothing was changed."
        }
    }
}

/// A refusal, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'a str>,
}

impl Error {
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadParameter { .. } => (StatusCode::BAD_REQUEST, "invalidParameter"),
            Self::MissingParameter(_) => (StatusCode::BAD_REQUEST, "missingParameter"),
            Self::UnknownParameter { .. } => (StatusCode::BAD_REQUEST, "unknownParameter"),
            Self::DuplicateParameter(_) => (StatusCode::BAD_REQUEST, "duplicateParameter"),
            Self::BadQuery => (StatusCode::BAD_REQUEST, "invalidQuery"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Link(LinkRefusal::NotOurs) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Link(LinkRefusal::Ended | LinkRefusal::Revoked) => (StatusCode::GONE, "linkOver"),
            Self::Link(LinkRefusal::OpensOther) => (StatusCode::FORBIDDEN, "notShared"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::TooManyCredentials(_) => (StatusCode::TOO_MANY_REQUESTS, "tooManyCredentials"),
            Self::HostNotAllowed(_) => (StatusCode::FORBIDDEN, "hostNotAllowed"),
            Self::OriginNotAllowed(_) => (StatusCode::FORBIDDEN, "originNotAllowed"),
            Self::CrossOrigin => (StatusCode::FORBIDDEN, "crossOrigin"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "notFound"),
            Self::NoSuchRoom => (StatusCode::NOT_FOUND, "roomNotFound"),
            Self::NoSuchSession => (StatusCode::NOT_FOUND, "sessionNotFound"),
            Self::NoSuchLink => (StatusCode::NOT_FOUND, "linkNotFound"),
            Self::TooManyLinks => (StatusCode::CONFLICT, "tooManyLinks"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "bodyTooLarge"),
            Self::BodyCut => (StatusCode::REQUEST_TIMEOUT, "bodyCut"),
            Self::NotReady(_) | Self::HistoryAway => (StatusCode::SERVICE_UNAVAILABLE, "notReady"),
            Self::TooManyQuestions => (StatusCode::TOO_MANY_REQUESTS, "tooManyQuestions"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::TooManyStreams => (StatusCode::SERVICE_UNAVAILABLE, "tooManyStreams"),
            Self::BadBody { .. } => (StatusCode::BAD_REQUEST, "invalidBody"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "notJson"),
            Self::CannotAct(CannotAct::NoSession) => (StatusCode::CONFLICT, "roomNotInUse"),
            Self::CannotAct(CannotAct::NoSuchMember) => (StatusCode::CONFLICT, "notInRoom"),
            Self::CannotAct(CannotAct::TooManyBarred) => (StatusCode::CONFLICT, "tooManyBarred"),
            Self::Live(_) => (StatusCode::CONFLICT, "live"),
            Self::NotChanged => (StatusCode::SERVICE_UNAVAILABLE, "notChanged"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The status it answers with.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind().0
    }

    fn parameter(&self) -> Option<&str> {
        if let Self::BadBody { field, .. } = self {
            return Some(field.as_str()).filter(|field| !field.is_empty());
        }
        if let Self::BadParameter { name, .. } | Self::MissingParameter(name) = self {
            return Some(name);
        }
        if let Self::UnknownParameter { name, .. } | Self::DuplicateParameter(name) = self {
            return Some(name);
        }
        None
    }

    /// The header that tells the client what to do next, where there is one. Added to other forms of answers too.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        if let Self::TooManyQuestions | Self::Busy | Self::TooManyStreams | Self::HistoryAway = self {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::TooManyCredentials(wait) = self {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Self::Unauthorized(_) | Self::Link(LinkRefusal::NotOurs) = self {
            let challenge = HeaderValue::from_static("Bearer realm=\"chatroom-server\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.kind();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            parameter: self.parameter(),
        };
        let mut response = (status, Json(problem)).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.add_headers(&mut response);
        response
    }
}
