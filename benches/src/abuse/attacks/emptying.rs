//! What is aimed at one member of the class, who comes from the class's address.

use anyhow::{Context, Result};
use chatroom_testkit::{SOCKET_IO, WebSocket};
use tokio::time::{Duration, sleep, timeout};

use super::Field;
use crate::member::{Identity, Member};
use crate::words;

/// Between two drops of one victim, so that it is not itself too often back.
const BETWEEN: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(200);

/// An attacker and a victim in one room, with a link between them.
struct Pair {
    attacker: Member,
    victim: Member,
    /// By which the attacker reaches the victim.
    theirs: String,
    /// The attacker's own.
    ours: String,
}

impl Pair {
    async fn meet(field: &Field, room: String) -> Result<Self> {
        let mut victim = field.victim.member(&room, 1).await?;
        let mut attacker = field.source.member(&room, 2).await?;
        let (theirs, ours) = (words::uuid(5, field.count()), words::uuid(6, field.count()));
        victim.hear(r#"42["getOffer""#).await?;
        victim.page.outbox.text(&[&words::offer(&theirs, &attacker.id)]);
        victim.page.flush().await?;
        attacker.hear(r#"42["offer""#).await?;
        attacker.page.outbox.text(&[&words::answer(&theirs, &ours, &victim.id)]);
        attacker.page.flush().await?;
        victim.hear(r#"42["answer""#).await?;
        Ok(Self {
            attacker,
            victim,
            theirs,
            ours,
        })
    }

    /// The victim drops, the attacker does what it does, and the victim comes back: as the same?
    async fn drop_and_return(self, field: &Field, deed: impl AsyncFnOnce(&mut Member) -> Result<()>) -> Result<()> {
        let Self {
            mut attacker, victim, ..
        } = self;
        let Member { page, id, identity } = victim;
        drop(page);
        sleep(SOON).await;
        let done = deed(&mut attacker).await;
        sleep(SOON).await;
        let mut back = field.victim.socket(identity).await?;
        back.ask_back().await?;
        let is_back = back.seated().await.is_ok() && back.id == id;
        field.look(!is_back);
        back.page.outbox.text(&[words::LEAVE]);
        back.page.flush().await?;
        back.hear("431").await?;
        sleep(BETWEEN).await;
        done
    }
}

pub(super) async fn away(field: &Field, _: usize) -> Result<()> {
    let pair = Pair::meet(field, format!("away {}", field.count())).await?;
    let tiny = format!(
        r#"42["icecandidate",{{"remoteConnectorId":"{}","memberId":"{}","candidate":1}}]"#,
        pair.theirs, pair.victim.id
    );
    pair.drop_and_return(field, async move |attacker| {
        for _ in 0..257 {
            attacker.page.outbox.text(&[&tiny]);
            field.count();
        }
        attacker.page.flush().await
    })
    .await
}

pub(super) async fn leaves(field: &Field, _: usize) -> Result<()> {
    let pair = Pair::meet(field, format!("away {}", field.count())).await?;
    let entries: Vec<_> = (0..300)
        .map(|n| {
            format!(
                r#"{{"remoteConnectorId":"forged {n}","memberId":"{}"}}"#,
                pair.victim.id
            )
        })
        .collect();
    let leave = format!(r#"421["leave",[{}]]"#, entries.join(","));
    pair.drop_and_return(field, async move |attacker| {
        attacker.page.outbox.text(&[&leave]);
        attacker.page.flush().await?;
        attacker.hear("431").await?;
        field.count();
        Ok(())
    })
    .await
}

/// 37 MiB and more to somebody whose line is slow.
pub(super) async fn slow(field: &Field, _: usize) -> Result<()> {
    let room = format!("slow {}", field.count());
    let narrow = field.victim.connect_narrow().await?;
    let page = WebSocket::upgrade(narrow, SOCKET_IO).await?;
    let mut victim = Member::over(page, Identity::new(&room, 1)).await?;
    victim.join().await?;
    let mut attacker = field.source.member(&room, 2).await?;
    let offer = format!(
        r#"42["offer",{{"connectorId":"c","offer":"{}","memberId":"{}","streamType":"user"}}]"#,
        "x".repeat(60_000),
        victim.id
    );
    let flood = async {
        for _ in 0..700 {
            attacker.page.outbox.text(&[&offer]);
            attacker.page.flush().await?;
            field.count();
            // What it is told must be read, or it would be cut off itself.
            _ = timeout(Duration::from_micros(100), attacker.page.fill()).await;
            let page = &mut attacker.page;
            while page.inbox.next(&mut page.outbox)?.is_some() {}
        }
        anyhow::Ok(())
    };
    let read = async {
        for _ in 0..50 {
            sleep(Duration::from_millis(100)).await;
            victim.page.fill().await?;
            let page = &mut victim.page;
            while page.inbox.next(&mut page.outbox)?.is_some() {}
            page.flush().await?;
        }
        anyhow::Ok(())
    };
    let (_, read) = tokio::join!(flood, read);
    field.look(read.is_err());
    read
}

/// The victim's page would close everybody's video, or begin anew.
pub(super) async fn reserved(field: &Field, _: usize) -> Result<()> {
    let mut pair = Pair::meet(field, format!("reserved {}", field.count())).await?;
    for word in ["leave", "getOffer"] {
        let work = format!(
            r#"42["reconnectWork",{{"type":"{word}","data":{{}},"connectorId":"{}","memberId":"{}"}}]"#,
            pair.ours, pair.victim.id
        );
        pair.attacker.page.outbox.text(&[&work]);
        field.count();
    }
    pair.attacker.page.flush().await?;
    let heard = timeout(BETWEEN, pair.victim.hear(r#"42["reconnect""#)).await;
    field.look(matches!(heard, Ok(Ok(_))));
    for member in [&mut pair.victim, &mut pair.attacker] {
        member.page.outbox.text(&[words::LEAVE]);
        member.page.flush().await?;
        member.hear("431").await.context("no answer to a leave")?;
    }
    Ok(())
}
