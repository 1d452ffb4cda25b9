//! What a client is told when something it sent is refused: a stable type, and a sentence for people.

use crate::model::id::{InvalidText, Username};

/// The `type` of an `error` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The name is taken in that room.
    Repeat,
    /// The message is malformed.
    Invalid,
    /// The socket is in no room.
    NotJoined,
    /// That member was never in the room.
    UnknownMember,
    /// The room is at its capacity.
    RoomFull,
    /// Too much, too fast.
    RateLimited,
    /// The server cannot do it at present.
    Unavailable,
    /// The socket's member has come back on another one.
    Replaced,
}

impl ErrorKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Invalid => "invalid",
            Self::NotJoined => "notJoined",
            Self::UnknownMember => "unknownMember",
            Self::RoomFull => "roomFull",
            Self::RateLimited => "rateLimited",
            Self::Unavailable => "unavailable",
            Self::Replaced => "replaced",
        }
    }
}

/// The language of the sentences for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// Where the handshake's `Accept-Language` prefers it.
    Chinese,
}

/// A message that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The client's event, cut to [`Refusal::EVENT_CHARS`].
    pub event: Box<str>,
    /// What was wrong.
    pub reason: Reason,
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The name is taken.
    NameTaken,
    /// The name looks like that of a member.
    NameAlike {
        /// Theirs.
        other: Username,
    },
    /// The socket is in the room already, under another name.
    OtherName,
    /// The socket's member has come back on another one.
    Replaced,
    /// The room is full.
    RoomFull {
        /// How many members it takes.
        capacity: usize,
    },
    /// The session has had too many people.
    TooManyPeople {
        /// How many it takes.
        people: usize,
    },
    /// The address has brought too many people to the session.
    TooManyFromAddress {
        /// How many it may bring.
        people: usize,
    },
    /// The socket is in no room.
    NotJoined,
    /// Too many messages were sent before joining, or the join did not come in time.
    HeldTooLong,
    /// That member was never in the room.
    UnknownMember,
    /// The message is addressed to its sender.
    ToYourself,
    /// The connector is the sender's own, where the peer's was asked for.
    OwnConnector,
    /// The connector is of no connection between the two.
    UnknownConnector(&'static str),
    /// The link has no answer yet, so the peer's connector is not known.
    NotAnswered,
    /// More streams between two members than any page needs.
    TooManyLinks,
    /// The message is no JSON.
    NotJson,
    /// The payload is no JSON object.
    NotAnObject,
    /// The payload has binary attachments.
    Binary,
    /// No such event.
    UnknownEvent,
    /// A field is missing.
    Missing(&'static str),
    /// A field has the wrong type.
    NotAString(&'static str),
    /// A field says what only the server may say.
    Reserved(&'static str),
    /// A field's text is out of bounds.
    Text(&'static str, InvalidText),
    /// More for a member who is away than one sender's share. Recorded, not told.
    TooMuchForAway,
    /// More for a member who is away than is kept in all. Recorded, not told.
    AwayIsFull,
    /// Too many refused messages on this socket.
    TooManyErrors,
    /// More than this limit allows.
    TooMuch(Limit),
    /// A large message before a join.
    TooLargeBeforeJoin {
        /// How many KiB it may have.
        kib: usize,
    },
    /// The server is shutting down.
    ShuttingDown,
}

/// A limit on how much one client, one address or one room may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
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
    pub const ALL: [Self; 9] = [
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
    pub fn variable(self) -> &'static str {
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

    fn english(self) -> &'static str {
        match self {
            Self::JoinsOfSocket => "This page has joined too often: wait a minute, then try again.",
            Self::JoinsOfAddress => "Too many joins came from this network address: wait a minute, then try again.",
            Self::JoinsOfRoom => "Too many joins came to this room: wait a minute, then try again.",
            Self::RoomsOfAddress => {
                "Too many rooms were opened from this network address: wait a minute, then try again."
            }
            Self::Takeovers => {
                "This id has come back on too many connections: it may be open in two tabs. Close one, then try again."
            }
            Self::RelaysOfPair => "Too many messages to this member: slow down.",
            Self::WaitingOfPair => "This member's connection is slow, and too much of yours waits for it: slow down.",
            Self::SocketsOfAddress => "Too many people of this network address are in a class: try again later.",
            Self::Sockets => "Too many people are in a class on this server: try again later.",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Self::JoinsOfSocket => "此页面加入过于频繁，请一分钟后再试",
            Self::JoinsOfAddress => "此网络地址加入过于频繁，请一分钟后再试",
            Self::JoinsOfRoom => "此房间加入过于频繁，请一分钟后再试",
            Self::RoomsOfAddress => "此网络地址新建的房间过多，请一分钟后再试",
            Self::Takeovers => "此 id 在过多的连接上返回，可能同时在两个标签页中打开，请关闭其中一个后再试",
            Self::RelaysOfPair => "发送给该成员的消息过多，请放慢速度",
            Self::WaitingOfPair => "该成员的连接较慢，你发送的消息积压过多，请放慢速度",
            Self::SocketsOfAddress => "此网络地址已有过多的人在课堂中，请稍后再试",
            Self::Sockets => "此服务器的课堂人数已满，请稍后再试",
        }
    }
}

impl Refusal {
    /// The most characters of a client's event name that are repeated to anyone.
    pub const EVENT_CHARS: usize = 64;

    /// A refusal of `event`.
    pub fn new(event: &str, reason: Reason) -> Self {
        Self {
            event: event.chars().take(Self::EVENT_CHARS).collect(),
            reason,
        }
    }

    /// Its type on the wire.
    pub fn kind(&self) -> ErrorKind {
        self.reason.kind()
    }

    /// The sentence for people.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::English => self.reason.english(),
            Language::Chinese => self.reason.chinese(),
        }
    }

    /// The sentence for the history, which says nothing of anybody else: one who is erased there must be so everywhere.
    pub fn recorded(&self) -> String {
        if matches!(self.reason, Reason::NameAlike { .. }) {
            return "This name looks like that of somebody who is in this room already.".into();
        }
        self.reason.english()
    }
}

impl Reason {
    /// The variable that an operator may change so that this is not refused.
    pub fn variable(&self) -> Option<&'static str> {
        let limits = [
            (matches!(self, Self::RoomFull { .. }), "MAX_ROOM_MEMBERS"),
            (matches!(self, Self::TooManyPeople { .. }), "MAX_SESSION_PEOPLE"),
            (
                matches!(self, Self::TooManyFromAddress { .. }),
                "MAX_SESSION_PEOPLE_PER_ADDRESS",
            ),
        ];
        limits
            .into_iter()
            .find_map(|(is_it, variable)| is_it.then_some(variable))
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NameTaken | Self::NameAlike { .. } => ErrorKind::Repeat,
            Self::RoomFull { .. } | Self::TooManyPeople { .. } | Self::TooManyFromAddress { .. } => ErrorKind::RoomFull,
            Self::NotJoined | Self::HeldTooLong => ErrorKind::NotJoined,
            Self::UnknownMember => ErrorKind::UnknownMember,
            Self::TooManyLinks | Self::TooManyErrors | Self::TooMuch(_) | Self::TooMuchForAway | Self::AwayIsFull => {
                ErrorKind::RateLimited
            }
            Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Replaced => ErrorKind::Replaced,
            Self::OtherName
            | Self::ToYourself
            | Self::OwnConnector
            | Self::UnknownConnector(_)
            | Self::Reserved(_)
            | Self::NotAnswered
            | Self::NotJson
            | Self::NotAnObject
            | Self::Binary
            | Self::TooLargeBeforeJoin { .. }
            | Self::UnknownEvent
            | Self::Missing(_)
            | Self::NotAString(_)
            | Self::Text(..) => ErrorKind::Invalid,
        }
    }

    fn english(&self) -> String {
        match self {
            Self::NameTaken => "Someone in this room already has this name.".into(),
            Self::NameAlike { other } => format!("This name looks like {other}, who is in this room already."),
            Self::OtherName => "username: you are in this room already, under another name; leave first.".into(),
            Self::Replaced => "You have come back to this room on another connection, so this one is over.".into(),
            Self::RoomFull { capacity } => format!("This room is full: it takes {capacity} members."),
            Self::TooManyPeople { people } => {
                format!("This session takes no more names: {people} have been in it. Earlier ones may come back.")
            }
            Self::TooManyFromAddress { people } => format!(
                "Your network has brought {people} names to this session, and may bring no more. Earlier ones may come back."
            ),
            Self::NotJoined => "Join a room first.".into(),
            Self::HeldTooLong => "Join a room first: what was sent before was not followed by a join in time.".into(),
            Self::UnknownMember => "memberId: no such member was ever in this room.".into(),
            Self::ToYourself => "memberId: this is your own address.".into(),
            Self::OwnConnector => "remoteConnectorId: this is your own connector, not your peer's.".into(),
            Self::UnknownConnector(field) => format!("{field}: you have no such connection with this member."),
            Self::NotAnswered => "connectorId: this connection has not been answered yet.".into(),
            Self::TooManyLinks => "Too many different streams with this member.".into(),
            Self::NotJson => "The message must be valid JSON.".into(),
            Self::NotAnObject => "The message must be one JSON object.".into(),
            Self::Binary => "Binary data is not accepted: send text.".into(),
            Self::UnknownEvent => "There is no such event.".into(),
            Self::Missing(field) => format!("{field} is missing."),
            Self::NotAString(field) => format!("{field} must be a string."),
            Self::Reserved(field) => format!("{field}: this word is the server's own, choose another."),
            Self::Text(field, problem) => format!("{field} {problem}."),
            Self::TooMuchForAway => {
                "Too much for a member who is away: it is not kept, and the two connect anew.".into()
            }
            Self::AwayIsFull => "Too much for a member who is away, from all together: it cannot resume.".into(),
            Self::TooManyErrors => "Too many refused messages: slow down.".into(),
            Self::TooMuch(limit) => limit.english().into(),
            Self::TooLargeBeforeJoin { kib } => {
                format!("Join a room first: before that a message has at most {kib} KiB.")
            }
            Self::ShuttingDown => "The server is shutting down.".into(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::NameTaken => "此房间该用户名已存在".into(),
            Self::NameAlike { other } => format!("此房间已有看起来相同的用户名：{other}"),
            Self::OtherName => "username：你已用另一个用户名在此房间中，请先离开".into(),
            Self::Replaced => "你已通过另一个连接回到此房间，此连接已结束".into(),
            Self::RoomFull { capacity } => format!("房间已满：最多 {capacity} 人"),
            Self::TooManyPeople { people } => {
                format!("此课堂不再接受新的用户名：已有 {people} 个。之前的用户名仍可返回")
            }
            Self::TooManyFromAddress { people } => {
                format!("你所在的网络已为此课堂带来 {people} 个用户名，不能再增加。之前的用户名仍可返回")
            }
            Self::NotJoined => "请先加入房间".into(),
            Self::HeldTooLong => "请先加入房间：之前发送的消息未能及时等到加入".into(),
            Self::UnknownMember => "memberId：该房间从未有过此成员".into(),
            Self::ToYourself => "memberId：这是你自己的地址".into(),
            Self::OwnConnector => "remoteConnectorId：这是你自己的连接，不是对方的".into(),
            Self::UnknownConnector(field) => format!("{field}：你与该成员没有这个连接"),
            Self::NotAnswered => "connectorId：该连接尚未应答".into(),
            Self::TooManyLinks => "与该成员的流过多".into(),
            Self::NotJson => "消息必须是有效的 JSON".into(),
            Self::NotAnObject => "消息必须是一个 JSON 对象".into(),
            Self::Binary => "不接受二进制数据，请发送文本".into(),
            Self::UnknownEvent => "没有这个事件".into(),
            Self::Missing(field) => format!("缺少 {field}"),
            Self::NotAString(field) => format!("{field} 必须是字符串"),
            Self::Reserved(field) => format!("{field}：该词仅供服务器使用，请换一个"),
            Self::Text(field, problem) => match problem {
                InvalidText::Empty => format!("{field} 不能为空"),
                InvalidText::TooLong { max } => format!("{field} 最多 {max} 个字符"),
                InvalidText::Control => format!("{field} 不能包含控制字符"),
                InvalidText::Directional => format!("{field} 不能包含改变文字方向的字符"),
                InvalidText::NeverShown => format!("{field} 不能包含不会显示的字符"),
                InvalidText::Invisible => format!("{field} 必须有可见的字符"),
            },
            Self::TooMuchForAway => "发给离线成员的消息过多：未予保留，双方将重新连接".into(),
            Self::AwayIsFull => "所有人发给该离线成员的消息过多：其无法恢复".into(),
            Self::TooManyErrors => "被拒绝的消息过多，请放慢速度".into(),
            Self::TooMuch(limit) => limit.chinese().into(),
            Self::TooLargeBeforeJoin { kib } => format!("请先加入房间：加入之前一条消息最多 {kib} KiB"),
            Self::ShuttingDown => "服务器正在关闭".into(),
        }
    }
}
