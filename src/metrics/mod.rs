//! What an operator's Prometheus reads at `METRICS_LISTEN`: how much there is of everything, what happened how often, and
//! how long it took.
//!
//! Labels are words of ours and templates of routes, never what somebody has typed: so there are only so many series, and
//! nothing in them is anybody's. What there is of something is read where it is known anyway, when it is asked for
//! ([`Figures`]); what happens is counted where it happens. As long as nobody wants metrics (no [`start`]), counting does
//! nothing.

mod counts;
mod exporter;
mod figures;
mod names;
mod page;
#[cfg(test)]
mod tests;

pub(crate) use counts::{
    EntryOutcome, RelayEvent, acted, committed, dropped_out, joined, left, limit_reached, refused, relayed, requested,
    resumed,
};
pub use exporter::{Exporter, StartError, start};
pub use figures::{ClusterFigures, Figures};
pub use names::{Kind, Metric};
pub use page::router;
