//! What of a text is seen, and what it is whatever its case.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::confusable_detection::skeleton;

/// Whether a character shows something by itself.
pub fn is_seen(c: char) -> bool {
    let group = c.general_category_group();
    let is_drawn_alone = !matches!(group, GeneralCategoryGroup::Mark | GeneralCategoryGroup::Separator);
    is_drawn_alone && c.general_category() != GeneralCategory::Control && !is_blank(c) && !is_ignorable(c)
}

/// Whether Unicode counts it as a symbol, though it shows nothing: the empty braille pattern, the musical null notehead,
/// the place of an object.
pub fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{1D159}' | '\u{FFFC}')
}

/// Unicode's `Default_Ignorable_Code_Point`, and what else only tells programs how to show the rest.
pub fn is_ignorable(c: char) -> bool {
    !c.is_ascii()
        && (skeleton(c.encode_utf8(&mut [0; 4])).next().is_none() || c.general_category() == GeneralCategory::Format)
}

/// Case folding. By way of the capitals, as that makes one of the small letters that share one (ß and ss, ς and σ).
pub fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}
