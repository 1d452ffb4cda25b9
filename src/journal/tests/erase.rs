//! An erased name is nowhere: not in the tables, and not in the bytes of the file.

use std::path::Path;

use sqlx::Connection;

use super::*;

/// Long enough to be found in the file, and not by accident; either half of it would tell.
const NAME: &str = "Xaverine Quillfeather";
const HALVES: [&str; 2] = ["Xaverine", "Quillfeather"];
const LESSONS: u64 = 400;
const SEEDS: [u64; 3] = [1, 17, 35];
const CONNECTIONS: &str = "select count(*) || '' from connection";
const PEOPLE: &str = "select hex(id) || hex(session_id) || joined_at || left_at || leave_reason
                      || iif(username like 'erased-%' or username = 'Xaverine Quillfeather', '', username)
                      from participant order by id";

/// How often each text is in a file, which need not be there.
fn found(path: &Path, texts: &[&str]) -> usize {
    let bytes = std::fs::read(path).unwrap_or_default();
    let in_file = |text: &&str| {
        bytes
            .windows(text.len())
            .filter(|part| part == &text.as_bytes())
            .count()
    };
    texts.iter().map(in_file).sum()
}

/// How often it is in the database file and in its log.
fn left_over(bench: &Bench, texts: &[&str]) -> [usize; 2] {
    let log = bench.folder.path().join("chatroom.db-wal");
    [found(&bench.path(), texts), found(&log, texts)]
}

/// Numbers as if by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        const STEP: u64 = 6_364_136_223_846_793_005;
        self.0 = self.0.wrapping_mul(STEP).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Lessons of eight out of many people whose names are short and long, with one among them who is often there.
fn lessons(seed: u64) -> Vec<(u64, String)> {
    let mut chance = Chance(seed);
    let mut seats = Vec::new();
    for lesson in 0..LESSONS {
        let mut people: Vec<String> = (0..8)
            .map(|seat| {
                let person = seat * 25 + chance.below(25);
                let short = ["Ann", "Bo", "Cy", "Li", "Wei"][usize::try_from(person * 7 % 5).unwrap()];
                format!(
                    "{short} {}",
                    "m".repeat(usize::try_from(person * 13 % 17).unwrap()) + &person.to_string()
                )
            })
            .collect();
        if chance.below(9) == 0 {
            let place = usize::try_from(chance.below(8)).unwrap();
            people.insert(place, NAME.to_owned());
        }
        seats.extend(people.into_iter().map(|name| (lesson, name)));
    }
    seats
}

