//! The picture, measured: bars back into moments, marks counted, and what each says when pointed at.

use roxmltree::{Document, Node};

use super::check::{SessionView, length_shown};
use super::naive::ExpectedPresence;
use super::zone::written;

/// Where time begins in the picture, and where it ends.
const PLOT: (f64, f64) = (172.0, 936.0);
/// The picture's whole width, and what a wide font needs for each character of a time.
const WIDTH: f64 = 960.0;
const DIGIT: f64 = 8.0;
/// What drawing may be off by: coordinates have one decimal.
const PIXELS: f64 = 0.11;
/// No bar is narrower.
const THINNEST: f64 = 2.0;
/// No gap is narrower, and from the other width on it is hatched.
const SLIT: f64 = 3.0;
const HATCHED: f64 = 8.0;

pub(super) async fn check(view: &SessionView<'_>) {
    let zone = view.check.class.zone;
    let path = view.path(&format!("/timeline.svg?tz={}", zone.name));
    let text = view.check.reviewer.get(&path).await.text;
    let text = text.replace(['\u{2068}', '\u{2069}'], "");
    let document = Document::parse(&text).unwrap();
    let root = document.root_element();

    head(view, root);
    ticks(view, root);
    // The last group is the legend.
    let mut rows: Vec<Node> = children(root, "g").collect();
    rows.pop();
    let mut people: Vec<_> = view.people.iter().collect();
    people.sort_by_key(|(person, _)| person.first_in);
    let outside = view
        .session
        .events
        .iter()
        .any(|event| event.kind == "error" && event.who.is_none());
    assert_eq!(rows.len(), people.len() + usize::from(outside), "rows");
    for (row, (person, part)) in rows.iter().zip(people) {
        let name = children(*row, "svg").next().unwrap();
        assert_eq!(title(name), person.name);
        let mut bars: Vec<(i64, i64, ExpectedPresence)> = part
            .here
            .iter()
            .map(|(from, to)| (*from, *to, ExpectedPresence::Here))
            .collect();
        bars.extend(part.gone.iter().map(|(from, to)| (*from, *to, ExpectedPresence::Away)));
        // Slits are drawn over bars.
        bars.sort_by_key(|(from, _, status)| (*status == ExpectedPresence::Away, *from));
        let is_bar = |node: &Node| node.attribute("class") != Some("ground");
        let drawn: Vec<Node> = children(*row, "rect").filter(is_bar).collect();
        assert_eq!(drawn.len(), bars.len(), "bars of {}", person.name);
        for (node, bar) in drawn.into_iter().zip(bars) {
            check_bar(view, &person.name, node, bar);
        }
        marks(view, *row, Some(&person.name), "reconnected", "came back");
        marks(view, *row, Some(&person.name), "error", "was refused something");
    }
    if outside {
        marks(view, *rows.last().unwrap(), None, "error", "was refused something");
    }
}

fn head(view: &SessionView<'_>, root: Node) {
    let (zone, check) = (view.check.class.zone, view.check);
    let from = check.ms(view.session.start);
    let to = check.ms(view.session.until(check.now));
    let day = written(zone.clock(from), "%-d %b %Y");
    let going_on = if view.session.is_active() {
        ", still going on"
    } else {
        ""
    };
    let told = children(root, "text").find(|node| node.attribute("text-anchor") == Some("end"));
    let expected = format!("{day}, {}{going_on}", zone.told(from, to));
    assert_eq!(told.unwrap().text(), Some(expected.as_str()));
}

