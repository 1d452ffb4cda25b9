//! The REST API for people to read, made from its own document.

mod shape;

use std::sync::LazyLock;

use askama::Template;
use serde_json::Value;

use super::{PageResult, html};
use crate::config::BasePath;
use crate::web::api::document;
use crate::web::http::error::Error;
use crate::web::http::query::{NoQuery, Query};

/// It is made of the binary alone.
static PAGE: LazyLock<ApiPage> =
    LazyLock::new(|| ApiPage::of(&serde_json::to_value(document(&BasePath::default())).unwrap_or_default()));

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
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
    access: &'static str,
    params: Vec<Param>,
    body: Option<String>,
    answers: Vec<DocumentedAnswer>,
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
    /// What is in it, where that is worth saying: problems are all alike.
    content: Option<AnswerContent>,
}

#[derive(Clone)]
struct AnswerContent {
    media_type: String,
    shape: String,
}

/// `GET /review/api`
pub(crate) async fn show(query: Result<Query<NoQuery>, Error>) -> PageResult {
    query?;
    html(&*PAGE)
}

impl ApiPage {
    fn of(document: &Value) -> Self {
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
            introduction: text(&document["info"]["description"]),
            common,
            chapters,
        }
    }
}

/// Takes out the refusals that at least half of all operations have in common.
fn take_common(chapters: &mut [Chapter]) -> Vec<DocumentedAnswer> {
    let operations = || chapters.iter().flat_map(|chapter| &chapter.operations);
    let is_same = |one: &DocumentedAnswer, other: &DocumentedAnswer| {
        one.content.is_none() && (&one.status, &one.description) == (&other.status, &other.description)
    };
    let mut common: Vec<DocumentedAnswer> = Vec::new();
    for answer in operations().flat_map(|operation| &operation.answers) {
        let has = |operation: &&Operation| operation.answers.iter().any(|other| is_same(other, answer));
        let is_known = common.iter().any(|known| is_same(known, answer));
        if !is_known && answer.content.is_none() && operations().filter(has).count() * 2 >= operations().count() {
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
            content: content.map(|(media_type, content)| AnswerContent {
                media_type: media_type.clone(),
                shape: shape::of(document, &content["schema"]),
            }),
        }
    }
}

fn access(security: &Value) -> &'static str {
    match (&security[0]["reviewer"], &security[0]["client"], &security[1]) {
        (Value::Null, Value::Null, _) => "Anybody may ask.",
        (Value::Null, _, Value::Null) => "A client shows its own id as bearer token.",
        (Value::Null, _, _) => "Anybody may ask; a client may show its own id as bearer token.",
        _ => "For reviewers.",
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
