//! The rooms that this node has, as far as it knows without asking.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::model::id::RoomName;
use crate::signaling::remote::Claim;

/// By name.
pub(super) struct Claims(Mutex<Held>);

struct Held {
    rooms: HashMap<RoomName, ClaimState>,
    /// Of whoever takes rooms over.
    taking: Claim,
    /// The node has a place among the others: without one no room is its.
    is_open: bool,
}

enum ClaimState {
    Ours(Claim),
    /// About to be given back: it is nobody's to enter until that is done.
    Releasing,
}

/// What is known of a room.
pub(super) enum Known {
    Ours(Claim),
    Releasing,
    Nothing,
}

impl Claims {
    /// These.
    pub(super) fn of(rooms: impl IntoIterator<Item = RoomName>) -> Self {
        let rooms = rooms.into_iter();
        Self(Mutex::new(Held {
            rooms: rooms.map(|room| (room, ClaimState::Ours(Claim::default()))).collect(),
            taking: Claim::default(),
            is_open: true,
        }))
    }

    /// None of them is ours any more, nor can be, until [`Claims::open`]. Gives what may still be in use of them.
    pub(super) fn close(&self) -> Vec<Claim> {
        let mut held = self.0.lock();
        held.is_open = false;
        let rooms = std::mem::take(&mut held.rooms);
        let claims = rooms.into_values().filter_map(|state| match state {
            ClaimState::Ours(claim) => Some(claim),
            ClaimState::Releasing => None,
        });
        claims.chain([std::mem::take(&mut held.taking)]).collect()
    }

    /// These are ours, and others can be.
    pub(super) fn open(&self, rooms: impl IntoIterator<Item = RoomName>) {
        *self.0.lock() = Self::of(rooms).0.into_inner();
    }

    /// Held by whoever takes rooms over, before anybody may enter them; `None` if there is no place.
    pub(super) fn taking(&self) -> Option<Claim> {
        let held = self.0.lock();
        held.is_open.then(|| held.taking.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().rooms.len()
    }

    pub(super) fn look(&self, room: &RoomName) -> Known {
        match self.0.lock().rooms.get(room) {
            Some(ClaimState::Ours(claim)) => Known::Ours(claim.clone()),
            Some(ClaimState::Releasing) => Known::Releasing,
            None => Known::Nothing,
        }
    }

    /// The database says that it is ours; `None` if the node has lost its place meanwhile.
    pub(super) fn add(&self, room: RoomName) -> Option<Claim> {
        let mut held = self.0.lock();
        if !held.is_open {
            return None;
        }
        let state = held
            .rooms
            .entry(room)
            .or_insert_with(|| ClaimState::Ours(Claim::default()));
        if let ClaimState::Ours(claim) = state {
            return Some(claim.clone());
        }
        let claim = Claim::default();
        *state = ClaimState::Ours(claim.clone());
        Some(claim)
    }

    /// Begins to give up so many, at most, of those that nobody is about to enter and that `may_go`.
    pub(super) fn begin_release(&self, most: usize, may_go: impl Fn(&RoomName) -> bool) -> Vec<RoomName> {
        let mut held = self.0.lock();
        let going = held.rooms.iter_mut().filter(|(room, state)| {
            let is_unused = matches!(state, ClaimState::Ours(claim) if claim.is_unused());
            is_unused && may_go(room)
        });
        let begun = going.take(most).map(|(room, state)| {
            *state = ClaimState::Releasing;
            room.clone()
        });
        begun.collect()
    }

    /// Those whose giving back has not come to an end.
    pub(super) fn releasing(&self) -> Vec<RoomName> {
        let held = self.0.lock();
        let releasing = held
            .rooms
            .iter()
            .filter(|(_, state)| matches!(state, ClaimState::Releasing));
        releasing.map(|(room, _)| room.clone()).collect()
    }

    /// These are given back, but for those that are `still_ours`.
    pub(super) fn end_release(&self, rooms: &[RoomName], still_ours: &[RoomName]) {
        let mut held = self.0.lock();
        for room in rooms {
            held.rooms.remove(room);
        }
        if !held.is_open {
            return;
        }
        for room in still_ours {
            held.rooms.insert(room.clone(), ClaimState::Ours(Claim::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_somebody_is_about_to_enter_is_not_given_back() {
        let claims = Claims::of([]);
        let room = RoomName::parse("Year 7").unwrap();
        let entering = claims.add(room.clone());
        assert!(claims.begin_release(usize::MAX, |_| true).is_empty());
        drop(entering);
        assert!(
            claims.begin_release(usize::MAX, |_| false).is_empty(),
            "there is somebody in it"
        );
        let rooms = std::slice::from_ref(&room);
        assert_eq!(claims.begin_release(usize::MAX, |_| true), rooms);
        assert!(matches!(claims.look(&room), Known::Releasing));
        assert!(claims.begin_release(usize::MAX, |_| true).is_empty());
        assert_eq!(claims.releasing(), rooms);
        claims.end_release(rooms, rooms);
        assert!(
            matches!(claims.look(&room), Known::Ours(_)),
            "its session is still open"
        );
        claims.begin_release(usize::MAX, |_| true);
        claims.end_release(rooms, &[]);
        assert!(matches!(claims.look(&room), Known::Nothing));
    }

    #[test]
    fn rooms_are_handed_over_a_part_at_a_time_and_not_while_somebody_enters() {
        let names: Vec<_> = (0..5).map(|n| RoomName::parse(&format!("Year {n}")).unwrap()).collect();
        let claims = Claims::of(names.clone());
        let entering = claims.add(names[0].clone());
        let mut handed_over = Vec::new();
        for wave in [3, 1, 0] {
            let rooms = claims.begin_release(3, |_| true);
            assert_eq!(rooms.len(), wave);
            assert!(rooms.iter().all(|room| matches!(claims.look(room), Known::Releasing)));
            claims.end_release(&rooms, &[]);
            handed_over.extend(rooms);
        }
        handed_over.sort_unstable();
        assert_eq!(handed_over, names[1..]);
        drop(entering);
        assert_eq!(claims.begin_release(3, |_| true), names[..1]);
    }

    #[test]
    fn without_a_place_no_room_is_ours() {
        let room = RoomName::parse("Year 7").unwrap();
        let claims = Claims::of([room.clone()]);
        let Known::Ours(entering) = claims.look(&room) else {
            panic!("it is ours");
        };
        let taking = claims.taking();
        let used = claims.close().iter().filter(|claim| !claim.is_unused()).count();
        assert_eq!(used, 2, "one is entered, and somebody takes rooms over");
        drop((entering, taking));
        assert!(matches!(claims.look(&room), Known::Nothing));
        assert!(claims.add(room.clone()).is_none() && claims.taking().is_none());
        claims.end_release(&[], std::slice::from_ref(&room));
        assert!(matches!(claims.look(&room), Known::Nothing));
        claims.open([]);
        assert!(claims.add(room).is_some());
    }
}
