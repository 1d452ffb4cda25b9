//! What clients are told: a room's messages as events, and what their callbacks get.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::names::{self, ANSWER, CANDIDATE, ERROR, GET_OFFER, LEAVE, OFFER, RECONNECT};
use super::refusal::WireRefusal;
use crate::model::id::{MemberId, Username};
use crate::model::language::Language;
use crate::model::vocabulary::ErrorKind;
use crate::room::input::Opaque;
use crate::room::output::{Membership, Message, Reply};
use crate::words::{Words, message as m};

/// What a client is told.
#[derive(Debug, Clone, Copy)]
pub(in crate::signaling) enum Outgoing<'a> {
    /// What its room tells it.
    Message(&'a Message),
    /// Drop all peer connections.
    DropAll,
    /// Something it sent was refused.
    Error(&'a WireRefusal),
    /// What the node that has its room has made ready for it.
    Finished(&'a FinishedEvent),
}

/// An event as it goes out, made by another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::signaling) struct FinishedEvent {
    name: &'static str,
    payload: Opaque,
}

impl FinishedEvent {
    /// `None` if no server says that, or it is no JSON.
    pub(in crate::signaling) fn read(name: &str, payload: String) -> Option<Self> {
        let payload = Opaque(RawValue::from_string(payload).ok()?);
        let name = names::of_server(name)?;
        Some(Self { name, payload })
    }
}

impl Outgoing<'_> {
    /// How many bytes of a client's own it passes on.
    pub(in crate::signaling) fn payload_len(&self) -> usize {
        match self {
            Self::Message(message) => message.payload_len(),
            Self::DropAll | Self::Error(_) => 0,
            Self::Finished(event) => event.payload.len(),
        }
    }
}

/// The same in the words of the wire, for one client's language.
pub(in crate::signaling) struct OutgoingEvent<'a> {
    pub(in crate::signaling) outgoing: Outgoing<'a>,
    pub(in crate::signaling) language: Language,
}

impl OutgoingEvent<'_> {
    /// The event it goes out as.
    pub(in crate::signaling) fn name(&self) -> &'static str {
        match self.outgoing {
            Outgoing::Message(message) => message_name(message),
            Outgoing::DropAll => RECONNECT,
            Outgoing::Error(_) => ERROR,
            Outgoing::Finished(event) => event.name,
        }
    }
}

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::GetOffer { .. } => GET_OFFER,
        Message::Renegotiate { .. } => RECONNECT,
        Message::Leave { .. } => LEAVE,
        Message::Offer { .. } => OFFER,
        Message::Answer { .. } => ANSWER,
        Message::Candidate { .. } => CANDIDATE,
        Message::Renegotiation { .. } => RECONNECT,
    }
}

impl Serialize for OutgoingEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Outgoing::Finished(event) = self.outgoing {
            return event.payload.0.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        match self.outgoing {
            Outgoing::Finished(_) => {}
            Outgoing::Message(message) => write_message(&mut map, message)?,
            Outgoing::DropAll => map.serialize_entry("type", LEAVE)?,
            Outgoing::Error(refusal) => {
                map.serialize_entry("type", &refusal.kind())?;
                map.serialize_entry("message", &refusal.text(self.language))?;
                map.serialize_entry("event", &refusal.event)?;
            }
        }
        map.end()
    }
}

/// What is the receiver's own connector to its sender is the remote one, and the other way round.
fn write_message<M: SerializeMap>(map: &mut M, message: &Message) -> Result<(), M::Error> {
    match message {
        Message::GetOffer { member, username } => {
            map.serialize_entry("memberId", member)?;
            map.serialize_entry("username", username)
        }
        Message::Offer { from, username, offer } => {
            map.serialize_entry("remoteConnectorId", &offer.connector)?;
            map.serialize_entry("offer", &offer.offer.0)?;
            map.serialize_entry("memberId", from)?;
            map.serialize_entry("username", username)?;
            match &offer.stream {
                Some(stream) => map.serialize_entry("streamType", stream),
                None => Ok(()),
            }
        }
        Message::Answer { from, answer } => {
            map.serialize_entry("remoteConnectorId", &answer.connector)?;
            map.serialize_entry("connectorId", &answer.remote_connector)?;
            map.serialize_entry("answer", &answer.answer.0)?;
            map.serialize_entry("memberId", from)
        }
        // Its receiver knows by its connector whose it is.
        Message::Candidate { candidate, .. } => {
            map.serialize_entry("connectorId", &candidate.remote_connector)?;
            map.serialize_entry("candidate", &candidate.candidate.0)
        }
        Message::Renegotiation { from, step } => {
            map.serialize_entry("type", &step.kind)?;
            if let Some(data) = &step.data {
                map.serialize_entry("data", &data.0)?;
            }
            map.serialize_entry("connectorId", &step.connector)?;
            map.serialize_entry("memberId", from)
        }
        Message::Renegotiate { connector, member } => {
            map.serialize_entry("type", GET_OFFER)?;
            map.serialize_entry("connectorId", connector)?;
            map.serialize_entry("memberId", member)
        }
        Message::Leave { connector, member } => {
            map.serialize_entry("connectorId", connector)?;
            map.serialize_entry("memberId", member)
        }
    }
}

