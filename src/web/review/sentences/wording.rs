//! Words and numbers as a reader wants them in a sentence.

use crate::model::text::is_seen;

/// A name for the middle of a sentence: whatever its writing direction, it leaves the words around it in order.
pub(crate) fn isolated(name: &str) -> String {
    format!("\u{2068}{}\u{2069}", plain(name))
}

/// A name for a place of its own: without the control characters that would turn what follows them, as they could pretend
/// another name, and end its isolation before the name ends. One of nothing that is seen could not be pointed at.
pub(crate) fn plain(name: &str) -> String {
    if !name.chars().any(is_seen) {
        return "(invisible name)".to_owned();
    }
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().filter(|&c| !turns(c)).collect()
}

/// Who is away: `Bo is away`, `Bo and Cy are away`.
pub(crate) fn are_away(all: &[&str]) -> String {
    let are = if all.len() == 1 { "is" } else { "are" };
    format!("{} {are} away", few(all))
}

/// A number of things: `1 person`, `7 people`.
pub(crate) fn count(number: i64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{number} {word}")
}

/// The same of things that are counted in memory.
pub(crate) fn count_of(number: usize, one: &str, many: &str) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX), one, many)
}

/// How often: `once`, `twice`, `5 times`.
pub(crate) fn times(number: i64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        often => format!("{often} times"),
    }
}

/// A large number, its digits in groups of three: `1,234`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A length of time (milliseconds) in a sentence: `52 minutes`, `1 hour 5 minutes`, `40 seconds`.
pub(crate) fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => count(seconds, "second", "seconds"),
        (0, _) => count(minutes, "minute", "minutes"),
        (_, 0) => count(hours, "hour", "hours"),
        _ => format!(
            "{} {}",
            count(hours, "hour", "hours"),
            count(minutes, "minute", "minutes")
        ),
    }
}

/// A length of time (milliseconds) to the minute: `53 min`, `1 h 05 min`.
pub(crate) fn minutes(ms: i64) -> String {
    let minutes = ms.max(0).saturating_add(30_000) / 60_000;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// A length of time (milliseconds) in a table: `12 min 04 s`, `1 h 05 min`, `40 s`.
pub(crate) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {:02} s", seconds % 60),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// A part of a session's time in whole minutes: `27 of 53 min`.
pub(crate) fn of_minutes(part_ms: i64, whole_ms: i64) -> String {
    let minutes = |ms: i64| ms.saturating_add(30_000) / 60_000;
    format!("{} of {} min", minutes(part_ms), minutes(whole_ms))
}

/// The first few of a list, isolated, and how many more there are: `Ann, Bo and Cy`, `Ann, Bo, Cy and 4 others`.
pub(crate) fn names(all: &[&str]) -> String {
    first_names(all, 3)
}

/// A few names, or how many people they are: `Ann, Bo and Cy`, `7 people`.
pub(crate) fn few(all: &[&str]) -> String {
    const FEW: usize = 3;
    if all.len() > FEW {
        return count_of(all.len(), "person", "people");
    }
    names(all)
}

/// The same with that many names.
pub(crate) fn first_names(all: &[&str], shown: usize) -> String {
    let words: Vec<String> = all.iter().map(|name| isolated(name)).collect();
    first_of(&words, shown)
}

/// The same of what need not be isolated.
pub(crate) fn first_of(all: &[String], shown: usize) -> String {
    let mut words: Vec<String> = all.iter().take(shown).cloned().collect();
    let more = all.len() - words.len();
    if more > 0 {
        words.push(if more == 1 {
            "one other".to_owned()
        } else {
            format!("{more} others")
        });
    }
    joined(&words)
}

fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_say_them() {
        for (ms, said, shown) in [
            (-5, "0 seconds", "0 s"),
            (1999, "1 second", "1 s"),
            (59_999, "59 seconds", "59 s"),
            (60_000, "1 minute", "1 min 00 s"),
            (724_000, "12 minutes", "12 min 04 s"),
            (3_600_000, "1 hour", "1 h 00 min"),
            (3_900_000, "1 hour 5 minutes", "1 h 05 min"),
            (90_000_000, "25 hours", "25 h 00 min"),
        ] {
            assert_eq!((length(ms).as_str(), duration(ms).as_str()), (said, shown), "{ms}");
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let plain = |all: &[&str]| names(all).replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(plain(&["Ann"]), "Ann");
        assert_eq!(plain(&["Ann", "Bo"]), "Ann and Bo");
        assert_eq!(plain(&["Ann", "Bo", "Cy"]), "Ann, Bo and Cy");
        assert_eq!(plain(&["Ann", "Bo", "Cy", "Di"]), "Ann, Bo, Cy and one other");
        assert_eq!(plain(&["Ann", "Bo", "Cy", "Di", "Ed"]), "Ann, Bo, Cy and 2 others");
    }

    #[test]
    fn a_name_cannot_end_its_own_isolation() {
        assert_eq!(isolated("a\u{2069}\u{202e}b"), "\u{2068}ab\u{2069}");
        // Those that a script needs stay.
        assert_eq!(plain("\u{2066}a\u{202a}\u{200f}אב\u{200e}"), "a\u{200f}אב\u{200e}");
        for unseen in ["\u{202e}\u{202e}", "\u{200b}", "\u{feff}\u{e0041}", "\u{301}\u{301}"] {
            assert_eq!(plain(unseen), "(invisible name)");
        }
    }
}
