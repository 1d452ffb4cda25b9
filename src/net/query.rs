//! Turns queries away that nobody needs, before anybody reads them: what reads a query may take time that grows with the
//! square of its parameters.

use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// The most parameters a query may have. Nothing here knows half as many.
const MOST_PARAMETERS: usize = 32;
/// The longest query, in bytes.
const MOST_BYTES: usize = 8 * 1024;

/// The answer to a request with a query that is too long, or of too many parameters. Its connection ends with it: who
/// asks so asks again.
pub(super) fn refuse(uri: &Uri) -> Option<Response> {
    let query = uri.query()?;
    if query.len() > MOST_BYTES {
        let detail = "The query is longer than 8 KiB.";
        return Some(problem(StatusCode::URI_TOO_LONG, "queryTooLong", detail));
    }
    let separators = query.bytes().filter(|byte| *byte == b'&').count();
    (separators >= MOST_PARAMETERS).then(|| {
        let detail = "The query has more than 32 parameters.";
        problem(StatusCode::BAD_REQUEST, "tooManyParameters", detail)
    })
}

/// In the form in which the API refuses.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let (title, number) = (status.canonical_reason().unwrap_or_default(), status.as_u16());
    let body =
        format!(r#"{{"type":"about:blank","title":"{title}","status":{number},"detail":"{detail}","code":"{code}"}}"#);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(query: &str) -> Option<StatusCode> {
        let uri = format!("/socket.io/?{query}").parse().unwrap();
        refuse(&uri).map(|response| response.status())
    }

    #[test]
    fn as_many_parameters_as_anybody_needs_and_no_more() {
        assert_eq!(status(&vec!["a=1"; 32].join("&")), None);
        assert_eq!(status(&vec!["a"; 33].join("&")), Some(StatusCode::BAD_REQUEST));
        assert_eq!(status(&"&".repeat(8000)), Some(StatusCode::BAD_REQUEST));
        assert_eq!(status(&"x".repeat(8192)), None);
        assert_eq!(status(&"x".repeat(8193)), Some(StatusCode::URI_TOO_LONG));
        assert!(refuse(&Uri::from_static("/")).is_none());
    }
}
