//! The languages that people are spoken to in.

// `Language`: a variant for each file of `languages/`, named by its tag, and what the build knows of it.
include!(concat!(env!("OUT_DIR"), "/language.rs"));

impl Language {
    /// The language of this tag.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The one that an `Accept-Language` (RFC 9110, section 12.5.4) likes best: of its country if that is there, else of whatever
    /// country.
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
        let find = |fits: &dyn Fn(&'static str) -> bool| Self::ALL.into_iter().find(|language| fits(language.tag()));
        find(&|own| own.eq_ignore_ascii_case(tag)).or_else(|| find(&|own| primary(own).eq_ignore_ascii_case(wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_of_those_there_are() {
        for (header, language) in [
            ("zh", Language::ZhCn),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::ZhCn),
            ("en;q=0.5, zh-TW", Language::ZhCn),
            ("ZH-hans", Language::ZhCn),
            // What is not there does not stand in the way of the next.
            ("fr,zh;q=0.9,en;q=0.8", Language::ZhCn),
            ("", Language::EnGb),
            ("en", Language::EnGb),
            ("en,zh", Language::EnGb),
            ("en-US,en;q=0.9,zh;q=0.8", Language::EnGb),
            ("fr,de;q=0.9", Language::EnGb),
            ("zh;q=0", Language::EnGb),
            ("zh;q=x", Language::EnGb),
            (",,;", Language::EnGb),
        ] {
            assert_eq!(Language::preferred(Some(header)), language, "{header}");
        }
        assert_eq!(Language::preferred(None), Language::EnGb);
    }

    #[test]
    fn a_tag_is_that_of_one_language() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::of_tag("zh"), None);
    }
}
