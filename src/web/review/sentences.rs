//! What people read of the vocabulary's words: each sentence stands here, once.

use serde_json::Value;

use super::wording::{count, first_names, grouped, isolated};
use crate::history::attendance::Attendance;
use crate::history::links::Link;
use crate::history::pair::Pair;
use crate::model::vocabulary::{ConnectionPath, DropReason, EventKind, LeaveReason, Outcome};

/// An entry of the journal, by what it is about, whom, and what else it says.
pub(super) fn event(kind: EventKind, username: Option<&str>, detail: &Value) -> String {
    let who = username.map(isolated);
    let who = who.as_deref();
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    let somebody = who.unwrap_or("Somebody");
    match kind {
        EventKind::SessionStarted => "The session began.".to_owned(),
        EventKind::SessionEnded => "The session was over.".to_owned(),
        EventKind::Joined => match detail["members"].as_i64() {
            Some(members) => format!(
                "{somebody} came in: {} in the room.",
                count(members, "person", "people")
            ),
            None => format!("{somebody} came in."),
        },
        EventKind::Left => left(somebody, LeaveReason::parse(text("reason"))),
        EventKind::Disconnected => format!("{somebody} dropped{}.", because(DropReason::parse(text("why")))),
        EventKind::Reconnected => format!("{somebody} came back."),
        EventKind::Error if detail["count"].is_u64() && detail["event"].is_null() => {
            let more = detail["count"].as_u64().unwrap_or_default();
            let (messages, were) = if more == 1 {
                ("message", "was")
            } else {
                ("messages", "were")
            };
            let of = who.map(|who| format!(" of {who}")).unwrap_or_default();
            format!("… and {} more {messages}{of} {were} refused.", grouped(more))
        }
        EventKind::Error => {
            let whom = who.unwrap_or("Somebody who was not in the room");
            let reason = text("message").trim_end_matches('.');
            let often = match detail["count"].as_i64() {
                Some(often @ 2..) => format!(" {often} times"),
                _ => String::new(),
            };
            format!(
                "{whom} was told an error{often}: {} ({}).",
                first_of(reason, text("code")),
                text("event")
            )
        }
        EventKind::Gap => {
            let dropped = detail["dropped"].as_i64().unwrap_or_default();
            let missing = count(dropped, "entry is", "entries are");
            format!("{missing} missing here: the history could not be written.")
        }
    }
}

fn first_of<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn left(who: &str, reason: Option<LeaveReason>) -> String {
    match reason {
        Some(LeaveReason::Left) | None => format!("{who} left."),
        Some(LeaveReason::Closed) => format!("{who} had closed the page, and is gone."),
        Some(LeaveReason::Timeout) => format!("{who} did not come back in time, and is gone."),
        Some(LeaveReason::Replaced) => format!("{who} joined again elsewhere, and is gone from here."),
        Some(LeaveReason::Moved) => format!("{who} went to another room."),
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => {
            format!("{who} did not come back after the server stopped, and is gone.")
        }
        Some(LeaveReason::Gap) => format!("{who} is gone; how and when was not recorded."),
    }
}

/// Why a connection ended, as far as it is known.
fn because(why: Option<DropReason>) -> &'static str {
    match why {
        None => "",
        Some(DropReason::Closed) => ": the page closed the connection",
        Some(DropReason::Reset) => ": the connection broke",
        Some(DropReason::Silent) => ": the network went silent",
        Some(DropReason::Stalled) => ": the page stopped reading",
        Some(DropReason::Rate) => ": the page sent more than a limit allows",
        Some(DropReason::Server) => ": the server stopped, or ended the connection",
    }
}

/// How somebody's attendance ended.
pub(super) fn ending(person: &Attendance) -> &'static str {
    if person.left_at.is_none() {
        return if person.is_present() { "here now" } else { "away now" };
    }
    match person.leave_reason {
        Some(LeaveReason::Left) | None => "left",
        Some(LeaveReason::Closed) => "closed the page",
        Some(LeaveReason::Timeout) => "dropped, did not come back",
        Some(LeaveReason::Replaced) => "joined again elsewhere",
        Some(LeaveReason::Moved) => "went to another room",
        Some(LeaveReason::ServerShutdown | LeaveReason::ServerCrash) => "did not come back after the server stopped",
        Some(LeaveReason::Gap) => "gone, how and when was not recorded",
    }
}

/// What became of a pair. Names are isolated, see [`isolated`].
pub(crate) fn pair(pair: &Pair) -> String {
    format!("{}.", pair_clause(pair))
}

