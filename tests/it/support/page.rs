//! What a page does with what it is told: it makes offers, answers, and keeps its ends of the connections.

use chatroom_testkit::Socket;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::ledger::{Told, id};
use crate::support::load::{Client, Lost};

/// One end of a peer connection, as a page knows it.
pub(crate) struct Link {
    pub(crate) peer: Uuid,
    pub(crate) remote: Option<String>,
    offered: bool,
    /// The run in which the answer came or went.
    since: u64,
}

impl Client {
    /// Reads what has come, and answers as a page does. The events of a socket that is gone count too.
    pub(crate) async fn look(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        let mut open = Ok(());
        while let Some((event, payload)) = socket.take_event() {
            let reply = self.react(&event, &payload);
            if let (Some((event, payload)), Ok(())) = (reply, &open) {
                open = say(socket, event, payload).await;
            }
        }
        open
    }

    fn react(&mut self, event: &str, payload: &Value) -> Option<(&'static str, Value)> {
        match (event, payload["type"].as_str()) {
            ("getOffer", _) => {
                self.was_told(Told::Of(id(&payload["memberId"])));
                Some(("offer", self.offer(id(&payload["memberId"]))))
            }
            ("offer", _) => Some(("answer", self.answer(payload))),
            ("answer", _) => {
                let connector = self.own(payload);
                if let Some(link) = self.links.get_mut(&connector) {
                    link.remote = payload["remoteConnectorId"].as_str().map(str::to_owned);
                    link.since = self.run;
                }
                None
            }
            ("icecandidate", _) => {
                self.own(payload);
                None
            }
            ("leave", _) => {
                self.was_left(payload);
                None
            }
            ("error", _) => {
                self.was_refused(payload);
                None
            }
            ("reconnect", Some("leave")) => {
                self.links.clear();
                self.member = None;
                None
            }
            ("reconnect", Some("getOffer")) => {
                let (member, connector) = (id(&payload["memberId"]), self.own(payload));
                let Some(link) = self.links.get(&connector) else {
                    assert!(self.forgot, "{} has no {payload}", self.number);
                    return None;
                };
                assert_eq!(link.peer, member, "the connector is that peer's");
                self.was_told(Told::Back {
                    member,
                    connector: connector.clone(),
                });
                let work = json!({"type": "offer", "data": 0, "connectorId": connector, "memberId": member});
                Some(("reconnectWork", work))
            }
            ("reconnect", Some("offer")) => {
                let work = json!({"type": "answer", "data": 0, "connectorId": self.own(payload), "memberId": payload["memberId"]});
                Some(("reconnectWork", work))
            }
            ("reconnect", Some("answer")) => {
                self.own(payload);
                None
            }
            _ => panic!("{event} {payload}"),
        }
    }

    fn offer(&mut self, peer: Uuid) -> Value {
        let connector = self.connector();
        let link = Link {
            peer,
            remote: None,
            offered: true,
            since: self.run,
        };
        self.links.insert(connector.clone(), link);
        json!({"connectorId": connector, "offer": 0, "memberId": peer, "streamType": "user"})
    }

    fn answer(&mut self, payload: &Value) -> Value {
        let connector = self.connector();
        let peer = id(&payload["memberId"]);
        let remote = payload["remoteConnectorId"].as_str().unwrap();
        let link = Link {
            peer,
            remote: Some(remote.to_owned()),
            offered: false,
            since: self.run,
        };
        self.links.insert(connector.clone(), link);
        json!({"remoteConnectorId": remote, "connectorId": connector, "answer": 0, "memberId": peer})
    }

    fn was_left(&mut self, payload: &Value) {
        let peer = id(&payload["memberId"]);
        let Some(link) = self.links.remove(&self.own(payload)) else {
            return;
        };
        assert_eq!(link.peer, peer, "the connector is that peer's");
        // An offer without an answer may be closed while both stay; so may one whose answer a kill kept from the disk,
        // as relays do not wait for it.
        let may_be_lost = link.offered && (link.remote.is_none() || link.since < self.run);
        self.was_told(if may_be_lost { Told::Of(peer) } else { Told::Gone(peer) });
    }

    pub(crate) fn was_refused(&self, payload: &Value) {
        let text = |field: &str| payload[field].as_str().unwrap().to_owned();
        self.class
            .log
            .lock()
            .unwrap()
            .errors
            .push((text("type"), text("event")));
    }

    fn was_told(&self, told: Told) {
        self.class.log.lock().unwrap().told.push(told);
    }

    /// The connector that a message names, which must be one of its own.
    fn own(&self, payload: &Value) -> String {
        let connector = payload["connectorId"].as_str().unwrap();
        assert!(
            connector.starts_with(&format!("c{}-", self.number)),
            "{} is not mine: {payload}",
            self.number
        );
        connector.to_owned()
    }

    fn connector(&mut self) -> String {
        self.made += 1;
        format!("c{}-{}", self.number, self.made)
    }
}

pub(crate) async fn say(socket: &mut Socket, event: &str, payload: Value) -> Result<(), Lost> {
    socket
        .send(&format!("42{}", json!([event, payload])))
        .await
        .map_err(|_| Lost)
}
