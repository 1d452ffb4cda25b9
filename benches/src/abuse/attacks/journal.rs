//! What the history has to write down.

use anyhow::Result;
use chatroom_testkit::packet;

use super::Field;
use crate::member::{Identity, Member};
use crate::words;

pub(super) async fn names(field: &Field, place: usize) -> Result<()> {
    let mut socket = field.source.socket(Identity::new("flood", place)).await?;
    loop {
        let number = field.count();
        socket.identity = Identity::new("flood", 1_000_000 + number);
        come_and_go(&mut socket).await?;
    }
}

pub(super) async fn rooms(field: &Field, place: usize) -> Result<()> {
    let mut socket = field.source.socket(Identity::new("flood", place)).await?;
    loop {
        let number = field.count();
        socket.identity = Identity::new(&format!("flood {number}"), place);
        come_and_go(&mut socket).await?;
    }
}

pub(super) async fn churn(field: &Field, place: usize) -> Result<()> {
    let mut socket = field
        .source
        .socket(Identity::new(&format!("flood {}", place % 4), place))
        .await?;
    loop {
        field.count();
        come_and_go(&mut socket).await?;
    }
}

/// Does not wait for the callbacks: what it has asked for is more than any page has.
async fn come_and_go(socket: &mut Member) -> Result<()> {
    let Identity { id, username, room } = &socket.identity;
    let join = packet::join(id, username, room);
    let page = &mut socket.page;
    page.outbox.text(&[&join]);
    page.outbox.text(&[words::LEAVE]);
    page.flush().await?;
    page.fill().await?;
    while page.inbox.next(&mut page.outbox)?.is_some() {}
    Ok(())
}

pub(super) async fn refusals(field: &Field, place: usize) -> Result<()> {
    let mut member = field.source.member(&format!("flood {}", place % 4), place).await?;
    let nobody = words::candidate("c", "nobody", 0);
    loop {
        for _ in 0..100 {
            member.page.outbox.text(&[&nobody]);
        }
        member.page.flush().await?;
        for _ in 0..100 {
            field.count();
        }
        member.page.fill().await?;
        let page = &mut member.page;
        while page.inbox.next(&mut page.outbox)?.is_some() {}
    }
}
