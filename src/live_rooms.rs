//! The rooms as the web may see them: those of this server, or those of all nodes.

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::cluster::ClusterRooms;
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::id::{ClientKey, RoomName, Username};
use crate::room::MembershipStatus;
use crate::signaling::Hub;
use crate::web::{LiveRooms, Recovery, RoomOutOfReach};

/// The rooms as the web may see them, of a server that is alone.
pub(crate) struct OwnRooms(pub(crate) Arc<Hub>);

/// The same of one of several.
pub(crate) struct AllRooms(pub(crate) ClusterRooms);

fn recovery(status: MembershipStatus) -> Recovery {
    Recovery {
        member: status.member,
        session: status.session,
        resumable_for: status.away_for,
        overflowed: !status.resumable,
    }
}

impl LiveRooms for OwnRooms {
    fn name_taken<'a>(&'a self, room: &'a RoomName, name: &'a Username) -> BoxFuture<'a, Result<bool, RoomOutOfReach>> {
        ready(Ok(self.0.name_taken(room, name))).boxed()
    }

    fn recovery<'a>(
        &'a self,
        room: &'a RoomName,
        key: &'a ClientKey,
    ) -> BoxFuture<'a, Result<Option<Recovery>, RoomOutOfReach>> {
        ready(Ok(self.0.membership_status(room, key).map(recovery))).boxed()
    }

    fn act<'a>(&'a self, room: &'a RoomName, act: Act) -> BoxFuture<'a, Result<Result<(), CannotAct>, RoomOutOfReach>> {
        let (written, is_written) = oneshot::channel();
        // Whoever asked may have gone.
        let written = Box::new(move || written.send(()).unwrap_or(()));
        let acted = self.0.act(room, act, written);
        async move {
            if acted.is_ok() {
                // Done it is in any case.
                is_written.await.ok();
            }
            Ok(acted)
        }
        .boxed()
    }

    fn held<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, StillHeld> {
        ready(self.0.held(room)).boxed()
    }

    fn rooms_held(&self) -> BoxFuture<'_, Vec<(RoomName, StillHeld)>> {
        ready(self.0.rooms_held()).boxed()
    }
}

impl LiveRooms for AllRooms {
    fn name_taken<'a>(&'a self, room: &'a RoomName, name: &'a Username) -> BoxFuture<'a, Result<bool, RoomOutOfReach>> {
        async move { self.0.name_taken(room, name).await.map_err(|_| RoomOutOfReach) }.boxed()
    }

    fn recovery<'a>(
        &'a self,
        room: &'a RoomName,
        key: &'a ClientKey,
    ) -> BoxFuture<'a, Result<Option<Recovery>, RoomOutOfReach>> {
        async move {
            let status = self.0.membership_status(room, key).await;
            status.map(|status| status.map(recovery)).map_err(|_| RoomOutOfReach)
        }
        .boxed()
    }

    fn act<'a>(&'a self, room: &'a RoomName, act: Act) -> BoxFuture<'a, Result<Result<(), CannotAct>, RoomOutOfReach>> {
        async move { self.0.act(room, act).await.map_err(|_| RoomOutOfReach) }.boxed()
    }

    fn held<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, StillHeld> {
        self.0.held(room).boxed()
    }

    fn rooms_held(&self) -> BoxFuture<'_, Vec<(RoomName, StillHeld)>> {
        self.0.rooms_held().boxed()
    }
}
