//! Where a server of PostgreSQL is, as people write it.

use std::fmt;
use std::fs::File;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

/// What may follow the `?`, as PostgreSQL's own programs call it.
const PARAMETERS: [&str; 9] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
];

/// A server of PostgreSQL and one of its databases, parsed from `DATABASE_URL`: `postgres://user:password@host:port/database`.
///
/// What it leaves out is that of PostgreSQL's own variables (`PGUSER`, `PGPASSWORD`, `PGPASSFILE`, `PGSSLMODE` and so on).
#[derive(Clone)]
pub struct ServerUrl(pub(crate) PgConnectOptions);

/// Why such an address was refused. It may hold a password, so nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerUrl {
    /// It is none.
    #[error("must be postgres://user@host/database, with % codes for letters such as @ : / ? in a password")]
    Form,
    /// Something is asked for that is not known.
    #[error("may have only these parameters: {}", PARAMETERS.join(", "))]
    Parameter,
    /// A certificate or a key is not there, also if the environment names it.
    #[error("names as {0} (or the environment as its variable) a file that cannot be read")]
    File(&'static str),
    /// The way to the server, also if the environment says it.
    #[error("may have as sslmode only disable, prefer, require, verify-ca or verify-full")]
    SslMode,
}

impl ServerUrl {
    /// Whether it looks like one.
    pub fn is_meant_by(raw: &str) -> bool {
        let scheme = raw.trim().split(':').next().unwrap_or_default();
        ["postgres", "postgresql"].contains(&scheme)
    }

    /// Whether who is between this machine and the server can read and change what is sent.
    pub fn is_open_to_others(&self) -> bool {
        let host = self.0.get_host();
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let is_socket = self.0.get_socket().is_some() || host.starts_with('/');
        !is_here && !is_socket && !matches!(self.0.get_ssl_mode(), PgSslMode::VerifyFull)
    }
}

/// The files of TLS: each time that one is missing sqlx would say only that the server cannot be reached.
fn check_files(url: &Url) -> Result<(), InvalidServerUrl> {
    const FILES: [(&str, &str); 3] = [
        ("sslrootcert", "PGSSLROOTCERT"),
        ("sslcert", "PGSSLCERT"),
        ("sslkey", "PGSSLKEY"),
    ];
    for (parameter, variable) in FILES {
        let given = url.query_pairs().filter(|(name, _)| name == parameter).last();
        let file = given.map_or_else(|| std::env::var(variable).ok(), |(_, file)| Some(file.into_owned()));
        // They may be texts, too.
        let file = file.filter(|file| !file.starts_with("-----BEGIN"));
        if file.is_some_and(|file| File::open(file).is_err()) {
            return Err(InvalidServerUrl::File(parameter));
        }
    }
    Ok(())
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(raw: &str) -> Result<Self, InvalidServerUrl> {
        if !Self::is_meant_by(raw) {
            return Err(InvalidServerUrl::Form);
        }
        let url = Url::parse(raw.trim()).map_err(|_| InvalidServerUrl::Form)?;
        // sqlx only logs those that it does not know.
        if url.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
            return Err(InvalidServerUrl::Parameter);
        }
        let modes = url.query_pairs().filter(|(name, _)| name == "sslmode");
        if modes
            .map(|(_, mode)| mode.parse::<PgSslMode>())
            .any(|mode| mode.is_err())
        {
            return Err(InvalidServerUrl::SslMode);
        }
        check_files(&url)?;
        let mut options = PgConnectOptions::from_url(&url).map_err(|_| InvalidServerUrl::Form)?;
        // `allow` would be no TLS at all with sqlx.
        if matches!(options.get_ssl_mode(), PgSslMode::Allow) {
            return Err(InvalidServerUrl::SslMode);
        }
        // sqlx would look for a host with brackets in its name.
        let bare = options
            .get_host()
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        if let Some(bare) = bare.filter(|bare| matches!(Host::parse(&format!("[{bare}]")), Ok(Host::Ipv6(_)))) {
            let bare = bare.to_owned();
            options = options.host(&bare);
        }
        Ok(Self(options))
    }
}

