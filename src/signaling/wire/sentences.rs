//! The sentences for people, in their languages: what was wrong with a message.

use super::refusal::{WireReason, WireRefusal};
use crate::join_token::{Forbidden, MAX_TOKEN_BYTES};
use crate::model::id::{InvalidText, ParticipantId, SessionId};
use crate::model::language::Language;
use crate::model::time::Timestamp;
use crate::room::record::{Change, Record};
use crate::room::refusal::Reason;
use crate::signaling::client_limit::Limit;

impl WireRefusal {
    /// The sentence for people.
    pub(in crate::signaling) fn text(&self, language: Language) -> String {
        sentence(&self.reason, language)
    }

    /// What the operator is told: in English, and without anybody's name.
    pub(in crate::signaling) fn cause(&self) -> String {
        if matches!(self.reason, WireReason::Room(Reason::NameTaken { .. })) {
            "Someone in this room already has this name.".into()
        } else if matches!(self.reason, WireReason::Room(Reason::NameAlike { .. })) {
            "This name looks like that of somebody who is in this room already.".into()
        } else {
            self.text(Language::English)
        }
    }

    /// How the history keeps it. One who is erased there must be so everywhere.
    pub(in crate::signaling) fn record(
        &self,
        session: Option<SessionId>,
        participant: Option<ParticipantId>,
        at: Timestamp,
    ) -> Record {
        let change = Change::Error {
            participant,
            code: self.kind(),
            event: self.event.to_string(),
            message: self.cause(),
        };
        Record { at, session, change }
    }
}

fn sentence(reason: &WireReason, language: Language) -> String {
    match language {
        Language::English => english(reason),
        Language::Chinese => chinese(reason),
    }
}

fn english(reason: &WireReason) -> String {
    match reason {
        WireReason::Room(reason) => english_of_room(reason),
        WireReason::HeldTooLong => "Join a room first: what was sent before was not followed by a join in time.".into(),
        WireReason::NotJson => "The message must be valid JSON.".into(),
        WireReason::NotAnObject => "The message must be one JSON object.".into(),
        WireReason::Binary => "Binary data is not accepted: send text.".into(),
        WireReason::UnknownEvent => "There is no such event.".into(),
        WireReason::Missing(field) => english_missing(field),
        WireReason::Twice(field) => format!("{field} must be given once."),
        WireReason::NotAString(field) => format!("{field} must be a string."),
        WireReason::NotOneOf(field, words) => format!("{field} must be one of {}.", words.join(", ")),
        WireReason::Reserved(field) => format!("{field}: this word is the server's own, choose another."),
        WireReason::Text(field, problem) => english_problem(field, *problem),
        WireReason::TooManyErrors => "Too many refused messages: slow down.".into(),
        WireReason::TooMuch(limit) => english_limit(*limit).into(),
        WireReason::Forbidden(reason) => reason.to_string(),
        WireReason::TooLargeBeforeJoin { kib } => {
            format!("Join a room first: before that a message has at most {kib} KiB.")
        }
        WireReason::ShuttingDown => "The server is shutting down.".into(),
    }
}

