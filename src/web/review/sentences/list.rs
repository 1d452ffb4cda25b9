//! Lists of sessions and rooms: what is said of all of them, and what went wrong in each.

use super::session::{never_connected, outages};
use super::wording::counted;
use crate::history::glance::Glance;
use crate::history::sessions::Session;
use crate::web::review::strip::Beyond;
use crate::words::{Words, message as m};

/// What goes on, and how many of the sessions shown had trouble.
pub(crate) fn sessions(words: &Words, live: usize, has_more_live: bool, over: usize, troubled: usize) -> String {
    let [rooms, over, troubled] = [live, over, troubled].map(counted);
    let live = match rooms {
        0 => words.say(m::NoRoomInUse),
        _ if has_more_live => words.say(m::MoreRoomsInUse { rooms }),
        _ => words.say(m::RoomsInUse { rooms }),
    };
    let last = match (over, troubled) {
        (0, _) => return live,
        (1, 0) => words.say(m::LastSessionFine),
        (_, 0) => words.say(m::LastSessionsFine { over }),
        (1, _) => words.say(m::LastSessionTroubled),
        (_, _) => words.say(m::LastSessionsTroubled { over, troubled }),
    };
    words.two_sentences(&live, &last)
}

/// How many are in how many rooms now, and who of them is away.
pub(crate) fn rooms(words: &Words, people: usize, rooms: usize, away: &[&str]) -> String {
    let all = words.say(m::PeopleInRooms {
        people: counted(people),
        rooms: counted(rooms),
    });
    if away.is_empty() {
        return all;
    }
    words.two_sentences(&all, &words.sentence(&words.are_away(away)))
}

/// What went wrong in a session, the worst first; nothing if nothing did.
pub(crate) fn wrong(words: &Words, session: &Session, glance: &Glance) -> String {
    let mut told = Vec::new();
    if !glance.away.is_empty() {
        told.push(words.are_away(&borrowed(&glance.away)));
    }
    told.extend(lost_and_unconnected(words, glance));
    if !glance.outages.is_empty() {
        told.push(outages(words, &glance.outages));
    }
    let returns = glance.returns.unwrap_or(session.reconnect_count);
    if returns > 0 {
        told.push(words.say(m::DropsThatCameBack { count: returns }));
    }
    if session.error_count > 0 {
        told.push(words.say(m::MessagesRefused {
            count: session.error_count,
        }));
    }
    words.clauses(&told)
}

/// What went wrong in a room that is in use, besides who is away; nothing if nothing did.
pub(crate) fn wrong_now(words: &Words, glance: &Glance) -> String {
    words.clauses(&lost_and_unconnected(words, glance))
}

fn lost_and_unconnected(words: &Words, glance: &Glance) -> Vec<String> {
    let mut told = Vec::new();
    if !glance.lost.is_empty() {
        let who = &words.few(&borrowed(&glance.lost));
        told.push(words.say(m::WhoDidNotComeBack { who }));
    }
    told.extend(never_connected(
        words,
        glance.unconnected_pairs(),
        &borrowed(&glance.unconnected_by),
    ));
    told
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// What a strip of people over time shows, and what it has no room for.
pub(in crate::web::review) fn strip(
    words: &Words,
    session: &Session,
    glance: &Glance,
    beyond: Option<Beyond>,
) -> String {
    let mut told = vec![words.say(m::StripOfSession {
        people: session.peak_participants,
        drops: counted(glance.drops.len()),
    })];
    if let Some(Beyond {
        drawn_ms,
        drops,
        losses,
    }) = beyond
    {
        told.push(words.say(m::StripGoesOn {
            length: &words.minutes(drawn_ms),
        }));
        if drops > 0 {
            told.push(words.say(m::StripLaterDrops { drops: counted(drops) }));
        }
        if losses > 0 {
            told.push(words.say(m::StripLaterLosses {
                people: counted(losses),
            }));
        }
    }
    words.clauses(&told)
}

/// What a strip of the last quarter of an hour shows.
pub(crate) fn quarter(words: &Words, here: usize, glance: &Glance) -> String {
    words.say(m::StripOfRoom {
        here: counted(here),
        drops: counted(glance.drops.len()),
    })
}
