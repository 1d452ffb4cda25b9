//! A wire that freezes: what was connected stays connected, and nothing passes any more.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    frozen: CancellationToken,
}

impl Proxy {
    /// A wire to a port of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let frozen = CancellationToken::new();
        let state = frozen.clone();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, state.clone()));
                tokio::spawn(pass(far_in, near_out, state.clone()));
            }
        });
        Self { port: own, frozen }
    }

    pub(crate) fn freeze(&self) {
        self.frozen.cancel();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, frozen: CancellationToken) {
    let mut buffer = [0; 4096];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = frozen.cancelled() => return std::future::pending().await,
        };
        match read {
            Ok(bytes) if bytes > 0 => {
                if to.write_all(&buffer[..bytes]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
