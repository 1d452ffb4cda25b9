//! Text within a drawing.

/// Text as XML 1.0 takes it: escaped, and without the characters that no XML may hold, not even escaped.
pub(super) fn text(raw: &str) -> String {
    // The first bytes of what is escaped or left out, and of much else: most words have none of them.
    let may_need_care = |byte: u8| matches!(byte, b'&' | b'<' | b'>' | ..b' ' | 0x7F | 0xC2 | 0xEF);
    if !raw.bytes().any(may_need_care) {
        return raw.to_owned();
    }
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\u{0}'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => text.push(c),
        }
    }
    text
}
