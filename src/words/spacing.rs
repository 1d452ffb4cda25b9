//! Spaces between scripts, which some languages have and names do not bring along.

/// Where an isolated name begins and ends, see `Words::isolated`.
const BEGIN: char = '\u{2068}';
const END: char = '\u{2069}';

/// What is said, with a space between Chinese characters and the letters or digits of other scripts where an isolated name begins
/// or ends. No message can have it, as it goes by the name; nor does it go by the language, as other sentences have no Chinese
/// beside a name.
pub(super) fn around_names(said: String) -> String {
    if said.contains(BEGIN) {
        between_chinese_and_letters(&said)
    } else {
        said
    }
}

/// A list, with a space between a Chinese "and" and a last thing that begins with a figure. Names have theirs by `around_names`.
pub(super) fn before_last(mut list: String, all: &[String]) -> String {
    let last = all.last().map_or("", String::as_str);
    let before = list.strip_suffix(last).unwrap_or_default();
    if before.ends_with(is_chinese) && last.starts_with(|c: char| c.is_ascii_digit()) {
        list.insert(before.len(), ' ');
    }
    list
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
    fn the_last_of_a_list_has_the_space_that_a_figure_has_within_a_sentence() {
        for (list, all, expected) in [
            (
                "2 次加入和1 次 offer",
                &["2 次加入", "1 次 offer"][..],
                "2 次加入和 1 次 offer",
            ),
            ("甲、乙和丙", &["甲", "乙", "丙"], "甲、乙和丙"),
            (
                "two joins and 1 offer",
                &["two joins", "1 offer"],
                "two joins and 1 offer",
            ),
            ("1 次", &["1 次"], "1 次"),
            ("", &[], ""),
        ] {
            let all: Vec<String> = all.iter().copied().map(str::to_owned).collect();
            assert_eq!(before_last(list.to_owned(), &all), expected);
        }
    }

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
            (
                "\u{2068}叶子\u{2069} and \u{2068}Bo\u{2069}",
                "\u{2068}叶子\u{2069} and \u{2068}Bo\u{2069}",
            ),
        ] {
            assert_eq!(around_names(said.to_owned()), expected);
        }
    }
}
