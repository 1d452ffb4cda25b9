//! The variables of a `.env` file. They are read, not put into the process's environment: no other thread and no
//! child of the process sees them.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

/// Variables by name, none of them empty.
pub type Variables = HashMap<String, String>;

/// Stands for `$` while the file is parsed, as the library would put other variables in its place. No text uses it.
const DOLLAR: &str = "\u{e000}";

/// From here on two names are so alike that one of them must be a slip.
const ALIKE: f64 = 0.75;

/// Reads a `.env` file; none is none.
pub(super) fn read(path: &Path) -> Result<Variables, String> {
    let text = match std::fs::read(path) {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text: save it as such", path.display()))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Variables::new()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    parse(&text).map_err(|line| {
        format!(
            "{}{line} is not of the form NAME=value; a value with spaces or a # needs quotes, a $ needs no backslash",
            path.display()
        )
    })
}

/// What is wrong with the names in the file: those that are no setting's, each with the one that it may have been meant to be.
pub(super) fn misspelt(file: &Variables, settings: &[String]) -> Vec<String> {
    let mut names: Vec<_> = file.keys().filter(|name| !settings.contains(name)).collect();
    names.sort();
    let likeness = |a: &str, b: &str| strsim::normalized_damerau_levenshtein(&a.to_uppercase(), b);
    let nearest = |name: &str| {
        let mut alike: Vec<_> = settings.iter().filter(|known| likeness(name, known) >= ALIKE).collect();
        alike.sort_by(|a, b| likeness(name, b).total_cmp(&likeness(name, a)));
        alike.first().copied()
    };
    names
        .into_iter()
        .map(|name| match nearest(name) {
            Some(known) => format!(".env sets {name}, which is not a setting: did you mean {known}?"),
            None => format!(".env sets {name}, which is not a setting."),
        })
        .collect()
}

/// The variables that are not empty, or where the text is broken. The line itself is not told: it may hold a secret.
fn parse(text: &str) -> Result<Variables, String> {
    // Windows editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace('$', DOLLAR);
    let mut variables = Variables::new();
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = entry.map_err(|error| line_of(&error, &text))?;
        if !value.is_empty() {
            variables.insert(name, value.replace(DOLLAR, "$"));
        }
    }
    Ok(variables)
}

fn line_of(error: &dotenvy::Error, text: &str) -> String {
    let dotenvy::Error::LineParse(broken, _) = error else {
        return String::new();
    };
    // Only the part after the `=` may be given.
    let rest = broken.lines().next().unwrap_or_default().trim();
    match text.lines().position(|line| line.trim().ends_with(rest)) {
        Some(index) => format!(", line {},", index + 1),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_variables_without_the_empty_ones() {
        let variables =
            parse("\u{feff}# note\nPORT=4000\r\nHOST=\nexport LOG=\"warn,chatroom_server=debug\"\n").unwrap();
        assert_eq!(variables.len(), 2);
        assert_eq!(variables["PORT"], "4000");
        assert_eq!(variables["LOG"], "warn,chatroom_server=debug");
    }

    #[test]
    fn a_dollar_stands_for_itself() {
        let variables = parse("HOST=h\nTURN_SECRET=a$HOST${PORT}$$\nA=\"b $HOST\"\nB='c$HOST' # $5\n").unwrap();
        assert_eq!(variables["TURN_SECRET"], "a$HOST${PORT}$$");
        assert_eq!(variables["A"], "b $HOST");
        assert_eq!(variables["B"], "c$HOST");
        // What would have had to be written otherwise: silence would change a secret.
        assert!(parse("TURN_SECRET=a\\$b").is_err());
    }

    #[test]
    fn a_name_that_is_no_setting_is_told_with_the_one_that_is_almost_it() {
        let settings = ["HOST", "PORT", "REVIEW_TOKEN", "RESUME_GRACE"].map(str::to_owned);
        let file = parse("PORT=1\nREVIEW_TOKN=seekrit\nresume_grace=1s\nHOSTS=a\nVITE_API=b\nNODE_ENV=c\n").unwrap();
        let told = misspelt(&file, &settings).join("\n");
        let expected = [
            ("HOSTS", ": did you mean HOST?"),
            ("NODE_ENV", "."),
            ("REVIEW_TOKN", ": did you mean REVIEW_TOKEN?"),
            ("VITE_API", "."),
            ("resume_grace", ": did you mean RESUME_GRACE?"),
        ];
        let expected = expected.map(|(name, meant)| format!(".env sets {name}, which is not a setting{meant}"));
        assert_eq!(told, expected.join("\n"));
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "PORT=4000\n\nREVIEW_TOKEN=a secret of many words\n").unwrap();
        let sentence = read(&path).unwrap_err();
        assert!(
            sentence.contains(".env, line 3, is not of the form NAME=value"),
            "{sentence}"
        );
        assert!(!sentence.contains("secret"), "{sentence}");
    }

    #[test]
    fn no_file_is_no_variables_and_other_encodings_are_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join(".env")).unwrap().is_empty());
        let path = folder.path().join("utf16");
        std::fs::write(&path, b"\xff\xfeP\0O\0").unwrap();
        assert!(read(&path).unwrap_err().contains("not UTF-8"));
    }
}
