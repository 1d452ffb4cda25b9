//! The truth of the numbers: classes are played through the rooms and the journal into a database, and everything that
//! a reviewer is shown of them is held against a computation that shares nothing with the server's.
//!
//! `TRUTH_CLASSES` says how many classes are made up (300), `TRUTH_SEED` makes the same ones again.

mod check;
mod naive;
mod page;
mod picture;
mod play;
mod script;
mod zone;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, thread};

use check::Check;
use naive::Naive;
use play::Played;
use script::{Class, Dice, made_up};

/// Classes, each with its zone, its start, and what is special about it.
const KNOWN: [(&str, &str, &str, &str); 33] = [
    (
        "one second, alone",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 leave Ann | 100 look",
    ),
    (
        "whoever a crash had sent away is found gone last, and had gone first",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 5 join Bo | 10..20 crash | 25 resume Bo | 60 leave Bo | 90 look",
    ),
    (
        "a session that no time passes in",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 0 leave Ann | 100 look",
    ),
    (
        "looked at as it begins",
        "Europe/Berlin",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 0 look",
    ),
    (
        "a lesson in which one drops and comes back",
        "Europe/Berlin",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 20.5 join Bo | 600 drop Bo | 607.25 resume Bo | 2700 leave Bo | 3120 leave Ann | 4000 look",
    ),
    (
        "a takeover does not count twice",
        "Europe/Berlin",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 600 takeover Bo | 630 late Bo | 900 takeover Bo | 901 late Bo | 1200 leave Bo | 1200 leave Ann | 2000 look",
    ),
    (
        "who is taken over has been there since before",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 10 takeover Ann | 12 again Ann | 20 takeover Ann | 30 look",
    ),
    (
        "joins elsewhere, present and away",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 5 again Ann | 10 join Bo | 20 drop Bo | 30 again Bo | 35 again Bo | 60 leave Ann | 61 leave Bo | 200 look",
    ),
    (
        "away is not present, and too long away is gone",
        "America/New_York",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 100 drop Bo | 114.999 resume Bo | 200 drop Bo | 300 join Bo | 400 leave Bo | 500 leave Ann | 900 look",
    ),
    (
        "back in the very millisecond",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 10 drop Ann | 10 resume Ann | 20 drop Ann | 25 resume Ann | 25 drop Ann | 30 resume Ann | 40 leave Ann | 101 look",
    ),
    (
        "the longest gap is between two stays",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 10 leave Bo | 500 join Bo | 600 drop Bo | 610 resume Bo | 700 leave Bo | 900 leave Ann | 901 look",
    ),
    (
        "a room in use again is another session after a minute",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 10 leave Ann | 69.999 join Ann | 80 leave Ann | 140 join Ann | 150 join Bo | 155 leave Ann | 156 leave Bo | 300 look",
    ),
    (
        "an empty room is measured to the last leaving",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 50 leave Ann | 61 leave Bo | 100 look",
    ),
    (
        "another room",
        "Asia/Kathmandu",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 0 join Bo | 30 move Ann | 30 join Ann@b | 90 leave Ann@b | 95 join Ann | 120 leave Ann | 130 look",
    ),
    (
        "errors inside and outside of the room",
        "Europe/London",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 err Ann | 1 err Ann | 2 refused Ann | 5 drop Ann | 6 refused Ann | 8 resume Ann | 9 err Ann | 1000 look",
    ),
    (
        "going on: here, away, gone",
        "Europe/Berlin",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 2 join Cy | 30 leave Cy | 100 drop Bo | 110.5 look",
    ),
    (
        "over midnight of UTC",
        "UTC",
        "2026-05-04T23:30:00Z",
        "0 join Ann | 600 join Bo | 1799.999 drop Bo | 1800 resume Bo | 3600 leave Bo | 3601 leave Ann | 9000 look",
    ),
    (
        "over midnight of the reader",
        "Pacific/Kiritimati",
        "2026-05-04T09:30:00Z",
        "0 join Ann | 600 join Bo | 1795 drop Bo | 1805 resume Bo | 3600 leave Bo | 3601 leave Ann | 9000 look",
    ),
    (
        "the clock is put forward",
        "Europe/Berlin",
        "2026-03-29T00:30:00Z",
        "0 join Ann | 60 join Bo | 1795 drop Bo | 1805 resume Bo | 3600 leave Bo | 7200 leave Ann | 9000 look",
    ),
    (
        "the clock is put back: an hour comes twice",
        "Europe/Berlin",
        "2026-10-24T23:30:00Z",
        "0 join Ann | 1860 join Bo | 5395 drop Bo | 5405 resume Bo | 5460 leave Bo | 5461 join Bo | 9000 leave Bo | 10800 leave Ann | 20000 look",
    ),
    (
        "by half an hour only",
        "Australia/Lord_Howe",
        "2026-04-04T14:00:00Z",
        "0 join Ann | 1860 join Bo | 3595 drop Bo | 3605 resume Bo | 5460 leave Bo | 10800 leave Ann | 20000 look",
    ),
    (
        "from and to London's winter",
        "Europe/London",
        "2026-03-29T00:30:00Z",
        "0 join Ann | 3600 leave Ann | 3601 look",
    ),
    (
        "more than a day, and still going on",
        "America/St_Johns",
        "2026-10-31T12:00:00Z",
        "0 join Ann | 10 join Bo | 43200 drop Bo | 43210 resume Bo | 86400 leave Bo | 90000 takeover Ann | 97200 look",
    ),
    (
        "everybody lost contact, and is back",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 2 join Cy | 100 drop Ann | 101 drop Bo | 104 drop Cy | 110 resume Ann | 111 resume Bo | 112 resume Cy | 200 leave Ann | 300 leave Bo | 300 leave Cy | 500 look",
    ),
    (
        "everybody lost contact, and nobody came back",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 2 join Cy | 100 drop Ann | 101 drop Bo | 104 drop Cy | 110 look",
    ),
    (
        "a crash cuts at the last sign of life",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 100..130 crash | 140 resume Ann | 191 look",
    ),
    (
        "a crash while somebody is away, and nobody comes back",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 95 drop Bo | 100..130 crash | 400 look",
    ),
    (
        "who left after the restart left last",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 10..20 crash | 25 resume Ann | 30 leave Ann | 300 look",
    ),
    (
        "still awaited after a crash",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 50 drop Bo | 51..60 crash | 100 look",
    ),
    (
        "two crashes in a row",
        "Europe/Berlin",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 2 join Cy | 50..60 crash | 61 resume Ann | 70..80 crash | 90 resume Ann | 95 resume Bo | 200 leave Ann | 201 leave Bo | 400 look",
    ),
    (
        "a stop on purpose, then a crash",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 1 join Bo | 50..55 stop | 60 resume Ann | 65..70 crash | 75 join Cy | 200 look",
    ),
    (
        "stopped in an empty room",
        "UTC",
        "2026-05-04T09:00:00Z",
        "0 join Ann | 10 leave Ann | 20..25 stop | 30 join Ann | 40 look",
    ),
    (
        "down for hours over a change of the clock",
        "America/New_York",
        "2026-11-01T04:00:00Z",
        "0 join Ann | 1 join Bo | 3600..14400 stop | 14410 resume Ann | 14500 leave Ann | 20000 look",
    ),
];

