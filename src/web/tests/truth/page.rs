//! The pages, read as a teacher does: sentences, tables, and the moments behind their times.

use roxmltree::{Document, Node};

use super::check::{SessionView, length_said, length_shown, minutes_said, percent};
use super::naive::{ExpectedAttendance, ExpectedPerson, ExpectedPresence};
use super::zone::written;

pub(super) async fn check_session(view: &SessionView<'_>) {
    let path = format!("/review/sessions/{}?sort=name", view.id);
    let text = plain(&view.check.reviewer.get(&path).await.text);
    summary(view, &text);
    let start = view.session.start;
    let mut when = vec![view.check.iso(start)];
    when.extend(view.session.end.map(|end| view.check.iso(end)));
    assert_eq!(
        moments(between(&text, "</h1>", "<p class=\"summary\">")),
        when,
        "the head"
    );

    let table = between(&text, "<tbody>", "</tbody>");
    let rows = Rows::of(table);
    assert_eq!(rows.0.len(), view.people.len(), "rows");
    for (row, (person, part)) in rows.0.iter().zip(&view.people) {
        let clock = |at: i64| clock(view, at);
        let expected = [
            person.name.clone(),
            length_shown(part.present),
            share_shown(part),
            clock(person.first_in),
            person.last_out.map(clock).unwrap_or_default(),
            if part.gap > 0 {
                length_shown(part.gap)
            } else {
                String::new()
            },
            if part.back > 0 {
                part.back.to_string()
            } else {
                String::new()
            },
            ending(person, part).to_owned(),
        ];
        let mut cells = row.cells.clone();
        assert_eq!(cells.remove(3), connected(view, person), "{}", person.name);
        assert_eq!(cells, expected, "{}", person.name);
        let mut times = vec![view.check.iso(person.first_in)];
        times.extend(person.last_out.map(|at| view.check.iso(at)));
        assert_eq!(row.times, times, "{}", person.name);
        assert_eq!(row.bar, Some(percent(part.permille)), "{}", person.name);
    }
    log(view, &text);
}

/// With whom they connected, which is nobody, as links are not played in these classes: of those who had the time to.
fn connected(view: &SessionView<'_>, person: &ExpectedPerson) -> String {
    const TIME_TO_CONNECT: i64 = 30_000;
    let now = view.check.now;
    let (mut missed, mut waiting, mut parted) = (0, 0, 0);
    for (other, _) in view.people.iter().filter(|(other, _)| other.name != person.name) {
        let together = person.together(other, now);
        let Some(longest) = together.iter().map(|(from, to)| to - from).max() else {
            continue;
        };
        let both_since = person.member_since(now).zip(other.member_since(now));
        match both_since.map(|(one, other)| now - one.max(other)) {
            Some(..TIME_TO_CONNECT) => waiting += 1,
            None if longest < TIME_TO_CONNECT => parted += 1,
            Some(_) | None => missed += 1,
        }
    }
    match (missed, waiting, parted) {
        (1.., ..) => format!("0 of {missed}"),
        (0, 1.., _) => "still connecting".to_owned(),
        (0, 0, 1..) => "parted too soon".to_owned(),
        _ => String::new(),
    }
}

