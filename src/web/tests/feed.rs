//! What happens, as it happens.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{Story, TOKEN, TestResponse, request, send};
use crate::history::fixture::Fixture;
use crate::model::vocabulary::EventKind;

/// The entries that the story's two lessons begin with.
const TOLD: i64 = 14;

async fn story() -> Story {
    Story {
        stopping: CancellationToken::new(),
        ..Story::new().await
    }
}

struct Stream {
    body: BodyDataStream,
    text: String,
}

/// One block of a stream: its id, its kind and its data.
type Block = (Option<i64>, Option<String>, Value);

impl Stream {
    async fn open(router: &Router, path: &str, last: Option<&str>) -> Self {
        let mut asked = request("GET", path).header("authorization", format!("Bearer {TOKEN}"));
        if let Some(last) = last {
            asked = asked.header("last-event-id", last);
        }
        let response = router
            .clone()
            .oneshot(asked.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next block; `None` at the end.
    async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let parsed = parse(block);
                self.text = rest.to_owned();
                return Some(parsed);
            }
            let piece = tokio::time::timeout(Duration::from_secs(5), self.body.next());
            let piece = piece.await.expect("the stream is silent")?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn seqs(&mut self, count: usize) -> Vec<i64> {
        let mut seqs = Vec::new();
        for _ in 0..count {
            seqs.push(self.next().await.unwrap().0.unwrap());
        }
        seqs
    }
}

fn parse(block: &str) -> Block {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let data = field("data").map(|data| serde_json::from_str(data).unwrap());
    (
        field("id").map(|id| id.parse().unwrap()),
        field("event").map(str::to_owned),
        data.unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_stream_says_what_the_events_of_a_session_say() {
    let story = story().await;
    let mut stream = Stream::open(&story.router().await, "/api/v1/events?after=0", None).await;
    assert_eq!(
        stream.next().await,
        Some((Some(0), None, Value::Null)),
        "where it begins"
    );
    let mut told = Vec::new();
    for _ in 0..TOLD {
        let (id, kind, data) = stream.next().await.unwrap();
        assert_eq!((data["seq"].as_i64(), data["kind"].as_str()), (id, kind.as_deref()));
        told.push(data);
    }
    let mut listed = Vec::new();
    for id in [story.first, story.second] {
        let list = story.json(&format!("/api/v1/sessions/{id}/events")).await;
        listed.extend(list["data"].as_array().unwrap().clone());
    }
    assert_eq!(told, listed);
}

#[tokio::test]
async fn what_is_committed_is_told_at_once_and_only_then() {
    let story = story().await;
    let mut stream = Stream::open(&story.router().await, "/api/v1/events", None).await;
    assert_eq!(stream.next().await.unwrap().0, Some(TOLD), "from now on");
    for index in 1..=500 {
        let seq = story
            .fixture
            .event(story.second, None, 7300, EventKind::Error, None)
            .await;
        assert_eq!(seq, TOLD + index);
    }
    story.committed.send_replace(TOLD + 500);
    assert_eq!(stream.seqs(500).await, (TOLD + 1..=TOLD + 500).collect::<Vec<_>>());
    let seq = story
        .fixture
        .event(story.second, None, 7301, EventKind::Gap, None)
        .await;
    story.committed.send_replace(seq);
    assert_eq!(stream.seqs(1).await, [seq]);
}

#[tokio::test]
async fn what_another_server_has_written_is_told_soon() {
    let story = Story {
        stopping: CancellationToken::new(),
        ..Story::in_database(Fixture::on_postgres().await).await
    };
    let mut stream = Stream::open(&story.router().await, "/api/v1/events", None).await;
    assert_eq!(stream.next().await.unwrap().0, Some(TOLD), "from now on");
    let seq = story
        .fixture
        .event(story.second, None, 7300, EventKind::Error, None)
        .await;
    assert_eq!(stream.seqs(1).await, [seq], "nobody woke it");
}

#[tokio::test]
async fn who_comes_back_misses_and_doubles_nothing() {
    let story = story().await;
    let router = story.router().await;
    let mut stream = Stream::open(&router, "/api/v1/events?after=3", None).await;
    let mut seen = stream.seqs(4).await;
    drop(stream);
    // A page's own reader asks again with the address it had, and says what it saw last.
    let last = seen.last().unwrap().to_string();
    let mut stream = Stream::open(&router, "/api/v1/events?after=3", Some(&last)).await;
    let rest = usize::try_from(TOLD - 6).unwrap();
    assert_eq!(stream.next().await.unwrap().0, Some(6));
    seen.extend(stream.seqs(rest).await);
    assert_eq!(seen, (3..=TOLD).collect::<Vec<_>>());
    // A number of another database.
    let mut stream = Stream::open(&router, "/api/v1/events", Some("9999")).await;
    assert_eq!(stream.next().await.unwrap().0, Some(TOLD));
}

#[tokio::test]
async fn one_room_is_told_of_alone() {
    let story = story().await;
    let other = story.fixture.session("other", 7200, None).await;
    let mut expected = Vec::new();
    for index in 0..450 {
        let of_other = index % 100 == 7;
        let session = if of_other { other } else { story.second };
        let seq = story.fixture.event(session, None, 7300, EventKind::Error, None).await;
        if of_other {
            expected.push(seq);
        }
    }
    story.committed.send_replace(TOLD + 450);
    let mut stream = Stream::open(&story.router().await, "/api/v1/events?after=0&room=other", None).await;
    stream.next().await.unwrap();
    assert_eq!(stream.seqs(expected.len()).await, expected);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let story = story().await;
    let mut stream = Stream::open(&story.router().await, "/api/v1/events", None).await;
    stream.next().await.unwrap();
    story.stopping.cancel();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_and_give_their_place_back() {
    let story = story().await;
    let router = story.router().await;
    let mut open = Vec::new();
    for _ in 0..super::STREAMS {
        open.push(Stream::open(&router, "/api/v1/events", None).await);
    }
    assert_eq!(refusal(&router, "/api/v1/events").await.problem().1, "tooManyStreams");
    open.pop();
    Stream::open(&router, "/api/v1/events", None).await;
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let story = story().await;
    let router = story.router().await;
    for (path, last, parameter) in [
        ("/api/v1/events?after=x", None, "after"),
        ("/api/v1/events", Some("x"), "Last-Event-ID"),
        ("/api/v1/events", Some("-1"), "Last-Event-ID"),
    ] {
        let mut asked = request("GET", path).header("authorization", format!("Bearer {TOKEN}"));
        if let Some(last) = last {
            asked = asked.header("last-event-id", last);
        }
        let answer = send(&router, asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem().2, parameter, "{path}");
    }
}

async fn refusal(router: &Router, path: &str) -> TestResponse {
    let asked = request("GET", path).header("authorization", format!("Bearer {TOKEN}"));
    send(router, asked.body(Body::empty()).unwrap()).await
}
