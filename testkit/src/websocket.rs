//! One WebSocket, as a page in a browser would have it, without the browser.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frame;

/// The Socket.IO endpoint, for who goes to WebSocket at once. (The JavaScript client polls first.)
pub const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// Enough for the largest message of a bench, and small enough for ten thousand pages.
const ROOM_TO_READ: usize = 4096;

/// How much is sent by one call. A kernel that is not preempted within a call, as servers' kernels are not, would keep
/// whoever else is measured on this core waiting while it copies more.
const PIECE: usize = 16 * 1024;

/// Writes all of it, a piece at a time.
///
/// # Errors
/// If the connection has ended.
pub async fn write_in_pieces(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(PIECE) {
        stream.write_all(piece).await?;
    }
    Ok(())
}

/// A WebSocket that is open.
#[derive(Debug)]
pub struct WebSocket {
    stream: TcpStream,
    /// What has arrived.
    pub inbox: Inbox,
    /// What goes out with the next [`WebSocket::flush`].
    pub outbox: Outbox,
}

/// Bytes that have arrived, whole messages first.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Up to here they have been read.
    read: usize,
}

/// Frames that wait to be sent.
#[derive(Debug, Default)]
pub struct Outbox(Vec<u8>);

/// The request that opens a WebSocket, as Chromium sends it, so that every server keeps what it would keep of a browser's.
pub fn upgrade_request(host: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         Upgrade: websocket\r\nOrigin: http://localhost:5173\r\nSec-WebSocket-Version: 13\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    )
}

impl WebSocket {
    /// Opens a WebSocket at `path`.
    ///
    /// # Errors
    /// If the server is not there, or answers anything but an upgrade.
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("no connection")?;
        Self::upgrade(stream, path).await
    }

    /// Opens a WebSocket over a connection that is there.
    ///
    /// # Errors
    /// If the server answers anything but an upgrade.
    pub async fn upgrade(mut stream: TcpStream, path: &str) -> Result<Self> {
        stream.set_nodelay(true)?;
        let request = upgrade_request(stream.peer_addr()?, path);
        stream.write_all(request.as_bytes()).await?;
        let mut socket = Self {
            stream,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
        };
        socket.inbox.bytes.reserve(ROOM_TO_READ);
        while !socket.inbox.take_upgrade()? {
            socket.fill().await?;
        }
        Ok(socket)
    }

    /// Connects to Socket.IO's namespace.
    ///
    /// # Errors
    /// If the server does not take it.
    pub async fn connect_namespace(&mut self) -> Result<()> {
        ensure!(self.next().await?.starts_with('0'), "the engine does not open");
        self.say("40").await?;
        let answer = self.next().await?;
        ensure!(answer.starts_with("40"), "{answer}");
        Ok(())
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn say(&mut self, text: &str) -> Result<()> {
        self.outbox.text(&[text]);
        self.flush().await
    }

    /// Waits for the next message, and sends what waits to be sent. Nothing is lost if it is given up.
    ///
    /// # Errors
    /// If the connection ends before.
    pub async fn next(&mut self) -> Result<&str> {
        let text = self.arrived().await?;
        self.inbox.take(text)
    }

    /// Waits for the message that begins so, and passes over others.
    ///
    /// # Errors
    /// If the connection ends before.
    pub async fn hear(&mut self, beginning: &str) -> Result<&str> {
        loop {
            let text = self.arrived().await?;
            if self.inbox.bytes[text.clone()].starts_with(beginning.as_bytes()) {
                return self.inbox.take(text);
            }
            self.inbox.take(text)?;
        }
    }

    /// Where the next message is, once it has arrived.
    async fn arrived(&mut self) -> Result<Range<usize>> {
        loop {
            let found = self.inbox.find(&mut self.outbox)?;
            self.flush().await?;
            match found {
                Some(text) => return Ok(text),
                None => self.fill().await?,
            }
        }
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// If there are none to come.
    pub async fn fill(&mut self) -> Result<()> {
        self.inbox.make_room();
        let read = self.stream.read_buf(&mut self.inbox.bytes).await?;
        ensure!(read > 0, "the server ended the connection");
        Ok(())
    }

    /// Sends what is in the outbox. What is not sent yet stays in it if this is given up.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn flush(&mut self) -> Result<()> {
        while !self.outbox.0.is_empty() {
            let piece = self.outbox.0.len().min(PIECE);
            let written = self.stream.write(&self.outbox.0[..piece]).await?;
            ensure!(written > 0, "the connection takes nothing");
            self.outbox.0.drain(..written);
        }
        Ok(())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(write_in_pieces(&mut self.stream, bytes).await?)
    }

    /// The connection below.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection alone, to send whatever bytes over.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Gives back the memory that a quiet page does not need: ten thousand of them wait here too.
    pub fn shrink(&mut self) {
        self.inbox.bytes.shrink_to(0);
        self.outbox.0.shrink_to(0);
    }
}

impl Inbox {
    /// The next whole message, if it has arrived. An engine's ping is answered and passed over.
    ///
    /// # Errors
    /// If what arrived is no message.
    pub fn next(&mut self, outbox: &mut Outbox) -> Result<Option<&str>> {
        self.find(outbox)?.map(|text| self.take(text)).transpose()
    }

    /// Where the next message is, all pings before it taken.
    fn find(&mut self, outbox: &mut Outbox) -> Result<Option<Range<usize>>> {
        loop {
            let Some((start, end)) = frame::find_text(&self.bytes[self.read..])? else {
                return Ok(None);
            };
            let text = self.read + start..self.read + end;
            if self.bytes[text.clone()] != *b"2" {
                return Ok(Some(text));
            }
            self.read = text.end;
            outbox.text(&["3"]);
        }
    }

    fn take(&mut self, text: Range<usize>) -> Result<&str> {
        self.read = text.end;
        Ok(std::str::from_utf8(&self.bytes[text])?)
    }

    fn make_room(&mut self) {
        if self.read == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.read);
        }
        self.read = 0;
        self.bytes.reserve(ROOM_TO_READ);
    }

    fn take_upgrade(&mut self) -> Result<bool> {
        let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(false);
        };
        if !self.bytes.starts_with(b"HTTP/1.1 101") {
            bail!("no upgrade: {}", String::from_utf8_lossy(&self.bytes));
        }
        self.read = end + 4;
        Ok(true)
    }
}

impl Outbox {
    /// Adds a text message, given in parts.
    pub fn text(&mut self, parts: &[&str]) {
        frame::push_text(&mut self.0, parts);
    }

    /// Adds a frame that was built before.
    pub fn frame(&mut self, frame: &[u8]) {
        self.0.extend_from_slice(frame);
    }
}