/// What is said of everybody, before anything else.
fn summary(view: &SessionView<'_>, text: &str) {
    let lead = between(text, "<p class=\"summary\">", "</p>");
    let told = between(text, "<p class=\"summary\">", "<nav class=\"anchors\"");
    let count = view.people.len();
    let all = if count == 1 {
        "1 person".to_owned()
    } else {
        format!("{count} people")
    };
    let of = |status| view.people.iter().filter(|(_, part)| part.status == status).count();
    let minutes = minutes_said(view.duration());
    let heads = if view.session.is_active() {
        vec![format!(
            "Live for {minutes}, {} of {count} here. ",
            of(ExpectedPresence::Here)
        )]
    } else {
        // The shorter one where what was wrong needs the room.
        let length = length_said(view.duration());
        vec![format!("{all}, {length}. "), format!("{all}, {minutes}. ")]
    };
    assert!(
        heads.iter().any(|head| lead.starts_with(head)),
        "{lead} is none of {heads:?}"
    );
    let came_back = |(person, _): &&(&ExpectedPerson, ExpectedAttendance)| view.session.came_back_alone(person);
    let is_lost_alone = view
        .people
        .iter()
        .any(|(person, _)| view.session.was_lost_alone(person));
    for (words, expected) in [
        ("have been away since", of(ExpectedPresence::Away) > 1),
        ("has been away since", of(ExpectedPresence::Away) == 1),
        ("did not come back: contact was lost", is_lost_alone),
        ("dropped and came back", view.people.iter().any(|one| came_back(&one))),
        ("The server refused", view.session.errors() > 0),
    ] {
        assert_eq!(told.contains(words), expected, "{words}: {told}");
    }
}

/// The first page of the log.
fn log(view: &SessionView<'_>, text: &str) {
    let events = view.session.events.iter().take(100);
    let expected: Vec<String> = events.map(|event| view.check.iso(event.at)).collect();
    let shown = between(text, "<ol class=\"log\">", "</ol>");
    // Of several who left the first one's time is told once more for all.
    let mut rest = String::new();
    for (place, piece) in shown.split("<summary class=\"several\">").enumerate() {
        let (_, after) = if place == 0 {
            ("", piece)
        } else {
            piece.split_once("</summary>").unwrap()
        };
        rest.push_str(after);
    }
    assert_eq!(moments(&rest), expected, "the log");
}

/// The first page: what goes on, then the rest, the newest first.
pub(super) async fn check_list(views: &[SessionView<'_>]) {
    let Some(any) = views.first() else { return };
    let text = plain(&any.check.reviewer.get("/review").await.text);
    let mut order: Vec<&SessionView> = views.iter().rev().collect();
    order.sort_by_key(|view| !view.session.is_active());
    let rows = Rows::of(between(&text, "<tbody>", "</tbody>"));
    assert_eq!(rows.0.len(), order.len().min(50));
    for (row, view) in rows.0.iter().zip(order) {
        let session = view.session;
        let start = view.check.ms(session.start);
        let live = if session.is_active() { " live" } else { "" };
        let minutes = (view.duration() + 30_000) / 60_000;
        let length = match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, minutes) => format!("{hours} h {minutes:02} min"),
        };
        let expected = [
            format!("{}{live}", session.room),
            written(start, "%H:%M"),
            length,
            session.people.len().to_string(),
            String::new(),
        ];
        assert_eq!(row.cells[..5], expected);
        wrong(view, &row.cells[5]);
        assert_eq!(row.times, [view.check.iso(session.start)]);
        assert_eq!(row.link, format!("/review/sessions/{}", view.id));
    }
}

/// What went wrong, in a line.
fn wrong(view: &SessionView<'_>, told: &str) {
    let session = view.session;
    let of = |status| view.people.iter().filter(|(_, part)| part.status == status).count();
    let is_lost =
        |person: &ExpectedPerson| matches!(person.reason, Some("timeout" | "server_crash" | "server_shutdown"));
    for (words, expected) in [
        ("away", of(ExpectedPresence::Away) > 0),
        (
            "did not come back",
            view.people.iter().any(|(person, _)| is_lost(person)),
        ),
        ("came back", view.people.iter().any(|(_, part)| part.back > 0)),
        ("refused", session.errors() > 0),
    ] {
        let told = told.replace(
            "did not come back",
            if words == "came back" { "" } else { "did not come back" },
        );
        let told = told.replace("the server was away", "");
        assert_eq!(told.contains(words), expected, "{words}: {told}");
    }
}

