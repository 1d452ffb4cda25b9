//! One connection of the load: what a page in a browser would be, without the browser.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frame;

/// Enough for the largest message here, and small enough for ten thousand pages.
const ROOM_TO_READ: usize = 4096;

/// A WebSocket that is open.
pub struct Page {
    stream: TcpStream,
    /// What has arrived.
    pub inbox: Inbox,
    /// What goes out with the next [`Page::flush`].
    pub outbox: Outbox,
}

/// Bytes that have arrived, whole messages first.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Up to here they have been read.
    read: usize,
}

/// Frames that wait to be sent.
#[derive(Default)]
pub struct Outbox(Vec<u8>);

impl Page {
    /// Opens a WebSocket at `path`.
    ///
    /// # Errors
    /// If the server is not there, or answers anything but an upgrade.
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("no connection")?;
        Self::upgrade(stream, address, path).await
    }

    /// Opens a WebSocket over a connection that is there.
    ///
    /// # Errors
    /// If the server answers anything but an upgrade.
    pub async fn upgrade(mut stream: TcpStream, address: SocketAddr, path: &str) -> Result<Self> {
        stream.set_nodelay(true)?;
        // What Chromium sends, so that both servers keep what they would keep of a browser's request.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
             Upgrade: websocket\r\nOrigin: http://localhost:5173\r\nSec-WebSocket-Version: 13\r\n\
             Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut page = Self {
            stream,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
        };
        page.inbox.bytes.reserve(ROOM_TO_READ);
        while !page.inbox.take_upgrade()? {
            page.fill().await?;
        }
        Ok(page)
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

    /// Sends what is in the outbox.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn flush(&mut self) -> Result<()> {
        if !self.outbox.0.is_empty() {
            self.stream.write_all(&self.outbox.0).await?;
            self.outbox.0.clear();
        }
        Ok(())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
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
        loop {
            let Some((start, end)) = frame::find_text(&self.bytes[self.read..])? else {
                return Ok(None);
            };
            let text = self.read + start..self.read + end;
            self.read += end;
            if self.bytes[text.clone()] == *b"2" {
                outbox.text(&["3"]);
                continue;
            }
            return Ok(Some(std::str::from_utf8(&self.bytes[text])?));
        }
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
