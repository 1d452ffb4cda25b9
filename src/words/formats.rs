//! Numbers, lists, days and times as a language writes them, by the Unicode project's data on the world's languages.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDateTime, Timelike};
use fluent_bundle::FluentValue;
use icu_calendar::Gregorian;
use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed};
use icu_datetime::fieldsets::{MD, MDT, T, YMD, YMDE, YMDT};
use icu_datetime::input::{Date, DateTime, Time};
use icu_datetime::{DateTimeFormatterPreferences, FixedCalendarDateTimeFormatter};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use icu_list::ListFormatter;
use icu_list::options::ListFormatterOptions;
use icu_locale_core::Locale;
use icu_locale_core::preferences::extensions::unicode::keywords::HourCycle;
use intl_memoizer::Memoizable;
use intl_memoizer::concurrent::IntlLangMemoizer;
use unic_langid::LanguageIdentifier;

use crate::model::language::Language;

type Writer<F> = FixedCalendarDateTimeFormatter<Gregorian, F>;

/// How one language writes what is no sentence.
pub(super) struct Formats {
    number: DecimalFormatter,
    list: ListFormatter,
    order: CollatorBorrowed<'static>,
    minute: Writer<T>,
    second: Writer<T>,
    short_day: Writer<MD>,
    short_day_minute: Writer<MDT>,
    short_day_second: Writer<MDT>,
    day: Writer<YMD>,
    day_minute: Writer<YMDT>,
    weekday: Writer<YMDE>,
}

impl Formats {
    pub(super) fn of(language: Language) -> Self {
        const KNOWN: &str = "every language is in the data";
        let locale: Locale = language.tag().parse().expect("a language's tag is one");
        // All clocks here have 24 hours, as those of the pages' scripts.
        let mut clock = DateTimeFormatterPreferences::from(&locale);
        clock.hour_cycle = Some(HourCycle::H23);
        Self {
            number: DecimalFormatter::try_new((&locale).into(), DecimalFormatterOptions::default()).expect(KNOWN),
            list: ListFormatter::try_new_and((&locale).into(), ListFormatterOptions::default()).expect(KNOWN),
            order: Collator::try_new((&locale).into(), CollatorOptions::default()).expect(KNOWN),
            minute: Writer::try_new(clock, T::hm()).expect(KNOWN),
            second: Writer::try_new(clock, T::hms()).expect(KNOWN),
            short_day: Writer::try_new(clock, MD::medium()).expect(KNOWN),
            short_day_minute: Writer::try_new(clock, MD::medium().with_time_hm()).expect(KNOWN),
            short_day_second: Writer::try_new(clock, MD::medium().with_time_hms()).expect(KNOWN),
            day: Writer::try_new(clock, YMD::medium()).expect(KNOWN),
            day_minute: Writer::try_new(clock, YMD::medium().with_time_hm()).expect(KNOWN),
            weekday: Writer::try_new(clock, YMDE::long()).expect(KNOWN),
        }
    }

    /// A whole number, with so many digits at least.
    pub(super) fn number(&self, number: i64, digits: i16) -> String {
        let mut number = Decimal::from(number);
        number.pad_start(digits);
        self.number.format(&number).to_string()
    }

    /// Several things, as one says them after each other.
    pub(super) fn list(&self, all: &[String]) -> String {
        self.list.format(all.iter()).to_string()
    }

    /// Which of two names comes first. Those that are alike to the language are in the order of their characters.
    pub(super) fn compare(&self, one: &str, other: &str) -> Ordering {
        self.order.compare(one, other).then_with(|| one.cmp(other))
    }

    /// The time of day: `10:12`.
    pub(super) fn minute(&self, at: NaiveDateTime) -> String {
        self.minute.format(&input(at)).to_string()
    }

    /// The time of day: `10:12:04`.
    pub(super) fn second(&self, at: NaiveDateTime) -> String {
        self.second.format(&input(at)).to_string()
    }

    /// A day of a year that is known: `1 Mar`.
    pub(super) fn short_day(&self, at: NaiveDateTime) -> String {
        self.short_day.format(&input(at)).to_string()
    }

    /// `1 Mar, 10:12`
    pub(super) fn short_day_minute(&self, at: NaiveDateTime) -> String {
        self.short_day_minute.format(&input(at)).to_string()
    }

    /// `1 Mar, 10:12:04`
    pub(super) fn short_day_second(&self, at: NaiveDateTime) -> String {
        self.short_day_second.format(&input(at)).to_string()
    }

    /// `1 Mar 2026`
    pub(super) fn day(&self, at: NaiveDateTime) -> String {
        self.day.format(&input(at)).to_string()
    }

    /// `1 Mar 2026, 10:12`
    pub(super) fn day_minute(&self, at: NaiveDateTime) -> String {
        self.day_minute.format(&input(at)).to_string()
    }

    /// `Sunday, 1 March 2026`
    pub(super) fn weekday(&self, at: NaiveDateTime) -> String {
        self.weekday.format(&input(at)).to_string()
    }
}

/// A moment as the data's own types have it. A year that they do not reach is none that anybody was in a room.
fn input(at: NaiveDateTime) -> DateTime<Gregorian> {
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let date = Date::try_new_gregorian(at.year(), small(at.month()), small(at.day()));
    let time = Time::try_new(small(at.hour()), small(at.minute()), small(at.second()), 0);
    DateTime {
        date: date.unwrap_or_else(|_| Date::from_rata_die(icu_calendar::types::RataDie::new(1), Gregorian)),
        time: time.unwrap_or(Time::start_of_day()),
    }
}

/// The numbers within messages.
struct Numbers(DecimalFormatter);

impl Memoizable for Numbers {
    type Args = ();
    type Error = icu_provider::DataError;

    fn construct(language: LanguageIdentifier, (): ()) -> Result<Self, Self::Error> {
        let locale: Locale = language.to_string().parse().unwrap_or(Locale::UNKNOWN);
        DecimalFormatter::try_new((&locale).into(), DecimalFormatterOptions::default()).map(Self)
    }
}

/// Writes a number that a message was told; what is none is for Fluent itself.
pub(super) fn within_message(value: &FluentValue<'_>, language: &IntlLangMemoizer) -> Option<String> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    let number: Decimal = number.value.to_string().parse().ok()?;
    let written = language.with_try_get::<Numbers, _, _>((), |numbers| numbers.0.format(&number).to_string());
    written.ok()
}
