//! Every sentence of the wire contract, as `input -> outputs`.

use super::stage::{Stage, connected};
use crate::model::vocabulary::LeaveReason;
use crate::room::record::Change;

#[test]
fn every_present_member_is_asked_for_an_offer_in_the_order_they_joined() {
    Stage::new().play(&[
        ("1 join ann", "[started]; [joined ann]; 1 ack joined ann of ann"),
        ("2 join bo", "[joined bo]; 1 < getOffer bo; 2 ack joined bo of ann bo"),
        (
            "3 join cy",
            "[joined cy]; 1 < getOffer cy; 2 < getOffer cy; 3 ack joined cy of ann bo cy",
        ),
        ("2 drop", "[disconnected bo]"),
        (
            "4 join di",
            "[joined di]; 1 < getOffer di; 3 < getOffer di; 4 ack joined di of ann bo cy di",
        ),
    ]);
}

#[test]
fn joining_twice_on_one_socket_changes_nothing() {
    let mut stage = connected();
    stage.play(&[
        ("1 join ann", "1 ack joined ann of ann bo"),
        (
            "1 join other/ann",
            "[error invalid ann]; 1 < error invalid join; 1 ack invalid",
        ),
    ]);
}

#[test]
fn a_socket_that_joins_as_somebody_else_leaves_first() {
    let mut stage = connected();
    stage.play(&[(
        "1 join cy",
        "[left ann replaced]; [unlinked left]; [joined cy]; 2 < leave b1 of ann; 2 < getOffer cy; 1 ack joined cy of bo cy",
    )]);
}

#[test]
fn a_refused_join_changes_nothing() {
    let mut stage = connected();
    stage.set(&["3 join cy", "4 join di"]);
    let taken = "[error repeat nobody]; 5 < error repeat join; 5 ack repeat";
    stage.play(&[
        // Ann's own secret, on another socket, under Bo's name; then on her own one.
        ("5 join bo/ann", taken),
        (
            "1 join bo/ann",
            "[error invalid ann]; 1 < error invalid join; 1 ack invalid",
        ),
        (
            "1 join bo/new",
            "[error repeat ann]; 1 < error repeat join; 1 ack repeat",
        ),
        (
            "1 resume bo/new",
            "[error repeat ann]; 1 < dropAll; 1 < error repeat reconnect; 1 ack repeat",
        ),
        (
            "1 resume ann/new -",
            "[error invalid ann]; 1 < dropAll; 1 < error invalid reconnect; 1 ack invalid",
        ),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        // The room is full, but not for who takes a place of its own.
        (
            "5 join ed",
            "[error roomFull nobody]; 5 < error roomFull join; 5 ack roomFull",
        ),
    ]);
    stage.play_seen(&[(
        "1 join ed",
        "2 < leave b1 of ann; 2 < getOffer ed; 3 < getOffer ed; 4 < getOffer ed; 1 ack joined ed of bo cy di ed",
    )]);
}

#[test]
fn the_same_client_on_another_socket_leaves_and_joins_afresh() {
    let mut stage = connected();
    stage.play(&[
        (
            "3 join ann",
            "[left ann replaced]; [unlinked left]; [joined ann]; 2 < leave b1 of ann; 1 < error replaced join; 1 cut; \
             2 < getOffer ann; 3 ack joined ann of bo ann",
        ),
        (
            "1 candidate bo b1",
            "[error notJoined nobody]; 1 < error notJoined icecandidate; 1 ack notJoined",
        ),
        ("1 drop", ""),
        ("3 drop", "[disconnected ann]"),
        (
            "4 join ann",
            "[left ann replaced]; [joined ann]; 2 < getOffer ann; 4 ack joined ann of bo ann",
        ),
    ]);
}

#[test]
fn a_name_is_taken_while_its_member_is_there_or_may_come_back() {
    let mut stage = connected();
    let taken = "[error repeat nobody]; 3 < error repeat join; 3 ack repeat";
    stage.play(&[
        ("3 join ann/other", taken),
        ("1 drop", "[disconnected ann]"),
        ("3 join ann/other", taken),
        ("wait 15", "[left ann timeout]; [unlinked left]; 2 < leave b1 of ann"),
        (
            "3 join ann/other",
            "[joined ann]; 2 < getOffer ann; 3 ack joined ann of bo ann",
        ),
    ]);
}

