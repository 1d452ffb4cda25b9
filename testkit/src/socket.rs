//! A test's Socket.IO client of the fewest frames: a raw WebSocket, Engine.IO 4, Socket.IO 5.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::frame::{BINARY, frame};
use crate::websocket::{SOCKET_IO, WebSocket};

/// How long anything that must happen may take.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A Socket.IO socket over a WebSocket.
#[derive(Debug)]
pub struct Socket {
    web: WebSocket,
    /// Events that came while something else was waited for.
    waiting: VecDeque<(String, Value)>,
    next_ack: u64,
    /// The server has said that it is none of its clients any more.
    pub was_cut_off: bool,
}

impl Socket {
    /// Connects, up to the namespace.
    pub async fn connect(port: u16) -> Self {
        Self::try_connect(port).await.expect("the server accepts a socket")
    }

    /// [`Socket::connect`], where the server may have stopped.
    pub async fn try_connect(port: u16) -> Option<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port)).await.ok()?).await
    }

    /// Connects over a TCP connection to the server.
    pub async fn over(stream: TcpStream) -> Option<Self> {
        let connecting = async {
            let mut web = WebSocket::upgrade(stream, SOCKET_IO).await?;
            web.connect_namespace().await?;
            anyhow::Ok(web)
        };
        let web = timeout(ANSWER_TIMEOUT, connecting).await.ok()?.ok()?;
        Some(Self::new(web))
    }

    /// A socket that is connected to its namespace.
    pub fn new(web: WebSocket) -> Self {
        Self {
            web,
            waiting: VecDeque::new(),
            next_ack: 0,
            was_cut_off: false,
        }
    }

    /// Connects and joins; gives what the callback got.
    pub async fn join(port: u16, room: &str, name: &str) -> (Self, Value) {
        Self::connect(port).await.joined(room, name).await
    }

    /// Joins; gives what the callback got.
    pub async fn joined(self, room: &str, name: &str) -> (Self, Value) {
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
    pub async fn resume(port: u16, room: &str, name: &str) -> (Self, Value) {
        let mut socket = Self::connect(port).await;
        let payload = json!({"id": format!("id of {name}"), "username": name, "roomname": room});
        let seat = socket.call("reconnect", payload).await;
        (socket, seat)
    }

    /// Sends one frame as it is.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.web.say(text).await
    }

    /// Sends one binary frame.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send_binary(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.web.send_raw(&frame(BINARY, bytes)).await
    }

    /// Emits an event without a callback.
    pub async fn emit(&mut self, event: &str, payload: Value) {
        self.send(&format!("42{}", json!([event, payload])))
            .await
            .expect("the socket is open");
    }

    /// Emits with a callback, and waits for what it gets.
    pub async fn call(&mut self, event: &str, payload: Value) -> Value {
        self.try_call(event, payload).await.expect("the server answers")
    }

    /// [`Socket::call`], where the server may stop before it answers.
    pub async fn try_call(&mut self, event: &str, payload: Value) -> Option<Value> {
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
    pub async fn event(&mut self) -> (String, Value) {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            let frame = self.frame().await.expect("the socket is open");
            self.keep(&frame);
        }
    }

    /// Takes in what comes until then. False once the socket is closed.
    pub async fn listen_until(&mut self, end: Instant) -> bool {
        loop {
            let text = match timeout_at(end, self.web.next()).await {
                Err(_) => return true,
                Ok(Err(_)) => return false,
                Ok(Ok(text)) => text.to_owned(),
            };
            self.keep(&text);
        }
    }

    /// The oldest event that has come and not been looked at.
    pub fn take_event(&mut self) -> Option<(String, Value)> {
        self.waiting.pop_front()
    }

    /// The next event, which must be this one.
    pub async fn expect(&mut self, name: &str) -> Value {
        let (event, payload) = self.event().await;
        assert_eq!(event, name, "{payload}");
        payload
    }

    /// Offers a connection to a member, who may send candidates for its connector `c` from then on.
    pub async fn offer_to(&mut self, member: &Value) {
        let offer = json!({"connectorId": "c", "offer": 0, "memberId": member, "streamType": "user"});
        assert_eq!(self.call("offer", offer).await["ok"], true);
    }

    /// All events until now: what a call after them proves to have arrived.
    pub async fn events_so_far(&mut self) -> Vec<(String, Value)> {
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

    /// The next message that is no ping; `None` when the socket is closed.
    pub async fn frame(&mut self) -> Option<String> {
        let text = timeout(ANSWER_TIMEOUT, self.web.next()).await;
        Some(text.expect("something arrives in time").ok()?.to_owned())
    }

    /// Waits until the server has closed the socket.
    pub async fn closed(mut self) {
        while self.frame().await.is_some() {}
    }

    /// All events until the server has closed the socket.
    pub async fn events_until_closed(mut self) -> Vec<(String, Value)> {
        while let Some(frame) = self.frame().await {
            self.keep(&frame);
        }
        self.waiting.into()
    }

    /// Closes the connection without a word.
    pub fn vanish(self) {
        drop(self.web);
    }

    /// Breaks the connection, so that what was sent and not read yet is lost.
    pub fn reset(self) {
        self.web.stream().set_zero_linger().unwrap();
    }
}