fn english_of_room(reason: &Reason) -> String {
    match reason {
        Reason::NameTaken { name, room } => format!("Someone in the room “{room}” already has the name “{name}”."),
        Reason::NameAlike { name, other } => {
            format!("The name “{name}” looks like “{other}”, who is in this room already.")
        }
        Reason::NameInvalid(problem) => english_problem("username", *problem),
        Reason::NameMissing => english_missing("username"),
        Reason::OtherName => "username: you are in this room already, under another name; leave first.".into(),
        Reason::Replaced => "You have come back to this room on another connection, so this one is over.".into(),
        Reason::RoomFull { room, capacity } => format!("The room “{room}” is full: it takes {capacity} members."),
        Reason::TooManyPeople { people } => {
            format!("This session takes no more names: {people} have been in it. Earlier ones may come back.")
        }
        Reason::TooManyFromAddress { people } => format!(
            "Your network has brought {people} names to this session, and may bring no more. Earlier ones may come back."
        ),
        Reason::NotJoined => "Join a room first.".into(),
        Reason::UnknownMember => "memberId: no such member was ever in this room.".into(),
        Reason::ToYourself => "memberId: this is your own address.".into(),
        Reason::OwnConnector => "remoteConnectorId: this is your own connector, not your peer's.".into(),
        Reason::UnknownRemoteConnector => "remoteConnectorId: you have no such connection with this member.".into(),
        Reason::UnknownConnector => "connectorId: you have no such connection with this member.".into(),
        Reason::NotAnswered => "connectorId: this connection has not been answered yet.".into(),
        Reason::TooManyLinks => "Too many different streams with this member.".into(),
        Reason::TooMuchForAway => "Too much for a member who is away: it is not kept, and the two connect anew.".into(),
        Reason::AwayIsFull => "Too much for a member who is away, from all together: it cannot resume.".into(),
        Reason::Removed => "You were taken out of this room by its teacher.".into(),
        Reason::Closed => "This room was closed by its teacher.".into(),
        Reason::Barred { minutes } => {
            format!("You were taken out of this room by its teacher: come back in {minutes} min.")
        }
        Reason::RoomClosed { minutes } => {
            format!("This room was closed by its teacher: come back in {minutes} min.")
        }
        Reason::RoomLocked => "This room is locked by its teacher: nobody new comes in for now.".into(),
    }
}

fn english_missing(field: &str) -> String {
    format!("{field} is missing.")
}

fn english_problem(field: &str, problem: InvalidText) -> String {
    format!("{field} {problem}.")
}

fn english_limit(limit: Limit) -> &'static str {
    match limit {
        Limit::JoinsOfSocket => "This page has joined too often: wait a minute, then try again.",
        Limit::JoinsOfAddress => "Too many joins came from this network address: wait a minute, then try again.",
        Limit::JoinsOfRoom => "Too many joins came to this room: wait a minute, then try again.",
        Limit::RoomsOfAddress => "Too many rooms were opened from this network address: wait a minute, then try again.",
        Limit::Takeovers => {
            "This id has come back on too many connections: it may be open in two tabs. Close one, then try again."
        }
        Limit::RelaysOfPair => "Too many messages to this member: slow down.",
        Limit::WaitingOfPair => "This member's connection is slow, and too much of yours waits for it: slow down.",
        Limit::SocketsOfAddress => "Too many people of this network address are in a class: try again later.",
        Limit::Sockets => "Too many people are in a class on this server: try again later.",
    }
}

fn chinese(reason: &WireReason) -> String {
    match reason {
        WireReason::Room(reason) => chinese_of_room(reason),
        WireReason::HeldTooLong => "请先加入房间：之前发送的消息未能及时等到加入".into(),
        WireReason::NotJson => "消息必须是有效的 JSON".into(),
        WireReason::NotAnObject => "消息必须是一个 JSON 对象".into(),
        WireReason::Binary => "不接受二进制数据，请发送文本".into(),
        WireReason::UnknownEvent => "没有这个事件".into(),
        WireReason::Missing(field) => chinese_missing(field),
        WireReason::Twice(field) => format!("{field} 只能给出一次"),
        WireReason::NotAString(field) => format!("{field} 必须是字符串"),
        WireReason::NotOneOf(field, words) => format!("{field} 必须是以下之一：{}", words.join("、")),
        WireReason::Reserved(field) => format!("{field}：该词仅供服务器使用，请换一个"),
        WireReason::Text(field, problem) => chinese_problem(field, *problem),
        WireReason::TooManyErrors => "被拒绝的消息过多，请放慢速度".into(),
        WireReason::TooMuch(limit) => chinese_limit(*limit).into(),
        WireReason::Forbidden(reason) => chinese_of_forbidden(reason),
        WireReason::TooLargeBeforeJoin { kib } => format!("请先加入房间：加入之前一条消息最多 {kib} KiB"),
        WireReason::ShuttingDown => "服务器正在关闭".into(),
    }
}

