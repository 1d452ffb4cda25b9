//! A server with a folder of its own, and two people who have met there.

use chatroom_testkit::Socket;

use crate::support::server::{Server, program};
use serde_json::{Value, json};

pub(crate) struct Class {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn class(variables: &[(&str, &str)]) -> Class {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), variables));
    Class { server, folder }
}

/// Ann and Bo, connected over `a1` and `b1`; their member ids.
pub(crate) async fn pair(port: u16, room: &str) -> ((Socket, Value), (Socket, Value)) {
    let (mut ann, ann_seat) = Socket::join(port, room, "ann").await;
    let (mut bo, bo_seat) = Socket::join(port, room, "bo").await;
    let asked = ann.expect("getOffer").await;
    assert_eq!(asked, json!({"memberId": bo_seat["memberId"], "username": "bo"}));
    let offer =
        json!({"connectorId": "a1", "offer": {"sdp": "é"}, "memberId": bo_seat["memberId"], "streamType": "user"});
    ann.emit("offer", offer).await;
    let offer = bo.expect("offer").await;
    let expected = json!({"remoteConnectorId": "a1", "offer": {"sdp": "é"}, "memberId": ann_seat["memberId"], "username": "ann", "streamType": "user"});
    assert_eq!(offer, expected);
    bo.emit(
        "answer",
        json!({"remoteConnectorId": "a1", "connectorId": "b1", "answer": null, "memberId": ann_seat["memberId"]}),
    )
    .await;
    let answer = ann.expect("answer").await;
    let expected =
        json!({"remoteConnectorId": "b1", "connectorId": "a1", "answer": null, "memberId": bo_seat["memberId"]});
    assert_eq!(answer, expected);
    ((ann, ann_seat["memberId"].clone()), (bo, bo_seat["memberId"].clone()))
}
