//! Pairs of members with a link between them, each in a room of its own.

use anyhow::{Context, Result};
use chatroom_testkit::{frame, packet};

use crate::member::{Identity, Member, join_all};
use crate::subject::{Kind, Target};
use crate::words;

/// One end of a pair.
pub(super) struct End {
    pub(super) member: Member,
    kind: Kind,
    peer: String,
    /// The peer's connector of their link.
    remote_connector: String,
}

impl End {
    /// A candidate for the peer, as a frame.
    pub(super) fn candidate(&self, at: u64) -> Vec<u8> {
        let words = words::candidate(&self.remote_connector, &self.peer, at);
        let mut out = Vec::new();
        match self.kind {
            // Where it goes, and the very text that arrives.
            Kind::Floor | Kind::Gatherer => frame::push_text(&mut out, &[&self.peer, " ", &words]),
            Kind::Ours | Kind::OnPostgres | Kind::Node | Kind::NodeTables | Kind::NodeLean => {
                frame::push_text(&mut out, &[&words])
            }
        }
        out
    }
}

/// Connects so many pairs: both join, one offers, the other answers. The ends of a pair are neighbours; where there are several
/// servers they are at different ones, and each server is the first of as many pairs as the others.
pub(super) async fn connect(target: &Target, pairs: usize) -> Result<Vec<End>> {
    let servers = target.addresses.len();
    let mut members = Vec::new();
    for pair in 0..pairs {
        for end in 0..2 {
            let number = pair * 2 + end;
            let address = target.addresses[(pair + end) % servers];
            let identity = Identity::new(&format!("pair {pair}"), number);
            members.push(Member::connect(target.kind, address, number, identity).await?);
        }
    }
    let is_bare = target.kind.is_bare();
    if !is_bare {
        members = join_all(members).await?;
    }
    let mut ends = Vec::new();
    let mut members = members.into_iter();
    while let (Some(mut one), Some(mut other)) = (members.next(), members.next()) {
        let connectors = [words::uuid(3, ends.len()), words::uuid(4, ends.len())];
        if !is_bare {
            link(&mut one, &mut other, &connectors).await?;
        }
        let [connector, remote_connector] = connectors;
        let (id, peer) = (one.id.clone(), other.id.clone());
        for (member, peer, remote_connector) in [(one, peer, remote_connector), (other, id, connector)] {
            ends.push(End {
                member,
                kind: target.kind,
                peer,
                remote_connector,
            });
        }
    }
    Ok(ends)
}

async fn link(one: &mut Member, other: &mut Member, [ours, theirs]: &[String; 2]) -> Result<()> {
    let asked = one.hear(r#"42["getOffer""#).await?;
    let peer = packet::field(&asked, "\"memberId").context("no memberId")?;
    one.page.outbox.text(&[&words::offer(ours, peer)]);
    one.page.flush().await?;
    other.hear(r#"42["offer""#).await?;
    other.page.outbox.text(&[&words::answer(ours, theirs, &one.id)]);
    other.page.flush().await?;
    one.hear(r#"42["answer""#).await?;
    Ok(())
}
