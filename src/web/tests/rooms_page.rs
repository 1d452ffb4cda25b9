//! The page of the rooms that are in use.

use uuid::Uuid;

use super::{OfferedLink, Story};
use crate::history::fixture::Connection;

/// A room in use since an hour after the epoch of the story, with people of whom some are away. Gives the first two.
async fn room(story: &Story, name: &str, away: &[bool]) -> (Uuid, Uuid, Uuid) {
    let session = story.fixture.session(name, 7000, None).await;
    let mut people = Vec::new();
    for (position, (username, is_away)) in (1..).zip(["Di", "Ed", "Flo"].into_iter().zip(away)) {
        let connection = if *is_away {
            Connection::lost(7000, 7300, Some(7330))
        } else {
            Connection::open(7000)
        };
        let person = story.fixture.person(session, username, None, &[connection]).await;
        let away = is_away.then_some((7300, 7330));
        story.fixture.member(session, person, position, away).await;
        people.push(person.0);
    }
    (session, people[0], people[1])
}

async fn link(story: &Story, (session, one, other): (Uuid, Uuid, Uuid), is_answered: bool) {
    let link = OfferedLink {
        between: (one, other),
        stream: "user",
        offered: 7001,
        answered: is_answered.then_some(7002),
        candidates: (4, 4),
        connected: is_answered.then_some(7003),
        closed: None,
    };
    story.fixture.link(session, link).await;
}

#[tokio::test]
async fn rooms_with_trouble_come_first_and_say_it() {
    let story = Story::new().await;
    let fine = room(&story, "Art", &[false, false]).await;
    link(&story, fine, true).await;
    let unconnected = room(&story, "Drama", &[false, false]).await;
    link(&story, unconnected, false).await;
    // Two of the three have a connection, with the third nobody has.
    let most = room(&story, "Latin", &[false, false, false]).await;
    link(&story, most, true).await;
    let incomplete = room(&story, "Physics", &[false, true]).await;
    link(&story, incomplete, true).await;
    let deserted = room(&story, "Zoology", &[true, true]).await;
    link(&story, deserted, true).await;

    let page = story.get("/review/rooms").await.text;
    let sections: Vec<_> = page.split("<section").skip(1).collect();
    let names = ["Zoology", "Chemie 101", "Physics", "Latin", "Drama", "Art"];
    for (section, name) in sections.iter().zip(names) {
        assert!(section.contains(&format!("<bdi>{name}</bdi>")), "{name}: {section}");
    }
    assert_eq!(sections.len(), names.len());
    for (section, said) in [
        (0, "everybody is away; in use since"),
        // Grouped before it is counted.
        (3, "<span class=\"bad\">Flo never connected with 2 others</span>"),
        (4, "<span class=\"bad\">Di and Ed never connected</span>"),
        (4, "2 here, since"),
    ] {
        let section = sections[section].replace(['\u{2068}', '\u{2069}'], "");
        assert!(section.contains(said), "{said}: {section}");
    }
    assert!(!sections[5].contains("bad"), "{}", sections[5]);
}