#[test]
fn a_full_room_takes_nobody() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "3 join cy", "4 join di"]);
    stage.play(&[
        (
            "5 join ed",
            "[error roomFull nobody]; 5 < error roomFull join; 5 ack roomFull",
        ),
        ("4 leave", "[left di left]; 4 ack"),
        (
            "5 join ed",
            "[joined ed]; 1 < getOffer ed; 2 < getOffer ed; 3 < getOffer ed; 5 ack joined ed of ann bo cy ed",
        ),
    ]);
}

#[test]
fn offer_answer_and_candidates_are_translated() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo"]);
    stage.play(&[
        (
            "1 offer bo a1 user",
            "[link ann-bo user]; 2 < offer a1 of ann user; 1 ack",
        ),
        ("2 answer ann a1 b1", "[answered b1]; 1 < answer b1 of bo for a1; 2 ack"),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("2 candidate ann a1", "1 < candidate for a1; 2 ack"),
        ("1 work bo a1 offer", "2 < work offer of ann for b1; 1 ack"),
        ("2 work ann b1 answer", "1 < work answer of bo for a1; 2 ack"),
        (
            "1 offer bo a2 display",
            "[link ann-bo display]; 2 < offer a2 of ann display; 1 ack",
        ),
        (
            "2 offer ann b2 myOwnWord",
            "[link bo-ann myOwnWord]; 1 < offer b2 of bo myOwnWord; 2 ack",
        ),
    ]);
}

#[test]
fn offering_again_over_the_same_connector_is_no_second_link() {
    let mut stage = connected();
    stage.play(&[
        ("1 offer bo a1 user", "2 < offer a1 of ann user; 1 ack"),
        ("2 answer ann a1 b1", "1 < answer b1 of bo for a1; 2 ack"),
        ("2 leave", "[left bo left]; [unlinked left]; 1 < leave a1 of bo; 2 ack"),
    ]);
}

#[test]
fn a_pair_has_one_link_of_a_stream() {
    let mut stage = connected();
    stage.play(&[
        (
            "2 offer ann b2 user",
            "[unlinked replaced]; [link bo-ann user]; 1 < offer b2 of bo user; 2 ack",
        ),
        (
            "1 offer bo a3 display",
            "[link ann-bo display]; 2 < offer a3 of ann display; 1 ack",
        ),
        (
            "2 offer ann b3 display",
            "[link bo-ann display]; 1 < offer b3 of bo display; 2 ack",
        ),
        (
            "1 offer bo a4 display",
            "[unlinked replaced]; [link ann-bo display]; 2 < offer a4 of ann display; 1 ack",
        ),
    ]);
}

#[test]
fn only_so_many_streams_between_two() {
    let mut stage = connected();
    for stream in 0..15 {
        stage.set(&[&format!("1 offer bo s{stream} stream{stream}")]);
    }
    stage.play(&[(
        "1 offer bo more onemore",
        "[error rateLimited ann]; 1 < error rateLimited offer; 1 ack rateLimited",
    )]);
}

#[test]
fn members_of_the_room_reach_each_other_and_nobody_else() {
    let mut stage = connected();
    stage.play(&[
        (
            "1 offer nobody a9",
            "[error unknownMember ann]; 1 < error unknownMember offer; 1 ack unknownMember",
        ),
        (
            "1 candidate stranger x",
            "[error unknownMember ann]; 1 < error unknownMember icecandidate; 1 ack unknownMember",
        ),
        (
            "1 offer ann a9",
            "[error invalid ann]; 1 < error invalid offer; 1 ack invalid",
        ),
        (
            "9 offer bo a9",
            "[error notJoined nobody]; 9 < error notJoined offer; 9 ack notJoined",
        ),
        ("2 leave", "[left bo left]; [unlinked left]; 1 < leave a1 of bo; 2 ack"),
        ("1 candidate bo b1", "1 ack"),
        ("1 offer bo a9", "1 ack"),
        (
            "2 candidate ann a1",
            "[error notJoined nobody]; 2 < error notJoined icecandidate; 2 ack notJoined",
        ),
        (
            "2 leave",
            "[error notJoined nobody]; 2 < error notJoined leave; 2 ack notJoined",
        ),
    ]);
}

#[test]
fn a_leave_reaches_each_link_and_each_entry_once() {
    let mut stage = connected();
    stage.set(&["3 join cy", "4 join di", "1 offer cy a2 user"]);
    stage.play(&[(
        // a2 was not answered, so Cy has no connector of it; a1 is Ann's own.
        "1 leave b1>bo,b1>bo,c7>cy,a1>bo,b1>cy,b1>di",
        "[left ann left]; [unlinked left]; [unlinked left]; 2 < leave b1 of ann; 1 ack",
    )]);
}