#[tokio::test]
async fn known_classes_are_told_truly() {
    for (what, zone, start, steps) in KNOWN {
        hold(what, &Class::of(zone, start, steps), &mut Dice(1)).await;
    }
}

#[test]
fn made_up_classes_are_told_truly() {
    let classes: u64 = number("TRUTH_CLASSES").unwrap_or(300);
    let seed = number("TRUTH_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_secs()
    });
    println!("TRUTH_SEED={seed} TRUTH_CLASSES={classes}");
    let next = AtomicU64::new(0);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= classes {
                return;
            }
            let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(index));
            let class = made_up(&mut dice);
            let what = format!("class {index} of TRUTH_SEED={seed}");
            runtime.block_on(hold(&what, &class, &mut dice));
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

async fn hold(what: &str, class: &Class, dice: &mut Dice) {
    let _told = ToldIfItFails(what, class);
    let mut naive = Naive::default();
    for step in &class.steps {
        naive.take(step);
    }
    let played = Played::of(class).await;
    let check = Check {
        class,
        naive: &naive,
        reviewer: &played.reviewer(),
        now: class.now() - class.start,
    };
    check.run(dice).await;
}

struct ToldIfItFails<'a>(&'a str, &'a Class);

impl Drop for ToldIfItFails<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: {}", self.0, self.1);
        }
    }
}
