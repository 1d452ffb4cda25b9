//! Records that are written together leave the same rows as one after another.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row, SqlSafeStr};

use super::*;
use crate::model::address::AddressKey;
use crate::model::id::SocketKey;
use crate::model::time::{Now, Tick};
use crate::room::input::{Answer, Body, Candidate, Join, Offer, Opaque, Relay, Resume};
use crate::room::output::Reply;
use crate::room::{Effect, Ids, Input, Limits, Room};

const TABLES: [&str; 9] = [
    "select concat_ws(' ', at, hex(session_id), hex(participant_id), kind, detail) from event order by seq",
    "select concat_ws(' ', hex(id), room, started_at, quote(ended_at), peak_participants, participant_count,
                      reconnect_count, error_count) from session order by id",
    "select concat_ws(' ', hex(id), hex(session_id), username, joined_at, quote(left_at), quote(leave_reason),
                      reconnect_count) from participant order by id",
    "select concat_ws(' ', hex(id), hex(participant_id), connected_at, quote(disconnected_at), opened_by,
                      quote(closed_by), quote(away_until)) from connection order by id",
    "select concat_ws(' ', hex(id), hex(session_id), hex(participant_id), hex(connection_id), hex(client_key), position,
                      joined_at, quote(away_since), quote(away_until), iif(overflowed, '1', '0'), quote(stopped_by))
     from member order by id",
    "select concat_ws(' ', hex(id), hex(session_id), hex(offerer_id), hex(answerer_id), hex(stream_type), offered_at,
                      quote(answered_at), offerer_candidates, answerer_candidates, renegotiations, quote(closed_at),
                      quote(closed_by)) from link order by id",
    "select concat_ws(' ', hex(link_id), hex(session_id), hex(offerer_member), hex(offerer_connector),
                      hex(answerer_member), hex(answerer_connector)) from live_link order by link_id",
    "select concat_ws(' ', hex(member_id), hex(connector), hex(leaver)) from owed_leave order by member_id, id",
    "select concat_ws(' ', hex(session_id), hex(member_id)) from gone_member order by session_id, member_id",
];

const LIMITS: Limits = Limits {
    capacity: 10,
    people: 0,
    people_per_address: 0,
    grace: Duration::from_millis(40),
    idle_timeout: Duration::from_millis(60),
};

/// What one of four people does, to another where that matters.
#[derive(Debug, Clone, Copy)]
enum Act {
    Join,
    Leave,
    Drop,
    Back,
    Offer,
    Answer,
    Candidate,
    Wait,
    Repair,
}

fn acts() -> impl Strategy<Value = Vec<(Act, usize, usize)>> {
    use Act::*;
    let act = prop::sample::select(vec![
        Join, Join, Join, Leave, Drop, Drop, Back, Back, Offer, Offer, Answer, Candidate, Wait, Repair,
    ]);
    prop::collection::vec((act, 0..4_usize, 0..4_usize), 1..80)
}

/// Ids that follow from how many there have been.
struct Counted(u128);

impl Ids for Counted {
    fn random(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }

    fn ordered(&mut self, _: Timestamp) -> Uuid {
        self.random()
    }
}

struct Stage {
    room: Room,
    ids: Counted,
    now: Now,
    sockets: [u64; 4],
    members: [Option<MemberId>; 4],
    records: Vec<Record>,
}

impl Stage {
    fn new() -> Self {
        Self {
            room: Room::new(RoomName::parse("r").unwrap(), LIMITS),
            ids: Counted(0),
            now: Now::default(),
            sockets: [1, 2, 3, 4],
            members: [None; 4],
            records: Vec::new(),
        }
    }

    fn act(&mut self, (act, who, other): (Act, usize, usize)) {
        let passed = if matches!(act, Act::Wait) { 50 } else { 5 };
        self.now.tick = Tick(self.now.tick.0 + passed);
        self.now.at = Timestamp(self.now.at.0 + 5);
        match self.input(act, who, other) {
            Some(input) => self.handle(input, who),
            None => self.records.extend(self.room.progress(self.now)),
        }
        if matches!(act, Act::Repair) {
            self.records.push(self.room.snapshot(self.now));
        }
    }

    fn handle(&mut self, input: Input, who: usize) {
        let outputs = self.room.handle(input, self.now, &mut self.ids);
        self.records.extend(outputs.records);
        for refused in outputs.refused {
            let change = Change::Error {
                participant: refused.participant,
                code: refused.refusal.reason.kind(),
                event: String::new(),
                message: String::new(),
            };
            self.records.push(Record {
                at: self.now.at,
                session: refused.session,
                change,
            });
        }
        for effect in outputs.effects {
            if let Effect::Reply(Reply::Entered(membership)) = effect {
                self.members[who] = Some(membership.member);
            }
        }
    }

