//! The language a client is told its errors in.

/// The language of the sentences for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::signaling) enum Language {
    /// The default.
    #[default]
    English,
    /// Where the handshake's `Accept-Language` prefers it.
    Chinese,
}

/// Whether the handshake's `Accept-Language` (RFC 9110, section 12.5.4) prefers Chinese to everything else it names.
pub(in crate::signaling) fn language(accept_language: Option<&str>) -> Language {
    let mut best = ("", 0.0_f32);
    for range in accept_language.unwrap_or_default().split(',').take(32) {
        let (tag, weight) = match range.split_once(';') {
            Some((tag, parameter)) => (tag, parameter.trim().strip_prefix("q=").and_then(|q| q.parse().ok())),
            None => (range, Some(1.0)),
        };
        // The first of equals wins, as browsers list them.
        if let Some(weight) = weight.filter(|weight| *weight > best.1) {
            best = (tag.trim(), weight);
        }
    }
    let primary = best.0.split('-').next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("zh") {
        Language::Chinese
    } else {
        Language::English
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_where_it_is_preferred() {
        for header in ["zh", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, zh-TW", "ZH-hans"] {
            assert_eq!(language(Some(header)), Language::Chinese, "{header}");
        }
        for header in ["", "en", "en,zh", "en-US,en;q=0.9,zh;q=0.8", "zh;q=0", "zh;q=x", ",,;"] {
            assert_eq!(language(Some(header)), Language::English, "{header}");
        }
        assert_eq!(language(None), Language::English);
    }
}
