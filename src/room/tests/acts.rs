//! What a teacher does to a room, as `input -> outputs`.

use std::time::Duration;

use super::stage::{Stage, connected};
use crate::model::act::Act;
use crate::model::id::Username;
use crate::model::time::Timestamp;
use crate::room::refusal::Reason;
use crate::room::restrictions::Restrictions;

#[test]
fn who_is_removed_is_told_and_does_not_come_back_meanwhile() {
    let mut stage = connected();
    let refused = "[error forbidden nobody]; 3 < error forbidden join; 3 ack forbidden";
    stage.play(&[
        (
            "teacher removes ann 60",
            "[removed ann by token]; [left ann removed]; [unlinked left]; 2 < leave b1 of ann; 1 < error removed join; 1 cut",
        ),
        ("1 drop", ""),
        ("3 join ann", refused),
        // By the id under another name, and by a look of the name with another id.
        ("3 join cy/ann", refused),
        ("3 join ANN/other", refused),
        (
            "3 resume ann",
            "[error forbidden nobody]; 3 < dropAll; 3 < error forbidden reconnect; 3 ack forbidden",
        ),
        (
            "3 join cy",
            "[joined cy]; 2 < getOffer cy; 3 ack joined cy of bo cy",
        ),
        ("wait 59.999", ""),
        ("4 join ann", "[error forbidden nobody]; 4 < error forbidden join; 4 ack forbidden"),
        ("wait 0.001", ""),
        (
            "4 join ann",
            "[joined ann]; 2 < getOffer ann; 3 < getOffer ann; 4 ack joined ann of bo cy ann",
        ),
    ]);
}

#[test]
fn a_token_of_ones_own_is_kept_out_whatever_else_is_new() {
    let mut stage = connected();
    stage.set(&["3 join cy/cy/t1"]);
    stage.play_seen(&[
        ("teacher removes cy 60", "3 < error removed join; 3 cut"),
        ("4 join di/di/t1", "4 < error forbidden join; 4 ack forbidden"),
        (
            "4 join di/di/t2",
            "1 < getOffer di; 2 < getOffer di; 4 ack joined di of ann bo di",
        ),
    ]);
}

#[test]
fn who_is_away_is_removed_too() {
    let mut stage = connected();
    stage.set(&["1 drop"]);
    stage.play(&[
        (
            "teacher removes ann 0",
            "[removed ann by token]; [left ann removed]; [unlinked left]; 2 < leave b1 of ann",
        ),
        // For no time at all.
        (
            "3 resume ann",
            "[joined ann]; 3 < dropAll; 2 < getOffer ann; 3 ack joined ann of bo ann",
        ),
    ]);
}

#[test]
fn a_closed_room_is_empty_and_takes_nobody_for_a_while() {
    let mut stage = connected();
    stage.set(&["2 drop"]);
    stage.play(&[
        (
            "teacher closes 90",
            "[closed by token]; [left bo removed]; [unlinked left]; [left ann removed]; 1 < error removed join; 1 cut",
        ),
        (
            "3 join cy",
            "[error forbidden nobody]; 3 < error forbidden join; 3 ack forbidden",
        ),
        // The session is over, and the room is kept for what it still has to refuse.
        ("wait 60", "[ended]"),
        (
            "3 join cy",
            "[error forbidden nobody]; 3 < error forbidden join; 3 ack forbidden",
        ),
    ]);
    assert!(!stage.room.is_idle());
    assert_eq!(stage.room.next_timeout().unwrap().0, stage.now.tick.0 + 30_000);
    stage.play(&[("wait 30", "")]);
    assert!(stage.room.is_idle());
    stage.play(&[("3 join cy", "[started]; [joined cy]; 3 ack joined cy of cy")]);
}

#[test]
fn nobody_new_comes_into_a_locked_room_and_members_come_back() {
    let mut stage = connected();
    stage.play(&[
        ("teacher locks", "[locked by token]"),
        ("teacher locks", ""),
        (
            "3 join cy",
            "[error forbidden nobody]; 3 < error forbidden join; 3 ack forbidden",
        ),
        ("1 drop", "[disconnected ann]"),
    ]);
    stage.play_seen(&[
        (
            "4 resume ann",
            "4 ack resumed ann of ann bo; 2 < renegotiate b1 with ann",
        ),
        // A page that knows no resume joins again with its id.
        (
            "5 join ann",
            "2 < leave b1 of ann; 4 < error replaced join; 4 cut; 2 < getOffer ann; 5 ack joined ann of bo ann",
        ),
        ("5 leave", "5 ack"),
        ("5 join ann", "5 < error forbidden join; 5 ack forbidden"),
    ]);
    stage.play(&[
        ("teacher unlocks", "[unlocked by token]"),
        ("teacher unlocks", ""),
        (
            "5 join ann",
            "[joined ann]; 2 < getOffer ann; 5 ack joined ann of bo ann",
        ),
    ]);
}