    fn input(&mut self, act: Act, who: usize, other: usize) -> Option<Input> {
        let person = u128::try_from(who).unwrap();
        if matches!(act, Act::Join | Act::Back) {
            self.sockets[who] += 4;
        }
        let socket = SocketKey(self.sockets[who]);
        // Whatever is in them, clients' own words are kept.
        let connector = |of: usize, with: usize| ConnectorId::parse(&format!("\u{0}\"{of}-{with}")).unwrap();
        let nothing = || Opaque(RawValue::from_string("null".to_owned()).unwrap());
        let relay = |body| Input::Relay {
            socket,
            relay: Relay {
                to: self.members[other],
                body,
            },
        };
        let held = Vec::new();
        Some(match act {
            Act::Join => Input::Join(Join {
                socket,
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: key(person),
                username: name(person),
                token: None,
                held,
            }),
            Act::Back => Input::Resume(Resume {
                socket,
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: key(person),
                username: Some(name(person)),
                token: None,
                held,
            }),
            Act::Leave => Input::Leave {
                socket,
                entries: Vec::new(),
            },
            Act::Drop => Input::Disconnect {
                socket,
                why: DropReason::Closed,
            },
            Act::Offer => relay(Body::Offer(Offer {
                connector: connector(who, other),
                offer: nothing(),
                stream: None,
            })),
            Act::Answer => relay(Body::Answer(Answer {
                remote_connector: connector(other, who),
                connector: connector(who, other),
                answer: nothing(),
            })),
            Act::Candidate => relay(Body::Candidate(Candidate {
                remote_connector: connector(other, who),
                candidate: nothing(),
            })),
            Act::Wait => Input::Tick,
            Act::Repair => return None,
        })
    }
}

/// All rows after these, written in groups of so many.
async fn rows_after(bench: Bench, records: &[Record], at_once: usize) -> Vec<Vec<String>> {
    let opened = bench.open().await;
    for group in records.chunks(at_once) {
        write(&opened.journal, group.to_vec()).await;
    }
    assert_eq!(*opened.journal.dropped().borrow(), 0);
    let mut rows = Vec::new();
    for table in TABLES {
        rows.push(bench.rows(table).await);
    }
    rows
}

/// What is written must not cost what is stored.
#[tokio::test]
async fn nothing_that_follows_from_a_record_reads_a_whole_table() {
    let bench = Bench::new();
    let _opened = bench.open().await;
    let mut connection = bench.intruder().await;
    crate::journal::rows::prepare(&mut connection).await.unwrap();
    let statements = statements_of_triggers();
    assert!(statements.len() > 40, "{}", statements.len());
    for statement in statements {
        let explain = AssertSqlSafe(format!("explain query plan {statement}"));
        let steps = sqlx::query(explain.into_sql_str())
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        // A new session looks for rows that wait for it, but only while some do: our rows come after what they refer to.
        let in_vain = |step: &String| step == "SCAN gone_member" && statement.starts_with("insert into session ");
        let mut scans = steps
            .filter(|step| step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW")
            .filter(|step| !in_vain(step));
        assert_eq!(scans.next(), None, "{statement}");
    }
}

fn statements_of_triggers() -> Vec<String> {
    let triggers = include_str!("../rows.sql").split("\nend;");
    let bodies = triggers.filter_map(|trigger| Some(trigger.split_once(" begin\n")?.1));
    let statements = bodies.flat_map(|body| body.split_terminator(';'));
    statements.map(|statement| with_parameters(statement.trim())).collect()
}

fn with_parameters(statement: &str) -> String {
    let mut parts = statement.split("new.");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "?" + part.trim_start_matches(|letter: char| letter.is_ascii_lowercase() || letter == '_')
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn records_written_together_leave_what_one_after_another_leaves(acts in acts()) {
        let mut stage = Stage::new();
        acts.into_iter().for_each(|act| stage.act(act));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let one_by_one = rows_after(Bench::new(), &stage.records, 1).await;
            for at_once in [usize::MAX, 7] {
                for bench in Bench::both().await {
                    let together = rows_after(bench, &stage.records, at_once).await;
                    for (table, (together, one_by_one)) in TABLES.iter().zip(together.iter().zip(&one_by_one)) {
                        assert_eq!(together, one_by_one, "{table}");
                    }
                }
            }
        });
    }
}
