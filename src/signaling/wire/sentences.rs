//! Which message of `languages/` says what was wrong with a client's message.

use super::refusal::{WireReason, WireRefusal};
use crate::join_token::{Forbidden, MAX_TOKEN_BYTES};
use crate::model::id::{InvalidText, ParticipantId, SessionId};
use crate::model::language::Language;
use crate::model::time::Timestamp;
use crate::room::record::{Change, Record};
use crate::room::refusal::Reason;
use crate::signaling::client_limit::Limit;
use crate::words::{Words, message as m};

impl WireRefusal {
    /// The sentence for people.
    pub(in crate::signaling) fn text(&self, language: Language) -> String {
        sentence(&self.reason, language)
    }

    /// What the operator is told: in English, and without anybody's name.
    pub(in crate::signaling) fn cause(&self) -> String {
        if matches!(self.reason, WireReason::Room(Reason::NameTaken { .. })) {
            "Someone in this room already has this name.".into()
        } else if matches!(self.reason, WireReason::Room(Reason::NameAlike { .. })) {
            "This name looks like that of somebody who is in this room already.".into()
        } else {
            self.text(Language::default())
        }
    }

    /// How the history keeps it. One who is erased there must be so everywhere.
    pub(in crate::signaling) fn record(
        &self,
        session: Option<SessionId>,
        participant: Option<ParticipantId>,
        at: Timestamp,
    ) -> Record {
        let change = Change::Error {
            participant,
            code: self.kind(),
            event: self.event.to_string(),
            message: self.cause(),
        };
        Record { at, session, change }
    }
}

fn sentence(reason: &WireReason, language: Language) -> String {
    let words = Words::of(language);
    match reason {
        WireReason::Room(reason) => of_room(reason, words),
        WireReason::HeldTooLong => words.say(m::WireHeldTooLong),
        WireReason::NotJson => words.say(m::WireNotJson),
        WireReason::NotAnObject => words.say(m::WireNotAnObject),
        WireReason::Binary => words.say(m::WireBinary),
        WireReason::UnknownEvent => words.say(m::WireUnknownEvent),
        WireReason::Missing(field) => words.say(m::WireMissing { field }),
        WireReason::Twice(field) => words.say(m::WireTwice { field }),
        WireReason::NotAString(field) => words.say(m::WireNotAString { field }),
        WireReason::NotOneOf(field, allowed) => words.say(m::WireNotOneOf {
            field,
            words: &allowed.join(&words.say(m::WordSeparator)),
        }),
        WireReason::Reserved(field) => words.say(m::WireReserved { field }),
        WireReason::Text(field, problem) => of_text(field, *problem, words),
        WireReason::TooManyErrors => words.say(m::WireTooManyErrors),
        WireReason::TooMuch(limit) => of_limit(*limit, words),
        WireReason::Forbidden(reason) => of_forbidden(reason, words),
        WireReason::TooLargeBeforeJoin { kib } => words.say(m::WireTooLargeBeforeJoin { kib: &kib.to_string() }),
        WireReason::ShuttingDown => words.say(m::WireShuttingDown),
        WireReason::RoomOutOfReach => words.say(m::WireRoomOutOfReach),
    }
}

fn of_room(reason: &Reason, words: &Words) -> String {
    match reason {
        Reason::NameTaken { name, room } => words.say(m::WireNameTaken {
            name: name.as_str(),
            room: room.as_str(),
        }),
        Reason::NameAlike { name, other } => words.say(m::WireNameAlike {
            name: name.as_str(),
            other: other.as_str(),
        }),
        Reason::NameInvalid(problem) => of_text("username", *problem, words),
        Reason::NameMissing => words.say(m::WireMissing { field: "username" }),
        Reason::OtherName => words.say(m::WireOtherName),
        Reason::Replaced => words.say(m::WireReplaced),
        Reason::RoomFull { room, capacity } => words.say(m::WireRoomFull {
            room: room.as_str(),
            capacity: &capacity.to_string(),
        }),
        Reason::TooManyPeople { people } => words.say(m::WireTooManyPeople {
            people: &people.to_string(),
        }),
        Reason::TooManyFromAddress { people } => words.say(m::WireTooManyFromAddress {
            people: &people.to_string(),
        }),
        Reason::NotJoined => words.say(m::WireNotJoined),
        Reason::UnknownMember => words.say(m::WireUnknownMember),
        Reason::ToYourself => words.say(m::WireToYourself),
        Reason::OwnConnector => words.say(m::WireOwnConnector),
        Reason::UnknownRemoteConnector => words.say(m::WireUnknownRemoteConnector),
        Reason::UnknownConnector => words.say(m::WireUnknownConnector),
        Reason::NotAnswered => words.say(m::WireNotAnswered),
        Reason::TooManyLinks => words.say(m::WireTooManyLinks),
        Reason::TooMuchForAway => words.say(m::WireTooMuchForAway),
        Reason::AwayIsFull => words.say(m::WireAwayIsFull),
        Reason::Removed => words.say(m::WireRemoved),
        Reason::Closed => words.say(m::WireClosed),
        Reason::Barred { minutes } => words.say(m::WireBarred {
            minutes: &minutes.to_string(),
        }),
        Reason::RoomClosed { minutes } => words.say(m::WireRoomClosed {
            minutes: &minutes.to_string(),
        }),
        Reason::RoomLocked => words.say(m::WireRoomLocked),
    }
}

fn of_text(field: &str, problem: InvalidText, words: &Words) -> String {
    match problem {
        InvalidText::Empty => words.say(m::WireTextEmpty { field }),
        InvalidText::TooLong { max } => words.say(m::WireTextTooLong {
            field,
            max: &max.to_string(),
        }),
        InvalidText::Control => words.say(m::WireTextControl { field }),
        InvalidText::Directional => words.say(m::WireTextDirectional { field }),
        InvalidText::NeverShown => words.say(m::WireTextNeverShown { field }),
        InvalidText::Invisible => words.say(m::WireTextInvisible { field }),
    }
}

