//! Which classes meet when, and who is in them: courses that meet weekly for a term, a help desk that is open all day,
//! rooms that are used once, and a few open days with hundreds of people.

use fastrand::Rng;

use super::names;

/// 2024-01-08, 7:00 UTC, a Monday.
const FIRST_DAY: i64 = 1_704_697_200_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Two and a half years: each quarter has a week off.
const SCHOOL_DAYS: u32 = WEEKS_OF_TERM * DAYS_OF_WEEK * 10;
const WEEKS_OF_TERM: u32 = 12;
const DAYS_OF_WEEK: u32 = 5;

/// Of so many sessions one is an open day, from the size on at which there are that many.
const OPEN_DAYS: u32 = 2_500;
/// In one session a client in a loop makes one in so many of all events, all of them errors.
const LOOPS: u64 = 150;

/// Whoever is at the help desk is in more sessions than anybody else.
pub const SUPPORT: &str = "Support";
/// The room that was used more often than any other.
pub const HELP_DESK: &str = "help desk";

/// How large a history is to be.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many entries its journal has; at least some twenty for each session.
    pub events: u64,
    /// How many sessions it has.
    pub sessions: u32,
    /// What everything else follows from.
    pub seed: u64,
}

/// A class that meets.
#[derive(Debug)]
pub struct Meeting {
    /// Where.
    pub room: String,
    /// When the first one joins, in milliseconds UTC.
    pub start: i64,
    /// When about the last one leaves.
    pub end: i64,
    /// Who comes.
    pub people: Vec<String>,
    /// How many errors one client's loop makes.
    pub looping: u64,
    /// How many entries the journal gets of it, those of the loop apart.
    pub events: u64,
}

impl Shape {
    /// All meetings, in the order of their starts as far as days go.
    pub fn meetings(self) -> impl Iterator<Item = Meeting> {
        let seats: u64 = (0..self.sessions).map(|index| self.meeting(index).seats()).sum();
        let events = self.events - self.events / LOOPS;
        let mut taken = 0;
        (0..self.sessions).map(move |index| {
            let mut meeting = self.meeting(index);
            // By their seats, so that all of them together have exactly as many as there are to be.
            let before = events * taken / seats;
            taken += meeting.seats();
            meeting.events = events * taken / seats - before;
            meeting
        })
    }

    /// Which school day a meeting is on.
    pub fn day(self, index: u32) -> u32 {
        index / self.a_day()
    }

    fn a_day(self) -> u32 {
        self.sessions.div_ceil(SCHOOL_DAYS)
    }

    fn meeting(self, index: u32) -> Meeting {
        let mut rng = self.rng(1, u64::from(index));
        let start = start_of(self.day(index)) + rng.i64(0..9 * HOUR) + rng.i64(0..SECOND);
        let (room, people) = self.class(index, &mut rng);
        let minutes = if people.len() > 100 {
            rng.i64(240..480)
        } else {
            rng.i64(25..100)
        };
        Meeting {
            room,
            start,
            end: start + minutes * MINUTE,
            people,
            looping: if index == self.sessions / 2 {
                self.events / LOOPS
            } else {
                0
            },
            events: 0,
        }
    }

    /// The room, and who comes.
    fn class(self, index: u32, rng: &mut Rng) -> (String, Vec<String>) {
        if self.sessions >= OPEN_DAYS && index % OPEN_DAYS == OPEN_DAYS / 2 {
            let size = rng.usize(300..=500);
            return (format!("open day {}", index / OPEN_DAYS + 1), some_people(rng, size));
        }
        let a_week = self.a_day() * DAYS_OF_WEEK;
        match index % a_week % 20 {
            0 => {
                let size = rng.usize(1..8);
                (HELP_DESK.to_owned(), with(SUPPORT.to_owned(), some_people(rng, size)))
            }
            1 | 2 => {
                let size = rng.usize(1..8);
                (
                    format!("room {:06x}", rng.u32(..1 << 24)),
                    with("test".to_owned(), some_people(rng, size)),
                )
            }
            _ => self.course(index % a_week, index / (a_week * WEEKS_OF_TERM), rng),
        }
    }

    /// A course has the same people for a term, of whom some stay away each time.
    fn course(self, course: u32, term: u32, rng: &mut Rng) -> (String, Vec<String>) {
        let (course, term) = (course as usize, term as usize);
        let mut of_term = self.rng(2, (course + (term << 32)) as u64);
        let size = class_size(&mut of_term);
        let mut people = some_people(&mut of_term, size);
        people.retain(|_| rng.u8(..100) < 92);
        (names::room(course, term), with(names::teacher(course), people))
    }

    fn rng(self, purpose: u64, number: u64) -> Rng {
        let mut rng = Rng::with_seed(self.seed ^ (purpose << 60) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.u64(..);
        rng
    }
}

impl Meeting {
    /// What its share of all events goes by.
    fn seats(&self) -> u64 {
        self.people.len() as u64
    }
}

fn start_of(day: u32) -> i64 {
    let (week, weekday) = (day / DAYS_OF_WEEK, day % DAYS_OF_WEEK);
    let weeks_off = week / WEEKS_OF_TERM;
    FIRST_DAY + i64::from((week + weeks_off) * 7 + weekday) * DAY
}

/// Most work in small groups; some classes are as large as classes are, and some are lectures.
fn class_size(rng: &mut Rng) -> usize {
    match rng.u8(..100) {
        ..55 => rng.usize(1..8),
        55..90 => rng.usize(11..32),
        90.. => rng.usize(33..60),
    }
}

/// Different people.
fn some_people(rng: &mut Rng, count: usize) -> Vec<String> {
    // Steps that share no divisor with the number of all lead to nobody twice.
    let (first, step) = (rng.usize(..names::PEOPLE), rng.usize(..names::PEOPLE / 10) * 10 + 1);
    (0..count)
        .map(|n| names::person((first + n * step) % names::PEOPLE))
        .collect()
}

fn with(one: String, others: Vec<String>) -> Vec<String> {
    let mut people = vec![one];
    people.extend(others);
    people
}
