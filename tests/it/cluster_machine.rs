//! A machine of several is lost, without a word: who was in its rooms through others is let in again soon.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::Duration;

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::cluster::{Cluster, candidates};
use crate::support::machine::Machine;
use crate::support::server::Server;

const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// Comes back through a node as soon as the room can be entered.
async fn come_back(port: u16, name: &str, seat: &Value) -> Socket {
    loop {
        let (socket, back) = Socket::resume(port, "lesson", name).await;
        if back["error"]["type"] == "unavailable" {
            continue;
        }
        assert_eq!(
            (&back["resumed"], &back["memberId"], &back["sessionId"]),
            (&json!(true), &seat["memberId"], &seat["sessionId"]),
            "{back}"
        );
        return socket;
    }
}

/// Was told of nobody's leave until it was cut, and comes back.
async fn lose_and_come_back(socket: Socket, port: u16, name: &str, seat: &Value) -> Socket {
    let told = socket.events_until_closed().await;
    assert!(told.iter().all(|(event, _)| event == "getOffer"), "{name}: {told:?}");
    come_back(port, name, seat).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_rooms_of_a_lost_machine_through_others_is_let_in_soon() {
    if !Machine::may_be_made() {
        println!("SKIPPED: only root may make the second machine that this test loses");
        return;
    }
    let machine = Machine::new();
    let cluster = Cluster::new().await;
    let (here, there) = (format!("{}:0", machine.here), format!("{}:0", machine.there));
    let [one, two] = [1, 2].map(|node| cluster.start_with(node, &[("CLUSTER_LISTEN", &here)]));
    let url = machine.url_of(&cluster.database).await;
    let lost = [
        ("CLUSTER_LISTEN", there.as_str()),
        ("DATABASE_URL", &url),
        ("HOST", "0.0.0.0"),
    ];
    let lost = machine.run(&cluster.command(3, &lost));
    let lost = Server::start_unread(lost, &cluster.log(3));
    let own = SocketAddr::from((machine.there, lost.port));
    let connect = async || Socket::over(TcpStream::connect(own).await.unwrap()).await.unwrap();

    let (_ann, ann_seat) = connect().await.joined("lesson", "Ann").await;
    let (bo, bo_seat) = Socket::join(one.port, "lesson", "Bo").await;
    let (cy, cy_seat) = Socket::join(two.port, "lesson", "Cy").await;
    let owner = "select node::text from chatroom.room";
    assert_eq!(cluster.text(owner).await, "3");
    machine.unplug();
    let unplugged = Instant::now();
    let back = async {
        tokio::join!(
            lose_and_come_back(bo, one.port, "Bo", &bo_seat),
            lose_and_come_back(cy, two.port, "Cy", &cy_seat),
        )
    };
    let (mut bo, mut cy) = timeout(Duration::from_secs(60), back).await.unwrap();
    let took = unplugged.elapsed();
    println!("answered {took:?} after the machine was lost");
    assert!(took < ANSWERED_WITHIN, "{took:?}");
    cy.offer_to(&bo_seat["memberId"]).await;
    while bo.event().await.0 != "offer" {}
    let told = cy.events_so_far().await;
    assert!(told.iter().all(|(event, _)| event != "leave"), "{told:?}");
    candidates(&mut bo, &mut cy, &cy_seat["memberId"], "c").await;
    // As soon as her client notices.
    come_back(two.port, "Ann", &ann_seat).await;

    // The machine is back, and one of three again.
    machine.plug_in();
    cluster.until_logged(3, "this node has a place again").await;
    let (_dee, dee_seat) = connect().await.joined("lesson", "Dee").await;
    assert_eq!(dee_seat["sessionId"], ann_seat["sessionId"]);
    let kinds = cluster.kinds().await;
    for kind in ["left", "gap", "session_ended"] {
        assert!(!kinds.contains(kind), "{kinds}");
    }
    assert_eq!(cluster.text("select count(*)::text from chatroom.session").await, "1");
}
