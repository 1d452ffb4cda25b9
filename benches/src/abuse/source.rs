//! Where an attacker's connections come from, and raw requests over them.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, ensure};
use chatroom_testkit::{SOCKET_IO, WebSocket, packet, write_in_pieces};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::member::{Identity, Member};

/// The Socket.IO endpoint, polled.
pub(super) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// An address of ours, and the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) from: IpAddr,
    pub(super) server: SocketAddr,
}

/// An HTTP connection that is kept.
pub(super) struct Http {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Source {
    pub(super) async fn connect(&self) -> Result<TcpStream> {
        self.connect_with(TcpSocket::new_v4()?).await
    }

    /// With so little room for what it is sent that the server soon keeps the rest.
    pub(super) async fn connect_narrow(&self) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        self.connect_with(socket).await
    }

    async fn connect_with(&self, socket: TcpSocket) -> Result<TcpStream> {
        socket.bind((self.from, 0).into())?;
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(super) async fn http(&self) -> Result<Http> {
        Ok(Http {
            stream: self.connect().await?,
            bytes: Vec::new(),
        })
    }

    /// A WebSocket that has not said `40`.
    pub(super) async fn websocket(&self) -> Result<WebSocket> {
        WebSocket::upgrade(self.connect().await?, SOCKET_IO).await
    }

    /// A Socket.IO socket that has not joined.
    pub(super) async fn socket(&self, identity: Identity) -> Result<Member> {
        Member::over(self.websocket().await?, identity).await
    }

    pub(super) async fn member(&self, room: &str, number: usize) -> Result<Member> {
        let mut member = self.socket(Identity::new(room, number)).await?;
        member.join().await?;
        Ok(member)
    }
}

impl Http {
    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(write_in_pieces(&mut self.stream, bytes).await?)
    }

    pub(super) async fn get(&mut self, path: &str, headers: &str) -> Result<Answer> {
        self.send(head("GET", path, headers).as_bytes()).await?;
        self.answer().await
    }

    pub(super) async fn post(&mut self, path: &str, body: &str) -> Result<Answer> {
        let length = format!(
            "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.send((head("POST", path, &length) + body).as_bytes()).await?;
        self.answer().await
    }

    /// The path of a new polling session, and this connection to ask it by.
    pub(super) async fn handshake(&mut self) -> Result<String> {
        let answer = self.get(POLLING, "").await?;
        ensure!(answer.status == 200, "no session: {}", answer.status);
        let sid = packet::field(&answer.body, "{\"sid").context("no sid")?;
        Ok(format!("{POLLING}&sid={sid}"))
    }

    /// Reads one answer whose length is told.
    pub(super) async fn answer(&mut self) -> Result<Answer> {
        let end = loop {
            if let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.bytes[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let length = match head.split_once("content-length: ") {
            Some((_, rest)) => rest.split("\r\n").next().unwrap_or_default().parse()?,
            None => 0,
        };
        while self.bytes.len() < end + length {
            self.fill().await?;
        }
        let body = String::from_utf8_lossy(&self.bytes[end..end + length]).into_owned();
        self.bytes.drain(..end + length);
        Ok(Answer { status, body })
    }

    /// Takes what comes until the server ends it, and keeps none of it.
    pub(super) async fn drain(&mut self) -> Result<usize> {
        let mut all = 0;
        loop {
            self.bytes.clear();
            match self.fill().await {
                Ok(read) => all += read,
                Err(_) => return Ok(all),
            }
        }
    }

    async fn fill(&mut self) -> Result<usize> {
        self.bytes.reserve(4096);
        let read = self.stream.read_buf(&mut self.bytes).await?;
        ensure!(read > 0, "the server ended the connection");
        Ok(read)
    }
}

/// The head of a request.
pub(super) fn head(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}
