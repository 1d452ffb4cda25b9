//! The disk fails, and the class goes on: what clients notice (nothing but a bounded wait), what `/readyz` says, and
//! that everything is written when the disk is back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use chatroom_server::model::vocabulary::LeaveReason;
use chatroom_testkit::Socket;
use serde_json::{Value, json};

use crate::reasons::leave_reason;
use crate::support::database::{DATABASE, Lock, Schema};
use crate::support::history::History;
use crate::support::server::{PROGRAM, Server, TOKEN, session_page};

/// How long a join may take while the database does not answer: the server's patience of a second, and some.
const BOUNDED_WAIT: Duration = Duration::from_millis(2_500);

/// How soon after the disk is back everything must be written.
pub(crate) const RECOVERY: Duration = Duration::from_secs(5);

/// A server whose disk can be made to fail.
pub(crate) struct Class {
    pub(crate) server: Server,
    pub(crate) disk: Disk,
}

/// A folder that can be filled up: a small tmpfs where mounting is allowed, else a limit on the size of files.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    pub(crate) is_mounted: bool,
}

impl Disk {
    pub(crate) fn of_size(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output();
        let is_mounted = mount.is_ok_and(|mount| mount.status.success());
        Self { folder, is_mounted }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    pub(crate) fn fill(&self, server: &Server) {
        if self.is_mounted {
            // The write fails when there is no room left, which is what is wanted.
            let mut filler = std::fs::File::create(self.filler()).unwrap();
            let _ = std::io::copy(&mut std::io::repeat(0), &mut filler);
        } else {
            limit_files(server, "4096:unlimited");
        }
    }

    pub(crate) fn free(&self, server: &Server) {
        if self.is_mounted {
            std::fs::remove_file(self.filler()).unwrap();
        } else {
            limit_files(server, "unlimited:unlimited");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg("-l").arg(self.path()).status();
        }
    }
}

fn limit_files(server: &Server, limits: &str) {
    let set = Command::new("prlimit")
        .args([format!("--fsize={limits}"), format!("--pid={}", server.child.id())])
        .status();
    assert!(set.unwrap().success());
}

impl Class {
    fn start(variables: &[(&str, &str)]) -> Self {
        let disk = Disk::of_size("4m");
        let server = Self::run(&disk, variables);
        Self { server, disk }
    }

    pub(crate) fn run(disk: &Disk, variables: &[(&str, &str)]) -> Server {
        // Ignored, the signal of a file that grows too large becomes an error, as a full disk is one.
        let mut start = Command::new("/bin/sh");
        start
            .args(["-c", &format!("trap '' XFSZ; exec {PROGRAM}")])
            .current_dir(disk.path());
        start
            .env_clear()
            .env("REVIEW_TOKEN", TOKEN)
            .env("PORT", "0")
            // The disk is tiny: what comes before it is full has its own test.
            .env("MIN_FREE_DISK", "0")
            .envs(Schema::of(disk.path()).iter().flat_map(Schema::variables))
            .envs(variables.iter().copied());
        Server::start_unread(start, Path::new("/dev/null"))
    }

    /// Kills the server while another process holds the lock, and starts another one when it is free.
    async fn kill_and_restart(&mut self, lock: Lock) {
        self.server.signal("KILL");
        self.server.exit_code();
        lock.release().await;
        self.server = Self::run(&self.disk, &[]);
    }

