//! The servers of one history in PostgreSQL: a node keeps its lease, claims rooms, and takes over those of nodes that are
//! gone. Beside the connection that writes there is one for the lease, which nothing else may hold up, and one for the rest.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Clock;
use super::database_server::DatabaseServer;
use super::node::{self, Epoch, LEASE, NodeId, Peer};
use super::recover::{Stop, close_all, extend_graces};
use super::room_claims::{Abandoned, ClaimRow};
use super::store::ServerStore;
use super::tenure::Tenure;
use super::within::within;
use super::{restore, review, room_claims};
use crate::model::id::{RoomName, SessionId};
use crate::model::time::Timestamp;
use crate::room::record::Snapshot;
use crate::sql::{Connection, Database};

/// One of the nodes of a history.
pub struct Nodes {
    server: DatabaseServer,
    tenure: Arc<Tenure>,
    grace: Duration,
    clock: Clock,
    /// Each with the epoch that it writes as.
    for_lease: Mutex<Option<(Epoch, PgConnection)>>,
    for_rooms: Mutex<Option<(Epoch, Connection)>>,
    /// Rooms are taken over, and the database does not know yet that they are recovered.
    is_unsettled: AtomicBool,
}

/// Whose a room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This node's.
    Us,
    /// Another's.
    Other {
        /// Which.
        node: NodeId,
        /// In which epoch it took the room.
        epoch: i64,
        /// How it is reached; `None` if it was alone.
        address: Option<String>,
        /// What the database knows of it.
        state: NodeState,
    },
}

/// What the database knows of a node that has a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Its lease goes on.
    Live,
    /// Its lease is over: it is gone, or it does not reach the database.
    Over,
    /// It has left the room; or it is this node, which has not come to an end with taking it over.
    Left,
}

/// Rooms that another node has left and that are ours now.
pub struct TakenOver {
    /// All of them.
    pub names: Vec<RoomName>,
    /// Those in which a session is open, with who was there.
    pub rooms: Vec<(SessionId, Snapshot)>,
    /// The last moment at which the node is known to have lived.
    pub alive_at: Timestamp,
}

impl Nodes {
    /// For how long a node that says nothing keeps its place.
    pub const LEASE: Duration = LEASE;

    pub(super) fn new(store: &ServerStore, clock: Clock) -> Self {
        Self {
            server: store.server.clone(),
            tenure: store.tenure.clone(),
            grace: store.grace,
            clock,
            for_lease: Mutex::default(),
            for_rooms: Mutex::default(),
            is_unsettled: AtomicBool::new(false),
        }
    }

    /// Which node this is.
    pub fn node(&self) -> NodeId {
        self.tenure.node()
    }

    /// Which epoch of it; `None` if it has no place for now.
    pub fn epoch(&self) -> Option<i64> {
        self.tenure.epoch().ok().map(|epoch| epoch.number)
    }

    /// Nothing is written as this node any more, until the journal has a place for it again.
    pub fn leave(&self) {
        self.tenure.end();
        self.is_unsettled.store(false, Ordering::SeqCst);
    }

