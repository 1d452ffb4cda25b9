//! What can be set, and how: flags, then the environment, then a `.env` file, then the defaults.

mod base_path;
mod clashes;
mod cluster;
mod dotenv;
mod ice;
mod limits;
mod listen;
mod mistakes;
mod origins;
mod packaging;
mod postgres;
mod proxies;
mod review;
mod task;
mod tls;
mod value;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::join_token::RoomPatterns;
use crate::journal::{Database, DatabaseFile, DatabaseServer, NodeId, NodePlace, SchemaName, ServerLimits, ServerUrl};
use crate::model::secret::SharedSecret;
use clap::builder::{BoolishValueParser, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser};
use value::{
    DAY, GRACE, MINUTE, SECOND, Secret, count, database, database_server, directory, duration, log_filter, retention,
    schema,
};

pub use base_path::BasePath;
pub use cluster::ClusterAddress;
pub use dotenv::Variables;
pub use ice::{IceServers, TurnSecret};
pub use limits::LimitSettings;
pub use listen::ListenAt;
pub use origins::{AllowedOrigin, Origins};
pub use packaging::{completions, man_pages};
pub use proxies::TrustedProxies;
pub use review::ReviewToken;
pub use task::Task;
pub use tls::{TlsFiles, TlsMode};
pub use value::{Host, HostNames, Hosts, LogFormat};

