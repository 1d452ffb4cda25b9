//! Names of rooms in which `*` stands for any text, also for none.

use std::fmt;

use crate::model::id::{InvalidText, RoomName};

/// The name of a room, or of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPattern(RoomName);

impl RoomPattern {
    /// Reads what the name of a room could be; so it is as long at most.
    ///
    /// # Errors
    /// What is wrong with it, as with a name.
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        RoomName::parse(raw).map(Self)
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The room, if it stands for one only.
    pub fn room(&self) -> Option<&RoomName> {
        (!self.as_str().contains('*')).then_some(&self.0)
    }

    /// Whether it stands for this room. Each piece between two stars is taken where it comes first, so that nothing is
    /// looked at again however many there are.
    pub fn matches(&self, room: &RoomName) -> bool {
        let mut pieces = self.as_str().split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(rest) = room.as_str().strip_prefix(first) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        let Some(rest) = rest.strip_suffix(last) else {
            return false;
        };
        let after = |rest: &'_ str, piece: &str| rest.find(piece).map(|at| at + piece.len());
        let mut from = 0;
        for piece in pieces {
            match after(&rest[from..], piece) {
                Some(to) => from += to,
                None => return false,
            }
        }
        true
    }
}

impl RoomPattern {
    /// Whether there can be a room that both stand for.
    fn meets(&self, other: &Self) -> bool {
        let (one, other) = (letters(self), letters(other));
        // For each rest of the other, shortest last: whether it and the rest of this one meet.
        let mut after: Vec<bool> = (0..=other.len())
            .map(|at| other[at..].iter().all(|c| *c == '*'))
            .collect();
        for c in one.iter().rev() {
            let mut met = vec![*c == '*' && after[other.len()]; other.len() + 1];
            for (at, o) in other.iter().enumerate().rev() {
                met[at] = match (c, o) {
                    ('*', _) | (_, '*') => after[at] || met[at + 1],
                    _ => c == o && after[at + 1],
                };
            }
            after = met;
        }
        after[0]
    }
}

fn letters(pattern: &RoomPattern) -> Vec<char> {
    pattern.as_str().chars().collect()
}

/// The rooms that there may be (`ALLOWED_ROOMS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPatterns(Vec<RoomPattern>);

impl RoomPatterns {
    /// Reads patterns separated by commas.
    ///
    /// # Errors
    /// What they must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let items = raw.split(',').map(str::trim).filter(|item| !item.is_empty());
        let patterns: Result<Vec<_>, _> = items.map(RoomPattern::parse).collect();
        match patterns {
            Ok(patterns) if !patterns.is_empty() => Ok(Self(patterns)),
            Ok(_) => Err("must be * or a list of rooms such as lesson-*,Year 7, in which * is any text".to_owned()),
            Err(problem) => Err(format!("names rooms, and each of these {problem}")),
        }
    }

    /// Whether there may be a room that this pattern stands for.
    pub fn meet(&self, pattern: &RoomPattern) -> bool {
        self.0.iter().any(|allowed| allowed.meets(pattern))
    }

    /// Whether there may be this room.
    pub fn allow(&self, room: &RoomName) -> bool {
        self.0.iter().any(|pattern| pattern.matches(room))
    }
}

impl fmt::Display for RoomPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<_> = self.0.iter().map(RoomPattern::as_str).collect();
        f.write_str(&patterns.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patterns_meet_where_a_room_fits_both() {
        for (one, other, meet) in [
            ("lesson", "lesson", true),
            ("lesson-*", "lesson-7", true),
            ("lesson-*", "*-7", true),
            ("lesson-*", "les*", true),
            ("*", "*", true),
            ("a*b", "*ab*", true),
            ("a**", "a", true),
            ("lesson", "lessons", false),
            ("lesson-*", "lesson", false),
            ("a*", "b*", false),
            ("*a", "*b", false),
            ("a*c", "b*c", false),
            ("课*", "语*", false),
        ] {
            let patterns = [one, other].map(|raw| RoomPattern::parse(raw).unwrap());
            let [one, other] = &patterns;
            assert_eq!((one.meets(other), other.meets(one)), (meet, meet), "{patterns:?}");
        }
    }

    fn matches(pattern: &str, room: &str) -> bool {
        let room = RoomName::parse(room).unwrap();
        RoomPattern::parse(pattern).unwrap().matches(&room)
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, room) in [
            ("lesson", "lesson"),
            (" lesson ", "lesson"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("*", "lesson"),
            ("***", "lesson"),
            ("lesson-*", "lesson-"),
            ("lesson-*", "lesson-7 b"),
            ("*-7", "lesson-7"),
            ("l*n", "lesson"),
            ("l*s*n", "lesson"),
            ("*s*s*", "lesson"),
            ("*课*", "语文课 3"),
            ("a*a", "aa"),
            ("lesson-*", "lesson-*"),
        ] {
            assert!(matches(pattern, room), "{pattern} {room}");
        }
        for (pattern, room) in [
            ("lesson", "lessons"),
            ("lesson", "Lesson"),
            ("lesson-*", "lesson"),
            ("*-7", "lesson-77x"),
            ("a*a", "a"),
            ("*s*s*s*", "lesson"),
            ("l*n*n", "lesson"),
            ("ab*ba", "aba"),
            ("lesson?", "lesson1"),
            (".*", "lesson"),
        ] {
            assert!(!matches(pattern, room), "{pattern} {room}");
        }
    }

    /// As an independent, slow definition has it.
    #[test]
    fn every_short_pattern_is_as_defined() {
        fn defined(pattern: &[u8], room: &[u8]) -> bool {
            match pattern.split_first() {
                None => room.is_empty(),
                Some((b'*', rest)) => (0..=room.len()).any(|from| defined(rest, &room[from..])),
                Some((letter, rest)) => room.first() == Some(letter) && defined(rest, &room[1..]),
            }
        }
        let texts = |letters: &[u8], longest: u32| {
            let count = letters.len();
            let all = (1..=longest).flat_map(move |length| (0..count.pow(length)).map(move |number| (length, number)));
            let letters = letters.to_vec();
            all.map(move |(length, number)| {
                let letter = |place| letters[number / count.pow(place) % count] as char;
                (0..length).map(letter).collect::<String>()
            })
            .collect::<Vec<_>>()
        };
        for pattern in texts(b"ab*", 5) {
            for room in texts(b"ab", 5) {
                let expected = defined(pattern.as_bytes(), room.as_bytes());
                assert_eq!(matches(&pattern, &room), expected, "{pattern} {room}");
            }
        }
    }

    #[test]
    fn many_stars_cost_nothing() {
        assert_eq!(
            RoomPattern::parse(&"*".repeat(1_000_000)),
            Err(InvalidText::TooLong { max: 128 })
        );
        // Backtracking would not come back in years.
        assert!(!matches(&format!("{}b", "*a".repeat(63)), &"a".repeat(128)));
    }

    #[test]
    fn a_list_has_one_pattern_at_least() {
        let rooms = RoomPatterns::parse("lesson-*, Year 7,").unwrap();
        for (room, is_allowed) in [("lesson-1", true), ("Year 7", true), ("Year 8", false)] {
            assert_eq!(rooms.allow(&RoomName::parse(room).unwrap()), is_allowed, "{room}");
        }
        assert!(
            RoomPatterns::parse("*")
                .unwrap()
                .allow(&RoomName::parse("a,b").unwrap())
        );
        for raw in ["", ",", "a\tb", &"x".repeat(129)] {
            assert!(RoomPatterns::parse(raw).is_err(), "{raw}");
        }
    }
}
