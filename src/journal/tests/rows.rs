//! What each record writes.

use super::*;
use crate::model::vocabulary::{ConnectionPath, ConnectionState};
use crate::room::record::{LinkSide, Report, Traffic};

const EVENTS: &str =
    "select row_number() over (order by seq) || ' ' || at || ' ' || kind || ' ' || iif(participant_id is null, '-', hex(substr(participant_id, 16)))
                      || ' ' || coalesce(detail, '-') from event order by seq";
const CONNECTIONS: &str =
    "select connected_at || ' ' || opened_by || ' ' || coalesce(disconnected_at || '', '-') || ' '
                           || coalesce(closed_by, '-') || ' ' || coalesce(away_until || '', '-')
                           from connection order by connected_at, id";
const PARTICIPANTS: &str = "select username || ' ' || joined_at || ' ' || coalesce(left_at || '', '-') || ' '
                            || coalesce(leave_reason, '-') || ' ' || reconnect_count from participant order by id";
const SESSIONS: &str =
    "select room || ' ' || started_at || ' ' || coalesce(ended_at || '', '-') || ' ' || peak_participants
                        || ' ' || participant_count || ' ' || reconnect_count || ' ' || error_count
                        from session order by id";
const MEMBERS: &str =
    "select hex(substr(connection_id, 15)) || ' ' || position || ' ' || coalesce(away_since || '', '-') || ' '
                       || coalesce(away_until || '', '-') || ' ' || iif(overflowed, '1', '0') || ' ' || coalesce(stopped_by, '-')
                       from member order by position";
const LINKS: &str = "select hex(stream_type) || ' ' || offered_at || ' ' || coalesce(answered_at || '', '-') || ' '
                     || offerer_candidates || ' ' || answerer_candidates || ' ' || renegotiations || ' '
                     || coalesce(closed_at || '', '-') || ' ' || coalesce(closed_by, '-') from link order by id";
const LIVE_LINKS: &str = "select hex(offerer_connector) || ' ' || iif(answerer_connector is null, '-', hex(answerer_connector)) from live_link order by link_id";