fn chinese_of_room(reason: &Reason) -> String {
    match reason {
        // Word for word: deployed pages know it.
        Reason::NameTaken { .. } => "此房间该用户名已存在".into(),
        Reason::NameAlike { name, other } => format!("此房间已有与“{name}”看起来相同的用户名：{other}"),
        Reason::NameInvalid(problem) => chinese_problem("username", *problem),
        Reason::NameMissing => chinese_missing("username"),
        Reason::OtherName => "username：你已用另一个用户名在此房间中，请先离开".into(),
        Reason::Replaced => "你已通过另一个连接回到此房间，此连接已结束".into(),
        Reason::RoomFull { room, capacity } => format!("房间“{room}”已满：最多 {capacity} 人"),
        Reason::TooManyPeople { people } => {
            format!("此课堂不再接受新的用户名：已有 {people} 个。之前的用户名仍可返回")
        }
        Reason::TooManyFromAddress { people } => {
            format!("你所在的网络已为此课堂带来 {people} 个用户名，不能再增加。之前的用户名仍可返回")
        }
        Reason::NotJoined => "请先加入房间".into(),
        Reason::UnknownMember => "memberId：该房间从未有过此成员".into(),
        Reason::ToYourself => "memberId：这是你自己的地址".into(),
        Reason::OwnConnector => "remoteConnectorId：这是你自己的连接，不是对方的".into(),
        Reason::UnknownRemoteConnector => "remoteConnectorId：你与该成员没有这个连接".into(),
        Reason::UnknownConnector => "connectorId：你与该成员没有这个连接".into(),
        Reason::NotAnswered => "connectorId：该连接尚未应答".into(),
        Reason::TooManyLinks => "与该成员的流过多".into(),
        Reason::TooMuchForAway => "发给离线成员的消息过多：未予保留，双方将重新连接".into(),
        Reason::AwayIsFull => "所有人发给该离线成员的消息过多：其无法恢复".into(),
        Reason::Removed => "老师已将你移出此房间".into(),
        Reason::Closed => "老师已关闭此房间".into(),
        Reason::Barred { minutes } => format!("老师已将你移出此房间，请在 {minutes} 分钟后再来"),
        Reason::RoomClosed { minutes } => format!("老师已关闭此房间，请在 {minutes} 分钟后再来"),
        Reason::RoomLocked => "老师已锁定此房间，暂不允许新的人进入".into(),
    }
}

fn chinese_missing(field: &str) -> String {
    format!("缺少 {field}")
}

fn chinese_problem(field: &str, problem: InvalidText) -> String {
    match problem {
        InvalidText::Empty => format!("{field} 不能为空"),
        InvalidText::TooLong { max } => format!("{field} 最多 {max} 个字符"),
        InvalidText::Control => format!("{field} 不能包含控制字符"),
        InvalidText::Directional => format!("{field} 不能包含改变文字方向的字符"),
        InvalidText::NeverShown => format!("{field} 不能包含不会显示的字符"),
        InvalidText::Invisible => format!("{field} 必须有可见的字符"),
    }
}

fn chinese_limit(limit: Limit) -> &'static str {
    match limit {
        Limit::JoinsOfSocket => "此页面加入过于频繁，请一分钟后再试",
        Limit::JoinsOfAddress => "此网络地址加入过于频繁，请一分钟后再试",
        Limit::JoinsOfRoom => "此房间加入过于频繁，请一分钟后再试",
        Limit::RoomsOfAddress => "此网络地址新建的房间过多，请一分钟后再试",
        Limit::Takeovers => "此 id 在过多的连接上返回，可能同时在两个标签页中打开，请关闭其中一个后再试",
        Limit::RelaysOfPair => "发送给该成员的消息过多，请放慢速度",
        Limit::WaitingOfPair => "该成员的连接较慢，你发送的消息积压过多，请放慢速度",
        Limit::SocketsOfAddress => "此网络地址已有过多的人在课堂中，请稍后再试",
        Limit::Sockets => "此服务器的课堂人数已满，请稍后再试",
    }
}

