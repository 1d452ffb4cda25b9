//! Addresses of pages, with names percent-encoded.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A page with those parameters that are not empty.
pub(super) fn page(path: &str, params: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let mut mark = '?';
    for (name, value) in params.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = write!(address, "{mark}{name}={}", encoded(value));
        mark = '&';
    }
    address
}

/// The page of a person, or their sessions where they can have none.
pub(super) fn person(username: &str) -> String {
    if has_page(username) {
        format!("/review/people/{}", encoded(username))
    } else {
        page("/review", &[("person", username)])
    }
}

/// Browsers take two names for steps in a path, however they are written.
pub(super) fn has_page(username: &str) -> bool {
    !matches!(username, "." | "..")
}

/// A name for a part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(person("a/b?c#d e"), "/review/people/a%2Fb%3Fc%23d%20e");
        assert_eq!(person("李"), "/review/people/%E6%9D%8E");
        assert_eq!(person(".."), "/review?person=..");
        assert_eq!(
            page("/review", &[("a", ""), ("b", "x&y"), ("c", "1")]),
            "/review?b=x%26y&c=1"
        );
    }
}
