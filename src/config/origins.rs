//! The pages that may connect, by their origin.

use axum::http::{HeaderValue, Uri};

use super::value::items;

/// What stands for any subdomain.
const ANY_LABELS: &str = "*.";

/// The origins whose pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every page may.
    Any,
    /// Pages of these may.
    Only(Vec<AllowedOrigin>),
}

/// One origin, or those of all subdomains of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// With what follows it, `://`.
    scheme: String,
    /// The host, and the port where it is not the scheme's own; for subdomains, with the dot before it.
    end: String,
    has_subdomains: bool,
}

impl Origins {
    /// Reads `*`, or origins separated by commas.
    ///
    /// # Errors
    /// What they must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if raw.trim() == "*" {
            return Ok(Self::Any);
        }
        let origins = items(raw).map(AllowedOrigin::parse).collect::<Option<_>>();
        origins.map(Self::Only).ok_or_else(|| {
            "must be * or a list of origins such as https://class.example, http://localhost:5173 or https://*.example"
                .to_owned()
        })
    }

    /// Whether pages of this origin may connect, as browsers send it.
    pub fn allow(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Only(allowed) => origin
                .to_str()
                .is_ok_and(|origin| allowed.iter().any(|allowed| allowed.is(origin))),
        }
    }
}

impl AllowedOrigin {
    /// As a browser sends it: lower case, without a path, and without the scheme's own port.
    fn parse(raw: &str) -> Option<Self> {
        let uri: Uri = raw.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        let usual_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().to_ascii_lowercase();
        let (host, has_subdomains) = match host.strip_prefix(ANY_LABELS) {
            Some(name) if is_labels(name) => (format!(".{name}"), true),
            None if !host.is_empty() && !host.contains('*') => (host, false),
            Some(_) | None => return None,
        };
        let port = match uri.port_u16() {
            Some(port) if port != usual_port => format!(":{port}"),
            _ => String::new(),
        };
        Some(Self {
            scheme: format!("{scheme}://"),
            end: format!("{host}{port}"),
            has_subdomains,
        })
    }

    fn is(&self, origin: &str) -> bool {
        let Some(host) = origin.strip_prefix(&self.scheme) else {
            return false;
        };
        if self.has_subdomains {
            host.strip_suffix(&self.end).is_some_and(is_labels)
        } else {
            host == self.end
        }
    }
}

/// Whether it is names with dots between them.
fn is_labels(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_allows_what_it_says() {
        for (allowed, origin, is_allowed) in [
            ("*", "https://any.example:81", true),
            ("*", "null", true),
            ("https://Class.example:443", "https://class.example", true),
            ("https://class.example", "https://class.example:8443", false),
            ("https://class.example", "http://class.example", false),
            ("https://class.example", "https://a.class.example", false),
            (
                "https://a.example, http://localhost:5173",
                "http://localhost:5173",
                true,
            ),
            ("http://[::1]:5173", "http://[::1]:5173", true),
            // Subdomains at any depth, and not the name itself.
            ("https://*.example", "https://class.example", true),
            ("https://*.example", "https://a.b-1.class.example", true),
            ("https://*.Example:443", "https://class.example", true),
            ("https://*.class.example:8443", "https://a.class.example:8443", true),
            ("https://*.example", "https://example", false),
            ("https://*.class.example", "https://class.example", false),
            ("https://*.class.example", "https://evilclass.example", false),
            ("https://*.class.example", "https://a.class.example.evil", false),
            // Scheme and port are exact.
            ("https://*.example", "http://class.example", false),
            ("https://*.example", "https://class.example:8443", false),
            ("https://*.example:8443", "https://class.example", false),
            // What is no name is no subdomain.
            ("https://*.example", "https://.example", false),
            ("https://*.example", "https://a..example", false),
            ("https://*.example", "https://evil:1@a.example", false),
            ("https://*.example", "https://evil/a.example", false),
            ("https://*.example", "https://*.example", false),
            ("https://*.example", "null", false),
        ] {
            let origins = Origins::parse(allowed).unwrap();
            let origin_header = HeaderValue::from_static(origin);
            assert_eq!(origins.allow(&origin_header), is_allowed, "{allowed} {origin}");
        }
    }

    #[test]
    fn a_pattern_that_could_mean_nothing_is_refused() {
        for wrong in [
            "class.example",
            "*.class.example",
            "https://",
            "https://*",
            "https://*.",
            "https://*.*.example",
            "https://a.*.example",
            "https://a*.example",
            "https://*a.example",
            "https://*.a..example",
            "https://*.[::1]",
            "https://*.example/page",
            "https://*.example?a",
            "https://a@*.example",
            "*://a.example",
            "ftp://*.example",
            "https://a.example, *",
        ] {
            assert!(Origins::parse(wrong).is_err(), "{wrong}");
        }
    }
}
