//! What people read: each sentence stands in this folder, once.

mod event;
mod list;
mod pair;
mod person;
pub(crate) mod picture;
mod refusal;
mod session;
pub(crate) mod wording;

pub(crate) use event::{departures, ending, event};
pub(crate) use list::{quarter, rooms, sessions, strip, wrong};
pub(in crate::web::review) use pair::group;
pub(crate) use pair::{NEVER_MET, SCREEN_MISSED, every_pair, outcome, pair};
pub(crate) use person::person;
pub(crate) use refusal::{refused, refused_clause};
pub(crate) use session::{
    Clause, Line, away, came_back, lead, lost, nothing_wrong, outage_clause, outage_lines, too_many, unconnected,
};
