//! What a room has the journal remember: facts of the past, complete enough to fold the same state from them again.

use crate::model::id::{
    ClientKey, ConnectionId, ConnectorId, LinkId, MemberId, ParticipantId, RoomName, SessionId, StreamType, Username,
};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{
    Actor, ConnectionPath, ConnectionState, DropReason, ErrorKind, LeaveReason, LinkCloseReason, RoomAction,
};

/// One fact, with the moment it became one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub at: Timestamp,
    /// The session it belongs to; `None` only for an error on a socket that is in no room.
    pub session: Option<SessionId>,
    /// What happened.
    pub change: Change,
}

impl Record {
    /// Whether clients are told of it: then what they are told waits until it is on disk.
    pub fn is_told(&self) -> bool {
        match self.change {
            Change::SessionStarted { .. }
            | Change::Joined(_)
            | Change::Left { .. }
            | Change::Disconnected { .. }
            | Change::Reconnected { .. }
            | Change::Acted { .. }
            | Change::Error { .. } => true,
            Change::SessionEnded { .. }
            | Change::Gap { .. }
            | Change::CalendarMoved { .. }
            | Change::MoreErrors { .. }
            | Change::LinkOffered(_)
            | Change::LinkAnswered { .. }
            | Change::LinkProgress { .. }
            | Change::LinkClosed { .. }
            | Change::LinkReported { .. }
            | Change::LeaveOwed { .. }
            | Change::Overflowed { .. }
            | Change::Snapshot(_) => false,
        }
    }
}

/// What happened. The first nine are the history's event kinds; the rest keeps the links and what a restart needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The first member came into an empty room.
    SessionStarted {
        /// The room's name.
        room: RoomName,
    },
    /// The room has been empty for its idle timeout.
    SessionEnded {
        /// When the last member left: the session's end (the record's own `at` is when the idle timeout ran out).
        ended_at: Timestamp,
    },
    /// A member came in.
    Joined(Joined),
    /// A member is gone: one row's end.
    Left {
        /// Who.
        participant: ParticipantId,
        /// Their name.
        username: Username,
        /// The member that is gone.
        member: MemberId,
        /// The connection that this ends; `None` if the member was away.
        open_connection: Option<ConnectionId>,
        /// The member's last connection, open or not: its away time ends here.
        last_connection: ConnectionId,
        /// Why.
        reason: LeaveReason,
        /// When it was last there: earlier than the record, where nobody could know then that it would not come back.
        left_at: Timestamp,
    },
    /// A member's socket is gone; the member is away.
    Disconnected {
        /// Who.
        participant: ParticipantId,
        /// Their name.
        username: Username,
        /// The member that is away.
        member: MemberId,
        /// The connection that ended.
        connection: ConnectionId,
        /// When its grace runs out.
        until: Timestamp,
        /// Why the socket went.
        why: DropReason,
        /// What it is if nobody comes back, where that is known; also whether the server is to blame.
        leaves_as: Option<LeaveReason>,
    },
    /// A member is back on a new socket.
    Reconnected {
        /// Who.
        participant: ParticipantId,
        /// Their name.
        username: Username,
        /// The member that is back.
        member: MemberId,
        /// The connection that begins.
        connection: ConnectionId,
        /// The connection before it, whose away time ends here.
        previous: ConnectionId,
        /// Whether `previous` was still open (a takeover): then it ends here too.
        took_over: bool,
    },
    /// A client was told an error. The room refuses; whoever drives it says so in words, and records those.
    Error {
        /// Who, if the socket was a member's.
        participant: Option<ParticipantId>,
        /// The error's type.
        code: ErrorKind,
        /// The client's event that was refused, cut to 64 characters.
        event: String,
        /// What was wrong, in English; never holds what the client sent.
        message: String,
    },
    /// Clients were told more errors than are listed one by one.
    MoreErrors {
        /// Who, if the socket was a member's.
        participant: Option<ParticipantId>,
        /// How many.
        count: u64,
    },
    /// A teacher did something to the room.
    Acted {
        /// Whom it was about, if it was not the room as a whole.
        participant: Option<ParticipantId>,
        /// Their name.
        username: Option<Username>,
        /// What.
        what: RoomAction,
        /// By what the teacher was known.
        by: Actor,
    },
    /// Events that had to be dropped while the database could not be written.
    Gap {
        /// How many.
        dropped: u64,
    },
    /// A clock that was wrong was set: what the session has in the history was so much later.
    CalendarMoved {
        /// How much.
        by_ms: i64,
    },
    /// An offer opened a link.
    LinkOffered(LinkOffered),
    /// An answer completed a link, or completed it again.
    LinkAnswered {
        /// Which.
        link: LinkId,
        /// The answering end's own connector.
        connector: ConnectorId,
    },
    /// What has passed over a link so far (absolute counts; written now and then, not per message).
    LinkProgress {
        /// Which.
        link: LinkId,
        /// What passed.
        traffic: Traffic,
    },
    /// A link is gone.
    LinkClosed {
        /// Which.
        link: LinkId,
        /// What had passed.
        traffic: Traffic,
        /// Why.
        why: LinkCloseReason,
    },
    /// A page has said how its end of a link is.
    LinkReported {
        /// Which.
        link: LinkId,
        /// Which end of it.
        by: LinkSide,
        /// What.
        report: Report,
    },
    /// A member that is away is still to be told of a leave. Its [`Change::Reconnected`] settles what it is owed, and so
    /// does its own leaving. May come twice for one debt.
    LeaveOwed {
        /// Who is to be told.
        member: MemberId,
        /// What.
        leave: PendingLeave,
    },
    /// An away member's mailbox overflowed: it can no longer resume.
    Overflowed {
        /// Who.
        member: MemberId,
    },
    /// The whole of a room's live state, after records had to be dropped: what is open in the database and not in here, ends.
    Snapshot(Box<Snapshot>),
}

