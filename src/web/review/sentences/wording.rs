//! Words and numbers as a reader wants them in a sentence.

use crate::history::attendance::WholeShare;
use crate::model::text::is_seen;
use crate::words::{Html, SLOT, Words, message as m};

/// How much of a sentence names may take.
const NAMES: usize = 3;

impl Words {
    /// A name for the middle of a sentence: whatever its writing direction, it leaves the words around it in order.
    pub(crate) fn isolated(&self, name: &str) -> String {
        format!("\u{2068}{}\u{2069}", self.plain(name))
    }

    /// A name for a place of its own: without the control characters that would turn what follows them, as they could
    /// pretend another name, and end its isolation before the name ends. One of nothing that is seen could not be pointed
    /// at.
    pub(crate) fn plain(&self, name: &str) -> String {
        if !name.chars().any(is_seen) {
            return self.say(m::InvisibleName);
        }
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        name.chars().filter(|&c| !turns(c)).collect()
    }

    /// By whose clock the times of a page are: the script says the reader's.
    pub(crate) fn times_in(&self) -> Html {
        self.around(m::TimesIn { zone: SLOT }, &Html::markup("<span data-zone>UTC</span>"))
    }

    /// What is counted where people are, without the number.
    pub(crate) fn people_unit(&self, count: i64) -> String {
        self.say(m::PeopleUnit { count })
    }

    /// A clause as a sentence of its own.
    pub(crate) fn sentence(&self, clause: &str) -> String {
        self.say(m::Sentence { clause })
    }

    /// One sentence after another.
    pub(crate) fn two_sentences(&self, first: &str, second: &str) -> String {
        self.say(m::TwoSentences { first, second })
    }

    /// How often: `once`, `twice`, `5 times`.
    pub(crate) fn times(&self, count: i64) -> String {
        self.say(m::Times { count })
    }

    /// A length of time (milliseconds) in a sentence, to the nearest minute as in lists: `52 minutes`, `1 h 05 min`, `40 seconds`.
    pub(crate) fn length(&self, ms: i64) -> String {
        let (seconds, minutes) = (ms.max(0) / 1000, whole_minutes(ms.max(0)));
        let in_hours = |count| self.say(m::LengthHours { count });
        let in_minutes = |count| self.say(m::LengthMinutes { count });
        match (minutes / 60, minutes % 60) {
            _ if seconds < 60 => self.say(m::LengthSeconds { count: seconds }),
            (0, minutes) => in_minutes(minutes),
            (hours, 0) => in_hours(hours),
            (hours, minutes) => self.hours_and_minutes(hours, minutes),
        }
    }

    /// A length of time (milliseconds) to the minute: `53 min`, `1 h 05 min`.
    pub(crate) fn minutes(&self, ms: i64) -> String {
        let minutes = whole_minutes(ms.max(0));
        match (minutes / 60, minutes % 60) {
            (0, minutes) => self.say(m::DurationMinutes {
                minutes: &self.number(minutes),
            }),
            (hours, minutes) => self.hours_and_minutes(hours, minutes),
        }
    }

    /// A length of time (milliseconds) in a table: `12 min 04 s`, `1 h 05 min`, `40 s`.
    pub(crate) fn duration(&self, ms: i64) -> String {
        let seconds = ms.max(0) / 1000;
        match (seconds / 3600, seconds / 60 % 60) {
            (0, 0) => self.say(m::DurationSeconds {
                seconds: &self.number(seconds),
            }),
            (0, minutes) => self.say(m::DurationMinutesAndSeconds {
                minutes: &self.number(minutes),
                seconds: &self.two_digits(seconds % 60),
            }),
            (hours, minutes) => self.hours_and_minutes(hours, minutes),
        }
    }

    fn hours_and_minutes(&self, hours: i64, minutes: i64) -> String {
        self.say(m::DurationHoursAndMinutes {
            hours: &self.number(hours),
            minutes: &self.two_digits(minutes),
        })
    }

    /// A part of a session's time in whole minutes, or seconds of a short one: `27 of 53 min,`, `40 s of 50 s,`.
    pub(crate) fn part_of_session(&self, share: WholeShare) -> String {
        let WholeShare { part_ms, whole_ms, .. } = share;
        if whole_ms < WholeShare::IN_MINUTES_FROM_MS {
            return self.say(m::PartOfLength {
                part: &self.duration(part_ms),
                whole: &self.duration(whole_ms),
            });
        }
        self.say(m::PartOfMinutes {
            part: &self.number(whole_minutes(part_ms)),
            whole: &self.number(whole_minutes(whole_ms)),
        })
    }

    /// A share in whole per cent: `97 %`.
    pub(crate) fn per_cent(&self, share: WholeShare) -> String {
        self.say(m::PerCent {
            number: &self.number(share.per_cent),
        })
    }