/// Writes the records in one go, and reads the rows of each query: either database has the same.
async fn history<const N: usize>(records: Vec<Record>, queries: [&'static str; N]) -> [Vec<String>; N] {
    let [file, server] = Bench::both().await;
    let in_file = rows_after(&file, records.clone(), queries).await;
    assert_eq!(
        rows_after(&server, records, queries).await,
        in_file,
        "PostgreSQL, and the file"
    );
    in_file
}

async fn rows_after<const N: usize>(
    bench: &Bench,
    records: Vec<Record>,
    queries: [&'static str; N],
) -> [Vec<String>; N] {
    let opened = bench.open().await;
    write(&opened.journal, records).await;
    let mut answers = [const { Vec::new() }; N];
    for (answer, query) in answers.iter_mut().zip(queries) {
        *answer = bench.rows(query).await;
    }
    answers
}

#[tokio::test]
async fn coming_dropping_returning_and_leaving() {
    let records = vec![
        at(10, started("room 1")),
        at(10, joined(1, 0, 1)),
        at(20, joined(2, 0, 2)),
        at(30, disconnected(1, 0)),
        at(40, reconnected(1, 1, false)),
        at(50, reconnected(1, 2, true)),
        at(60, left(1, 2, LeaveReason::Left)),
        at(70, joined_again(1, 3, 2)),
        at(80, disconnected(2, 0)),
        at(90, left(2, 0, LeaveReason::Timeout)),
    ];
    let [events, connections, participants, sessions, members] =
        history(records, [EVENTS, CONNECTIONS, PARTICIPANTS, SESSIONS, MEMBERS]).await;
    assert_eq!(
        events,
        [
            "1 10 session_started - -",
            r#"2 10 joined 65 {"members":1}"#,
            r#"3 20 joined 66 {"members":2}"#,
            r#"4 30 disconnected 65 {"until":"1970-01-01T00:00:09.000Z","why":"reset"}"#,
            "5 40 reconnected 65 -",
            "6 50 reconnected 65 -",
            r#"7 60 left 65 {"reason":"left"}"#,
            r#"8 70 joined 65 {"members":2}"#,
            r#"9 80 disconnected 66 {"until":"1970-01-01T00:00:09.000Z","why":"reset"}"#,
            r#"10 90 left 66 {"reason":"timeout"}"#,
        ]
    );
    assert_eq!(
        connections,
        [
            "10 join 30 disconnected 40",
            "20 join 80 disconnected 90",
            "40 reconnect 50 replaced 50",
            "50 reconnect 60 left 60",
            "70 join - - -",
        ]
    );
    assert_eq!(participants, ["person 1 10 - - 2", "person 2 20 90 timeout 0"]);
    assert_eq!(sessions, ["room 1 10 - 2 2 2 0"]);
    assert_eq!(members, ["0139 1 - - 0 -"]);
}

#[tokio::test]
async fn away_and_overflowed_members_keep_their_rows() {
    let overflowed = Change::Overflowed { member: member(1) };
    let records = vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(20, disconnected(1, 0)),
        at(30, overflowed),
    ];
    let [members, connections] = history(records, [MEMBERS, CONNECTIONS]).await;
    assert_eq!(members, ["0136 1 20 9000 1 -"]);
    assert_eq!(connections, ["10 join 20 disconnected -"]);
}

/// A page closes its connection, and does not come back: known 15 s later.
fn closed(person: u128) -> [Record; 2] {
    let disconnected = Change::Disconnected {
        participant: participant(person),
        username: name(person),
        member: member(person),
        connection: connection(person, 0),
        until: Timestamp(9_000),
        why: DropReason::Closed,
        leaves_as: Some(LeaveReason::Closed),
    };
    let mut left = at(9_000, left(person, 0, LeaveReason::Closed));
    if let Change::Left { left_at, .. } = &mut left.change {
        *left_at = Timestamp(80);
    }
    [at(80, disconnected), left]
}

#[tokio::test]
async fn who_closed_the_page_was_there_until_then_and_the_session_until_somebody_was_told_something() {
    let ended = || {
        let ended_at = Timestamp(80);
        at(60_000, Change::SessionEnded { ended_at })
    };
    for (told, end) in [(None, 80), (Some(at(90, error())), 90)] {
        let mut records = vec![at(10, started("room 1")), at(10, joined(1, 0, 1))];
        let [disconnected, left] = closed(1);
        records.push(disconnected);
        records.extend(told);
        records.extend([left, ended()]);
        let [connections, participants, sessions] = history(
            records,
            [CONNECTIONS, PARTICIPANTS, "select ended_at || '' from session"],
        )
        .await;
        assert_eq!(connections, ["10 join 80 closed 80"], "no time away");
        assert_eq!(participants, ["person 1 10 80 closed 0"]);
        assert_eq!(sessions, [end.to_string()]);
    }
}

#[tokio::test]
async fn the_session_ends_when_the_last_left() {
    let ended = Change::SessionEnded {
        ended_at: Timestamp(50),
    };
    let records = vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(50, left(1, 0, LeaveReason::Left)),
        at(110, ended),
    ];
    let [sessions, events] = history(records, [SESSIONS, EVENTS]).await;
    assert_eq!(sessions, ["r 10 50 1 1 0 0"]);
    assert_eq!(events[3], "4 110 session_ended - -");
}

