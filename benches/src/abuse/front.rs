//! TLS for a class that speaks none: what it sends to the front goes to the server within TLS. What that takes of the class's
//! core it takes with and without an attack.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use chatroom_server::healthcheck::secured;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::source::Source;

/// A front that takes connections until it is dropped.
#[derive(Default)]
pub(super) struct Front {
    tasks: JoinSet<()>,
}

impl Front {
    /// Where the front listens whose connections are the source's.
    pub(super) async fn open(&mut self, source: Source) -> Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        self.tasks.spawn_local(async move {
            let mut connections = JoinSet::new();
            while let Ok((plain, _)) = listener.accept().await {
                connections.spawn_local(carry(plain, source));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(address)
    }
}

/// Either end's end is the other's.
async fn carry(mut plain: TcpStream, source: Source) -> Result<()> {
    plain.set_nodelay(true)?;
    let mut server = secured(source.connect().await?).await?;
    copy_bidirectional(&mut plain, &mut server).await?;
    Ok(())
}
