//! The server's tasks, which only its own runtime can count: here it runs in the test's process, on a runtime of its own.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use chatroom_server::config::Config;
use chatroom_server::net::Listeners;
use chatroom_server::server;
use chatroom_server::signals::Stop;
use chatroom_testkit::{PollingSocket, Socket};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

use crate::support::database::{DATABASE, Schema};
use crate::support::narrow::narrow_member;
use crate::support::server::TOKEN;
use crate::support::vitals::eventually;

struct InProcess {
    runtime: Handle,
    port: u16,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl InProcess {
    fn start(folder: &Path) -> Self {
        let file = format!("sqlite://{}", folder.join(DATABASE).display());
        let schema = Schema::of(folder);
        let schema = schema.as_ref().map(Schema::variables);
        let [(_, database), (_, schema)] = schema.unwrap_or([("", &file), ("", "chatroom")]);
        let mut flags = vec![
            "--database-url",
            database,
            "--database-schema",
            schema,
            "--review-token",
            TOKEN,
            "--host",
            "127.0.0.1",
        ];
        flags.extend(["--session-linger", "100ms", "--resume-grace", "100ms"]);
        let config = Config::read(flags, &Default::default());
        let config = config.unwrap_or_else(|_| panic!("the flags are right"));
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        let (listening, port) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listeners = Listeners::bind(&config.host, 0).await?;
                listening.send(listeners.addresses()[0].port())?;
                let stop = async { stopped.await.map_or(Stop::Interrupt, |()| Stop::Terminate) };
                server::run(config, listeners, stop).await
            })
        });
        Self {
            runtime: handle,
            port: port.recv().unwrap(),
            stop,
            thread,
        }
    }

    fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// What runs without any client: all but the one task of the connection that has just been answered.
    async fn idle_tasks(&self) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream
            .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        self.tasks() - 1
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap().unwrap();
    }
}

/// People that leave, drop, are reset, never read, never speak, or come half; those that are held are for the server to
/// cut.
async fn crowd(port: u16) -> Vec<(Socket, TcpStream)> {
    let (mut speaker, speaker_seat) = Socket::join(port, "lesson", "speaker").await;
    let letter = "x".repeat(30_000);
    let mut kept = Vec::new();
    for number in 0..8 {
        let (mut leaver, _) = Socket::join(port, "lesson", &format!("leaver {number}")).await;
        assert_eq!(leaver.call("leave", json!([])).await["ok"], true);
        let (dropped, _) = Socket::join(port, "lesson", &format!("dropped {number}")).await;
        dropped.vanish();
        let (back, _) = Socket::resume(port, "lesson", &format!("dropped {number}")).await;
        back.reset();
        let (mut stalled, seat) = narrow_member(port, "lesson", &format!("stalled {number}")).await;
        stalled.offer_to(&speaker_seat["memberId"]).await;
        for _ in 0..12 {
            let payload = json!({"remoteConnectorId": "c", "memberId": seat["memberId"], "candidate": letter});
            speaker.emit("icecandidate", payload).await;
        }
        let mut half = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let silent = Socket::connect(port).await;
        let polling = PollingSocket::join(port, "lesson", &format!("polling {number}")).await;
        kept.push((stalled, half));
        drop((leaver, silent, polling));
    }
    speaker.events_so_far().await;
    kept
}

#[tokio::test]
async fn no_task_outlives_its_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = InProcess::start(folder.path());
    let idle = server.idle_tasks().await;
    let stuck = crowd(server.port).await;
    let most = server.tasks();
    assert!(most > idle + stuck.len(), "{idle} tasks, {most} with a crowd");
    let over = eventually("the tasks are over", Duration::from_secs(60), || server.tasks() <= idle).await;
    println!("{idle} tasks, {most} with a crowd, {idle} again after {over:?}");
    server.stop();
}
