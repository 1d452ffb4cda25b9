//! What can be set, and how: flags, then the environment, then a `.env` file, then the defaults.

mod dotenv;
mod ice;
mod proxies;
mod refusal;
mod review;
mod value;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::DatabaseFile;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use ice::{IceServers, TurnSecret};
pub use proxies::TrustedProxies;
pub use refusal::Refusal;
pub use review::{ReviewListen, ReviewToken};
pub use value::{Host, HostNames, Hosts, LogFormat, Origins};

/// Environment variables by name. One that is empty counts as unset.
pub type Variables = HashMap<String, OsString>;

/// What to do instead of serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Write everything that is kept into one new SQLite file; the server may go on meanwhile
    Export {
        /// The file to make; one that exists is left as it is
        file: PathBuf,
    },
}

/// Everything that can be set. A field's flag is its name with dashes, its variable its name in capitals.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "chatroom-server",
    version,
    about,
    max_term_width = 100,
    after_help = "A flag wins over its variable, a variable over the file `.env` in the working directory."
)]
pub struct Config {
    /// What to do instead of serving; nothing means to serve.
    #[command(subcommand)]
    pub task: Option<Task>,

    /// Where to listen: host names or addresses, separated by commas. `localhost` is both 127.0.0.1 and ::1;
    /// 0.0.0.0,:: is every address of the machine
    #[arg(
        long,
        default_value = "localhost",
        value_parser = Hosts::parse,
        value_name = "HOSTS",
        help_heading = "Network"
    )]
    pub host: Hosts,

    /// The TCP port, the same on every address; 0 takes a free one
    #[arg(long, default_value = "3000", value_parser = value::port, help_heading = "Network")]
    pub port: u16,

    /// The origins (such as https://class.example) whose pages may connect, separated by commas; * is any
    #[arg(long, default_value = "*", value_parser = Origins::parse, value_name = "ORIGINS", help_heading = "Network")]
    pub allowed_origins: Origins,

    /// The host names under which the review and the API may be opened, separated by commas. Addresses and
    /// `localhost` always may
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_parser = HostNames::parse,
        value_name = "NAMES",
        help_heading = "Network"
    )]
    pub allowed_hosts: HostNames,

    /// The reverse proxies in front of the server, addresses and networks separated by commas: of a connection from one
    /// of them the client's own address is taken from X-Forwarded-For or Forwarded. `none` trusts nobody
    #[arg(
        long,
        default_value = proxies::USUAL,
        value_parser = TrustedProxies::parse,
        value_name = "ADDRESSES",
        help_heading = "Network"
    )]
    pub trusted_proxies: TrustedProxies,

    /// The SQLite file that keeps the history, made if it is missing: sqlite:// and its path
    #[arg(
        long,
        default_value = "sqlite://chatroom.db",
        value_parser = value::database,
        value_name = "URL",
        global = true,
        help_heading = "Data"
    )]
    pub database_url: DatabaseFile,

    /// How long after its end a session is kept, such as 30d or 52w. Unset: for ever
    #[arg(long, value_parser = value::retention, value_name = "DURATION", help_heading = "Data")]
    pub retention: Option<Duration>,

    /// How many records wait in memory while the database cannot be written; what comes on top is dropped, and the
    /// history shows a gap of that size
    #[arg(
        long,
        default_value = "50000",
        value_parser = value::journal_backlog,
        value_name = "COUNT",
        help_heading = "Data"
    )]
    pub journal_backlog: usize,

    /// How long a member whose connection dropped may come back as if nothing had happened
    #[arg(long, default_value = "15s", value_parser = value::grace, value_name = "DURATION", help_heading = "Rooms")]
    pub resume_grace: Duration,

    /// How long the members of before may come back after the server was restarted
    #[arg(long, default_value = "60s", value_parser = value::grace, value_name = "DURATION", help_heading = "Rooms")]
    pub restart_grace: Duration,

    /// How long an empty room still counts as the same session when somebody comes back
    #[arg(long, default_value = "60s", value_parser = value::linger, value_name = "DURATION", help_heading = "Rooms")]
    pub session_linger: Duration,

    /// The most members one room may have
    #[arg(
        long,
        default_value = "100",
        value_parser = value::room_members,
        value_name = "COUNT",
        help_heading = "Rooms"
    )]
    pub max_room_members: usize,

    /// The STUN and TURN servers that pages are told of, separated by commas: stun:, stuns:, turn: and turns: URLs
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_parser = IceServers::parse,
        value_name = "URLS",
        help_heading = "Media"
    )]
    pub ice_servers: IceServers,

    /// The secret shared with the TURN servers (coturn's static-auth-secret), from which members get credentials that
    /// expire. Better set by variable: other users of the machine see flags
    #[arg(long, value_parser = TurnSecret::parse, value_name = "SECRET", help_heading = "Media")]
    pub turn_secret: Option<TurnSecret>,

    /// How long the credentials for a TURN server are good
    #[arg(long, default_value = "8h", value_parser = value::turn_ttl, value_name = "DURATION", help_heading = "Media")]
    pub turn_ttl: Duration,

    /// Whether any page may see the list of rooms and who is in one now (for a lobby)
    #[arg(
        long,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_parser = value::truth,
        value_name = "BOOL",
        help_heading = "Access"
    )]
    pub public_rooms: bool,

    /// What a reviewer must show to see the history: letters, digits, - . _ ~, 16 or more. Unset: a random one, kept
    /// beside the database and printed with the link to the review. Better set by variable: other users of the machine see
    /// flags
    #[arg(long, value_parser = ReviewToken::parse, value_name = "TOKEN", help_heading = "Access")]
    pub review_token: Option<ReviewToken>,

    /// Whether a review token of fewer than 16 characters, which can be guessed, is taken where other machines reach the
    /// server: only for the time until all who use it know a longer one
    #[arg(
        long,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_parser = value::truth,
        value_name = "BOOL",
        help_heading = "Access"
    )]
    pub allow_short_token: bool,

    /// A port of the review's own, such as 3001 or localhost:3001; the other port then has no review, and of the API only
    /// what is public. Unset: everything is on one port
    #[arg(long, value_parser = ReviewListen::parse, value_name = "HOST:PORT", help_heading = "Access")]
    pub review_listen: Option<ReviewListen>,

    /// A directory with a built exercise page, served at / from the same origin
    #[arg(long, value_parser = value::directory, value_name = "DIRECTORY", help_heading = "Pages")]
    pub static_dir: Option<PathBuf>,

    /// Whether a path without a file is answered with the directory's index.html, as pages with routes of their own need
    /// it. Unset: if that is its only HTML file
    #[arg(long, value_parser = value::truth, value_name = "BOOL", help_heading = "Pages")]
    pub spa_fallback: Option<bool>,

    /// A directory with the client library's scripts (socket.io.js, socket.io.min.js, socket.io.esm.min.js), served below
    /// /socket.io/. Unset: those of STATIC_DIR's folder socket.io, if there
    #[arg(long, value_parser = value::directory, value_name = "DIRECTORY", help_heading = "Pages")]
    pub client_script: Option<PathBuf>,

    /// Whether a browser that asks for a script that is not there is sent to the library's authors, at cdn.socket.io
    #[arg(
        long,
        default_value = "true",
        value_parser = value::truth,
        action = clap::ArgAction::Set,
        value_name = "BOOL",
        help_heading = "Pages"
    )]
    pub client_script_cdn: bool,

    /// How much memory may hold what waits for clients or for the rest of what they send, such as 256MiB; past it a
    /// client of the address that holds most is cut. 0 is no limit
    #[arg(long, default_value = "256MiB", value_parser = value::bytes, value_name = "BYTES", help_heading = "Limits")]
    pub max_held_memory: usize,

    /// How much of that one client address may take (an IPv6 /64 is one, and a /48 may take sixteen times as much);
    /// past it the largest of its own clients is cut, first those in no room. 0 is no limit
    #[arg(long, default_value = "64MiB", value_parser = value::bytes, value_name = "BYTES", help_heading = "Limits")]
    pub max_held_per_address: usize,

    /// How many messages a WebSocket or a polling session may send each second, and eight times as many at once; one
    /// that sends more is read more slowly, and cut after 10 s of it. 0 is no limit
    #[arg(long, default_value = "500", value_parser = value::per_second, value_name = "COUNT", help_heading = "Limits")]
    pub messages_per_socket: usize,

    /// How many bytes a WebSocket may send each second, such as 4MiB, and eight times as many at once; one that sends
    /// more is read more slowly, and cut after 10 s of it. 0 is no limit
    #[arg(long, default_value = "4MiB", value_parser = value::bytes, value_name = "BYTES", help_heading = "Limits")]
    pub bytes_per_socket: usize,

    /// How much is read of an address each second as long as it is in no room: requests, messages and new connections
    /// count one each, each KiB of a request and each 256 bytes of a message one more; what comes faster waits, up to two
    /// seconds for each. 0 is no limit
    #[arg(long, default_value = "4000", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub reads_per_address: u32,

    /// The most connections that are open at a time; past it the oldest that nobody in a class needs gives way. 0: as many
    /// as the limit of open files allows
    #[arg(long, default_value = "16000", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_connections: usize,

    /// The most connections of one address (an IPv6 /64 is one), and the most sockets of it that are in a class. 0: no
    /// limit of its own
    #[arg(long, default_value = "5000", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_connections_per_address: usize,

    /// The most sockets of one address that are in no class, on either transport; past it the oldest of them gives way.
    /// 0: no limit of its own
    #[arg(long, default_value = "2500", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_unjoined_per_address: usize,

    /// How many sockets an address may open each second, and thirty times as many at once; past it they are refused
    /// (429). 0: any number
    #[arg(long, default_value = "100", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub handshakes_per_address: u32,

    /// The free space of the database's disk below which refusals are no longer recorded; below half of it only who is
    /// there is. 0 is no limit
    #[arg(long, default_value = "100MiB", value_parser = value::bytes, value_name = "BYTES", help_heading = "Limits")]
    pub min_free_disk: usize,

    /// How often in a minute an address may show a wrong review token, or a wrong id of a client, before what it asks with
    /// one is answered later, up to 10 s; 0 is no limit
    #[arg(
        long,
        default_value = "20",
        value_parser = value::guesses,
        value_name = "COUNT",
        help_heading = "Limits"
    )]
    pub guesses_per_minute: u32,

    /// How many questions about the past (the review's pages, lists and files) are answered at once, so that signaling has
    /// the rest of the machine; the others wait. 0 is no limit
    #[arg(long, default_value = "2", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_answers: usize,

    /// How many such questions one client address may have waiting or being answered; who asks more is refused. 0 is no
    /// limit
    #[arg(long, default_value = "16", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_questions: usize,

    /// How many event streams (open pages of the review, and whoever follows `/api/v1/events`) there may be at once. 0 is
    /// no limit
    #[arg(long, default_value = "64", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_streams: usize,

    /// The most different names that one session of a room takes, over all its time; earlier ones may come back. 0 is no
    /// limit
    #[arg(long, default_value = "5000", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_session_people: usize,

    /// The most of those names that one address may bring: an IPv6 /64 is one, and a /48 may bring twice as many. 0 is no
    /// limit
    #[arg(long, default_value = "1000", value_parser = value::limit, value_name = "COUNT", help_heading = "Limits")]
    pub max_session_people_per_address: usize,

    /// How many joins a minute one connection may ask for, also all at once; a resume that finds its member is none. 0 is
    /// no limit
    #[arg(long, default_value = "60", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub joins_per_socket: u32,

    /// How many joins a minute one client address may ask for, also all at once (an IPv6 /64 is one, and a /48 may do
    /// sixteen times as much). 0 is no limit
    #[arg(long, default_value = "1500", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub joins_per_address: u32,

    /// How many joins a minute one room takes, also all at once: more than one address may ask for, so that none keeps the
    /// others out. 0 is no limit
    #[arg(long, default_value = "3000", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub joins_per_room: u32,

    /// How many rooms a minute one client address may open, also all at once. 0 is no limit
    #[arg(long, default_value = "600", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub rooms_per_address: u32,

    /// How often within 10 s a member may move to another connection while its last one is still there (the same page in
    /// two tabs). 0 is no limit
    #[arg(long, default_value = "3", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub max_takeovers: u32,

    /// How many messages a second one member may send to one other; ten seconds' worth at once. 0 is no limit
    #[arg(long, default_value = "200", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub relays_per_pair: u32,

    /// How much that one member has sent may wait for one other to read it; more is refused. 0 is no limit
    #[arg(long, default_value = "2MiB", value_parser = value::bytes, value_name = "BYTES", help_heading = "Limits")]
    pub max_waiting_per_pair: usize,

    /// How many refused messages a minute of one connection the history lists one by one; the rest is counted. 0 is no limit
    #[arg(long, default_value = "60", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub refusals_per_socket: u32,

    /// How many refused messages a minute of one client address the history lists one by one. 0 is no limit
    #[arg(long, default_value = "300", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub refusals_per_address: u32,

    /// How many refused messages a minute in one room the history lists one by one. 0 is no limit
    #[arg(long, default_value = "300", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub refusals_per_room: u32,

    /// How many credentials for the TURN servers one member gets in a minute. 0 is no limit
    #[arg(long, default_value = "6", value_parser = value::rate, value_name = "COUNT", help_heading = "Limits")]
    pub turn_credentials_per_member: u32,

    /// What is logged: a level, or levels by module, as tracing's EnvFilter reads them
    #[arg(
        long,
        default_value = "warn,chatroom_server=info",
        value_parser = value::log_filter,
        value_name = "FILTER",
        help_heading = "Log"
    )]
    pub log: String,

    /// How the log, on standard error, is written
    #[arg(
        long,
        default_value = "text",
        value_enum,
        value_name = "FORMAT",
        help_heading = "Log"
    )]
    pub log_format: LogFormat,
}

