use std::collections::BTreeSet;

use super::counts::words_of;
use super::*;

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// The cells of each row of the document's tables that begins with a name.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_document_has_each_metric_as_it_is() {
    let rows: Vec<_> = rows().into_iter().filter(|row| row.len() == 4).collect();
    let names: Vec<_> = rows.iter().map(|row| quoted(row[0])[0]).collect();
    assert_eq!(
        names,
        Metric::ALL.iter().map(|metric| metric.name()).collect::<Vec<_>>()
    );
    for (row, metric) in rows.iter().zip(Metric::ALL) {
        assert_eq!(row[1], metric.kind().as_str(), "{metric:?}");
        assert_eq!(quoted(row[2]), metric.labels(), "{metric:?}");
        assert_eq!(row[3], metric.says(), "{metric:?}");
    }
}

#[test]
fn the_document_has_each_label_and_all_that_it_may_be() {
    let rows: Vec<_> = rows().into_iter().filter(|row| row.len() == 2).collect();
    let labels: BTreeSet<_> = rows.iter().map(|row| quoted(row[0])[0]).collect();
    let there: BTreeSet<_> = Metric::ALL.iter().flat_map(|metric| metric.labels()).copied().collect();
    assert_eq!(labels, there);
    for row in rows {
        let label = quoted(row[0])[0];
        let known = Metric::ALL.iter().filter(|metric| metric.labels() == [label]);
        let words: Vec<_> = known.flat_map(|metric| words_of(*metric)).collect();
        // Those of a limit are another document's, those of a route and a status are made.
        if !words.is_empty() && label != "limit" {
            assert_eq!(quoted(row[1]), words, "{label}");
        }
    }
}

/// Names as Prometheus has them: a unit or `total` at the end, and one prefix.
#[test]
fn names_are_those_of_the_field() {
    for metric in Metric::ALL {
        let name = metric.name();
        assert!(name.starts_with("chatroom_"), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}");
        // A gauge may be a time, too.
        let is_time = metric.kind() == Kind::Histogram || *metric == Metric::ClusterLease;
        assert_eq!(name.ends_with("_seconds"), is_time, "{name}");
    }
}

/// What a dashboard asks of a name that is not there is an empty picture, which looks as if all were well.
#[test]
fn the_dashboard_asks_for_what_is_there_and_for_all_of_it() {
    let dashboard: serde_json::Value = serde_json::from_str(include_str!("../../docs/grafana-dashboard.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 38));
    let variable = &dashboard["templating"]["list"][0];
    assert_eq!(
        (&variable["name"], &variable["type"]),
        (&"datasource".into(), &"datasource".into())
    );
    let mut asked = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        assert!(
            panel["title"].as_str().is_some_and(|title| !title.is_empty()),
            "{panel}"
        );
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{target}");
            let expression = target["expr"].as_str().unwrap();
            let names = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            asked.extend(names.filter(|name| name.starts_with("chatroom_")).map(|name| {
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|part| name.strip_suffix(part));
                base.unwrap_or(name).to_owned()
            }));
        }
    }
    let there: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name().to_owned()).collect();
    assert_eq!(asked, there);
}
