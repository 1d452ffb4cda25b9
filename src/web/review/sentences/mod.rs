//! What people read: what is to be said, and of whom. How it is said stands in `languages/`.

mod event;
mod list;
mod pair;
mod person;
pub(crate) mod picture;
mod problem;
mod refusal;
mod session;
pub(crate) mod wording;

pub(crate) use event::{departures, ending, event};
pub(in crate::web::review) use list::strip;
pub(crate) use list::{quarter, rooms, sessions, wrong, wrong_now};
pub(in crate::web::review) use pair::group;
pub(crate) use pair::{every_pair, outcome, pair};
pub(crate) use person::{PersonSummary, person};
pub(crate) use problem::{problem, problem_title};
pub(crate) use refusal::{refused, refused_clause};
pub(crate) use session::{
    Clause, Line, away, away_in_short, came_back, lead, lost, lost_in_short, nothing_wrong, outage_clause,
    outage_lines, too_many, unconnected, unconnected_in_short,
};
