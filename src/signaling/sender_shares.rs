//! What waits for one client to read it, by who sent it: one sender cannot fill it up.

use crate::model::id::SocketKey;

/// How many messages may wait for a socket to read them. A burst for a polling client waits for its next poll; one
/// that falls further behind has stopped reading.
pub(super) const MAX_WAITING: usize = 4_096;

/// How many messages of one sender may wait for a client: a quarter of all that may.
pub(super) const MESSAGES_PER_SENDER: u64 = MAX_WAITING as u64 / 4;

/// What waits for a client, by who sent it. What is carried away counts as everybody's in proportion: nobody keeps a list
/// of what was sent in which order.
#[derive(Default)]
pub(super) struct SenderTotals(Vec<SenderTotal>);

struct SenderTotal {
    sender: SocketKey,
    bytes: u64,
    messages: u64,
}

impl SenderTotals {
    /// Counts a message, unless too much of its sender waits already.
    pub(super) fn take(&mut self, sender: SocketKey, bytes: u64, most: u64) -> bool {
        let Some(share) = self.0.iter_mut().find(|share| share.sender == sender) else {
            let messages = 1;
            self.0.push(SenderTotal {
                sender,
                bytes,
                messages,
            });
            return true;
        };
        if share.bytes + bytes > most || share.messages >= MESSAGES_PER_SENDER {
            return false;
        }
        share.bytes += bytes;
        share.messages += 1;
        true
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of so many waiting bytes so many have been carried away.
    pub(super) fn carried_away(&mut self, bytes: u64, waiting: u64) {
        if self.0.is_empty() {
            return;
        }
        if bytes >= waiting {
            self.0 = Vec::new();
            return;
        }
        let rest = |value: u64| u64::try_from(u128::from(value) * u128::from(waiting - bytes) / u128::from(waiting));
        for share in &mut self.0 {
            share.bytes = rest(share.bytes).unwrap_or(0);
            share.messages = rest(share.messages).unwrap_or(0);
        }
        self.0.retain(|share| share.bytes > 0);
    }
}