/// The embedded file, unless another is named.
const USUAL_FILE: &str = "chatroom.db";

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
    #[arg(long, env, default_value = "localhost", value_parser = Hosts::parse, help_heading = "Network")]
    pub host: Hosts,

    /// The TCP port, the same on every address; 0 takes a free one
    #[arg(long, env, default_value = "3000", help_heading = "Network")]
    pub port: u16,

    /// The origins (such as https://class.example) whose pages may connect, separated by commas; * is any, and
    /// https://*.class.example those of all subdomains
    #[arg(long, env, default_value = "*", value_parser = Origins::parse, help_heading = "Network")]
    pub allowed_origins: Origins,

    /// The path below which everything is, such as /signal, for a reverse proxy that hands on only what is below it, with
    /// the path as it is. Unset: everything is at the root
    #[arg(long, env, default_value = "", hide_default_value = true, value_parser = BasePath::parse, help_heading = "Network")]
    pub base_path: BasePath,

    /// The host names under which the review and the API may be opened, separated by commas. Addresses and
    /// `localhost` always may
    #[arg(long, env, default_value = "", hide_default_value = true, value_parser = HostNames::parse, help_heading = "Network")]
    pub allowed_hosts: HostNames,

    /// The reverse proxies in front of the server, addresses and networks separated by commas: of a connection from one
    /// of them the client's own address is taken from X-Forwarded-For or Forwarded. `none` trusts nobody
    #[arg(long, env, default_value = proxies::USUAL, value_parser = TrustedProxies::parse, help_heading = "Network")]
    pub trusted_proxies: TrustedProxies,

    /// Whether the server speaks https by itself, with a certificate of its own making (kept beside the database, for this
    /// machine's names and addresses). Unset: http, or https by TLS_CERT
    #[arg(long, env, help_heading = "Network")]
    pub tls: Option<TlsMode>,

    /// A file with the certificate by which the server speaks https, and those that lead to its authority (PEM). It is read
    /// again when it changes
    #[arg(long, env, help_heading = "Network")]
    pub tls_cert: Option<PathBuf>,

    /// The file with the key of that certificate (PEM)
    #[arg(long, env, help_heading = "Network")]
    pub tls_key: Option<PathBuf>,

    /// Whether the start draws the address that others type as a QR code, and then leaves out the link to the review, which
    /// nobody else should see
    #[arg(long, env, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new(), help_heading = "Network")]
    pub qr: bool,

    /// How often the server asks each client for a sign of life
    #[arg(long, env, default_value = "25s", value_parser = duration(SECOND..=5 * MINUTE), help_heading = "Network")]
    pub ping_interval: Duration,

    /// How long it waits for that sign before the connection counts as lost
    #[arg(long, env, default_value = "20s", value_parser = duration(SECOND..=2 * MINUTE), help_heading = "Network")]
    pub ping_timeout: Duration,

    /// What keeps the history: an SQLite file, made if it is missing (sqlite:// and its path), or a database of PostgreSQL
    /// (postgres://user@host/database). With a password in it better set by variable: other users of the machine see flags
    #[arg(long, env, hide_env_values = true, default_value = "sqlite://chatroom.db", value_parser = Secret(database), global = true, help_heading = "Data")]
    pub database_url: Database<DatabaseFile, ServerUrl>,

    /// A copy of that database of PostgreSQL which follows it, for the review and the API to read: postgres://user@host/database.
    /// Unset: the database itself. With a password in it better set by variable: other users of the machine see flags
    #[arg(long, env, hide_env_values = true, allow_hyphen_values = true, value_parser = Secret(database_server), help_heading = "Data")]
    pub database_read_url: Option<ServerUrl>,

    /// The schema of that database of PostgreSQL which is the history's own, made if it is missing
    #[arg(long, env, default_value = "chatroom", value_parser = schema, global = true, help_heading = "Data")]
    pub database_schema: SchemaName,

    /// How many connections to PostgreSQL read the history; one more writes it
    #[arg(long, env, default_value = "4", value_parser = count(1..=100), global = true, help_heading = "Data")]
    pub database_readers: usize,

    /// How long PostgreSQL may take to accept a connection
    #[arg(long, env, default_value = "5s", value_parser = duration(SECOND..=MINUTE), global = true, help_heading = "Data")]
    pub database_connect_timeout: Duration,

    /// How long a statement may take in PostgreSQL
    #[arg(long, env, default_value = "10s", value_parser = duration(SECOND..=5 * MINUTE), global = true, help_heading = "Data")]
    pub database_statement_timeout: Duration,

    /// How long after its end a session is kept, such as 30d or 52w. Unset: for ever
    #[arg(long, env, value_parser = retention, help_heading = "Data")]
    pub retention: Option<Duration>,

    /// How many records wait in memory while the database cannot be written; what comes on top is dropped, and the
    /// history shows a gap of that size
    #[arg(long, env, default_value = "50000", value_parser = count(10..=10_000_000), help_heading = "Data")]
    pub journal_backlog: usize,

    /// How long a member whose connection dropped may come back as if nothing had happened
    #[arg(long, env, default_value = "15s", value_parser = duration(GRACE), help_heading = "Rooms")]
    pub resume_grace: Duration,

    /// How long the members of before may come back after the server was restarted
    #[arg(long, env, default_value = "60s", value_parser = duration(GRACE), help_heading = "Rooms")]
    pub restart_grace: Duration,

    /// How long an empty room still counts as the same session when somebody comes back
    #[arg(long, env, default_value = "60s", value_parser = duration(Duration::ZERO..=DAY), help_heading = "Rooms")]
    pub session_linger: Duration,

    /// The most members one room may have
    #[arg(long, env, default_value = "100", value_parser = count(2..=1000), help_heading = "Rooms")]
    pub max_room_members: usize,

    /// The STUN and TURN servers that pages are told of, separated by commas: stun:, stuns:, turn: and turns: URLs
    #[arg(long, env, default_value = "", hide_default_value = true, value_parser = IceServers::parse, help_heading = "Media")]
    pub ice_servers: IceServers,

    /// The secret shared with the TURN servers (coturn's static-auth-secret), from which members get credentials that
    /// expire. Better set by variable: other users of the machine see flags
    #[arg(long, env, hide_env_values = true, allow_hyphen_values = true, value_parser = Secret(TurnSecret::parse), help_heading = "Media")]
    pub turn_secret: Option<TurnSecret>,

    /// How long the credentials for a TURN server are good
    #[arg(long, env, default_value = "8h", value_parser = duration(MINUTE..=7 * DAY), help_heading = "Media")]
    pub turn_ttl: Duration,

    /// The rooms that people may join, separated by commas; * stands for any text: lesson-*,Year 7
    #[arg(long, env, default_value = "*", value_parser = RoomPatterns::parse, help_heading = "Access")]
    pub allowed_rooms: RoomPatterns,

    /// What tokens to join are signed with, 32 characters or more; nobody joins without one then. Unset: whoever knows a
    /// room's name joins. Better set by variable: other users of the machine see flags
    #[arg(long, env, hide_env_values = true, allow_hyphen_values = true, value_parser = Secret(SharedSecret::parse), help_heading = "Access")]
    pub join_secret: Option<SharedSecret>,

    /// Whether any page may see the list of rooms and who is in one now (for a lobby)
    #[arg(long, env, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new(), help_heading = "Access")]
    pub public_rooms: bool,

    /// What a reviewer must show to see the history: letters, digits, - . _ ~, 16 or more. Unset: a random one, kept
    /// beside the file, or made of what the database in PostgreSQL keeps, and printed with the link to the review. Better set by variable: other users of the machine see
    /// flags
    #[arg(long, env, hide_env_values = true, allow_hyphen_values = true, value_parser = Secret(ReviewToken::parse), help_heading = "Access")]
    pub review_token: Option<ReviewToken>,

    /// Whether a review token of fewer than 16 characters, which can be guessed, is taken where other machines reach the
    /// server: only for the time until all who use it know a longer one
    #[arg(long, env, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = BoolishValueParser::new(), help_heading = "Access")]
    pub allow_short_token: bool,

    /// A port of the review's own, such as 3001 or localhost:3001; the other port then has no review, and of the API only
    /// what is public. Unset: everything is on one port
    #[arg(long, env, value_parser = ListenAt::parse, help_heading = "Access")]
    pub review_listen: Option<ListenAt>,

    /// A directory with a built exercise page, served at / from the same origin
    #[arg(long, env, value_parser = directory, help_heading = "Pages")]
    pub static_dir: Option<PathBuf>,

    /// Whether a path without a file is answered with the directory's index.html, as pages with routes of their own need
    /// it. Unset: if that is its only HTML file
    #[arg(long, env, value_parser = BoolishValueParser::new(), help_heading = "Pages")]
    pub spa_fallback: Option<bool>,

    /// A directory with the client library's scripts (socket.io.js, socket.io.min.js, socket.io.esm.min.js), served below
    /// /socket.io/. Unset: those of STATIC_DIR's folder socket.io, if there
    #[arg(long, env, value_parser = directory, help_heading = "Pages")]
    pub client_script: Option<PathBuf>,

    /// Whether a browser that asks for a script that is not there is sent to the library's authors, at cdn.socket.io
    #[arg(long, env, default_value = "true", value_parser = BoolishValueParser::new(), action = ArgAction::Set, help_heading = "Pages")]
    pub client_script_cdn: bool,

    /// A port of this machine, such as 9464, where Prometheus reads metrics (http, /metrics); 0.0.0.0:9464 is that of every
    /// address. Unset: none
    #[arg(long, env, value_parser = ListenAt::parse, help_heading = "Log")]
    pub metrics_listen: Option<ListenAt>,

    /// A port at which the other servers of the same history in PostgreSQL reach this one, as hosts and a port such as
    /// 192.0.2.7:4000. Unset: this one is alone
    #[arg(long, env, value_parser = ListenAt::parse, help_heading = "Cluster")]
    pub cluster_listen: Option<ListenAt>,

    /// How the others reach it, as a host and a port. Unset: by the first address of CLUSTER_LISTEN
    #[arg(long, env, value_parser = ClusterAddress::parse, help_heading = "Cluster")]
    pub cluster_address: Option<ClusterAddress>,

    /// The secret by which the servers of one history know each other, 32 characters or more. Better set by variable: other
    /// users of the machine see flags
    #[arg(long, env, hide_env_values = true, allow_hyphen_values = true, value_parser = Secret(SharedSecret::parse), help_heading = "Cluster")]
    pub cluster_secret: Option<SharedSecret>,

    /// Which of them this one is: each has a number of its own
    #[arg(long, env, default_value = "1", value_parser = count(1..=4095), help_heading = "Cluster")]
    pub node_id: usize,

    /// What may be had of the server, and how fast.
    #[command(flatten)]
    pub limits: LimitSettings,

    /// What is logged: a level, or levels by module, as tracing's EnvFilter reads them
    #[arg(long, env, default_value = "warn,chatroom_server=info", value_parser = log_filter, help_heading = "Log")]
    pub log: String,

    /// How the log, on standard error, is written
    #[arg(long, env, default_value = "text", help_heading = "Log")]
    pub log_format: LogFormat,
}

