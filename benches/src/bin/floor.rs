//! The least that a relay does, on the same WebSocket library and runtime as the server: a text message begins with its
//! target's address and a space, and the rest goes to that target. No Socket.IO, no rooms, no checks, no history. With
//! `gather` what waits for a target goes out with one write.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

type Targets = Arc<RwLock<HashMap<String, UnboundedSender<Message>>>>;

#[tokio::main]
async fn main() -> Result<()> {
    let port = std::env::args().nth(1).context("usage: floor PORT [gather]")?.parse()?;
    let gathers = std::env::args().nth(2).is_some_and(|word| word == "gather");
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let targets = Targets::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, targets.clone(), gathers));
    }
}

async fn serve(stream: TcpStream, targets: Targets, gathers: bool) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut id = String::new();
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let read_path = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        id = request.uri().path().trim_start_matches('/').to_owned();
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, read_path).await?;
    let (sender, receiver) = unbounded_channel();
    targets.write().expect("nobody panics with it").insert(id, sender);
    let (sink, mut stream) = socket.split();
    tokio::spawn(write(sink, receiver, gathers));
    while let Some(message) = stream.next().await {
        let Message::Text(text) = message? else { continue };
        let Some((target, rest)) = text.split_once(' ') else {
            continue;
        };
        let targets = targets.read().expect("nobody panics with it");
        if let Some(target) = targets.get(target) {
            target.send(Message::text(rest)).ok();
        }
    }
    Ok(())
}

type Sink = futures_util::stream::SplitSink<WebSocketStream<TcpStream>, Message>;

async fn write(mut sink: Sink, mut waiting: UnboundedReceiver<Message>, gathers: bool) -> Result<()> {
    while let Some(message) = waiting.recv().await {
        sink.feed(message).await?;
        while gathers && let Ok(message) = waiting.try_recv() {
            sink.feed(message).await?;
        }
        sink.flush().await?;
    }
    Ok(())
}
