//! What happens in a class, as a list of steps: written by hand, or made up.
//!
//! `0 join Ann | 60.5 drop Ann | 70..90 crash | 95 resume Ann` is at 0, 60.5 and 95 seconds; the server was last known
//! to live at 70, and came back at 90. `join Ann@b` is in room b. After the last step the class is looked at.

use std::collections::BTreeSet;
use std::fmt;

use super::naive::{ExpectedPresence, Naive};
use super::zone::{WrittenZone, ZONES, ms};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Join,
    /// The same client joins on another socket.
    Again,
    Leave,
    /// To another room.
    Move,
    Drop,
    /// Its page is closed, and may be opened again.
    Close,
    Resume,
    /// It resumes before its old socket is known to be gone.
    TakeOver,
    /// The old socket of a takeover goes.
    Late,
    /// It sends something wrong.
    Err,
    /// Somebody else asks for its name.
    Refused,
}

const ACTS: [(&str, Act); 11] = [
    ("join", Act::Join),
    ("again", Act::Again),
    ("leave", Act::Leave),
    ("move", Act::Move),
    ("drop", Act::Drop),
    ("close", Act::Close),
    ("resume", Act::Resume),
    ("takeover", Act::TakeOver),
    ("late", Act::Late),
    ("err", Act::Err),
    ("refused", Act::Refused),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Act {
        at: i64,
        act: Act,
        who: Who,
    },
    /// The server stops, and starts again.
    Stop {
        alive: i64,
        back: i64,
        clean: bool,
    },
    /// Nothing; the last step says when the class is looked at.
    Look {
        at: i64,
    },
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who {
    pub(super) room: String,
    pub(super) name: String,
}

pub(super) struct Class {
    pub(super) zone: &'static WrittenZone,
    /// All times of the steps are milliseconds after it.
    pub(super) start: i64,
    pub(super) steps: Vec<Step>,
}

impl Step {
    pub(super) fn at(&self) -> i64 {
        match self {
            Self::Act { at, .. } | Self::Look { at } => *at,
            Self::Stop { back, .. } => *back,
        }
    }

    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [at, "look"] => Self::Look { at: moment(at) },
            [time, how @ ("crash" | "stop")] => {
                let (alive, back) = time.split_once("..").unwrap();
                Self::Stop {
                    alive: moment(alive),
                    back: moment(back),
                    clean: how == "stop",
                }
            }
            [at, act, who] => {
                let (name, room) = who.split_once('@').unwrap_or((who, "a"));
                Self::Act {
                    at: moment(at),
                    act: ACTS.iter().find(|(word, _)| *word == act).unwrap().1,
                    who: Who {
                        room: room.to_owned(),
                        name: name.to_owned(),
                    },
                }
            }
            _ => panic!("{text} is no step"),
        }
    }
}

/// Seconds, with up to three decimals.
fn moment(text: &str) -> i64 {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, ""));
    seconds.parse::<i64>().unwrap() * 1000 + format!("{rest:0<3}").parse::<i64>().unwrap()
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act { at, act, who } => {
                let word = ACTS.iter().find(|(_, known)| known == act).unwrap().0;
                write!(f, "{} {word} {}@{}", seconds(*at), who.name, who.room)
            }
            Self::Stop { alive, back, clean } => {
                let how = if *clean { "stop" } else { "crash" };
                write!(f, "{}..{} {how}", seconds(*alive), seconds(*back))
            }
            Self::Look { at } => write!(f, "{} look", seconds(*at)),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
        let start = super::zone::written(self.start, "%FT%T%.3fZ");
        write!(f, "{} from {start}: {}", self.zone.name, steps.join(" | "))
    }
}

impl Class {
    pub(super) fn of(zone: &str, start: &str, steps: &str) -> Self {
        Self {
            zone: WrittenZone::named(zone),
            start: ms(start),
            steps: steps.split('|').map(Step::parse).collect(),
        }
    }

    /// When it is looked at.
    pub(super) fn now(&self) -> i64 {
        self.start + self.steps.last().unwrap().at()
    }
}

/// Numbers that the seed alone decides (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(i64::try_from(of.len()).unwrap())).unwrap()]
    }

    fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }
}

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// A class that nobody thought of.
pub(super) fn made_up(dice: &mut Dice) -> Class {
    let zone = WrittenZone::named(dice.one(&ZONES.map(|zone| zone.name)));
    let length = match dice.one(&[SECOND, 30 * SECOND, 600 * SECOND, HOUR, 2 * HOUR, 8 * HOUR, DAY]) {
        DAY => DAY + dice.below(6 * HOUR),
        most => 1 + dice.below(most),
    };
    let mut class = Class {
        zone,
        start: start(dice, zone, length),
        steps: Vec::new(),
    };
    Author::new(dice, &mut class, length).write();
    class
}

