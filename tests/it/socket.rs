//! A Socket.IO client of the fewest frames: a raw WebSocket, Engine.IO 4, Socket.IO 5.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Events that came while something else was waited for.
    waiting: VecDeque<(String, Value)>,
    next_ack: u64,
    /// The server has said that it is none of its clients any more.
    pub(crate) was_cut_off: bool,
}

impl Socket {
    /// Connects, up to the namespace.
    pub(crate) async fn connect(port: u16) -> Self {
        Self::try_connect(port).await.expect("the server accepts a socket")
    }

    pub(crate) async fn try_connect(port: u16) -> Option<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port)).await.ok()?).await
    }

    /// Connects over a TCP connection to the server.
    pub(crate) async fn over(stream: TcpStream) -> Option<Self> {
        let url = "ws://127.0.0.1/socket.io/?EIO=4&transport=websocket";
        let opening = client_async(url, stream);
        let (stream, _) = timeout(PATIENCE, opening).await.ok()?.ok()?;
        let mut socket = Self::new(stream);
        let open = socket.frame().await?;
        assert!(open.starts_with('0'), "{open}");
        socket.send("40").await.ok()?;
        // A server that stops may have no namespace any more.
        socket.frame().await?.starts_with("40").then_some(socket)
    }

    /// A socket whose WebSocket is open.
    pub(crate) fn new(stream: WebSocketStream<TcpStream>) -> Self {
        Self {
            stream,
            waiting: VecDeque::new(),
            next_ack: 0,
            was_cut_off: false,
        }
    }

    /// Connects and joins; gives what the callback got.
    pub(crate) async fn join(port: u16, room: &str, name: &str) -> (Self, Value) {
        Self::connect(port).await.joined(room, name).await
    }

    /// Joins; gives what the callback got.
    pub(crate) async fn joined(self, room: &str, name: &str) -> (Self, Value) {
        let mut socket = self;
        let seat = socket
            .call(
                "join",
                json!({"id": format!("id of {name}"), "username": name, "roomname": room}),
            )
            .await;
        assert_eq!(seat["ok"], true, "{seat}");
        (socket, seat)
    }

    /// Connects and resumes; gives what the callback got.
    pub(crate) async fn resume(port: u16, room: &str, name: &str) -> (Self, Value) {
        let mut socket = Self::connect(port).await;
        let payload = json!({"id": format!("id of {name}"), "username": name, "roomname": room});
        let seat = socket.call("reconnect", payload).await;
        (socket, seat)
    }

    /// Sends one frame as it is.
    pub(crate) async fn send(&mut self, frame: &str) -> Result<(), ()> {
        self.stream.send(Message::text(frame)).await.map_err(drop)
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.stream.send(Message::binary(bytes.to_vec())).await.map_err(drop)
    }

    pub(crate) async fn emit(&mut self, event: &str, payload: Value) {
        self.send(&format!("42{}", json!([event, payload])))
            .await
            .expect("the socket is open");
    }

    /// Emits with a callback, and waits for what it gets.
    pub(crate) async fn call(&mut self, event: &str, payload: Value) -> Value {
        self.try_call(event, payload).await.expect("the server answers")
    }

    pub(crate) async fn try_call(&mut self, event: &str, payload: Value) -> Option<Value> {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(&format!("42{id}{}", json!([event, payload]))).await.ok()?;
        let wanted = format!("43{id}");
        loop {
            let frame = self.frame().await?;
            match frame.strip_prefix(&wanted) {
                Some(answer) => return Some(serde_json::from_str::<Value>(answer).unwrap()[0].take()),
                None => self.keep(&frame),
            }
        }
    }

    /// The next event, whatever it is.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            let frame = self.frame().await.expect("the socket is open");
            self.keep(&frame);
        }
    }

    /// Takes in what comes until then. False once the socket is closed.
    pub(crate) async fn listen_until(&mut self, end: Instant) -> bool {
        loop {
            let Ok(message) = timeout_at(end, self.stream.next()).await else {
                return true;
            };
            match message {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    if self.send("3").await.is_err() {
                        return false;
                    }
                }
                Some(Ok(Message::Text(text))) => self.keep(&text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The oldest event that has come and not been looked at.
    pub(crate) fn take_event(&mut self) -> Option<(String, Value)> {
        self.waiting.pop_front()
    }

    /// The next event, which must be this one.
    pub(crate) async fn expect(&mut self, name: &str) -> Value {
        let (event, payload) = self.event().await;
        assert_eq!(event, name, "{payload}");
        payload
    }

    /// Offers a connection to a member, who may send candidates for its connector `c` from then on.
    pub(crate) async fn offer_to(&mut self, member: &Value) {
        let offer = json!({"connectorId": "c", "offer": 0, "memberId": member, "streamType": "user"});
        assert_eq!(self.call("offer", offer).await["ok"], true);
    }

    /// All events until now: what a call after them proves to have arrived.
    pub(crate) async fn events_so_far(&mut self) -> Vec<(String, Value)> {
        self.call(
            "icecandidate",
            json!({"remoteConnectorId": "x", "memberId": "barrier", "candidate": 0}),
        )
        .await;
        let barrier = self.waiting.pop_back().expect("the barrier is refused");
        assert_eq!(barrier.0, "error");
        self.waiting.drain(..).collect()
    }

    fn keep(&mut self, frame: &str) {
        if let Some(event) = frame.strip_prefix("42") {
            let mut event: Value = serde_json::from_str(event).unwrap();
            let name = event[0].as_str().unwrap().to_owned();
            self.waiting.push_back((name, event[1].take()));
        }
        self.was_cut_off |= frame == "41";
    }

    /// The next frame that is no ping; `None` when the socket is closed.
    pub(crate) async fn frame(&mut self) -> Option<String> {
        loop {
            let message = timeout(PATIENCE, self.stream.next())
                .await
                .expect("something arrives in time")?;
            match message.ok()? {
                Message::Text(text) if text.as_str() == "2" => self.send("3").await.ok()?,
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Waits until the server has closed the socket.
    pub(crate) async fn closed(mut self) {
        while self.frame().await.is_some() {}
    }

    /// Closes the connection without a word.
    pub(crate) fn vanish(self) {
        drop(self.stream);
    }
    /// Breaks the connection, so that what was sent and not read yet is lost.
    pub(crate) fn reset(self) {
        self.stream.get_ref().set_zero_linger().unwrap();
    }
}
