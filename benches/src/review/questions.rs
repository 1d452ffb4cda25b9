//! What the review is asked: each page and each list, with the parameters that a reader has, and with the worst.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::samples::{Samples, Session};

/// How often an address is asked that has nothing to vary.
const AGAIN: usize = 100;
/// How often each of the few worst ones is.
const AGAIN_EACH: usize = 20;
/// How far lists are followed.
pub(super) const PAGES: usize = 40;

/// One kind of question.
pub(super) struct Question {
    pub(super) title: &'static str,
    pub(super) addresses: Vec<String>,
    /// Whether it is a list that is followed page by page, each of them a request that counts.
    pub(super) is_followed: bool,
}

/// All of them, pages first.
pub(super) fn all(samples: &Samples) -> Vec<Question> {
    let mut questions = pages(samples);
    questions.extend(rooms(samples));
    questions.extend(sessions(samples));
    questions.extend(inside(samples));
    questions.extend(downloads(samples));
    questions
}

fn pages(samples: &Samples) -> Vec<Question> {
    let page = |session: &Session| format!("/review/sessions/{}", session.id);
    let person = |name: &String| format!("/review/people/{}", encoded(name));
    let (room, busiest) = (encoded(&samples.favourite), encoded(&samples.busiest));
    let noisiest = page(&samples.noisiest);
    vec![
        again("sessions page", "/review"),
        each("sessions page, from any session on", &samples.sessions, |session| {
            format!("/review?older={}", session.id)
        }),
        each("sessions page, of any room", &samples.sessions, |session| {
            format!("/review?room={}", encoded(&session.room))
        }),
        each("sessions page, of any person", &samples.people, |name| {
            format!("/review?person={}", encoded(name))
        }),
        each(
            "sessions page, of any person in the favourite room",
            &samples.people,
            |name| format!("/review?room={room}&person={}", encoded(name)),
        ),
        each("sessions page, of days", &[1, 9, 17, 25], |day| {
            format!(
                "/review?from=2025-03-{day:02}&to=2025-03-{:02}&person={busiest}",
                day + 3
            )
        }),
        again(
            "sessions page, of a room that is not",
            "/review?room=term%20that%20never%20was",
        ),
        again("sessions page, of a part of many names", "/review?person=li"),
        again(
            "people page, of a part of no name",
            "/review/people?name=nobody%20at%20all",
        ),
        each("session page, any", &samples.sessions, page),
        each("session page, 45 to 60 people", &samples.large, page),
        each("session page, hundreds of people", &samples.crowds, page),
        each(
            "session page's picture by a reader's clock",
            &samples.large,
            |session| format!("{}/timeline?tz=Europe%2FBerlin", page(session)),
        ),
        again("session page, an endless loop of errors", &noisiest),
        again(
            "session page, its drops alone",
            &format!("{noisiest}?log=presence&sort=-gap"),
        ),
        each("person page, any", &samples.people, person),
        again("person page, the busiest", &person(&samples.busiest)),
        again(
            "person page, the busiest in a year",
            &format!("{}?from=2025-01-01&to=2025-12-31", person(&samples.busiest)),
        ),
        again("rooms now page", "/review/rooms"),
    ]
}

fn rooms(samples: &Samples) -> Vec<Question> {
    let room = |session: &Session| format!("/api/v1/rooms/{}", encoded(&session.room));
    let then = |session: &Session| {
        let at = chrono::DateTime::from_timestamp_millis(session.middle).unwrap_or_default();
        format!(
            "{}/participants?limit=200&at={}",
            room(session),
            at.format("%Y-%m-%dT%H:%M:%SZ")
        )
    };
    vec![
        again("rooms, live", "/api/v1/rooms?limit=200"),
        followed("rooms, all", "/api/v1/rooms?status=all&limit=200"),
        followed("rooms, found by a word", "/api/v1/rooms?status=all&limit=200&q=RUST"),
        followed(
            "rooms, found by a word of few",
            "/api/v1/rooms?status=all&limit=200&q=open%20day",
        ),
        again("rooms, found by a word of none", "/api/v1/rooms?status=all&q=nowhere"),
        each("one room", &samples.sessions, room),
        each("who was in a room then", &samples.sessions, then),
        each("who was in a room of hundreds then", &samples.crowds, then),
    ]
}

