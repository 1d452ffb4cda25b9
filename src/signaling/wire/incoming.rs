//! What clients send: an event's name and payload, read into a command. A field that is wrong is refused by its name.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::names::{
    ANSWER, CANDIDATE, CONNECTION_STATE, GET_OFFER, HANGUP, JOIN, LEAVE, OFFER, RECONNECT, RENEGOTIATION,
};
use super::refusal::{AskedEntry, WireReason};
use crate::join_token::Shown;
use crate::model::id::{ClientKey, ConnectorId, InvalidText, MemberId, RoomName, StreamType, Username};
use crate::model::vocabulary::{ConnectionPath, ConnectionState};
use crate::room::input::{Answer, Body, Candidate, LeaveEntry, Offer, Opaque, Relay, Renegotiation, StateReport};

/// What a client asks for.
#[derive(Debug)]
pub(in crate::signaling) enum Command {
    /// `join`
    Join {
        key: ClientKey,
        has_short_id: bool,
        username: Username,
        room: RoomName,
        token: Shown,
    },
    /// `reconnect`
    Resume {
        key: ClientKey,
        has_short_id: bool,
        username: Option<Username>,
        room: RoomName,
        token: Shown,
    },
    /// `leave`
    Leave { entries: Vec<LeaveEntry> },
    /// `offer`, `answer`, `icecandidate`, `reconnectWork`, `hangup`, `connectionState`
    Relay(Relay),
}

/// A Socket.IO event: its name and its first argument. Further arguments are ignored, as JavaScript would.
#[derive(Debug)]
pub(in crate::signaling) struct Event<'a> {
    pub(in crate::signaling) name: &'a str,
    /// From where it begins to the end of the message; empty if there is none.
    payload: &'a str,
}

impl<'a> Event<'a> {
    /// Finds the name and the payload of a message. The library has read all of it as JSON before, to find the name:
    /// what follows the payload is not looked at again.
    pub(in crate::signaling) fn read(message: &'a str) -> Option<Self> {
        let list = message.trim_start().strip_prefix('[')?;
        let mut elements = serde_json::Deserializer::from_str(list).into_iter();
        let name = elements.next()?.ok()?;
        let rest = list[elements.byte_offset()..].trim_start();
        let payload = rest.strip_prefix(',').unwrap_or_default().trim_start();
        Some(Self { name, payload })
    }

    /// The payload as what it should be, if it is that.
    fn payload<T: Deserialize<'a>>(&self) -> Option<T> {
        T::deserialize(&mut serde_json::Deserializer::from_str(self.payload)).ok()
    }
}

/// Every field that any event has, raw: absent and `null` are told apart, and a wrong type is found by name.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    username: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    roomname: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    connector_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    remote_connector_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    member_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream_type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    offer: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    answer: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    candidate: Option<&'a RawValue>,
    #[serde(rename = "type", borrow, default, deserialize_with = "raw")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    state: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    path: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    token: Option<&'a RawValue>,
}

/// What a page says when it connects.
#[derive(serde::Deserialize)]
struct Auth<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    token: Option<&'a RawValue>,
}