#[test]
fn an_answer_to_someone_who_left_ends_the_answerers_own_attempt() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "1 leave"]);
    stage.play_seen(&[
        ("2 answer ann a1 b1", "2 < leave b1 of ann; 2 ack"),
        ("2 answer ann a1 b1", "2 ack"),
        ("2 candidate ann a1", "2 ack"),
    ]);
}

#[test]
fn a_member_may_leave_and_join_again() {
    let mut stage = connected();
    stage.play(&[
        (
            "1 leave",
            "[left ann left]; [unlinked left]; 2 < leave b1 of ann; 1 ack",
        ),
        (
            "1 join ann",
            "[joined ann]; 2 < getOffer ann; 1 ack joined ann of bo ann",
        ),
        ("1 move", "[left ann moved]"),
        ("1 move", ""),
    ]);
}

#[test]
fn a_drop_tells_nobody_and_the_end_of_the_grace_tells_all() {
    let mut stage = connected();
    stage.play(&[
        ("1 drop", "[disconnected ann]"),
        ("1 drop", ""),
        ("wait 14.999", ""),
        ("wait 0.001", "[left ann timeout]; [unlinked left]; 2 < leave b1 of ann"),
        ("wait 1000", ""),
    ]);
}

#[test]
fn what_was_addressed_to_an_away_member_is_delivered_in_order() {
    let mut stage = connected();
    stage.set(&["3 join cy", "3 offer ann c1 user", "1 answer cy c1 a2"]);
    stage.play(&[
        ("1 drop", "[disconnected ann]"),
        ("2 candidate ann a1", "ann + candidate for a1; 2 ack"),
        (
            "3 leave",
            "[left cy left]; [unlinked left]; [owed ann leave a2 of cy]; [owed ann leave a2 of cy]; ann + leave a2 of cy; \
             3 ack",
        ),
        (
            "2 offer ann b2 display",
            "[link bo-ann display]; ann + offer b2 of bo display; 2 ack",
        ),
        (
            "4 resume ann",
            "[reconnected ann]; [progress 0 1 1]; 4 ack resumed ann of ann bo; 4 < candidate for a1; \
             4 < leave a2 of cy; 4 < offer b2 of bo display; 2 < renegotiate b1 with ann",
        ),
        ("4 answer bo b2 a3", "[answered a3]; 2 < answer a3 of ann for b2; 4 ack"),
    ]);
}

#[test]
fn a_leave_is_owed_until_it_has_been_told() {
    // Said to a socket that went before its turn came.
    let mut stage = connected();
    stage.disk = Some(Default::default());
    stage.play(&[
        ("2 leave", "[left bo left]; [unlinked left]"),
        ("1 drop", "[disconnected ann]"),
    ]);
    assert_eq!(
        stage.written(),
        ["[owed ann leave a1 of bo]", "ann + leave a1 of bo", "2 ack"]
    );
    // The resume settles it in the journal; one whose socket goes before the mailbox is opened to it owes it again.
    stage.disk = Some(Default::default());
    stage.play(&[
        ("3 resume ann", "[reconnected ann]"),
        ("3 drop", "[disconnected ann]; [owed ann leave a1 of bo]"),
        ("4 resume ann", "[reconnected ann]"),
    ]);
    assert_eq!(
        stage.written(),
        [
            "3 ack resumed ann of ann",
            "4 ack resumed ann of ann",
            "4 < leave a1 of bo"
        ]
    );
    stage.play(&[("4 drop", "[disconnected ann]")]);
}

#[test]
fn a_restart_keeps_what_is_owed() {
    let mut stage = connected();
    stage.set(&["1 drop", "2 leave", "3 join bo"]);
    stage.restart();
    stage.play_seen(&[
        ("4 resume bo", "4 ack resumed bo of ann bo"),
        (
            "5 resume ann",
            "5 ack resumed ann of ann bo; 5 < leave a1 of bo; 4 < getOffer ann",
        ),
    ]);
}

#[test]
fn a_socket_that_still_looks_alive_is_taken_over() {
    let mut stage = connected();
    stage.play_seen(&[
        (
            "3 resume ann",
            "1 < error replaced reconnect; 1 cut; 3 ack resumed ann of ann bo; 2 < renegotiate b1 with ann",
        ),
        ("1 drop", ""),
        ("1 candidate bo b1", "1 < error notJoined icecandidate; 1 ack notJoined"),
        ("3 candidate bo b1", "2 < candidate for b1; 3 ack"),
        ("3 resume ann", "3 ack resumed ann of ann bo"),
    ]);
}

