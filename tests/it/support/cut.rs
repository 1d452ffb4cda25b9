//! A way to PostgreSQL that can be cut, as a network is: nothing is refused, and nothing passes.

use std::path::PathBuf;
use std::thread;

use chatroom_testkit::postgres_url;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::io::{copy, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::watch;

/// What a way that is cut loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Only what comes back.
    Answers,
    All,
}

/// One node's way to the database.
pub(crate) struct Cut {
    folder: TempDir,
    database: PgConnectOptions,
    lost: watch::Sender<Option<Lost>>,
}

impl Cut {
    pub(crate) fn new(database: &PgConnectOptions) -> Self {
        // A socket's name has to be short.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let name = format!(".s.PGSQL.{}", database.get_port());
        let target = database.get_socket().unwrap().join(&name);
        let listener = std::os::unix::net::UnixListener::bind(folder.path().join(&name)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (lost, cut) = watch::channel(None);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, target, cut));
        });
        Self {
            folder,
            database: database.clone(),
            lost,
        }
    }

    /// How the database is reached by it.
    pub(crate) fn url(&self) -> String {
        postgres_url(&self.database.clone().socket(self.folder.path()))
    }

    pub(crate) fn cut(&self) {
        self.lose(Lost::All);
    }

    pub(crate) fn lose(&self, what: Lost) {
        self.lost.send_replace(Some(what));
    }

    /// What was connected before stays dead.
    pub(crate) fn mend(&self) {
        self.lost.send_replace(None);
    }
}

/// Until the test ends.
async fn serve(listener: std::os::unix::net::UnixListener, target: PathBuf, mut cut: watch::Receiver<Option<Lost>>) {
    let listener = UnixListener::from_std(listener).unwrap();
    let of_each = cut.clone();
    let accept = async {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(carry(client, target.clone(), of_each.clone()));
        }
    };
    tokio::select! {
        () = accept => {}
        () = async { while cut.changed().await.is_ok() {} } => {}
    }
}

async fn carry(mut client: UnixStream, target: PathBuf, mut cut: watch::Receiver<Option<Lost>>) {
    if cut.borrow().is_none() {
        let Ok(mut server) = UnixStream::connect(target).await else {
            return;
        };
        let lost = tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            lost = cut.wait_for(Option::is_some) => lost.map_or(None, |lost| *lost),
        };
        if lost == Some(Lost::Answers) {
            tokio::select! {
                _ = copy(&mut client, &mut server) => {}
                _ = cut.wait_for(Option::is_none) => return,
            }
        }
    }
    // The test may be over.
    let _ = cut.wait_for(Option::is_none).await;
}
