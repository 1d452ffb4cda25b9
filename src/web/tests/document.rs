//! The API's document against the routes there are.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::Value;

use super::{Story, TOKEN, request};
use crate::config::IceServers;

async fn document(story: &Story) -> Value {
    story.json("/api/v1/openapi.json").await
}

#[tokio::test]
async fn every_path_answers_as_is_documented() {
    let story = Story::new().await;
    let document = document(&story).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 19, "{:?}", paths.keys());

    for (path, operations) in paths {
        let concrete = path
            .replace("{id}", &story.first.to_string())
            .replace("{room}", "Chemie%20101");
        for method in ["get", "post", "put", "patch", "delete"] {
            let asked = request(&method.to_uppercase(), &concrete)
                .header("authorization", format!("Bearer {TOKEN}"))
                .body(Body::empty());
            let status = story.send(asked.unwrap()).await.status.as_u16();
            let listed = &operations[method]["responses"];
            if listed.is_null() {
                assert_eq!(status, 405, "{method} {path} is not documented");
            } else {
                assert!(!listed[status.to_string()].is_null(), "{method} {path} gave {status}");
            }
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document(&Story::new().await).await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let document = document(&Story::new().await).await;
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let names: Vec<_> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn what_is_answered_is_what_is_documented() {
    let mut story = Story::new().await;
    story.settings.ice_servers = IceServers::parse("stun:a.example").unwrap();
    let document = document(&story).await;
    for (path, query) in [
        ("/api/v1/rooms", "?status=all"),
        ("/api/v1/rooms/{room}", ""),
        ("/api/v1/rooms/{room}/participants", ""),
        ("/api/v1/sessions", ""),
        ("/api/v1/sessions/{id}", ""),
        ("/api/v1/sessions/{id}/participants", ""),
        ("/api/v1/sessions/{id}/events", ""),
        ("/api/v1/sessions/{id}/links", ""),
        ("/readyz", ""),
        ("/checkUsername", "?username=a&roomname=b"),
    ] {
        let asked = path
            .replace("{id}", &story.first.to_string())
            .replace("{room}", "Chemie%20101");
        let answer = story.json(&format!("{asked}{query}")).await;
        let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = serde_json::json!({ "$ref": schema["$ref"], "components": document["components"] });
        let checker = jsonschema::options().build(&schema).unwrap();
        let errors: Vec<String> = checker.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?} in {answer}");
    }
}
