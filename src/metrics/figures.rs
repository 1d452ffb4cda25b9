//! How much there is of what, read when somebody asks.

use std::time::Duration;

use metrics::{counter, gauge};

use super::names::Metric;
use crate::model::vocabulary::Presence;

/// How a socket's messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Polling,
    WebSocket,
}

impl Transport {
    pub(super) const ALL: [Self; 2] = [Self::Polling, Self::WebSocket];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// How much there is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Sockets whose clients poll.
    pub polling: usize,
    /// Sockets that are WebSockets.
    pub websockets: usize,
    /// Rooms in which a session goes on, which outlasts those who were there by `SESSION_LINGER`.
    pub rooms: usize,
    /// Members with a live socket.
    pub present: usize,
    /// Members without, who may come back.
    pub away: usize,
    /// Records that wait in memory.
    pub journal_depth: usize,
    /// Records lost since the start.
    pub records_dropped: u64,
    /// What is free of the database's disk, in bytes, if the system tells.
    pub disk_free: Option<u64>,
    /// Lines of the log left out since the start.
    pub log_lines_dropped: u64,
    /// Of one of several servers that share a history.
    pub cluster: Option<ClusterFigures>,
}

/// How much there is at one moment of what one of several servers has with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClusterFigures {
    /// How often it has taken its place; 0 if it has none.
    pub epoch: i64,
    /// How long its lease goes on.
    pub lease_left: Duration,
    /// Rooms that are its own.
    pub rooms: usize,
    /// Links that it has made, and that were made to it.
    pub links: [usize; 2],
    /// Messages that it has sent over links, and that have come, since the start.
    pub forwarded: [u64; 2],
    /// Rooms taken over since the start.
    pub takeovers: u64,
}

/// Which way something goes, seen from this server.
pub(super) const DIRECTIONS: [&str; 2] = ["out", "in"];

impl Figures {
    /// Puts them where the exporter finds them.
    pub(super) fn set(&self) {
        let by_transport = [
            (Transport::Polling, self.polling),
            (Transport::WebSocket, self.websockets),
        ];
        for (transport, sockets) in by_transport {
            gauge!(Metric::Sockets.name(), Metric::Sockets.labels()[0] => transport.as_str()).set(sockets as f64);
        }
        gauge!(Metric::Rooms.name()).set(self.rooms as f64);
        for (presence, members) in [(Presence::Present, self.present), (Presence::Away, self.away)] {
            gauge!(Metric::Members.name(), Metric::Members.labels()[0] => presence.as_str()).set(members as f64);
        }
        gauge!(Metric::JournalDepth.name()).set(self.journal_depth as f64);
        counter!(Metric::RecordsDropped.name()).absolute(self.records_dropped);
        if let Some(free) = self.disk_free {
            gauge!(Metric::DiskFree.name()).set(free as f64);
        }
        counter!(Metric::LogLinesDropped.name()).absolute(self.log_lines_dropped);
        if let Some(cluster) = &self.cluster {
            cluster.set();
        }
    }
}

impl ClusterFigures {
    fn set(&self) {
        gauge!(Metric::ClusterEpoch.name()).set(self.epoch as f64);
        gauge!(Metric::ClusterLease.name()).set(self.lease_left.as_secs_f64());
        gauge!(Metric::ClusterRooms.name()).set(self.rooms as f64);
        for (direction, links) in DIRECTIONS.into_iter().zip(self.links) {
            gauge!(Metric::ClusterLinks.name(), Metric::ClusterLinks.labels()[0] => direction).set(links as f64);
        }
        for (direction, forwarded) in DIRECTIONS.into_iter().zip(self.forwarded) {
            let label = Metric::ClusterForwarded.labels()[0];
            counter!(Metric::ClusterForwarded.name(), label => direction).absolute(forwarded);
        }
        counter!(Metric::ClusterTakeovers.name()).absolute(self.takeovers);
    }
}