    /// How long who was in a room that is taken over has to come back.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// Says that this node lives, and gives the others that do; `None` if another has taken its place.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn renew_lease(&self) -> sqlx::Result<Option<Vec<Peer>>> {
        /// What `pg_temp.fence` raises.
        const TAKEN: &str = "55006";
        let epoch = self.tenure.epoch()?;
        let mut kept = self.for_lease.lock().await;
        let mut connection = match kept.take().filter(|(as_epoch, _)| *as_epoch == epoch) {
            Some((_, connection)) => connection,
            None => self.connect(epoch).await?,
        };
        let fence = sqlx::query("select pg_temp.fence()").execute(&mut connection).await;
        if let Err(error) = fence {
            let code = error.as_database_error().and_then(|error| error.code());
            return if code.as_deref() == Some(TAKEN) {
                Ok(None)
            } else {
                Err(error)
            };
        }
        let peers = room_claims::peers(&mut connection, epoch.node).await?;
        *kept = Some((epoch, connection));
        Ok(Some(peers))
    }

    /// Takes a room that nobody has. Gives whose it is then.
    ///
    /// # Errors
    /// If another has taken this node's place, or the database does not answer.
    pub async fn claim(&self, room: &RoomName) -> sqlx::Result<Owner> {
        let (epoch, row) = self
            .with_connection(async |epoch, connection| {
                let row = room_claims::claim(postgres(connection)?, epoch, room).await?;
                Ok((epoch, row))
            })
            .await?;
        Ok(row.owner(epoch))
    }

    /// Gives back those of these rooms in which no session is open. Gives the names of the rest.
    ///
    /// # Errors
    /// As [`Nodes::claim`].
    pub async fn release(&self, rooms: &[RoomName]) -> sqlx::Result<Vec<RoomName>> {
        self.with_connection(async |_, connection| room_claims::release(postgres(connection)?, rooms).await)
            .await
    }

    /// Gives up rooms in which sessions go on: who is there is away from now on, as at a stop, and whichever node asks takes
    /// them over. All that has happened in them has to be written, and nothing more may.
    ///
    /// # Errors
    /// As [`Nodes::claim`]; then they are this node's until it stops.
    pub async fn hand_over(&self, rooms: &[RoomName]) -> sqlx::Result<()> {
        self.with_connection(async |_, connection| {
            room_claims::begin_hand_over(postgres(connection)?, rooms).await?;
            close_all(connection, &Stop::of((self.clock)().0, true)).await?;
            room_claims::end_hand_over(postgres(connection)?).await
        })
        .await
    }

    /// Whose a room is, which stays nobody's if it is that.
    ///
    /// # Errors
    /// As [`Nodes::claim`].
    pub async fn owner(&self, room: &RoomName) -> sqlx::Result<Option<Owner>> {
        self.with_connection(async |epoch, connection| {
            let row = room_claims::owner(postgres(connection)?, room).await?;
            Ok(row.map(|row| row.owner(epoch)))
        })
        .await
    }

    /// The nodes whose rooms are to be taken over, as far as the database knows.
    ///
    /// # Errors
    /// As [`Nodes::claim`].
    pub async fn abandoned(&self) -> sqlx::Result<Vec<Abandoned>> {
        self.with_connection(async |epoch, connection| room_claims::abandoned(postgres(connection)?, epoch).await)
            .await
    }

    /// Takes over rooms of a node whose lease is over, or that `is_gone` as far as can be told from outside; of many rooms a
    /// part, with the one that is wanted. `None` if there are none, or the node may still live. Whoever gets them has them
    /// live on, and then calls [`Nodes::settle`].
    ///
    /// # Errors
    /// As [`Nodes::claim`].
    pub async fn take_over(
        &self,
        (node, epoch): (NodeId, i64),
        wanted: Option<&RoomName>,
        is_gone: bool,
    ) -> sqlx::Result<Option<TakenOver>> {
        self.with_connection(async |ours, connection| {
            let is_self = node == ours.node && epoch == ours.number;
            if !is_self && !room_claims::depose(postgres(connection)?, node, epoch, is_gone).await? {
                return Ok(None);
            }
            let begun = room_claims::begin_takeover(postgres(connection)?, ours, node, wanted).await?;
            let Some((names, last_run)) = begun else {
                return Ok(None);
            };
            close_all(connection, &Stop::of(last_run.alive_at, last_run.is_clean)).await?;
            connection.run("commit").await?;
            let rooms = restore::live_rooms(connection).await?;
            extend_graces(connection, (self.clock)(), self.grace).await?;
            self.is_unsettled.store(true, Ordering::SeqCst);
            Ok(Some(TakenOver {
                names,
                rooms,
                alive_at: Timestamp(last_run.alive_at),
            }))
        })
        .await
    }

    /// The review's cookies that were signed out at any node, each until it would have ended.
    ///
    /// # Errors
    /// As [`Nodes::claim`].
    pub async fn sign_outs(&self) -> sqlx::Result<impl Iterator<Item = (Uuid, Timestamp)> + use<>> {
        self.with_connection(async |_, connection| review::sign_outs(connection).await)
            .await
    }

    /// Those who were taken over live on.
    ///
    /// # Errors
    /// As [`Nodes::claim`]; then it is said before whatever is asked next.
    pub async fn settle(&self) -> sqlx::Result<()> {
        self.with_connection(async |_, _| Ok(())).await
    }

    /// One statement after another: a connection survives only what succeeds.
    async fn with_connection<T>(
        &self,
        work: impl AsyncFnOnce(Epoch, &mut Connection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        let mut kept = self.for_rooms.lock().await;
        let epoch = self.tenure.epoch()?;
        let mut connection = match kept.take().filter(|(as_epoch, _)| *as_epoch == epoch) {
            Some((_, connection)) => connection,
            None => Database::Postgres(self.connect(epoch).await?),
        };
        if self.is_unsettled.load(Ordering::SeqCst) {
            room_claims::end_recovery(postgres(&mut connection)?).await?;
            self.is_unsettled.store(false, Ordering::SeqCst);
        }
        let done = within(self.server.answered_within(), work(epoch, &mut connection)).await?;
        *kept = Some((epoch, connection));
        Ok(done)
    }

    fn connect(&self, epoch: Epoch) -> impl Future<Output = sqlx::Result<PgConnection>> + '_ {
        within(self.server.connected_within(), async move {
            let mut connection = self.server.writer().connect().await?;
            node::prepare(&mut connection, epoch).await?;
            Ok(connection)
        })
    }
}

impl ClaimRow {
    fn owner(self, ours: Epoch) -> Owner {
        let is_ours = self.node == ours.node.0 && self.epoch == ours.number;
        if is_ours && !self.is_recovering {
            return Owner::Us;
        }
        let state = match (is_ours || self.is_left, self.is_over) {
            (true, _) => NodeState::Left,
            (false, true) => NodeState::Over,
            (false, false) => NodeState::Live,
        };
        Owner::Other {
            node: NodeId(self.node),
            epoch: self.epoch,
            address: self.address,
            state,
        }
    }
}

fn postgres(connection: &mut Connection) -> sqlx::Result<&mut PgConnection> {
    match connection {
        Database::Postgres(connection) => Ok(connection),
        Database::Sqlite(_) => Err(sqlx::Error::Protocol("an embedded file has one server".to_owned())),
    }
}
