//! The variables of a `.env` file. They are read, not put into the process's environment: no other thread and no
//! child of the process sees them.

use std::io::ErrorKind;
use std::path::Path;

use super::{Refusal, Variables};

/// Reads a `.env` file; none is none.
pub(super) fn read(path: &Path) -> Result<Variables, Refusal> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| Refusal::Invalid(format!("{} is not UTF-8 text: save it as such.", path.display())))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Variables::new()),
        Err(error) => {
            return Err(Refusal::Invalid(format!("{} cannot be read: {error}.", path.display())));
        }
    };
    parse(&text).map_err(|line| {
        Refusal::Invalid(format!(
            "{}{line} is not of the form NAME=value; a value with spaces or a # needs quotes.",
            path.display()
        ))
    })
}

/// The variables that are not empty, or where the text is broken. The line itself is not told: it may hold a secret.
fn parse(text: &str) -> Result<Variables, String> {
    // Windows editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Variables::new();
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = entry.map_err(|error| line_of(&error, text))?;
        if !value.is_empty() {
            variables.insert(name, value.into());
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
    fn a_broken_line_is_named_by_its_number_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "PORT=4000\n\nREVIEW_TOKEN=a secret of many words\n").unwrap();
        let sentence = read(&path).unwrap_err().to_string();
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
        assert!(read(&path).unwrap_err().to_string().contains("not UTF-8"));
    }
}