/// A member came in, with all that its rows need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The person's row of this session (the same for the same username).
    pub participant: ParticipantId,
    /// Their name.
    pub username: Username,
    /// The member's address.
    pub member: MemberId,
    /// The hash of the client's secret.
    pub key: ClientKey,
    /// The connection that begins.
    pub connection: ConnectionId,
    /// The member's place in the order of joining, unique in the room.
    pub position: u64,
    /// How many members the room now has (present or away), this one included.
    pub members: u32,
}

/// An offer opened a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOffered {
    /// The link.
    pub link: LinkId,
    /// Who offered.
    pub offerer: End,
    /// The offering end's own connector.
    pub connector: ConnectorId,
    /// To whom.
    pub answerer: End,
    /// What it carries.
    pub stream: StreamType,
}

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The member's address.
    pub member: MemberId,
    /// The person.
    pub participant: ParticipantId,
}

/// Which end of a link it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkSide {
    /// That which offered.
    Offerer,
    /// That which was offered.
    Answerer,
}

/// What a page says of its end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How it is.
    pub state: ConnectionState,
    /// How it goes, if the page knows.
    pub path: Option<ConnectionPath>,
    /// Since when.
    pub at: Timestamp,
}

/// What passed over a link, counted since it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Candidates the offering end sent.
    pub offerer_candidates: u32,
    /// Candidates the answering end sent.
    pub answerer_candidates: u32,
    /// How often the two were asked to negotiate again, or one offered again over the same connectors.
    pub renegotiations: u32,
}

/// That a peer is gone: an away member is to be told of it when it is back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingLeave {
    /// The connector of the member that is to be told.
    pub connector: ConnectorId,
    /// Who is gone.
    pub leaver: MemberId,
}

/// The live state of one room: what a restart finds in the database, and what repairs the database after a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The room's name.
    pub room: RoomName,
    /// When the session began.
    pub started_at: Timestamp,
    /// The most members there were at once.
    pub peak: u32,
    /// Everyone who has been in this session, in no particular order: a name keeps its row. A repair needs only those
    /// whose rows may be missing.
    pub participants: Vec<(Username, ParticipantId)>,
    /// The members, in the order they joined.
    pub members: Vec<LiveMember>,
    /// The links between them.
    pub links: Vec<LiveLink>,
    /// Who has left lately, as a restart finds it: a repair leaves what is stored of that alone.
    pub gone: Vec<MemberId>,
}

/// One member of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMember {
    /// The member's address.
    pub member: MemberId,
    /// The person.
    pub participant: ParticipantId,
    /// Their name.
    pub username: Username,
    /// The hash of the client's secret.
    pub key: ClientKey,
    /// The member's place in the order of joining.
    pub position: u64,
    /// When this member joined.
    pub joined_at: Timestamp,
    /// Its open connection, or its last one.
    pub connection: ConnectionId,
    /// When that connection began.
    pub connected_at: Timestamp,
    /// If it is away: since when, and until when it may resume.
    pub away: Option<(Timestamp, Timestamp)>,
    /// Whether its mailbox overflowed: it can no longer resume.
    pub overflowed: bool,
    /// If it is away: the leaves it is to be told of, in order.
    pub owed: Vec<PendingLeave>,
    /// Why the member leaves if it does not come back, where that is not for its lost contact: the page was closed, or the
    /// server stopped before this start. It was last there then.
    pub leaves_as: Option<LeaveReason>,
}

/// One link of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLink {
    /// The link.
    pub link: LinkId,
    /// When it was offered.
    pub offered_at: Timestamp,
    /// Who offered.
    pub offerer: End,
    /// The offering end's own connector.
    pub offerer_connector: ConnectorId,
    /// To whom.
    pub answerer: End,
    /// The answering end's own connector and when it answered, if it did.
    pub answered: Option<(ConnectorId, Timestamp)>,
    /// What it carries.
    pub stream: StreamType,
    /// What passed so far.
    pub traffic: Traffic,
}