/// The token of a handshake's `auth`, if that has one.
pub(in crate::signaling) fn token_of_auth(auth: &str) -> Shown {
    // A struct could also be read from an array.
    let auth = Some(auth).filter(|auth| auth.trim_start().starts_with('{'));
    let auth = auth.and_then(|auth| serde_json::from_str::<Auth<'_>>(auth).ok());
    auth.map_or(Shown::Nothing, |auth| token(auth.token))
}

/// A present field is `Some`, even when it is `null`.
fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads an event of the contract.
pub(in crate::signaling) fn parse(event: &Event<'_>) -> Result<Command, WireReason> {
    match event.name {
        JOIN => fields(event).and_then(|fields| fields.join()),
        RECONNECT => fields(event).and_then(|fields| fields.resume()),
        LEAVE => Ok(Command::Leave {
            entries: leave_entries(event),
        }),
        OFFER => fields(event).and_then(|fields| fields.offer()),
        ANSWER => fields(event).and_then(|fields| fields.answer()),
        CANDIDATE => fields(event).and_then(|fields| fields.candidate()),
        RENEGOTIATION => fields(event).and_then(|fields| fields.renegotiation()),
        HANGUP => fields(event).and_then(|fields| fields.hang_up()),
        CONNECTION_STATE => fields(event).and_then(|fields| fields.state()),
        _ => Err(WireReason::UnknownEvent),
    }
}

/// Who asks to come in where, by what is right of an event that is refused.
pub(in crate::signaling) fn asked(event: &Event<'_>) -> Option<AskedEntry> {
    let fields = fields(event).ok().filter(|_| matches!(event.name, JOIN | RECONNECT))?;
    Some(AskedEntry {
        room: text("roomname", fields.roomname, RoomName::parse).ok(),
        username: text("username", fields.username, Username::parse).ok(),
        token: None,
    })
}

/// Into which room a message asks to be let, if it is one by which a client comes in or back.
pub(in crate::signaling) fn asked_room(message: &str) -> Option<RoomName> {
    let event = Event::read(message).filter(|event| matches!(event.name, JOIN | RECONNECT))?;
    text("roomname", fields(&event).ok()?.roomname, RoomName::parse).ok()
}

/// Whether it is the message by which a client leaves its room.
pub(in crate::signaling) fn is_leave(message: &str) -> bool {
    Event::read(message).is_some_and(|event| event.name == LEAVE)
}

fn fields<'a>(event: &Event<'a>) -> Result<Fields<'a>, WireReason> {
    // A struct could also be read from an array; the contract has objects.
    if !event.payload.starts_with('{') {
        return Err(WireReason::NotAnObject);
    }
    Fields::deserialize(&mut serde_json::Deserializer::from_str(event.payload))
        .map_err(|error| given_twice(&error).unwrap_or(WireReason::NotAnObject))
}

/// That a field is there twice, which serde tells in words only.
fn given_twice(error: &serde_json::Error) -> Option<WireReason> {
    let said = error.to_string();
    let (field, _) = said.strip_prefix("duplicate field `")?.split_once('`')?;
    Some(WireReason::Twice(field.into()))
}

impl Fields<'_> {
    fn join(self) -> Result<Command, WireReason> {
        Ok(Command::Join {
            key: text("id", self.id, ClientKey::parse)?,
            has_short_id: text("id", self.id, is_short)?,
            username: text("username", self.username, Username::parse)?,
            room: text("roomname", self.roomname, RoomName::parse)?,
            token: token(self.token),
        })
    }

    fn resume(self) -> Result<Command, WireReason> {
        let username = self.username.filter(|raw| raw.get() != "null");
        Ok(Command::Resume {
            key: text("id", self.id, ClientKey::parse)?,
            has_short_id: text("id", self.id, is_short)?,
            username: username
                .map(|raw| text("username", Some(raw), Username::parse))
                .transpose()?,
            room: text("roomname", self.roomname, RoomName::parse)?,
            token: token(self.token),
        })
    }

    fn offer(self) -> Result<Command, WireReason> {
        let connector = text("connectorId", self.connector_id, ConnectorId::parse)?;
        let offer = opaque("offer", self.offer)?;
        let stream = self.stream_type.filter(|raw| raw.get() != "null");
        let stream = stream
            .map(|raw| text("streamType", Some(raw), StreamType::parse))
            .transpose()?;
        self.relay(Body::Offer(Offer {
            connector,
            offer,
            stream,
        }))
    }

    fn answer(self) -> Result<Command, WireReason> {
        let remote_connector = text("remoteConnectorId", self.remote_connector_id, ConnectorId::parse)?;
        let connector = text("connectorId", self.connector_id, ConnectorId::parse)?;
        let answer = opaque("answer", self.answer)?;
        self.relay(Body::Answer(Answer {
            remote_connector,
            connector,
            answer,
        }))
    }

    fn candidate(self) -> Result<Command, WireReason> {
        let remote_connector = text("remoteConnectorId", self.remote_connector_id, ConnectorId::parse)?;
        let candidate = opaque("candidate", self.candidate)?;
        self.relay(Body::Candidate(Candidate {
            remote_connector,
            candidate,
        }))
    }

    fn renegotiation(self) -> Result<Command, WireReason> {
        let kind = text("type", self.kind, StreamType::parse)?;
        // Pages obey these as the server's word.
        if matches!(kind.as_str(), LEAVE | GET_OFFER) {
            return Err(WireReason::Reserved("type"));
        }
        let kind = kind.as_str().into();
        let connector = text("connectorId", self.connector_id, ConnectorId::parse)?;
        let data = self.data.map(|raw| Opaque(raw.to_owned()));
        self.relay(Body::Renegotiation(Renegotiation { kind, data, connector }))
    }

    fn hang_up(self) -> Result<Command, WireReason> {
        let connector = text("connectorId", self.connector_id, ConnectorId::parse)?;
        self.relay(Body::Hangup { connector })
    }

    fn state(self) -> Result<Command, WireReason> {
        let connector = text("connectorId", self.connector_id, ConnectorId::parse)?;
        let words = ConnectionState::ALL.iter().map(|one| one.as_str());
        let state = word("state", self.state, words, ConnectionState::parse)?;
        let path = self.path.filter(|raw| raw.get() != "null");
        let words = ConnectionPath::ALL.iter().map(|one| one.as_str());
        let path = path.map(|raw| word("path", Some(raw), words, ConnectionPath::parse));
        let path = path.transpose()?;
        self.relay(Body::State(StateReport { connector, state, path }))
    }

    fn relay(self, body: Body) -> Result<Command, WireReason> {
        let to = text("memberId", self.member_id, |raw| Ok(MemberId::parse(raw)))?;
        Ok(Command::Relay(Relay { to, body }))
    }
}