impl Config {
    /// Reads the process's own flags and environment, and `.env` in the working directory.
    ///
    /// # Errors
    /// [`Refusal`] if help was asked for, or anything is set to what it cannot be.
    pub fn load() -> Result<Self, Refusal> {
        let mut variables = dotenv::read(Path::new(".env"))?;
        let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        variables.extend(environment.filter(|(_, value)| !value.is_empty()));
        Self::read(std::env::args_os().skip(1), &variables)
    }

    /// Reads flags (without the program's name) and variables.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read<I>(flags: I, variables: &Variables) -> Result<Self, Refusal>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let program: OsString = "chatroom-server".into();
        let mut args: Vec<OsString> = vec![program.clone()];
        args.extend(flags.into_iter().map(Into::into));
        // The flags are parsed alone first: `--help` and a flag that is right must not fail by a variable that is wrong.
        let given = command().try_get_matches_from(&args).map_err(Refusal::of_flag)?;
        // Before what was typed: a task takes only its own flags after its name.
        args.splice(..1, [vec![program], flags_from_variables(&given, variables)].concat());
        let config = command()
            .try_get_matches_from(&args)
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(Refusal::of_variable)?;
        config.refuse_public_database()?;
        config.refuse_turn_without_secret()?;
        config.refuse_short_token()?;
        Ok(config)
    }

    /// A browser given a TURN server without credentials makes no connection at all.
    fn refuse_turn_without_secret(&self) -> Result<(), Refusal> {
        if self.ice_servers.turn().is_empty() || self.turn_secret.is_some() {
            return Ok(());
        }
        Err(Refusal::Invalid(
            "ICE_SERVERS names a TURN server, which browsers use only with credentials: set TURN_SECRET too."
                .to_owned(),
        ))
    }

    /// A token of four digits was guessed within 0.06 s: it is enough only where nobody else can try.
    fn refuse_short_token(&self) -> Result<(), Refusal> {
        let is_short = self.review_token.as_ref().is_some_and(ReviewToken::is_short);
        if !is_short || self.task.is_some() || self.allow_short_token || self.is_for_this_machine_only() {
            return Ok(());
        }
        let made = ReviewToken::random().map(|token| format!(" One to copy: REVIEW_TOKEN={}", token.as_str()));
        Err(Refusal::Invalid(format!(
            "REVIEW_TOKEN has fewer than {} characters and can be guessed: set a longer one, or ALLOW_SHORT_TOKEN=true until everybody knows it.{}",
            ReviewToken::SAFE_CHARS,
            made.unwrap_or_default()
        )))
    }

    /// Whether no other machine reaches the server: it listens on loopback addresses, and nothing says that there is a
    /// reverse proxy in front.
    fn is_for_this_machine_only(&self) -> bool {
        let review = self.review_listen.as_ref().and_then(ReviewListen::hosts);
        let is_behind_proxy = self.allowed_hosts != HostNames::default() || !self.trusted_proxies.are_usual();
        self.host.are_loopback() && review.is_none_or(Hosts::are_loopback) && !is_behind_proxy
    }

    /// Whoever opens the exercise page must not be able to download the history with it.
    fn refuse_public_database(&self) -> Result<(), Refusal> {
        let Some(static_dir) = &self.static_dir else {
            return Ok(());
        };
        let folder = self
            .database_url
            .path()
            .parent()
            .and_then(|folder| folder.canonicalize().ok());
        let Some((folder, public)) = folder.zip(static_dir.canonicalize().ok()) else {
            return Ok(());
        };
        if !folder.starts_with(&public) {
            return Ok(());
        }
        Err(Refusal::Invalid(format!(
            "DATABASE_URL puts the history into STATIC_DIR ({}), where any browser could download it: keep one of them elsewhere.",
            public.display()
        )))
    }
}

/// The command line as clap knows it. Clap's own reading of the environment is not used: to it an empty variable is a
/// value, and tests could not have an environment of their own.
fn command() -> Command {
    Config::command().mut_args(|arg| {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = variable(&arg);
        arg.help(format!("{help} [env:{variable}]"))
    })
}

fn variable(arg: &Arg) -> String {
    arg.get_id().as_str().to_uppercase()
}

fn flags_from_variables(given: &ArgMatches, variables: &Variables) -> Vec<OsString> {
    let mut flags = Vec::new();
    for arg in command().get_arguments() {
        let set = variables.get(&variable(arg)).filter(|value| !value.is_empty());
        let (Some(value), Some(long)) = (set, arg.get_long()) else {
            continue;
        };
        if given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let mut flag = OsString::from(format!("--{long}="));
        flag.push(value);
        flags.push(flag);
    }
    flags
}

#[cfg(test)]
mod tests;
