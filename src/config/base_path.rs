//! The path below which everything is.

/// A path such as `/signal`, without a slash at its end; empty if everything is at the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasePath(String);

impl BasePath {
    /// Reads a path.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let path = raw.strip_suffix('/').unwrap_or(raw);
        let is_segment = |segment: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
            !matches!(segment, "" | "." | "..") && segment.chars().all(is_plain)
        };
        let is_path = |path: &str| {
            path.strip_prefix('/')
                .is_some_and(|path| path.split('/').all(is_segment))
        };
        if path.is_empty() || is_path(path) {
            return Ok(Self(path.to_owned()));
        }
        Err("must be a path such as /signal, of letters, digits, - . _ ~ and /".to_owned())
    }

    /// What goes before a path of the server's own.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether everything is at the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_a_plain_path() {
        for (raw, path) in [
            ("", ""),
            ("/", ""),
            ("/signal", "/signal"),
            ("/signal/", "/signal"),
            ("/a/b-1", "/a/b-1"),
        ] {
            assert_eq!(BasePath::parse(raw).unwrap().as_str(), path, "{raw}");
        }
        for wrong in [
            "signal",
            "//",
            "/a//b",
            "/..",
            "/a/./b",
            "/a b",
            "/ä",
            "/a?b",
            "/\"",
            "http://a.example/b",
        ] {
            assert!(BasePath::parse(wrong).is_err(), "{wrong}");
        }
    }
}
