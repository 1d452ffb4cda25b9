//! What either end of a link does: what was sent first arrives first, no more than so much waits, and silence is its end.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde::Serialize;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::counts::{Counts, Direction};
use super::frame;
use super::handshake::Socket;
use super::secure::broken;
use crate::held::{Held, Holder, MemoryBudget};
use crate::model::address::AddressKey;

/// How much may wait for the other node to read it. One that falls further behind has stopped reading.
const MOST_WAITING: usize = 64 << 20;
/// How often each end gives a sign of life.
const BEAT: Duration = Duration::from_secs(2);
/// After so long without one the other is gone.
const SILENCE: Duration = Duration::from_secs(6);
/// How long what has arrived is still read when nothing more can be sent.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How many messages go out together.
const TOGETHER: usize = 256;

/// One end's way to the other. Clones share it.
#[derive(Clone)]
pub(super) struct LinkSender {
    queue: UnboundedSender<Vec<u8>>,
    waiting: Arc<Waiting>,
    ended: CancellationToken,
}

/// What waits to be sent.
pub(super) struct LinkQueue {
    queue: UnboundedReceiver<Vec<u8>>,
    waiting: Arc<Waiting>,
    ended: CancellationToken,
}

/// How many bytes that are, counted with all else that waits in memory.
struct Waiting(Mutex<(usize, Held)>);

impl Waiting {
    /// False if that is too much.
    fn add(&self, bytes: usize) -> bool {
        let (waiting, held) = &mut *self.0.lock();
        *waiting += bytes;
        *waiting <= MOST_WAITING && held.set(*waiting).is_ok()
    }

    fn sent(&self, bytes: usize) {
        let (waiting, held) = &mut *self.0.lock();
        *waiting -= bytes;
        // Less is never too much.
        let _ = held.set(*waiting);
    }
}

/// A link gives way as a member of a room does: those that have shown nothing of themselves go first.
struct LinkHolder(CancellationToken);

impl Holder for LinkHolder {
    fn is_member(&self) -> bool {
        true
    }

    fn give_way(&self) {
        self.0.cancel();
    }
}

/// `to` is the other node's address, and `memory` what may hold what waits for it.
pub(super) fn channel(memory: &MemoryBudget, to: IpAddr) -> (LinkSender, LinkQueue) {
    let (sender, receiver) = unbounded_channel();
    let ended = CancellationToken::new();
    let held = memory.held(AddressKey::of(to), Some(Arc::new(LinkHolder(ended.clone()))));
    let waiting = Arc::new(Waiting(Mutex::new((0, held))));
    let link = LinkSender {
        queue: sender,
        waiting: Arc::clone(&waiting),
        ended: ended.clone(),
    };
    let queue = LinkQueue {
        queue: receiver,
        waiting,
        ended,
    };
    (link, queue)
}

impl LinkSender {
    /// Never waits. False if the link has ended, or does now.
    pub(super) fn send(&self, message: &impl Serialize) -> bool {
        let Ok(frame) = frame::encode(message) else {
            return false;
        };
        let bytes = frame.len();
        if self.ended.is_cancelled() {
            return false;
        }
        if bytes > frame::MOST_BYTES || !self.waiting.add(bytes) {
            self.ended.cancel();
            return false;
        }
        self.queue.send(frame).is_ok()
    }

    pub(super) fn end(&self) {
        self.ended.cancel();
    }
}

/// The limits of a link's WebSocket.
pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(frame::MOST_BYTES))
        .max_frame_size(Some(frame::MOST_BYTES))
}

/// Has small messages leave at once, and a machine that is gone noticed.
///
/// # Errors
/// If the system does not do it.
pub(super) fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

/// Carries messages until the link ends, and says why it did.
pub(super) async fn run(
    socket: Socket,
    queue: LinkQueue,
    counts: &Counts,
    take: impl FnMut(&[u8]) -> Result<(), frame::Malformed>,
) -> String {
    let (sink, stream) = socket.split();
    let ended = queue.ended.clone();
    let mut receiving = pin!(receive_all(stream, counts, take));
    let (why, is_cut_off) = tokio::select! {
        why = send_all(sink, queue, counts) => (why, true),
        why = &mut receiving => (why, false),
        () = ended.cancelled() => ("too much waited for it, or it was given up".to_owned(), false),
    };
    ended.cancel();
    if is_cut_off {
        // What the other said before its end may have arrived, and not have been read.
        let _ = timeout(LAST_WORDS, receiving).await;
    }
    why
}

