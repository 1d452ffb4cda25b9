//! What the handshake of TLS costs, and what one keeps that does not end.

use anyhow::{Context, Result, bail};
use chatroom_server::healthcheck::secured;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Duration, interval};

use super::Field;

/// How often a byte comes of a handshake that takes its time.
const EACH_BYTE: Duration = Duration::from_secs(1);
/// More than a client says before it hears anything.
const MOST_SAID: usize = 16 * 1024;

/// The same for every connection: none comes so far that it matters.
static HELLO: OnceCell<Vec<u8>> = OnceCell::const_new();

/// Whole handshakes, each on a connection that ends then.
pub(super) async fn handshakes(field: &Field, _: usize) -> Result<()> {
    loop {
        secured(field.source.connect().await?).await?;
        field.count();
    }
}

/// All that a client says first, and nothing to the answer.
pub(super) async fn silence(field: &Field, _: usize) -> Result<()> {
    let hello = HELLO.get_or_try_init(hello).await?;
    let mut stream = field.source.connect().await?;
    stream.write_all(hello).await?;
    field.count();
    hold(&mut stream).await
}

/// The same, a byte a second.
pub(super) async fn trickle(field: &Field, _: usize) -> Result<()> {
    let hello = HELLO.get_or_try_init(hello).await?;
    let mut stream = field.source.connect().await?;
    let (mut heard, mut said) = stream.split();
    let mut answer = [0; 16];
    let mut turns = interval(EACH_BYTE);
    let say = async {
        for byte in hello {
            turns.tick().await;
            said.write_all(&[*byte]).await?;
            field.count();
        }
        Ok(())
    };
    tokio::select! {
        said = say => said,
        ended = heard.read(&mut answer) => bail!("the server has ended it: {ended:?}"),
    }
}

/// What a client says first.
async fn hello() -> Result<Vec<u8>> {
    let (client, mut wire) = duplex(MOST_SAID);
    let mut hello = Vec::with_capacity(MOST_SAID);
    tokio::select! {
        _ = secured(client) => bail!("nobody shakes hands"),
        read = wire.read_buf(&mut hello) => read.context("nothing is said first")?,
    };
    Ok(hello)
}

/// Takes what comes, until the server ends it.
async fn hold(stream: &mut TcpStream) -> Result<()> {
    let mut answer = [0; 4096];
    while stream.read(&mut answer).await? > 0 {}
    bail!("the server has ended it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_first_is_a_whole_handshake_record() {
        let hello = hello().await.unwrap();
        let [0x16, 3, _, long @ ..] = hello.as_slice() else {
            panic!("{hello:?}");
        };
        let length = usize::from(u16::from_be_bytes([long[0], long[1]]));
        assert_eq!(hello.len(), 5 + length);
    }
}
