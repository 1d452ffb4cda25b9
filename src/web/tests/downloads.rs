//! What is taken along of a session.

use serde_json::json;

use super::{Story, time};
use crate::history::fixture::Connection;
use crate::model::vocabulary::{EventKind, LeaveReason};

/// Names that are meant to break something.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'quoted'",
    "=HYPERLINK(\"http://evil\",\"x\")",
    "+1, -1",
    "\u{202E}evil\u{202C}",
    "٣ العربية",
    "]]>\u{FFFE}\u{FFFF}",
    "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
];

fn rows(text: &str) -> Vec<csv::StringRecord> {
    let text = text.strip_prefix('\u{FEFF}').expect("a byte order mark");
    let rows = text.strip_suffix("\r\n").expect("a whole last row");
    csv::Reader::from_reader(rows.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect()
}

async fn hostile(story: &Story) -> uuid::Uuid {
    let id = story.fixture.session("Raum/\"1\" 化学\u{202E}", 0, Some(100)).await;
    for name in HOSTILE {
        let connections = [Connection::ended(10, 60, LeaveReason::Left)];
        let (person, _) = story
            .fixture
            .person(id, name, Some((60, LeaveReason::Left)), &connections)
            .await;
        story
            .fixture
            .event(id, Some(person), 10, EventKind::Joined, Some(json!({"members":1})))
            .await;
    }
    id
}

#[tokio::test]
async fn attendance_for_programs_says_what_the_api_says() {
    let story = Story::new().await;
    let list = story
        .json(&format!("/api/v1/sessions/{}/participants", story.first))
        .await;
    let answer = story
        .get(&format!("/api/v1/sessions/{}/attendance.csv?format=data", story.first))
        .await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    assert_eq!(
        answer.header("content-disposition"),
        Some(
            "attachment; filename=\"attendance-Chemie 101-2026-03-01.csv\"; filename*=UTF-8''attendance-Chemie%20101-2026-03-01.csv"
        )
    );
    let rows = rows(&answer.text);
    assert_eq!(rows.len(), 3);
    for (row, person) in rows.iter().zip(list["data"].as_array().unwrap()) {
        let moment = |name: &str| {
            person[name]
                .as_str()
                .map_or_else(String::new, |at| at.replace('T', " ").replace('Z', ""))
        };
        let plain = |name: &str| match person[name].as_str() {
            Some(text) => text.to_owned(),
            None => person[name].to_string().replace(".0", ""),
        };
        let expected = [
            plain("username"),
            moment("joinedAt"),
            moment("leftAt"),
            plain("presentMs"),
            plain("awayMs"),
            plain("longestGapMs"),
            plain("presentPct"),
            plain("reconnectCount"),
            plain("leaveReason"),
        ];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn attendance_for_people_is_in_words_and_by_their_clock() {
    let story = Story::new().await;
    let id = story.fixture.session("101", 0, Some(3_600)).await;
    for (name, from, to) in [("007", 5, 3_594), ("Bo", 600, 629)] {
        let end = (to, LeaveReason::Left);
        let connection = Connection::ended(from, to, LeaveReason::Left);
        story.fixture.person(id, name, Some(end), &[connection]).await;
    }
    let path = format!("/api/v1/sessions/{id}/attendance.csv");
    let (tokyo, utc) = (
        story.get(&format!("{path}?tz=Asia/Tokyo&format=people")).await.text,
        story.get(&path).await.text,
    );
    let expected = "\u{FEFF}Room,Date,Name,Came (Asia/Tokyo),Left (Asia/Tokyo),Minutes,Present (%)\r\n\
        '101,2026-03-01,'007,2026-03-01 18:00:05,2026-03-01 18:59:54,60,100\r\n\
        '101,2026-03-01,Bo,2026-03-01 18:10:00,2026-03-01 18:10:29,0,1\r\n";
    assert_eq!(tokyo, expected);
    assert_eq!(utc, expected.replace("Asia/Tokyo", "UTC").replace(" 18:", " 09:"));
}

#[tokio::test]
async fn a_table_for_programs_has_no_zone() {
    let story = Story::new().await;
    let path = format!("/api/v1/sessions/{}/attendance.csv", story.first);
    for (query, parameter) in [("format=xlsx", "format"), ("tz=60", "tz")] {
        let problem = story.get(&format!("{path}?{query}")).await.problem();
        assert_eq!(problem, (400, "invalidParameter".to_owned(), parameter.to_owned()));
    }
}

#[tokio::test]
async fn who_is_still_there_has_no_end() {
    let story = Story::new().await;
    let path = format!("/api/v1/sessions/{}/attendance.csv", story.second);
    assert_eq!(&rows(&story.get(&path).await.text)[0][4], "");
    assert_eq!(&rows(&story.get(&format!("{path}?format=data")).await.text)[0][2], "");
}

#[tokio::test]
async fn events_are_whole_however_many_there_are() {
    let story = Story::new().await;
    let id = story.fixture.session("long", 0, Some(5000)).await;
    for index in 0..1203 {
        story
            .fixture
            .event(id, None, index, EventKind::Error, Some(json!({"code":"a, \"b\""})))
            .await;
    }
    let answer = story.get(&format!("/api/v1/sessions/{id}/events.csv")).await;
    let rows = rows(&answer.text);
    assert_eq!(rows.len(), 1203);
    let seqs: Vec<i64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(rows[7][1], time(7).replace('T', " ").replace('Z', ""));
    assert_eq!((&rows[7][2], &rows[7][5]), ("error", r#"{"code":"a, \"b\""}"#));
}

#[tokio::test]
async fn no_cell_of_a_hostile_name_is_run() {
    let story = Story::new().await;
    let id = hostile(&story).await;
    for (file, column) in [
        ("attendance.csv", 2),
        ("attendance.csv?format=data", 0),
        ("events.csv", 3),
    ] {
        let answer = story.get(&format!("/api/v1/sessions/{id}/{file}")).await;
        let rows = rows(&answer.text);
        assert_eq!(rows.len(), HOSTILE.len());
        let cells: Vec<&str> = rows.iter().map(|row| &row[column]).collect();
        assert!(
            rows.iter()
                .flatten()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r']))
        );
        for name in HOSTILE {
            let guarded = format!("'{name}");
            assert!(cells.contains(&name) || cells.contains(&guarded.as_str()), "{name}");
        }
        let disposition = answer.header("content-disposition").unwrap();
        assert!(
            disposition.is_ascii() && disposition.contains("Raum--1- __--2026"),
            "{disposition}"
        );
        assert!(disposition.contains("%E5%8C%96"), "{disposition}");
    }
}

#[tokio::test]
async fn the_picture_is_xml_and_shows_everybody() {
    let story = Story::new().await;
    let id = hostile(&story).await;
    let answer = story
        .get(&format!("/api/v1/sessions/{id}/timeline.svg?tz=America/St_Johns"))
        .await;
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let document = roxmltree::Document::parse(&answer.text).unwrap();
    let root = document.root_element();
    assert!(root.descendants().all(|node| !node.has_tag_name("script")));
    let bars = root
        .descendants()
        .filter(|node| node.attribute("class") == Some("present"))
        .count();
    assert_eq!(bars, HOSTILE.len() + 1, "one each, and the legend's");
    assert!(
        answer.text.contains("UTC-3:30") && answer.text.contains("05:30:10 to 05:31:00 (50 s)"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains(['\u{202E}', '\u{FFFE}']));
    assert!(!answer.text.contains("var("), "programs other than browsers know none");
    let problem = story
        .get(&format!("/api/v1/sessions/{id}/timeline.svg?tz=60"))
        .await
        .problem();
    assert_eq!(problem, (400, "invalidParameter".to_owned(), "tz".to_owned()));
}

#[tokio::test]
async fn the_picture_tells_kinds_apart_by_shape_and_has_a_now_line_while_live() {
    let story = Story::new().await;
    let path = |id| format!("/api/v1/sessions/{id}/timeline.svg");
    let (over, live) = (
        story.get(&path(story.first)).await.text,
        story.get(&path(story.second)).await.text,
    );
    for (part, in_over, in_live) in [
        ("class=\"now\"", 0, 1),
        // Each kind that is there is in the legend, too; a slit is seen to be one.
        ("class=\"away\"", 0, 2),
        ("class=\"slit\"", 2, 0),
        ("class=\"tick-back\"", 2, 0),
        ("class=\"lost\"", 2, 0),
        ("class=\"refused\"", 2, 0),
    ] {
        assert_eq!(
            (over.matches(part).count(), live.matches(part).count()),
            (in_over, in_live),
            "{part}"
        );
    }
    assert!(live.contains("still going on") && !over.contains("still going on"));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_downloaded() {
    let story = Story::new().await;
    for file in ["attendance.csv", "events.csv", "timeline.svg"] {
        let path = format!("/api/v1/sessions/00000000-0000-0000-0000-000000000001/{file}");
        assert_eq!(story.get(&path).await.problem().1, "sessionNotFound", "{file}");
        let path = format!("/api/v1/sessions/{}/{file}?x=1", story.first);
        assert_eq!(story.get(&path).await.problem().1, "unknownParameter", "{file}");
    }
}