/// Rows as the journal would write them, in the order of the lessons.
async fn fill(bench: &Bench, seats: &[(u64, String)]) {
    let mut connection = bench.intruder().await;
    let seats = serde_json::to_string(seats).unwrap();
    for statement in [
        "pragma secure_delete = on",
        "begin",
        "insert into session (id, room, started_at, ended_at)
         select distinct unhex(format('%032x', 1 + value ->> 0)), 'a room', 10, 20 from json_each(?)",
        "insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
         select unhex(format('%032x', key + 1)), unhex(format('%032x', 1 + value ->> 0)), value ->> 1, 10, 20, 'left'
         from json_each(?)",
        "insert into connection (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until)
         select session_id, id, id, 10, 20, 'join', 'left', 20 from participant order by id",
        "commit",
    ] {
        let query = sqlx::query(statement);
        let query = if statement.contains('?') {
            query.bind(&seats)
        } else {
            query
        };
        query.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn no_byte_of_an_erased_name_is_left_in_the_file() {
    // From other seeds come other splits of pages. With these SQLite alone leaves a copy of the name where it once was.
    for seed in SEEDS {
        let bench = Bench::new();
        let opened = bench.open().await;
        fill(&bench, &lessons(seed)).await;
        let before = bench.rows(PEOPLE).await;
        let erased = opened
            .removals
            .erase(Username::parse(NAME).unwrap(), false)
            .await
            .unwrap();
        assert!(erased.sessions > 20, "{erased:?}");
        assert_eq!(left_over(&bench, &HALVES), [0, 0], "seed {seed}");
        assert!(found(&bench.path(), &[&erased.replaced_by.unwrap()]) > 0);

        assert_eq!(bench.rows(PEOPLE).await, before, "everybody else is who they were");
        let indices = bench.rows("select name from sqlite_schema where tbl_name = 'participant' and sql is not null");
        assert_eq!(indices.await.len(), 3, "the table and its indices");
        assert_eq!(bench.rows("pragma integrity_check").await, ["ok"]);
        assert_eq!(bench.rows(CONNECTIONS).await, [before.len().to_string()]);
        // What hangs on a session goes with it still.
        opened.removals.delete(SessionId(Uuid::from_u128(1))).await.unwrap();
        assert!(bench.rows("pragma foreign_key_check").await.is_empty());
        assert_ne!(bench.rows(CONNECTIONS).await, [before.len().to_string()]);
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
        assert_eq!(left_over(&bench, &HALVES), [0, 0], "seed {seed}, after the stop");
    }
}

/// What a client words itself, as far as it is kept: the name of an event that does not exist, and the kind of a stream.
fn worded(session: Option<SessionId>, event: &str) -> Record {
    Record {
        at: Timestamp(15),
        session,
        change: Change::Error {
            participant: None,
            code: ErrorKind::Invalid,
            event: event.into(),
            message: "there is no event of this name".into(),
        },
    }
}

#[tokio::test]
async fn a_name_goes_from_what_clients_worded_too() {
    for name in [NAME, "Zoë \"Quillfeather\"", "夏洛特·奎尔"] {
        for bench in Bench::both().await {
            goes_from_what_clients_worded(&bench, name).await;
        }
    }
}

/// In which somebody of that name was, and was called by others.
fn lesson_with(name: &str) -> Vec<Record> {
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd(name).collect();
    let Change::Joined(mut theirs) = joined(1, 0, 1) else {
        panic!("no join");
    };
    theirs.username = Username::parse(name).unwrap();
    let Change::LinkOffered(mut offer) = offered(1, 1, 2) else {
        panic!("no offer");
    };
    offer.stream = StreamType::parse(&format!("\u{0} screen of {name}, {name}")).unwrap();
    let mut records = vec![
        at(10, started(&format!("room of {name}"))),
        at(10, Change::Joined(theirs)),
        at(10, joined(2, 0, 2)),
        at(12, Change::LinkOffered(offer)),
        worded(None, "offer"),
        // With what PostgreSQL's JSON takes for no text.
        at(13, error()),
    ];
    for session in [Some(SESSION), None] {
        records.extend([worded(session, &format!("hello {name}!")), worded(session, &decomposed)]);
    }
    let ended_at = Timestamp(20);
    records.extend([
        at(20, left(1, 0, LeaveReason::Left)),
        at(20, left(2, 0, LeaveReason::Left)),
        at(20, Change::SessionEnded { ended_at }),
    ]);
    records
}

async fn goes_from_what_clients_worded(bench: &Bench, name: &str) {
    let opened = bench.open().await;
    write(&opened.journal, lesson_with(name)).await;
    let erased = opened
        .removals
        .erase(Username::parse(name).unwrap(), false)
        .await
        .unwrap();
    assert_eq!(
        (erased.sessions, erased.connections, erased.links, erased.events),
        (1, 1, 1, 3)
    );

    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd(name).collect();
    let (blot, apart) = ("*".repeat(name.len()), "*".repeat(decomposed.len()));
    let events = bench
        .rows("select detail ->> 'event' from event where kind = 'error' and detail not like '%u0000%' order by seq")
        .await;
    let hello = format!("hello {blot}!");
    assert_eq!(events, ["offer", &hello, &apart, &hello, &apart]);
    let stream = hex::encode_upper(format!("\u{0} screen of {blot}, {blot}"));
    assert_eq!(bench.rows("select hex(stream_type) from link").await, [stream]);
    assert_eq!(
        bench
            .rows("select count(*) || '' from participant where username like 'erased-%'")
            .await,
        ["1"]
    );
    // A room's name is not the person's.
    assert_eq!(
        bench.rows("select room from session").await,
        [format!("room of {name}")]
    );
    if bench.server.is_none() {
        is_nowhere_in_the_file(bench, opened, name).await;
    }
}

async fn is_nowhere_in_the_file(bench: &Bench, opened: Opened, name: &str) {
    let mut room = bench.intruder().await;
    let rename = "update session set room = 'a room of any name that is at least as long as what it was before'";
    sqlx::query("pragma secure_delete = on")
        .execute(&mut room)
        .await
        .unwrap();
    sqlx::query(rename).execute(&mut room).await.unwrap();
    room.close().await.unwrap();

    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd(name).collect();
    let escaped = serde_json::to_string(name).unwrap();
    let texts = [name, &decomposed, escaped.trim_matches('"'), "Quillfeather", "夏洛特"];
    assert_eq!(left_over(bench, &texts), [0, 0], "{name}");
}
