//! What is at `/` as long as nobody has put a page there.

use std::path::PathBuf;

use askama::Template;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::http::language::Reader;
use crate::words::{Html as Markup, SECOND_SLOT, SLOT, Words, message as m};

/// What the page is called that a directory lacks.
const INDEX: &str = "index.html";

/// Where this server is, for who comes to it first.
#[derive(Debug, Clone)]
pub struct Welcome {
    /// What goes before the addresses of what is here; empty or with a slash before it.
    pub base: String,
    /// Whether `/review` is on the same port.
    pub has_review: bool,
    /// The directory for a page, in which there is none.
    pub static_dir: Option<PathBuf>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    words: &'static Words,
    version: &'a str,
    here: &'a Welcome,
}

/// Says at `/` what this server is and what to do next, in the reader's language.
pub fn welcome_page(here: Welcome) -> Router {
    Router::new().route("/", get(async move |reader: Reader| page(&reader, &here)))
}

fn page(reader: &Reader, here: &Welcome) -> Response {
    let page = WelcomePage {
        words: reader.0,
        version: env!("CARGO_PKG_VERSION"),
        here,
    };
    let Ok(text) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        ),
    ];
    let mut response = (headers, Html(text)).into_response();
    reader.mark(&mut response);
    response
}

impl WelcomePage<'_> {
    /// That the directory for a page has none.
    fn no_page_in_directory(&self) -> Option<Markup> {
        let directory = Markup::code(&self.here.static_dir.as_ref()?.display().to_string());
        let sentence = m::WelcomeNoIndex {
            directory: SLOT,
            index: SECOND_SLOT,
        };
        Some(self.words.around_two(sentence, [directory, Markup::code(INDEX)]))
    }

    /// What there is to begin with.
    fn example(&self) -> Markup {
        let folder = Markup::code("examples/video-room");
        self.words.around(m::WelcomeExample { folder: SLOT }, &folder)
    }

    /// How a page does that is not served here.
    fn elsewhere(&self) -> Markup {
        let function = Markup::code("io");
        self.words.around(m::WelcomeFromElsewhere { function: SLOT }, &function)
    }

    /// The way to the review.
    fn review(&self) -> Markup {
        if !self.here.has_review {
            return Markup::text(&self.words.say(m::WelcomeReviewElsewhere));
        }
        let address = format!("{}/review", self.here.base);
        let link = Markup::link(&address, &self.words.say(m::WelcomeOpenReview));
        self.words.around(m::WelcomeReview { link: SLOT }, &link)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE};
    use tower::ServiceExt;

    use super::*;

    async fn read(here: &Welcome, language: &str) -> (String, String) {
        let asked = Request::get("/").header(ACCEPT_LANGUAGE, language).body(Body::empty());
        let answer = welcome_page(here.clone()).oneshot(asked.unwrap()).await.unwrap();
        let told = answer.headers()[CONTENT_LANGUAGE].to_str().unwrap().to_owned();
        let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (told, String::from_utf8(text.into()).unwrap())
    }

    #[tokio::test]
    async fn a_newcomer_reads_in_their_language_what_to_do() {
        let here = Welcome {
            base: "/signal".to_owned(),
            has_review: true,
            static_dir: Some(PathBuf::from("/srv/<page>")),
        };
        for (language, tag, told) in [
            (
                "en-US,en",
                "en-GB",
                ["There is no page here yet.", "Open the review</a>"],
            ),
            ("zh-CN,zh;q=0.9", "zh-CN", ["这里还没有网页", "打开课堂回顾</a>"]),
        ] {
            let (answered, page) = read(&here, language).await;
            assert_eq!(answered, tag);
            assert!(page.contains(&format!("<html lang=\"{tag}\">")), "{page}");
            for part in told.into_iter().chain([
                "<code>examples/video-room</code>",
                "<code>/srv/&#60;page&#62;</code>",
                "<code>index.html</code>",
                "href=\"/signal/review\"",
                "/signal/socket.io/socket.io.js",
            ]) {
                assert!(page.contains(part), "{part}: {page}");
            }
        }
        let apart = Welcome {
            base: String::new(),
            has_review: false,
            static_dir: None,
        };
        let (_, page) = read(&apart, "zh").await;
        assert!(
            !page.contains("href=") && !page.contains("index.html") && page.contains("io()"),
            "{page}"
        );
    }
}
