//! What waits for an away member: a share for each sender, and a bound for all.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::stage::{LIMITS, Stage, connected};
use crate::model::id::{ConnectorId, MemberId, RoomName};
use crate::room::input::{Candidate, Opaque};
use crate::room::mailbox::{Kept, Mailbox};
use crate::room::output::Message;
use crate::room::refusal::Reason;
use crate::room::{Limits, Room};

/// Sends so many candidates to Ann, who is away, on this socket.
fn flood(stage: &mut Stage, input: &str, times: usize) -> String {
    let mut last = Vec::new();
    for _ in 0..times {
        last = stage.act(input);
    }
    last.join("; ")
}

#[test]
fn a_sender_loses_its_own_past_its_share_and_the_two_connect_anew() {
    let mut stage = connected();
    stage.set(&["3 join cy", "1 offer cy a2 user", "3 answer ann a2 c2"]);
    stage.set(&["1 drop", "3 candidate ann a2"]);
    assert_eq!(
        flood(&mut stage, "2 candidate ann a1", 64),
        "ann + candidate for a1; 2 ack"
    );
    stage.play(&[
        ("2 candidate ann a1", "[error rateLimited bo]; 2 ack"),
        ("2 candidate ann a1", "2 ack"),
        ("2 offer ann b3 display", "[link bo-ann display]; 2 ack"),
        ("3 candidate ann a2", "ann + candidate for a2; 3 ack"),
        (
            "4 resume ann",
            "[reconnected ann]; [unlinked lost]; [unlinked lost]; [progress 0 2 1]; 4 ack resumed ann of ann bo cy; \
             4 < candidate for a2; 4 < candidate for a2; 4 < leave a1 of bo; 2 < leave b1 of ann; \
             2 < leave b3 of ann; 3 < renegotiate c2 with ann; 2 < getOffer ann",
        ),
        ("2 candidate ann a1", "2 ack"),
        (
            "2 offer ann b4 user",
            "[link bo-ann user]; 4 < offer b4 of bo user; 2 ack",
        ),
        ("4 answer bo b4 a4", "[answered a4]; 2 < answer a4 of ann for b4; 4 ack"),
    ]);
    // The next absence is a new one.
    stage.set(&["4 drop"]);
    assert_eq!(
        flood(&mut stage, "2 candidate ann a4", 64),
        "ann + candidate for a4; 2 ack"
    );
}

#[test]
fn many_small_offers_are_no_way_around() {
    let mut stage = connected();
    stage.set(&["1 drop"]);
    for number in 0..200 {
        stage.set(&[&format!("2 offer ann x{number} user")]);
    }
    let reasons: Vec<_> = stage.refused.iter().map(|refused| &refused.refusal.reason).collect();
    assert_eq!(reasons, [&Reason::TooMuchForAway]);
    let seen: Vec<_> = stage
        .act("3 resume ann")
        .into_iter()
        .filter(|line| !line.starts_with('['))
        .collect();
    assert_eq!(
        seen,
        [
            "3 ack resumed ann of ann bo",
            "2 < leave x199 of ann",
            "2 < getOffer ann"
        ]
    );
}

#[test]
fn leaves_are_kept_whoever_floods() {
    let mut stage = connected();
    stage.set(&["3 join cy", "1 offer cy a2 user", "3 answer ann a2 c2", "1 drop"]);
    flood(&mut stage, "2 candidate ann a1", 70);
    stage.set(&["3 leave", "2 leave"]);
    stage.play_seen(&[(
        "4 resume ann",
        "4 ack resumed ann of ann; 4 < leave a2 of cy; 4 < leave a1 of bo",
    )]);
}

#[test]
fn a_restart_forgets_the_flood_with_the_messages() {
    let mut stage = connected();
    stage.set(&["1 drop"]);
    flood(&mut stage, "2 candidate ann a1", 70);
    stage.restart();
    stage.play_seen(&[
        ("3 resume ann", "3 ack resumed ann of ann bo"),
        ("4 resume bo", "4 ack resumed bo of ann bo; 3 < renegotiate a1 with bo"),
    ]);
}