/// The pages of the first few people: each with all their sessions, and totals.
pub(super) async fn check_people(views: &[SessionView<'_>]) {
    let mut names: Vec<&str> = views
        .iter()
        .flat_map(|view| &view.people)
        .map(|(person, _)| &*person.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().take(3) {
        let visits: Vec<(&SessionView, &ExpectedPerson, &ExpectedAttendance)> = views
            .iter()
            .rev()
            .flat_map(|view| view.people.iter().map(move |(person, part)| (view, *person, part)))
            .filter(|(_, person, _)| person.name == name)
            .collect();
        check_person(name, &visits).await;
    }
}

async fn check_person(name: &str, visits: &[(&SessionView<'_>, &ExpectedPerson, &ExpectedAttendance)]) {
    let text = plain(
        &visits[0]
            .0
            .check
            .reviewer
            .get(&format!("/review/people/{name}"))
            .await
            .text,
    );
    let present = visits.iter().map(|(.., part)| part.present).sum();
    let back: usize = visits.iter().map(|(_, person, _)| person.back).sum();
    let sessions = if visits.len() == 1 {
        "1 session".to_owned()
    } else {
        format!("{} sessions", visits.len())
    };
    let is_lost = |reason: &Option<&str>| matches!(reason, Some("timeout" | "server_crash" | "server_shutdown"));
    let lost = visits.iter().filter(|(_, person, _)| is_lost(&person.reason)).count();
    let often = |times: usize| match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{times} times"),
    };
    let missing = match lost {
        1 => "Did not come back in 1 session".to_owned(),
        _ => format!("Did not come back in {lost} sessions"),
    };
    let away: Vec<&str> = visits
        .iter()
        .filter(|(.., part)| matches!(part.status, ExpectedPresence::Away))
        .map(|(view, ..)| view.session.room.as_str())
        .collect();
    let told = match (lost, back) {
        (0, 0) if !away.is_empty() => String::new(),
        (0, 0) => "Never dropped".to_owned(),
        (0, _) => format!("Dropped and came back {}", often(back)),
        (_, 0) => missing,
        _ => format!("{missing}; dropped and came back {}", often(back)),
    };
    let (head, rest) = between(&text, "<p class=\"summary\">", "</p>")
        .split_once(". ")
        .unwrap();
    assert_eq!(head, format!("{sessions}, {} present", length_said(present)), "{name}");
    // What the lead has no room for comes after it.
    let (_, more) = between(&text, "<p class=\"summary\">", "<form")
        .split_once("</p>")
        .unwrap();
    let more = more.trim().strip_prefix("<p>");
    let more = more.map(|more| more.strip_suffix(".</p>").unwrap());
    let rest = rest.strip_suffix('.').unwrap();
    let rest = match more {
        Some(more) => format!("{rest}; {more}"),
        None => rest.to_owned(),
    };
    let rest = match away[..] {
        [] => rest.as_str(),
        [room] => {
            let rest = rest.strip_prefix(&format!("Away now in {room}")).unwrap();
            rest.strip_prefix("; ").unwrap_or(rest)
        }
        _ => panic!("{name} is in two rooms at once: {away:?}"),
    };
    assert_eq!(without_pairs(rest), told.to_lowercase(), "{name}");

    let rows = Rows::of(between(&text, "<tbody>", "</tbody>"));
    assert_eq!(rows.0.len(), visits.len().min(50), "visits of {name}");
    for (row, (view, person, part)) in rows.0.iter().zip(visits) {
        let session = view.session;
        let live = if session.is_active() { " live" } else { "" };
        let expected = [
            format!("{}{live}", session.room),
            written(view.check.ms(session.start), "%-d %b %Y, %H:%M"),
            length_shown(part.present),
            share_shown(part),
            String::new(),
            match part.back {
                0 => ending(person, part).to_owned(),
                back => format!("{}; came back {}", ending(person, part), often(back)),
            },
        ];
        let mut cells = row.cells.clone();
        cells[5] = without_pairs(&cells[5]);
        assert_eq!(cells, expected, "{name}");
    }
}

/// Without what is said of pairs: links are not played in these classes.
fn without_pairs(told: &str) -> String {
    let told = told.to_lowercase();
    let clauses = told
        .split("; ")
        .filter(|clause| !clause.contains("never connected with") && !clause.contains("missed connections"));
    clauses.collect::<Vec<_>>().join("; ")
}

/// The share, which is all of it only where the whole minutes are all, or of a short session the whole seconds.
fn share_shown(part: &ExpectedAttendance) -> String {
    let unit = if part.countable < 600_000 { 1_000 } else { 60_000 };
    let is_all = (part.present + unit / 2) / unit >= (part.countable + unit / 2) / unit;
    let per_cent = match part.countable {
        0 => 0,
        countable => (part.present * 200 + countable) / (2 * countable),
    };
    format!("{} %", if is_all { per_cent } else { per_cent.min(99) })
}

fn ending(person: &ExpectedPerson, part: &ExpectedAttendance) -> &'static str {
    match (part.status, person.reason) {
        (ExpectedPresence::Here, _) => "here now",
        (ExpectedPresence::Away, _) => "away now",
        (_, Some("closed")) => "closed the page",
        (_, Some("timeout")) => "dropped, did not come back",
        (_, Some("replaced")) => "joined again elsewhere",
        (_, Some("moved")) => "went to another room",
        (_, Some("server_crash" | "server_shutdown")) => "did not come back after the server stopped",
        _ => "left",
    }
}

/// As the page has it before its script makes it the reader's: UTC, with the day if it is another than the first.
fn clock(view: &SessionView<'_>, at: i64) -> String {
    let (at, start) = (view.check.ms(at), view.check.ms(view.session.start));
    let is_first_day = written(at, "%F") == written(start, "%F");
    written(at, if is_first_day { "%H:%M" } else { "%-d %b, %H:%M" })
}

/// A page without the marks that isolate names.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("there is no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

/// The moments of a piece's times, as scripts read them.
fn moments(piece: &str) -> Vec<String> {
    let starts = piece.split("<time datetime=\"").skip(1);
    starts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

struct Rows(Vec<TableRow>);

struct TableRow {
    /// The text of each.
    cells: Vec<String>,
    times: Vec<String>,
    /// How far the thin bar behind the share goes.
    bar: Option<f64>,
    /// Where the first link leads.
    link: String,
}

impl Rows {
    fn of(body: &str) -> Self {
        let text = format!("<tbody>{body}</tbody>");
        let document = Document::parse(&text).unwrap();
        let rows = document.root_element().children().filter(Node::is_element);
        // The heads of the days are between them.
        let rows = rows.filter(|row| row.attribute("class") != Some("day"));
        Self(rows.map(TableRow::of).collect())
    }
}

impl TableRow {
    fn of(row: Node) -> Self {
        let all = |name: &'static str| row.descendants().filter(move |node| node.has_tag_name(name));
        let bar = all("rect").next_back();
        // What stands there for narrow screens only, says it once more; a strip's title is not in sight.
        let is_short = |node: &Node| {
            node.ancestors()
                .any(|one| one.attribute("class") == Some("short") || one.has_tag_name("title"))
        };
        let text = |cell: Node| {
            let texts = cell.descendants().filter(Node::is_text);
            let texts = texts.filter(|node| !is_short(node)).filter_map(|node| node.text());
            texts
                .collect::<String>()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        Self {
            cells: row.children().filter(Node::is_element).map(text).collect(),
            times: all("time")
                .map(|node| node.attribute("datetime").unwrap().to_owned())
                .collect(),
            bar: bar.map(|node| node.attribute("width").unwrap().parse().unwrap()),
            link: all("a").next().unwrap().attribute("href").unwrap().to_owned(),
        }
    }
}