fn chinese_of_forbidden(reason: &Forbidden) -> String {
    match reason {
        Forbidden::RoomNotAllowed => "此处没有这个房间：ALLOWED_ROOMS 中未列出".into(),
        Forbidden::Missing => "此服务器凭令牌进入：请打开发给你的链接".into(),
        Forbidden::NotAString => "token 必须是字符串".into(),
        Forbidden::TooLong => format!("token 最多 {MAX_TOKEN_BYTES} 字节"),
        Forbidden::NotAToken => "token 必须是 JSON Web Token（JWT）".into(),
        Forbidden::Algorithm => "token 必须以 HS256 签名".into(),
        Forbidden::Extension => "token 的头部不能含有 crit：此服务器不支持 JWT 的任何扩展".into(),
        Forbidden::Signature => "token 不是此服务器的：签名所用的密钥不同，或内容被改动过".into(),
        Forbidden::Audience => "token 不是用于加入房间的：其 aud 必须是 chatroom:join".into(),
        Forbidden::NoClaim(claim) => format!("token 缺少 {claim}"),
        Forbidden::ClaimNotAString(claim) => format!("token 的 {claim} 必须是字符串"),
        Forbidden::ClaimNotATime(claim) => format!("token 的 {claim} 必须是以秒为单位的数字"),
        Forbidden::ClaimText(claim, problem) => chinese_problem(&format!("token 的 {claim}"), *problem),
        Forbidden::Expired => "你的链接已过期，请索取新的链接".into(),
        Forbidden::NotYet => "你的链接尚未生效，请稍后再来".into(),
        Forbidden::OtherRoom => "你的链接是用于另一个房间的".into(),
        Forbidden::OtherName => "你的链接是用于另一个名字的".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{RoomName, Username};
    use crate::room::refusal::{Refusal, Request};

    fn refusal(reason: Reason) -> WireRefusal {
        let request = Request::Join;
        Refusal { request, reason }.into()
    }

    #[test]
    fn names_are_told_and_not_recorded() {
        let [name, other] = ["Ms.Smith", "Ms. Smith"].map(|name| Username::parse(name).unwrap());
        let room = RoomName::parse("Year 7").unwrap();
        let exact = refusal(Reason::NameTaken {
            name: name.clone(),
            room: room.clone(),
        });
        assert_eq!(exact.text(Language::Chinese), "此房间该用户名已存在");
        let text = exact.text(Language::English);
        assert!(text.contains("Ms.Smith") && text.contains("Year 7"), "{text}");
        let alike = refusal(Reason::NameAlike { name, other });
        let full = refusal(Reason::RoomFull { room, capacity: 30 });
        for language in [Language::English, Language::Chinese] {
            let text = alike.text(language);
            assert!(text.contains("Ms.Smith") && text.contains("Ms. Smith"), "{text}");
            assert!(full.text(language).contains("Year 7"));
        }
        for refusal in [exact, alike] {
            let Change::Error { event, message, .. } = refusal.record(None, None, Timestamp(0)).change else {
                panic!("no error")
            };
            assert_eq!(event, "join");
            assert!(message.contains("this room") && !message.contains("Smith"), "{message}");
        }
    }

    #[test]
    fn an_events_name_is_repeated_only_so_far() {
        let refusal = WireRefusal::new(&"é".repeat(1_000), WireReason::UnknownEvent);
        assert_eq!(refusal.event.chars().count(), WireRefusal::EVENT_CHARS);
    }
}