/// A room of so many, of whom Ann (on socket 0) has a link with each.
fn crowd(size: usize) -> Stage {
    let limits = Limits {
        capacity: size,
        ..LIMITS
    };
    let mut stage = Stage::with(Room::new(RoomName::parse("room").unwrap(), limits));
    stage.set(&["1000 join ann"]);
    for number in 1..size {
        stage.set(&[
            &format!("{number} join m{number}"),
            &format!("1000 offer m{number} a{number} user"),
            &format!("{number} answer ann a{number} b{number}"),
        ]);
    }
    stage.set(&["1000 drop"]);
    stage
}

#[test]
fn a_class_of_30_may_send_all_its_candidates_to_who_dropped() {
    let mut stage = crowd(30);
    for number in 1..30 {
        flood(&mut stage, &format!("{number} candidate ann a{number}"), 41);
    }
    let heard = stage.act("2000 resume ann");
    assert_eq!(
        heard.iter().filter(|line| line.starts_with("2000 < candidate")).count(),
        29 * 41
    );
    assert!(!heard.iter().any(|line| line.contains("leave")));
}

#[test]
fn what_all_send_together_is_bounded_and_the_last_is_named() {
    let mut stage = crowd(66);
    for number in 1..=64 {
        flood(&mut stage, &format!("{number} candidate ann a{number}"), 64);
    }
    stage.play(&[
        (
            "65 candidate ann a65",
            "[overflowed ann]; [error rateLimited m65]; 65 ack",
        ),
        ("1 candidate ann a1", "1 ack"),
    ]);
    let resumed = stage.act("2000 resume ann -");
    let told = resumed.iter().find(|line| !line.starts_with('['));
    assert_eq!(told.unwrap(), "2000 < dropAll");
}

#[test]
fn who_comes_again_and_again_has_no_new_share_each_time() {
    let mut stage = connected();
    stage.set(&["1 drop", "2 candidate ann a1"]);
    for _ in 0..100 {
        stage.set(&["3 join mallory"]);
        flood(&mut stage, "3 offer ann m1 user", 63);
        stage.set(&["3 leave"]);
    }
    let heard = stage.act("4 resume ann");
    assert!(heard.contains(&"4 ack resumed ann of ann bo".to_owned()));
    assert!(heard.contains(&"4 < candidate for a1".to_owned()));
}

#[test]
fn what_somebody_said_before_leaving_is_told_where_there_is_room() {
    let mut stage = connected();
    stage.set(&["1 drop", "2 candidate ann a1", "2 leave"]);
    stage.play_seen(&[(
        "3 resume ann",
        "3 ack resumed ann of ann; 3 < candidate for a1; 3 < leave a1 of bo",
    )]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Held against the simplest way to say it.
    #[test]
    fn any_flood_agrees_with_the_rule(sent in prop::collection::vec((0..4u128, 0..30_000usize), 0..600)) {
        let mut mailbox = Mailbox::default();
        let (mut waiting, mut exceeded) = (Vec::<(u128, usize)>::new(), BTreeMap::<u128, ()>::new());
        for (sender, len) in sent {
            let message = message(sender, len);
            let weight = message.weight();
            let kept = mailbox.push(message, true);
            if exceeded.contains_key(&sender) {
                prop_assert_eq!(kept, Kept::Dropped);
                continue;
            }
            waiting.push((sender, weight));
            let own = || waiting.iter().filter(|(of, _)| *of == sender).map(|(_, weight)| weight);
            if own().count() > 64 || own().sum::<usize>() > 128 << 10 {
                prop_assert_eq!(kept, Kept::Exceeded);
                exceeded.insert(sender, ());
                waiting.retain(|(of, _)| *of != sender);
            } else {
                prop_assert_eq!(kept, Kept::Waits);
            }
        }
        let drained: VecDeque<_> = mailbox.drain();
        let drained: Vec<_> = drained.iter().map(|message| (message.sender().unwrap().0.as_u128(), message.weight())).collect();
        prop_assert_eq!(drained, waiting);
    }
}

fn message(sender: u128, len: usize) -> Message {
    Message::Candidate {
        from: MemberId(Uuid::from_u128(sender)),
        candidate: Candidate {
            remote_connector: ConnectorId::parse("c").unwrap(),
            candidate: Opaque(RawValue::from_string(format!("\"{}\"", "x".repeat(len))).unwrap()),
        },
    }
}
