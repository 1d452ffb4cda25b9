//! Limits on how much one client, one address or one room may do, and the variables that set them.

use crate::model::limit::LimitName;
use crate::room::refusal::Reason;

/// A limit on what clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Joins on one socket.
    JoinsOfSocket,
    /// Joins of one address.
    JoinsOfAddress,
    /// Joins in one room.
    JoinsOfRoom,
    /// Rooms that one address opens.
    RoomsOfAddress,
    /// Sockets that take over one member.
    Takeovers,
    /// Messages from one member to one other.
    RelaysOfPair,
    /// What waits for one member, sent by one other.
    WaitingOfPair,
    /// Sockets of one address that are in a class.
    SocketsOfAddress,
    /// Sockets of all addresses that are in a class.
    Sockets,
}

impl Limit {
    /// All of them, in order.
    pub(super) const ALL: [Self; 9] = [
        Self::JoinsOfSocket,
        Self::JoinsOfAddress,
        Self::JoinsOfRoom,
        Self::RoomsOfAddress,
        Self::Takeovers,
        Self::RelaysOfPair,
        Self::WaitingOfPair,
        Self::SocketsOfAddress,
        Self::Sockets,
    ];

    /// What it is called.
    pub(super) fn name(self) -> LimitName {
        match self {
            Self::JoinsOfSocket => LimitName::JoinsPerSocket,
            Self::JoinsOfAddress => LimitName::JoinsPerAddress,
            Self::JoinsOfRoom => LimitName::JoinsPerRoom,
            Self::RoomsOfAddress => LimitName::RoomsPerAddress,
            Self::Takeovers => LimitName::MaxTakeovers,
            Self::RelaysOfPair => LimitName::RelaysPerPair,
            Self::WaitingOfPair => LimitName::MaxWaitingPerPair,
            Self::SocketsOfAddress => LimitName::MaxConnectionsPerAddress,
            Self::Sockets => LimitName::MaxConnections,
        }
    }
}

/// The limit that an operator may change so that a room does not refuse this.
pub(super) fn limit_of_room(reason: &Reason) -> Option<LimitName> {
    let limits = [
        (matches!(reason, Reason::RoomFull { .. }), LimitName::MaxRoomMembers),
        (
            matches!(reason, Reason::TooManyPeople { .. }),
            LimitName::MaxSessionPeople,
        ),
        (
            matches!(reason, Reason::TooManyFromAddress { .. }),
            LimitName::MaxSessionPeoplePerAddress,
        ),
    ];
    let reached = limits.into_iter().find(|(is_reached, _)| *is_reached);
    reached.map(|(_, limit)| limit)
}
