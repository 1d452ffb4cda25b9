//! Which place a server has in a history that it shares with others, as that changes.

use std::sync::atomic::{AtomicI64, Ordering};

use super::node::{Epoch, NodeId};

/// The epochs of the database begin with 1.
const NONE: i64 = 0;

/// The place of a server, shared by all that writes in its name.
pub(super) struct Tenure {
    node: NodeId,
    number: AtomicI64,
}

impl Tenure {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            node: epoch.node,
            number: AtomicI64::new(epoch.number),
        }
    }

    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// What is written as, if it has a place.
    ///
    /// # Errors
    /// If it has none for now.
    pub(super) fn epoch(&self) -> sqlx::Result<Epoch> {
        match self.number.load(Ordering::SeqCst) {
            NONE => Err(sqlx::Error::Protocol(
                "this node has no place in the history for now".to_owned(),
            )),
            number => Ok(Epoch {
                node: self.node,
                number,
            }),
        }
    }

    /// It has one again.
    pub(super) fn begin(&self, epoch: Epoch) {
        self.number.store(epoch.number, Ordering::SeqCst);
    }

    /// It has none any more.
    pub(super) fn end(&self) {
        self.number.store(NONE, Ordering::SeqCst);
    }
}
