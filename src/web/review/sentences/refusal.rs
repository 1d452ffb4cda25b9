//! What the server refused, in words that need no knowledge of the protocol.

use super::picture::SOMEBODY_OUTSIDE;
use super::wording::{count, first_of, grouped};
use crate::history::refusals::Refusal;
use crate::model::vocabulary::ErrorKind;

/// The most kinds that are told.
const KINDS: usize = 3;

/// All refusals of a session: `The server refused 3 messages: 2 joins under a taken name, 1 offer to nobody.`
pub(crate) fn refused(refusals: &[Refusal]) -> String {
    let total = total(refusals);
    let kinds: Vec<String> = refusals.iter().take(KINDS).map(kind).collect();
    let shown = refusals.iter().take(KINDS).map(|refusal| refusal.count);
    let others = match total - shown.sum::<i64>() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let kinds = if others.is_empty() {
        first_of(&kinds, KINDS)
    } else {
        kinds.join(", ")
    };
    format!(
        "The server refused {}: {kinds}{others}.",
        count(total, "message", "messages")
    )
}

/// The same in a few words.
pub(crate) fn refused_clause(refusals: &[Refusal]) -> String {
    format!("the server refused {}", count(total(refusals), "message", "messages"))
}

fn total(refusals: &[Refusal]) -> i64 {
    refusals.iter().map(|refusal| refusal.count).sum()
}

/// What somebody was refused.
pub(super) fn refused_to(who: Option<&str>, refusal: &Refusal) -> String {
    let who = who.unwrap_or(SOMEBODY_OUTSIDE);
    if refusal.event.is_none() {
        let messages = if refusal.count == 1 { "message" } else { "messages" };
        let more = grouped(refusal.count.unsigned_abs());
        return format!("{who} was refused {more} more {messages}.");
    }
    let what = if refusal.count == 1 {
        let [one, _] = noun(refusal);
        let article = if one.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {one}")
    } else {
        counted(refusal)
    };
    format!("{who} was refused {what}{}.", why(refusal))
}

fn kind(refusal: &Refusal) -> String {
    format!("{}{}", counted(refusal), why(refusal))
}

fn counted(refusal: &Refusal) -> String {
    let [one, many] = noun(refusal);
    count(refusal.count, one, many)
}

fn why(refusal: &Refusal) -> &'static str {
    match refusal.code {
        None => "",
        Some(ErrorKind::Repeat) => " under a taken name",
        Some(ErrorKind::Invalid) => " in a form that the server does not read",
        Some(ErrorKind::NotJoined) => " from outside the room",
        Some(ErrorKind::UnknownMember) => " to nobody",
        Some(ErrorKind::RoomFull) => " into a full room",
        Some(ErrorKind::RateLimited) => " beyond a limit",
        Some(ErrorKind::Unavailable) => " while the server could not take any",
        Some(ErrorKind::Replaced) => " from a page that had lost its place to another",
    }
}

/// A client's event, as one and as several.
fn noun(refusal: &Refusal) -> [&'static str; 2] {
    match refusal.event.as_deref().unwrap_or_default() {
        "join" => ["join", "joins"],
        "reconnect" => ["return", "returns"],
        "offer" => ["offer", "offers"],
        "answer" => ["answer", "answers"],
        "icecandidate" => ["network address", "network addresses"],
        _ => ["message", "messages"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            refused(&all),
            "The server refused 3 messages: 2 joins under a taken name and 1 offer to nobody."
        );
        assert_eq!(refused(&all[1..]), "The server refused 1 message: 1 offer to nobody.");
        all.extend([
            refusal("icecandidate", ErrorKind::RateLimited, 1),
            refusal("shout", ErrorKind::Invalid, 7),
        ]);
        assert_eq!(
            refused(&all),
            "The server refused 11 messages: 2 joins under a taken name, 1 offer to nobody, 1 network address beyond a limit \
             and 7 more."
        );
    }
}
