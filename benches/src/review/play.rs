//! What happens in one class: people come, drop, come back, see errors, connect with each other and leave.

use fastrand::Rng;
use uuid::{Builder, Uuid};

use super::rows::{Connection, Event, Link, Participant, Rows, Session};
use super::shape::Meeting;

/// What a server gives a dropped member by default.
const GRACE: i64 = 15_000;
/// How long after the last one left a session is over by default.
const LINGER: i64 = 60_000;

const ERROR: &str =
    r#"{"code":"unknownMember","event":"icecandidate","message":"There is no such member in this room."}"#;
const LOOP: &str = r#"{"code":"invalid","event":"offer","message":"`offer` is missing."}"#;

/// Somebody from a join to the leave that follows it.
struct Stay {
    from: i64,
    to: i64,
    reason: &'static str,
    drops: usize,
}

struct Person {
    id: Uuid,
    username: String,
    stays: Vec<Stay>,
    /// Behind a firewall: no candidates come from them.
    is_silent: bool,
}

/// Plays a meeting, and adds its rows.
pub(super) fn play(meeting: &Meeting, rng: &mut Rng, rows: &mut Rows) {
    let session = id(meeting.start, rng);
    let mut people = come(meeting, rng);
    let errors = share_out(meeting, &mut people, rng);
    let first_event = rows.events.len();
    rows.events.push(event(meeting.start, session, None, "session_started"));
    for person in &people {
        live(person, session, rng, rows);
    }
    add_errors(meeting, &people, errors, session, rng, rows);
    connect(&people, session, rng, rows);

    let left_at = |person: &Person| person.stays.last().map_or(meeting.start, |stay| stay.to);
    let ended_at = people.iter().map(left_at).max().unwrap_or(meeting.start);
    rows.events
        .push(event(ended_at + LINGER, session, None, "session_ended"));
    rows.events[first_event..].sort_by_key(|event| event.at);
    let peak = count_members(&mut rows.events[first_event..]);
    rows.sessions.push(Session {
        id: session,
        room: meeting.room.clone(),
        started_at: meeting.start,
        ended_at,
        peak,
        participants: people.len(),
        reconnects: people.iter().map(Person::drops).sum(),
        errors,
    });
}

impl Person {
    fn drops(&self) -> usize {
        self.stays.iter().map(|stay| stay.drops).sum()
    }
}

/// When everybody is there, without what happens meanwhile. The first one is there from the start on.
fn come(meeting: &Meeting, rng: &mut Rng) -> Vec<Person> {
    let length = meeting.end - meeting.start;
    let come = |(index, username): (usize, &String)| {
        let from = meeting.start + if index == 0 { 0 } else { rng.i64(1..length / 8) };
        let to = meeting.end - rng.i64(0..length / 6);
        let mut stays = vec![Stay {
            from,
            to,
            reason: reason(rng),
            drops: 0,
        }];
        if rng.u8(..100) < 5 {
            let middle = from + (to - from) / 2;
            let later = Stay {
                from: middle + rng.i64(1..length / 8),
                to,
                reason: reason(rng),
                drops: 0,
            };
            stays[0].to = middle;
            stays[0].reason = "left";
            stays.push(later);
        }
        Person {
            id: id(from, rng),
            username: username.clone(),
            stays,
            is_silent: rng.u8(..100) == 0,
        }
    };
    meeting.people.iter().enumerate().map(come).collect()
}

fn reason(rng: &mut Rng) -> &'static str {
    match rng.u8(..100) {
        ..88 => "left",
        88..97 => "timeout",
        97.. => "moved",
    }
}

/// Gives people as many drops as the meeting has events for; what is left are errors.
fn share_out(meeting: &Meeting, people: &mut [Person], rng: &mut Rng) -> usize {
    let stays = people.iter().flat_map(|person| &person.stays);
    let needed: usize = 2 + stays
        .map(|stay| 2 + usize::from(stay.reason == "timeout"))
        .sum::<usize>();
    let rest = (meeting.events as usize).saturating_sub(needed);
    let drops = rest * 42 / 100;
    for _ in 0..drops {
        let person = rng.choice(people.iter_mut()).expect("somebody comes");
        let stay = rng.choice(person.stays.iter_mut()).expect("somebody who comes stays");
        stay.drops += 1;
    }
    rest - 2 * drops + meeting.looping as usize
}