fn of_limit(limit: Limit, words: &Words) -> String {
    match limit {
        Limit::JoinsOfSocket => words.say(m::WireJoinsOfSocket),
        Limit::JoinsOfAddress => words.say(m::WireJoinsOfAddress),
        Limit::JoinsOfRoom => words.say(m::WireJoinsOfRoom),
        Limit::RoomsOfAddress => words.say(m::WireRoomsOfAddress),
        Limit::Takeovers => words.say(m::WireTakeovers),
        Limit::RelaysOfPair => words.say(m::WireRelaysOfPair),
        Limit::WaitingOfPair => words.say(m::WireWaitingOfPair),
        Limit::SocketsOfAddress => words.say(m::WireSocketsOfAddress),
        Limit::Sockets => words.say(m::WireSockets),
    }
}

fn of_forbidden(reason: &Forbidden, words: &Words) -> String {
    match reason {
        Forbidden::RoomNotAllowed => words.say(m::WireRoomNotAllowed),
        Forbidden::Missing => words.say(m::WireTokenMissing),
        Forbidden::NotAString => words.say(m::WireTokenNotAString),
        Forbidden::TooLong => words.say(m::WireTokenTooLong {
            max: &MAX_TOKEN_BYTES.to_string(),
        }),
        Forbidden::NotAToken => words.say(m::WireTokenNotAToken),
        Forbidden::Algorithm => words.say(m::WireTokenAlgorithm),
        Forbidden::Extension => words.say(m::WireTokenExtension),
        Forbidden::Signature => words.say(m::WireTokenSignature),
        Forbidden::Audience => words.say(m::WireTokenAudience),
        Forbidden::NoClaim(claim) => words.say(m::WireTokenNoClaim { claim }),
        Forbidden::ClaimNotAString(claim) => words.say(m::WireTokenClaimNotAString { claim }),
        Forbidden::ClaimNotATime(claim) => words.say(m::WireTokenClaimNotATime { claim }),
        Forbidden::ClaimText(claim, problem) => of_text(&words.say(m::WireTokenClaim { claim }), *problem, words),
        Forbidden::Expired => words.say(m::WireTokenExpired),
        Forbidden::NotYet => words.say(m::WireTokenNotYet),
        Forbidden::OtherRoom => words.say(m::WireTokenOtherRoom),
        Forbidden::OtherName => words.say(m::WireTokenOtherName),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{RoomName, Username};
    use crate::room::refusal::{Refusal, Request};

    fn refusal(reason: Reason) -> WireRefusal {
        let request = Request::Join;
        Refusal { request, reason }.into()
    }

    #[test]
    fn names_are_told_and_not_recorded() {
        let [name, other] = ["Ms.Smith", "Ms. Smith"].map(|name| Username::parse(name).unwrap());
        let room = RoomName::parse("Year 7").unwrap();
        let exact = refusal(Reason::NameTaken {
            name: name.clone(),
            room: room.clone(),
        });
        assert_eq!(exact.text(Language::ZhCn), "此房间该用户名已存在");
        let text = exact.text(Language::EnGb);
        assert!(text.contains("Ms.Smith") && text.contains("Year 7"), "{text}");
        let alike = refusal(Reason::NameAlike { name, other });
        let full = refusal(Reason::RoomFull { room, capacity: 30 });
        for language in [Language::EnGb, Language::ZhCn] {
            let text = alike.text(language);
            assert!(text.contains("Ms.Smith") && text.contains("Ms. Smith"), "{text}");
            assert!(full.text(language).contains("Year 7"));
        }
        for refusal in [exact, alike] {
            let Change::Error { event, message, .. } = refusal.record(None, None, Timestamp(0)).change else {
                panic!("no error")
            };
            assert_eq!(event, "join");
            assert!(message.contains("this room") && !message.contains("Smith"), "{message}");
        }
    }

    /// The API and the log have these in English, by what they display.
    #[test]
    fn what_has_a_sentence_of_its_own_has_the_same_here() {
        let texts = [
            InvalidText::Empty,
            InvalidText::TooLong { max: 64 },
            InvalidText::Control,
            InvalidText::Directional,
            InvalidText::NeverShown,
            InvalidText::Invisible,
        ];
        let reasons = [
            Forbidden::RoomNotAllowed,
            Forbidden::Missing,
            Forbidden::NotAString,
            Forbidden::TooLong,
            Forbidden::NotAToken,
            Forbidden::Algorithm,
            Forbidden::Extension,
            Forbidden::Signature,
            Forbidden::Audience,
            Forbidden::NoClaim("exp"),
            Forbidden::ClaimNotAString("room"),
            Forbidden::ClaimNotATime("exp"),
            Forbidden::Expired,
            Forbidden::NotYet,
            Forbidden::OtherRoom,
            Forbidden::OtherName,
        ];
        let said = |reason| sentence(&reason, Language::default());
        for problem in texts {
            assert_eq!(said(WireReason::Text("id", problem)), format!("id {problem}."));
        }
        let of_claims = texts.map(|problem| Forbidden::ClaimText("room", problem));
        for reason in reasons.into_iter().chain(of_claims) {
            let displayed = reason.to_string();
            assert_eq!(said(WireReason::Forbidden(reason)), displayed);
        }
    }

    #[test]
    fn an_events_name_is_repeated_only_so_far() {
        let refusal = WireRefusal::new(&"é".repeat(1_000), WireReason::UnknownEvent);
        assert_eq!(refusal.event.chars().count(), WireRefusal::EVENT_CHARS);
    }
}