#[test]
fn a_lock_ends_with_the_session() {
    let mut stage = connected();
    stage.set(&["teacher locks", "1 leave", "2 leave"]);
    stage.play(&[
        (
            "3 join cy",
            "[error forbidden nobody]; 3 < error forbidden join; 3 ack forbidden",
        ),
        ("wait 60", "[ended]"),
        ("3 join cy", "[started]; [joined cy]; 3 ack joined cy of cy"),
    ]);
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let mut stage = Stage::new();
    let over = "NoSession";
    stage.play(&[
        ("teacher closes 60", over),
        ("teacher locks", over),
        ("teacher removes ann 60", over),
        ("1 join ann", "[started]; [joined ann]; 1 ack joined ann of ann"),
        ("teacher removes bo 60", "NoSuchMember"),
        ("teacher removes ANN 60", "NoSuchMember"),
        ("2 join bo", "[joined bo]; 1 < getOffer bo; 2 ack joined bo of ann bo"),
    ]);
}

#[test]
fn a_room_that_was_just_emptied_is_not_in_use() {
    let mut stage = connected();
    stage.set(&["1 leave", "2 leave"]);
    let over = "NoSession";
    stage.play(&[
        ("teacher closes 60", over),
        ("teacher closes 0", over),
        ("teacher locks", over),
        ("teacher unlocks", over),
        ("teacher removes ann 60", over),
        ("teacher removes ann 0", over),
        ("3 join cy", "[joined cy]; 3 ack joined cy of cy"),
    ]);
}

#[test]
fn what_holds_is_told_and_lifted_whether_the_room_is_in_use_or_not() {
    let mut stage = connected();
    stage.set(&["teacher removes ann 600", "teacher locks"]);
    let held = |stage: &Stage| {
        let held = stage.room.held(stage.now);
        let left = |until: Timestamp| until.0 - stage.now.at.0;
        let people = held.kept_out.iter();
        let people: Vec<_> = people.map(|one| (one.username.to_string(), left(one.until))).collect();
        (held.closed_until.map(left), held.locked, people)
    };
    assert_eq!(held(&stage), (None, true, vec![("ann".to_owned(), 600_000)]));
    stage.play(&[
        ("teacher unlocks", "[unlocked by token]"),
        ("teacher removes ann 0", ""),
    ]);
    assert_eq!(held(&stage), (None, false, vec![]));
    stage.set(&[
        "3 join ann",
        "teacher removes ann 600",
        "teacher locks",
        "teacher closes 900",
    ]);
    assert_eq!(held(&stage), (Some(900_000), true, vec![("ann".to_owned(), 600_000)]));
    stage.play(&[("teacher unlocks", ""), ("wait 60", "[ended]")]);
    assert_eq!(held(&stage), (Some(840_000), false, vec![("ann".to_owned(), 540_000)]));
    stage.play(&[
        ("teacher removes ann 0", ""),
        ("teacher removes ann 0", "NoSession"),
        ("teacher closes 0", ""),
        ("teacher closes 0", "NoSession"),
    ]);
    assert!(stage.room.is_idle());
    stage.play(&[("4 join ann", "[started]; [joined ann]; 4 ack joined ann of ann")]);
}

#[test]
fn only_so_many_are_barred_at_once() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann"]);
    for number in 0..Restrictions::MOST {
        stage.set(&[&format!("2 join n{number}"), &format!("teacher removes n{number} 60")]);
    }
    stage.play(&[
        (
            "2 join more",
            "[joined more]; 1 < getOffer more; 2 ack joined more of ann more",
        ),
        ("teacher removes more 60", "TooManyBarred"),
        (
            "teacher removes more 0",
            "[removed more by token]; [left more removed]; 2 < error removed join; 2 cut",
        ),
        ("wait 60", ""),
        ("2 join bo", "[joined bo]; 1 < getOffer bo; 2 ack joined bo of ann bo"),
    ]);
    let bar = Duration::from_secs(60);
    let username = Username::parse("bo").unwrap();
    assert_eq!(stage.room.check_act(&Act::Remove { username, bar }), Ok(()));
}

#[test]
fn the_minutes_that_are_left_are_told() {
    let mut stage = connected();
    stage.set(&["teacher removes ann 61", "3 join ann"]);
    let reason = |stage: &Stage| stage.refused.last().unwrap().refusal.reason.clone();
    assert_eq!(reason(&stage), Reason::Barred { minutes: 2 });
    stage.set(&["wait 1", "3 join ann"]);
    assert_eq!(reason(&stage), Reason::Barred { minutes: 1 });
    // A shorter time does not open the room before a longer one that was set.
    stage.set(&["teacher closes 600", "teacher closes 60", "3 join cy"]);
    assert_eq!(reason(&stage), Reason::RoomClosed { minutes: 10 });
}
