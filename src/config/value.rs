//! The values: each is checked once, here. An error reads on after the setting's name: "must be ...".

use std::ffi::OsStr;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::join_token::RoomPattern;
use crate::journal::{Database, DatabaseFile, InvalidSchema, InvalidServerUrl, SchemaName, ServerUrl};
use crate::model::id::Username;
use bytesize::ByteSize;
use clap::builder::{RangedU64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use tracing_subscriber::EnvFilter;

type Parsed<T> = Result<T, String>;

/// Where to listen, at least one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

/// One place to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// `localhost`: the loopback of IPv4 and of IPv6, as far as the machine has both.
    Loopback,
    /// An address, as given.
    Address(IpAddr),
    /// A name that is still to be resolved.
    Name(String),
}

impl Hosts {
    pub(super) fn parse(raw: &str) -> Parsed<Self> {
        let hosts = items(raw).map(Host::parse).collect::<Parsed<Vec<_>>>()?;
        if hosts.is_empty() {
            return Err("must name at least one host or address".to_owned());
        }
        Ok(Self(hosts))
    }

    /// What only this machine reaches.
    pub fn loopback() -> Self {
        Self(vec![Host::Loopback])
    }

    /// The places, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.0.iter()
    }

    /// Whether only this machine reaches all of them.
    pub fn are_loopback(&self) -> bool {
        self.iter().all(|host| match host {
            Host::Loopback => true,
            Host::Address(address) => address.to_canonical().is_loopback(),
            // What it stands for is another's to say.
            Host::Name(_) => false,
        })
    }
}

impl Host {
    fn parse(raw: &str) -> Parsed<Self> {
        if raw.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Loopback);
        }
        let unbracketed = raw
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(raw);
        if let Ok(address) = unbracketed.parse() {
            return Ok(Self::Address(address));
        }
        host_name(raw).map(Self::Name)
    }
}

/// Host names under which the review and the API may be opened, beside addresses and `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// Reads names separated by commas.
    ///
    /// # Errors
    /// What they must be.
    pub fn parse(raw: &str) -> Parsed<Self> {
        items(raw).map(host_name).collect::<Parsed<_>>().map(Self)
    }

    /// The names, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a `Host` header's name (without its port) is among them; case does not matter.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    }
}

fn host_name(raw: &str) -> Parsed<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if raw.chars().all(valid) {
        return Ok(raw.to_ascii_lowercase());
    }
    Err("must hold names or addresses only, without http:// and without a port".to_owned())
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

pub(super) fn database(raw: &str) -> Parsed<Database<DatabaseFile, ServerUrl>> {
    if ServerUrl::is_meant_by(raw) {
        return database_server(raw).map(Database::Postgres);
    }
    let file = raw.parse::<DatabaseFile>().ok();
    let path = file.and_then(|file| std::path::absolute(file.path()).ok());
    let file = path.map(|path| Database::Sqlite(path.into()));
    file.ok_or_else(|| {
        "must be sqlite:// and the path of a file, such as sqlite://chatroom.db, or postgres://user@host/database"
            .to_owned()
    })
}

pub(super) fn database_server(raw: &str) -> Parsed<ServerUrl> {
    raw.parse().map_err(|rule: InvalidServerUrl| rule.to_string())
}

pub(super) fn schema(raw: &str) -> Parsed<SchemaName> {
    raw.parse().map_err(|rule: InvalidSchema| rule.to_string())
}

/// A whole number.
pub(super) fn count(allowed: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(allowed)
}

/// More than any machine has, and little enough to be reckoned with.
const MOST_BYTES: u64 = 1 << 44;

/// A number of bytes, such as 65536, 64KiB or 1GiB.
pub(super) fn bytes(raw: &str) -> Parsed<usize> {
    let bytes = raw.parse::<ByteSize>().ok().map(|size| size.as_u64());
    bytes
        .filter(|bytes| *bytes <= MOST_BYTES)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "must be a number of bytes such as 65536, 64KiB, 256MiB or 1GiB".to_owned())
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long somebody may stay away and still come back as if nothing had happened.
pub(super) const GRACE: RangeInclusive<Duration> = Duration::from_millis(100)..=HOUR;

/// A duration such as 15s or 2m.
pub(super) fn duration(allowed: RangeInclusive<Duration>) -> impl Fn(&str) -> Parsed<Duration> + Clone {
    move |raw| {
        let parsed = humantime::parse_duration(raw).ok();
        parsed.filter(|parsed| allowed.contains(parsed)).ok_or_else(|| {
            format!(
                "must be a duration such as 15s or 2m, from {} to {}",
                humantime::format_duration(*allowed.start()),
                humantime::format_duration(*allowed.end())
            )
        })
    }
}

pub(super) fn retention(raw: &str) -> Parsed<Duration> {
    let parsed = humantime::parse_duration(raw).ok();
    parsed
        .filter(|parsed| *parsed >= HOUR)
        .ok_or_else(|| "must be a duration such as 30d or 52w, 1h or more".to_owned())
}

pub(super) fn room_pattern(raw: &str) -> Parsed<RoomPattern> {
    RoomPattern::parse(raw).map_err(|problem| problem.to_string())
}

pub(super) fn username(raw: &str) -> Parsed<Username> {
    Username::parse(raw).map_err(|problem| problem.to_string())
}

pub(super) fn directory(raw: &str) -> Parsed<PathBuf> {
    let path = std::path::absolute(raw).unwrap_or_else(|_| raw.into());
    if path.is_dir() {
        return Ok(path);
    }
    Err("must be a directory that exists".to_owned())
}

pub(super) fn log_filter(raw: &str) -> Parsed<String> {
    match EnvFilter::try_new(raw) {
        Ok(_) => Ok(raw.to_owned()),
        Err(_) => Err("must be a filter such as info or warn,chatroom_server=debug".to_owned()),
    }
}

/// Reads a secret. Clap shows a wrong value in its error; this does not.
#[derive(Clone)]
pub(super) struct Secret<T>(pub(super) fn(&str) -> Parsed<T>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Secret<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value
            .to_str()
            .ok_or_else(|| "must be UTF-8".to_owned())
            .and_then(self.0);
        let flag = arg.map(ToString::to_string).unwrap_or_default();
        parsed.map_err(|rule| {
            let mut command = command.clone();
            command.error(ErrorKind::ValueValidation, format!("{flag} {rule}"))
        })
    }
}

pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}