/// A pair in a clause, without its full stop: `Bo and Cy never connected: Bo's offer was never answered`.
pub(super) fn pair_clause(pair: &Pair) -> String {
    let [one, other] = [0, 1].map(|index| isolated(&pair.between[index].username));
    let link = pair.decisive_link();
    let offerer = link.map_or_else(|| one.clone(), |link| isolated(&link.offerer));
    match pair.outcome() {
        Outcome::NoOffer => format!("{one} and {other} never connected: neither made an offer"),
        Outcome::NoAnswer => format!("{one} and {other} never connected: {offerer}'s offer was never answered"),
        Outcome::Waiting => format!("{one} and {other} are still connecting"),
        Outcome::Exchanged => {
            format!("{one} and {other} exchanged everything; their pages did not say whether video came")
        }
        Outcome::Failed => format!(
            "{one} and {other} never connected: addresses were exchanged, but no way was found between the two networks (a TURN server would help)"
        ),
        Outcome::Lost => format!("{one} and {other} were connected, and then lost each other"),
        Outcome::Connected => {
            let path = link.and_then(path).map_or("", by_way_of);
            format!("{one} and {other} connected{path}")
        }
    }
}

/// The same of one person and several others. `has_offered` is whether the offers that were not answered are the one's.
pub(super) fn pairs_of(person: &str, has_offered: bool, others: &[&str], outcome: Outcome) -> String {
    /// A name more is no longer read.
    const NAMES: usize = 12;
    let (person, others) = (isolated(person), first_names(others, NAMES));
    match outcome {
        Outcome::NoOffer => format!("{person} never connected with {others}: no offer was made."),
        Outcome::NoAnswer if has_offered => {
            format!("{person} never connected with {others}: {person}'s offers were never answered.")
        }
        Outcome::NoAnswer => format!("{person} never connected with {others}: their offers were never answered."),
        Outcome::Waiting => format!("{person} is still connecting with {others}."),
        Outcome::Exchanged => {
            format!("{person} exchanged everything with {others}; their pages did not say whether video came.")
        }
        Outcome::Failed => format!(
            "{person} never connected with {others}: addresses were exchanged, but no way was found between the networks (a TURN server would help)."
        ),
        Outcome::Lost => format!("{person} was connected with {others}, and then lost them."),
        Outcome::Connected => format!("{person} connected with {others}."),
    }
}

/// By which way a connection goes, as far as a page knew. What one end calls straight may be the other's relay.
fn path(link: &Link) -> Option<ConnectionPath> {
    let said = [link.offerer_said, link.answerer_said].into_iter().flatten();
    said.filter_map(|said| said.path).max()
}

fn by_way_of(path: ConnectionPath) -> &'static str {
    match path {
        ConnectionPath::Host => ", straight",
        ConnectionPath::ServerReflexive | ConnectionPath::PeerReflexive => ", through a router",
        ConnectionPath::Relay => ", by a TURN server",
    }
}

/// The same in a word.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Connected => "connected",
        Outcome::Waiting => "still connecting",
        Outcome::Exchanged => "not known",
        Outcome::Lost => "lost each other",
        Outcome::NoOffer | Outcome::NoAnswer | Outcome::Failed => "never connected",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Without the isolates around names.
    fn plain(sentence: &str) -> String {
        sentence.replace(['\u{2068}', '\u{2069}'], "")
    }

    #[test]
    fn every_kind_is_a_sentence() {
        for (kind, who, detail, expected) in [
            (EventKind::SessionStarted, None, Value::Null, "The session began."),
            (
                EventKind::Joined,
                Some("Ann"),
                json!({"members": 1}),
                "Ann came in: 1 person in the room.",
            ),
            (
                EventKind::Left,
                Some("Ann"),
                json!({"reason": LeaveReason::Left}),
                "Ann left.",
            ),
            (
                EventKind::Left,
                Some("Ann"),
                json!({"reason": LeaveReason::Timeout}),
                "Ann did not come back in time, and is gone.",
            ),
            (
                EventKind::Disconnected,
                Some("Ann"),
                json!({"why": DropReason::Silent}),
                "Ann dropped: the network went silent.",
            ),
            (EventKind::Disconnected, Some("Ann"), Value::Null, "Ann dropped."),
            (EventKind::Reconnected, Some("Ann"), Value::Null, "Ann came back."),
            (
                EventKind::Error,
                None,
                json!({"code": "repeat", "event": "join", "message": "The name is taken."}),
                "Somebody who was not in the room was told an error: The name is taken (join).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "invalid", "event": "offer"}),
                "Bo was told an error: invalid (offer).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "event": "offer", "message": "Too much.", "count": 120}),
                "Bo was told an error 120 times: Too much (offer).",
            ),
            (
                EventKind::Error,
                Some("Bo"),
                json!({"code": "rateLimited", "count": 1234567}),
                "… and 1,234,567 more messages of Bo were refused.",
            ),
            (
                EventKind::Error,
                None,
                json!({"code": "rateLimited", "count": 1}),
                "… and 1 more message was refused.",
            ),
            (
                EventKind::Gap,
                None,
                json!({"dropped": 2}),
                "2 entries are missing here: the history could not be written.",
            ),
            (EventKind::SessionEnded, None, Value::Null, "The session was over."),
        ] {
            assert_eq!(plain(&event(kind, who, &detail)), expected);
        }
    }
}
