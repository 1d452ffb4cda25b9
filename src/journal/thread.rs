//! The thread that writes.
//!
//! A row takes several short waits for the database. On the threads that serve the clients each of them would stand in line
//! behind everything that a class does when it comes at once: a group of a thousand records took half a minute, and what
//! the clients were told had long stopped waiting for it.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A thread that runs one task, until that ends or is aborted, and what is spawned beside it.
pub(super) struct WriterThread {
    handle: Handle,
    lives: oneshot::Sender<Infallible>,
}

impl WriterThread {
    /// A thread that waits; on the network as well if it is to write to a server.
    ///
    /// # Errors
    /// If the system gives none.
    pub(super) fn start(waits_on_network: bool) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        builder.enable_time();
        if waits_on_network {
            builder.enable_io();
        }
        let runtime = builder.build()?;
        let (lives, ended) = oneshot::channel::<Infallible>();
        let handle = runtime.handle().clone();
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            // Aborted or done, its end is dropped.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { handle, lives })
    }

    /// Where to spawn something before the task.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs the task.
    pub(super) fn run(self, task: impl Future<Output = ()> + Send + 'static) -> (JoinHandle<()>, Handle) {
        let Self { handle, lives } = self;
        let task = handle.spawn(async move {
            task.await;
            drop(lives);
        });
        (task, handle)
    }
}