/// What is written of a session that was lost comes before the next one of its room, also within one group.
#[tokio::test]
async fn a_session_whose_end_was_lost_ends_when_its_room_begins_another() {
    let next = |ms: i64, change| Record {
        session: Some(SessionId(Uuid::from_u128(2))),
        ..at(ms, change)
    };
    let begun = [at(10, started("r")), at(10, joined(1, 0, 1)), at(10, joined(2, 0, 2))];
    let dropped = [at(20, disconnected(1, 0)), at(30, left(2, 0, LeaveReason::Left))];
    let other_person = [next(40, started("r")), next(40, joined(3, 0, 1))];
    let records: Vec<Record> = begun.into_iter().chain(dropped).chain(other_person).collect();
    let wanted = [SESSIONS, PARTICIPANTS, CONNECTIONS, MEMBERS];
    let at_once = history(records.clone(), wanted).await;
    assert_eq!(at_once[0], ["r 10 40 2 2 0 0", "r 40 - 1 1 0 0"]);
    assert_eq!(at_once[1][0], "person 1 10 40 gap 0");
    assert_eq!((at_once[1].len(), at_once[3].len()), (3, 1));

    // The first has begun in an earlier group.
    for bench in Bench::both().await {
        let opened = bench.open().await;
        write(&opened.journal, records[..3].to_vec()).await;
        write(&opened.journal, records[3..].to_vec()).await;
        for (query, rows) in wanted.iter().zip(&at_once) {
            assert_eq!(bench.rows(query).await, *rows);
        }
    }
}

#[tokio::test]
async fn errors_are_events_with_and_without_a_session() {
    let homeless = Record {
        at: Timestamp(30),
        session: None,
        change: Change::Error {
            participant: None,
            code: ErrorKind::NotJoined,
            event: "offer".into(),
            message: "join a room first".into(),
        },
    };
    let records = vec![at(10, started("r")), at(10, joined(1, 0, 1)), at(20, error()), homeless];
    let [events, sessions] = history(records, [EVENTS, SESSIONS]).await;
    assert_eq!(
        events[2..],
        [
            r#"3 20 error 65 {"code":"invalid","event":"of\u0000fer 😀","message":"\"offer\" must not be empty"}"#,
            r#"4 30 error - {"code":"notJoined","event":"offer","message":"join a room first"}"#,
        ]
    );
    assert_eq!(sessions, ["r 10 - 1 1 0 1"]);
}

#[tokio::test]
async fn links_from_offer_to_close() {
    let traffic = Traffic {
        offerer_candidates: 3,
        answerer_candidates: 4,
        renegotiations: 1,
    };
    let mut records = vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(10, joined(2, 0, 2)),
        at(20, offered(1, 1, 2)),
        at(30, answered(1)),
        at(40, answered(1)),
        at(50, offered(2, 2, 1)),
        at(60, Change::LinkProgress { link: link(2), traffic }),
    ];
    let [links, live] = history(records.clone(), [LINKS, LIVE_LINKS]).await;
    assert_eq!(links, ["75736572 20 30 0 0 0 - -", "75736572 50 - 3 4 1 - -"]);
    assert_eq!(live, ["6D696E65 796F757273", "6D696E65 -"]);

    let (link, why) = (link(1), LinkCloseReason::Left);
    records.push(at(70, Change::LinkClosed { link, traffic, why }));
    let [links, live] = history(records, [LINKS, LIVE_LINKS]).await;
    assert_eq!(links[0], "75736572 20 30 3 4 1 70 left");
    assert_eq!(live, ["6D696E65 -"]);
}

#[tokio::test]
async fn of_what_pages_say_of_a_link_the_last_counts_and_when_it_was_connected_first() {
    use ConnectionState::{Closed, Connected, Disconnected, Failed};
    let said = |ms, by, state, path| {
        let (link, at_ms) = (link(1), Timestamp(ms));
        let report = Report { state, path, at: at_ms };
        at(9_000, Change::LinkReported { link, by, report })
    };
    let host = Some(ConnectionPath::Host);
    let records = vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(10, joined(2, 0, 2)),
        at(20, offered(1, 1, 2)),
        said(30, LinkSide::Answerer, Failed, None),
        said(40, LinkSide::Offerer, Connected, host),
        said(50, LinkSide::Answerer, Connected, None),
        said(60, LinkSide::Offerer, Disconnected, None),
        said(70, LinkSide::Answerer, Closed, None),
    ];
    let query = "select connected_at || ' ' || offerer_state || ' ' || offerer_state_at || ' ' || offerer_path || ' '
                 || answerer_state || ' ' || answerer_state_at || ' ' || coalesce(answerer_path, '-') from link";
    let [links] = history(records, [query]).await;
    assert_eq!(links, ["40 disconnected 60 host connected 50 -"]);
}

