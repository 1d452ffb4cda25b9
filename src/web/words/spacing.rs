//! Spaces between scripts, which some languages have and names do not bring along.

use crate::model::language::Language;

/// Where an isolated name begins and ends, see `Words::isolated`.
const BEGIN: char = '\u{2068}';
const END: char = '\u{2069}';

/// What is said, with the spaces around isolated names that the language has: Chinese has one between its own characters and the
/// letters or digits of others. No message can have it, as it goes by the name.
pub(super) fn around_names(language: Language, said: String) -> String {
    match language {
        Language::English => said,
        Language::Chinese if said.contains(BEGIN) => between_chinese_and_letters(&said),
        Language::Chinese => said,
    }
}

fn between_chinese_and_letters(said: &str) -> String {
    let mut spaced = String::with_capacity(said.len() + 8);
    let mut last = ' ';
    let mut chars = said.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match c {
            BEGIN => {
                if is_chinese(last) && is_foreign(next) {
                    spaced.push(' ');
                }
                spaced.push(BEGIN);
            }
            END => {
                spaced.push(END);
                if is_foreign(last) && is_chinese(next) {
                    spaced.push(' ');
                }
            }
            _ => {
                spaced.push(c);
                last = c;
            }
        }
    }
    spaced
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A letter or a digit of a script that is set apart from Chinese.
fn is_foreign(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{1100}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_spaces_that_the_language_has() {
        for (said, expected) in [
            ("\u{2068}Chidi\u{2069}没有再回来", "\u{2068}Chidi\u{2069} 没有再回来"),
            ("\u{2068}叶子\u{2069}没有再回来", "\u{2068}叶子\u{2069}没有再回来"),
            (
                "\u{2068}Bo\u{2069}和\u{2068}叶子2\u{2069}离线",
                "\u{2068}Bo\u{2069} 和\u{2068}叶子2\u{2069} 离线",
            ),
            (
                "向\u{2068}Léa\u{2069}、\u{2068}Bo\u{2069}。",
                "向 \u{2068}Léa\u{2069}、\u{2068}Bo\u{2069}。",
            ),
            ("与 \u{2068}Bo\u{2069} 连通", "与 \u{2068}Bo\u{2069} 连通"),
            ("与\u{2068}😀\u{2069}连通", "与\u{2068}😀\u{2069}连通"),
        ] {
            assert_eq!(around_names(Language::Chinese, said.to_owned()), expected);
            assert_eq!(around_names(Language::English, said.to_owned()), said);
        }
    }
}
