//! Who follows what happens looks at the database when their own node has written something. A hint on the links has those at the
//! other nodes look, too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::owners::Owners;

/// How often others are told at most: who follows does not look more often.
const EVERY: Duration = Duration::from_millis(100);

/// For as long as the server runs. `committed` is the number of the last entry that this node has written.
pub(super) async fn tell(mut committed: watch::Receiver<i64>, owners: Arc<Owners>) {
    let mut told = *committed.borrow();
    while committed.changed().await.is_ok() {
        let written = *committed.borrow_and_update();
        // The hints of others wake it as well.
        if written != told {
            told = written;
            owners.tell_of_entries();
            sleep(EVERY).await;
        }
    }
}
