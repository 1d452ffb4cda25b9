//! What the server refused, in words that need no knowledge of the protocol.

use crate::history::refusals::Refusal;
use crate::model::vocabulary::ErrorKind;
use crate::words::{Words, message as m};

/// The most kinds that are told.
const KINDS: usize = 3;

/// All refusals of a session: `The server refused 3 messages: 2 joins under a taken name, 1 offer to nobody.`
pub(crate) fn refused(words: &Words, refusals: &[Refusal]) -> String {
    let count = total(refusals);
    // What was only counted was refused for any reason.
    let mut told: Vec<&Refusal> = refusals.iter().filter(|refusal| refusal.event.is_some()).collect();
    if told.is_empty() {
        told = refusals.iter().collect();
    }
    told.truncate(KINDS);
    let because = |refusal: &&Refusal| because(words, counted(words, refusal), refusal);
    let mut kinds: Vec<String> = told.iter().map(because).collect();
    let more = count - told.iter().map(|refusal| refusal.count).sum::<i64>();
    if more > 0 {
        kinds.push(words.say(m::NumberMore { count: more }));
    }
    let kinds = &words.list(&kinds);
    words.say(m::ServerRefused { count, kinds })
}

/// The same in a few words.
pub(crate) fn refused_clause(words: &Words, refusals: &[Refusal]) -> String {
    words.say(m::MessagesRefusedByServer { count: total(refusals) })
}

fn total(refusals: &[Refusal]) -> i64 {
    refusals.iter().map(|refusal| refusal.count).sum()
}

/// What somebody was refused.
pub(super) fn refused_to(words: &Words, who: Option<&str>, refusal: &Refusal) -> String {
    let who = who.map_or_else(|| words.say(m::SomebodyOutside), str::to_owned);
    if refusal.event.is_none() {
        return words.say(m::WhoWasRefusedMore {
            who: &who,
            count: refusal.count,
        });
    }
    let what = if refusal.count == 1 {
        one(words, refusal)
    } else {
        counted(words, refusal)
    };
    words.say(m::WhoWasRefused {
        who: &who,
        what: &because(words, what, refusal),
    })
}

fn because(words: &Words, what: String, refusal: &Refusal) -> String {
    let of = what.as_str();
    match refusal.code {
        None => what,
        Some(ErrorKind::Repeat) => words.say(m::BecauseRepeat { what: of }),
        Some(ErrorKind::Invalid) => words.say(m::BecauseInvalid { what: of }),
        Some(ErrorKind::NotJoined) => words.say(m::BecauseNotJoined { what: of }),
        Some(ErrorKind::UnknownMember) => words.say(m::BecauseUnknownMember { what: of }),
        Some(ErrorKind::RoomFull) => words.say(m::BecauseRoomFull { what: of }),
        Some(ErrorKind::RateLimited) => words.say(m::BecauseRateLimited { what: of }),
        Some(ErrorKind::Unavailable) => words.say(m::BecauseUnavailable { what: of }),
        Some(ErrorKind::Forbidden) => words.say(m::BecauseForbidden { what: of }),
        Some(ErrorKind::Removed) => words.say(m::BecauseRemoved { what: of }),
        Some(ErrorKind::Replaced) => words.say(m::BecauseReplaced { what: of }),
    }
}

/// A client's event.
fn one(words: &Words, refusal: &Refusal) -> String {
    match refusal.event.as_deref().unwrap_or_default() {
        "join" => words.say(m::AJoin),
        "reconnect" => words.say(m::AReturn),
        "offer" => words.say(m::AnOffer),
        "answer" => words.say(m::AnAnswer),
        "icecandidate" => words.say(m::ACandidate),
        _ => words.say(m::AMessage),
    }
}

/// Several of them.
fn counted(words: &Words, refusal: &Refusal) -> String {
    let count = refusal.count;
    match refusal.event.as_deref().unwrap_or_default() {
        "join" => words.say(m::Joins { count }),
        "reconnect" => words.say(m::Returns { count }),
        "offer" => words.say(m::Offers { count }),
        "answer" => words.say(m::Answers { count }),
        "icecandidate" => words.say(m::Candidates { count }),
        _ => words.say(m::Messages { count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;

    #[test]
    fn refusals_are_told_by_kind_and_the_rest_is_counted() {
        let refusal = |event: &str, code, count| Refusal {
            event: Some(event.to_owned()),
            code: Some(code),
            count,
        };
        let mut all = vec![
            refusal("join", ErrorKind::Repeat, 2),
            refusal("offer", ErrorKind::UnknownMember, 1),
        ];
        assert_eq!(
            refused(Words::of(Language::EnGb), &all),
            "The server refused 3 messages: 2 joins under a taken name and 1 offer to nobody."
        );
        assert_eq!(
            refused(Words::of(Language::EnGb), &all[1..]),
            "The server refused 1 message: 1 offer to nobody."
        );
        all.extend([
            refusal("icecandidate", ErrorKind::RateLimited, 1),
            refusal("shout", ErrorKind::Invalid, 7),
        ]);
        assert_eq!(
            refused(Words::of(Language::EnGb), &all),
            "The server refused 11 messages: 2 joins under a taken name, 1 offer to nobody, 1 network address beyond a limit \
             and 7 more."
        );
        let only_counted = Refusal {
            event: None,
            code: Some(ErrorKind::RateLimited),
            count: 900,
        };
        assert_eq!(
            refused(Words::of(Language::EnGb), &[only_counted, all.swap_remove(1)]),
            "The server refused 901 messages: 1 offer to nobody and 900 more."
        );
    }
}
