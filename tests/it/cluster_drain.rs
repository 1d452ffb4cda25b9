//! A node of several that stops: its rooms go to the others a few at a time.
#![cfg(unix)]

use std::time::{Duration, Instant};

use chatroom_testkit::Socket;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::cluster::{Cluster, OWNER, SPEAK_EVERY, connect};

const ROOMS: usize = 20;

/// Two who send each other something all the time, and come back whenever they lose their connection.
struct Pair {
    room: String,
    /// Where Ann, Bo were, and where they come back.
    ports: [u16; 2],
    back: u16,
}

/// What became of one of the two.
struct Return {
    lost_at: Instant,
    back_in: Duration,
}

impl Pair {
    /// Both come in, and have a way to each other.
    async fn meet(self) -> (Self, [(Socket, Value); 2]) {
        let (mut ann, ann_seat) = Socket::join(self.ports[0], &self.room, "Ann").await;
        let (mut bo, bo_seat) = Socket::join(self.ports[1], &self.room, "Bo").await;
        connect((&mut ann, &ann_seat), (&mut bo, &bo_seat)).await;
        (self, [(ann, ann_seat), (bo, bo_seat)])
    }

    /// Talks until both have lost their connections once, and have talked on after that.
    async fn talk(self, [(ann, ann_seat), (bo, bo_seat)]: [(Socket, Value); 2]) -> Vec<Return> {
        let (ann, bo) = tokio::join!(
            self.speak(ann, "Ann", "d", &ann_seat, &bo_seat),
            self.speak(bo, "Bo", "c", &bo_seat, &ann_seat)
        );
        vec![ann, bo]
    }

    /// The same of Bo, while Ann keeps her connection.
    async fn talk_to_one_who_stays(self, [(mut ann, ann_seat), (bo, bo_seat)]: [(Socket, Value); 2]) -> Vec<Return> {
        let is_done = CancellationToken::new();
        let stays = async {
            while !is_done.is_cancelled() {
                assert!(relay(&mut ann, "d", &bo_seat).await, "Ann is at another node");
                hears_of_no_leave(&mut ann);
            }
        };
        let moves = async {
            let back = self.speak(bo, "Bo", "c", &bo_seat, &ann_seat).await;
            is_done.cancel();
            vec![back]
        };
        tokio::join!(moves, stays).0
    }

    async fn speak(&self, mut socket: Socket, name: &str, peers: &str, seat: &Value, other: &Value) -> Return {
        while relay(&mut socket, peers, other).await {
            hears_of_no_leave(&mut socket);
        }
        let lost_at = Instant::now();
        hears_of_no_leave(&mut socket);
        assert!(!socket.was_cut_off, "it is to come back by itself");
        let (mut socket, back) = Socket::resume(self.back, &self.room, name).await;
        let back_in = lost_at.elapsed();
        assert_eq!(back["resumed"], true, "{back}");
        for same in ["memberId", "sessionId"] {
            assert_eq!(back[same], seat[same], "{back}");
        }
        assert_eq!(back["members"].as_array().unwrap().len(), 2, "{back}");
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            assert!(
                relay(&mut socket, peers, other).await,
                "nobody loses a connection twice"
            );
            hears_of_no_leave(&mut socket);
        }
        Return { lost_at, back_in }
    }
}

/// False once the connection is lost.
async fn relay(socket: &mut Socket, connector: &str, to: &Value) -> bool {
    let candidate = json!({"remoteConnectorId": connector, "memberId": to["memberId"], "candidate": 0});
    let answered = socket.try_call("icecandidate", candidate).await.is_some();
    let pause = tokio::time::Instant::now() + SPEAK_EVERY;
    answered && socket.listen_until(pause).await
}

fn hears_of_no_leave(socket: &mut Socket) {
    while let Some((name, payload)) = socket.take_event() {
        assert_ne!(name, "leave", "{payload}");
    }
}

