//! How often the server allocates for a message it relays: counted, not timed, so that every machine finds the same.
//!
//! The server runs in this process, on threads of its own. The pages are this test's thread: what they send is built
//! before the count begins, and what they hear goes into one buffer, so that all that is counted is the server's.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chatroom_server::config::Config;
use chatroom_server::net::Listeners;
use chatroom_server::server;
use clap::Parser;
use dhat::{HeapStats, Profiler};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What a page relays, as it sends it, and how many allocations that takes from its frame to its receiver's. When one
/// of these falls, write the new number here.
const RELAYS: [(&str, &str, u64); 4] = [
    (
        "icecandidate",
        r#""remoteConnectorId":"bo's","candidate":{"candidate":"candidate:1"}"#,
        16,
    ),
    (
        "reconnectWork",
        r#""connectorId":"ann's","type":"offer","data":{"sdp":"v=0"}"#,
        19,
    ),
    (
        "offer",
        r#""connectorId":"ann's","offer":{"sdp":"v=0"},"streamType":"user""#,
        19,
    ),
    (
        "answer",
        r#""remoteConnectorId":"bo's screen","connectorId":"ann's own","answer":{"sdp":"v=0"}"#,
        19,
    ),
];

/// How many messages are counted together: one allocation in each stands out from what timers and the journal do now
/// and then, which is less than one for each.
const MESSAGES: u64 = 200;

#[test]
fn a_relay_allocates_no_more_than_is_recorded() {
    let port = start_server();
    let mut ann = Page::join(port, "Ann");
    let bo = Page::join(port, "Bo");
    let mut bo = ann.link_with(bo);
    for (event, fields, most) in RELAYS {
        let frame = text_frame(&format!(r#"42["{event}",{{"memberId":"{}",{fields}}}]"#, bo.member));
        let mut relay = |times| {
            for _ in 0..times {
                ann.stream.write_all(&frame).unwrap();
                bo.hear("42[");
            }
        };
        // Buffers find their size.
        relay(MESSAGES);
        let profiler = Profiler::builder().testing().build();
        relay(MESSAGES);
        let counted = HeapStats::get().total_blocks;
        drop(profiler);
        let each = counted / MESSAGES;
        assert!(
            each <= most,
            "{event} takes {each} allocations ({counted} for {MESSAGES}), not {most}"
        );
    }
}

/// The server on a free port, for as long as this process lives.
fn start_server() -> u16 {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/chatroom.db", folder.path().display());
        let config = Config::parse_from(["chatroom-server", "--database-url", &database]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listeners = Listeners::bind(&config.host, 0).await.unwrap();
            tell.send(listeners.addresses()[0].port()).unwrap();
            server::run(config, listeners, std::future::pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

/// A page's WebSocket.
struct Page {
    stream: TcpStream,
    /// The start of the last frame that was heard.
    heard: [u8; 2048],
    member: String,
}

impl Page {
    fn join(port: u16, name: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut page = Self {
            stream,
            heard: [0; 2048],
            member: String::new(),
        };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            page.stream.read_exact(&mut page.heard[..1]).unwrap();
            head.push(page.heard[0]);
        }
        page.hear("0");
        page.say("40");
        page.hear("40");
        page.say(&format!(
            r#"420["join",{{"id":"id of {name}","username":"{name}","roomname":"lesson"}}]"#
        ));
        let seat: serde_json::Value = serde_json::from_str(page.hear("430").strip_prefix("430").unwrap()).unwrap();
        page.member = seat[0]["memberId"].as_str().unwrap().to_owned();
        page
    }

    /// Makes the two links that the relays here are about.
    fn link_with(&mut self, mut peer: Self) -> Self {
        self.hear("42[\"getOffer\"");
        self.say(&format!(
            r#"42["offer",{{"memberId":"{}","connectorId":"ann's","offer":1}}]"#,
            peer.member
        ));
        peer.hear("42[\"offer\"");
        peer.say(&format!(
            r#"42["answer",{{"memberId":"{}","remoteConnectorId":"ann's","connectorId":"bo's","answer":1}}]"#,
            self.member
        ));
        self.hear("42[\"answer\"");
        peer.say(&format!(
            r#"42["offer",{{"memberId":"{}","connectorId":"bo's screen","streamType":"display","offer":1}}]"#,
            self.member
        ));
        self.hear("42[\"offer\"");
        peer
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(&text_frame(text)).unwrap();
    }

    /// Waits for the message that begins so. Allocates nothing.
    fn hear(&mut self, beginning: &str) -> &str {
        loop {
            let len = self.read_frame();
            if self.heard[..len].starts_with(beginning.as_bytes()) {
                return std::str::from_utf8(&self.heard[..len]).unwrap();
            }
        }
    }

    fn read_frame(&mut self) -> usize {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut len = usize::from(head[1]);
        if len == 126 {
            self.stream.read_exact(&mut head).unwrap();
            len = usize::from(u16::from_be_bytes(head));
        }
        self.stream.read_exact(&mut self.heard[..len]).unwrap();
        len
    }
}

/// A client's text frame, its mask zero.
fn text_frame(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(len.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
