//! What travels on links, byte by byte, as nodes of other versions read it.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::frame::{decode, encode};
use super::question::{FromEdge, FromOwner, Held, Membership, NodeAt, Question, Reply, RoomQuestion, RoomReply};
use crate::model::act::{Act, CannotAct, KeptOut, StillHeld};
use crate::model::id::{RoomName, Username};
use crate::model::time::Timestamp;
use crate::signaling::remote::{EntryResult, HandshakeShown, ToEdge, ToOwner};

fn room() -> RoomName {
    RoomName::parse("r").unwrap()
}

fn name() -> Username {
    Username::parse("u").unwrap()
}

fn at() -> NodeAt {
    let address = "a:1".to_owned();
    NodeAt {
        node: 3,
        epoch: 4,
        address,
    }
}

fn said_by_edges() -> Vec<FromEdge> {
    let open = |address, shown| ToOwner::Open {
        address,
        language: "en".to_owned(),
        shown,
    };
    let four = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let six = IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    let of_clients = [
        open(four, HandshakeShown::Nothing),
        open(six, HandshakeShown::NotAString),
        open(four, HandshakeShown::Token("t".to_owned())),
        ToOwner::Say {
            text: "[]".to_owned(),
            is_binary: false,
            callback: Some(7),
            is_entry: true,
        },
        ToOwner::Delivered(300),
        ToOwner::Moved,
        ToOwner::End {
            why: "left".to_owned(),
            delivered: 1,
        },
    ];
    let remove = Act::Remove {
        username: name(),
        bar: Duration::new(2, 5),
    };
    let of_rooms = [
        RoomQuestion::NameTaken(name()),
        RoomQuestion::Membership([9; 32]),
        RoomQuestion::Held,
        RoomQuestion::Act(remove),
        RoomQuestion::Act(Act::Close {
            bar: Duration::from_secs(2),
        }),
        RoomQuestion::Act(Act::Lock(true)),
    ];
    let of_rooms = of_rooms.map(|question| Question::Room(room(), question));
    let questions = [
        Question::Database,
        Question::Here(at()),
        Question::Owner(room()),
        Question::Held,
    ];
    let questions = questions.into_iter().chain(of_rooms);
    let of_clients = of_clients.map(|message| FromEdge::Client(1, message));
    let questions = questions.map(|question| FromEdge::Ask(2, question));
    of_clients
        .into_iter()
        .chain(questions)
        .chain([FromEdge::Wrote])
        .collect()
}

fn said_by_owners() -> Vec<FromOwner> {
    let payload = || "{}".to_owned();
    let entries = [EntryResult::Entered, EntryResult::Refused, EntryResult::Misplaced];
    let of_clients = [
        ToEdge::Event {
            name: "e".to_owned(),
            payload: payload(),
        },
        ToEdge::Answer {
            callback: 7,
            payload: payload(),
        },
        ToEdge::Disconnect,
        ToEdge::Cut,
    ];
    let of_clients = of_clients.into_iter().chain(entries.map(ToEdge::Entry));
    let held = || {
        let username = name();
        let until = Timestamp(5);
        Held::from(StillHeld {
            closed_until: Some(Timestamp(-1)),
            locked: true,
            kept_out: vec![KeptOut { username, until }],
        })
    };
    let membership = Membership {
        member: Uuid::from_u128(1),
        session: Uuid::from_u128(2),
        away_for: Some(Duration::from_secs(3)),
        resumable: true,
    };
    let of_rooms = [
        RoomReply::NameTaken(true),
        RoomReply::Membership(Some(membership)),
        RoomReply::Held(held()),
        RoomReply::Act(Ok(())),
        RoomReply::Act(Err(CannotAct::NoSession)),
        RoomReply::Act(Err(CannotAct::NoSuchMember)),
        RoomReply::Act(Err(CannotAct::TooManyBarred)),
        RoomReply::Lost,
    ];
    let replies = [
        Reply::Database(300),
        Reply::Owner(Some(at())),
        Reply::Room(None),
        Reply::Held(vec![(room(), held())]),
    ];
    let replies = replies
        .into_iter()
        .chain(of_rooms.map(|reply| Reply::Room(Some(reply))));
    let of_clients = of_clients.map(|message| FromOwner::Client(1, message));
    of_clients
        .chain(replies.map(|reply| FromOwner::Reply(2, reply)))
        .collect()
}

fn check<T: Serialize + DeserializeOwned + Debug + PartialEq>(said: &[T], bytes: &str) {
    let lines: Vec<_> = bytes.split_whitespace().collect();
    assert_eq!(lines.len(), said.len());
    for (message, line) in said.iter().zip(lines) {
        let frame = encode(message).unwrap();
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, line, "{message:?}");
        assert_eq!(decode::<T>(&frame).as_ref(), Ok(message));
    }
}

/// Nodes of different versions speak with each other during an upgrade: what changes one of these lines is another
/// protocol, and needs another number ([`PROTOCOL`](crate::cluster::handshake::PROTOCOL)). What is new goes to the end of
/// its enum, and is said only to who knows it.
#[test]
fn protocol_1_is_these_bytes() {
    check(&said_by_edges(), EDGE);
    check(&said_by_owners(), OWNER);
}
/// What edges say, a line each.
const EDGE: &str = "
    000100007f00000102656e00
    0001000100000000000000000000ffff7f00000102656e01
    000100007f00000102656e020174
    000101025b5d00010701
    000102ac02
    000103
    000104046c65667401
    010200
    010201030803613a31
    0102020172
    010204
    0102030172000175
    0102030172010909090909090909090909090909090909090909090909090909090909090909
    010203017202
    0102030172030001750205
    010203017203010200
    0102030172030201
    02
";

/// What owners say.
const OWNER: &str = "
    0001000165027b7d
    00010107027b7d
    000103
    000104
    00010200
    00010201
    00010202
    010200ac02
    01020101030803613a31
    01020200
    0102030101720101010101750a
    010202010001
    0102020101011000000000000000000000000000000001100000000000000000000000000000000201030001
    01020201020101010101750a
    010202010300
    01020201030100
    01020201030101
    01020201030102
    0102020104
";
