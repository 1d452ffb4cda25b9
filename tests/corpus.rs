//! What is kept for each target of `fuzz`, read again by it on the stable compiler, as it is and with made-up changes.
//!
//! `CORPUS_SECONDS=600` goes on with changes for so long for each target; `CORPUS_SEED=…` makes the same ones again.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use chatroom_server::fuzzing::{TARGETS, Target};

/// How many changed inputs each target reads in every run.
const CHANGED: usize = 2_000;
const MOST_CHANGES: u64 = 6;
const MOST_BYTES: usize = 4096;
/// What parsers take for an end, a beginning, or a number.
const TELLING: &[u8] = b"\0\n\r\x1e\"%&',-.09:;=AZ[\\]az{}\x7f\x80\xc3\xe2\xed\xf4\xff";

#[test]
fn every_target_reads_what_is_kept_for_it() {
    for (name, read) in TARGETS {
        let target = folder().join(format!("fuzz_targets/{name}.rs"));
        assert!(target.exists(), "{}", target.display());
        for input in kept(name) {
            read(&input);
        }
    }
}

#[test]
fn every_target_reads_what_is_nearly_that() {
    let seconds = Duration::from_secs(from_env("CORPUS_SECONDS", 0));
    let mut chance = Chance(from_env("CORPUS_SEED", 1));
    for (name, read) in TARGETS {
        let kept = kept(name);
        let (begun, mut count) = (Instant::now(), 0);
        while count < CHANGED || begun.elapsed() < seconds {
            read_changed(name, read, &kept, &mut chance);
            count += 1;
        }
        println!("{name} has read {count}");
    }
}

fn read_changed(name: &str, read: Target, kept: &[Vec<u8>], chance: &mut Chance) {
    let mut input = chance.one_of(kept).clone();
    for _ in 0..=chance.below(MOST_CHANGES) {
        change(&mut input, kept, chance);
    }
    input.truncate(MOST_BYTES);
    if std::panic::catch_unwind(|| read(&input)).is_err() {
        panic!("{name} cannot read {:?}", input.escape_ascii().to_string());
    }
}

/// One of the changes that find most: bytes that tell something, pieces taken away, doubled, or put in from elsewhere.
fn change(input: &mut Vec<u8>, kept: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() as u64 + 1) as usize;
    let end = (at + chance.below(8) as usize).min(input.len());
    match chance.below(5) {
        0 => input.insert(at, *chance.one_of(TELLING)),
        1 if at < input.len() => input[at] = *chance.one_of(TELLING),
        2 => drop(input.drain(at..end)),
        3 => {
            let piece = input[at..end].repeat(1 + chance.below(40) as usize);
            input.splice(at..at, piece);
        }
        _ => {
            let other = chance.one_of(kept);
            let from = chance.below(other.len() as u64 + 1) as usize;
            input.splice(at..end, other[from..].iter().copied());
        }
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

fn kept(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder().join("corpus").join(name)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(!paths.is_empty(), "nothing is kept for {name}");
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn from_env<T: FromStr>(name: &str, default: T) -> T {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| {
        given.parse().ok().unwrap_or_else(|| panic!("{name}={given}"))
    })
}

/// Chance that is the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
