//! What is said to people, in their language: messages that `languages/` has for each, and numbers, lists and times as the
//! language writes them.

mod formats;
pub(crate) mod message;
mod spacing;

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::sync::LazyLock;

use askama::filters::{Html as HtmlEscaper, HtmlSafe, escape};
use chrono::NaiveDateTime;
use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;

use self::formats::{Formats, within_message};
use self::message::Message;
use crate::model::language::Language;

/// Where in a sentence elements go: see [`Words::around`]. No name has these in it, as they would turn what follows.
pub(crate) const SLOT: &str = "\u{202c}";
/// As [`SLOT`], for the second of two.
pub(crate) const SECOND_SLOT: &str = "\u{202d}";

/// One language.
pub(crate) struct Words {
    language: Language,
    messages: FluentBundle<FluentResource>,
    formats: Formats,
}

/// What is HTML already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Text, escaped.
    pub(crate) fn text(text: &str) -> Self {
        let Ok(escaped) = escape(text, HtmlEscaper);
        Self(escaped.0.to_string())
    }

    /// What an element of ours is written as.
    pub(crate) fn element(element: &impl HtmlSafe) -> Self {
        Self(element.to_string())
    }

    /// A link with a text.
    pub(crate) fn link(address: &str, text: &str) -> Self {
        Self(format!("<a href=\"{}\">{}</a>", Self::text(address), Self::text(text)))
    }

    /// What the code itself says.
    pub(crate) fn markup(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// What is wrong.
    pub(crate) fn bad(text: &str) -> Self {
        Self(format!("<span class=\"bad\">{}</span>", Self::text(text)))
    }

    /// What one types.
    pub(crate) fn code(text: &str) -> Self {
        Self(format!("<code>{}</code>", Self::text(text)))
    }
}

