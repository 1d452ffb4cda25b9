//! The REST API for people to read, made from its own document.

mod shape;

use std::sync::LazyLock;

use askama::Template;
use serde_json::Value;

use super::{PageResult, html};
use crate::config::BasePath;
use crate::model::language::Language;
use crate::web::api::{LANGUAGE, document};
use crate::web::http::error::Error;
use crate::web::http::language::Reader;
use crate::web::http::query::{NoQuery, Query};
use crate::words::{Html, SLOT, Words, message as m};

/// What the document's own words are in.
const ENGLISH: &str = "en";

/// For each language, made of the binary alone.
static REFERENCES: LazyLock<[ApiReference; Language::ALL.len()]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let document = document(&BasePath::default(), Words::of(language));
        ApiReference::of(language, &serde_json::to_value(document).unwrap_or_default())
    })
});

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    words: &'static Words,
    reference: &'static ApiReference,
}

/// What the document says: what operations say of themselves in English, as it is for programs and who writes them, and
/// what is around it in the reader's language.
struct ApiReference {
    language: Language,
    introduction: String,
    /// Refusals that are the same everywhere.
    common: Vec<DocumentedAnswer>,
    chapters: Vec<Chapter>,
}

struct Chapter {
    title: String,
    operations: Vec<Operation>,
}

struct Operation {
    /// What links lead to it by.
    name: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    access: Access,
    params: Vec<Param>,
    body: Option<String>,
    answers: Vec<DocumentedAnswer>,
}

/// Who may ask.
#[derive(Clone, Copy)]
enum Access {
    Anybody,
    Client,
    AnybodyOrClient,
    Reviewers,
}

struct Param {
    name: String,
    place: String,
    is_required: bool,
    shape: String,
    description: String,
}

#[derive(Clone)]
struct DocumentedAnswer {
    status: String,
    description: String,
    /// The language of the description.
    lang: String,
    /// What is in it, where that is worth saying: problems are all alike.
    content: Option<AnswerContent>,
}

#[derive(Clone)]
struct AnswerContent {
    media_type: String,
    shape: String,
}

/// `GET /review/api`
pub(crate) async fn show(Reader(words): Reader, query: Result<Query<NoQuery>, Error>) -> PageResult {
    query?;
    let [first, ..] = &*REFERENCES;
    let own = REFERENCES
        .iter()
        .find(|one| Words::of(one.language).tag() == words.tag());
    let reference = own.unwrap_or(first);
    html(&ApiPage { words, reference })
}

impl ApiPage {
    /// Where programs find the same.
    fn for_programs(&self) -> Html {
        let link = Html::link("/api/v1/openapi.json", "openapi.json");
        self.words.around(m::ApiForPrograms { link: SLOT }, &link)
    }

    fn access(&self, operation: &Operation) -> String {
        match operation.access {
            Access::Anybody => self.words.say(m::ApiAnybody),
            Access::Client => self.words.say(m::ApiClient),
            Access::AnybodyOrClient => self.words.say(m::ApiAnybodyOrClient),
            Access::Reviewers => self.words.say(m::ApiReviewers),
        }
    }

    fn parameters_of(&self, operation: &Operation) -> String {
        let operation = &format!("{} {}", operation.method, operation.path);
        self.words.say(m::ApiParametersOf { operation })
    }

    fn place(&self, param: &Param) -> String {
        let place = match param.place.as_str() {
            "path" => self.words.say(m::ApiInPath),
            "query" => self.words.say(m::ApiInQuery),
            _ => self.words.say(m::ApiInHeader),
        };
        if param.is_required {
            self.words.say(m::ApiNeeded { place: &place })
        } else {
            place
        }
    }
}

impl ApiReference {
    fn of(language: Language, document: &Value) -> Self {
        let all = || {
            let paths = document["paths"].as_object().into_iter().flatten();
            paths.flat_map(|(path, item)| {
                let operations = item.as_object().into_iter().flatten();
                operations.map(move |(method, operation)| (path, method, operation))
            })
        };
        let chapter = |tag: &Value| Chapter {
            title: text(&tag["description"]),
            operations: all()
                .filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
                .map(|(path, method, operation)| Operation::of(document, path, method, operation))
                .collect(),
        };
        let mut chapters: Vec<Chapter> = list(&document["tags"]).map(chapter).collect();
        let common = take_common(&mut chapters);
        Self {
            language,
            introduction: text(&document["info"]["description"]),
            common,
            chapters,
        }
    }
}

/// Takes out the refusals that at least a quarter of all operations have in common: such as that there is no session of an id.
fn take_common(chapters: &mut [Chapter]) -> Vec<DocumentedAnswer> {
    let operations = || chapters.iter().flat_map(|chapter| &chapter.operations);
    let is_same = |one: &DocumentedAnswer, other: &DocumentedAnswer| {
        one.content.is_none() && (&one.status, &one.description) == (&other.status, &other.description)
    };
    let mut common: Vec<DocumentedAnswer> = Vec::new();
    for answer in operations().flat_map(|operation| &operation.answers) {
        let has = |operation: &&Operation| operation.answers.iter().any(|other| is_same(other, answer));
        let is_known = common.iter().any(|known| is_same(known, answer));
        if !is_known && answer.content.is_none() && operations().filter(has).count() * 4 >= operations().count() {
            common.push(answer.clone());
        }
    }
    common.sort_by(|one, other| one.status.cmp(&other.status));
    for operation in chapters.iter_mut().flat_map(|chapter| &mut chapter.operations) {
        let is_own = |answer: &DocumentedAnswer| !common.iter().any(|known| is_same(known, answer));
        operation.answers.retain(is_own);
    }
    common
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let answers = operation["responses"].as_object().into_iter().flatten();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        Self {
            name: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            access: access(&operation["security"]),
            params: list(&operation["parameters"])
                .map(|param| Param::of(document, param))
                .collect(),
            body: (!body.is_null()).then(|| shape::of(document, body)),
            answers: answers
                .map(|(status, answer)| DocumentedAnswer::of(document, status, answer))
                .collect(),
        }
    }
}

impl Param {
    fn of(document: &Value, param: &Value) -> Self {
        Self {
            name: text(&param["name"]),
            place: text(&param["in"]),
            is_required: param["required"] == true,
            shape: shape::of(document, &param["schema"]),
            description: text(&param["description"]),
        }
    }
}

impl DocumentedAnswer {
    fn of(document: &Value, status: &str, answer: &Value) -> Self {
        let content = answer["content"].as_object().into_iter().flatten().next();
        let content = content.filter(|(media_type, _)| *media_type != "application/problem+json");
        Self {
            status: status.to_owned(),
            description: text(&answer["description"]),
            lang: answer[LANGUAGE].as_str().unwrap_or(ENGLISH).to_owned(),
            content: content.map(|(media_type, content)| AnswerContent {
                media_type: media_type.clone(),
                shape: shape::of(document, &content["schema"]),
            }),
        }
    }
}

fn access(security: &Value) -> Access {
    match (&security[0]["reviewer"], &security[0]["client"], &security[1]) {
        (Value::Null, Value::Null, _) => Access::Anybody,
        (Value::Null, _, Value::Null) => Access::Client,
        (Value::Null, _, _) => Access::AnybodyOrClient,
        _ => Access::Reviewers,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
