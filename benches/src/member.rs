//! A page that has joined a room, and pairs of them that have a link.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chatroom_testkit::{SOCKET_IO, WebSocket, packet};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::subject::Kind;
use crate::words;

/// How many connections are made at a time.
const AT_ONCE: usize = 32;

/// No answer takes as long.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Who a page is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its secret.
    pub id: String,
    /// Its name.
    pub username: String,
    /// Its room.
    pub room: String,
}

/// A page with a socket, that may have joined.
pub struct Member {
    /// Its connection.
    pub page: WebSocket,
    /// Its address for others; empty before it has joined.
    pub id: String,
    /// Who it is.
    pub identity: Identity,
}

impl Identity {
    /// The `number`th page of the room of that name.
    pub fn new(room: &str, number: usize) -> Self {
        Self {
            id: format!("{}-{room}", words::uuid(1, number)),
            username: format!("page {number}"),
            room: room.to_owned(),
        }
    }
}

impl Member {
    /// Opens a socket. At the floor that is all: there its number is its address.
    ///
    /// # Errors
    /// If the server does not take it.
    pub async fn connect(kind: Kind, address: SocketAddr, number: usize, identity: Identity) -> Result<Self> {
        if kind.is_bare() {
            let id = words::uuid(2, number);
            let page = WebSocket::open(address, &format!("/{id}")).await?;
            return Ok(Self { page, id, identity });
        }
        Self::over(WebSocket::open(address, SOCKET_IO).await?, identity).await
    }

    /// Makes a socket of an open WebSocket.
    ///
    /// # Errors
    /// If the server does not take it.
    pub async fn over(mut page: WebSocket, identity: Identity) -> Result<Self> {
        timeout(ANSWER_TIMEOUT, page.connect_namespace())
            .await
            .context("no answer to the connect")??;
        Ok(Self {
            page,
            id: String::new(),
            identity,
        })
    }

    /// Joins its room.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn join(&mut self) -> Result<()> {
        let Identity { id, username, room } = &self.identity;
        self.page.say(&packet::join(id, username, room)).await?;
        self.seated().await
    }

    /// Leaves its room.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn leave(&mut self) -> Result<()> {
        self.page.outbox.text(&[words::LEAVE]);
        self.page.flush().await?;
        self.hear("431").await.map(drop)
    }

    /// Asks to resume in its room, and does not wait.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn ask_back(&mut self) -> Result<()> {
        let Identity { id, username, room } = &self.identity;
        self.page.say(&packet::reconnect(id, username, room)).await
    }

    /// Waits until it has joined or resumed.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn seated(&mut self) -> Result<()> {
        let seated = self.hear("430").await?;
        let id = packet::field(&seated, "\"memberId").with_context(|| format!("refused: {seated}"))?;
        self.id = id.to_owned();
        Ok(())
    }

    /// Waits for the message that begins so, and passes over others.
    ///
    /// # Errors
    /// If the connection ends before, or nothing comes for a long while.
    pub async fn hear(&mut self, beginning: &str) -> Result<String> {
        let heard = async {
            loop {
                let text = self.page.next().await?;
                if text.starts_with(beginning) {
                    return Ok(text.to_owned());
                }
                if text.starts_with(r#"42["error""#) {
                    bail!("{text}");
                }
            }
        };
        let heard = timeout(ANSWER_TIMEOUT, heard).await;
        heard.with_context(|| format!("nothing that begins with {beginning}"))?
    }
}

/// Opens a socket for each, some at a time; the order stays.
///
/// # Errors
/// If one is not taken.
pub async fn connect_all(kind: Kind, address: SocketAddr, identities: Vec<Identity>) -> Result<Vec<Member>> {
    let permits = Rc::new(Semaphore::new(AT_ONCE));
    let mut connecting = JoinSet::new();
    let count = identities.len();
    for (number, identity) in identities.into_iter().enumerate() {
        let permits = permits.clone();
        connecting.spawn_local(async move {
            let _permit = permits.acquire().await?;
            let member = Member::connect(kind, address, number, identity).await?;
            anyhow::Ok((number, member))
        });
    }
    in_order(connecting, count).await
}

/// Joins all; the order stays, and within a room they join one after another.
///
/// # Errors
/// If one is refused.
pub async fn join_all(members: Vec<Member>) -> Result<Vec<Member>> {
    let count = members.len();
    let mut rooms: Vec<Vec<(usize, Member)>> = Vec::new();
    for (number, member) in members.into_iter().enumerate() {
        match rooms.last_mut() {
            Some(room)
                if room
                    .iter()
                    .any(|(_, other)| other.identity.room == member.identity.room) =>
            {
                room.push((number, member));
            }
            _ => rooms.push(vec![(number, member)]),
        }
    }
    let mut joining = JoinSet::new();
    for mut room in rooms {
        joining.spawn_local(async move {
            for (_, member) in &mut room {
                member.join().await?;
            }
            anyhow::Ok(room)
        });
    }
    let mut joined: Vec<Option<Member>> = (0..count).map(|_| None).collect();
    while let Some(room) = joining.join_next().await {
        for (number, member) in room?? {
            joined[number] = Some(member);
        }
    }
    Ok(joined.into_iter().flatten().collect())
}

async fn in_order<T: 'static>(mut tasks: JoinSet<Result<(usize, T)>>, count: usize) -> Result<Vec<T>> {
    let mut done: Vec<Option<T>> = (0..count).map(|_| None).collect();
    while let Some(task) = tasks.join_next().await {
        let (number, value) = task??;
        done[number] = Some(value);
    }
    Ok(done.into_iter().flatten().collect())
}