impl Words {
    /// The words of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static ALL: LazyLock<[Words; Language::ALL.len()]> = LazyLock::new(|| Language::ALL.map(Words::read));
        let [first, ..] = &*ALL;
        ALL.iter().find(|words| words.language == language).unwrap_or(first)
    }

    fn read(language: Language) -> Self {
        // The build has read them, and refuses what is wrong with them.
        let messages = match FluentResource::try_new(language.messages().to_owned()) {
            Ok(messages) | Err((messages, _)) => messages,
        };
        let tag = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        bundle.add_resource_overriding(messages);
        // Names are isolated wherever they come from; nothing else needs it.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(within_message));
        bundle
            .add_builtins()
            .expect("nothing else is called as its functions are");
        Self {
            language,
            messages: bundle,
            formats: Formats::of(language),
        }
    }

    /// Its tag, for `lang`: the pages' scripts write times by it.
    pub(crate) fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// The other languages.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'static Self> {
        let others = Language::ALL.into_iter().filter(|other| *other != self.language);
        others.map(Self::of)
    }

    /// Whether it is the one that the history and the API are kept in.
    pub(crate) fn is_first(&self) -> bool {
        self.language == Language::default()
    }

    /// A message in this language.
    pub(crate) fn say<M: Message>(&self, message: M) -> String {
        let Some(pattern) = self.messages.get_message(M::ID).and_then(|message| message.value()) else {
            return M::ID.to_owned();
        };
        let arguments = message.arguments();
        let mut faults = Vec::new();
        let said = self.messages.format_pattern(pattern, Some(&arguments), &mut faults);
        debug_assert!(faults.is_empty(), "{}: {faults:?}", M::ID);
        spacing::around_names(said.into_owned())
    }

    /// A message with an element in it, where an argument of it is [`SLOT`].
    pub(crate) fn around<M: Message>(&self, message: M, element: &Html) -> Html {
        Html(Html::text(&self.say(message)).0.replace(SLOT, &element.0))
    }

    /// The same with another where an argument is [`SECOND_SLOT`].
    pub(crate) fn around_two<M: Message>(&self, message: M, [one, other]: [Html; 2]) -> Html {
        Html(self.around(message, &one).0.replace(SECOND_SLOT, &other.0))
    }

    /// A whole number: `1,234`.
    pub(crate) fn number(&self, number: i64) -> String {
        self.formats.number(number, 1)
    }

    /// A whole number that others stand below, in two digits: `04`.
    pub(crate) fn two_digits(&self, number: i64) -> String {
        self.formats.number(number, 2)
    }

    /// Several things, as one says them after each other: `Ann, Bo and Cy`.
    pub(crate) fn list(&self, all: &[String]) -> String {
        spacing::before_last(self.formats.list(all), all)
    }

    /// The same of elements.
    pub(crate) fn list_of_elements(&self, all: Vec<Html>) -> Html {
        let all: Vec<String> = all.into_iter().map(|element| element.0).collect();
        Html(self.list(&all))
    }

    /// Several clauses of a sentence in one.
    pub(crate) fn clauses(&self, all: &[String]) -> String {
        let both = |first: String, second: String| {
            let (first, second) = (first.as_str(), second.as_str());
            self.say(message::Clauses { first, second })
        };
        all.iter().cloned().reduce(both).unwrap_or_default()
    }

    /// The same of elements.
    pub(crate) fn clauses_of_elements(&self, all: Vec<Html>) -> Html {
        let all: Vec<String> = all.into_iter().map(|element| element.0).collect();
        Html(self.clauses(&all))
    }

    /// Which of two names comes first, as readers of the language look for them.
    pub(crate) fn compare(&self, one: &str, other: &str) -> Ordering {
        self.formats.compare(one, other)
    }

    /// The time of day to the minute, with its day if that is said: `10:12`, `1 Mar, 10:12`.
    pub(crate) fn minute(&self, at: NaiveDateTime, with_day: bool) -> String {
        if with_day {
            self.formats.short_day_minute(at)
        } else {
            self.formats.minute(at)
        }
    }

    /// The same to the second.
    pub(crate) fn second(&self, at: NaiveDateTime, with_day: bool) -> String {
        if with_day {
            self.formats.short_day_second(at)
        } else {
            self.formats.second(at)
        }
    }

    /// A day of a year that is known: `1 Mar`.
    pub(crate) fn short_day(&self, at: NaiveDateTime) -> String {
        self.formats.short_day(at)
    }

    /// A day: `1 Mar 2026`.
    pub(crate) fn day(&self, at: NaiveDateTime) -> String {
        self.formats.day(at)
    }

    /// A day and the time of day to the minute: `1 Mar 2026, 10:12`.
    pub(crate) fn day_minute(&self, at: NaiveDateTime) -> String {
        self.formats.day_minute(at)
    }

    /// A day with its weekday.
    pub(crate) fn weekday(&self, at: NaiveDateTime) -> String {
        self.formats.weekday(at)
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use fluent_bundle::{FluentArgs, FluentValue};

    use super::*;

    #[test]
    fn every_message_can_be_said_in_every_language() {
        for language in Language::ALL {
            let words = Words::of(language);
            assert_eq!(words.language, language);
            for (id, arguments) in &message::ALL {
                let pattern = words
                    .messages
                    .get_message(id)
                    .and_then(|message| message.value())
                    .unwrap();
                let told = |(name, is_number): &(&'static str, bool)| -> (&str, FluentValue<'_>) {
                    (*name, if *is_number { 7.into() } else { "x".into() })
                };
                let arguments: FluentArgs<'_> = arguments.iter().map(told).collect();
                let mut faults = Vec::new();
                let said = words.messages.format_pattern(pattern, Some(&arguments), &mut faults);
                assert!(faults.is_empty(), "{language:?} {id}: {said}: {faults:?}");
            }
        }
    }

    #[test]
    fn numbers_lists_and_times_are_as_the_language_has_them() {
        let at = NaiveDate::from_ymd_opt(2026, 9, 1)
            .unwrap()
            .and_hms_opt(0, 2, 4)
            .unwrap();
        let all = ["Ann", "Bo", "Cy"].map(str::to_owned);
        let written = |language| {
            let words = Words::of(language);
            [
                words.number(1_234_567),
                words.two_digits(4),
                words.say(message::MessagesRefused { count: 12_000 }),
                words.list(&all),
                words.list(&all[..2]),
                words.minute(at, false),
                words.minute(at, true),
                words.second(at, false),
                words.second(at, true),
                words.short_day(at),
                words.day(at),
                words.day_minute(at),
                words.weekday(at),
            ]
        };
        assert_eq!(
            written(Language::EnGb),
            [
                "1,234,567",
                "04",
                "12,000 messages refused",
                "Ann, Bo and Cy",
                "Ann and Bo",
                "00:02",
                "1 Sept, 00:02",
                "00:02:04",
                "1 Sept, 00:02:04",
                "1 Sept",
                "1 Sept 2026",
                "1 Sept 2026, 00:02",
                "Tuesday, 1 September 2026",
            ]
        );
        assert_eq!(
            written(Language::ZhCn),
            [
                "1,234,567",
                "04",
                "12,000 条消息被拒绝",
                "Ann、Bo和Cy",
                "Ann和Bo",
                "00:02",
                "9月1日 00:02",
                "00:02:04",
                "9月1日 00:02:04",
                "9月1日",
                "2026年9月1日",
                "2026年9月1日 00:02",
                "2026年9月1日星期二",
            ]
        );
    }

    #[test]
    fn names_are_in_the_order_in_which_readers_look_for_them() {
        let sorted = |language, names: [&'static str; 5]| {
            let mut names = names;
            names.sort_by(|one, other| Words::of(language).compare(one, other));
            names
        };
        assert_eq!(
            sorted(Language::EnGb, ["Zoe", "éva", "Bo", "ann", "Eva"]),
            ["ann", "Bo", "Eva", "éva", "Zoe"]
        );
        // By pinyin: Ā, Lǐ, Wáng, Zhāng.
        assert_eq!(
            sorted(Language::ZhCn, ["张伟", "王芳", "Ann", "李雷", "阿明"]),
            ["阿明", "李雷", "王芳", "张伟", "Ann"]
        );
    }

    #[test]
    fn what_is_around_an_element_is_escaped() {
        let link = Html::link("/a?b&c", "<x>");
        let said = Words::of(Language::EnGb).around(
            message::AwaySince {
                count: 1,
                who: "<b>",
                moments: SLOT,
            },
            &link,
        );
        assert_eq!(
            said.to_string(),
            "&#60;b&#62; has been away since <a href=\"/a?b&#38;c\">&#60;x&#62;</a>."
        );
    }
}