#[test]
fn an_answer_given_just_before_the_drop_still_completes_its_link() {
    let mut stage = Stage::new();
    stage.set(&[
        "1 join ann",
        "2 join bo",
        "1 offer bo a1 user",
        "2 drop",
        "3 early answer ann a1 b1",
    ]);
    stage.play_seen(&[(
        "3 resume bo",
        "3 ack resumed bo of ann bo; 1 < answer b1 of bo for a1; 3 ack early 0; 1 < renegotiate a1 with bo",
    )]);
}

#[test]
fn what_was_sent_early_is_dropped_with_a_join_or_a_member_that_is_gone() {
    let mut stage = Stage::new();
    let early = ["2 early offer ann b1 user", "2 early candidate stranger x"];
    stage.set(&["1 join ann"]);
    stage.set(&early);
    let dropped = "1 < getOffer bo; 2 ack joined bo of ann bo; 2 ack early 0 notJoined; 2 ack early 1 notJoined";
    stage.play_seen(&[("2 join bo", dropped)]);
    stage.set(&["2 leave", "2 drop"]);
    stage.set(&early);
    stage.play_seen(&[("2 resume bo", &format!("2 < dropAll; {dropped}"))]);
}

#[test]
fn what_was_sent_early_waits_on_after_a_refused_join() {
    let mut stage = connected();
    stage.set(&["2 drop", "3 early answer ann a1 b1"]);
    let seen = stage.act("3 join ann/other").join("; ");
    assert!(seen.contains("3 ack repeat") && !seen.contains("early"), "{seen}");
}

#[test]
fn one_link_of_several_is_hung_up() {
    let mut stage = connected();
    stage.set(&["1 offer bo a2 display", "2 answer ann a2 b2"]);
    stage.play(&[
        ("1 hangup bo a2", "[unlinked hangup]; 2 < leave b2 of ann; 1 ack"),
        // Said again, or by the other end meanwhile: nothing more comes of it.
        ("1 hangup bo a2", "1 ack"),
        ("2 hangup ann b2", "2 ack"),
        ("2 candidate ann a2", "2 ack"),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("2 drop", "[disconnected bo]"),
        (
            "3 resume bo",
            "[reconnected bo]; [progress 1 0 1]; 3 ack resumed bo of ann bo; 1 < renegotiate a1 with bo",
        ),
        (
            "1 hangup bo x",
            "[error invalid ann]; 1 < error invalid hangup; 1 ack invalid",
        ),
        (
            "1 hangup stranger x",
            "[error unknownMember ann]; 1 < error unknownMember hangup; 1 ack unknownMember",
        ),
    ]);
}

#[test]
fn no_resume_brings_back_what_was_hung_up() {
    let mut stage = connected();
    stage.play_seen(&[
        ("2 drop", ""),
        ("1 hangup bo a1", "bo + leave b1 of ann; 1 ack"),
        ("3 resume bo", "3 ack resumed bo of ann bo; 3 < leave b1 of ann"),
        ("1 drop", ""),
        ("4 resume ann", "4 ack resumed ann of ann bo"),
        // Who wants it again offers it.
        ("4 offer bo a3 user", "3 < offer a3 of ann user; 4 ack"),
        ("3 answer ann a3 b3", "4 < answer b3 of bo for a3; 3 ack"),
        ("4 drop", ""),
        (
            "5 resume ann",
            "5 ack resumed ann of ann bo; 3 < renegotiate b3 with ann",
        ),
    ]);
}

#[test]
fn who_answers_what_was_hung_up_is_told_then() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 display"]);
    stage.play_seen(&[
        ("1 hangup bo a1", "1 ack"),
        ("2 answer ann a1 b1", "2 < leave b1 of ann; 2 ack"),
        ("2 hangup ann b1", "2 ack"),
    ]);
}

#[test]
fn a_replaced_link_is_hung_up_as_well() {
    let mut stage = connected();
    stage.set(&["1 offer bo a2 user", "2 answer ann a2 b2"]);
    stage.play_seen(&[
        ("1 hangup bo a1", "2 < leave b1 of ann; 1 ack"),
        ("2 candidate ann a1", "2 ack"),
        ("2 candidate ann a2", "1 < candidate for a2; 2 ack"),
    ]);
}

