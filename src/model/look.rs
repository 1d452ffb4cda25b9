//! What a name looks like, so that nobody joins beside "Ms. Smith" as her double.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

use super::id::{InvalidText, Username};
use super::text::{fold, is_blank, is_ignorable, is_seen};

/// What is left of a name for the eye. Two names of one look are not told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// In small letters, by the prototypes of all that is confusable.
    small: Box<str>,
    /// The same, where a capital that only looks Latin as a capital counts as that (М, which is no м).
    capital: Box<str>,
    /// The same, where a capital that is drawn as a bar is an l ("MiIIer").
    bars: Box<str>,
    /// People count with these: names that differ in them are two.
    digits: Box<str>,
}

impl Look {
    /// That of a name.
    pub(crate) fn of(name: &Username) -> Self {
        let plain = plain(name.as_str());
        let capital: String = plain.chars().map(latin_if_it_looks_so).collect();
        Self {
            small: outline(&fold(&plain)).into(),
            capital: outline(&fold(&capital)).into(),
            bars: skeleton_of(&with_bars(&plain)).into(),
            digits: plain.chars().filter(char::is_ascii_digit).collect(),
        }
    }

    /// Whether people would take one for the other.
    pub(crate) fn resembles(&self, other: &Self) -> bool {
        self.digits == other.digits
            && (self.small == other.small || self.capital == other.capital || self.bars == other.bars)
    }
}

/// Refuses a name that cannot be told from another, whatever it looks like: one that shows nothing, or that changes how
/// what is around it is shown.
pub(crate) fn check(name: &Username) -> Result<(), InvalidText> {
    let name = name.as_str();
    if name.chars().any(turns_direction) {
        return Err(InvalidText::Directional);
    }
    if name.chars().any(is_never_text) {
        return Err(InvalidText::NeverShown);
    }
    if !name.chars().any(is_seen) {
        return Err(InvalidText::Invisible);
    }
    Ok(())
}

/// Unicode's `Bidi_Control`.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Tags, and code points that are no characters and never will be.
fn is_never_text(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}' | '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Compatible forms made one (NFKC), what does not show left out, any run of space one space.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.nfkc().filter(|&c| !is_ignorable(c)) {
        if c.is_whitespace() || is_blank(c) {
            if !plain.is_empty() && !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else {
            plain.push(c);
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// The ASCII letter that a capital of another script looks like, unless its small form looks like one too.
fn latin_if_it_looks_so(c: char) -> char {
    if c.is_ascii() || !c.is_uppercase() {
        return c;
    }
    let text = c.to_string();
    let small = outline(&fold(&text));
    let mut prototype = skeleton(&text);
    match (small.is_ascii(), prototype.next(), prototype.next()) {
        (false, Some(letter), None) if letter.is_ascii() => letter,
        _ => c,
    }
}

/// In small letters, but for capitals like I, which are the l that they are drawn as, and for L, which is not: nobody
/// takes Ian for Lan.
fn with_bars(text: &str) -> String {
    let mut bars = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'L' => bars.push('L'),
            _ if c.is_uppercase() && skeleton(c.encode_utf8(&mut [0; 4])).eq(['l']) => bars.push('l'),
            _ => bars.push_str(&fold(c.encode_utf8(&mut [0; 4]))),
        }
    }
    bars
}

/// The skeleton, in small letters.
fn outline(text: &str) -> String {
    fold(&skeleton_of(text))
}

/// The skeleton of Unicode's confusables (UTS 39). Left as they are: ASCII digits (0 is no O here), and ideographs, which
/// those who read them tell apart (土 and 士). Left out: a dot over i or j, which is drawn in the place of their own.
fn skeleton_of(text: &str) -> String {
    let mut bones = String::with_capacity(text.len());
    for part in text.split_inclusive(is_told_apart) {
        let (letters, last) = part.split_at(part.trim_end_matches(is_told_apart).len());
        bones.extend(skeleton(letters));
        bones.push_str(last);
    }
    bones.replace("i\u{307}", "i").replace("j\u{307}", "j")
}

fn is_told_apart(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFD}')
}
