//! Where what is counted is kept, and written out as Prometheus reads it.

use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram, set_global_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::counts;
use super::names::{Kind, Metric};

/// The bounds of the histograms, in seconds: a commit takes some milliseconds, or as long as the
/// disk is stuck, a question about a long past some seconds.
const BOUNDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// What histograms have been told is kept one by one until it is summed up, which is done so often.
const UPKEEP: Duration = Duration::from_secs(5);

/// Metrics cannot be counted in this process.
#[derive(Debug, thiserror::Error)]
#[error("Metrics cannot be kept: {0}.")]
pub struct StartError(String);

/// What has been counted.
#[derive(Debug, Clone)]
pub struct Exporter(PrometheusHandle);

/// From now on everything is counted, for as long as the process lives. To be called once, before anything happens.
///
/// # Errors
/// If it was called before.
pub fn start() -> Result<Exporter, StartError> {
    let of_ours = Matcher::Prefix("chatroom_".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(of_ours, &BOUNDS);
    let recorder = builder.map_err(|error| StartError(error.to_string()))?.build_recorder();
    let exporter = Exporter(recorder.handle());
    set_global_recorder(recorder).map_err(|error| StartError(error.to_string()))?;
    for metric in Metric::ALL {
        let (name, says) = (metric.name(), metric.says());
        match metric.kind() {
            Kind::Counter => describe_counter!(name, says),
            Kind::Gauge => describe_gauge!(name, says),
            Kind::Histogram => describe_histogram!(name, says),
        }
    }
    counts::begin();
    Ok(exporter)
}

impl Exporter {
    /// All of it, in Prometheus' text format.
    pub(super) fn text(&self) -> String {
        self.0.render()
    }

    /// Sums up what has been told, again and again, so that it does not pile up while nobody reads it.
    pub async fn keep_up(self) {
        let mut turns = tokio::time::interval(UPKEEP);
        loop {
            turns.tick().await;
            self.0.run_upkeep();
        }
    }
}