#[test]
fn what_pages_say_of_their_connections_is_recorded_and_not_passed_on() {
    let mut stage = connected();
    stage.play(&[
        ("1 state bo a1 connected host", "[offerer connected host]; 1 ack"),
        ("1 state bo a1 connected", "1 ack"),
        ("2 state ann b1 connected relay", "[answerer connected relay]; 2 ack"),
        // At most a few times a second; the last word is recorded when the link ends.
        ("1 state bo a1 disconnected", "1 ack"),
        ("1 state bo a1 failed", "1 ack"),
        (
            "1 state bo b1 failed",
            "[error invalid ann]; 1 < error invalid connectionState; 1 ack invalid",
        ),
        (
            "1 leave",
            "[left ann left]; [offerer failed]; [unlinked left]; 2 < leave b1 of ann; 1 ack",
        ),
        ("2 state ann b1 closed", "2 ack"),
    ]);
}

#[test]
fn of_a_replaced_link_pages_may_say_that_it_is_the_one_that_works() {
    let mut stage = connected();
    stage.set(&["1 offer bo a2 user"]);
    stage.play(&[("1 state bo a1 connected", "[offerer connected]; 1 ack")]);
}

#[test]
fn a_closed_page_was_last_there_when_it_closed() {
    let mut stage = connected();
    stage.set(&["2 close", "wait 15"]);
    let left = stage.records.iter().find_map(|record| match record.change {
        Change::Left { left_at, reason, .. } => Some((record.at, left_at, reason)),
        _ => None,
    });
    let (at, left_at, reason) = left.unwrap();
    assert_eq!((at.0 - left_at.0, reason), (15_000, LeaveReason::Closed));
    // Who is back before that has not left, and drops later for another reason.
    stage.set(&["3 join cy", "3 close", "wait 5", "4 resume cy", "4 drop"]);
    assert_eq!(stage.act("wait 15")[0], "[left cy timeout]");
}

#[test]
fn a_session_ends_when_its_last_page_closed() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann"]);
    let started = stage.records[0].at.0;
    stage.set(&["wait 10", "1 close", "wait 15", "wait 60"]);
    let ended = stage.records.iter().find_map(|record| match record.change {
        Change::SessionEnded { ended_at } => Some(ended_at.0 - started),
        _ => None,
    });
    assert_eq!(ended, Some(10_000));
}

#[test]
fn an_offer_that_went_to_the_lost_socket_is_closed_and_asked_for_anew() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 drop"]);
    stage.play_seen(&[
        (
            "3 resume bo",
            "3 ack resumed bo of ann bo; 1 < leave a1 of bo; 1 < getOffer bo",
        ),
        // The page had seen the offer after all, and answers late: its attempt ends.
        ("3 answer ann a1 b1", "3 < leave b1 of ann; 3 ack"),
        ("3 candidate ann a1", "3 ack"),
        ("1 offer bo a2 user", "3 < offer a2 of ann user; 1 ack"),
    ]);
}

#[test]
fn an_offer_on_its_way_is_not_asked_for_again() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "2 drop", "1 offer bo a1 user"]);
    stage.play_seen(&[
        ("3 resume bo", "3 ack resumed bo of ann bo; 3 < offer a1 of ann user"),
        ("3 drop", ""),
        (
            "4 resume bo",
            "4 ack resumed bo of ann bo; 1 < leave a1 of bo; 1 < getOffer bo",
        ),
    ]);
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "1 drop"]);
    stage.play_seen(&[("3 resume ann", "3 ack resumed ann of ann bo")]);
}

#[test]
fn an_offer_in_the_making_is_not_asked_for_again() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "2 drop"]);
    stage.play_seen(&[
        ("3 resume bo", "3 ack resumed bo of ann bo"),
        ("1 offer bo a1 user", "3 < offer a1 of ann user; 1 ack"),
    ]);
    // Asked on a socket that is gone, Ann may never have heard of it.
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 drop", "3 resume ann", "2 drop"]);
    stage.play_seen(&[("4 resume bo", "4 ack resumed bo of ann bo; 3 < getOffer bo")]);
}

#[test]
fn members_that_joined_meanwhile_connect_too() {
    let mut stage = connected();
    stage.set(&["1 drop", "3 join cy"]);
    stage.play_seen(&[(
        "4 resume ann",
        "4 ack resumed ann of ann bo cy; 2 < renegotiate b1 with ann; 3 < getOffer ann",
    )]);
}

