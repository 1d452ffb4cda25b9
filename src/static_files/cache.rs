//! How long a browser may keep a file: one that a build gives a new name with each change for ever, any other until it has
//! asked whether it is still the same (by the `ETag` that the files are served with), so that a rebuilt page is seen.

use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Where builds put files that carry a hash in their names.
const ASSETS: &str = "assets";

/// The fewest characters of such a hash: Vite's have eight.
const HASH_CHARS: usize = 8;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");

/// Marks an answer that is the single page, and not the file of that name.
#[derive(Clone, Copy)]
pub(super) struct PageInstead;

pub(super) async fn validate(request: Request, next: Next) -> Response {
    let for_ever = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let is_file = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let is_page = response.extensions().get::<PageInstead>().is_some();
    let kept = if for_ever && is_file && !is_page {
        FOR_EVER
    } else {
        ASK_FIRST
    };
    response.headers_mut().insert(CACHE_CONTROL, kept);
    response
}

/// Whether a path names a file under `assets/` with a hash in its name: a word of eight characters or more, with digits and
/// letters of both cases, so that `index-DdBMqLR4.js` is one and `holiday-20260701.jpg` is not.
fn is_hashed(path: &str) -> bool {
    let Some((directory, name)) = path.rsplit_once('/') else {
        return false;
    };
    // What comes first is what people call it.
    let mut words = name.split(['.', '-']).skip(1);
    directory.split('/').any(|part| part == ASSETS) && words.any(is_hash)
}

fn is_hash(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|letter| kind(&letter));
    word.len() >= HASH_CHARS
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && has(char::is_ascii_digit)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_hash_is_kept_for_ever() {
        for (path, expected) in [
            ("/assets/index-DdBMqLR4.js", true),
            ("/assets/index-DdBMqLR4.css", true),
            ("/lesson/assets/font.Ab12Cd34Ef.woff2", true),
            ("/assets/index.js", false),
            ("/assets/index-abcdefgh.js", false),
            ("/assets/holiday-20260701.jpg", false),
            ("/assets/Camera12.jpg", false),
            ("/index-DdBMqLR4.js", false),
            ("/assets-DdBMqLR4/index.js", false),
            ("/assets/", false),
        ] {
            assert_eq!(is_hashed(path), expected, "{path}");
        }
    }
}
