//! Whether what settings name is there: files, and addresses of this machine.

use crate::config::Config;
use crate::net::Listeners;
use crate::tls::Source;

/// What settings name and no start could use, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct WrongSettings(Vec<String>);

impl WrongSettings {
    /// A sentence of the caller's own.
    pub fn of(sentence: &str) -> Self {
        Self(vec![sentence.to_owned()])
    }
}

/// Looks at all that settings name. Ports may be taken, by the very server whose settings they are: hosts are tried at free
/// ones.
///
/// # Errors
/// [`WrongSettings`] says all that is wrong.
pub async fn settings(config: &Config) -> Result<(), WrongSettings> {
    let mut wrong = Vec::new();
    wrong.extend(Source::of(config).err().map(|error| format!("{error:#}")));
    let main = Listeners::bind(&config.host, 0).await;
    wrong.extend(main.err().map(|error| error.to_string()));
    if let Some(listen) = config.review_listen.as_ref().filter(|listen| listen.hosts().is_some()) {
        let review = Listeners::bind_review(&listen.at_free_port(), &config.host).await;
        wrong.extend(review.err().map(|error| error.to_string()));
    }
    if let Some(listen) = &config.metrics_listen {
        let metrics = Listeners::bind_metrics(&listen.at_free_port()).await;
        wrong.extend(metrics.err().map(|error| error.to_string()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(WrongSettings(wrong))
}
