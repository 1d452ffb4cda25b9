//! How often the server allocates for a message it relays: counted, not timed, so that every machine finds the same.
//!
//! The server runs in this process, on threads of its own. The pages are this test's thread: what they send is built
//! before the count begins, and what they hear goes into buffers that are there, so that all that is counted is the
//! server's.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chatroom_server::config::Config;
use chatroom_server::net::Listeners;
use chatroom_server::server;
use chatroom_testkit::frame::{TEXT, frame};
use chatroom_testkit::{SOCKET_IO, WebSocket, packet};
use clap::Parser;
use dhat::{HeapStats, Profiler};
use tokio::runtime;
use tokio::time::timeout;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What a page relays, as it sends it, and how many allocations that takes from its frame to its receiver's. When one
/// of these falls, write the new number here.
const RELAYS: [(&str, &str, u64); 4] = [
    (
        "icecandidate",
        r#""remoteConnectorId":"bo's","candidate":{"candidate":"candidate:1"}"#,
        15,
    ),
    (
        "reconnectWork",
        r#""connectorId":"ann's","type":"offer","data":{"sdp":"v=0"}"#,
        18,
    ),
    (
        "offer",
        r#""connectorId":"ann's","offer":{"sdp":"v=0"},"streamType":"user""#,
        18,
    ),
    (
        "answer",
        r#""remoteConnectorId":"bo's screen","connectorId":"ann's own","answer":{"sdp":"v=0"}"#,
        18,
    ),
];

/// How many messages are counted together: one allocation in each stands out from what timers and the journal do now
/// and then, which is less than one for each.
const MESSAGES: u64 = 200;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn a_relay_allocates_no_more_than_is_recorded() {
    let address = start_server();
    let pages = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    pages.block_on(async {
        let mut ann = Page::join(address, "Ann").await;
        let bo = Page::join(address, "Bo").await;
        let mut bo = ann.link_with(bo).await;
        for (event, fields, most) in RELAYS {
            let text = format!(r#"42["{event}",{{"memberId":"{}",{fields}}}]"#, bo.member);
            let frame = frame(TEXT, text.as_bytes());
            let mut relay = async |times| {
                for _ in 0..times {
                    ann.web.send_raw(&frame).await.unwrap();
                    bo.hear("42[").await;
                }
            };
            // Buffers find their size.
            relay(MESSAGES).await;
            let profiler = Profiler::builder().testing().build();
            relay(MESSAGES).await;
            let counted = HeapStats::get().total_blocks;
            drop(profiler);
            let each = counted / MESSAGES;
            assert!(
                each <= most,
                "{event} takes {each} allocations ({counted} for {MESSAGES}), not {most}"
            );
        }
    });
}

/// The server on a free port, for as long as this process lives.
fn start_server() -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/chatroom.db", folder.path().display());
        let config = Config::parse_from(["chatroom-server", "--database-url", &database]);
        let runtime = runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listeners = Listeners::bind(&config.host, 0).await.unwrap();
            tell.send(listeners.addresses()[0]).unwrap();
            server::run(config, listeners, std::future::pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

/// A page that has joined.
struct Page {
    web: WebSocket,
    member: String,
}

impl Page {
    async fn join(address: SocketAddr, name: &str) -> Self {
        let mut web = WebSocket::open(address, SOCKET_IO).await.unwrap();
        web.connect_namespace().await.unwrap();
        let mut page = Self {
            web,
            member: String::new(),
        };
        page.say(&packet::join(&format!("id of {name}"), name, "lesson")).await;
        let seat = page.hear("430").await;
        page.member = packet::field(seat, "\"memberId").unwrap().to_owned();
        page
    }

    /// Makes the two links that the relays here are about.
    async fn link_with(&mut self, mut peer: Self) -> Self {
        self.hear("42[\"getOffer\"").await;
        self.say(&format!(
            r#"42["offer",{{"memberId":"{}","connectorId":"ann's","offer":1}}]"#,
            peer.member
        ))
        .await;
        peer.hear("42[\"offer\"").await;
        peer.say(&format!(
            r#"42["answer",{{"memberId":"{}","remoteConnectorId":"ann's","connectorId":"bo's","answer":1}}]"#,
            self.member
        ))
        .await;
        self.hear("42[\"answer\"").await;
        peer.say(&format!(
            r#"42["offer",{{"memberId":"{}","connectorId":"bo's screen","streamType":"display","offer":1}}]"#,
            self.member
        ))
        .await;
        self.hear("42[\"offer\"").await;
        peer
    }

    async fn say(&mut self, text: &str) {
        self.web.say(text).await.unwrap();
    }

    /// Waits for the message that begins so. Allocates nothing.
    async fn hear(&mut self, beginning: &str) -> &str {
        let heard = timeout(ANSWER_TIMEOUT, self.web.hear(beginning)).await;
        heard.expect("something is heard in time").unwrap()
    }
}