#[tokio::test]
async fn a_calendar_that_moves_takes_all_of_one_session_along() {
    let other = SessionId(Uuid::from_u128(2));
    let elsewhere = |record: Record| Record {
        session: Some(other),
        ..record
    };
    let report = Report {
        state: ConnectionState::Connected,
        path: None,
        at: Timestamp(35),
    };
    let reported = Change::LinkReported {
        link: link(1),
        by: LinkSide::Offerer,
        report,
    };
    let records = vec![
        elsewhere(at(5, started("other"))),
        elsewhere(at(5, joined(3, 0, 1))),
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(10, joined(2, 0, 2)),
        at(20, offered(1, 1, 2)),
        at(30, answered(1)),
        at(35, reported),
        at(40, disconnected(1, 0)),
        at(50, left(2, 0, LeaveReason::Left)),
        at(9_060, Change::CalendarMoved { by_ms: 9_000 }),
        at(9_070, reconnected(1, 1, false)),
    ];
    let reports = "select connected_at || ' ' || offerer_state_at from link";
    let queries = [SESSIONS, PARTICIPANTS, CONNECTIONS, LINKS, MEMBERS, EVENTS, reports];
    let [sessions, participants, connections, links, members, events, reports] = history(records, queries).await;
    assert_eq!(reports, ["9035 9035"]);
    assert_eq!(sessions, ["r 9010 - 2 2 1 0", "other 5 - 1 1 0 0"]);
    assert_eq!(
        participants,
        ["person 1 9010 - - 1", "person 2 9010 9050 left 0", "person 3 5 - - 0"]
    );
    assert_eq!(
        connections,
        [
            "5 join - - -",
            "9010 join 9040 disconnected 9070",
            "9010 join 9050 left 9050",
            "9070 reconnect - - -"
        ]
    );
    assert_eq!(links, ["75736572 9020 9030 0 0 0 - -"]);
    assert_eq!(members, ["0137 1 - - 0 -", "014A 3 - - 0 -"]);
    let times: Vec<_> = events.iter().filter_map(|event| event.split(' ').nth(1)).collect();
    assert_eq!(times, ["5", "5", "9010", "9010", "9010", "9040", "9050", "9070"]);
}

#[tokio::test]
async fn no_secret_reaches_the_file() {
    let bench = Bench::new();
    let opened = bench.open().await;
    write(&opened.journal, vec![at(10, started("r")), at(10, joined(1, 0, 1))]).await;
    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    let file = std::fs::read(bench.path()).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("person 1"));
    assert!(!holds("secret of 1"));
}

#[tokio::test]
async fn a_snapshot_repairs_what_a_gap_left() {
    let [file, server] = Bench::both().await;
    repairs_what_a_gap_left(&server).await;
    let (opened, snapshot) = repairs_what_a_gap_left(&file).await;

    // The next knows of one more drop.
    sqlx::raw_sql(NOTE_WRITES)
        .execute(&mut file.intruder().await)
        .await
        .unwrap();
    let mut next = snapshot;
    next.members[0].away = Some((Timestamp(70), Timestamp(9_000)));
    write(&opened.journal, vec![at(80, Change::Snapshot(Box::new(next)))]).await;
    let written = file.rows("select written from note order by written").await;
    assert_eq!(written, ["connection 0141", "member 00CA"], "only what has changed");
}

