//! That this node has a place among the others: kept for as long as it can be, given up when another may have it, and taken
//! anew.

use std::sync::Arc;

use tracing::{error, info};

use super::directory::ClusterDirectory;
use super::handshake::Identity;
use super::lease::{COMMITTED_WITHIN, Keeper};
use crate::signaling::{Clock, Hub};

/// A node's place.
pub(super) struct Tenure {
    pub(super) keeper: Keeper,
    pub(super) hub: Arc<Hub>,
    pub(super) clock: Arc<Clock>,
    pub(super) directory: Arc<ClusterDirectory>,
    pub(super) identity: Arc<Identity>,
}

impl Tenure {
    /// For as long as the server runs.
    pub(super) async fn hold(self) {
        let Keeper { nodes, journal, .. } = &self.keeper;
        loop {
            let why = self.keeper.keep().await;
            error!(
                "this node has lost its place among the others: {why}. Who was in its rooms comes back through them, and it \
                 begins anew once the database has a place for it"
            );
            nodes.leave();
            self.directory.leave().await;
            self.hub.abandon();
            let back = journal.vacate(self.clock.now().at, why.to_string());
            self.identity.lose();
            let Ok(back) = back.await else { return };
            journal.set_commit_timeout(COMMITTED_WITHIN);
            let names: Vec<_> = back.rooms.iter().map(|(_, there)| there.room.clone()).collect();
            info!(
                epoch = nodes.epoch(),
                rooms = names.len(),
                "this node has a place again"
            );
            self.hub.take_over(back.rooms, back.last_alive, nodes.grace());
            self.keeper.reach.begin_again();
            self.identity.regain(nodes.epoch().unwrap_or_default());
            self.directory.come_back(names).await;
        }
    }
}