/// Not all of them lost their connections at one moment.
async fn check_waves(pairs: JoinSet<Vec<Return>>, stopped: Instant) {
    let returns: Vec<Return> = pairs.join_all().await.into_iter().flatten().collect();
    let mut moments: Vec<_> = returns.iter().map(|back| back.lost_at - stopped).collect();
    moments.sort();
    let waves = moments
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > Duration::from_millis(60))
        .count()
        + 1;
    let slowest = returns.iter().map(|back| back.back_in).max().unwrap();
    println!(
        "sent away in {waves} waves, {:?} to {:?}; back within {slowest:?}",
        moments[0],
        moments[moments.len() - 1]
    );
    // The first wave may be late on a busy machine, and none is early.
    let (first, last) = (moments[0], moments[moments.len() - 1]);
    assert!(last > Duration::from_secs(1), "{moments:?}");
    assert!(last - first > Duration::from_millis(500), "{moments:?}");
    assert!(waves >= 5, "{moments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_hands_its_rooms_over_in_waves() {
    let cluster = Cluster::new().await;
    let (mut one, two, three) = (cluster.start(1), cluster.start(2), cluster.start(3));
    // Also through a link nobody is in yet.
    cluster.until("select count(*)::text from chatroom.node", "3").await;
    let (_zoe, _) = Socket::join(two.port, "of another", "Zoe").await;
    let (zed, _) = Socket::join(one.port, "of another", "Zed").await;
    let pairs = (0..ROOMS).map(|number| Pair {
        room: format!("room {number}"),
        // Ann makes it a room of the node that stops.
        ports: [one.port, if number % 2 == 0 { one.port } else { two.port }],
        back: if number % 3 == 0 { two.port } else { three.port },
    });
    let pairs = join_all(pairs.map(Pair::meet)).await;
    let pairs: JoinSet<_> = pairs.into_iter().map(|(pair, people)| pair.talk(people)).collect();
    let mut newcomer = Socket::connect(one.port).await;

    one.signal("TERM");
    let stopped = Instant::now();
    while !one
        .ask("/readyz")
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 503"))
    {
        assert!(
            stopped.elapsed() < Duration::from_secs(2),
            "the balancer is told before anybody is sent away"
        );
    }
    // A room that nobody has does not begin at a node that stops.
    let join = json!({"id": "id of Nia", "username": "Nia", "roomname": "new"});
    let joined = newcomer.try_call("join", join).await.unwrap();
    assert_eq!(joined["ok"], true, "{joined}");
    assert_eq!(one.exit_code(), Some(0));
    println!("stopped in {:?}", stopped.elapsed());
    zed.closed().await;

    check_waves(pairs, stopped).await;

    let kinds = cluster.kinds().await;
    assert!(!kinds.contains("left"), "{kinds}");
    assert_eq!(cluster.text("select count(*)::text from chatroom.session").await, "22");
    // Who came in through the node, into a room of another, was cut as by a network.
    let reasons = "select string_agg(distinct closed_by, ',') from chatroom.connection
                   join chatroom.session on session.id = session_id
                   where room like 'room %' and closed_by <> 'disconnected'";
    assert_eq!(cluster.text(reasons).await, "server_shutdown");
    let owners = cluster.text(OWNER).await;
    assert!(!owners.split(", ").any(|room| room.ends_with(" 1")), "{owners}");
    let logged = cluster.logged(1);
    assert!(!logged.contains("could not be"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_node_that_stops_leave_rooms_of_others_in_waves() {
    let cluster = Cluster::new().await;
    let (mut one, two, three) = (cluster.start(1), cluster.start(2), cluster.start(3));
    cluster.until("select count(*)::text from chatroom.node", "3").await;
    let pairs = (0..ROOMS).map(|number| {
        let (owner, back) = if number % 2 == 0 {
            (&two, &three)
        } else {
            (&three, &two)
        };
        Pair {
            room: format!("room {number}"),
            ports: [owner.port, one.port],
            back: back.port,
        }
    });
    let pairs = join_all(pairs.map(Pair::meet)).await;
    let pairs = pairs.into_iter();
    let pairs: JoinSet<_> = pairs.map(|(pair, people)| pair.talk_to_one_who_stays(people)).collect();
    one.signal("TERM");
    let stopped = Instant::now();
    assert_eq!(one.exit_code(), Some(0));
    check_waves(pairs, stopped).await;
    let kinds = cluster.kinds().await;
    assert!(!kinds.contains("left"), "{kinds}");
    // The history says whose doing it was, but of those who are back before their old node's word has arrived.
    let why = |why: &str| {
        let events = "select count(*)::text from chatroom.event where kind = 'disconnected'";
        let sql = format!("{events} and detail::json->>'why' = '{why}'");
        let cluster = &cluster;
        async move { cluster.text(&sql).await.parse::<usize>().unwrap() }
    };
    let (server, takeover) = (why("server").await, why("takeover").await);
    assert_eq!(server + takeover, ROOMS);
    assert!(takeover <= ROOMS / 4, "{takeover}");
}
