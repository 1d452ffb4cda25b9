//! Which part may know which: an arrow that is not in this list, or a part that is missing from it, is a fault. And so is
//! a circle of files within a part: whoever reads one of them would have to read them all.
//!
//! A file imports another if it names it, or something in it, by a path. What a file passes on (`pub use`) it does not
//! import by that, unless it uses the name itself: so a `mod.rs` may list its children and what they offer, and a child
//! that takes a name from its parent imports the file where the name is at home.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each part of the server may import of the others. `lib`, `main`, `server` and `fuzzing` put parts together, and may
/// import all.
const MAY_IMPORT: [(&str, &[&str]); 36] = [
    ("addresses", &[]),
    ("banner", &["addresses", "config"]),
    (
        "check",
        &["config", "journal", "model", "net", "progress", "sql", "tls"],
    ),
    (
        "cluster",
        &[
            "held",
            "journal",
            "limit",
            "metrics",
            "model",
            "net",
            "room",
            "signaling",
            "tls",
        ],
    ),
    ("config", &["join_token", "journal", "model", "private_file"]),
    ("export", &["journal", "private_file", "progress", "sql", "tables"]),
    ("glances", &["history", "journal", "model"]),
    ("healthcheck", &["config", "tls"]),
    ("held", &["limit", "metrics", "model"]),
    ("history", &["model", "sql"]),
    ("hs256", &[]),
    ("import", &["journal", "progress", "tables"]),
    ("join_token", &["hs256", "model"]),
    (
        "journal",
        &["limit", "metrics", "model", "private_file", "progress", "room", "sql"],
    ),
    ("limit", &["model"]),
    ("live_rooms", &["cluster", "model", "room", "signaling", "web"]),
    ("logging", &["config"]),
    ("metrics", &["model"]),
    ("model", &[]),
    ("net", &["config", "held", "limit", "metrics", "model", "tls"]),
    ("priority", &[]),
    ("private_file", &[]),
    ("progress", &[]),
    ("qr", &[]),
    ("requests", &["metrics", "model", "net"]),
    ("review_token", &["config", "journal", "private_file"]),
    ("room", &["model"]),
    ("service_manager", &[]),
    (
        "signaling",
        &[
            "held",
            "join_token",
            "journal",
            "limit",
            "metrics",
            "model",
            "net",
            "room",
            "words",
        ],
    ),
    ("signals", &[]),
    ("sql", &[]),
    ("static_files", &[]),
    ("tables", &[]),
    ("tls", &["addresses", "config", "private_file", "service_manager"]),
    (
        "web",
        &[
            "config",
            "history",
            "hs256",
            "join_token",
            "journal",
            "limit",
            "metrics",
            "model",
            "net",
            "priority",
            "qr",
            "words",
        ],
    ),
    ("words", &["model"]),
];

/// Where a module is: the names from the crate's root to it.
type ModulePath = Vec<String>;

/// A file of the server.
struct Module {
    file: String,
    /// Its `use` declarations.
    uses: Vec<Use>,
    /// All the rest of it, its comments and tests left out.
    code: String,
}

/// One name that a file brings in.
struct Use {
    is_passed_on: bool,
    path: Vec<String>,
    name: String,
}

struct Modules(BTreeMap<ModulePath, Module>);

impl Modules {
    /// All of the server but its tests, which may look at anything.
    fn read() -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[]);
        modules
    }

    fn visit(&mut self, folder: &Path, above: &[String]) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
            let module = || [above, &[name.to_owned()]].concat();
            if ["tests", "fixture", "fuzzing"].contains(&name) && !above.is_empty() {
                continue;
            }
            if path.is_dir() {
                self.visit(&path, &module());
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let at = if name == "mod" { above.to_vec() } else { module() };
                self.0.insert(at, Module::of(&path));
            }
        }
    }

    /// The modules that one imports: those that its paths name, or that what they name is at home in.
    fn imports_of(&self, at: &ModulePath) -> BTreeSet<ModulePath> {
        let module = &self.0[at];
        let paths = module.paths(|name| self.0.contains_key(&[at.as_slice(), &[name.to_owned()]].concat()));
        let homes = paths.iter().filter_map(|path| self.home(at, path, 0));
        homes.filter(|home| home != at).collect()
    }

    /// Where what a path names is at home, if that is a file of ours.
    fn home(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        assert!(depth < 20, "{path:?} goes around in circles");
        let mut at = from.clone();
        for (number, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                name => {
                    at.push(name.to_owned());
                    if self.0.contains_key(&at) {
                        continue;
                    }
                    at.pop();
                    let module = self.0.get(&at)?;
                    let Some(passed_on) = module.uses.iter().find(|import| import.name == name) else {
                        // At home here, or another crate's.
                        return (number > 0).then_some(at);
                    };
                    let rest = &path[number + 1..];
                    return self.home(&at, &[&passed_on.path, rest].concat(), depth + 1);
                }
            }
        }
        self.0.contains_key(&at).then_some(at)
    }

    fn file(&self, at: &ModulePath) -> &str {
        &self.0[at].file
    }
}

