//! A way to a port of this machine that can be cut, as a network is: nothing is refused, and nothing passes until it is mended.

use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::support::cut::Lost;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Loses(Lost),
    /// Nobody listens, as where a process has ended.
    Closed,
}

pub(crate) struct Way {
    pub(crate) port: u16,
    state: watch::Sender<State>,
}

impl Way {
    /// A way to `target` from `port`, which nobody else may have. It is closed.
    pub(crate) fn to(target: u16, port: u16) -> Self {
        let (state, states) = watch::channel(State::Closed);
        // Also while the test waits for something else.
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(port, target, states));
        });
        Self { port, state }
    }

    /// What was on its way when it was cut arrives late.
    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    pub(crate) fn lose(&self, what: Lost) {
        self.state.send_replace(State::Loses(what));
    }

    pub(crate) fn close(&self) {
        self.state.send_replace(State::Closed);
    }
}

/// Until the test ends.
async fn serve(port: u16, target: u16, mut states: watch::Receiver<State>) {
    while states.wait_for(|state| *state != State::Closed).await.is_ok() {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let of_each = states.clone();
        let accept = async {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(near, target, of_each.clone()));
            }
        };
        tokio::select! {
            () = accept => {}
            _ = states.wait_for(|state| *state == State::Closed) => {}
        }
    }
}

async fn carry(near: TcpStream, target: u16, states: watch::Receiver<State>) {
    let mut cut = states.clone();
    // Without answers nobody gets to be connected.
    if cut.wait_for(|state| !matches!(state, State::Loses(_))).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass(near_in, far_out, states.clone(), |state| state != State::Loses(Lost::All)) => {}
        () = pass(far_in, near_out, states, |state| !matches!(state, State::Loses(_))) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut states: watch::Receiver<State>,
    passes: fn(State) -> bool,
) {
    let mut buffer = [0; 16_384];
    while let Ok(bytes @ 1..) = from.read(&mut buffer).await {
        if states.wait_for(|state| passes(*state)).await.is_err() || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
