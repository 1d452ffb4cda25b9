//! Things that happen at the same instant: one order or the other, and never both or neither.
//!
//! RACES_SEED gives the random pauses again.

use std::collections::HashMap;
use std::time::Duration;

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::class::{Class, class, pair};
use crate::support::history::History;
use crate::support::seed::Seed;

/// Short enough to wait for, long enough to come back within.
const GRACE: Duration = Duration::from_millis(500);
const SHORT_GRACE: (&str, &str) = ("RESUME_GRACE", "500ms");

/// Stops the server and looks through what it has kept.
async fn history_of(mut class: Class) -> History {
    class.server.signal("TERM");
    assert_eq!(class.server.exit_code(), Some(0));
    let mut history = History::of(class.folder.path()).await;
    history.check().await;
    history
}

/// How often each kind of event is there.
async fn kinds(history: &mut History) -> HashMap<String, usize> {
    let mut kinds = HashMap::new();
    for event in history.events(0).await {
        *kinds.entry(event.kind).or_default() += 1;
    }
    kinds
}

fn entry(id: &str, name: &str, room: &str) -> Value {
    json!({"id": id, "username": name, "roomname": room})
}

#[tokio::test]
async fn a_hundred_sockets_resume_at_once_and_one_holds_the_member() {
    let class = class(&[("MAX_TAKEOVERS", "0")]);
    let port = class.server.port;
    let ((mut ann, _), (bo, bo_id)) = pair(port, "lesson").await;
    bo.vanish();
    let resumes: Vec<_> = (0..100)
        .map(|_| tokio::spawn(Socket::resume(port, "lesson", "bo")))
        .collect();
    let mut sockets = Vec::new();
    for resume in resumes {
        let (socket, seat) = resume.await.unwrap();
        assert_eq!((&seat["memberId"], &seat["resumed"]), (&bo_id, &json!(true)));
        sockets.push(socket);
    }
    let (mut holders, mut cut_off) = (0, 0);
    for mut socket in sockets {
        let payload = json!({"remoteConnectorId": "a1", "memberId": "barrier", "candidate": 0});
        let answer = socket.try_call("icecandidate", payload).await;
        holders += usize::from(answer.is_some_and(|answer| answer["error"]["type"] == "unknownMember"));
        cut_off += usize::from(socket.was_cut_off);
    }
    assert_eq!(
        (holders, cut_off),
        (1, 99),
        "one holds it, and the others have been told"
    );
    let renegotiations = ann.events_so_far().await;
    assert_eq!(renegotiations.len(), 100, "one for each resume, and no leave");
    assert!(renegotiations.iter().all(|(event, _)| event == "reconnect"));
}

#[tokio::test]
async fn fifty_resumes_in_a_row_are_one_member() {
    let class = class(&[("MAX_TAKEOVERS", "0")]);
    let port = class.server.port;
    let ((mut ann, _), (bo, bo_id)) = pair(port, "lesson").await;
    let mut left = vec![bo];
    for number in 0..50 {
        // Some sockets are gone before the next one comes, some are taken over.
        if number % 2 == 0 {
            left.pop().unwrap().vanish();
        }
        let (bo, seat) = Socket::resume(port, "lesson", "bo").await;
        assert_eq!((&seat["memberId"], &seat["resumed"]), (&bo_id, &json!(true)));
        left.push(bo);
    }
    let told = ann.events_so_far().await;
    let expected = (
        "reconnect".to_owned(),
        json!({"type": "getOffer", "connectorId": "a1", "memberId": bo_id}),
    );
    assert_eq!(told, vec![expected; 50]);
    let mut history = history_of(class).await;
    assert_eq!(kinds(&mut history).await["reconnected"], 50);
    assert_eq!(
        history.texts("select cast(count(*) as text) from connection").await,
        ["52"]
    );
}

#[tokio::test]
async fn a_resume_of_nothing_is_a_join() {
    let class = class(&[]);
    let port = class.server.port;
    let mut first = Socket::connect(port).await;
    let nameless = first.call("reconnect", json!({"id": "a", "roomname": "lesson"})).await;
    assert_eq!(nameless["error"]["type"], "invalid");
    assert_eq!(first.expect("reconnect").await, json!({"type": "leave"}));
    assert_eq!(first.expect("error").await["event"], "reconnect");
    let seat = first.call("reconnect", entry("a", "ann", "lesson")).await;
    assert_eq!((&seat["ok"], &seat["resumed"]), (&json!(true), &json!(false)));
    assert_eq!(first.expect("reconnect").await, json!({"type": "leave"}));
    // Nothing has happened since, and it resumes all the same.
    first.vanish();
    let mut second = Socket::connect(port).await;
    let again = second.call("reconnect", json!({"id": "a", "roomname": "lesson"})).await;
    assert_eq!(
        (&again["memberId"], &again["resumed"]),
        (&seat["memberId"], &json!(true))
    );
    assert_eq!(second.events_so_far().await, []);
}