/// What a client's callback is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::signaling) enum CallbackReply {
    /// It was done.
    Done,
    /// The client is in the room.
    Entered(Membership),
    /// It was refused.
    Refused(WireRefusal),
    /// What the node that has the client's room says, as it goes out.
    Finished(Opaque),
}

impl From<Reply> for CallbackReply {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done => Self::Done,
            Reply::Entered(membership) => Self::Entered(membership),
            Reply::Refused(refusal) => Self::Refused(refusal.into()),
        }
    }
}

/// The same in the words of the wire.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(in crate::signaling) enum Acknowledgement<'a> {
    /// Of this node.
    Made(Answer<'a>),
    /// Of the node that has the client's room.
    Finished(&'a RawValue),
}

/// What is told of one message.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::signaling) struct Answer<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<AckError>,
    /// For the page's author: what is allowed but unwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    membership: Option<AckMembership<'a>>,
}

#[derive(serde::Serialize)]
struct AckError {
    #[serde(rename = "type")]
    kind: ErrorKind,
    message: String,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct AckMembership<'a> {
    member_id: MemberId,
    session_id: String,
    resumed: bool,
    members: Vec<AckMember<'a>>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct AckMember<'a> {
    member_id: MemberId,
    username: &'a Username,
}

impl<'a> Acknowledgement<'a> {
    pub(in crate::signaling) fn of(reply: &'a CallbackReply, language: Language) -> Self {
        match reply {
            CallbackReply::Done => Self::Made(Answer::done()),
            CallbackReply::Entered(membership) => Self::Made(Answer::entered(membership)),
            CallbackReply::Refused(refusal) => Self::Made(Answer::refused(refusal, language)),
            CallbackReply::Finished(Opaque(answer)) => Self::Finished(answer),
        }
    }

    /// At least how many bytes it takes.
    pub(in crate::signaling) fn payload_len(&self) -> usize {
        match self {
            Self::Made(answer) => answer.payload_len(),
            Self::Finished(answer) => answer.get().len(),
        }
    }

    /// Adds that the `id` may be guessed.
    pub(in crate::signaling) fn warn_of_short_id(&mut self, language: Language) {
        if let Self::Made(answer) = self {
            answer.warn_of_short_id(language);
        }
    }
}

impl<'a> Answer<'a> {
    fn done() -> Self {
        Self {
            ok: true,
            error: None,
            warning: None,
            membership: None,
        }
    }

    fn refused(refusal: &WireRefusal, language: Language) -> Self {
        let error = AckError {
            kind: refusal.kind(),
            message: refusal.text(language),
        };
        Self {
            ok: false,
            error: Some(error),
            warning: None,
            membership: None,
        }
    }

    fn payload_len(&self) -> usize {
        const MEMBER: usize = 60;
        self.membership
            .as_ref()
            .map_or(0, |membership| membership.members.len() * MEMBER)
    }

    fn entered(membership: &'a Membership) -> Self {
        let members = membership.members.iter().map(|(member_id, username)| AckMember {
            member_id: *member_id,
            username,
        });
        let membership = AckMembership {
            member_id: membership.member,
            session_id: membership.session.to_string(),
            resumed: membership.resumed,
            members: members.collect(),
        };
        Self {
            ok: true,
            error: None,
            warning: None,
            membership: Some(membership),
        }
    }

    /// Adds that the `id` may be guessed.
    fn warn_of_short_id(&mut self, language: Language) {
        self.warning = Some(Words::of(language).say(m::WireShortId));
    }
}
