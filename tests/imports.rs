//! Which part may know which: an arrow that is not in this list, or a part that is missing from it, is a fault.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each part of the server may import of the others. `lib`, `main`, `server` and `fuzzing` put parts together, and may
/// import all.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("banner", &["config"]),
    ("config", &["journal"]),
    ("export", &["journal"]),
    ("held", &["limit", "model"]),
    ("history", &["model", "sql"]),
    ("journal", &["limit", "model", "room", "sql"]),
    ("limit", &["model"]),
    ("logging", &["config"]),
    ("model", &[]),
    ("net", &["config", "held", "limit", "model"]),
    ("priority", &[]),
    ("review_token", &["config"]),
    ("room", &["model"]),
    ("signaling", &["held", "journal", "limit", "model", "net", "room"]),
    ("signals", &[]),
    ("sql", &[]),
    ("static_files", &[]),
    (
        "web",
        &["config", "history", "journal", "limit", "model", "net", "priority"],
    ),
];

/// Files of tests, which may look at anything.
fn is_test(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    in_tests || ["tests.rs", "fixture.rs", "fuzzing.rs"].contains(&name)
}

/// The parts that a file's code names after `crate::`, its own tests left out.
fn imports(code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let after = code.split("crate::").skip(1);
    let part = |rest: &str| {
        rest.chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect()
    };
    after.map(part).filter(|part: &String| !part.is_empty()).collect()
}

fn visit(folder: &Path, part: Option<&str>, arrows: &mut BTreeMap<String, BTreeMap<String, String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap().to_owned();
        let part = part.unwrap_or(&stem);
        if path.is_dir() {
            visit(&path, Some(part), arrows);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            let of = arrows.entry(part.to_owned()).or_default();
            for import in imports(&fs::read_to_string(&path).unwrap()) {
                of.insert(import, path.display().to_string());
            }
        }
    }
}

#[test]
fn no_part_imports_what_it_must_not_know() {
    let mut arrows = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), None, &mut arrows);
    for free in ["lib", "main", "server"] {
        assert!(arrows.remove(free).is_some(), "{free} is gone");
    }
    let found: Vec<_> = arrows.keys().map(String::as_str).collect();
    let listed: Vec<_> = MAY_IMPORT.iter().map(|(part, _)| *part).collect();
    assert_eq!(found, listed, "the parts");
    for (part, may) in MAY_IMPORT {
        for (import, file) in &arrows[part] {
            let is_allowed = import == part || import == "fuzzing" || may.contains(&import.as_str());
            assert!(is_allowed, "{file}: {part} must not import {import}");
        }
        for import in may {
            assert!(
                arrows[part].contains_key(*import),
                "{part} does not import {import}: take it off the list"
            );
        }
    }
}
