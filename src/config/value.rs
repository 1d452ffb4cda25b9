//! The values: each is checked once, here. A refusal reads on after the setting's name: "must be ...".

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::journal::DatabaseFile;
use axum::http::{HeaderValue, Uri};
use clap::ValueEnum;
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

/// The origins whose pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every page may.
    Any,
    /// Pages of these origins may, written as browsers send them.
    Only(Vec<HeaderValue>),
}

impl Origins {
    pub(super) fn parse(raw: &str) -> Parsed<Self> {
        if raw.trim() == "*" {
            return Ok(Self::Any);
        }
        items(raw).map(origin).collect::<Parsed<_>>().map(Self::Only)
    }
}

/// An origin as a browser sends it: lower case, without a path, and without the scheme's own port.
fn origin(raw: &str) -> Parsed<HeaderValue> {
    let wrong = || "must be * or a list of origins such as https://class.example or http://localhost:5173".to_owned();
    let uri: Uri = raw.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(wrong());
    };
    let usual_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(wrong()),
    };
    let has_user = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    if uri.path() != "/" || uri.query().is_some() || has_user {
        return Err(wrong());
    }
    let host = host.to_ascii_lowercase();
    let origin = match uri.port_u16() {
        Some(port) if port != usual_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    };
    HeaderValue::try_from(origin).map_err(|_| wrong())
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

pub(super) fn database(raw: &str) -> Parsed<DatabaseFile> {
    let file = raw.parse::<DatabaseFile>().ok();
    let path = file.and_then(|file| std::path::absolute(file.path()).ok());
    path.map(DatabaseFile::from)
        .ok_or_else(|| "must be sqlite:// and the path of a file, such as sqlite://chatroom.db".to_owned())
}

pub(super) fn port(raw: &str) -> Parsed<u16> {
    raw.parse()
        .map_err(|_| "must be a whole number from 0 (any free port) to 65535".to_owned())
}

pub(super) fn room_members(raw: &str) -> Parsed<usize> {
    count(raw, 2..=1000)
}

pub(super) fn journal_backlog(raw: &str) -> Parsed<usize> {
    count(raw, 10..=10_000_000)
}

/// How many; 0 is no limit.
pub(super) fn limit(raw: &str) -> Parsed<usize> {
    count(raw, 0..=10_000_000)
}

/// How many in some time; 0 is no limit.
pub(super) fn rate(raw: &str) -> Parsed<u32> {
    count(raw, 0..=1_000_000).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn count(raw: &str, allowed: RangeInclusive<usize>) -> Parsed<usize> {
    let count = raw.parse().ok().filter(|count| allowed.contains(count));
    count.ok_or_else(|| format!("must be a whole number from {} to {}", allowed.start(), allowed.end()))
}

/// How often each second; 0 is no limit.
pub(super) fn per_second(raw: &str) -> Parsed<usize> {
    count(raw, 0..=1_000_000)
}

/// More than any machine has, and little enough to be reckoned with.
const MOST_BYTES: usize = 1 << 44;

/// A number of bytes, such as 65536, 64KiB or 1GiB.
pub(super) fn bytes(raw: &str) -> Parsed<usize> {
    let wrong = || "must be a number of bytes such as 65536, 64KiB, 256MiB or 1GiB".to_owned();
    let digits = raw.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match raw[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number = digits.parse::<usize>().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes <= MOST_BYTES).ok_or_else(wrong)
}

pub(super) fn guesses(raw: &str) -> Parsed<u32> {
    let count = raw.parse().ok().filter(|count| *count <= 100_000);
    count.ok_or_else(|| "must be a whole number from 0 (no limit) to 100000".to_owned())
}

pub(super) fn truth(raw: &str) -> Parsed<bool> {
    match raw.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn grace(raw: &str) -> Parsed<Duration> {
    duration(raw, Duration::from_millis(100)..=Duration::from_secs(60 * 60))
}

pub(super) fn linger(raw: &str) -> Parsed<Duration> {
    duration(raw, Duration::ZERO..=Duration::from_secs(24 * 60 * 60))
}

pub(super) fn turn_ttl(raw: &str) -> Parsed<Duration> {
    duration(raw, Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 60 * 60))
}

pub(super) fn retention(raw: &str) -> Parsed<Duration> {
    const SHORTEST: Duration = Duration::from_secs(60 * 60);
    let parsed = humantime::parse_duration(raw).ok();
    parsed
        .filter(|parsed| *parsed >= SHORTEST)
        .ok_or_else(|| "must be a duration such as 30d or 52w, 1h or more".to_owned())
}

fn duration(raw: &str, allowed: RangeInclusive<Duration>) -> Parsed<Duration> {
    let parsed = humantime::parse_duration(raw)
        .ok()
        .filter(|parsed| allowed.contains(parsed));
    parsed.ok_or_else(|| {
        format!(
            "must be a duration such as 15s or 2m, from {} to {}",
            humantime::format_duration(*allowed.start()),
            humantime::format_duration(*allowed.end())
        )
    })
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

pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}
