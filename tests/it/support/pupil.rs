//! Somebody in a class, and what they hear.

use std::collections::HashMap;
use std::time::Duration;

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// Nobody may be out for longer.
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(60);

/// Somebody in a room, who comes back by themselves.
pub(crate) struct Pupil {
    pub(crate) name: String,
    pub(crate) room: String,
    /// Where the balancer has them.
    pub(crate) node: usize,
    pub(crate) socket: Option<Socket>,
    pub(crate) seat: Value,
    /// The last number heard of each on this connection.
    heard: HashMap<String, u64>,
    pub(crate) resumes: u64,
}

impl Pupil {
    pub(crate) async fn join(ports: &[u16], node: usize, room: &str, name: String) -> Self {
        let (socket, seat) = Socket::join(ports[node], room, &name).await;
        Self {
            name,
            room: room.to_owned(),
            node,
            socket: Some(socket),
            seat,
            heard: HashMap::new(),
            resumes: 0,
        }
    }

    /// Comes back, if the connection has ended: where it was, else at the next node that takes it.
    pub(crate) async fn be_there(&mut self, ports: &[u16]) {
        let deadline = Instant::now() + BACK_WITHIN;
        while self.socket.is_none() {
            assert!(Instant::now() < deadline, "{} does not come back", self.name);
            let port = ports[self.node];
            let connecting = timeout(Duration::from_secs(2), Socket::try_connect(port)).await;
            let Ok(Some(mut socket)) = connecting else {
                self.node = (self.node + 1) % ports.len();
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            let back = json!({"id": format!("id of {}", self.name), "username": self.name, "roomname": self.room});
            let answer = timeout(Duration::from_secs(9), socket.try_call("reconnect", back)).await;
            let Ok(Some(answer)) = answer else {
                self.node = (self.node + 1) % ports.len();
                continue;
            };
            if answer["error"]["type"] == "unavailable" {
                // What this node does not reach another may.
                self.node = (self.node + 1) % ports.len();
                continue;
            }
            assert_eq!(answer["resumed"], true, "{}: {answer}", self.name);
            for what in ["memberId", "sessionId"] {
                assert_eq!(answer[what], self.seat[what], "{}", self.name);
            }
            self.resumes += 1;
            self.heard.clear();
            self.socket = Some(socket);
        }
    }

    pub(crate) async fn emit(&mut self, event: &str, payload: Value) {
        let Some(socket) = &mut self.socket else { return };
        if socket.send(&format!("42{}", json!([event, payload]))).await.is_err() {
            self.socket = None;
        }
    }

    /// Listens for a while, or until the connection ends.
    pub(crate) async fn listen(&mut self, time: Duration) {
        if let Some(socket) = &mut self.socket {
            let goes_on = socket.listen_until(Instant::now() + time).await;
            self.take_events();
            if !goes_on {
                self.socket = None;
            }
        }
    }

    /// The last number heard of somebody on this connection.
    pub(crate) fn last_heard(&self, of: &str) -> Option<u64> {
        self.heard.get(of).copied()
    }

    /// Listens until it has heard this number of each of these, or for a while. Whether it has.
    pub(crate) async fn hears(&mut self, number: u64, of: &[String]) -> bool {
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            self.take_events();
            if of
                .iter()
                .all(|name| self.heard.get(name).is_some_and(|heard| *heard >= number))
            {
                return true;
            }
            let Some(socket) = &mut self.socket else { return false };
            if Instant::now() >= end {
                return false;
            }
            let soon = Instant::now() + Duration::from_millis(10);
            if !socket.listen_until(soon.min(end)).await {
                self.take_events();
                self.socket = None;
            }
        }
    }

    pub(crate) fn take_events(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        while let Some((event, payload)) = socket.take_event() {
            assert!(
                !["leave", "error"].contains(&event.as_str()),
                "{} is told: {event} {payload}",
                self.name
            );
            if event == "icecandidate" {
                let number = payload["candidate"]["number"].as_u64().unwrap();
                let of = payload["candidate"]["of"].as_str().unwrap().to_owned();
                let before = self.heard.insert(of.clone(), number);
                assert!(
                    before < Some(number),
                    "{} of {of}: {number} after {before:?}",
                    self.name
                );
            }
        }
    }
}
