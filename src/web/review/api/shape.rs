//! What a value looks like, as an outline of the JSON it is.

use serde_json::Value;

/// The outline of what a schema of the document allows.
pub(super) fn of(document: &Value, schema: &Value) -> String {
    Outline { document }.of(schema, 0)
}

struct Outline<'a> {
    document: &'a Value,
}

impl<'a> Outline<'a> {
    fn of(&self, schema: &Value, depth: usize) -> String {
        let schema = self.resolved(schema);
        if let Some(ways) = schema["oneOf"].as_array() {
            let ways: Vec<_> = ways.iter().map(|way| self.of(way, depth)).collect();
            return ways.join(" or ");
        }
        let mut fields = Vec::new();
        self.fields(schema, &mut fields);
        if !fields.is_empty() {
            return self.object(&fields, depth);
        }
        if schema["type"] == "array" {
            return format!("[{}, …]", self.of(&schema["items"], depth));
        }
        plain(schema)
    }

    fn object(&self, fields: &[(&str, &Value)], depth: usize) -> String {
        let inner = "  ".repeat(depth + 1);
        let line = |(name, schema): &(&str, &Value)| format!("{inner}{name}: {}", self.of(schema, depth + 1));
        let lines: Vec<_> = fields.iter().map(line).collect();
        format!("{{\n{}\n{}}}", lines.join("\n"), "  ".repeat(depth))
    }

    /// Its own, and those of all that it is put together from.
    fn fields<'b>(&'b self, schema: &'b Value, fields: &mut Vec<(&'b str, &'b Value)>) {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.fields(self.resolved(part), fields);
        }
        let own = schema["properties"].as_object().into_iter().flatten();
        fields.extend(own.map(|(name, schema)| (name.as_str(), schema)));
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let pointer = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.document.pointer(pointer))
            .unwrap_or(schema)
    }
}

fn plain(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| word.to_string().replace('"', "")).collect();
        return words.join(" | ");
    }
    if let Some(format @ ("uuid" | "date-time")) = schema["format"].as_str() {
        return if format == "uuid" { "UUID" } else { "time" }.to_owned();
    }
    let range = match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(from), Some(to)) => format!(" from {from} to {to}"),
        (Some(from), None) => format!(" from {from}"),
        _ => String::new(),
    };
    let length = schema["maxLength"].as_u64();
    let length = length.map_or_else(String::new, |most| format!(", 1 to {most} characters"));
    format!("{}{range}{length}", kinds(&schema["type"]))
}

fn kinds(kinds: &Value) -> String {
    let word = |kind: &Value| match kind.as_str() {
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true | false".to_owned(),
        other => other.unwrap_or("anything").to_owned(),
    };
    match kinds.as_array() {
        Some(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
        None => word(kinds),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn an_outline_shows_all_fields_and_what_may_be_in_them() {
        let document = json!({"schemas": {
            "Id": {"type": "string", "format": "uuid"},
            "Page": {"type": "object", "properties": {"next": {"type": ["string", "null"]}}},
        }});
        let schema = json!({"allOf": [
            {"$ref": "#/schemas/Page"},
            {"type": "object", "properties": {
                "all": {"type": "array", "items": {"type": "object", "properties": {"id": {"$ref": "#/schemas/Id"}}}},
                "at": {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
                "kind": {"type": "string", "enum": ["joined", "left"]},
                "share": {"type": "number", "minimum": 0, "maximum": 100},
            }},
        ]});
        let outline = "{\n  next: text or null\n  all: [{\n    id: UUID\n  }, …]\n  at: time or null\n  \
            kind: joined | left\n  share: number from 0 to 100\n}";
        assert_eq!(of(&document, &schema), outline);
    }
}
