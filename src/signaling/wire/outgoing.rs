//! What clients are told: a room's messages as events, and what their callbacks get.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::id::{MemberId, Username};
use crate::room::output::{Message, Seat};
use crate::room::refusal::{Language, Refusal};

/// A message in the words of the wire, for one client's language.
pub(in crate::signaling) struct Outgoing<'a> {
    pub(in crate::signaling) message: &'a Message,
    pub(in crate::signaling) language: Language,
}

impl Outgoing<'_> {
    /// The event it goes out as.
    pub(in crate::signaling) fn event(&self) -> &'static str {
        match self.message {
            Message::GetOffer { .. } => "getOffer",
            Message::Offer { .. } => "offer",
            Message::Answer { .. } => "answer",
            Message::Candidate { .. } => "icecandidate",
            Message::Work { .. } | Message::Renegotiate { .. } | Message::DropAll => "reconnect",
            Message::Leave { .. } => "leave",
            Message::Error(_) => "error",
        }
    }
}

impl Serialize for Outgoing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.message {
            Message::GetOffer { member } => map.serialize_entry("memberId", member)?,
            Message::Offer {
                remote_connector,
                offer,
                member,
                stream,
            } => {
                map.serialize_entry("remoteConnectorId", remote_connector)?;
                map.serialize_entry("offer", &offer.0)?;
                map.serialize_entry("memberId", member)?;
                if let Some(stream) = stream {
                    map.serialize_entry("streamType", stream)?;
                }
            }
            Message::Answer {
                remote_connector,
                connector,
                answer,
                member,
            } => {
                map.serialize_entry("remoteConnectorId", remote_connector)?;
                map.serialize_entry("connectorId", connector)?;
                map.serialize_entry("answer", &answer.0)?;
                map.serialize_entry("memberId", member)?;
            }
            Message::Candidate {
                connector, candidate, ..
            } => {
                map.serialize_entry("connectorId", connector)?;
                map.serialize_entry("candidate", &candidate.0)?;
            }
            Message::Work {
                kind,
                data,
                connector,
                member,
            } => {
                map.serialize_entry("type", kind)?;
                if let Some(data) = data {
                    map.serialize_entry("data", &data.0)?;
                }
                map.serialize_entry("connectorId", connector)?;
                map.serialize_entry("memberId", member)?;
            }
            Message::Renegotiate { connector, member } => {
                map.serialize_entry("type", "getOffer")?;
                map.serialize_entry("connectorId", connector)?;
                map.serialize_entry("memberId", member)?;
            }
            Message::DropAll => map.serialize_entry("type", "leave")?,
            Message::Leave { connector, member } => {
                map.serialize_entry("connectorId", connector)?;
                map.serialize_entry("memberId", member)?;
            }
            Message::Error(refusal) => {
                map.serialize_entry("type", refusal.kind().as_str())?;
                map.serialize_entry("message", &refusal.text(self.language))?;
                map.serialize_entry("event", &refusal.event)?;
            }
        }
        map.end()
    }
}

/// What a client's callback gets.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::signaling) struct Acknowledgement<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<AckError>,
    /// For the page's author: what is allowed but unwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    seat: Option<AckSeat<'a>>,
}

#[derive(serde::Serialize)]
struct AckError {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct AckSeat<'a> {
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
    pub(in crate::signaling) fn done() -> Self {
        Self {
            ok: true,
            error: None,
            warning: None,
            seat: None,
        }
    }

    pub(in crate::signaling) fn refused(refusal: &Refusal, language: Language) -> Self {
        let error = AckError {
            kind: refusal.kind().as_str(),
            message: refusal.text(language),
        };
        Self {
            ok: false,
            error: Some(error),
            warning: None,
            seat: None,
        }
    }

    /// At least how many bytes it takes.
    pub(in crate::signaling) fn payload(&self) -> usize {
        const MEMBER: usize = 60;
        self.seat.as_ref().map_or(0, |seat| seat.members.len() * MEMBER)
    }

    pub(in crate::signaling) fn seated(seat: &'a Seat) -> Self {
        let members = seat.members.iter().map(|(member_id, username)| AckMember {
            member_id: *member_id,
            username,
        });
        let seat = AckSeat {
            member_id: seat.member,
            session_id: seat.session.to_string(),
            resumed: seat.resumed,
            members: members.collect(),
        };
        Self {
            ok: true,
            error: None,
            warning: None,
            seat: Some(seat),
        }
    }

    /// Adds that the `id` may be guessed.
    pub(in crate::signaling) fn warn_of_short_id(&mut self, language: Language) {
        self.warning = Some(match language {
            Language::English => {
                "id: fewer than 16 characters can be guessed, and whoever guesses it takes your place. Use crypto.randomUUID()."
            }
            Language::Chinese => "id 少于 16 个字符，可能被猜中并被冒用。请使用 crypto.randomUUID()",
        });
    }
}