/// A token is looked at where one is asked for, and anything else may be called so where none is.
fn token(raw: Option<&RawValue>) -> Shown {
    match raw.map(RawValue::get) {
        None | Some("null") => Shown::Nothing,
        Some(raw) => serde_json::from_str::<String>(raw).map_or(Shown::NotAString, |token| Shown::text(&token)),
    }
}

fn is_short(id: &str) -> Result<bool, InvalidText> {
    Ok(ClientKey::is_short(id))
}

/// Reads a field that must be a string.
fn text<T>(
    name: &'static str,
    raw: Option<&RawValue>,
    parse: impl Fn(&str) -> Result<T, InvalidText>,
) -> Result<T, WireReason> {
    let raw = raw.ok_or(WireReason::Missing(name))?.get();
    // Most strings have no escapes and need no copy.
    match serde_json::from_str::<&str>(raw) {
        Ok(plain) => parse(plain),
        Err(_) => parse(&serde_json::from_str::<String>(raw).map_err(|_| WireReason::NotAString(name))?),
    }
    .map_err(|problem| WireReason::Text(name, problem))
}

/// Reads a field that must be one of these words.
fn word<T>(
    name: &'static str,
    raw: Option<&RawValue>,
    words: impl Iterator<Item = &'static str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, WireReason> {
    text(name, raw, |raw| Ok(parse(raw)))?.ok_or_else(|| WireReason::NotOneOf(name, words.collect()))
}

/// Takes a field as it is. Only its absence is an error.
fn opaque(name: &'static str, raw: Option<&RawValue>) -> Result<Opaque, WireReason> {
    raw.map(|raw| Opaque(raw.to_owned())).ok_or(WireReason::Missing(name))
}

/// Reads what can be read of a leaver's list: whatever it says, the member leaves.
fn leave_entries(event: &Event<'_>) -> Vec<LeaveEntry> {
    /// More than any room has members and streams.
    const MOST: usize = 4096;
    let list: Vec<&RawValue> = event.payload().unwrap_or_default();
    list.into_iter().take(MOST).filter_map(leave_entry).collect()
}

