//! How much the server takes of anybody, and how fast.

use clap::builder::ValueParser;
use clap::{Args, value_parser};

use super::value::{bytes, count};

/// The limits. Each has a row in `docs/security.md`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// How much memory may hold what waits for clients or for the rest of what they send, such as 256MiB; past it a
    /// client of the address that holds most is cut. 0 is no limit
    #[arg(long, env, default_value = "256MiB", value_parser = bytes)]
    pub max_held_memory: usize,

    /// How much of that one client address may take (an IPv6 /64 is one, and a /48 may take sixteen times as much);
    /// past it the largest of its own clients is cut, first those in no room. 0 is no limit
    #[arg(long, env, default_value = "64MiB", value_parser = bytes)]
    pub max_held_per_address: usize,

    /// How many messages a WebSocket or a polling session may send each second, and eight times as many at once; one
    /// that sends more is read more slowly, and cut after 10 s of it. 0 is no limit
    #[arg(long, env, default_value = "500", value_parser = count(0..=1_000_000))]
    pub messages_per_socket: usize,

    /// How many bytes a WebSocket may send each second, such as 4MiB, and eight times as many at once; one that sends
    /// more is read more slowly, and cut after 10 s of it. 0 is no limit
    #[arg(long, env, default_value = "4MiB", value_parser = bytes)]
    pub bytes_per_socket: usize,

    /// How much is read of an address each second as long as it is in no room: requests, messages and new connections
    /// count one each, each KiB of a request and each 256 bytes of a message one more; what comes faster waits, up to two
    /// seconds for each. 0 is no limit
    #[arg(long, env, default_value = "4000", value_parser = rate())]
    pub reads_per_address: u32,

    /// The most connections that are open at a time; past it the oldest that nobody in a class needs gives way. 0: as many
    /// as the limit of open files allows
    #[arg(long, env, default_value = "16000", value_parser = count(0..=10_000_000))]
    pub max_connections: usize,

    /// The most connections of one address (an IPv6 /64 is one), and the most sockets of it that are in a class. 0: no
    /// limit of its own
    #[arg(long, env, default_value = "5000", value_parser = count(0..=10_000_000))]
    pub max_connections_per_address: usize,

    /// The most sockets of one address that are in no class, on either transport; past it the oldest of them gives way.
    /// 0: no limit of its own
    #[arg(long, env, default_value = "2500", value_parser = count(0..=10_000_000))]
    pub max_unjoined_per_address: usize,

    /// How many sockets an address may open each second, and thirty times as many at once; past it they are refused
    /// (429). 0: any number
    #[arg(long, env, default_value = "100", value_parser = rate())]
    pub handshakes_per_address: u32,

    /// The free space of the database's disk below which refusals are no longer recorded; below half of it only who is
    /// there is. 0 is no limit
    #[arg(long, env, default_value = "100MiB", value_parser = bytes)]
    pub min_free_disk: usize,

    /// How often in a minute an address may show a wrong review token, or a wrong id of a client, before what it asks with
    /// one is answered later, up to 10 s; 0 is no limit
    #[arg(long, env, default_value = "20", value_parser = value_parser!(u32).range(..=100_000))]
    pub guesses_per_minute: u32,

    /// How many questions about the past (the review's pages, lists and files) are answered at once, so that signaling has
    /// the rest of the machine; the others wait. 0 is no limit
    #[arg(long, env, default_value = "2", value_parser = count(0..=10_000_000))]
    pub max_answers: usize,

    /// How many such questions one client address may have waiting or being answered; who asks more is refused. 0 is no
    /// limit
    #[arg(long, env, default_value = "16", value_parser = count(0..=10_000_000))]
    pub max_questions: usize,

    /// How many event streams (open pages of the review, and whoever follows `/api/v1/events`) there may be at once. 0 is
    /// no limit
    #[arg(long, env, default_value = "64", value_parser = count(0..=10_000_000))]
    pub max_streams: usize,

    /// The most different names that one session of a room takes, over all its time; earlier ones may come back. 0 is no
    /// limit
    #[arg(long, env, default_value = "5000", value_parser = count(0..=10_000_000))]
    pub max_session_people: usize,

    /// The most of those names that one address may bring: an IPv6 /64 is one, and a /48 may bring twice as many. 0 is no
    /// limit
    #[arg(long, env, default_value = "1000", value_parser = count(0..=10_000_000))]
    pub max_session_people_per_address: usize,

    /// How many joins a minute one connection may ask for, also all at once; a resume that finds its member is none. 0 is
    /// no limit
    #[arg(long, env, default_value = "60", value_parser = rate())]
    pub joins_per_socket: u32,

    /// How many joins a minute one client address may ask for, also all at once (an IPv6 /64 is one, and a /48 may do
    /// sixteen times as much). 0 is no limit
    #[arg(long, env, default_value = "1500", value_parser = rate())]
    pub joins_per_address: u32,

    /// How many joins a minute one room takes, also all at once: more than one address may ask for, so that none keeps the
    /// others out. 0 is no limit
    #[arg(long, env, default_value = "3000", value_parser = rate())]
    pub joins_per_room: u32,

    /// How many rooms a minute one client address may open, also all at once. 0 is no limit
    #[arg(long, env, default_value = "600", value_parser = rate())]
    pub rooms_per_address: u32,

    /// How often within 10 s a member may move to another connection while its last one is still there (the same page in
    /// two tabs). 0 is no limit
    #[arg(long, env, default_value = "3", value_parser = rate())]
    pub max_takeovers: u32,

    /// How many messages a second one member may send to one other; ten seconds' worth at once. 0 is no limit
    #[arg(long, env, default_value = "200", value_parser = rate())]
    pub relays_per_pair: u32,

    /// How much that one member has sent may wait for one other to read it; more is refused. 0 is no limit
    #[arg(long, env, default_value = "2MiB", value_parser = bytes)]
    pub max_waiting_per_pair: usize,

    /// How many refused messages a minute of one connection the history lists one by one; the rest is counted. 0 is no limit
    #[arg(long, env, default_value = "60", value_parser = rate())]
    pub refusals_per_socket: u32,

    /// How many refused messages a minute of one client address the history lists one by one. 0 is no limit
    #[arg(long, env, default_value = "300", value_parser = rate())]
    pub refusals_per_address: u32,

    /// How many refused messages a minute in one room the history lists one by one. 0 is no limit
    #[arg(long, env, default_value = "300", value_parser = rate())]
    pub refusals_per_room: u32,

    /// How many credentials for the TURN servers one member gets in a minute. 0 is no limit
    #[arg(long, env, default_value = "6", value_parser = rate())]
    pub turn_credentials_per_member: u32,
}

/// How many in some time; 0 is no limit.
fn rate() -> ValueParser {
    value_parser!(u32).range(..=1_000_000).into()
}
