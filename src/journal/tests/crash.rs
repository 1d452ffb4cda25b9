//! What a start finds after a stop, of either kind.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// Runs a journal whose clock stands at 100 when the last records are written, then stops it: by closing, or as a crash.
async fn run_and_stop(bench: &Bench, records: Vec<Record>, clean: bool) {
    let opened = Journal::open(bench.options(), || Timestamp(100)).await.unwrap();
    write(&opened.journal, records).await;
    if clean {
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
    }
}

/// The next start. After a crash the old connection needs a moment to let go of the file.
async fn restart(bench: &Bench) -> Opened {
    loop {
        match Journal::open(bench.options(), || NOW).await {
            Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

fn two_connected() -> Vec<Record> {
    vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(20, joined(2, 0, 2)),
        at(30, offered(1, 1, 2)),
        at(40, answered(1)),
        at(50, offered(2, 2, 1)),
        at(60, disconnected(2, 0)),
    ]
}

#[tokio::test]
async fn members_are_found_away_after_either_stop() {
    for (clean, reason) in [(true, LeaveReason::ServerShutdown), (false, LeaveReason::ServerCrash)] {
        for bench in Bench::both().await {
            run_and_stop(&bench, two_connected(), clean).await;
            are_found_away(&bench, reason).await;
        }
    }
}

async fn are_found_away(bench: &Bench, reason: LeaveReason) {
    let opened = restart(bench).await;

    let [(session, room)] = <[_; 1]>::try_from(opened.rooms).unwrap();
    assert_eq!(session, SESSION);
    assert_eq!(
        (room.room.as_str(), room.started_at, room.peak),
        ("r", Timestamp(10), 2)
    );
    assert_eq!(
        room.participants,
        [(name(1), participant(1)), (name(2), participant(2))]
    );
    let [ann, bo] = <[_; 2]>::try_from(room.members).unwrap();
    assert_eq!(
        (ann.member, ann.participant, ann.username),
        (member(1), participant(1), name(1))
    );
    assert_eq!((ann.key, ann.position, ann.joined_at), (key(1), 1, Timestamp(10)));
    assert_eq!((ann.connection, ann.connected_at), (connection(1, 0), Timestamp(10)));
    assert_eq!(
        ann.away,
        Some((Timestamp(100), Timestamp(100))),
        "gone with the last heartbeat"
    );
    assert_eq!(bo.away, Some((Timestamp(60), Timestamp(9_000))));
    assert_eq!([ann.leaves_as, bo.leaves_as], [Some(reason); 2]);
    let answers: Vec<_> = room.links.iter().map(|link| link.answered.clone()).collect();
    let yours = ConnectorId::parse("yours").unwrap();
    assert_eq!(answers, [Some((yours, Timestamp(40))), None]);
    assert_eq!((room.links[1].offerer, room.links[1].answerer), (end(2), end(1)));

    let closed = bench
        .rows("select disconnected_at || ' ' || closed_by || ' ' || coalesce(away_until || '', '-') from connection order by id")
        .await;
    assert_eq!(
        closed,
        [format!("100 {} -", reason.as_str()), "60 disconnected -".into()]
    );
    let events = bench
        .rows("select at || ' ' || kind || detail from event order by seq desc limit 1")
        .await;
    assert_eq!(events, [r#"100 disconnected{"why":"server"}"#]);
}

#[tokio::test]
async fn resuming_after_a_restart_continues_the_session() {
    for bench in Bench::both().await {
        run_and_stop(&bench, two_connected(), false).await;
        let opened = restart(&bench).await;
        write(&opened.journal, vec![at(200, reconnected(1, 1, false))]).await;
        let connections = bench
            .rows("select disconnected_at || ' ' || closed_by || ' ' || away_until from connection where away_until is not null")
            .await;
        assert_eq!(connections, ["100 server_crash 200"]);
        let stopped = bench
            .rows("select coalesce(stopped_by, '-') from member order by position")
            .await;
        assert_eq!(stopped, ["-", "server_crash"]);
        let last = bench
            .rows("select seq || ' ' || kind from event order by seq desc limit 1")
            .await;
        let committed = committed(&bench, &opened.journal).await;
        assert_eq!(last, [format!("{committed} reconnected")]);
        assert_eq!(bench.rows("select count(*) || '' from event").await, ["6"]);
    }
}

#[tokio::test]
async fn a_session_cut_in_its_linger_ended_when_the_last_left() {
    for bench in Bench::both().await {
        let records = vec![
            at(10, started("r")),
            at(10, joined(1, 0, 1)),
            at(50, left(1, 0, LeaveReason::Left)),
        ];
        run_and_stop(&bench, records, false).await;
        let opened = restart(&bench).await;
        assert_eq!(opened.rooms, []);
        assert_eq!(bench.rows("select ended_at || '' from session").await, ["50"]);
        let last = bench
            .rows("select at || ' ' || kind from event order by seq desc limit 1")
            .await;
        assert_eq!(last, ["100 session_ended"]);
    }
}

#[tokio::test]
async fn rows_without_a_member_are_closed() {
    for bench in Bench::both().await {
        run_and_stop(&bench, two_connected(), true).await;
        bench.meddle("delete from member").await;
        let opened = restart(&bench).await;
        assert_eq!(opened.rooms, []);
        let open = bench
            .rows(
                "select 'participant' from participant where left_at is null
                 union all select 'connection' from connection where away_until is null
                 union all select 'link' from link where closed_at is null
                 union all select 'live link' from live_link
                 union all select 'session' from session where ended_at is null",
            )
            .await;
        assert_eq!(open, [""; 0]);
    }
}

#[tokio::test]
async fn seq_is_never_used_again() {
    for bench in Bench::both().await {
        run_and_stop(&bench, vec![at(10, started("r")), at(10, joined(1, 0, 1))], true).await;
        let last = newest_seq(&bench).await;
        bench.meddle("delete from event").await;
        let opened = restart(&bench).await;
        let homeless = Record {
            session: None,
            ..at(30, Change::Gap { dropped: 1 })
        };
        write(&opened.journal, vec![homeless]).await;
        assert_eq!(
            bench.rows("select kind from event order by seq").await,
            ["disconnected", "gap"]
        );
        let numbers = bench.rows("select seq || '' from event order by seq").await;
        assert!(
            numbers.iter().all(|seq| seq.parse::<i64>().unwrap() > last),
            "{numbers:?}"
        );
        committed(&bench, &opened.journal).await;
    }
}

#[tokio::test]
async fn the_heart_beats_when_nothing_happens() {
    for bench in Bench::both().await {
        let time = Arc::new(AtomicI64::new(100));
        let clock = Arc::clone(&time);
        let opened = Journal::open(bench.options(), move || Timestamp(clock.load(Ordering::Relaxed)))
            .await
            .unwrap();
        time.store(5_000, Ordering::Relaxed);
        let started = tokio::time::Instant::now();
        while bench.rows("select at || '' from heartbeat").await != ["5000"] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(started.elapsed() < Duration::from_secs(5), "the history promises 5 s");
        }
        drop(opened);
    }
}

/// A client may have made thousands of rooms before the crash: the start reads and writes them all at once.
#[tokio::test]
async fn thousands_of_rooms_are_found_at_once() {
    const ROOMS: u128 = 3_000;
    for bench in Bench::both().await {
        let opened = bench.open().await;
        let begun = Instant::now();
        for room in 0..ROOMS {
            let id = |kind: u128| Uuid::from_u128(kind << 64 | room);
            let Change::Joined(ann) = joined(1, 0, 1) else {
                unreachable!("that is what it makes");
            };
            let ann = Joined {
                participant: ParticipantId(id(2)),
                member: MemberId(id(3)),
                connection: ConnectionId(id(4)),
                ..ann
            };
            let record = |change| Record {
                at: Timestamp(10),
                session: Some(SessionId(id(1))),
                change,
            };
            let source = Source {
                address: None,
                room: Some(RoomName::parse(&format!("room {room}")).unwrap()),
            };
            let records = vec![record(started(&format!("room {room}"))), record(Change::Joined(ann))];
            assert_eq!(opened.journal.submit(source, records, None), Submitted::Accepted);
        }
        released(&opened.journal).await;
        let mut committed = opened.journal.committed();
        while bench.rows("select count(*) || '' from event").await != ["6000"] {
            committed.changed().await.unwrap();
        }
        drop((opened, committed));
        let written = begun.elapsed();

        let begun = Instant::now();
        let opened = restart(&bench).await;
        let took = begun.elapsed();
        assert_eq!(opened.rooms.len(), 3_000);
        assert!(opened.rooms.iter().all(|(_, room)| room.members.len() == 1));
        assert_eq!(
            bench.rows("select distinct away_until || '' from member").await,
            [(NOW.0 + 60_000).to_string()],
            "their graces are written too"
        );
        // In a debug build, and on a machine that does other things as well: what it can do just now, the writing tells.
        let most = Duration::from_secs(4).max(4 * written);
        assert!(took < most, "{took:?} after {written:?}");
    }
}