    /// The same of what [`Self::part_of_session`] says, to stand beside it.
    pub(crate) fn per_cent_of_told(&self, share: WholeShare) -> String {
        self.say(m::PerCent {
            number: &self.number(share.per_cent_of_told()),
        })
    }

    /// The first few of a list, isolated, and how many more there are: `Ann, Bo and Cy`, `Ann, Bo, Cy and 4 others`.
    pub(crate) fn names(&self, all: &[&str]) -> String {
        self.first_names(all, NAMES)
    }

    /// A few names, or how many people they are: `Ann, Bo and Cy`, `7 people`. Several long names are too many, too.
    pub(crate) fn few(&self, all: &[&str]) -> String {
        const COLUMNS: usize = 48;
        let names = self.names(all);
        if all.len() > NAMES || (all.len() > 1 && columns(&names) > COLUMNS) {
            return self.say(m::People {
                count: counted(all.len()),
            });
        }
        names
    }

    /// The same with that many names.
    pub(crate) fn first_names(&self, all: &[&str], shown: usize) -> String {
        let mut words: Vec<String> = all.iter().take(shown).map(|name| self.isolated(name)).collect();
        let count = counted(all.len() - words.len());
        if count > 0 {
            words.push(self.say(m::Others { count }));
        }
        self.list(&words)
    }

    /// Who is away: `Bo is away`, `Bo and Cy are away`.
    pub(crate) fn are_away(&self, all: &[&str]) -> String {
        self.say(m::AreAway {
            count: counted(all.len()),
            who: &self.few(all),
        })
    }
}

/// What is counted in memory, as messages are told it.
pub(crate) fn counted(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A clause as a sentence begins.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// How wide a text is in columns: a Chinese character is as wide as two Latin letters, and what isolates a name has no width.
pub(crate) fn columns(text: &str) -> usize {
    let columns = |c| match c {
        '\u{2068}' | '\u{2069}' => 0,
        '\u{1100}'.. => 2,
        _ => 1,
    };
    text.chars().map(columns).sum()
}

fn whole_minutes(ms: i64) -> i64 {
    ms.saturating_add(30_000) / 60_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::Language;

    fn english() -> &'static Words {
        Words::of(Language::EnGb)
    }

    #[test]
    fn lengths_read_as_people_say_them() {
        for (ms, said, shown) in [
            (-5, "0 seconds", "0 s"),
            (1999, "1 second", "1 s"),
            (59_999, "59 seconds", "59 s"),
            (60_000, "1 minute", "1 min 00 s"),
            (724_000, "12 minutes", "12 min 04 s"),
            (150_000, "3 minutes", "2 min 30 s"),
            (3_599_000, "1 hour", "59 min 59 s"),
            (3_600_000, "1 hour", "1 h 00 min"),
            (3_900_000, "1 h 05 min", "1 h 05 min"),
            (90_000_000, "25 hours", "25 h 00 min"),
        ] {
            assert_eq!(
                (english().length(ms).as_str(), english().duration(ms).as_str()),
                (said, shown),
                "{ms}"
            );
        }
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let plain = |all: &[&str]| english().names(all).replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(plain(&["Ann"]), "Ann");
        assert_eq!(plain(&["Ann", "Bo"]), "Ann and Bo");
        assert_eq!(plain(&["Ann", "Bo", "Cy"]), "Ann, Bo and Cy");
        assert_eq!(plain(&["Ann", "Bo", "Cy", "Di"]), "Ann, Bo, Cy and one other");
        assert_eq!(plain(&["Ann", "Bo", "Cy", "Di", "Ed"]), "Ann, Bo, Cy and 2 others");
    }

    #[test]
    fn long_names_of_several_people_are_counted() {
        let long = "W".repeat(30);
        assert_eq!(english().few(&[&long, "Bo"]).matches('W').count(), 30);
        assert_eq!(english().few(&[&long, &long]), "2 people");
        assert!(english().few(&[&long.repeat(2)]).contains(&long));
    }

    #[test]
    fn a_name_cannot_end_its_own_isolation() {
        assert_eq!(english().isolated("a\u{2069}\u{202e}b"), "\u{2068}ab\u{2069}");
        // Those that a script needs stay.
        assert_eq!(
            english().plain("\u{2066}a\u{202a}\u{200f}אב\u{200e}"),
            "a\u{200f}אב\u{200e}"
        );
        for unseen in ["\u{202e}\u{202e}", "\u{200b}", "\u{feff}\u{e0041}", "\u{301}\u{301}"] {
            assert_eq!(english().plain(unseen), "(invisible name)");
        }
    }
}
