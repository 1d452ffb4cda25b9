//! What the server or its network did to everybody at once, said once and counted to nobody.

use super::moment::{Moment, minute};
use super::wording::{count, duration, first_names};
use crate::history::outages::Outage;
use crate::history::sessions::Session;

/// The most names that are told.
const NAMES: usize = 12;

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
        ("The server was restarted, or its machine slept, at", stops),
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

/// How many more there were, how soon all were back, and who was not.
fn end(outages: &[&Outage]) -> String {
    let more = match i64::try_from(outages.len().saturating_sub(MOMENTS)).unwrap_or(i64::MAX) {
        0 => String::new(),
        more => format!(" and {} more", count(more, "time", "times")),
    };
    let slowest = outages.iter().filter_map(|outage| outage.back_after_ms).max();
    let mut missing: Vec<&str> = Vec::new();
    for outage in outages {
        missing.extend(outage.missing.iter().map(String::as_str));
    }
    missing.sort_unstable();
    missing.dedup();
    let is_over = outages.iter().all(|outage| !outage.goes_on);
    match slowest.map(|ms| duration(ms.saturating_add(999))) {
        Some(within) if missing.is_empty() && is_over => format!("{more}; all came back within {within}."),
        None if is_over => format!("{more}; nobody came back."),
        _ if missing.is_empty() => format!("{more}."),
        _ => format!("{more}; {} did not come back.", first_names(&missing, NAMES)),
    }
}
