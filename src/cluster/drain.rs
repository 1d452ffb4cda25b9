//! The stop of a node: its rooms are handed to the others in waves, and with each of them goes a share of its clients that are in
//! rooms of others, so that not all of these people come back at one moment.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use super::directory::ClusterDirectory;
use super::owners::Owners;
use crate::journal::Journal;

/// How many waves there are, and how long it is from one to the next: the rest of a stop needs its time, too.
const WAVES: u32 = 8;
const WAVE: Duration = Duration::from_millis(200);
/// The last wave has begun by then, and has to be over.
const DRAINED_WITHIN: Duration = Duration::from_millis(2_000);

/// Hands rooms over, and sends clients away, until none is left, or no time. What is left goes with the end of the stop, all at
/// once.
pub(super) async fn drain(directory: &ClusterDirectory, owners: &Owners, journal: &Journal) {
    let begun = Instant::now();
    directory.begin_drain();
    let all = directory.own_rooms();
    let clients = owners.clients();
    if all == 0 && clients.is_empty() || !directory.has_others() {
        return;
    }
    let most = all.div_ceil(WAVES as usize);
    let mut handed_over = 0;
    let waves = async {
        let mut shares = clients.chunks(clients.len().div_ceil(WAVES as usize).max(1));
        // Somebody may just be entering a room: that one goes with a later wave.
        for wave in 1.. {
            let share = shares.next().unwrap_or_default();
            share.iter().for_each(|client| client.send_away());
            handed_over += directory.hand_over(most, journal).await?;
            let is_last = directory.own_rooms() == 0 && shares.len() == 0;
            // After the last clients, too: the nodes of their rooms are to hear whose doing it was before they come back.
            if !is_last || !share.is_empty() {
                sleep_until(begun + WAVE * wave).await;
            }
            if is_last {
                break;
            }
        }
        Ok::<(), sqlx::Error>(())
    };
    let ended = timeout_at(begun + DRAINED_WITHIN, waves).await;
    if let Ok(Err(error)) = ended {
        warn!(%error, "rooms could not be handed to other nodes: they take them once this one has stopped");
    }
    let clients = clients.len();
    info!(
        rooms = handed_over,
        of = all,
        clients,
        "handed rooms to other nodes, and clients that are in rooms of theirs"
    );
}