/// A person's rows: in each stay the time is shared among connections, between which they are away for a moment.
fn live(person: &Person, session: Uuid, rng: &mut Rng, rows: &mut Rows) {
    for stay in &person.stays {
        rows.events.push(event(stay.from, session, Some(person.id), "joined"));
        let last_moment = if stay.reason == "timeout" {
            stay.to - GRACE
        } else {
            stay.to
        };
        let width = (last_moment - stay.from) / (stay.drops as i64 + 1);
        let mut connected_at = stay.from;
        for drop in 1..=stay.drops as i64 {
            let lost_at = stay.from + width * drop;
            let back_at = lost_at + rng.i64(1..GRACE.min(width / 2).max(2));
            rows.connections.push(connection(
                person,
                session,
                connected_at,
                lost_at,
                "disconnected",
                back_at,
                rng,
            ));
            rows.events.push(dropped(lost_at, session, person.id));
            rows.events
                .push(event(back_at, session, Some(person.id), "reconnected"));
            connected_at = back_at;
        }
        let closed_by = if stay.reason == "timeout" {
            "disconnected"
        } else {
            stay.reason
        };
        rows.connections.push(connection(
            person,
            session,
            connected_at,
            last_moment,
            closed_by,
            stay.to,
            rng,
        ));
        if stay.reason == "timeout" {
            rows.events.push(dropped(last_moment, session, person.id));
        }
        let mut left = event(stay.to, session, Some(person.id), "left");
        left.detail = Some(format!(r#"{{"reason":"{}"}}"#, stay.reason));
        rows.events.push(left);
    }
    let (first, last) = (&person.stays[0], &person.stays[person.stays.len() - 1]);
    rows.participants.push(Participant {
        id: person.id,
        session,
        username: person.username.clone(),
        joined_at: first.from,
        left_at: last.to,
        leave_reason: last.reason,
        reconnects: person.drops(),
    });
}

fn connection(
    person: &Person,
    session: Uuid,
    from: i64,
    to: i64,
    closed_by: &'static str,
    away_until: i64,
    rng: &mut Rng,
) -> Connection {
    let is_first = person.stays.iter().any(|stay| stay.from == from);
    Connection {
        id: id(from, rng),
        session,
        participant: person.id,
        connected_at: from,
        disconnected_at: to,
        opened_by: if is_first { "join" } else { "reconnect" },
        closed_by,
        away_until,
    }
}

/// Errors at any time; those of the loop one after another, all of the one person.
fn add_errors(meeting: &Meeting, people: &[Person], errors: usize, session: Uuid, rng: &mut Rng, rows: &mut Rows) {
    let looping = meeting.looping as usize;
    for number in 0..errors {
        let person = if number < looping {
            &people[0]
        } else {
            rng.choice(people).expect("somebody comes")
        };
        let stay = &person.stays[0];
        let mut error = event(rng.i64(stay.from + 1..stay.to), session, Some(person.id), "error");
        error.detail = Some(if number < looping { LOOP } else { ERROR }.to_owned());
        rows.events.push(error);
    }
}

/// Everyone connects with everyone who is there at the same time, but for some with whom it goes wrong.
fn connect(people: &[Person], session: Uuid, rng: &mut Rng, rows: &mut Rows) {
    let shares_screen = (rng.u8(..3) == 0).then(|| rng.usize(..people.len()));
    for (index, one) in people.iter().enumerate() {
        for other in &people[index + 1..] {
            for (a, b) in one.stays.iter().flat_map(|a| other.stays.iter().map(move |b| (a, b))) {
                let (met, parted) = (a.from.max(b.from), a.to.min(b.to));
                // Whoever is there already makes the offer.
                let ends = if a.from < b.from { [one, other] } else { [other, one] };
                if met + 2_000 >= parted || rng.u8(..200) == 0 {
                    continue;
                }
                rows.links.push(link(ends, session, "user", (met, parted), rng));
                if shares_screen == Some(index) {
                    let shown = met + (parted - met) / 2;
                    rows.links
                        .push(link([one, other], session, "display", (shown, parted), rng));
                }
            }
        }
    }
}

fn link(ends: [&Person; 2], session: Uuid, stream: &'static str, (met, parted): (i64, i64), rng: &mut Rng) -> Link {
    let offered_at = met + rng.i64(50..600);
    let is_answered = rng.u8(..100) > 0;
    let candidates = ends.map(|end| {
        if end.is_silent || !is_answered {
            0
        } else {
            rng.u32(3..15)
        }
    });
    Link {
        id: id(offered_at, rng),
        session,
        offerer: ends[0].id,
        answerer: ends[1].id,
        stream,
        offered_at,
        answered_at: is_answered.then(|| offered_at + rng.i64(40..400)),
        candidates,
        renegotiations: (ends[0].drops() + ends[1].drops()) as u32,
        closed_at: parted,
        closed_by: "left",
    }
}

/// Says at each join how many there were then, and gives the most that there were.
fn count_members(events: &mut [Event]) -> usize {
    let (mut members, mut peak) = (0, 0);
    for event in events {
        match event.kind {
            "joined" => {
                members += 1;
                peak = members.max(peak);
                event.detail = Some(format!(r#"{{"members":{members}}}"#));
            }
            "left" => members -= 1,
            _ => {}
        }
    }
    peak
}

fn dropped(at: i64, session: Uuid, participant: Uuid) -> Event {
    let until = chrono::DateTime::from_timestamp_millis(at + GRACE).unwrap_or_default();
    let until = until.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    Event {
        detail: Some(format!(r#"{{"until":"{until}","why":"transport close"}}"#)),
        ..event(at, session, Some(participant), "disconnected")
    }
}

fn event(at: i64, session: Uuid, participant: Option<Uuid>, kind: &'static str) -> Event {
    Event {
        at,
        session,
        participant,
        kind,
        detail: None,
    }
}

/// As the server makes them: the time, and then chance.
fn id(at: i64, rng: &mut Rng) -> Uuid {
    let mut chance = [0; 10];
    rng.fill(&mut chance);
    Builder::from_unix_timestamp_millis(at.cast_unsigned(), &chance).into_uuid()
}