async fn repairs_what_a_gap_left(bench: &Bench) -> (Opened, Snapshot) {
    let opened = bench.open().await;
    let stale = SessionId(Uuid::from_u128(2));
    let mut stale_start = at(5, started("r"));
    stale_start.session = Some(stale);
    let before = vec![
        stale_start,
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(10, joined(2, 0, 2)),
        at(20, offered(1, 1, 2)),
    ];
    write(&opened.journal, before).await;
    assert_eq!(bench.rows(SESSIONS).await, ["r 10 - 2 2 0 0", "r 5 10 0 0 0 0"]);

    // Lost: 1 left, 3 came and went, 4 joined and dropped, 2 reconnected and offered to 4.
    let snapshot = Snapshot {
        room: RoomName::parse("r").unwrap(),
        started_at: Timestamp(10),
        peak: 3,
        participants: (1..=4).map(|person| (name(person), participant(person))).collect(),
        members: vec![live(2, 10, 1, 40, None), live(4, 45, 0, 45, Some((50, 9_000)))],
        links: vec![LiveLink {
            link: link(2),
            offered_at: Timestamp(48),
            offerer: end(2),
            offerer_connector: ConnectorId::parse("mine").unwrap(),
            answerer: end(4),
            answered: Some((ConnectorId::parse("yours").unwrap(), Timestamp(49))),
            stream: StreamType::user(),
            traffic: Traffic::default(),
        }],
        gone: Vec::new(),
    };
    let repair = at(60, Change::Snapshot(Box::new(snapshot.clone())));
    for _ in 0..2 {
        write(&opened.journal, vec![repair.clone()]).await;
        assert_eq!(
            bench.rows(PARTICIPANTS).await,
            [
                "person 1 10 60 gap 0",
                "person 2 10 - - 0",
                "person 3 60 60 gap 0",
                "person 4 45 - - 0"
            ]
        );
        assert_eq!(
            bench.rows(CONNECTIONS).await,
            [
                "10 join 60 gap 60",
                "10 join 60 gap 60",
                "40 reconnect - - -",
                "45 join 50 disconnected -"
            ]
        );
        assert_eq!(bench.rows(SESSIONS).await[0], "r 10 - 3 4 0 0");
        assert_eq!(bench.rows(MEMBERS).await, ["0141 2 - - 0 -", "0154 4 50 9000 0 -"]);
        assert_eq!(
            bench.rows(LINKS).await,
            ["75736572 20 - 0 0 0 60 gap", "75736572 48 49 0 0 0 - -"]
        );
        assert_eq!(bench.rows(LIVE_LINKS).await, ["6D696E65 796F757273"]);
    }
    (opened, snapshot)
}

/// Writes down what is written.
const NOTE_WRITES: &str = "
    create table note (written text);
    create trigger note_member after update on member begin
        insert into note values ('member ' || hex(substr(new.id, 15)));
    end;
    create trigger note_connection after update on connection begin
        insert into note values ('connection ' || hex(substr(new.id, 15)));
    end;
    create trigger note_link after update on link begin insert into note values ('link'); end;
    create trigger note_live_link after update on live_link begin insert into note values ('live link'); end;";

fn live(person: u128, joined_at: i64, nth: u128, connected_at: i64, away: Option<(i64, i64)>) -> LiveMember {
    LiveMember {
        member: member(person),
        participant: participant(person),
        username: name(person),
        key: key(person),
        position: u64::try_from(person).unwrap(),
        joined_at: Timestamp(joined_at),
        connection: connection(person, nth),
        connected_at: Timestamp(connected_at),
        away: away.map(|(since, until)| (Timestamp(since), Timestamp(until))),
        overflowed: false,
        owed: Vec::new(),
        leaves_as: None,
    }
}

#[tokio::test]
async fn a_session_ends_when_its_last_left_whoever_is_recorded_last() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let records = vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(20, joined(2, 0, 2)),
        at(200, left(1, 0, LeaveReason::Left)),
        // Not back after a restart: it had been gone since the stop.
        at(100, left(2, 0, LeaveReason::ServerCrash)),
        at(
            300,
            Change::SessionEnded {
                ended_at: Timestamp(100),
            },
        ),
    ];
    write(&opened.journal, records).await;
    assert_eq!(bench.rows("select ended_at || '' from session").await, ["200"]);
}