#[test]
fn a_peer_that_is_away_is_left_alone_until_it_resumes() {
    let mut stage = connected();
    stage.play_seen(&[
        ("1 drop", ""),
        ("2 drop", ""),
        ("3 resume ann", "3 ack resumed ann of ann bo"),
        ("4 resume bo", "4 ack resumed bo of ann bo; 3 < renegotiate a1 with bo"),
    ]);
    // An offer that the first to come back never saw is closed when the second comes back.
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 drop", "1 drop"]);
    stage.play_seen(&[
        ("3 resume bo", "3 ack resumed bo of ann bo"),
        (
            "4 resume ann",
            "4 ack resumed ann of ann bo; 4 < leave a1 of bo; 3 < getOffer ann",
        ),
    ]);
}

#[test]
fn who_is_not_known_any_more_drops_everything_and_joins() {
    let mut stage = connected();
    stage.set(&["1 drop", "wait 15"]);
    stage.play_seen(&[
        (
            "3 resume ann",
            "3 < dropAll; 2 < getOffer ann; 3 ack joined ann of bo ann",
        ),
        (
            "4 resume di -",
            "4 < dropAll; 4 < error invalid reconnect; 4 ack invalid",
        ),
        (
            "4 resume bo/other",
            "4 < dropAll; 4 < error repeat reconnect; 4 ack repeat",
        ),
    ]);
}

#[test]
fn a_session_ends_when_the_room_has_been_empty_for_the_linger() {
    let mut stage = connected();
    stage.set(&["1 leave", "2 leave"]);
    stage.play(&[
        ("wait 59.999", ""),
        ("2 join bo", "[joined bo]; 2 ack joined bo of bo"),
        ("2 leave", "[left bo left]; 2 ack"),
        ("wait 60", "[ended]"),
        ("wait 60", ""),
        ("2 join bo", "[started]; [joined bo]; 2 ack joined bo of bo"),
    ]);
}

#[test]
fn a_name_keeps_its_participant_for_the_session() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 leave", "3 join ann/other"]);
    let participants: Vec<_> = stage
        .records
        .iter()
        .filter_map(|record| match &record.change {
            Change::Joined(joined) if joined.username.as_str() == "ann" => Some(joined.participant),
            _ => None,
        })
        .collect();
    assert_eq!(participants.len(), 2);
    assert_eq!(participants[0], participants[1]);
}

#[test]
fn what_waits_for_the_disk_keeps_its_order_across_a_drop_and_a_resume() {
    let mut stage = connected();
    stage.set(&["1 drop", "2 candidate ann a1"]);
    stage.disk = Some(Default::default());
    // Said, but not written yet: a leave, then the resume, then a relay.
    stage.set(&[
        "3 join cy",
        "2 offer ann b5 display",
        "4 resume ann",
        "2 offer ann b6 other",
    ]);
    let seen: Vec<_> = stage
        .written()
        .into_iter()
        .filter(|line| line.starts_with("4 <"))
        .collect();
    assert_eq!(
        seen,
        [
            "4 < candidate for a1",
            "4 < offer b5 of bo display",
            "4 < offer b6 of bo other"
        ]
    );
}

#[test]
fn an_offer_that_has_not_gone_out_is_not_lost() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "2 drop"]);
    stage.disk = Some(Default::default());
    stage.set(&["3 resume bo"]);
    let resume = stage.disk.take();
    // Its turn comes after the mailbox was opened to a socket that is gone by then.
    stage.disk = Some(Default::default());
    stage.set(&["1 offer bo a1 user"]);
    let offer = std::mem::replace(&mut stage.disk, resume);
    stage.written();
    stage.disk = offer;
    stage.set(&["4 resume bo"]);
    let seen: Vec<_> = stage
        .written()
        .into_iter()
        .filter(|line| !line.starts_with('['))
        .collect();
    assert_eq!(
        seen,
        [
            "bo + offer a1 of ann user",
            "1 ack",
            "3 < error replaced reconnect",
            "3 cut",
            "4 ack resumed bo of ann bo",
            "4 < offer a1 of ann user"
        ]
    );
}

#[test]
fn a_request_is_for_the_socket_it_was_made_to() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann"]);
    stage.disk = Some(Default::default());
    stage.set(&["2 join bo", "1 drop", "3 resume ann"]);
    let seen: Vec<_> = stage.written();
    // Ann's old socket is not asked any more; of the two, one asks for the pair: the resume has Bo offer.
    assert_eq!(
        seen,
        [
            "2 ack joined bo of ann bo",
            "3 ack resumed ann of ann bo",
            "2 < getOffer ann"
        ]
    );
}