/// So that the class lasts over something: a change of the clock, or a midnight of UTC's or the reader's.
fn start(dice: &mut Dice, zone: &WrittenZone, length: i64) -> i64 {
    let day = ms("2026-01-10T00:00:00Z") + dice.below(340) * DAY;
    let over = match dice.below(4) {
        0 => day,
        1 => day - (zone.clock(day) - day),
        2 => day + dice.below(DAY),
        _ if zone.changes().is_empty() => day,
        _ => dice.one(&zone.changes()),
    };
    over - dice.below(length)
}

/// Writes the steps of a class, with an eye on what is possible at each.
struct Author<'a> {
    dice: &'a mut Dice,
    class: &'a mut Class,
    length: i64,
    naive: Naive,
    /// When somebody does something next; nobody is the server.
    plans: BTreeSet<(i64, Option<Who>)>,
    last: i64,
}

impl<'a> Author<'a> {
    fn new(dice: &'a mut Dice, class: &'a mut Class, length: i64) -> Self {
        let mut plans = BTreeSet::new();
        let bound = dice.one(&[2, 4, 4, 8, 8, 8, 15, 60]);
        for person in 0..=dice.below(bound) {
            let room = if dice.percent(15) { "b" } else { "a" };
            let who = Who {
                room: room.to_owned(),
                name: format!("P{person:02}"),
            };
            for _ in 0..1 + dice.below(6) {
                plans.insert((dice.below(length), Some(who.clone())));
            }
        }
        if dice.percent(35) {
            for _ in 0..1 + dice.below(2) {
                plans.insert((dice.below(length), None));
            }
        }
        Self {
            dice,
            class,
            length,
            naive: Naive::default(),
            plans,
            last: 0,
        }
    }

    fn write(mut self) {
        while let Some((at, who)) = self.plans.pop_first() {
            if at < self.last && self.dice.percent(90) {
                // The server was not there for it.
                self.plans.insert((self.last + self.dice.below(70 * SECOND), who));
                continue;
            }
            let at = at.max(self.last);
            match who {
                Some(who) => self.act(at, who),
                None => self.stop(at),
            }
        }
        let rest = self.dice.one(&[0, 1, 10 * SECOND, 30 * SECOND, 100 * SECOND, HOUR]);
        let at = self.last + if rest == 0 { 0 } else { self.dice.below(rest) };
        self.class.steps.push(Step::Look { at });
    }

    fn push(&mut self, step: Step) {
        self.last = step.at();
        self.naive.take(&step);
        self.class.steps.push(step);
    }

    fn act(&mut self, at: i64, who: Who) {
        self.naive.pass(at);
        let acts: &[Act] = match self.naive.status(&who) {
            ExpectedPresence::Out => &[Act::Join],
            ExpectedPresence::Away => &[
                Act::Resume,
                Act::Resume,
                Act::Resume,
                Act::Again,
                Act::Refused,
                Act::Late,
            ],
            ExpectedPresence::Here => &[
                Act::Drop,
                Act::Drop,
                Act::Close,
                Act::Leave,
                Act::Move,
                Act::TakeOver,
                Act::Again,
                Act::Late,
                Act::Err,
                Act::Refused,
            ],
        };
        let act = self.dice.one(acts);
        let soon = match act {
            Act::Drop | Act::Close | Act::TakeOver => Some(self.dice.below(20 * SECOND)),
            Act::Leave => Some(self.dice.below(100 * SECOND)),
            Act::Join | Act::Again | Act::Move | Act::Resume | Act::Late | Act::Err | Act::Refused => None,
        };
        if let Some(soon) = soon.filter(|soon| at + soon < self.length) {
            self.plans.insert((at + soon, Some(who.clone())));
        }
        self.push(Step::Act { at, act, who });
    }

    fn stop(&mut self, alive: i64) {
        let down = self.dice.one(&[SECOND, 10 * SECOND, 90 * SECOND, HOUR]);
        let back = alive + 1 + self.dice.below(down);
        let clean = self.dice.percent(40);
        self.push(Step::Stop { alive, back, clean });
        for who in self.naive.members() {
            if self.dice.percent(60) {
                self.plans.insert((back + self.dice.below(70 * SECOND), Some(who)));
            }
        }
    }
}
