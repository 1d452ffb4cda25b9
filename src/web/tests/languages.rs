//! The pages in the reader's language.

use axum::body::Body;
use axum::http::Request;

use super::{Story, TOKEN, TestResponse, request};
use crate::model::language::Language;

/// What is no word of a language: names of settings, formats and protocols, and what is shown as it is written.
const NO_WORDS: [&str; 35] = [
    "DELETE",
    "GET",
    "POST",
    "Ann",
    "Bo",
    "Cy",
    "Xu",
    "API",
    "Authorization",
    "Bearer",
    "Chemie",
    "JSON",
    "OpenAPI",
    "REST",
    "TURN",
    "UTC",
    "UTF",
    "UUID",
    "cookie",
    "id",
    "json",
    "lang",
    "openapi",
    // What programs compare, as the API's page tells of it.
    "After",
    "RFC",
    "Retry",
    "busy",
    "code",
    "limit",
    "linkOver",
    "nextCursor",
    "null",
    "problem",
    "notReady",
    "tooManyQuestions",
];

async fn asked(story: &Story, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut asked = request("GET", path).header("authorization", format!("Bearer {TOKEN}"));
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    story.send(asked.body(Body::empty()).unwrap()).await
}

async fn in_chinese(story: &Story, path: &str) -> TestResponse {
    asked(story, path, &[("accept-language", "zh-CN,zh;q=0.9")]).await
}

/// The words in Latin letters that a page shows or says, but for names, code, and what it says to be in English.
fn latin_words(page: &str) -> Vec<String> {
    let mut shown = String::new();
    let mut rest = page;
    while let Some((text, behind)) = rest.split_once('<') {
        shown.push_str(text);
        let (tag, behind) = behind.split_once('>').unwrap();
        for said in [
            "aria-label=\"",
            "title=\"",
            " data-left=\"",
            " data-gone=\"",
            " data-lost=\"",
            " data-then=\"",
        ] {
            if let Some((_, value)) = tag.split_once(said) {
                shown.push(' ');
                shown.push_str(value.split('"').next().unwrap());
            }
        }
        let name = tag.split(' ').next().unwrap();
        let is_foreign = ["bdi", "code", "pre"].contains(&name) || name != "html" && tag.contains(" lang=\"en");
        rest = if is_foreign {
            after_element(name, behind)
        } else {
            behind
        };
        shown.push(' ');
    }
    // Names in sentences, escapes, and the arguments of what only the script says.
    for (from, to) in [('\u{2068}', '\u{2069}'), ('&', ';'), ('{', '}')] {
        while let Some((before, inside)) = shown.split_once(from) {
            let (_, behind) = inside.split_once(to).unwrap();
            shown = format!("{before} {behind}");
        }
    }
    let shown = shown.split_whitespace().filter(|text| !text.starts_with('/'));
    let shown = shown.collect::<Vec<_>>().join(" ");
    let words = shown.split(|c: char| !c.is_ascii_alphabetic());
    let words = words.filter(|word| word.len() > 1 && !NO_WORDS.contains(word));
    words.map(str::to_owned).collect()
}

/// What comes after an element whose beginning was read.
fn after_element<'a>(name: &str, mut rest: &'a str) -> &'a str {
    let mut depth = 1;
    while depth > 0 {
        let (tag, behind) = rest.split_once('<').unwrap().1.split_once('>').unwrap();
        if tag.split(' ').next() == Some(name) {
            depth += 1;
        } else if tag.strip_prefix('/') == Some(name) {
            depth -= 1;
        }
        rest = behind;
    }
    rest
}

#[tokio::test]
async fn no_page_in_chinese_has_an_english_word() {
    let story = Story::new().await;
    let (first, second) = (story.first, story.second);
    for path in [
        "/review",
        "/review?person=Bo",
        "/review?name=nobody",
        "/review?name=nobody&from=2026-01-01&to=2026-12-31",
        "/review/rooms",
        "/review/people",
        "/review/invite",
        "/review/people?name=a",
        "/review/people?name=zzz",
        "/review/people/Bo",
        "/review/people/Cy",
        "/review/people/Xu?from=2026-03-01",
        "/review/api",
        "/review/project",
        "/review/project?address=x",
        &format!("/review/sessions/{first}"),
        &format!("/review/sessions/{first}?log=wrong&sort=-present"),
        &format!("/review/sessions/{first}?log=presence"),
        &format!("/review/sessions/{second}"),
        &format!("/review/sessions/{second}/timeline?tz=Asia/Shanghai"),
        // Refused.
        "/review/nothing",
        "/review?person=a&person=b",
        "/review?from=yesterday",
        "/review?colour=red",
        "/review?room=%ff",
        "/review/sessions/1",
        "/review/sessions/00000000-0000-0000-0000-000000000000",
        &format!("/review/sessions/{first}?people=0"),
    ] {
        let answer = in_chinese(&story, path).await;
        let found = latin_words(&answer.text);
        let of_query = [
            "from", "person", "room", "people", "name", "to", "older", "newer", "after", "address", "Shanghai", "Asia",
            "http", "db",
        ];
        let found: Vec<_> = found.iter().filter(|word| !of_query.contains(&word.as_str())).collect();
        assert!(found.is_empty(), "{path}: {found:?}");
        assert!(
            !answer.text.contains(['，', '。']) || answer.header("content-language") == Some("zh-CN"),
            "{path}"
        );
        assert!(
            !latin_words(&asked(&story, path, &[]).await.text).is_empty(),
            "{path} has some in English"
        );
    }
    let locked = request("GET", "/review?token=wrong").header("accept-language", "zh");
    let locked = story.send(locked.body(Body::empty()).unwrap()).await;
    assert_eq!(latin_words(&locked.text), [""; 0], "{}", locked.text);
}

