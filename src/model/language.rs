//! The languages that people are spoken to in.

/// A language of the sentences for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default, and what the history and the API are kept in.
    #[default]
    English,
    /// As it is written in China.
    Chinese,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (BCP 47), of the country whose dates and numbers it is written with.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en-GB",
            Self::Chinese => "zh-CN",
        }
    }

    /// The language of this tag.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The one that an `Accept-Language` (RFC 9110, section 12.5.4) likes best: of whatever country, as each is there once.
    pub fn preferred(accept_language: Option<&str>) -> Self {
        let mut best = (Self::default(), 0.0_f32);
        for range in accept_language.unwrap_or_default().split(',').take(32) {
            let (tag, weight) = match range.split_once(';') {
                Some((tag, parameter)) => (tag, parameter.trim().strip_prefix("q=").and_then(|q| q.parse().ok())),
                None => (range, Some(1.0)),
            };
            // The first of equals wins, as browsers list them.
            let weight = weight.filter(|weight| *weight > best.1);
            if let (Some(language), Some(weight)) = (Self::alike(tag.trim()), weight) {
                best = (language, weight);
            }
        }
        best.0
    }

    fn alike(tag: &str) -> Option<Self> {
        let primary = |tag: &'static str| tag.split('-').next().unwrap_or_default();
        let wanted = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary(language.tag()).eq_ignore_ascii_case(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_of_those_there_are() {
        for (header, language) in [
            ("zh", Language::Chinese),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en;q=0.5, zh-TW", Language::Chinese),
            ("ZH-hans", Language::Chinese),
            // What is not there does not stand in the way of the next.
            ("fr,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("", Language::English),
            ("en", Language::English),
            ("en,zh", Language::English),
            ("en-US,en;q=0.9,zh;q=0.8", Language::English),
            ("fr,de;q=0.9", Language::English),
            ("zh;q=0", Language::English),
            ("zh;q=x", Language::English),
            (",,;", Language::English),
        ] {
            assert_eq!(Language::preferred(Some(header)), language, "{header}");
        }
        assert_eq!(Language::preferred(None), Language::English);
    }

    #[test]
    fn a_tag_is_that_of_one_language() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::of_tag("zh"), None);
    }
}