impl Module {
    fn of(path: &Path) -> Self {
        let code = fs::read_to_string(path).unwrap();
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let mut module = Self {
            file: path
                .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                .unwrap()
                .display()
                .to_string(),
            uses: Vec::new(),
            code: String::new(),
        };
        let mut declaration = String::new();
        // Who may see something is no import.
        let lines = lines.map(|line| line.replace("pub(in crate", "pub("));
        for line in lines {
            let begins = line.trim_start().split("use ").next().unwrap_or_default().trim_end();
            let is_use =
                line.contains("use ") && (begins.is_empty() || begins.starts_with("pub") && !begins.contains(' '));
            if is_use || !declaration.is_empty() {
                declaration += line.trim();
                if declaration.ends_with(';') {
                    module.declare(&declaration);
                    declaration.clear();
                }
            } else {
                module.code += &line;
                module.code.push('\n');
            }
        }
        module
    }

    fn declare(&mut self, declaration: &str) {
        let (before, tree) = declaration.split_once("use ").unwrap();
        for path in leaves(tree.trim_end_matches(';')) {
            let (path, name) = match path.split_once(" as ") {
                Some((path, name)) => (path.to_owned(), name.to_owned()),
                None => (path.clone(), path.rsplit("::").next().unwrap().to_owned()),
            };
            let path = path.split("::").map(str::to_owned).filter(|name| name != "*");
            self.uses.push(Use {
                is_passed_on: before.starts_with("pub"),
                path: path.collect(),
                name,
            });
        }
    }

    /// The paths that it names, as far as they begin with `crate`, `super`, `self` or a child of its own.
    fn paths(&self, is_child: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let begins = |path: &[String]| ["crate", "super", "self"].contains(&path[0].as_str()) || is_child(&path[0]);
        let words: Vec<_> = self
            .code
            .split(|letter: char| !letter.is_alphanumeric() && !"_:".contains(letter))
            .collect();
        let used = self.uses.iter().filter(|import| {
            let is_own = || words.iter().any(|word| word.split("::").next() == Some(&import.name));
            !import.is_passed_on || is_own()
        });
        let named = words.iter().filter(|word| word.contains("::"));
        let named = named.map(|word| word.split("::").map(str::to_owned).collect());
        let all = used.map(|import| import.path.clone()).chain(named);
        all.filter(|path: &Vec<String>| begins(path)).collect()
    }
}

/// The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.trim().replace("::self", "")];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap();
    let mut depth = 0;
    let branches = inner.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    let branches = branches.map(str::trim).filter(|branch| !branch.is_empty());
    branches
        .flat_map(|branch| leaves(&format!("{}{branch}", before.trim())))
        .collect()
}

/// Those that import each other, by whatever way.
fn circles<T: Ord + Clone>(arrows: &BTreeMap<T, BTreeSet<T>>) -> BTreeSet<BTreeSet<T>> {
    let reached = |start: &T| {
        let (mut reached, mut rest) = (BTreeSet::new(), vec![start]);
        while let Some(at) = rest.pop() {
            let imports = arrows.get(at).into_iter().flatten();
            rest.extend(imports.filter(|import| reached.insert((*import).clone())));
        }
        reached
    };
    let reached: BTreeMap<_, _> = arrows.keys().map(|start| (start, reached(start))).collect();
    let back = |start: &T, to: &T| reached.get(to).is_some_and(|reached| reached.contains(start));
    let circles = reached
        .iter()
        .map(|(start, reached)| reached.iter().filter(|to| back(start, to)).cloned().collect());
    circles.filter(|circle: &BTreeSet<T>| !circle.is_empty()).collect()
}

#[test]
fn no_part_imports_what_it_must_not_know() {
    let modules = Modules::read();
    let mut arrows: BTreeMap<&str, BTreeMap<String, &str>> = BTreeMap::new();
    for at in modules.0.keys() {
        let of = arrows.entry(&at[0]).or_default();
        for import in modules.imports_of(at).into_iter().filter(|import| !import.is_empty()) {
            of.insert(import[0].clone(), modules.file(at));
        }
    }
    for free in ["lib", "main", "server", "fuzzing"] {
        assert!(arrows.remove(free).is_some(), "{free} is gone");
    }
    let found: Vec<_> = arrows.keys().copied().collect();
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
    let allowed = MAY_IMPORT.map(|(part, may)| (part, may.iter().copied().collect()));
    let circles = circles(&BTreeMap::from(allowed));
    assert!(circles.is_empty(), "parts that import each other: {circles:?}");
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let modules = Modules::read();
    let parts: BTreeSet<_> = modules.0.keys().map(|at| &at[0]).collect();
    let in_circles = parts.into_iter().flat_map(|part| {
        let of_part = modules.0.keys().filter(|at| at[0] == *part);
        circles(&of_part.map(|at| (at.clone(), modules.imports_of(at))).collect())
    });
    let in_circles: BTreeSet<_> = in_circles.flatten().map(|at| modules.file(&at).to_owned()).collect();
    assert_eq!(in_circles, BTreeSet::new(), "the files that import each other");
}
