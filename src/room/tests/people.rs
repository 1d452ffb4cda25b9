//! How many different people a session takes.

use super::stage::{LIMITS, Stage};
use crate::model::address::AddressKey;
use crate::model::id::RoomName;
use crate::room::{Limits, Room};

fn stage(people: usize, people_per_address: usize) -> Stage {
    let limits = Limits {
        people,
        people_per_address,
        ..LIMITS
    };
    Stage::with(Room::new(RoomName::parse("room").unwrap(), limits))
}

fn network(text: &str) -> AddressKey {
    AddressKey::of(text.parse().unwrap())
}

/// Somebody comes and goes; the error, if they cannot come.
fn visit(stage: &mut Stage, name: &str) -> Option<String> {
    let heard = stage.act(&format!("9 join {name}"));
    stage.act("9 leave");
    heard.into_iter().find(|line| line.starts_with("9 < error"))
}

const FULL: &str = "9 < error roomFull join";

#[test]
fn a_session_takes_so_many_names_and_earlier_ones_again() {
    let mut stage = stage(3, 0);
    stage.set(&["1 join ann"]);
    for name in ["bo", "cy", "bo"] {
        assert_eq!(visit(&mut stage, name), None);
    }
    assert_eq!(visit(&mut stage, "di").as_deref(), Some(FULL));
    assert_eq!(visit(&mut stage, "cy"), None);
    // The next session is a new one.
    stage.set(&["1 leave", "wait 60"]);
    assert_eq!(visit(&mut stage, "di"), None);
}

#[test]
fn one_address_brings_fewer() {
    let mut stage = stage(100, 2);
    stage.set(&["1 join ann"]);
    assert_eq!(visit(&mut stage, "bo"), None);
    assert_eq!(visit(&mut stage, "cy").as_deref(), Some(FULL));
    assert_eq!(visit(&mut stage, "bo"), None);
    stage.address = network("192.0.2.1");
    assert_eq!(visit(&mut stage, "cy"), None);
    // Whoever brought a name: it is there now.
    assert_eq!(visit(&mut stage, "bo"), None);
    assert_eq!(visit(&mut stage, "di"), None);
    assert_eq!(visit(&mut stage, "ed").as_deref(), Some(FULL));
}

#[test]
fn the_networks_of_one_site_bring_twice_as_many_together() {
    let mut stage = stage(100, 2);
    stage.set(&["1 join ann"]);
    let refused = (0..10).filter(|number| {
        stage.address = network(&format!("2001:db8:0:{number}::1"));
        visit(&mut stage, &format!("name{number}")).is_some()
    });
    assert_eq!(refused.count(), 6);
    stage.address = network("2001:db8:1::1");
    assert_eq!(visit(&mut stage, "bo"), None);
}

#[test]
fn names_of_before_a_restart_count() {
    let mut stage = stage(2, 0);
    stage.set(&["1 join ann"]);
    visit(&mut stage, "bo");
    stage.restart();
    assert_eq!(visit(&mut stage, "cy").as_deref(), Some(FULL));
    assert_eq!(visit(&mut stage, "bo"), None);
}
