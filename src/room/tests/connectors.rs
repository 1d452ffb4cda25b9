//! Whose connector is whose: what is passed on, what is dropped quietly, what is refused.

use super::stage::{Stage, connected};

#[test]
fn a_connector_of_no_connection_between_the_two_is_refused() {
    let mut stage = connected();
    stage.set(&["3 join cy", "1 offer cy a2 user", "3 answer ann a2 c2"]);
    for connector in ["x", "a2", "c2"] {
        let answer = format!("2 answer ann {connector} b9");
        let candidate = format!("2 candidate ann {connector}");
        let work = format!("2 work ann {connector} step");
        let refused = |event| format!("[error invalid bo]; 2 < error invalid {event}; 2 ack invalid");
        stage.play(&[
            (&answer, &refused("answer")),
            (&candidate, &refused("icecandidate")),
            (&work, &refused("reconnectWork")),
        ]);
    }
}

#[test]
fn the_senders_own_connector_is_no_address() {
    let mut stage = connected();
    stage.play(&[
        (
            "1 candidate bo a1",
            "[error invalid ann]; 1 < error invalid icecandidate; 1 ack invalid",
        ),
        ("2 work ann a1 step", "1 < work step of bo for a1; 2 ack"),
        (
            "1 offer bo a2 display",
            "[link ann-bo display]; 2 < offer a2 of ann display; 1 ack",
        ),
        (
            "1 work bo a2 step",
            "[error invalid ann]; 1 < error invalid reconnectWork; 1 ack invalid",
        ),
        ("2 candidate ann a2", "1 < candidate for a2; 2 ack"),
    ]);
}

#[test]
fn connectors_of_a_replaced_link_are_still_translated() {
    // Bo resumed before Ann's offer was known, and so Ann was asked twice and offers twice.
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "1 offer bo a2 user"]);
    stage.play_seen(&[
        ("1 work bo a1 offer", "1 < error invalid reconnectWork; 1 ack invalid"),
        ("2 candidate ann a1", "1 < candidate for a1; 2 ack"),
        ("2 answer ann a1 b1", "1 < answer b1 of bo for a1; 2 ack"),
        ("1 work bo a1 offer", "2 < work offer of ann for b1; 1 ack"),
        ("2 work ann b1 answer", "1 < work answer of bo for a1; 2 ack"),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("1 candidate bo a1", "1 < error invalid icecandidate; 1 ack invalid"),
        // Ann says that she was connected by it.
        ("1 leave b1>bo", "2 < leave b1 of ann; 1 ack"),
    ]);
}

#[test]
fn of_two_offers_at_once_the_replaced_one_is_answered_and_goes_on_after_a_resume() {
    // Bo took his own offer back, and answered over the same connector or another one.
    for (connector, lost) in [("b2", ""), ("b1", "2 < leave b2 of ann; ")] {
        let crossed = || {
            let mut stage = Stage::new();
            stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 offer ann b2 user"]);
            stage.set(&[&format!("2 answer ann a1 {connector}")]);
            stage
        };
        let mut stage = crossed();
        let asked = format!("3 ack resumed ann of ann bo; 2 < renegotiate {connector} with ann; {lost}");
        stage.set(&["1 drop"]);
        stage.play_seen(&[
            ("3 resume ann", asked.trim_end_matches("; ")),
            (
                &format!("3 candidate bo {connector}"),
                &format!("2 < candidate for {connector}; 3 ack"),
            ),
            ("2 candidate ann a1", "3 < candidate for a1; 2 ack"),
        ]);
        let mut stage = crossed();
        stage.set(&["2 drop"]);
        stage.play_seen(&[("3 resume bo", "3 ack resumed bo of ann bo; 1 < renegotiate a1 with bo")]);
        stage.set(&["3 drop"]);
        stage.play_seen(&[("wait 15", "1 < leave a1 of bo")]);
    }
}

#[test]
fn who_offers_anew_does_not_go_on_with_a_late_answer() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 offer ann b2 user"]);
    stage.set(&["2 answer ann a1 b1", "1 offer bo a3 user", "2 drop"]);
    stage.play_seen(&[(
        "3 resume bo",
        "3 ack resumed bo of ann bo; 1 < leave a3 of bo; 1 < getOffer bo",
    )]);
}

