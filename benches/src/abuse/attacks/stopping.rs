//! What makes the server busy or has it wait.

use anyhow::{Result, ensure};
use chatroom_testkit::{frame, packet};
use tokio::time::{Duration, sleep};

use super::Field;
use crate::abuse::source::head;
use crate::member::Identity;
use crate::words;

/// Between two packets of one body.
const RECORD: char = '\x1e';
const PARAMETERS: usize = 16_000;

pub(super) async fn unreadable(field: &Field, place: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    let session = http.handshake().await?;
    if place.is_multiple_of(2) {
        http.post(&session, "40").await?;
    }
    let mut body = String::from("46");
    (0..5).for_each(|_| body += &format!(r#"{RECORD}42["x",{{}}]"#));
    for _ in 0..10 {
        let answer = http.post(&session, &body).await?;
        field.count();
        ensure!(answer.status == 200, "the session has ended");
    }
    Ok(())
}

/// The first connection's body is handled while the second says that the socket has gone.
pub(super) async fn disconnect(field: &Field, place: usize) -> Result<()> {
    let (mut one, mut other) = (field.source.http().await?, field.source.http().await?);
    let session = one.handshake().await?;
    let join = packet::join(&words::uuid(9, place), &format!("name {place}"), "flood");
    let mut body = format!("40{RECORD}{join}");
    (0..200).for_each(|_| body += &format!(r#"{RECORD}42["x",{{}}]"#));
    let length = format!("Content-Length: {}\r\n", body.len());
    one.send((head("POST", &session, &length) + &body).as_bytes()).await?;
    other.post(&session, "41").await?;
    field.count();
    one.answer().await?;
    Ok(())
}

pub(super) async fn takeover(field: &Field, _: usize) -> Result<()> {
    let mut socket = field.source.socket(Identity::new("taken over", 0)).await?;
    socket.ask_back().await?;
    field.count();
    socket.seated().await
}

pub(super) async fn connects(field: &Field, _: usize) -> Result<()> {
    let mut page = field.source.websocket().await?;
    let mut burst = Vec::new();
    while burst.len() < 64 * 1024 {
        frame::push_text(&mut burst, &["40"]);
    }
    loop {
        page.send_raw(&burst).await?;
        field.count();
    }
}

pub(super) async fn parameters(field: &Field, place: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    let path = ["/checkUsername", "/socket.io/", "/api/v1/rooms", "/api/v1/recovery"][place % 4];
    let query: Vec<_> = (0..PARAMETERS).map(|n| format!("{n:x}=1")).collect();
    let request = format!("{path}?{}", query.join("&"));
    loop {
        let answer = http.get(&request, "").await?;
        field.count();
        if answer.status == 429 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}
