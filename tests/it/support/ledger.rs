//! What clients did and were told, held against the history.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::support::history::{Event, History};

/// What one run of the server told all clients.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// What clients did, each client's in order.
    pub(crate) deeds: Vec<Deed>,
    pub(crate) told: Vec<Told>,
    /// `type` and `event` of each error.
    pub(crate) errors: Vec<(String, String)>,
    /// The longest that anybody waited for an answer that waits for the disk.
    pub(crate) slowest: Duration,
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

/// One member's way through the history, as the `seq` of each of its events.
#[derive(Debug, Clone)]
struct Life {
    username: String,
    joined: i64,
    reconnected: Vec<i64>,
    left: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Out,
    In,
    Away,
}

#[derive(Default, Clone)]
pub(crate) struct Ledger {
    /// The last event that was accounted for.
    pub(crate) seq: i64,
    /// The last event that any client knows of.
    pub(crate) known_seq: i64,
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
        let deeds = match_deeds(&log.deeds, &events);
        for event in &events {
            self.follow(event, &deeds, &live);
        }
        for (seq, _) in deeds.iter().filter(|(_, deed)| deed.is_answered()) {
            self.known_seq = self.known_seq.max(*seq);
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
        self.known_seq = self.known_seq.max(check_errors(&log.errors, &events));
        self.facts += log.deeds.len() + log.told.len() + log.errors.len();
    }

    /// A person comes and goes only in the ways there are.
    fn follow(&mut self, event: &Event, deeds: &HashMap<i64, &DeedKind>, live: &HashMap<Uuid, (Uuid, bool)>) {
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
                let member = deeds[&event.seq]
                    .seat()
                    .map_or_else(|| live[&participant].0, |seat| seat.member);
                self.current.insert(participant, member);
                let life = Life {
                    username: event.username.clone().unwrap(),
                    joined: event.seq,
                    reconnected: Vec::new(),
                    left: None,
                };
                assert!(self.lives.insert(member, life).is_none(), "{member} joined twice");
            }
            "reconnected" => {
                let member = self.current[&participant];
                if let Some(seat) = deeds[&event.seq].seat() {
                    assert_eq!(seat.member, member, "the same address after every resume");
                }
                self.lives.get_mut(&member).unwrap().reconnected.push(event.seq);
            }
            "left" => self.lives.get_mut(&self.current[&participant]).unwrap().left = Some(event.seq),
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
            let seq = self.seq_of(told);
            self.known_seq = self.known_seq.max(seq);
        }
    }

    /// The event that a client was told of.
    fn seq_of(&mut self, told: &Told) -> i64 {
        let (Told::Of(member) | Told::Gone(member) | Told::Back { member, .. }) = told;
        let life = self
            .lives
            .get(member)
            .unwrap_or_else(|| panic!("{told:?}: never joined"));
        match told {
            Told::Of(_) => life.joined,
            Told::Gone(_) => life.left.unwrap_or_else(|| panic!("{told:?}: {life:?} never left")),
            Told::Back { connector, .. } => {
                // Each time it comes back is told once about one connector.
                let backs = self.backs.entry((*member, connector.clone())).or_default();
                *backs += 1;
                let nth = life.reconnected.get(*backs - 1);
                *nth.unwrap_or_else(|| panic!("{told:?}: {life:?} came back less often"))
            }
        }
    }
}

impl DeedKind {
    fn is_answered(&self) -> bool {
        !matches!(self, Self::Enter(None) | Self::Leave(false))
    }

    fn seat(&self) -> Option<&Seat> {
        match self {
            Self::Enter(seat) => seat.as_ref(),
            Self::Leave(_) => None,
        }
    }
}

/// The deed that goes with each event that follows from one, by `seq`: every deed that was answered is in the history
/// once, every one that was not at most once, in their order, and the history has no others.
fn match_deeds<'a>(deeds: &'a [Deed], events: &'a [Event]) -> HashMap<i64, &'a DeedKind> {
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
    let mut matched = HashMap::new();
    for (who, (deeds, events)) in people {
        assert!(
            align(&deeds, &events, &mut matched),
            "{who:?}: the client did {deeds:#?}\nthe history has {events:#?}"
        );
    }
    matched
}

fn align<'a>(deeds: &[&'a DeedKind], events: &[&Event], matched: &mut HashMap<i64, &'a DeedKind>) -> bool {
    let Some((deed, deeds_left)) = deeds.split_first() else {
        return events.is_empty();
    };
    if let Some((event, events_left)) = events.split_first()
        && fits(deed, event)
        && align(deeds_left, events_left, matched)
    {
        matched.insert(event.seq, *deed);
        return true;
    }
    !deed.is_answered() && align(deeds_left, events, matched)
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

/// Every error that was told is an event, and the ones that are one of a kind are there once. Returns the last of them.
fn check_errors(told: &[(String, String)], events: &[Event]) -> i64 {
    let mut recorded: HashMap<(String, String), VecDeque<i64>> = HashMap::new();
    for event in events.iter().filter(|event| event.kind == "error") {
        let text = |field: &str| event.detail[field].as_str().unwrap();
        let alike = recorded.entry((text("code").into(), text("event").into())).or_default();
        alike.push_back(event.seq);
        assert!(
            alike.len() == 1 || !text("event").starts_with("nonsense"),
            "twice: {event:?}"
        );
    }
    let seq_of = |error: &(String, String)| {
        let alike = recorded.get_mut(error);
        let seq = alike.and_then(VecDeque::pop_front);
        seq.unwrap_or_else(|| panic!("the error {error:?} was told, and is not in the history"))
    };
    told.iter().map(seq_of).max().unwrap_or_default()
}

/// An id as clients are told it.
pub(crate) fn id(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no id"))
}
