//! The metrics there are. Their names are stable: dashboards and alerts are made of them.

/// How a metric's number behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It grows, from the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something took how long, in seconds.
    Histogram,
}

impl Kind {
    /// The word that Prometheus has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($($variant:ident: $kind:ident $name:literal $([$label:literal $($more:literal)*])? = $says:literal,)+) => {
        /// One metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = $says] $variant,)+
        }

        impl Metric {
            /// Each of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$variant => Kind::$kind,)+
                }
            }

            /// What its series are told apart by.
            pub const fn labels(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($label, $($more,)*)?],)+
                }
            }

            /// What it says, in a sentence.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$variant => $says,)+
                }
            }
        }
    };
}

metrics! {
    Sockets: Gauge "chatroom_sockets" ["transport"] = "Sockets that are open, in a class or not.",
    Rooms: Gauge "chatroom_rooms" = "Rooms in which a session goes on; one that everybody has left counts until its session ends (SESSION_LINGER).",
    Members: Gauge "chatroom_members" ["presence"] = "Members of all rooms.",
    Relays: Counter "chatroom_relays_total" ["event"] = "Messages of members that were handed to the sockets of those they are for.",
    Joins: Counter "chatroom_joins_total" ["outcome"] = "Answered requests to come in.",
    Resumes: Counter "chatroom_resumes_total" ["outcome"] = "Answered requests to come back; joined is somebody who was not known any more.",
    Drops: Counter "chatroom_drops_total" ["reason"] = "Members who lost their socket.",
    Leaves: Counter "chatroom_leaves_total" ["reason"] = "Members who left, or did not come back.",
    Actions: Counter "chatroom_actions_total" ["action"] = "What teachers did to rooms.",
    Refusals: Counter "chatroom_refusals_total" ["type"] = "Messages of clients that were refused.",
    LimitsHit: Counter "chatroom_limits_hit_total" ["limit"] = "How often somebody reached a limit, by the variable that sets it.",
    JournalDepth: Gauge "chatroom_journal_depth" = "Records that wait in memory for the database.",
    CommitDuration: Histogram "chatroom_journal_commit_duration_seconds" = "How long it took until a group of records was in the database, failed attempts and the waits between them with it.",
    RecordsDropped: Counter "chatroom_journal_records_dropped_total" = "Records that are missing in the history, as more waited than JOURNAL_BACKLOG or they could not be written.",
    DiskFree: Gauge "chatroom_disk_free_bytes" = "What is free of the disk that the embedded file is on.",
    Requests: Counter "chatroom_http_requests_total" ["route" "status"] = "Answered requests, without those of sockets.",
    RequestDuration: Histogram "chatroom_http_request_duration_seconds" ["route"] = "How long requests waited for the beginning of their answer.",
    ClusterEpoch: Gauge "chatroom_cluster_epoch" = "How often this node has taken its place among those that share the history; 0 while it has none.",
    ClusterLease: Gauge "chatroom_cluster_lease_left_seconds" = "How long this node's lease goes on, if the database does not answer any more.",
    ClusterRooms: Gauge "chatroom_cluster_rooms" = "Rooms that are this node's among those that share the history.",
    ClusterLinks: Gauge "chatroom_cluster_links" ["direction"] = "Links with other nodes: out to those that have rooms of our clients, in from those whose clients are in our rooms.",
    ClusterForwarded: Counter "chatroom_cluster_forwarded_total" ["direction"] = "Messages that went over links, out to other nodes and in from them.",
    ClusterTakeovers: Counter "chatroom_cluster_takeovers_total" = "Rooms that this node has taken over from others that were gone.",
    LogLinesDropped: Counter "chatroom_log_lines_dropped_total" = "Lines of the log that were left out, as nobody took them fast enough.",
}
