//! A calendar that jumps.

use super::stage::{LIMITS, Stage, connected};
use crate::model::id::RoomName;
use crate::model::time::Timestamp;
use crate::model::vocabulary::LeaveReason;
use crate::room::record::{Change, Record, Snapshot};
use crate::room::{Input, Room};

const HOUR: i64 = 3_600_000;

fn set_ahead(stage: &mut Stage) {
    stage.now.at.0 += HOUR;
    stage.now.jumps.set_ms += HOUR;
}

fn sleep(stage: &mut Stage) {
    stage.now.at.0 += HOUR;
    stage.now.jumps.asleep_ms += HOUR;
}

fn snapshot(stage: &Stage) -> Snapshot {
    let Change::Snapshot(snapshot) = stage.room.snapshot(stage.now).change else {
        panic!("no snapshot");
    };
    *snapshot
}

/// Each time that the room holds, as it was before so much.
fn times(snapshot: &Snapshot, by: i64) -> Vec<i64> {
    let members = snapshot.members.iter().flat_map(|member| {
        let since = member.away.map(|(since, _)| since);
        [Some(member.joined_at), Some(member.connected_at), since]
    });
    let links = snapshot.links.iter().flat_map(|link| {
        let answered_at = link.answered.as_ref().map(|(_, at)| *at);
        [Some(link.offered_at), answered_at]
    });
    let all = [Some(snapshot.started_at)].into_iter().chain(members).chain(links);
    all.flatten().map(|Timestamp(at)| at - by).collect()
}

#[test]
fn a_clock_that_is_set_moves_all_of_a_session_once() {
    let mut stage = connected();
    stage.set(&["3 join cy", "3 drop"]);
    let before = snapshot(&stage);
    assert_eq!(times(&before, 0).len(), 10);
    set_ahead(&mut stage);
    stage.play(&[
        ("wait 1", "[moved 3600000]"),
        ("wait 1", ""),
        ("2 drop", "[disconnected bo]"),
    ]);
    let after = snapshot(&stage);
    let since = after.members[1].away.unwrap().0;
    assert_eq!(since, stage.now.at);
    let moved: Vec<_> = times(&after, HOUR)
        .into_iter()
        .filter(|at| *at != since.0 - HOUR)
        .collect();
    assert_eq!(moved, times(&before, 0));
}

#[test]
fn nobody_was_there_while_the_machine_slept() {
    let mut stage = connected();
    stage.set(&["3 join cy", "3 drop", "wait 5"]);
    let begun = stage.now.at;
    sleep(&mut stage);
    stage.play(&[(
        "wait 0",
        "[disconnected ann]; [reconnected ann]; [disconnected bo]; [reconnected bo]",
    )]);
    let last: Vec<Timestamp> = stage.records.iter().rev().take(4).map(|record| record.at).collect();
    assert_eq!(last, [stage.now.at, begun, stage.now.at, begun]);
    let of_server = |record: &&Record| {
        matches!(
            record.change,
            Change::Disconnected {
                leaves_as: Some(LeaveReason::ServerShutdown),
                ..
            }
        )
    };
    assert_eq!(stage.records.iter().filter(of_server).count(), 2);
    // The room goes on as if nothing had happened, and graces last as long as they are measured.
    stage.play(&[
        ("1 candidate bo b1", "2 < candidate for b1; 1 ack"),
        ("wait 10", "[left cy timeout]"),
    ]);
}

#[test]
fn who_came_just_before_the_sleep_was_there_for_no_time() {
    let mut stage = Stage::new();
    stage.set(&["1 join ann"]);
    // It was noticed only after somebody joined.
    sleep(&mut stage);
    stage.now.at.0 -= 1_000;
    stage.set(&["wait 0"]);
    let [.., Record { at: gone, .. }, _] = &stage.records[..] else {
        panic!("no records");
    };
    assert_eq!(*gone, Timestamp(1_000_000));
}

#[test]
fn a_session_that_begins_or_is_restored_after_a_jump_is_dated_right() {
    let mut stage = Stage::new();
    set_ahead(&mut stage);
    stage.play(&[("1 join ann", "[started]; [joined ann]; 1 ack joined ann of ann")]);
    assert_eq!(snapshot(&stage).started_at, stage.now.at);
    stage.restart();
    stage.play(&[("wait 1", "")]);
    let mut idle = Room::new(RoomName::parse("idle").unwrap(), LIMITS);
    assert!(idle.handle(Input::Tick, stage.now, &mut stage.ids).records.is_empty());
}
