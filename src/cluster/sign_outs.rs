//! Who signs out of the review at one node is signed out at all.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::journal::{Nodes, SignedOut};

/// How soon that is so.
const WITHIN: Duration = Duration::from_secs(2);

/// For as long as the server runs.
pub(super) async fn follow(nodes: Arc<Nodes>, signed_out: SignedOut) {
    loop {
        sleep(WITHIN).await;
        // While the database does not answer, nobody can sign out elsewhere either.
        if let Ok(cookies) = nodes.sign_outs().await {
            signed_out.extend(cookies);
        }
    }
}