#[tokio::test]
async fn a_class_is_told_as_the_language_has_it() {
    let story = Story::new().await;
    let page = in_chinese(&story, &format!("/review/sessions/{}", story.first)).await;
    let text = page.text.replace(['\u{2068}', '\u{2069}'], "");
    for told in [
        "<html lang=\"zh-CN\">",
        "<title>Chemie 101，2026年3月1日 · 课堂回顾</title>",
        "3 人，1 小时。Cy 没有再回来；Cy 未能与任何人连通。",
        "Cy 掉线：网络没有响应。",
    ] {
        assert!(text.contains(told), "{told}\n{text}");
    }
}

#[tokio::test]
async fn a_reader_is_spoken_to_in_the_language_they_chose_or_else_like_best() {
    let story = Story::new().await;
    for (headers, expected) in [
        (&[][..], Language::EnGb),
        (&[("accept-language", "fr-FR,zh;q=0.5")], Language::ZhCn),
        (&[("accept-language", "de")], Language::EnGb),
        (&[("cookie", "chatroom_language=zh-CN")], Language::ZhCn),
        (
            &[("cookie", "a=b; chatroom_language=en-GB"), ("accept-language", "zh")],
            Language::EnGb,
        ),
        // What no choice of ours has made is none.
        (
            &[("cookie", "chatroom_language=\"><b>"), ("accept-language", "zh")],
            Language::ZhCn,
        ),
        (
            &[("cookie", "chatroom_language="), ("accept-language", "zh")],
            Language::ZhCn,
        ),
    ] {
        let page = asked(&story, "/review", headers).await;
        assert_eq!(page.header("content-language"), Some(expected.tag()), "{headers:?}");
        assert_eq!(page.header("vary"), Some("accept-language, cookie"), "{headers:?}");
        assert!(
            page.text.contains(&format!("<html lang=\"{}\">", expected.tag())),
            "{headers:?}"
        );
    }
}

/// Chooses a language, without being signed in: the locked page has the choice, too.
fn choice(body: &str) -> Request<Body> {
    let form =
        request("POST", "/review/language").header("referer", "http://localhost:3000/review/rooms?after=a&token=x");
    form.header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn a_choice_is_kept_and_leads_back() {
    let mut story = Story::new().await;
    let answer = story.send(choice("lang=zh-CN")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, Some("/review/rooms?after=a"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert_eq!(
        cookie,
        "chatroom_language=zh-CN; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    );
    let kept = answer.cookie();
    let page = asked(&story, "/review/rooms", &[("cookie", kept), ("accept-language", "en")]).await;
    assert_eq!(page.header("content-language"), Some("zh-CN"));

    for (body, refusal) in [
        ("lang=tlh", "lang must be one of en-GB, zh-CN."),
        ("", "lang is missing."),
        (
            "lang=zh-CN&to=https://evil.example",
            "There is no parameter of this name here. Known are: lang.",
        ),
    ] {
        let answer = story.send(choice(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("set-cookie")),
            (400, None),
            "{body}"
        );
        assert!(answer.text.contains(refusal), "{body}: {}", answer.text);
    }
    let answer = story.send(choice(&"lang=".repeat(100))).await;
    assert_eq!(answer.status, 413);

    story.settings.base_path = crate::config::BasePath::parse("/signal").unwrap();
    let answer = story.send(choice("lang=zh-CN")).await;
    assert_eq!(
        answer.header("location"),
        Some("/review"),
        "the page was not below the path"
    );
    assert!(answer.header("set-cookie").unwrap().contains("; Path=/signal/;"));
}

#[tokio::test]
async fn what_people_take_along_is_in_their_language_and_what_programs_read_is_not() {
    let story = Story::new().await;
    let of = |path: &str| format!("/api/v1/sessions/{}/{path}", story.first);
    let table = in_chinese(&story, &of("attendance.csv?tz=Asia/Shanghai")).await;
    let head = "\u{feff}房间,日期,用户名,进入（Asia/Shanghai）,离开（Asia/Shanghai）,分钟,在线（%）\r\n";
    assert!(table.text.starts_with(head), "{}", table.text);
    assert_eq!(table.header("content-language"), Some("zh-CN"));
    let picture = in_chinese(&story, &of("timeline.svg")).await;
    let drawn = latin_words(picture.text.split("</style>").nth(1).unwrap());
    assert_eq!(drawn, [""; 0]);

    for path in ["attendance.csv?format=data", "events.csv", "links", "events", ""] {
        let path = of(path);
        let path = path.trim_end_matches('/');
        let [chinese, english] = [in_chinese(&story, path).await, asked(&story, path, &[]).await];
        assert_eq!(chinese.status, 200, "{path}");
        assert_eq!(chinese.text, english.text, "{path}");
    }
}

#[tokio::test]
async fn the_page_about_the_api_is_in_the_readers_language_and_its_document_in_english() {
    let story = Story::new().await;
    let page = in_chinese(&story, "/review/api").await;
    for told in [
        "<p>谁在何时进过哪个房间",
        "<h2 class=\"chapter\">房间</h2>",
        "401: <span lang=\"zh-CN\">缺少回顾令牌",
        "413: <span lang=\"zh-CN\">请求体太大",
        "204: <span lang=\"en\">It is closed",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let document = in_chinese(&story, "/api/v1/openapi.json").await;
    assert!(document.text.contains("\"description\":\"Rooms\"") && document.text.is_ascii());
    assert!(!document.text.contains("x-language"));
}