/// Without the password.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(options) = self;
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "{database} on {}", socket.display()),
            None => write!(f, "{database} on {}:{}", options.get_host(), options.get_port()),
        }
    }
}

/// The same.
impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

/// The part of a database that the history has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaName(String);

/// Why the name of a schema was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of lower-case letters, digits and _, at most 63 of them, that begins with none of 0-9 and pg_")]
pub struct InvalidSchema;

impl FromStr for SchemaName {
    type Err = InvalidSchema;

    fn from_str(raw: &str) -> Result<Self, InvalidSchema> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_plain = raw.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !starts_plain || raw.len() > 63 || !raw.chars().all(is_plain) || raw.starts_with("pg_") {
            return Err(InvalidSchema);
        }
        Ok(Self(raw.to_owned()))
    }
}

impl SchemaName {
    /// The name. It needs no quotes in a statement.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (raw, told) in [
            ("postgres://ann@db.example/class", "class on db.example:5432"),
            (
                "postgresql://ann:se%40krit@db.example:5433/class",
                "class on db.example:5433",
            ),
            (" postgres://ann@[::1]/class?sslmode=verify-full ", "class on ::1:5432"),
            (
                "postgres:///class?host=/run/postgresql&user=ann&password=sekrit",
                "class on /run/postgresql",
            ),
            ("postgres://ann@db.example", "ann on db.example:5432"),
        ] {
            let url = raw.parse::<ServerUrl>().unwrap();
            assert_eq!(url.to_string(), told, "{raw}");
            assert!(!format!("{url:?}").contains("krit"), "{url:?}");
        }
    }

    #[test]
    fn refusals_repeat_nothing() {
        for (raw, error) in [
            ("sqlite://sekrit.db", InvalidServerUrl::Form),
            ("postgres://ann:sekrit@db.example:port/class", InvalidServerUrl::Form),
            ("postgres://ann:se?krit@db.example/class", InvalidServerUrl::Form),
            ("postgres://ann:12?sekrit@db.example/class", InvalidServerUrl::Parameter),
            (
                "postgres://ann@db.example/class?connect_timeout=5",
                InvalidServerUrl::Parameter,
            ),
            (
                "postgres://ann@db.example/class?sslmode=sekrit",
                InvalidServerUrl::SslMode,
            ),
            (
                "postgres://ann@db.example/class?sslmode=allow",
                InvalidServerUrl::SslMode,
            ),
            ("postgres://ann@db.example/class?port=sekrit", InvalidServerUrl::Form),
            (
                "postgres://ann@db.example/class?sslrootcert=/no/sekrit.pem",
                InvalidServerUrl::File("sslrootcert"),
            ),
        ] {
            let refused = raw.parse::<ServerUrl>().err();
            assert_eq!(refused, Some(error), "{raw}");
            assert!(!error.to_string().contains("krit"));
        }
    }

    #[test]
    fn who_is_in_between_reads_what_is_not_protected() {
        for (raw, is_open) in [
            ("postgres://ann@db.example/class", true),
            ("postgres://ann@192.0.2.7/class?sslmode=require", true),
            ("postgres://ann@192.0.2.7/class?sslmode=verify-full", false),
            ("postgres://ann@localhost/class", false),
            ("postgres://ann@[::1]/class", false),
            ("postgres:///class?host=/run/postgresql", false),
        ] {
            let url = raw.parse::<ServerUrl>().unwrap();
            assert_eq!(url.is_open_to_others(), is_open, "{raw}");
        }
    }

    #[test]
    fn the_name_of_a_schema_is_plain() {
        for name in ["", "1st", "a b", "a\"b", "Kurs", "pg_temp", &"a".repeat(64)] {
            assert_eq!(name.parse::<SchemaName>(), Err(InvalidSchema), "{name}");
        }
        assert_eq!("kurs_1".parse::<SchemaName>().unwrap().as_str(), "kurs_1");
    }
}