async fn send_all(mut sink: SplitSink<Socket, Message>, mut queue: LinkQueue, counts: &Counts) -> String {
    let mut beat = interval(BEAT);
    let mut frames = Vec::with_capacity(TOGETHER);
    loop {
        let sent = tokio::select! {
            biased;
            count = queue.queue.recv_many(&mut frames, TOGETHER) => {
                if count == 0 {
                    return "nobody sends to it any more".to_owned();
                }
                timeout(SILENCE, send_together(&mut sink, &mut frames, &queue.waiting, counts)).await
            }
            _ = beat.tick() => timeout(SILENCE, sink.send(Message::Ping(Vec::new().into()))).await,
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return broken(&error),
            Err(_) => return "it does not read".to_owned(),
        }
    }
}

async fn send_together(
    sink: &mut SplitSink<Socket, Message>,
    frames: &mut Vec<Vec<u8>>,
    waiting: &Waiting,
    counts: &Counts,
) -> Result<(), Error> {
    for frame in frames.drain(..) {
        waiting.sent(frame.len());
        counts.forwarded(Direction::Out);
        sink.feed(Message::binary(frame)).await?;
    }
    sink.flush().await
}

async fn receive_all(
    mut stream: SplitStream<Socket>,
    counts: &Counts,
    mut take: impl FnMut(&[u8]) -> Result<(), frame::Malformed>,
) -> String {
    loop {
        let message = match timeout(SILENCE, stream.next()).await {
            Err(_) => return "it gave no sign of life".to_owned(),
            Ok(None) => return "it was closed".to_owned(),
            Ok(Some(Err(error))) => return broken(&error),
            Ok(Some(Ok(message))) => message,
        };
        match message {
            Message::Binary(frame) => {
                counts.forwarded(Direction::In);
                if let Err(error) = take(&frame) {
                    return error.to_string();
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return "it was closed".to_owned(),
            Message::Text(_) | Message::Frame(_) => return frame::Malformed.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::cluster::handshake::sockets;
    use crate::held::HeldLimits;

    #[test]
    fn what_waits_is_counted_and_a_link_for_which_too_much_waits_ends() {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let budget = |in_all| MemoryBudget::new(HeldLimits { in_all, per_address: 0 });
        let message = "x".repeat(1 << 20);
        for (in_all, most) in [(0, 63), (8 << 20, 7)] {
            let memory = budget(in_all);
            let (sender, mut queue) = channel(&memory, address);
            let sent = std::iter::repeat_with(|| sender.send(&message))
                .take_while(|sent| *sent)
                .count();
            assert_eq!(sent, most);
            assert!(queue.ended.is_cancelled() && !sender.send(&"after its end"));
            while let Ok(frame) = queue.queue.try_recv() {
                queue.waiting.sent(frame.len());
            }
            drop((sender, queue));
            assert_eq!(memory.bytes(), 0);
        }
        let (sender, _queue) = channel(&budget(0), address);
        assert!(
            !sender.send(&"x".repeat(frame::MOST_BYTES)),
            "larger than a frame may be"
        );
    }

    #[tokio::test]
    async fn what_was_said_before_the_end_is_read_though_nothing_can_be_sent() {
        let (near, mut far) = sockets().await;
        let (sender, queue) = channel(
            &MemoryBudget::new(HeldLimits::default()),
            IpAddr::from(Ipv4Addr::LOCALHOST),
        );
        for number in 0..100_u8 {
            far.send(Message::binary(vec![number])).await.unwrap();
        }
        // What it has not read resets the connection.
        assert!(sender.send(&"x".repeat(1 << 20)));
        drop(far);
        let mut taken = 0;
        let take = |_: &[u8]| {
            taken += 1;
            Ok(())
        };
        run(near, queue, &Counts::default(), take).await;
        assert_eq!(taken, 100);
    }
}
