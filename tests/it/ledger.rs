//! What clients did and were told, held against the history.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::history::{Event, History};

/// What one run of the server told all clients.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// What clients did, each client's in order.
    pub(crate) deeds: Vec<Deed>,
    pub(crate) told: Vec<Told>,
    /// `type` and `event` of each error.
    pub(crate) errors: Vec<(String, String)>,
}

/// What a client did to its own membership, with the answer if there was one.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) room: String,
    pub(crate) username: String,
    pub(crate) kind: DeedKind,
}

#[derive(Debug, Clone)]
pub(crate) enum DeedKind {
    Enter(Option<Seat>),
    /// Whether it was acknowledged.
    Leave(bool),
}

#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) member: Uuid,
    pub(crate) session: Uuid,
    pub(crate) resumed: bool,
    pub(crate) members: Vec<(Uuid, String)>,
}

/// What a client was told of somebody else.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// That it is there.
    Of(Uuid),
    /// That it is back, about one connector.
    Back { member: Uuid, connector: String },
    /// That it is gone.
    Gone(Uuid),
}

/// One member's way through the history.
#[derive(Debug)]
struct Life {
    username: String,
    reconnects: usize,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    In,
    Away,
}

#[derive(Default)]
pub(crate) struct Ledger {
    /// The last event that was accounted for.
    pub(crate) seq: i64,
    pub(crate) facts: usize,
    lives: HashMap<Uuid, Life>,
    /// The last member of each participant.
    current: HashMap<Uuid, Uuid>,
    states: HashMap<Uuid, State>,
    backs: HashMap<(Uuid, String), usize>,
}

impl Ledger {
    /// Accounts for one run: `log` is all that was told in it, `history` what its files say after it was stopped.
    pub(crate) async fn account(&mut self, log: &Log, history: &mut History) {
        let events = history.events(self.seq).await;
        self.seq = events.last().map_or(self.seq, |event| event.seq);
        let live = history.members().await;
        let seats = match_deeds(&log.deeds, &events);
        for event in &events {
            self.follow(event, &seats, &live);
        }
        for (participant, state) in &self.states {
            let expected = match live.get(participant) {
                None => State::Out,
                Some((_, true)) => State::Away,
                Some((_, false)) => State::In,
            };
            assert_eq!(
                *state, expected,
                "what the events say of {participant} and what the live rows say"
            );
        }
        self.check_told(log);
        check_errors(&log.errors, &events);
        self.facts += log.deeds.len() + log.told.len() + log.errors.len();
    }

    /// A person comes and goes only in the ways there are.
    fn follow(&mut self, event: &Event, seats: &HashMap<i64, Option<Seat>>, live: &HashMap<Uuid, (Uuid, bool)>) {
        let Some(participant) = event.participant else {
            return;
        };
        let state = self.states.entry(participant).or_insert(State::Out);
        let next = match (*state, event.kind.as_str()) {
            (State::Out, "joined") | (State::In | State::Away, "reconnected") => State::In,
            (State::In, "disconnected") => State::Away,
            (State::In | State::Away, "left") => State::Out,
            (state, "error") => state,
            (state, _) => panic!("{event:?} of somebody who is {state:?}"),
        };
        *state = next;
        match event.kind.as_str() {
            "joined" => {
                // The answer to the last one before the kill may be lost: then its row says whose it is.
                let member = match &seats[&event.seq] {
                    Some(seat) => seat.member,
                    None => live[&participant].0,
                };
                self.current.insert(participant, member);
                let life = Life {
                    username: event.username.clone().unwrap(),
                    reconnects: 0,
                    over: false,
                };
                assert!(self.lives.insert(member, life).is_none(), "{member} joined twice");
            }
            "reconnected" => {
                let member = self.current[&participant];
                if let Some(seat) = &seats[&event.seq] {
                    assert_eq!(seat.member, member, "the same address after every resume");
                }
                self.lives.get_mut(&member).unwrap().reconnects += 1;
            }
            "left" => self.lives.get_mut(&self.current[&participant]).unwrap().over = true,
            _ => {}
        }
    }