#[tokio::test]
async fn whoever_drops_while_joining_leaves_no_ghost() {
    let mut seed = Seed::from_env("RACES_SEED");
    let class = class(&[SHORT_GRACE]);
    let port = class.server.port;
    let drops = (0..100).map(|number| {
        let pause = Duration::from_millis(seed.below(4));
        async move {
            let mut socket = Socket::connect(port).await;
            let join = json!(["join", entry(&format!("{number}"), &format!("name {number}"), "lesson")]);
            socket.send(&format!("420{join}")).await.unwrap();
            // A sleep of nothing takes a millisecond.
            if !pause.is_zero() {
                sleep(pause).await;
            }
            if number % 2 == 0 {
                socket.vanish();
            } else {
                socket.reset();
            }
        }
    });
    join_all(drops).await;
    sleep(GRACE).await;
    // Whoever was seated for a moment is gone by now, or soon.
    let deadline = Instant::now() + Duration::from_secs(5);
    for number in 0..100 {
        loop {
            let mut socket = Socket::connect(port).await;
            let seat = socket
                .call(
                    "join",
                    entry(&format!("other {number}"), &format!("name {number}"), "lesson"),
                )
                .await;
            if seat["ok"] == true {
                socket.call("leave", json!([])).await;
                if seat["members"].as_array().unwrap().len() == 1 {
                    break;
                }
            }
            assert!(Instant::now() < deadline, "{seat}");
            sleep(Duration::from_millis(20)).await;
        }
    }
    let mut history = history_of(class).await;
    assert!(history.members().await.is_empty());
    let kinds = kinds(&mut history).await;
    assert_eq!(kinds["joined"], kinds["left"]);
    println!("{} of 100 were in for a moment", kinds["joined"] - 100);
}

#[tokio::test]
async fn a_join_while_the_old_socket_goes_is_one_member() {
    let mut seed = Seed::from_env("RACES_SEED");
    let class = class(&[("MAX_TAKEOVERS", "0"), SHORT_GRACE]);
    let port = class.server.port;
    let races = (0..40).map(|number| {
        let pauses = [seed.below(2_000), seed.below(2_000)].map(Duration::from_micros);
        async move {
            let room = format!("room {number}");
            let ((mut ann, ann_id), (old, old_id)) = pair(port, &room).await;
            let mut new = Socket::connect(port).await;
            let dropping = async {
                sleep(pauses[0]).await;
                old.vanish();
            };
            let joining = async {
                sleep(pauses[1]).await;
                new.call("join", entry("id of bo", "bo", &room)).await
            };
            let ((), seat) = tokio::join!(dropping, joining);
            assert_eq!((&seat["ok"], &seat["resumed"]), (&json!(true), &json!(false)));
            assert_ne!(seat["memberId"], old_id);
            assert_eq!(
                ann.expect("leave").await,
                json!({"connectorId": "a1", "memberId": old_id})
            );
            assert_eq!(ann.expect("getOffer").await["memberId"], seat["memberId"]);
            // The old socket's grace is over, and it was not the new one's.
            sleep(GRACE * 2).await;
            assert_eq!(ann.events_so_far().await, []);
            let payload = json!({"remoteConnectorId": "c", "memberId": seat["memberId"], "candidate": 1});
            new.offer_to(&ann_id).await;
            ann.emit("icecandidate", payload).await;
            new.expect("icecandidate").await;
            (ann, new)
        }
    });
    // They stay to the end: the grace of whoever went earlier would run out while others are still at it.
    let _members = join_all(races).await;
    let mut history = history_of(class).await;
    let events = history.events(0).await;
    let reasons: Vec<_> = events.iter().filter(|event| event.kind == "left").collect();
    assert!(reasons.iter().all(|left| left.detail["reason"] == "replaced"));
    assert_eq!(reasons.len(), 40);
}

#[tokio::test]
async fn a_leave_at_the_end_of_the_grace_is_told_once() {
    let mut seed = Seed::from_env("RACES_SEED");
    let class = class(&[SHORT_GRACE]);
    let port = class.server.port;
    let races = (0..40).map(|number| {
        let pause = GRACE - Duration::from_millis(20) + Duration::from_millis(seed.below(40));
        async move {
            let room = format!("room {number}");
            let ((mut ann, _), (bo, bo_id)) = pair(port, &room).await;
            let mut back = Socket::connect(port).await;
            bo.vanish();
            sleep(pause).await;
            let seat = back.call("reconnect", entry("id of bo", "bo", &room)).await;
            assert_eq!(seat["ok"], true, "{seat}");
            back.call("leave", json!([])).await;
            let told = ann.events_so_far().await;
            let leave = ("leave".to_owned(), json!({"connectorId": "a1", "memberId": bo_id}));
            assert_eq!(told.len(), 2, "{told:?}");
            let resumed = seat["resumed"] == true;
            let (first, second) = if resumed {
                ("reconnect", "leave")
            } else {
                ("leave", "getOffer")
            };
            assert_eq!((told[0].0.as_str(), told[1].0.as_str()), (first, second));
            assert!(told.contains(&leave));
            resumed
        }
    });
    let resumed = join_all(races).await;
    println!(
        "{} of 40 were in time",
        resumed.iter().filter(|resumed| **resumed).count()
    );
    history_of(class).await;
}

#[tokio::test]
async fn of_two_with_one_name_exactly_one_is_in() {
    let class = class(&[]);
    let port = class.server.port;
    let rooms = (0..20).map(|number| async move {
        let room = format!("room {number}");
        let mut sockets = join_all((0..10).map(|_| Socket::connect(port))).await;
        let joins = sockets.iter_mut().enumerate().map(|(number, socket)| {
            // One name however it is typed.
            let name = if number % 2 == 0 { "Zo\u{e9}" } else { " Zoe\u{301} " };
            socket.call("join", entry(&format!("{number}"), name, &room))
        });
        let answers = join_all(joins).await;
        let refused = answers
            .iter()
            .filter(|answer| answer["error"]["type"] == "repeat")
            .count();
        assert_eq!(refused, 9, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer["ok"] == true).count(), 1);
    });
    join_all(rooms).await;
    let kinds = kinds(&mut history_of(class).await).await;
    assert_eq!((kinds["joined"], kinds["error"]), (20, 180));
}