#[test]
fn two_offers_at_once_are_both_answered() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 offer ann b2 user"]);
    stage.play_seen(&[
        ("2 answer ann a1 b1", "1 < answer b1 of bo for a1; 2 ack"),
        ("1 answer bo b2 a2", "2 < answer a2 of ann for b2; 1 ack"),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("1 candidate bo b2", "2 < candidate for b2; 1 ack"),
        ("2 candidate ann a1", "1 < candidate for a1; 2 ack"),
        ("2 candidate ann a2", "1 < candidate for a2; 2 ack"),
    ]);
}

#[test]
fn a_link_that_is_answered_again_keeps_its_first_connector_too() {
    let mut stage = connected();
    stage.play_seen(&[
        ("2 answer ann a1 b2", "1 < answer b2 of bo for a1; 2 ack"),
        ("1 candidate bo b2", "2 < candidate for b2; 1 ack"),
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("2 work ann b1 step", "1 < work step of bo for a1; 2 ack"),
    ]);
}

/// Ann on socket 1, Bo on socket 3 after a drop: Ann's offer a1 went to the socket before, and is closed.
fn closed() -> Stage {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo", "1 offer bo a1 user", "2 drop", "3 resume bo"]);
    stage
}

#[test]
fn what_is_said_of_a_link_that_closed_lately_is_dropped_quietly() {
    let mut stage = closed();
    stage.play_seen(&[
        ("wait 59", ""),
        ("3 candidate ann a1", "3 ack"),
        ("1 work bo a1 step", "1 ack"),
        ("3 answer ann a1 b1", "3 < leave b1 of ann; 3 ack"),
        ("3 answer ann a1 b1", "3 ack"),
        ("1 candidate bo b1", "1 ack"),
        ("3 candidate ann x", "3 < error invalid icecandidate; 3 ack invalid"),
    ]);
}

#[test]
fn one_pair_cannot_make_the_room_forget_what_closed_lately_in_another() {
    let mut stage = closed();
    stage.set(&["4 join cy", "5 join di"]);
    for round in 0..300 {
        stage.set(&[&format!("4 offer di {round} user")]);
    }
    stage.play_seen(&[("3 candidate ann a1", "3 ack")]);
    // Of its own links, the pair may have lost sight: then none is said to be nobody's, for as long as that is so.
    stage.play_seen(&[
        ("5 candidate cy 0", "5 ack"),
        ("5 candidate cy x", "5 ack"),
        ("wait 61", ""),
        ("5 candidate cy x", "5 < error invalid icecandidate; 5 ack invalid"),
        ("5 candidate cy 299", "4 < candidate for 299; 5 ack"),
    ]);
}

#[test]
fn a_restored_room_drops_quietly_what_it_does_not_know() {
    let mut stage = connected();
    stage.restart();
    stage.set(&["3 resume ann", "4 resume bo"]);
    stage.play_seen(&[
        ("3 candidate bo x", "3 ack"),
        ("3 work bo x step", "3 ack"),
        ("3 answer bo x y", "3 ack"),
        ("3 candidate bo b1", "4 < candidate for b1; 3 ack"),
        ("wait 15", ""),
        ("3 candidate bo x", "3 < error invalid icecandidate; 3 ack invalid"),
    ]);
}

#[test]
fn forged_entries_of_a_leave_say_nothing_to_anybody() {
    let mut stage = connected();
    stage.set(&["3 join cy", "2 drop"]);
    let forged: Vec<String> = (0..300).map(|number| format!("x{number}>bo")).collect();
    stage.play(&[(&format!("3 leave {}", forged.join(",")), "[left cy left]; 3 ack")]);
    stage.play_seen(&[("4 resume bo", "4 ack resumed bo of ann bo; 1 < renegotiate a1 with bo")]);
}

#[test]
fn an_offer_without_a_word_for_its_stream_counts_as_user() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann", "2 join bo"]);
    stage.play(&[("1 offer bo a1", "[link ann-bo user]; 2 < offer a1 of ann; 1 ack")]);
}