fn leave_entry(raw: &RawValue) -> Option<LeaveEntry> {
    if !raw.get().starts_with('{') {
        return None;
    }
    let fields: Fields<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(LeaveEntry {
        connector: text("remoteConnectorId", fields.remote_connector_id, ConnectorId::parse).ok()?,
        member: text("memberId", fields.member_id, |raw| Ok(MemberId::parse(raw))).ok()??,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Command, WireReason> {
        parse(&Event::read(json).unwrap())
    }

    #[test]
    fn fields_are_refused_by_name() {
        use InvalidText::*;
        use WireReason::*;
        let deep = format!(r#"["join",{{"id":{}{}}}]"#, "[".repeat(10_000), "]".repeat(10_000));
        let long = format!(
            r#"["join",{{"id":"a","username":"{}","roomname":"r"}}]"#,
            "x".repeat(65)
        );
        let table: &[(&str, WireReason)] = &[
            (r#"["join"]"#, NotAnObject),
            (r#"["join",null]"#, NotAnObject),
            (r#"["join",[]]"#, NotAnObject),
            (r#"["join","text"]"#, NotAnObject),
            (r#"["join",{}]"#, Missing("id")),
            (r#"["join",{"id":null}]"#, NotAString("id")),
            (r#"["join",{"id":7}]"#, NotAString("id")),
            (r#"["join",{"id":["a"]}]"#, NotAString("id")),
            (r#"["join",{"id":""}]"#, Text("id", Empty)),
            (r#"["join",{"id":"a"}]"#, Missing("username")),
            (
                r#"["join",{"id":"a","username":"a","username":"b","roomname":"r"}]"#,
                Twice("username".into()),
            ),
            (
                r#"["reconnect",{"id":"a","roomname":"r","\u0069d":null}]"#,
                Twice("id".into()),
            ),
            (r#"["join",{"id":"a","username":" \t "}]"#, Text("username", Empty)),
            (
                r#"["join",{"id":"a","username":"a\u0000b"}]"#,
                Text("username", Control),
            ),
            (r#"["join",{"id":"a","username":"a"}]"#, Missing("roomname")),
            (&deep, NotAString("id")),
            (&long, Text("username", TooLong { max: 64 })),
            (r#"["offer",{"connectorId":"c","memberId":"m"}]"#, Missing("offer")),
            (r#"["offer",{"connectorId":"c","offer":1}]"#, Missing("memberId")),
            (
                r#"["offer",{"connectorId":"c","offer":1,"memberId":"m","streamType":4}]"#,
                NotAString("streamType"),
            ),
            (
                r#"["answer",{"connectorId":"c","answer":1}]"#,
                Missing("remoteConnectorId"),
            ),
            (
                r#"["icecandidate",{"remoteConnectorId":"c","memberId":"m"}]"#,
                Missing("candidate"),
            ),
            (
                r#"["reconnectWork",{"connectorId":"c","memberId":"m"}]"#,
                Missing("type"),
            ),
            (
                r#"["reconnectWork",{"type":"leave","data":1,"connectorId":"c","memberId":"m"}]"#,
                Reserved("type"),
            ),
            (
                r#"["reconnectWork",{"type":"\u0067etOffer","data":1,"connectorId":"c","memberId":"m"}]"#,
                Reserved("type"),
            ),
            (
                r#"["reconnect",{"id":"a","username":5,"roomname":"r"}]"#,
                NotAString("username"),
            ),
            (r#"["hangup",{"memberId":"m"}]"#, Missing("connectorId")),
            (r#"["hangup",{"connectorId":"c"}]"#, Missing("memberId")),
            (
                r#"["connectionState",{"connectorId":"c","memberId":"m"}]"#,
                Missing("state"),
            ),
            (
                r#"["connectionState",{"connectorId":"c","memberId":"m","state":"new"}]"#,
                NotOneOf("state", vec!["connected", "disconnected", "failed", "closed"]),
            ),
            (
                r#"["connectionState",{"connectorId":"c","memberId":"m","state":"failed","path":"by train"}]"#,
                NotOneOf("path", vec!["host", "srflx", "prflx", "relay"]),
            ),
            (r#"["chat",{}]"#, UnknownEvent),
        ];
        for (json, reason) in table {
            assert_eq!(read(json).unwrap_err(), *reason, "{}", &json[..json.len().min(80)]);
        }
    }

    #[test]
    fn an_id_that_may_be_guessed_is_noticed() {
        for (id, expected) in [
            ("a", true),
            ("123456789012345", true),
            ("1234567890123456", false),
            ("密密密密密密密密密密密密密密密", true),
        ] {
            for event in ["join", "reconnect"] {
                let json = format!(r#"["{event}",{{"id":"{id}","username":"u","roomname":"r"}}]"#);
                let (Command::Join { has_short_id, .. } | Command::Resume { has_short_id, .. }) = read(&json).unwrap()
                else {
                    panic!("no entry");
                };
                assert_eq!(has_short_id, expected, "{id}");
            }
        }
    }

    #[test]
    fn a_token_is_in_the_message_or_in_the_handshake() {
        let table = [
            ("{}", Shown::Nothing),
            (r#"{"token":null}"#, Shown::Nothing),
            (r#"{"token":""}"#, Shown::Nothing),
            (r#"{"token":7}"#, Shown::NotAString),
            (r#"{"token":["a"]}"#, Shown::NotAString),
            (r#"{"token":"\u0061.b"}"#, Shown::Token("a.b".to_owned())),
        ];
        for (json, expected) in table {
            assert_eq!(token_of_auth(json), expected, "{json}");
            let fields = json.trim_start_matches('{');
            let mark = if fields == "}" { "" } else { "," };
            for event in ["join", "reconnect"] {
                let json = format!(r#"["{event}",{{"id":"i","username":"u","roomname":"r"{mark}{fields}]"#);
                let (Command::Join { token, .. } | Command::Resume { token, .. }) = read(&json).unwrap() else {
                    panic!("no entry");
                };
                assert_eq!(token, expected, "{json}");
            }
        }
        for auth in ["", "7", "null", r#"["a"]"#, r#""a""#, r#"{"token":"a","token":"b"}"#] {
            assert_eq!(token_of_auth(auth), Shown::Nothing, "{auth}");
        }
    }

    #[test]
    fn a_message_is_an_event_wherever_its_spaces_are() {
        for json in [
            r#"["join",{"id":"i","username":"u","roomname":"r"}]"#,
            r#" [ "join" , { "id" : "i", "username" : "u", "roomname" : "r" } ] "#,
            r#"["join",{"id":"i","username":"u","roomname":"r"},{"id":7}]"#,
        ] {
            assert!(matches!(read(json), Ok(Command::Join { .. })), "{json}");
        }
        for json in ["", "[", "[]", "{}", "[7]", "null", r#""join""#, r#"[null,"join"]"#] {
            assert!(Event::read(json).is_none(), "{json}");
        }
    }

    #[test]
    fn opaque_payloads_pass_byte_for_byte() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in [
            "null",
            "1e400",
            r#"{"b":1,"a":"\ud800 é 中"}"#,
            r#"[ 1 , 2 ]"#,
            "\"text\"",
            &deep,
        ] {
            let json = format!(r#"["icecandidate",{{"remoteConnectorId":"c","memberId":"m","candidate":{payload}}}]"#);
            let Command::Relay(Relay {
                body: Body::Candidate(Candidate { candidate, .. }),
                ..
            }) = read(&json).unwrap()
            else {
                panic!("no candidate");
            };
            assert_eq!(candidate.0.get(), payload);
        }
    }

    #[test]
    fn a_leaver_leaves_whatever_it_sends() {
        let id = uuid::Uuid::from_u128(7);
        let good = format!(r#"{{"remoteConnectorId":"c","memberId":"{id}"}}"#);
        let table = [
            (r#"["leave"]"#.to_owned(), 0),
            (r#"["leave",null]"#.to_owned(), 0),
            (r#"["leave",{"a":1}]"#.to_owned(), 0),
            (r#"["leave",[]]"#.to_owned(), 0),
            (
                format!(r#"["leave",[{good},7,null,{{}},{{"remoteConnectorId":1,"memberId":2}},{good}]]"#),
                2,
            ),
        ];
        for (json, count) in table {
            let Command::Leave { entries } = read(&json).unwrap() else {
                panic!("no leave")
            };
            assert_eq!(entries.len(), count, "{json}");
        }
    }
}
