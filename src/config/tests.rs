use super::*;
use crate::model::limit::LimitName;

fn read(flags: &[&str], file: &[(&str, &str)]) -> Result<Config, clap::Error> {
    let file = file
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(flags, &file.collect())
}

fn refused(flags: &[&str], file: &[(&str, &str)]) -> String {
    match read(flags, file) {
        Err(error) if error.exit_code() == 2 => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_bad_value_is_told_with_its_setting_and_what_it_must_be() {
    let durations = "must be a duration such as 15s or 2m, from";
    let names = "must hold names or addresses only, without http:// and without a port";
    let origins =
        "must be * or a list of origins such as https://class.example, http://localhost:5173 or https://*.example";
    let ice = "must be a list such as stun:turn.example:3478,turns:turn.example?transport=tcp";
    let table = [
        ("PORT", "65536", "65536 is not in 0..=65535"),
        ("PORT", "-1", "-1 is not in 0..=65535"),
        ("HOST", ",", "must name at least one host or address"),
        ("HOST", "http://localhost", names),
        ("HOST", "localhost:3000", names),
        ("RESUME_GRACE", "15", &format!("{durations} 100ms to 1h")),
        ("RESTART_GRACE", "2h", &format!("{durations} 100ms to 1h")),
        ("SESSION_LINGER", "2days", &format!("{durations} 0s to 1day")),
        ("PING_INTERVAL", "10ms", &format!("{durations} 1s to 5m")),
        ("PING_TIMEOUT", "0s", &format!("{durations} 1s to 2m")),
        ("RETENTION", "30", "must be a duration such as 30d or 52w, 1h or more"),
        ("MAX_ROOM_MEMBERS", "1", "1 is not in 2..=1000"),
        ("JOINS_PER_ROOM", "1000001", "1000001 is not in 0..=1000000"),
        (
            "MAX_HELD_MEMORY",
            "256 apples",
            "must be a number of bytes such as 65536, 64KiB, 256MiB or 1GiB",
        ),
        ("PUBLIC_ROOMS", "maybe", "value was not a boolean"),
        (
            "REVIEW_LISTEN",
            "localhost",
            "must be a port, or a list of hosts all with one port, such as 3001 or localhost:3001",
        ),
        ("GUESSES_PER_MINUTE", "100001", "100001 is not in 0..=100000"),
        ("ALLOWED_ORIGINS", "class.example", origins),
        ("ALLOWED_ORIGINS", "https://a.example/page", origins),
        ("ALLOWED_ORIGINS", "https://class-*.example", origins),
        (
            "BASE_PATH",
            "signal",
            "must be a path such as /signal, of letters, digits, - . _ ~ and /",
        ),
        ("ALLOWED_HOSTS", "https://a.example", names),
        (
            "TRUSTED_PROXIES",
            "proxy.example",
            "must be none or a list of addresses and networks such as 192.0.2.7 or 10.0.0.0/8",
        ),
        ("ICE_SERVERS", "stun.example:3478", ice),
        (
            "ICE_SERVERS",
            "turn:a.example?transport=tls",
            "may say only ?transport=udp or ?transport=tcp after a turn: or turns: server",
        ),
        ("TLS", "yes", "[possible values: self-signed]"),
        ("QR", "maybe", "value was not a boolean"),
        ("TURN_TTL", "30s", &format!("{durations} 1m to 7days")),
        (
            "DATABASE_SCHEMA",
            "Class 1",
            "must be a name of lower-case letters, digits and _",
        ),
        ("DATABASE_READERS", "0", "0 is not in 1..=100"),
        ("DATABASE_CONNECT_TIMEOUT", "2m", &format!("{durations} 1s to 1m")),
        ("DATABASE_STATEMENT_TIMEOUT", "1h", &format!("{durations} 1s to 5m")),
        ("STATIC_DIR", "no/such/folder", "must be a directory that exists"),
        (
            "LOG",
            "chatroom_server=loud",
            "must be a filter such as info or warn,chatroom_server=debug",
        ),
        ("LOG_FORMAT", "xml", "[possible values: text, json]"),
    ];
    for (variable, value, rule) in table {
        let flag = flag_of(variable);
        for refused in [
            refused(&[], &[(variable, value)]),
            refused(&[&format!("{flag}={value}")], &[]),
        ] {
            for part in [variable, &flag, value, rule] {
                assert!(refused.contains(part), "{part}: {refused}");
            }
        }
    }
}

fn flag_of(variable: &str) -> String {
    format!("--{}", variable.to_lowercase().replace('_', "-"))
}

/// Everybody who reads a log or looks over a shoulder sees an error.
#[test]
fn no_error_and_no_help_repeats_a_secret() {
    let command = command();
    let hidden: Vec<_> = command
        .get_arguments()
        .filter(|arg| arg.is_hide_env_values_set())
        .map(variable)
        .collect();
    assert_eq!(
        hidden,
        [
            "DATABASE_URL",
            "DATABASE_READ_URL",
            "TURN_SECRET",
            "JOIN_SECRET",
            "REVIEW_TOKEN",
            "CLUSTER_SECRET"
        ]
    );
    let long = "seekrit".repeat(40);
    // Whatever has no colon is a file's name.
    for secret in &hidden[1..] {
        let flag = flag_of(secret);
        for wrong in ["seekrit of many words", "seekrit-é", &long] {
            for refused in [
                refused(&[], &[(secret, wrong)]),
                refused(&[&format!("{flag}={wrong}")], &[]),
                refused(&[&flag, wrong], &[]),
                refused(&[&flag, &format!("-{wrong}")], &[]),
                refused(&[&format!("{flag}x={wrong}")], &[]),
            ] {
                assert!(refused.contains(&flag) && !refused.contains("seekrit"), "{refused}");
            }
        }
        let empty = refused(&[&format!("{flag}=")], &[]);
        assert!(empty.contains(secret), "{empty}");
        for slip in [vec![&flag[..], "two", "seekrit"], vec![&flag[2..], "seekrit"]] {
            let refused = refused(&slip, &[]);
            assert!(
                refused.contains("needs quotes") && !refused.contains("seekrit"),
                "{refused}"
            );
        }
        let equals = format!("{}=seekrit", &flag[2..]);
        assert!(!refused(&[&equals], &[]).contains("seekrit"));
        for asked in ["--help", "--version"] {
            let shown = read(&[asked], &[("PORT", "nonsense"), (secret, "seekrit")]).unwrap_err();
            assert!(shown.exit_code() == 0 && !shown.to_string().contains("seekrit"));
        }
    }
    let token = "seekrit-seekrit-seekrit";
    let config = read(&[], &[("REVIEW_TOKEN", token), ("TURN_SECRET", token)]).unwrap();
    assert!(!format!("{config:?}").contains(token));
    assert_eq!(config.review_token.unwrap().as_str(), token);
    assert_eq!(config.turn_secret.unwrap().as_str(), token);
}

/// It may hold a password.
#[test]
fn where_the_history_is_is_never_repeated() {
    let file_or_server =
        "must be sqlite:// and the path of a file, such as sqlite://chatroom.db, or postgres://user@host/database";
    for (url, rule) in [
        ("sqlite::memory:", file_or_server),
        ("sqlite://", file_or_server),
        ("mysql://ann:seekrit@localhost/x", file_or_server),
        (
            "postgres://ann:seekrit@localhost:x/x",
            "must be postgres://user@host/database",
        ),
        (
            "postgres://ann:seekrit@localhost/x?ssl=seekrit",
            "may have only these parameters: sslmode, ",
        ),
    ] {
        for refused in [
            refused(&[], &[("DATABASE_URL", url)]),
            refused(&[&format!("--database-url={url}")], &[]),
            refused(&["export", "a.db", "--database-url", url], &[]),
            refused(&[], &[("DATABASE_URL", url), ("PORT", "x")]),
        ] {
            assert!(
                refused.contains("--database-url") && refused.contains(rule),
                "{refused}"
            );
            assert!(!refused.contains("seekrit"), "{refused}");
        }
    }
    let url = ("DATABASE_URL", "postgres://ann:seekrit@db.example/class");
    let of_file = refused(&[], &[("DATABASE_READ_URL", url.1)]);
    assert!(
        of_file.contains("DATABASE_READ_URL goes with a DATABASE_URL of PostgreSQL") && !of_file.contains("seekrit"),
        "{of_file}"
    );
    let config = read(&[], &[url, ("DATABASE_SCHEMA", "year_7")]).unwrap();
    assert_eq!(
        config.database().to_string(),
        "class on db.example:5432 (schema year_7)"
    );
    assert!(!format!("{config:?}").contains("seekrit"));
    let shown = read(&["--help"], &[url]).unwrap_err().to_string();
    assert!(
        shown.contains("--database-url") && !shown.contains("seekrit"),
        "{shown}"
    );
}

#[test]
fn what_is_not_a_flag_is_told() {
    let table: [(&[&str], &[&str]); 5] = [
        (&["--prot", "80"], &["'--prot'", "a similar argument exists: '--port'"]),
        (&["--frobnicate"], &["'--frobnicate'"]),
        (&["serve"], &["unrecognized subcommand 'serve'"]),
        (&["--port"], &["a value is required for '--port <PORT>'"]),
        (
            &["--port", "1", "--port", "2"],
            &["'--port <PORT>' cannot be used multiple times"],
        ),
    ];
    for (flags, parts) in table {
        let refused = refused(flags, &[]);
        assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn a_flag_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let spaced = [text(b"--port"), text(b"80"), text(b"--log"), text(b"inf\xff")];
    for flags in [&spaced[..], &[text(b"--log=inf\xff")]] {
        let refused = Config::read(flags, &Variables::new()).unwrap_err().to_string();
        assert!(refused.contains("the value of --log is not valid UTF-8"), "{refused}");
    }
}

#[test]
fn a_flag_wins_over_the_file() {
    let config = read(&["--port", "4000"], &[("PORT", "nonsense"), ("MAX_ROOM_MEMBERS", "7")]).unwrap();
    assert_eq!(config.port, 4000);
    assert_eq!(config.max_room_members, 7);
}

#[test]
fn values_are_understood_as_people_write_them() {
    let config = read(
        &["--public-rooms", "--host", "localhost, [::1],192.0.2.7,Class.Example"],
        &[
            ("SESSION_LINGER", "1m 30s"),
            ("MAX_HELD_MEMORY", "64KiB"),
            ("MIN_FREE_DISK", "65536"),
            ("ALLOW_SHORT_TOKEN", "Yes"),
            ("ALLOWED_ORIGINS", "https://A.example:443/, http://localhost:5173"),
            ("ALLOWED_HOSTS", "Class.example"),
        ],
    )
    .unwrap();
    assert!(config.public_rooms && config.allow_short_token);
    assert!(config.kept_beside().is_absolute() && config.kept_beside().ends_with("chatroom.db"));
    assert_eq!(
        (config.limits.max_held_memory, config.limits.min_free_disk),
        (65_536, 65_536)
    );
    assert_eq!(config.session_linger, Duration::from_secs(90));
    let hosts: Vec<_> = config.host.iter().cloned().collect();
    let address = |text: &str| Host::Address(text.parse().unwrap());
    assert_eq!(
        hosts,
        [
            Host::Loopback,
            address("::1"),
            address("192.0.2.7"),
            Host::Name("class.example".to_owned())
        ]
    );
    assert_eq!(
        Ok(config.allowed_origins),
        Origins::parse("https://a.example,http://localhost:5173")
    );
    assert!(config.allowed_hosts.contains("CLASS.EXAMPLE") && !config.allowed_hosts.contains("example"));
}

#[test]
fn a_turn_server_needs_the_secret() {
    let turn = ("ICE_SERVERS", "stun:a.example,turn:a.example");
    let sentence = refused(&[], &[turn]);
    assert!(sentence.contains("TURN_SECRET"), "{sentence}");
    read(&[], &[turn, ("TURN_SECRET", "s")]).unwrap();
    read(&[], &[("ICE_SERVERS", "stun:a.example")]).unwrap();
}

#[test]
fn a_certificate_goes_with_its_key_and_alone() {
    let (certificate, key) = (("TLS_CERT", "a.crt"), ("TLS_KEY", "a.key"));
    for (set, sentence) in [
        (&[certificate][..], "TLS_CERT is set and TLS_KEY is not"),
        (&[key], "TLS_KEY is set and TLS_CERT is not"),
        (
            &[certificate, key, ("TLS", "self-signed")],
            "TLS_CERT and TLS=self-signed are both set",
        ),
    ] {
        let told = refused(&[], set);
        assert!(told.contains(sentence), "{told}");
    }
    let files = read(&[], &[certificate, key]).unwrap().tls_files().unwrap();
    assert_eq!((files.certificate, files.key), ("a.crt".into(), "a.key".into()));
    assert_eq!(
        read(&["--tls", "self-signed"], &[]).unwrap().tls,
        Some(TlsMode::SelfSigned)
    );
}

#[test]
fn a_short_token_is_for_this_machine_only() {
    let token = ("REVIEW_TOKEN", "4711-tulips-567");
    for reachable in [
        ("HOST", "0.0.0.0"),
        ("HOST", "localhost,192.0.2.1"),
        ("HOST", "class.example"),
        ("ALLOWED_HOSTS", "class.example"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("REVIEW_LISTEN", "0.0.0.0:3001"),
    ] {
        let sentence = refused(&[], &[token, reachable]);
        assert!(
            sentence.contains("REVIEW_TOKEN has fewer than 16 characters"),
            "{sentence}"
        );
        assert!(!sentence.contains("4711"), "{sentence}");
        let (_, made) = sentence.split_once("One to copy: REVIEW_TOKEN=").unwrap();
        let made = made.lines().next().unwrap();
        read(&[], &[("REVIEW_TOKEN", made), reachable]).unwrap();
        read(&[], &[token, reachable, ("ALLOW_SHORT_TOKEN", "true")]).unwrap();
        read(&["export", "copy.db"], &[token, reachable]).unwrap();
    }
    for own in [
        ("HOST", "localhost"),
        ("HOST", "127.0.0.1,::1"),
        ("TRUSTED_PROXIES", "none"),
        ("REVIEW_LISTEN", "3001"),
        ("REVIEW_LISTEN", "[::1]:3001"),
    ] {
        read(&[], &[token, own]).unwrap();
    }
}

#[test]
fn the_history_is_never_inside_the_served_directory() {
    let folder = tempfile::tempdir().unwrap();
    let inside = format!("sqlite://{}/chatroom.db", folder.path().display());
    let sentence = refused(
        &["--static-dir", folder.path().to_str().unwrap()],
        &[("DATABASE_URL", &inside)],
    );
    assert!(
        sentence.contains("DATABASE_URL puts the history into STATIC_DIR"),
        "{sentence}"
    );
    read(&["--static-dir", folder.path().to_str().unwrap()], &[]).unwrap();
    let above = std::env::current_dir().unwrap();
    let server = ("DATABASE_URL", "postgres://ann@db.example/class");
    let sentence = refused(&["--static-dir", above.to_str().unwrap()], &[server]);
    assert!(
        sentence.contains("The working directory, where the server keeps"),
        "{sentence}"
    );
    read(&["--static-dir", folder.path().to_str().unwrap()], &[server]).unwrap();
}

/// Every assignment of `.env.example` is commented out and shows the default; an empty one is unset by default.
#[test]
fn the_example_file_has_every_variable_once_and_shows_its_default() {
    let example = include_str!("../../.env.example");
    let assignment = |line: &str| {
        let (name, _) = line.strip_prefix('#')?.split_once('=')?;
        (!name.starts_with(' ')).then(|| name.to_owned())
    };
    let mut shown: Vec<String> = example.lines().filter_map(assignment).collect();
    let mut known: Vec<String> = command().get_arguments().map(variable).collect();
    shown.sort();
    known.sort();
    assert_eq!(shown, known);

    let uncommented: Vec<_> = example
        .lines()
        .map(|line| if assignment(line).is_some() { &line[1..] } else { line })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    std::fs::write(&path, uncommented.join("\n")).unwrap();
    let variables = dotenv::read(&path).unwrap();
    assert!(variables.len() > 8, "{variables:?}");
    let from_example = Config::read::<[&str; 0]>([], &variables).unwrap();
    let defaults = Config::read::<[&str; 0]>([], &Variables::new()).unwrap();
    assert_eq!(format!("{from_example:?}"), format!("{defaults:?}"));
}

/// Operators look limits up in one table, whatever they are called on the command line.
#[test]
fn the_table_of_limits_has_every_one_with_its_default() {
    let table = include_str!("../../docs/security.md");
    let shown: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"))
        .filter_map(|(name, rest)| Some((name, rest.split_once("` | ")?.0)))
        .collect();
    let command = command();
    let known: Vec<(String, String)> = command
        .get_arguments()
        .map(|arg| (variable(arg), arg.get_default_values().join(" ".as_ref())))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect();
    for arg in command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some("Limits"))
    {
        let name = variable(arg);
        let rows = shown.iter().filter(|(shown, _)| *shown == name).count();
        assert_eq!(rows, 1, "rows of {name}");
    }
    for row in shown {
        assert!(
            known.iter().any(|(name, value)| (name.as_str(), value.as_str()) == row),
            "{row:?}"
        );
    }
}

/// The log and the metrics say which limit was reached.
#[test]
fn what_somebody_reaches_is_called_by_its_variable() {
    let command = command();
    let limits = command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some("Limits"));
    let mut known: Vec<_> = limits.map(variable).collect();
    // Settings of rooms and of the history that are limits, too.
    known.extend(["MAX_ROOM_MEMBERS", "JOURNAL_BACKLOG"].map(str::to_owned));
    known.sort();
    let named: Vec<_> = LimitName::ALL.iter().map(|limit| limit.as_str()).collect();
    assert_eq!(named, known);
}

/// What a file below `deploy` sets, as it stands there: `NAME=value`, or YAML's `NAME: value`.
fn set_by(text: &str) -> Vec<(String, String)> {
    let is_name = |name: &str| name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let lines = text.lines().map(|line| {
        let line = line.trim_start_matches(['#', ' ']).trim_end_matches([' ', '\\']);
        line.trim_start_matches("ENV ").trim_start_matches("Environment=")
    });
    let pairs = lines.filter_map(|line| {
        line.split_once('=')
            .filter(|(name, _)| is_name(name))
            .or_else(|| line.split_once(": "))
    });
    let pairs = pairs.filter(|(name, _)| is_name(name));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A value as it is once `${NAME:?what is missing}` is filled in.
fn filled_in(value: &str) -> String {
    let mut parts = value.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        let name = name.split(':').next().unwrap();
        filled += if name.ends_with("DOMAIN") {
            "class.example"
        } else {
            "0123456789abcdef0123456789abcdef"
        };
        filled += rest;
    }
    filled
}

#[test]
fn what_is_set_below_deploy_are_settings_with_values_that_they_take() {
    let here = env!("CARGO_MANIFEST_DIR");
    let text = |file: &str| std::fs::read_to_string(format!("{here}/deploy/{file}")).unwrap();
    let compose = text("compose.yaml");
    let (server, _) = compose.split_once("\n  caddy:").unwrap();
    let compose = text("compose.cluster.yaml");
    let (nodes, _) = compose.split_once("\n  haproxy:").unwrap();
    let files = [
        ("chatroom-server.env", text("chatroom-server.env"), 4),
        ("chatroom-server.service", text("chatroom-server.service"), 1),
        ("Dockerfile", text("Dockerfile"), 4),
        ("compose.yaml", server.to_owned(), 7),
        ("compose.cluster.yaml", nodes.to_owned(), 11),
    ];
    let known: Vec<_> = command().get_arguments().map(variable).collect();
    for (file, text, least) in files {
        let set = set_by(&text);
        assert!(set.len() >= least, "{file}: {set:?}");
        let mut variables = Variables::new();
        // Those of PostgreSQL's own are none of ours.
        for (name, value) in set.into_iter().filter(|(name, _)| !name.starts_with("PG")) {
            assert!(known.contains(&name), "{file}: {name} is no setting");
            let value = if name == "STATIC_DIR" {
                here.to_owned()
            } else {
                filled_in(&value)
            };
            if !value.is_empty() {
                variables.insert(name, value);
            }
        }
        let read = Config::read(Vec::<&str>::new(), &variables);
        assert!(read.is_ok(), "{file}: {}", read.unwrap_err());
    }
}

#[test]
fn the_balancer_below_deploy_knows_the_nodes_that_are_started_there() {
    let nodes = include_str!("../../deploy/compose.cluster.yaml").lines();
    let nodes = nodes.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let nodes: Vec<_> = nodes.filter(|name| name.starts_with("node")).collect();
    let known = include_str!("../../deploy/haproxy.cfg").lines();
    let known: Vec<_> = known.filter_map(|line| line.trim().strip_prefix("server ")).collect();
    let expected: Vec<_> = nodes
        .iter()
        .map(|node| format!("{node} {node}:3000 cookie {node}"))
        .collect();
    assert_eq!((known, nodes.len()), (expected.iter().map(String::as_str).collect(), 3));
}

#[test]
fn of_two_parts_at_one_place_both_are_named() {
    let clash = |one: &str, other: &str| format!("{one} and {other} are both port 4861 of one address");
    for (settings, one, other) in [
        (
            [("PORT", "4861"), ("REVIEW_LISTEN", "4861"), ("HOST", "localhost")],
            "PORT",
            "REVIEW_LISTEN",
        ),
        (
            [("PORT", "4861"), ("METRICS_LISTEN", "4861"), ("HOST", "0.0.0.0")],
            "PORT",
            "METRICS_LISTEN",
        ),
        (
            [("PORT", "4861"), ("METRICS_LISTEN", "4861"), ("HOST", "::1")],
            "PORT",
            "METRICS_LISTEN",
        ),
        (
            [
                ("PORT", "4861"),
                ("REVIEW_LISTEN", "class.example:4861"),
                ("HOST", "Class.example"),
            ],
            "PORT",
            "REVIEW_LISTEN",
        ),
        (
            [
                ("PORT", "4861"),
                ("REVIEW_LISTEN", "class.example:4861"),
                ("HOST", "0.0.0.0"),
            ],
            "PORT",
            "REVIEW_LISTEN",
        ),
        (
            [("PORT", "1"), ("REVIEW_LISTEN", "4861"), ("METRICS_LISTEN", "4861")],
            "REVIEW_LISTEN",
            "METRICS_LISTEN",
        ),
    ] {
        let told = refused(&[], &settings);
        assert!(told.contains(&clash(one, other)), "{settings:?}: {told}");
        assert!(read(&["healthcheck"], &settings).is_ok(), "{settings:?}");
    }
    for settings in [
        [("PORT", "0"), ("REVIEW_LISTEN", "0"), ("METRICS_LISTEN", "0")],
        [("PORT", "4861"), ("METRICS_LISTEN", "4861"), ("HOST", "192.0.2.7")],
        [("PORT", "4861"), ("REVIEW_LISTEN", "[::1]:4861"), ("HOST", "0.0.0.0")],
        [
            ("PORT", "4861"),
            ("REVIEW_LISTEN", "b.example:4861"),
            ("HOST", "a.example"),
        ],
    ] {
        assert!(read(&[], &settings).is_ok(), "{settings:?}");
    }
}
