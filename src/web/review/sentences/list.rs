//! Lists of sessions and rooms: what is said of all of them, and what went wrong in each.

use super::wording::{are_away, count, count_of, few};
use crate::history::glance::Glance;
use crate::history::sessions::Session;

/// What goes on, and how many of the sessions shown had trouble.
pub(crate) fn sessions(live: usize, has_more_live: bool, over: usize, troubled: usize) -> String {
    let more = if has_more_live { "More than " } else { "" };
    let live = match live {
        0 => "No room is in use now.".to_owned(),
        live => format!("{more}{} in use now.", count_of(live, "room", "rooms")),
    };
    match (over, troubled) {
        (0, _) => live,
        (1, 0) => format!("{live} The last session had no trouble."),
        (over, 0) => format!("{live} None of the last {over} sessions had trouble."),
        (1, _) => format!("{live} The last session had trouble."),
        (over, troubled) => format!("{live} {troubled} of the last {over} sessions had trouble."),
    }
}

/// How many are in how many rooms now, and who of them is away.
pub(crate) fn rooms(people: usize, rooms: usize, away: &[&str]) -> String {
    let all = format!(
        "{} in {}.",
        count_of(people, "person", "people"),
        count_of(rooms, "room", "rooms")
    );
    if away.is_empty() {
        return all;
    }
    format!("{all} {}.", are_away(away))
}

/// What went wrong in a session, the worst first; nothing if nothing did.
pub(crate) fn wrong(session: &Session, glance: &Glance) -> Vec<String> {
    let mut told = Vec::new();
    let [away, lost] = [&glance.away, &glance.lost].map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
    if !away.is_empty() {
        told.push(are_away(&away));
    }
    if !lost.is_empty() {
        told.push(format!("{} did not come back", few(&lost)));
    }
    if glance.unconnected > 0 {
        let pairs = count_of(glance.unconnected, "pair", "pairs");
        told.push(format!("{pairs} never connected"));
    }
    if session.reconnect_count > 0 {
        told.push(count(
            session.reconnect_count,
            "drop that came back",
            "drops that came back",
        ));
    }
    if session.error_count > 0 {
        told.push(format!("{} refused", count(session.error_count, "message", "messages")));
    }
    told
}

/// What a strip of people over time shows.
pub(crate) fn strip(session: &Session, glance: &Glance) -> String {
    let most = count(session.peak_participants, "person", "people");
    let drops = count_of(glance.drops.len(), "drop", "drops");
    format!("At most {most} at once, {drops}")
}

/// What a strip of the last quarter of an hour shows.
pub(crate) fn quarter(here: usize, glance: &Glance) -> String {
    let here = count_of(here, "person", "people");
    let drops = count_of(glance.drops.len(), "drop", "drops");
    format!("The last 15 minutes: {here} now, {drops} in all")
}