fn sessions(samples: &Samples) -> Vec<Question> {
    const LIST: &str = "/api/v1/sessions?limit=200";
    let (room, busiest) = (encoded(&samples.favourite), encoded(&samples.busiest));
    vec![
        followed("sessions, newest", LIST),
        followed("sessions, oldest", &format!("{LIST}&order=asc")),
        again("sessions, active", &format!("{LIST}&status=active")),
        followed(
            "sessions, of the favourite room",
            &format!("{LIST}&status=ended&room={room}"),
        ),
        followed("sessions, of the busiest person", &format!("{LIST}&username={busiest}")),
        followed(
            "sessions, of the busiest person, oldest",
            &format!("{LIST}&status=ended&order=asc&username={busiest}"),
        ),
        each("sessions, of any person", &samples.people, |name| {
            format!("{LIST}&username={}", encoded(name))
        }),
        each(
            "sessions, of any person in the favourite room",
            &samples.people,
            |name| format!("{LIST}&room={room}&username={}", encoded(name)),
        ),
        followed(
            "sessions, of a year",
            &format!("{LIST}&startedAfter=2025-01-01T00:00:00Z&startedBefore=2026-01-01T00:00:00Z"),
        ),
    ]
}

fn inside(samples: &Samples) -> Vec<Question> {
    let api = |session: &Session, rest: &str| format!("/api/v1/sessions/{}{rest}", session.id);
    let (crowd, noisiest) = (&samples.crowds[0], &samples.noisiest);
    vec![
        each("one session", &samples.sessions, |session| api(session, "")),
        each("participants, any", &samples.sessions, |session| {
            api(session, "/participants?limit=200")
        }),
        each("participants, of hundreds", &samples.crowds, |session| {
            api(session, "/participants?limit=200")
        }),
        each(
            "participants, of hundreds, hardly anybody",
            &samples.crowds,
            |session| api(session, "/participants?limit=200&minPct=99.9"),
        ),
        each("events, any", &samples.sessions, |session| {
            api(session, "/events?limit=200")
        }),
        followed("events, of the loop", &api(noisiest, "/events?limit=200")),
        followed(
            "events, of the loop, drops alone",
            &api(noisiest, "/events?limit=200&kind=disconnected,reconnected"),
        ),
        each("links, any", &samples.sessions, |session| {
            api(session, "/links?limit=200")
        }),
        followed("links, of hundreds of people", &api(crowd, "/links?limit=200")),
    ]
}

fn downloads(samples: &Samples) -> Vec<Question> {
    let api = |session: &Session, rest: &str| format!("/api/v1/sessions/{}/{rest}", session.id);
    vec![
        each("attendance.csv, any", &samples.sessions, |session| {
            api(session, "attendance.csv?format=data")
        }),
        each("events.csv, any", &samples.sessions, |session| {
            api(session, "events.csv")
        }),
        each("timeline.svg, any", &samples.sessions, |session| {
            api(session, "timeline.svg")
        }),
    ]
}

fn again(title: &'static str, address: &str) -> Question {
    each(title, &[(); AGAIN], |()| address.to_owned())
}

fn each<T>(title: &'static str, of: &[T], address: impl Fn(&T) -> String) -> Question {
    let often = if of.len() < AGAIN_EACH { AGAIN_EACH } else { 1 };
    let addresses = (0..often).flat_map(|_| of.iter().map(&address));
    Question {
        title,
        addresses: addresses.collect(),
        is_followed: false,
    }
}

fn followed(title: &'static str, address: &str) -> Question {
    Question {
        title,
        addresses: vec![address.to_owned(); 3],
        is_followed: true,
    }
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
