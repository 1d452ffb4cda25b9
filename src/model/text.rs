//! What of a text is seen.

use unicode_normalization::char::is_combining_mark;

/// Whether a character alone shows anything: marks on other characters do not, and Unicode's default ignorable ones.
pub fn is_seen(c: char) -> bool {
    !c.is_whitespace()
        && !is_combining_mark(c)
        && !matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{e0000}'..='\u{e0fff}')
}
