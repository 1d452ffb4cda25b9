//! Limits on how much one client, one address or one room may do, and the variables that set them.

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

    /// The variable that sets it.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::JoinsOfSocket => "JOINS_PER_SOCKET",
            Self::JoinsOfAddress => "JOINS_PER_ADDRESS",
            Self::JoinsOfRoom => "JOINS_PER_ROOM",
            Self::RoomsOfAddress => "ROOMS_PER_ADDRESS",
            Self::Takeovers => "MAX_TAKEOVERS",
            Self::RelaysOfPair => "RELAYS_PER_PAIR",
            Self::WaitingOfPair => "MAX_WAITING_PER_PAIR",
            Self::SocketsOfAddress => "MAX_CONNECTIONS_PER_ADDRESS",
            Self::Sockets => "MAX_CONNECTIONS",
        }
    }
}

/// The variable that an operator may change so that a room does not refuse this.
pub(super) fn variable_of(reason: &Reason) -> Option<&'static str> {
    let limits = [
        (matches!(reason, Reason::RoomFull { .. }), "MAX_ROOM_MEMBERS"),
        (matches!(reason, Reason::TooManyPeople { .. }), "MAX_SESSION_PEOPLE"),
        (
            matches!(reason, Reason::TooManyFromAddress { .. }),
            "MAX_SESSION_PEOPLE_PER_ADDRESS",
        ),
    ];
    let reached = limits.into_iter().find(|(is_reached, _)| *is_reached);
    reached.map(|(_, variable)| variable)
}
