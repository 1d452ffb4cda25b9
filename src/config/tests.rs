use super::*;

fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, Refusal> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    Config::read(flags, &variables.collect())
}

fn refusal(flags: &[&str], variables: &[(&str, &str)]) -> String {
    match read(flags, variables) {
        Err(Refusal::Invalid(sentence)) => sentence,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn every_bad_value_gets_one_sentence_that_names_it() {
    let durations = "must be a duration such as 15s or 2m, from";
    let origins = "must be * or a list of origins such as https://class.example or http://localhost:5173";
    let table = [
        (
            "PORT",
            "80a",
            "must be a whole number from 0 (any free port) to 65535, not \"80a\".",
        ),
        (
            "PORT",
            "65536",
            "must be a whole number from 0 (any free port) to 65535, not \"65536\".",
        ),
        (
            "PORT",
            "-1",
            "must be a whole number from 0 (any free port) to 65535, not \"-1\".",
        ),
        ("HOST", ",", "must name at least one host or address, not \",\"."),
        (
            "HOST",
            "http://localhost",
            "must hold names or addresses only, without http:// and without a port, not \"http://localhost\".",
        ),
        (
            "HOST",
            "localhost:3000",
            "must hold names or addresses only, without http:// and without a port, not \"localhost:3000\".",
        ),
        ("RESUME_GRACE", "15", &format!("{durations} 100ms to 1h, not \"15\".")),
        ("RESUME_GRACE", "2h", &format!("{durations} 100ms to 1h, not \"2h\".")),
        (
            "RESTART_GRACE",
            "soon",
            &format!("{durations} 100ms to 1h, not \"soon\"."),
        ),
        (
            "SESSION_LINGER",
            "2days",
            &format!("{durations} 0s to 1day, not \"2days\"."),
        ),
        (
            "RETENTION",
            "30",
            "must be a duration such as 30d or 52w, 1h or more, not \"30\".",
        ),
        (
            "MAX_ROOM_MEMBERS",
            "1",
            "must be a whole number from 2 to 1000, not \"1\".",
        ),
        (
            "MAX_ROOM_MEMBERS",
            "1001",
            "must be a whole number from 2 to 1000, not \"1001\".",
        ),
        (
            "MAX_HELD_MEMORY",
            "256MB",
            "must be a number of bytes such as 65536, 64KiB, 256MiB or 1GiB, not \"256MB\".",
        ),
        ("PUBLIC_ROOMS", "maybe", "must be true or false, not \"maybe\"."),
        ("REVIEW_TOKEN", &"x".repeat(257), "must have 1 to 256 characters."),
        (
            "REVIEW_TOKEN",
            "spaces are not allowed",
            "may hold only letters, digits, and - . _ ~.",
        ),
        (
            "REVIEW_LISTEN",
            "localhost",
            "must be a port, or a list of hosts all with one port, such as 3001 or localhost:3001, not \"localhost\".",
        ),
        (
            "GUESSES_PER_MINUTE",
            "-1",
            "must be a whole number from 0 (no limit) to 100000, not \"-1\".",
        ),
        (
            "ALLOWED_ORIGINS",
            "class.example",
            &format!("{origins}, not \"class.example\"."),
        ),
        (
            "ALLOWED_ORIGINS",
            "https://a.example/page",
            &format!("{origins}, not \"https://a.example/page\"."),
        ),
        (
            "ALLOWED_HOSTS",
            "https://a.example",
            "must hold names or addresses only, without http:// and without a port, not \"https://a.example\".",
        ),
        (
            "TRUSTED_PROXIES",
            "proxy.example",
            "must be none or a list of addresses and networks such as 192.0.2.7 or 10.0.0.0/8, not \"proxy.example\".",
        ),
        (
            "ICE_SERVERS",
            "stun.example:3478",
            "must be a list such as stun:turn.example:3478,turns:turn.example?transport=tcp, not \"stun.example:3478\".",
        ),
        (
            "ICE_SERVERS",
            "turn:a.example?transport=tls",
            "may say only ?transport=udp or ?transport=tcp after a turn: or turns: server, not \"turn:a.example?transport=tls\".",
        ),
        (
            "TURN_SECRET",
            "two words",
            "must have 1 to 256 ASCII characters and no spaces.",
        ),
        ("TURN_TTL", "30s", &format!("{durations} 1m to 7days, not \"30s\".")),
        (
            "DATABASE_URL",
            "postgres://localhost/x",
            "must be sqlite:// and the path of a file, such as sqlite://chatroom.db, not \"postgres://localhost/x\".",
        ),
        (
            "DATABASE_URL",
            "sqlite::memory:",
            "must be sqlite:// and the path of a file, such as sqlite://chatroom.db, not \"sqlite::memory:\".",
        ),
        (
            "DATABASE_URL",
            "sqlite://",
            "must be sqlite:// and the path of a file, such as sqlite://chatroom.db, not \"sqlite://\".",
        ),
        (
            "STATIC_DIR",
            "no/such/folder",
            "must be a directory that exists, not \"no/such/folder\".",
        ),
        (
            "LOG",
            "chatroom_server=loud",
            "must be a filter such as info or warn,chatroom_server=debug, not \"chatroom_server=loud\".",
        ),
        ("LOG_FORMAT", "xml", "must be text or json, not \"xml\"."),
    ];
    for (variable, value, rest) in table {
        let flag = format!("--{}", variable.to_lowercase().replace('_', "-"));
        assert_eq!(refusal(&[], &[(variable, value)]), format!("{variable} {rest}"));
        assert_eq!(refusal(&[&format!("{flag}={value}")], &[]), format!("{flag} {rest}"));
    }
}

#[test]
fn what_is_not_a_flag_gets_one_sentence() {
    let table: [(&[&str], &str); 6] = [
        (
            &["--prot", "80"],
            "There is no flag \"--prot\". Did you mean --port? `chatroom-server --help` lists all.",
        ),
        (
            &["--frobnicate"],
            "There is no flag \"--frobnicate\". `chatroom-server --help` lists all.",
        ),
        (
            &["serve"],
            "There is no command \"serve\". `chatroom-server --help` lists all.",
        ),
        (
            &["--port"],
            "--port needs a value: `chatroom-server --help` lists all flags.",
        ),
        (
            &["--port", ""],
            "--port must be a whole number from 0 (any free port) to 65535, not \"\".",
        ),
        (&["--port", "1", "--port", "2"], "--port may be given only once."),
    ];
    for (flags, sentence) in table {
        assert_eq!(refusal(flags, &[]), sentence);
    }
    let sentence = refusal(&["--review-tokne=a-secret-of-many-words"], &[]);
    assert!(!sentence.contains("secret"), "{sentence}");
}

#[test]
fn a_flag_wins_over_a_variable_and_an_empty_variable_is_unset() {
    let config = read(
        &["--port", "4000"],
        &[("PORT", "nonsense"), ("MAX_ROOM_MEMBERS", "7"), ("RESUME_GRACE", "")],
    )
    .unwrap();
    assert_eq!(config.port, 4000);
    assert_eq!(config.max_room_members, 7);
    assert_eq!(config.resume_grace, Duration::from_secs(15));
}

#[test]
fn values_are_understood_as_people_write_them() {
    let config = read(
        &["--public-rooms", "--host", "localhost, [::1],192.0.2.7,Class.Example"],
        &[
            ("SESSION_LINGER", "1m 30s"),
            ("ALLOWED_ORIGINS", "https://A.example:443/, http://localhost:5173"),
            ("ALLOWED_HOSTS", "Class.example"),
        ],
    )
    .unwrap();
    assert!(config.public_rooms);
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
    let origins = ["https://a.example", "http://localhost:5173"].map(|origin| origin.parse().unwrap());
    assert_eq!(config.allowed_origins, Origins::Only(origins.to_vec()));
    assert!(config.allowed_hosts.contains("CLASS.EXAMPLE") && !config.allowed_hosts.contains("example"));
    assert!(config.database_url.path().is_absolute() && config.database_url.path().ends_with("chatroom.db"));
}

#[test]
fn help_and_version_work_whatever_the_environment_says_and_tell_no_secret() {
    let token = "a-token-that-stays-hidden";
    for flag in ["--help", "--version"] {
        let Err(Refusal::Asked(text)) = read(&[flag], &[("PORT", "nonsense"), ("REVIEW_TOKEN", token)]) else {
            panic!("{flag} shows nothing");
        };
        assert!(!text.to_string().contains(token));
    }
    let config = read(&[], &[("REVIEW_TOKEN", token), ("TURN_SECRET", token)]).unwrap();
    assert!(!format!("{config:?}").contains(token));
    assert_eq!(config.review_token.unwrap().as_str(), token);
    assert_eq!(config.turn_secret.unwrap().as_str(), token);
}

#[test]
fn a_turn_server_needs_the_secret() {
    let turn = ("ICE_SERVERS", "stun:a.example,turn:a.example");
    let sentence = refusal(&[], &[turn]);
    assert!(sentence.contains("TURN_SECRET"), "{sentence}");
    read(&[], &[turn, ("TURN_SECRET", "s")]).unwrap();
    read(&[], &[("ICE_SERVERS", "stun:a.example")]).unwrap();
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
        let sentence = refusal(&[], &[token, reachable]);
        assert!(
            sentence.starts_with("REVIEW_TOKEN has fewer than 16 characters"),
            "{sentence}"
        );
        assert!(!sentence.contains("4711"), "{sentence}");
        let (_, made) = sentence.split_once("One to copy: REVIEW_TOKEN=").unwrap();
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
    let sentence = refusal(
        &["--static-dir", folder.path().to_str().unwrap()],
        &[("DATABASE_URL", &inside)],
    );
    assert!(
        sentence.starts_with("DATABASE_URL puts the history into STATIC_DIR"),
        "{sentence}"
    );
    read(&["--static-dir", folder.path().to_str().unwrap()], &[]).unwrap();
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
