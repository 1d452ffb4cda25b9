//! Clients that come and go at random, as pages do, and write down all they are told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatroom_testkit::{ANSWER_TIMEOUT, Socket};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::ledger::{Deed, DeedKind, Log, Seat, id};
use crate::support::page::{Link, say};
use crate::support::seed::Seed;

const ROOMS: u64 = 4;

/// What all clients share.
pub(crate) struct Class {
    port: u16,
    pub(crate) log: Mutex<Log>,
    between_runs: Barrier,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Class {
    /// Starts so many clients; they wait for the first run.
    pub(crate) fn start(port: u16, clients: usize, seed: &mut Seed) -> Arc<Self> {
        let class = Arc::new(Self {
            port,
            log: Mutex::default(),
            between_runs: Barrier::new(clients + 1),
            tasks: Default::default(),
        });
        for number in 0..clients {
            let client = Client {
                class: class.clone(),
                seed: seed.fork(),
                number,
                run: 0,
                room: format!("room {}", number as u64 % ROOMS),
                member: None,
                unanswered: false,
                forgot: false,
                links: HashMap::new(),
                made: 0,
            };
            class.tasks.try_lock().unwrap().spawn(client.live());
        }
        class
    }

    /// To be passed by the test when a run has begun, and again when it has ended: all is logged then.
    pub(crate) async fn pass(&self) {
        let mut tasks = self.tasks.lock().await;
        tokio::select! {
            _ = self.between_runs.wait() => {}
            Some(ended) = tasks.join_next() => ended.expect("no client sees anything wrong"),
            () = tokio::time::sleep(ANSWER_TIMEOUT * 2) => panic!("a client waits for something"),
        }
    }

    /// What was told since the last call.
    pub(crate) fn take_log(&self) -> Log {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

pub(crate) struct Client {
    pub(crate) class: Arc<Class>,
    seed: Seed,
    pub(crate) number: usize,
    pub(crate) run: u64,
    room: String,
    /// Its member, as far as it knows.
    pub(crate) member: Option<Uuid>,
    /// It asked to come in and was not answered: it may have another member than it knows.
    unanswered: bool,
    /// It came back as a member that it had not known, and cannot know the links of.
    pub(crate) forgot: bool,
    /// By its own connectors.
    pub(crate) links: HashMap<String, Link>,
    pub(crate) made: u64,
}

/// The socket is gone.
pub(crate) struct Lost;

impl Client {
    async fn live(mut self) {
        loop {
            self.class.between_runs.wait().await;
            self.run += 1;
            while let Some(socket) = Socket::try_connect(self.class.port).await {
                if self.seed.below(20) == 0 {
                    // This one stays away until the next run, or for good.
                    break;
                }
                let _ = self.visit(socket).await;
            }
            self.class.between_runs.wait().await;
        }
    }

    /// Comes in, or back, and does this and that until the socket is gone.
    async fn visit(&mut self, mut socket: Socket) -> Result<(), Lost> {
        if self.seed.below(4) == 0 {
            self.send_candidate(&mut socket).await?;
        }
        let fresh = self.member.is_none() || self.seed.below(8) == 0;
        self.enter(&mut socket, if fresh { "join" } else { "reconnect" })
            .await?;
        loop {
            let pause = Duration::from_millis(self.seed.below(20));
            let open = socket.listen_until(Instant::now() + pause).await;
            self.look(&mut socket).await?;
            if !open {
                return Err(Lost);
            }
            match self.seed.below(40) {
                0..=9 => self.send_candidate(&mut socket).await?,
                10..=13 => self.talk_nonsense(&mut socket).await?,
                14 => self.take_own_name().await,
                15..=17 => {
                    self.leave(&mut socket).await?;
                    if self.seed.below(3) == 0 {
                        self.room = format!("room {}", self.seed.below(ROOMS));
                    }
                    self.enter(&mut socket, "join").await?;
                }
                18 => {
                    self.room = format!("room {}", self.seed.below(ROOMS));
                    self.enter(&mut socket, "join").await?;
                }
                19..=20 => {
                    // The old socket still looks alive when the new one comes.
                    let mut next = Socket::try_connect(self.class.port).await.ok_or(Lost)?;
                    let event = if self.seed.below(3) == 0 { "join" } else { "reconnect" };
                    self.enter(&mut next, event).await?;
                    socket = next;
                }
                21..=24 => return Ok(()),
                _ => {}
            }
        }
    }

    async fn enter(&mut self, socket: &mut Socket, event: &str) -> Result<(), Lost> {
        let payload = json!({"id": format!("id of {}", self.number), "username": self.name(), "roomname": self.room});
        let answer = self.ask(socket, event, payload).await;
        if answer.as_ref().is_some_and(is_stopping) {
            // It is where it was; its socket is about to end.
            return self.look(socket).await.and(Err(Lost));
        }
        let seat = answer.as_ref().map(|answer| {
            assert_eq!(answer["ok"], true, "{answer}");
            seat(answer)
        });
        // Joining where it is already changes nothing, and is no deed.
        let nothing_new = event == "join" && seat.as_ref().is_some_and(|seat| self.member == Some(seat.member));
        if !nothing_new {
            self.did(DeedKind::Enter(seat.clone()));
        }
        // What came before the answer was said to the member it was until then.
        let open = self.look(socket).await;
        let Some(seat) = seat else {
            self.unanswered = true;
            return Err(Lost);
        };
        if seat.resumed
            && let Some(member) = self.member
        {
            assert!(
                member == seat.member || self.unanswered,
                "the same address after every resume"
            );
        }
        if self.member != Some(seat.member) {
            self.forgot = seat.resumed;
            self.links.clear();
        }
        self.member = Some(seat.member);
        self.unanswered = false;
        open
    }

    async fn ask(&self, socket: &mut Socket, event: &str, payload: Value) -> Option<Value> {
        let began = Instant::now();
        let answer = socket.try_call(event, payload).await;
        let mut log = self.class.log.lock().unwrap();
        log.slowest = log.slowest.max(began.elapsed());
        answer
    }

    async fn leave(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        let list: Vec<Value> = self
            .links
            .values()
            .map(|link| json!({"remoteConnectorId": link.remote, "memberId": link.peer}))
            .collect();
        let answer = self.ask(socket, "leave", json!(list)).await;
        self.did(DeedKind::Leave(answer.is_some()));
        self.look(socket).await?;
        let answer = answer.ok_or(Lost)?;
        assert_eq!(answer["ok"], true, "{answer}");
        self.member = None;
        self.links.clear();
        Ok(())
    }

    async fn send_candidate(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        let answered: Vec<_> = self.links.values().filter(|link| link.remote.is_some()).collect();
        let Some(link) = self.seed.pick(&answered) else {
            return Ok(());
        };
        let payload = json!({"remoteConnectorId": link.remote, "memberId": link.peer, "candidate": self.number});
        say(socket, "icecandidate", payload).await
    }

    /// An error that is one of its kind.
    async fn talk_nonsense(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        self.made += 1;
        let event = format!("nonsense {} of {}", self.made, self.number);
        let answer = self.ask(socket, &event, json!({})).await;
        self.look(socket).await?;
        answer.map(drop).ok_or(Lost)
    }

    /// Somebody else tries to come in under this client's name.
    async fn take_own_name(&mut self) {
        let Some(mut socket) = Socket::try_connect(self.class.port).await else {
            return;
        };
        let payload = json!({"id": "somebody else", "username": self.name(), "roomname": self.room});
        let answer = socket.try_call("join", payload).await;
        if let Some(answer) = answer.filter(|answer| !is_stopping(answer)) {
            assert_eq!(answer["error"]["type"], "repeat", "{answer}");
        }
        while let Some((_, payload)) = socket.take_event() {
            self.was_refused(&payload);
        }
    }

    fn did(&self, kind: DeedKind) {
        let deed = Deed {
            room: self.room.clone(),
            username: self.name(),
            kind,
        };
        self.class.log.lock().unwrap().deeds.push(deed);
    }

    fn name(&self) -> String {
        format!("person {}", self.number)
    }
}

/// The server stops, and lets nobody in any more.
fn is_stopping(answer: &Value) -> bool {
    answer["error"]["type"] == "unavailable"
}

fn seat(answer: &Value) -> Seat {
    let member = |member: &Value| (id(&member["memberId"]), member["username"].as_str().unwrap().to_owned());
    Seat {
        member: id(&answer["memberId"]),
        session: id(&answer["sessionId"]),
        resumed: answer["resumed"] == true,
        members: answer["members"].as_array().unwrap().iter().map(member).collect(),
    }
}