/// The times across the top stand where the clock shows them.
fn ticks(view: &SessionView<'_>, root: Node) {
    const DAY: i64 = 86_400_000;
    let zone = view.check.class.zone;
    let (tolerance, mut last) = (ms_of(view, PIXELS).max(1), i64::MIN);
    for line in children(root, "line").filter(|node| node.attribute("class") == Some("tick")) {
        let text = line.next_sibling().unwrap();
        let label = text.text().unwrap();
        assert!(
            number(text, "x") + float(i64::try_from(label.len()).unwrap()) * DIGIT / 2.0 <= WIDTH,
            "{label} fits"
        );
        let at = view.check.ms(view.session.start) + ms_of(view, number(line, "x1") - PLOT.0);
        assert!(at + tolerance >= last, "ticks go on");
        last = at;
        let shown = zone.clock(at + tolerance);
        if !label.contains(':') {
            assert_eq!(label, written(shown, "%-d %b"));
            assert!(shown.rem_euclid(DAY) <= 2 * tolerance, "{label} is a midnight");
            continue;
        }
        let clock = label.split(' ').next().unwrap();
        let parts: Vec<i64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        let told = (parts[0] * 3600 + parts[1] * 60 + parts.get(2).unwrap_or(&0)) * 1000;
        let off = (shown - told).rem_euclid(DAY);
        assert!(off <= 2 * tolerance, "{label} is {off} ms off");
    }
}

fn check_bar(view: &SessionView<'_>, name: &str, node: Node, (from, to, status): (i64, i64, ExpectedPresence)) {
    let word = if status == ExpectedPresence::Here {
        "present"
    } else {
        "away"
    };
    let (left, right) = (x_of(view, from), x_of(view, to));
    let (x, width) = (number(node, "x"), number(node, "width"));
    assert!((x - left).abs() <= PIXELS, "{name} begins at {x}, not {left}");
    let (class, least) = match status {
        ExpectedPresence::Here => ("present", THINNEST),
        ExpectedPresence::Away | ExpectedPresence::Out if right - left < HATCHED => ("slit", SLIT),
        ExpectedPresence::Away | ExpectedPresence::Out => ("away", SLIT),
    };
    assert_eq!(node.attribute("class"), Some(class), "{name} at {from}");
    let wide = (right - left).max(least);
    assert!((width - wide).abs() <= PIXELS, "{name} is {width} wide, not {wide}");
    let expected = format!(
        "{name} {word} {} to {} ({})",
        time(view, from),
        time(view, to),
        length_shown(to - from)
    );
    assert_eq!(title(node), expected);
}

/// Marks of a kind: as many as it happened, each where it did.
fn marks(view: &SessionView<'_>, row: Node, who: Option<&str>, kind: &str, words: &str) {
    let events = &view.session.events;
    let mut at: Vec<i64> = events
        .iter()
        .filter(|event| event.kind == kind && event.who.as_deref() == who)
        .map(|event| event.at)
        .collect();
    let start = format!("{} {words} at ", who.unwrap_or("Somebody outside"));
    let mut drawn = 0;
    for mark in children(row, "svg") {
        let text = mark.children().map(title).find(|text| text.starts_with(&start));
        let Some(text) = text else {
            continue;
        };
        let told = &text[start.len()..];
        let (moment, times) = told.strip_suffix(" times").map_or((told, 1), |told| {
            let (moment, times) = told.rsplit_once(", ").unwrap();
            (moment, times.parse().unwrap())
        });
        let x = number(mark, "x");
        let here = at
            .iter()
            .position(|at| (x_of(view, *at) - x).abs() <= PIXELS && time(view, *at) == moment);
        assert!(here.is_some(), "{text} at {x}: {at:?}");
        drawn += times;
        at.drain(..here.unwrap());
    }
    let happened = events
        .iter()
        .filter(|event| event.kind == kind && event.who.as_deref() == who);
    assert_eq!(drawn, happened.count(), "{kind} of {who:?}");
}

fn time(view: &SessionView<'_>, at: i64) -> String {
    let check = view.check;
    check.class.zone.time(check.ms(at), check.ms(view.session.start))
}

fn x_of(view: &SessionView<'_>, at: i64) -> f64 {
    let length = view.duration();
    PLOT.0 + (PLOT.1 - PLOT.0) * float((at - view.session.start).clamp(0, length)) / float(length.max(1))
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds are not cut into")]
fn ms_of(view: &SessionView<'_>, pixels: f64) -> i64 {
    (float(view.duration()) * pixels / (PLOT.1 - PLOT.0)).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "a class is no longer than 2^52 ms")]
fn float(ms: i64) -> f64 {
    ms as f64
}

fn number(node: Node, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

fn title(node: Node) -> String {
    let title = node.children().find(|child| child.has_tag_name("title"));
    title.and_then(|title| title.text()).unwrap_or_default().to_owned()
}
