//! What the server or its network did to everybody at once, said once and counted to nobody.

use super::moment::{Moment, minute};
use super::wording::{count, duration};
use crate::history::outages::Outage;
use crate::history::sessions::Session;

/// The most moments that are told.
const MOMENTS: usize = 6;

/// A sentence around moments, which the reader's own clock shows.
pub(super) struct OutageSentence {
    /// What comes before them.
    pub(super) what: &'static str,
    /// When.
    pub(super) moments: Vec<Moment>,
    /// What comes after them.
    pub(super) end: String,
}

/// A sentence for each kind of them.
pub(super) fn outage_sentences(session: &Session, outages: &[Outage]) -> Vec<OutageSentence> {
    let (stops, losses): (Vec<&Outage>, Vec<&Outage>) = outages.iter().partition(|outage| outage.by_server);
    let kinds = [
        ("The server was restarted at", stops),
        (
            "All lost contact at once, so it was the network or the server, at",
            losses,
        ),
    ];
    let kinds = kinds.into_iter().filter(|(_, outages)| !outages.is_empty());
    kinds
        .map(|(what, outages)| OutageSentence {
            what,
            moments: outages
                .iter()
                .take(MOMENTS)
                .map(|outage| minute(outage.at, session.started_at))
                .collect(),
            end: end(&outages),
        })
        .collect()
}

/// How many more there were, and how soon all were back; of one who never was it is said apart.
fn end(outages: &[&Outage]) -> String {
    let more = match i64::try_from(outages.len().saturating_sub(MOMENTS)).unwrap_or(i64::MAX) {
        0 => String::new(),
        more => format!(" and {} more", count(more, "time", "times")),
    };
    let slowest = outages
        .iter()
        .try_fold(0, |slowest: i64, outage| Some(outage.back_after_ms?.max(slowest)));
    match slowest {
        Some(ms) => format!("{more}; all came back within {}.", duration(ms.saturating_add(999))),
        None => format!("{more}."),
    }
}
