//! Who asks with a token to join that lets nobody in, for the operator: as refused joins are told, and as seldom.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::info;

use crate::join_token::Forbidden;
use crate::limit::SeldomEach;
use crate::model::address::AddressKey;
use crate::model::id::{RoomName, Username};

/// The shortest time between two lines of one address for the same reason.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Tells of requests that were refused for what they showed.
pub(crate) struct ForbiddenLog {
    told: SeldomEach<(AddressKey, Forbidden)>,
    /// How many had no line since the last that had one.
    untold: AtomicU64,
}

impl Default for ForbiddenLog {
    fn default() -> Self {
        Self {
            told: SeldomEach::new(TOLD_EVERY),
            untold: AtomicU64::new(0),
        }
    }
}

impl ForbiddenLog {
    /// Writes a line of one, unless this address had one for this reason a short while ago.
    pub(crate) fn tell(&self, room: &RoomName, member: Option<&Username>, address: AddressKey, reason: &Forbidden) {
        if !self.told.is_due((address, reason.clone())) {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let more = Some(self.untold.swap(0, Ordering::Relaxed)).filter(|count| *count > 0);
        info!(
            room = room.as_str(),
            member = member.map(Username::as_str),
            r#type = "forbidden",
            cause = reason.to_string(),
            %address,
            more,
            "refused a request"
        );
    }
}