    fn check_told(&mut self, log: &Log) {
        for deed in &log.deeds {
            let DeedKind::Enter(Some(seat)) = &deed.kind else {
                continue;
            };
            for (member, username) in &seat.members {
                let life = self.lives.get(member).expect("whoever is in the list has joined");
                assert_eq!(life.username, *username);
            }
        }
        for told in &log.told {
            match told {
                Told::Of(member) => assert!(self.lives.contains_key(member), "{member} never joined"),
                Told::Gone(member) => {
                    let life = self.lives.get(member).expect("whoever is gone has been there");
                    assert!(life.over, "{} never left", life.username);
                }
                Told::Back { member, connector } => {
                    let backs = self.backs.entry((*member, connector.clone())).or_default();
                    *backs += 1;
                    let life = self.lives.get(member).expect("whoever is back has been there");
                    assert!(*backs <= life.reconnects, "{} came back less often", life.username);
                }
            }
        }
    }
}

/// The seat that goes with each `joined` and `reconnected`, by `seq`: every deed that was answered is in the history
/// once, every one that was not at most once, in their order, and the history has no others.
fn match_deeds(deeds: &[Deed], events: &[Event]) -> HashMap<i64, Option<Seat>> {
    type Person<'a> = (Vec<&'a DeedKind>, Vec<&'a Event>);
    let mut people: BTreeMap<(&str, &str), Person<'_>> = BTreeMap::new();
    for deed in deeds {
        people
            .entry((&deed.room, &deed.username))
            .or_default()
            .0
            .push(&deed.kind);
    }
    for event in events {
        let of_a_deed = match event.kind.as_str() {
            "joined" | "reconnected" => true,
            "left" => event.detail["reason"] == "left",
            _ => false,
        };
        if let (true, Some(room), Some(username)) = (of_a_deed, &event.room, &event.username) {
            people.entry((room, username)).or_default().1.push(event);
        }
    }
    let mut seats = HashMap::new();
    for (who, (deeds, events)) in people {
        assert!(
            align(&deeds, &events, &mut seats),
            "{who:?}: the client did {deeds:#?}\nthe history has {events:#?}"
        );
    }
    seats
}

fn align(deeds: &[&DeedKind], events: &[&Event], seats: &mut HashMap<i64, Option<Seat>>) -> bool {
    let Some((deed, deeds_left)) = deeds.split_first() else {
        return events.is_empty();
    };
    if let Some((event, events_left)) = events.split_first()
        && fits(deed, event)
        && align(deeds_left, events_left, seats)
    {
        if let DeedKind::Enter(seat) = deed {
            seats.insert(event.seq, seat.clone());
        }
        return true;
    }
    let unanswered = matches!(deed, DeedKind::Enter(None) | DeedKind::Leave(false));
    unanswered && align(deeds_left, events, seats)
}

fn fits(deed: &DeedKind, event: &Event) -> bool {
    match deed {
        DeedKind::Enter(None) => event.kind != "left",
        DeedKind::Enter(Some(seat)) => {
            let kind = if seat.resumed { "reconnected" } else { "joined" };
            event.kind == kind && event.session == Some(seat.session)
        }
        DeedKind::Leave(_) => event.kind == "left",
    }
}

/// Every error that was told is an event, and the ones that are one of a kind are there once.
fn check_errors(told: &[(String, String)], events: &[Event]) {
    let mut recorded: HashMap<(&str, &str), usize> = HashMap::new();
    for event in events.iter().filter(|event| event.kind == "error") {
        let text = |field: &str| event.detail[field].as_str().unwrap();
        *recorded.entry((text("code"), text("event"))).or_default() += 1;
    }
    for ((_, event), count) in &recorded {
        assert!(
            *count == 1 || !event.starts_with("nonsense"),
            "{event} is there {count} times"
        );
    }
    for error in told {
        let left = recorded.entry((&error.0, &error.1)).or_default();
        assert!(*left > 0, "the error {error:?} was told, and is not in the history");
        *left -= 1;
    }
}

/// An id as clients are told it.
pub(crate) fn id(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no id"))
}
