//! What makes the server keep much.

use anyhow::{Result, ensure};
use chatroom_testkit::{SOCKET_IO, WebSocket, frame};
use tokio::time::Duration;

use super::Field;
use crate::abuse::source::{Http, POLLING, head};
use crate::member::Identity;

/// A little less than what a message may have.
const LARGE: usize = 900_000;
/// As large as heads usually may be, or a little less.
const HEAD: usize = 60_000;
/// Until a message before a join is given up.
const HELD: Duration = Duration::from_secs(10);

pub(super) async fn handshakes(field: &Field, _: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    loop {
        let answer = http.get(POLLING, "").await?;
        ensure!(answer.status == 200, "refused: {}", answer.status);
        field.count();
    }
}

pub(super) async fn early(field: &Field, place: usize) -> Result<()> {
    let mut socket = field.source.socket(Identity::new("early", place)).await?;
    let large = "x".repeat(LARGE);
    for _ in 0..4 {
        socket.page.outbox.text(&[
            r#"42["icecandidate",{"remoteConnectorId":"c","memberId":"m","candidate":""#,
            &large,
            r#""}]"#,
        ]);
        socket.page.flush().await?;
        field.count();
    }
    tokio::time::timeout(HELD, listen(&mut socket)).await.unwrap_or(Ok(()))
}

pub(super) async fn fragments(field: &Field, _: usize) -> Result<()> {
    let mut page = field.source.websocket().await?;
    page.send_raw(&fragment(LARGE)).await?;
    field.count();
    loop {
        page.fill().await?;
    }
}

/// A text message's first part, which says that more is to come.
fn fragment(len: usize) -> Vec<u8> {
    const NOT_FINAL: u8 = 0x7f;
    let mut bytes = Vec::new();
    frame::push_text(&mut bytes, &[&"4".repeat(len)]);
    bytes[0] &= NOT_FINAL;
    bytes
}

pub(super) async fn buffers(field: &Field, place: usize) -> Result<()> {
    let mut socket = field.source.socket(Identity::new("silent", place)).await?;
    socket.page.outbox.text(&[r#"42["x",""#, &"x".repeat(LARGE), r#""]"#]);
    socket.page.flush().await?;
    field.count();
    listen(&mut socket).await
}

async fn listen(socket: &mut crate::member::Member) -> Result<()> {
    loop {
        let page = &mut socket.page;
        while page.inbox.next(&mut page.outbox)?.is_some() {}
        page.flush().await?;
        page.fill().await?;
    }
}

/// One of a pair sends what the other does not read.
pub(super) async fn unread(field: &Field, place: usize) -> Result<()> {
    let room = format!("unread {place}");
    let mut sender = field.source.member(&room, 1).await?;
    let narrow = field.source.connect_narrow().await?;
    let page = WebSocket::upgrade(narrow, SOCKET_IO).await?;
    let mut reader = crate::member::Member::over(page, Identity::new(&room, 2)).await?;
    reader.join().await?;
    let large = "x".repeat(60_000);
    let offer = format!(
        r#"42["offer",{{"connectorId":"c","offer":"{large}","memberId":"{}","streamType":"user"}}]"#,
        reader.id
    );
    for _ in 0..100 {
        sender.page.outbox.text(&[&offer]);
        sender.page.flush().await?;
        field.count();
    }
    listen(&mut sender).await
}

pub(super) async fn bodies(field: &Field, _: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    let session = http.handshake().await?;
    let length = format!("Content-Length: {}\r\n", LARGE + 1);
    http.send(head("POST", &session, &length).as_bytes()).await?;
    http.send("4".repeat(LARGE).as_bytes()).await?;
    field.count();
    hold(&mut http).await
}

pub(super) async fn heads(field: &Field, _: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    let header = format!("X-Long: {}", "x".repeat(HEAD));
    http.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{header}").as_bytes())
        .await?;
    field.count();
    hold(&mut http).await
}

/// Every other one a WebSocket, so that not all of them are cut for saying nothing.
pub(super) async fn silent(field: &Field, place: usize) -> Result<()> {
    if place.is_multiple_of(2) {
        let mut socket = field.source.socket(Identity::new("silent", place)).await?;
        field.count();
        return listen(&mut socket).await;
    }
    let mut http = field.source.http().await?;
    field.count();
    hold(&mut http).await
}

/// Until the server ends it.
async fn hold(http: &mut Http) -> Result<()> {
    http.drain().await?;
    anyhow::bail!("the server has ended it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_not_final() {
        assert_eq!(fragment(5)[..2], [0x01, 0x85]);
    }
}
