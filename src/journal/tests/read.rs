//! What the journal has written is read the same from either database.

use super::*;
use crate::history::History;
use crate::history::events::Event;
use crate::history::page::Page;
use crate::model::glance::NewGlance;
use crate::model::id::ReviewLinkId;
use crate::model::review_link::{NewReviewLink, Shared as SharedBy};
use crate::model::vocabulary::EventKind;

fn lesson() -> Vec<Record> {
    vec![
        at(10, started("r")),
        at(10, joined(1, 0, 1)),
        at(20, joined(2, 0, 2)),
        at(25, error()),
        at(30, disconnected(1, 0)),
        at(40, reconnected(1, 1, false)),
        at(50, left(2, 0, LeaveReason::Left)),
    ]
}

/// An entry without its number, which each database gives in its own way.
fn told(event: &Event) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    value.as_object_mut().unwrap().remove("seq");
    value.to_string()
}

/// Everything of a session by pages of two, forwards and back.
async fn pages(history: &History, kinds: &[EventKind]) -> Vec<String> {
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = Page { limit: 2, after };
        let before = history.page_before(SESSION, kinds, &page).await.unwrap();
        let slice = history.events(SESSION, kinds, &page).await.unwrap();
        read.extend(slice.rows.iter().map(told));
        read.push(format!("before: {}", before.is_some()));
        after = slice.next;
        let Some(seq) = after else { return read };
        let moment = history.moment_up_to(SESSION, seq).await.unwrap();
        read.push(format!("up to {moment:?}"));
    }
}

/// What a follower of a room, or of all, is told.
async fn followed(history: &History, newest: i64, room: Option<&RoomName>) -> Vec<String> {
    let (mut seen, mut read) = (0, Vec::new());
    while seen < newest {
        let fresh = history.fresh(seen, newest, room, 2).await.unwrap();
        assert!(fresh.up_to > seen);
        seen = fresh.up_to;
        read.extend(fresh.events.iter().map(told));
    }
    read
}

#[tokio::test]
async fn entries_are_read_the_same_from_either() {
    let mut answers = Vec::new();
    for bench in Bench::both().await {
        let opened = bench.open().await;
        let elsewhere = lesson().into_iter().take(1).map(|record| Record {
            session: Some(SessionId(Uuid::from_u128(2))),
            change: started("elsewhere"),
            ..record
        });
        write(&opened.journal, lesson().into_iter().chain(elsewhere).collect()).await;
        let newest = committed(&bench, &opened.journal).await;
        let history = History::new(opened.reader.clone());
        let room = RoomName::parse("r").unwrap();
        assert!(history.last_seq(SESSION).await.unwrap() < newest);
        answers.push([
            pages(&history, &[EventKind::Joined, EventKind::Error, EventKind::Left]).await,
            followed(&history, newest, Some(&room)).await,
            followed(&history, newest, None).await,
        ]);
    }
    assert_eq!(answers[1], answers[0], "PostgreSQL, and the file");
    assert_eq!(answers[0].each_ref().map(Vec::len), [7, 7, 8], "{answers:?}");
}

fn link(id: u128, shared: SharedBy) -> NewReviewLink {
    NewReviewLink {
        id: ReviewLinkId(Uuid::from_u128(id)),
        shared,
        name: Username::parse("somebody").unwrap(),
        made_at: Timestamp(5),
        expires_at: Timestamp(2_000_000),
        key_mark: 200,
    }
}

#[tokio::test]
async fn review_links_are_kept_the_same_in_either_and_go_with_their_session() {
    for bench in Bench::both().await {
        let opened = bench.open().await;
        write(&opened.journal, lesson()).await;
        let ended_at = Timestamp(60);
        let end = [
            at(60, left(1, 1, LeaveReason::Left)),
            at(60, Change::SessionEnded { ended_at }),
        ];
        write(&opened.journal, end.to_vec()).await;
        let room = RoomName::parse("r").unwrap();
        for link in [link(1, SharedBy::Session(SESSION)), link(2, SharedBy::Room(room))] {
            opened.removals.keep_link(link).await.unwrap();
        }
        let nowhere = link(3, SharedBy::Session(SessionId(Uuid::from_u128(77))));
        assert_eq!(
            opened.removals.keep_link(nowhere).await,
            Err(RemovalError::NoSuchSession)
        );
        let history = History::new(opened.reader.clone());
        let page = Page { limit: 9, after: None };
        let ids = async |mark| {
            let links = history.review_links(mark, &page, NOW).await.unwrap();
            let ids = links
                .rows
                .iter()
                .map(|link| (link.id.0.as_u128(), link.session.is_some()));
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(200).await, [(2, false), (1, true)]);
        assert_eq!(ids(201).await, []);
        opened.removals.delete(SESSION).await.unwrap();
        assert_eq!(ids(200).await, [(2, false)]);
        let rows = "select 'session' from session union all select 'person' from participant
                    union all select 'connection' from connection union all select 'event' from event
                    union all select 'gone' from gone_member";
        assert_eq!(bench.rows(rows).await, [""; 0], "all that hung on it");
        opened
            .removals
            .revoke_link(ReviewLinkId(Uuid::from_u128(2)))
            .await
            .unwrap();
        assert_eq!(ids(200).await, []);
    }
}

#[tokio::test]
async fn glances_are_kept_of_sessions_that_are_over_and_go_with_them() {
    for bench in Bench::both().await {
        let opened = bench.open().await;
        write(&opened.journal, lesson()).await;
        let kept = "select glance from session_glance";
        let glance = |glance: &str| NewGlance {
            session: SESSION,
            glance: glance.to_owned(),
        };
        opened.removals.keep_glances(vec![glance("early")]).await.unwrap();
        assert_eq!(bench.rows(kept).await, [""; 0], "it goes on");
        let ended_at = Timestamp(60);
        let end = [
            at(60, left(1, 1, LeaveReason::Left)),
            at(60, Change::SessionEnded { ended_at }),
        ];
        write(&opened.journal, end.to_vec()).await;
        opened.removals.keep_glances(vec![glance("first")]).await.unwrap();
        opened.removals.keep_glances(vec![glance("again")]).await.unwrap();
        assert_eq!(bench.rows(kept).await, ["again"]);
        opened.removals.delete(SESSION).await.unwrap();
        assert_eq!(bench.rows(kept).await, [""; 0]);
        opened.removals.keep_glances(vec![glance("late")]).await.unwrap();
        assert_eq!(bench.rows(kept).await, [""; 0], "it was removed");
    }
}