impl Config {
    /// Reads the process's own flags and environment, and `.env` in the working directory. With it comes what is odd
    /// about that file and PostgreSQL's, a sentence each.
    ///
    /// # Errors
    /// What clap answers if help was asked for, or anything is set to what it cannot be.
    pub fn load() -> Result<(Self, Vec<String>), clap::Error> {
        let file = dotenv::read(Path::new(".env")).map_err(|broken| refusal(ErrorKind::Io, broken))?;
        let config = Self::read(std::env::args_os().skip(1), &file)?;
        let settings: Vec<_> = command().get_arguments().map(variable).collect();
        let mut oddities = dotenv::misspelt(&file, &settings);
        oddities.extend(postgres::oddities(
            &config.database_url,
            config.database_read_url.as_ref(),
        ));
        Ok((config, oddities))
    }

    /// Reads flags (without the program's name), the environment, and the variables of a file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read<I>(flags: I, file: &Variables) -> Result<Self, clap::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut args: Vec<OsString> = vec!["chatroom-server".into()];
        args.extend(flags.into_iter().map(Into::into));
        // Without the file first: nothing in it must spoil `--help`, nor what a flag sets.
        let given = command()
            .try_get_matches_from(&args)
            .map_err(|error| explained(all_told(error, &args, file), &args))?;
        // Before what was typed: a task takes only its own flags after its name.
        let typed = args.clone();
        args.splice(1..1, flags_from(file, &given));
        let config = command()
            .try_get_matches_from(&args)
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| all_told(error, &typed, file))?;
        let refusals = [
            config.refuse_public_database(),
            config.refuse_turn_without_secret(),
            config.refuse_short_token(),
            config.refuse_half_of_tls(),
            config.refuse_half_of_cluster(),
            config.refuse_replica_of_file(),
        ];
        let mut reasons: Vec<_> = refusals.into_iter().filter_map(Result::err).collect();
        if config.is_to_serve() {
            reasons.extend(clashes::between(
                (&config.host, config.port),
                config.review_listen.as_ref(),
                config.metrics_listen.as_ref(),
                config.cluster_listen.as_ref(),
            ));
        }
        if reasons.is_empty() {
            return Ok(config);
        }
        Err(refusal(ErrorKind::ValueValidation, reasons.join("\n")))
    }

    /// A browser given a TURN server without credentials makes no connection at all.
    fn refuse_turn_without_secret(&self) -> Result<(), String> {
        if self.ice_servers.turn().is_empty() || self.turn_secret.is_some() {
            return Ok(());
        }
        Err(
            "ICE_SERVERS names a TURN server, which browsers use only with credentials: set TURN_SECRET too."
                .to_owned(),
        )
    }

    /// A token of four digits was guessed within 0.06 s: it is enough only where nobody else can try.
    fn refuse_short_token(&self) -> Result<(), String> {
        let is_short = self.review_token.as_ref().is_some_and(ReviewToken::is_short);
        if !is_short || !self.is_to_serve() || self.allow_short_token || self.is_for_this_machine_only() {
            return Ok(());
        }
        let made = ReviewToken::random().map(|token| format!(" One to copy: REVIEW_TOKEN={}", token.as_str()));
        Err(format!(
            "REVIEW_TOKEN has fewer than {} characters and can be guessed: set a longer one, or ALLOW_SHORT_TOKEN=true until everybody knows it.{}",
            ReviewToken::SAFE_CHARS,
            made.unwrap_or_default()
        ))
    }

    /// A certificate is nothing without its key, and of two the browser would be shown one.
    fn refuse_half_of_tls(&self) -> Result<(), String> {
        let both = "a certificate and its key go together";
        match (&self.tls_cert, &self.tls_key, self.tls) {
            (Some(_), None, _) => Err(format!("TLS_CERT is set and TLS_KEY is not: {both}.")),
            (None, Some(_), _) => Err(format!("TLS_KEY is set and TLS_CERT is not: {both}.")),
            (Some(_), Some(_), Some(_)) => {
                Err("TLS_CERT and TLS=self-signed are both set: choose one certificate.".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn refuse_half_of_cluster(&self) -> Result<(), String> {
        let given = cluster::Given {
            listen: self.cluster_listen.is_some(),
            address: self.cluster_address.is_some(),
            secret: self.cluster_secret.is_some(),
            node: self.node_id != 1,
            server: matches!(self.database_url, Database::Postgres(_)),
        };
        // A task such as `export` has no use for most of it.
        if self.is_to_serve() { given.check() } else { Ok(()) }
    }

    /// Of a file there is no replica.
    fn refuse_replica_of_file(&self) -> Result<(), String> {
        if self.database_read_url.is_some() && matches!(self.database_url, Database::Sqlite(_)) {
            return Err(
                "DATABASE_READ_URL goes with a DATABASE_URL of PostgreSQL: an embedded file is read itself.".to_owned(),
            );
        }
        Ok(())
    }

    /// Which server of its history it is, reached at `address`; without one it is alone.
    pub fn node_place(&self, address: Option<String>) -> NodePlace {
        let node = u16::try_from(self.node_id).ok().and_then(NodeId::new);
        NodePlace {
            node: node.unwrap_or(NodeId::FIRST),
            address,
            secret_fingerprint: self.cluster_secret.as_ref().map(SharedSecret::fingerprint),
        }
    }

    /// The certificate of the operator's own, if there is one.
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// What keeps the history.
    pub fn database(&self) -> Database<DatabaseFile, DatabaseServer> {
        match &self.database_url {
            Database::Sqlite(file) => Database::Sqlite(file.clone()),
            Database::Postgres(url) => {
                let limits = ServerLimits {
                    readers: u32::try_from(self.database_readers).unwrap_or(u32::MAX),
                    connect_timeout: self.database_connect_timeout,
                    statement_timeout: self.database_statement_timeout,
                };
                let server = DatabaseServer::new(url.clone(), self.database_schema.clone());
                let server = server.with_replica(self.database_read_url.clone());
                Database::Postgres(server.with_limits(limits))
            }
        }
    }

    /// The path whose name, with something more at its end, is that of each file that the server keeps for itself: the
    /// embedded file, or where that is by default.
    pub fn kept_beside(&self) -> PathBuf {
        match &self.database_url {
            Database::Sqlite(file) => file.path().to_owned(),
            Database::Postgres(_) => std::path::absolute(USUAL_FILE).unwrap_or_else(|_| USUAL_FILE.into()),
        }
    }

    /// Whether these are the settings of a server, and must be as safe as one.
    fn is_to_serve(&self) -> bool {
        matches!(self.task, None | Some(Task::Check))
    }

    /// Whether no other machine reaches the server: it listens on loopback addresses, and nothing says that there is a
    /// reverse proxy in front.
    fn is_for_this_machine_only(&self) -> bool {
        let review = self.review_listen.as_ref().and_then(ListenAt::hosts);
        let is_behind_proxy = self.allowed_hosts != HostNames::default() || !self.trusted_proxies.are_usual();
        self.host.are_loopback() && review.is_none_or(Hosts::are_loopback) && !is_behind_proxy
    }

    /// Whoever opens the exercise page must not be able to download the history with it.
    fn refuse_public_database(&self) -> Result<(), String> {
        let Some(static_dir) = &self.static_dir else {
            return Ok(());
        };
        let kept = self.kept_beside();
        let folder = kept.parent().and_then(|folder| folder.canonicalize().ok());
        let Some((folder, public)) = folder.zip(static_dir.canonicalize().ok()) else {
            return Ok(());
        };
        if !folder.starts_with(&public) {
            return Ok(());
        }
        let public = public.display();
        Err(match self.database_url {
            Database::Sqlite(_) => format!(
                "DATABASE_URL puts the history into STATIC_DIR ({public}), where any browser could download it: keep one of them elsewhere."
            ),
            Database::Postgres(_) => format!(
                "The working directory, where the server keeps the review's token, is in STATIC_DIR ({public}), where any browser could download it: start the server elsewhere."
            ),
        })
    }
}

/// The command line as clap knows it. An empty variable is one that is not set, as in `.env` files.
fn command() -> Command {
    Config::command().mut_args(|arg| {
        let is_empty = std::env::var_os(variable(&arg)).is_some_and(|value| value.is_empty());
        if is_empty { arg.env(Resettable::Reset) } else { arg }
    })
}

fn variable(arg: &Arg) -> String {
    arg.get_id().as_str().to_uppercase()
}

fn refusal(kind: ErrorKind, reason: String) -> clap::Error {
    command().error(kind, reason)
}

/// What the file sets and nothing that wins over it.
fn flags_from(file: &Variables, given: &ArgMatches) -> Vec<OsString> {
    let mut flags = Vec::new();
    for arg in command().get_arguments() {
        let source = given.value_source(arg.get_id().as_str());
        let is_open = source.is_none_or(|source| source == ValueSource::DefaultValue);
        if let (true, Some(value), Some(long)) = (is_open, file.get(&variable(arg)), arg.get_long()) {
            flags.push(format!("--{long}={value}").into());
        }
    }
    flags
}

/// What is wrong with all variables, if it is more than this.
fn all_told(first: clap::Error, typed: &[OsString], file: &Variables) -> clap::Error {
    match mistakes::together(&command(), &first, typed, file) {
        Some(sentences) => refusal(first.kind(), sentences),
        None => mistakes::clipped(first),
    }
}

/// Clap's own words, except where they say too little, or could repeat a part of a secret.
fn explained(error: clap::Error, args: &[OsString]) -> clap::Error {
    if error.kind() == ErrorKind::InvalidUtf8 {
        let name = not_utf8(args).unwrap_or_else(|| "an argument".to_owned());
        return refusal(error.kind(), format!("the value of {name} is not valid UTF-8"));
    }
    if error.kind() == ErrorKind::InvalidSubcommand && names_secret(args) {
        let reason = "there is a word that is neither a flag nor a command: a value with spaces needs quotes";
        return refusal(error.kind(), reason.to_owned());
    }
    if let Some(flag) = setting_after_task(&error) {
        let reason = format!(
            "{flag} is a setting of the server, which comes before the command: chatroom-server {flag} … COMMAND"
        );
        return refusal(error.kind(), reason);
    }
    error
}

/// The flag of a setting that a task does not know as one of its own.
fn setting_after_task(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = given.split('=').next()?;
    let command = command();
    let is_setting = |arg: &Arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
    command.get_arguments().any(is_setting).then(|| flag.to_owned())
}

/// Which flag's or variable's value is not UTF-8.
fn not_utf8(args: &[OsString]) -> Option<String> {
    let is_broken = |text: &OsString| text.to_str().is_none();
    let Some(index) = args.iter().position(is_broken) else {
        let mut variables = command().get_arguments().map(variable).collect::<Vec<_>>().into_iter();
        return variables.find(|name| std::env::var_os(name).as_ref().is_some_and(is_broken));
    };
    // The flag is before the `=`, or before its value.
    let words = [index, index.saturating_sub(1)].map(|index| args[index].to_string_lossy());
    let flag = words.iter().find(|word| word.starts_with("--"))?;
    flag.split('=').next().map(str::to_owned)
}

fn names_secret(args: &[OsString]) -> bool {
    let command = command();
    let mut secrets = command.get_arguments().filter(|arg| arg.is_hide_env_values_set());
    secrets.any(|secret| {
        let flag = secret.get_long().unwrap_or_default();
        args.iter().any(|word| word.to_string_lossy().contains(flag))
    })
}

#[cfg(test)]
mod tests;
