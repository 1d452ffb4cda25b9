//! What holds of every room, whatever has happened to it. A room that breaks it has a fault of ours.

use super::links::Links;
use super::member::Member;
use super::room::Room;
use crate::model::id::MemberId;
use crate::model::time::Tick;

impl Room {
    /// Run after every input in debug builds. It allocates nothing, so that tests may count what a room allocates.
    ///
    /// # Panics
    /// If something does not hold.
    pub(super) fn assert_invariants(&self) {
        for (index, member) in self.members.iter().enumerate() {
            self.assert_member(member);
            for other in &self.members[..index] {
                self.assert_differ(other, member);
            }
        }
        for (a, b, links) in self.links.pairs() {
            assert!(a < b, "a pair is kept once");
            assert!(self.has(a) && self.has(b), "a pair is of two members");
            assert!(links.len() <= Links::PER_PAIR, "a pair has only so many links");
            for link in links {
                let (offerer, answerer) = (link.offerer.member, link.answerer.member);
                assert!(
                    (offerer, answerer) == (a, b) || (offerer, answerer) == (b, a),
                    "a link is between the two of its pair"
                );
            }
        }
        assert!(
            self.members.is_empty() || self.session.as_ref().is_some_and(|session| session.empty.is_none()),
            "members are of a session that is not empty"
        );
    }

    fn assert_member(&self, member: &Member) {
        let (socket, is_away) = (member.socket(), !member.is_present());
        let mailbox = &member.mailbox;
        assert!(
            member.delivers_to.is_none() || member.delivers_to == socket,
            "what is told to a member goes to its own socket"
        );
        assert!(
            member.delivers_to.is_none() || mailbox.is_empty(),
            "nothing waits for a member whose socket takes it"
        );
        assert!(mailbox.adds_up(is_away), "what waits is counted");
        assert!(
            is_away || !mailbox.has_overflowed(),
            "who has lost something does not come back"
        );
        assert!(!is_away || member.asked.is_empty(), "nobody offers without a socket");
        assert!(
            is_away || member.leaves_as.is_none(),
            "only who is away may be gone already"
        );
        assert!(member.position < self.next_position, "places are given once");
        assert!(!self.is_gone(member.id), "a member is not gone");
        let participant = self
            .session
            .as_ref()
            .and_then(|session| session.participants.get(&member.username));
        assert_eq!(participant, Some(&member.participant), "a name keeps its row");
    }

    fn has(&self, member: MemberId) -> bool {
        self.index_of(member).is_some()
    }

    fn assert_differ(&self, earlier: &Member, later: &Member) {
        assert!(
            earlier.position < later.position,
            "members are in the order they joined"
        );
        assert!(earlier.id != later.id, "an address is one member's");
        assert!(earlier.participant != later.participant, "a person is one member");
        assert!(earlier.key != later.key, "a secret is one member's");
        // An earlier release may have let in two that this one tells not apart.
        assert!(
            self.was_restored() || !earlier.look.resembles(&later.look),
            "names are told apart"
        );
        assert!(
            earlier.socket().is_none() || earlier.socket() != later.socket(),
            "a socket is one member's"
        );
    }

    fn was_restored(&self) -> bool {
        self.forgiving_until > Tick::default()
    }
}