    fn readiness(&self) -> (u16, Value) {
        let answer = self.server.ask("/readyz").unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    pub(crate) async fn wait_for_readiness(&self, wanted: u16, within: Duration) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let (status, body) = self.readiness();
            if status == wanted {
                return body;
            }
            assert!(Instant::now() < deadline, "still {status}: {body}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Another process that holds the database's write lock.
    async fn lock(&self) -> Lock {
        Lock::hold(self.disk.path()).await
    }

    /// Stops the server; everything is in the files then.
    async fn stop(&mut self) -> History {
        self.server.signal("TERM");
        assert_eq!(self.server.exit_code(), Some(0));
        History::of(self.disk.path()).await
    }

    /// Stops a server whose history must be whole.
    async fn history(&mut self) -> History {
        let mut history = self.stop().await;
        history.check().await;
        history
    }
}

/// Two members that send each other candidates.
pub(crate) struct Pair {
    ann: Socket,
    bo: Socket,
    bo_id: Value,
}

impl Pair {
    pub(crate) async fn join(port: u16) -> Self {
        let (ann, ann_seat) = Socket::join(port, "lesson", "ann").await;
        let (bo, seat) = Socket::join(port, "lesson", "bo").await;
        let mut pair = Self {
            ann,
            bo,
            bo_id: seat["memberId"].clone(),
        };
        pair.ann.expect("getOffer").await;
        pair.bo.offer_to(&ann_seat["memberId"]).await;
        pair.ann.expect("offer").await;
        pair
    }

    /// The median time of a relay, of 200.
    pub(crate) async fn latency(&mut self) -> Duration {
        let mut times = Vec::new();
        for number in 0..200 {
            let sent = Instant::now();
            let payload = json!({"remoteConnectorId": "c", "memberId": self.bo_id, "candidate": number});
            self.ann.emit("icecandidate", payload).await;
            assert_eq!(self.bo.expect("icecandidate").await["candidate"], number);
            times.push(sent.elapsed());
        }
        times.sort();
        times[times.len() / 2]
    }
}

/// Joins a room of its own, and says how long that took.
async fn timed_join(port: u16, name: &str) -> Duration {
    let asked = Instant::now();
    let (mut socket, _) = Socket::join(port, &format!("room of {name}"), name).await;
    socket.emit("leave", json!([])).await;
    asked.elapsed()
}

/// Everything a class needs goes on while the database fails: returns how many joined meanwhile.
pub(crate) async fn goes_on(class: &Class, pair: &mut Pair, healthy: Duration) -> usize {
    let port = class.server.port;
    let mut joined = 0;
    while class.readiness().0 == 200 {
        let took = timed_join(port, &format!("early {joined}")).await;
        assert!(took < BOUNDED_WAIT, "a join took {took:?}");
        joined += 1;
    }
    let problem = class.readiness().1;
    assert_eq!(problem["code"], "notReady", "{problem}");
    let failing = pair.latency().await;
    assert!(
        failing < healthy * 2 + Duration::from_millis(5),
        "relays slow down: {healthy:?} to {failing:?}"
    );
    for number in 0..20 {
        let took = timed_join(port, &format!("late {number}")).await;
        assert!(
            took < Duration::from_millis(500),
            "once it is known to fail nobody waits for it: {took:?}"
        );
        joined += 1;
    }
    joined
}

/// Of the names that joined while the disk failed, how many are in the history.
async fn joins(history: &mut History) -> usize {
    let sql = "select username from participant where username like 'early %' or username like 'late %'";
    history.texts(sql).await.len()
}

#[tokio::test]
async fn a_full_disk() {
    let mut class = Class::start(&[]);
    let mut pair = Pair::join(class.server.port).await;
    let healthy = pair.latency().await;
    class.disk.fill(&class.server);
    let joined = goes_on(&class, &mut pair, healthy).await;
    class.disk.free(&class.server);
    class.wait_for_readiness(200, RECOVERY).await;
    check_all_is_kept(&mut class.history().await, joined).await;
}

/// So many have joined while the disk failed, and two before.
pub(crate) async fn check_all_is_kept(history: &mut History, joined: usize) {
    assert_eq!(joins(history).await, joined);
    assert_eq!(history.events_of("gap").await.len(), 0);
    assert_eq!(history.events_of("joined").await.len(), joined + 2, "none twice");
}

#[tokio::test]
async fn a_locked_database() {
    let mut class = Class::start(&[]);
    let mut pair = Pair::join(class.server.port).await;
    let healthy = pair.latency().await;
    let lock = class.lock().await;
    let joined = goes_on(&class, &mut pair, healthy).await;
    // A member may drop and resume meanwhile, too.
    pair.bo.vanish();
    let (bo, seat) = Socket::resume(class.server.port, "lesson", "bo").await;
    assert_eq!((&seat["memberId"], &seat["resumed"]), (&pair.bo_id, &json!(true)));
    lock.release().await;
    class.wait_for_readiness(200, RECOVERY).await;
    bo.vanish();
    let mut history = class.history().await;
    assert_eq!(joins(&mut history).await, joined);
    assert_eq!(
        history
            .texts("select kind from event where kind = 'reconnected'")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn a_database_that_takes_seconds() {
    let mut class = Class::start(&[]);
    let mut pair = Pair::join(class.server.port).await;
    let healthy = pair.latency().await;
    let mut joined = 0;
    for _ in 0..2 {
        let lock = class.lock().await;
        joined += 1;
        let took = timed_join(class.server.port, &format!("early slow {joined}")).await;
        assert!(took < BOUNDED_WAIT, "a join took {took:?}");
        let slow = pair.latency().await;
        assert!(
            slow < healthy * 2 + Duration::from_millis(5),
            "relays slow down: {healthy:?} to {slow:?}"
        );
        class.wait_for_readiness(503, RECOVERY).await;
        lock.release().await;
        class.wait_for_readiness(200, RECOVERY).await;
    }
    let mut history = class.history().await;
    assert_eq!(joins(&mut history).await, joined);
}

#[tokio::test]
async fn what_does_not_fit_in_memory_is_one_gap_of_its_size() {
    let mut class = Class::start(&[("JOURNAL_BACKLOG", "40")]);
    let port = class.server.port;
    let mut pair = Pair::join(port).await;
    let lock = class.lock().await;
    for number in 0..60 {
        timed_join(port, &format!("late {number}")).await;
    }
    // One that leaves in the gap is gone afterwards, and nobody says that he left as others do.
    pair.bo.emit("leave", json!([])).await;
    // One that joins in the gap and stays is in the history afterwards.
    let (_cy, seat) = Socket::join(port, "lesson", "cy").await;
    let session = seat["sessionId"].clone();
    lock.release().await;
    class.wait_for_readiness(200, RECOVERY).await;
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let room = class.server.ask_as_reviewer("/api/v1/rooms/lesson").unwrap();
        if room.contains("\"cy\"") {
            break;
        }
        assert!(Instant::now() < deadline, "{room}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let page = session_page(&class.server, &session);
    assert!(page.contains("gone, how and when was not recorded"), "{page}");
    let gap = LeaveReason::Gap.as_str();
    assert_eq!(leave_reason(&class.server, &session, "bo"), gap);
    drop(pair);
    let mut history = class.stop().await;
    let gaps = history.texts("select detail from event where kind = 'gap'").await;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let dropped: Value = serde_json::from_str(&gaps[0]).unwrap();
    assert!(dropped["dropped"].as_u64() > Some(0), "{dropped}");
    // 60 rooms of three events each; then the session of the first room, three joins in it, one leave, and the end of the
    // link that ended with it.
    let written = history
        .texts("select kind from event where kind in ('joined', 'left', 'session_started')")
        .await
        .len();
    let missing = 60 * 3 + 6 - written as u64;
    assert_eq!(
        dropped["dropped"].as_u64(),
        Some(missing),
        "the gap says how much is missing"
    );
    history.check_after_loss().await;
}

/// What was waiting is lost at most, and nothing else: whoever came meanwhile and is not written begins anew.
#[tokio::test]
async fn a_kill_while_the_database_is_locked() {
    let mut class = Class::start(&[]);
    let port = class.server.port;
    let pair = Pair::join(port).await;
    let lock = class.lock().await;
    let (cy, cy_seat) = Socket::join(port, "lesson", "cy").await;
    pair.bo.vanish();
    let (bo, seat) = Socket::resume(port, "lesson", "bo").await;
    assert_eq!(seat["memberId"], pair.bo_id);
    assert_eq!(class.readiness().0, 503);
    class.kill_and_restart(lock).await;
    let port = class.server.port;
    drop((cy, bo));
    let (mut bo, seat) = Socket::resume(port, "lesson", "bo").await;
    assert_eq!((&seat["memberId"], &seat["resumed"]), (&pair.bo_id, &json!(true)));
    let (mut cy, seat) = Socket::resume(port, "lesson", "cy").await;
    // What the server had asked for when it was killed, PostgreSQL does all the same. That need not be all that waited.
    let is_kept = seat["resumed"] == true;
    assert!(!is_kept || Schema::of(class.disk.path()).is_some(), "{seat}");
    assert_eq!(seat["ok"], true, "{seat}");
    assert_eq!(seat["memberId"] == cy_seat["memberId"], is_kept, "{seat}");
    if !is_kept {
        assert_eq!(cy.expect("reconnect").await, json!({"type": "leave"}));
    }
    assert_eq!(bo.expect("getOffer").await["memberId"], seat["memberId"]);
    class.history().await;
}

#[tokio::test]
async fn a_database_that_is_moved_away_or_replaced_is_told_of() {
    let class = Class::start(&[]);
    let (file, elsewhere) = (class.disk.path().join(DATABASE), class.disk.path().join("elsewhere.db"));
    let noticed = Duration::from_secs(15);
    std::fs::rename(&file, &elsewhere).unwrap();
    let body = class.wait_for_readiness(503, noticed).await;
    assert!(body.to_string().contains("removed or replaced"), "{body}");
    let (_ann, seat) = Socket::join(class.server.port, "lesson", "ann").await;
    assert_eq!(seat["ok"], true, "signaling goes on");
    std::fs::write(&file, "another file").unwrap();
    assert_eq!(class.readiness().0, 503);
    std::fs::rename(&elsewhere, &file).unwrap();
    class.wait_for_readiness(200, noticed).await;
}
