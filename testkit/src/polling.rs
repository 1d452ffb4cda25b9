//! A Socket.IO client over long polling, which polls only when it is told to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::socket::Socket;
use crate::websocket::WebSocket;

/// For how long this client keeps a connection that idles: half as long as the server does (10 s). With the same time on
/// both ends, a request may set out on a connection that the server closes at that moment.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A Socket.IO socket over long polling.
#[derive(Debug)]
pub struct PollingSocket {
    http: reqwest::Client,
    url: String,
    /// The server's.
    pub port: u16,
}

impl PollingSocket {
    /// Opens the transport, and connects to nothing.
    pub async fn open(port: u16) -> Self {
        let mut socket = Self {
            http: reqwest::Client::builder()
                .pool_idle_timeout(IDLE_TIMEOUT)
                .build()
                .unwrap(),
            url: format!("http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"),
            port,
        };
        let (_, open) = socket.poll().await;
        let open: Value = serde_json::from_str(&open[0][1..]).unwrap();
        socket.url = format!("{}&sid={}", socket.url, open["sid"].as_str().unwrap());
        socket
    }

    /// Connects, up to the namespace.
    pub async fn connect(port: u16) -> Self {
        let socket = Self::open(port).await;
        socket.post("40").await;
        assert!(socket.poll().await.1[0].starts_with("40"));
        socket
    }

    /// Connects and joins.
    pub async fn join(port: u16, room: &str, name: &str) -> Self {
        let socket = Self::connect(port).await;
        let payload = json!({"id": format!("id of {name}"), "username": name, "roomname": room});
        socket.post(&format!("420{}", json!(["join", payload]))).await;
        assert!(socket.poll().await.1[0].starts_with("430[{\"ok\":true"));
        socket
    }

    /// As [`Socket::offer_to`].
    pub async fn offer_to(&self, member: &Value) {
        let offer = json!({"connectorId": "c", "offer": 0, "memberId": member, "streamType": "user"});
        self.post(&format!("42{}", json!(["offer", offer]))).await;
    }

    async fn post(&self, frame: &str) {
        assert_eq!(self.try_post(frame.to_owned()).await.0, 200);
    }

    /// Posts a body, and gives the status and the text of the answer.
    pub async fn try_post(&self, body: String) -> (u16, String) {
        let answer = self.http.post(&self.url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The status of the next answer with more than a ping in it, and its frames; pings are answered. A session that ends
    /// between a ping and its answer gives the status of that.
    pub async fn poll(&self) -> (u16, Vec<String>) {
        loop {
            let answer = self.http.get(&self.url).send().await.unwrap();
            let status = answer.status().as_u16();
            let body = answer.text().await.unwrap();
            let (pings, frames): (Vec<_>, Vec<_>) = body.split('\u{1e}').partition(|frame| *frame == "2");
            if !pings.is_empty() {
                let (status, refusal) = self.try_post("3".to_owned()).await;
                if status != 200 {
                    return (status, vec![refusal]);
                }
            }
            if !frames.is_empty() {
                return (status, frames.into_iter().map(str::to_owned).collect());
            }
        }
    }

    /// Moves to a WebSocket, as client libraries do.
    pub async fn upgrade(self) -> Socket {
        let mut web = self.begin_upgrade().await;
        web.say("2probe").await.unwrap();
        assert_eq!(web.next().await.unwrap(), "3probe");
        web.say("5").await.unwrap();
        Socket::new(web)
    }

    /// Opens a WebSocket to move to, and says nothing on it.
    pub async fn begin_upgrade(self) -> WebSocket {
        let path = self.path().replace("polling", "websocket");
        WebSocket::open(([127, 0, 0, 1], self.port).into(), &path)
            .await
            .unwrap()
    }

    /// What its requests are for.
    pub fn path(&self) -> &str {
        let start = self.url.find("/socket.io").unwrap();
        &self.url[start..]
    }
}
