//! An example of each body, put together from the examples of its members.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

/// Schemas by name, as JSON.
pub struct Examples(BTreeMap<String, Value>);

impl Examples {
    /// Of these schemas.
    pub fn of(schemas: &BTreeMap<String, RefOr<Schema>>) -> Self {
        let json = |schema| serde_json::to_value(schema).expect("a schema is JSON");
        Self(schemas.iter().map(|(name, schema)| (name.clone(), json(schema))).collect())
    }

    /// An example of a schema.
    pub fn of_schema(&self, schema: &RefOr<Schema>) -> Value {
        self.of_json(&serde_json::to_value(schema).expect("a schema is JSON"))
    }

    fn of_json(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap_or_default();
            return self.0.get(name).map_or(Value::Null, |schema| self.of_json(schema));
        }
        if !schema["example"].is_null() {
            return schema["example"].clone();
        }
        if let Some(first) = schema["examples"].get(0).or_else(|| schema["enum"].get(0)) {
            return first.clone();
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        for choice in ["oneOf", "anyOf"] {
            let mut choices = schema[choice].as_array().into_iter().flatten();
            if let Some(one) = choices.find(|one| one["type"] != "null") {
                return self.of_json(one);
            }
        }
        let mut members = Map::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if let Value::Object(part) = self.of_json(part) {
                members.extend(part);
            }
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            members.insert(name.clone(), self.of_json(member));
        }
        if !members.is_empty() || schema["type"] == "object" {
            return Value::Object(members);
        }
        self.of_type(schema)
    }

    fn of_type(&self, schema: &Value) -> Value {
        let mut types = schema["type"]
            .as_str()
            .into_iter()
            .chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str));
        match types.find(|one| *one != "null") {
            Some("array") => json!([self.of_json(&schema["items"])]),
            Some("object") => json!({}),
            Some("boolean") => json!(false),
            Some("integer" | "number") => json!(0),
            Some("string") if schema["format"] == "uuid" => json!("01a2190e-1ccc-77b8-9a22-26ac81afc804"),
            Some("string") => json!("…"),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// A text that says nothing is no example.
    #[test]
    fn no_example_is_left_empty() {
        let document: Value = serde_json::from_str(super::super::text()).unwrap();
        let mut empty = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let bodies = operation["responses"].as_object().unwrap().values();
                for body in bodies.chain([&operation["requestBody"]]) {
                    let example = &body["content"]["application/json"]["example"];
                    if example.to_string().contains('…') {
                        empty.push(format!("{method} {path}: {example}"));
                    }
                }
            }
        }
        assert!(empty.is_empty(), "give the members an example: {empty:#?}");
    }
}
