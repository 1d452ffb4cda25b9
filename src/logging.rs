//! The log: structured lines on standard error. Standard output is for the few lines at start.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// What is said at these levels by whatever reads and writes clients' messages holds their words: ids, SDP, candidates.
const WITHOUT_DETAILS: [&str; 6] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "engineioxide=info",
    "engineioxide_core=info",
    "socketioxide=info",
    "socketioxide_core=info",
];

fn filter(directives: &str) -> EnvFilter {
    let without = WITHOUT_DETAILS.iter().filter_map(|directive| directive.parse().ok());
    without.fold(EnvFilter::new(directives), EnvFilter::add_directive)
}

/// Starts the log of this process, once.
pub fn start(config: &Config) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.log))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
