//! The console's pages of the API: its document, for people to read.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::response::Response;
use flip_web::pages::{
    self as web, ApiAnswer, ApiForm, ApiGroup, ApiKind, ApiMember, ApiOperation, ApiRefusal, ApiShape,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{pages, shown};
use crate::hub::Hub;
use crate::people::api::document;
use crate::people::may::{May, Route};
use crate::people::parts::Parameters;
use crate::permissions::{Act, Cell, Column, Scope, acts, decide};
use crate::problem::ApiProblem;

/// The API's document as a value.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(document::whole()).expect("the document is JSON"));

/// Which part of it is looked at.
#[derive(Deserialize)]
pub(super) struct Part {
    /// The name of a group; all where it is empty.
    #[serde(default)]
    about: String,
}

pub(super) async fn show(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, ApiProblem> {
    let mut groups = groups(&DOCUMENT, crate::people::table().routes(), &hub.post.console);
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    let mut named = Vec::new();
    if !part.about.is_empty() {
        groups.retain(|group| group.name == part.about);
        if groups.is_empty() {
            return Err(ApiProblem::not_found());
        }
        named = named_by(&groups, shapes(&DOCUMENT));
    }
    Ok(shown(&web::ApiGuide {
        frame: pages::frame(Some(may.person())),
        address: hub.post.console.clone(),
        names,
        about: part.about,
        groups,
        shapes: named,
    }))
}

/// The shapes that operations name, and those that these are made of.
fn named_by(groups: &[ApiGroup], shapes: Vec<ApiShape>) -> Vec<ApiShape> {
    let operations = groups.iter().flat_map(|group| &group.operations);
    let kinds = operations
        .flat_map(|one| one.body.iter().chain(one.answers.iter().filter_map(|one| one.kind.as_ref())));
    let mut open: Vec<&str> = kinds.filter_map(|kind| kind.shape.as_deref()).collect();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = open.pop() {
        if named.insert(name) {
            let forms = shapes.iter().filter(|shape| shape.name == name).flat_map(|shape| &shape.forms);
            let kinds =
                forms.flat_map(|form| form.kind.iter().chain(form.members.iter().map(|member| &member.kind)));
            open.extend(kinds.filter_map(|kind| kind.shape.as_deref()));
        }
    }
    let named: BTreeSet<String> = named.into_iter().map(str::to_owned).collect();
    shapes.into_iter().filter(|shape| named.contains(&shape.name)).collect()
}

fn groups(document: &Value, routes: &[Route], address: &str) -> Vec<ApiGroup> {
    let mut groups: Vec<ApiGroup> = members(&document["tags"])
        .map(|tag| ApiGroup {
            name: text(&tag["name"]),
            words: text(&tag["description"]),
            operations: Vec::new(),
        })
        .collect();
    for (path, methods) in object(&document["paths"]) {
        for (method, operation) in object(methods) {
            let method = method.to_uppercase();
            let act = routes
                .iter()
                .find(|route| route.method == *method && route.path == path)
                .map(|route| route.act);
            let group = groups.iter_mut().find(|group| operation["tags"][0] == group.name.as_str());
            if let (Some(group), Some(act)) = (group, act) {
                group.operations.push(one(operation, method, path, act, address));
            }
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    groups
}

fn one(operation: &Value, method: String, path: &str, act: Act, address: &str) -> ApiOperation {
    let body = &operation["requestBody"]["content"]["application/json"];
    let mut answers = Vec::new();
    let mut refusals = Vec::new();
    for (status, answer) in object(&operation["responses"]) {
        if status.starts_with(['4', '5']) {
            refusals.push(ApiRefusal { status: status.clone(), codes: codes(&text(&answer["description"])) });
        } else {
            answers.push(answer_of(status, answer));
        }
    }
    ApiOperation {
        id: text(&operation["operationId"]),
        summary: plain(&operation["summary"]),
        more: plain(&operation["description"]),
        needs: needs(act),
        parameters: members(&operation["parameters"]).map(parameter).collect(),
        body: body.get("schema").map(kind),
        curl: curl(&method, path, act, body.get("example"), address),
        answers,
        refusals,
        method,
        path: path.to_owned(),
    }
}

/// Who may, in the words of the table of permissions, and which scope opens it.
fn needs(act: Act) -> String {
    if decide(act, Column::Nobody) == Cell::May {
        return "nothing: it is for anyone".to_owned();
    }
    let scope = Scope::ALL.into_iter().find(|scope| scope.acts().contains(&act));
    let token = scope.map_or("no token opens it: sign in".to_owned(), |scope| {
        format!("a token needs the scope {}", scope.name())
    });
    format!("that you may {}; {token}", act.words())
}

fn parameter(parameter: &Value) -> ApiMember {
    let mut kind = kind(&parameter["schema"]);
    kind.words.push_str(match parameter["in"].as_str() {
        Some("path") => ", in the path",
        Some("header") => ", in the head",
        _ => ", in the address",
    });
    ApiMember {
        name: text(&parameter["name"]),
        kind,
        required: parameter["required"] == true,
        words: plain(&parameter["description"]),
    }
}

fn answer_of(status: &str, answer: &Value) -> ApiAnswer {
    let content = object(&answer["content"]).next();
    let kind = content.map(|(media_type, content)| match media_type.as_str() {
        "application/json" => kind(&content["schema"]),
        other => ApiKind { words: other.to_owned(), shape: None },
    });
    let example = content.and_then(|(_, content)| content.get("example"));
    let example = example.map(|example| serde_json::to_string_pretty(example).unwrap_or_default());
    ApiAnswer {
        status: status.to_owned(),
        words: plain(&answer["description"]),
        kind,
        example: example.unwrap_or_default(),
    }
}

/// The codes that a refusal's words list, one a line.
fn codes(words: &str) -> Vec<(String, String)> {
    let lines = words.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: "));
    lines.map(|(code, why)| (code.to_owned(), why.to_owned())).collect()
}

/// A command that does it: what is in braces in the path is the reader's to set.
fn curl(method: &str, path: &str, act: Act, body: Option<&Value>, address: &str) -> String {
    let mut command = "curl -sS --cacert ca.pem".to_owned();
    if method != "GET" && (method != "POST" || body.is_none()) {
        command.extend([" -X ", method]);
    }
    if decide(act, Column::Nobody) != Cell::May {
        command.push_str(" -H \"Authorization: Bearer $TOKEN\"");
    }
    if let Some(body) = body {
        let body = body.to_string().replace('\'', "'\\''");
        command.extend([" \\\n  -H 'Content-Type: application/json' \\\n  -d '", &body, "'"]);
    }
    let path = path.replace('{', "$").replace('}', "");
    let names: Vec<String> = path
        .split('/')
        .map(|part| match part.strip_prefix('$') {
            Some(name) => format!("${}", name.to_uppercase()),
            None => part.to_owned(),
        })
        .collect();
    format!("{command} \\\n  \"{address}{}\"", names.join("/"))
}

fn shapes(document: &Value) -> Vec<ApiShape> {
    let shapes = object(&document["components"]["schemas"]).map(|(name, schema)| ApiShape {
        name: name.clone(),
        words: text(&schema["description"]),
        forms: match schema["oneOf"].as_array() {
            Some(forms) => forms.iter().map(|form| form_of(form, text(&form["description"]))).collect(),
            None => vec![form_of(schema, String::new())],
        },
    });
    shapes.collect()
}

fn form_of(schema: &Value, words: String) -> ApiForm {
    let mut listed = Vec::new();
    for part in members(&schema["allOf"]).chain([schema]) {
        let needed: Vec<&str> = members(&part["required"]).filter_map(Value::as_str).collect();
        listed.extend(object(&part["properties"]).map(|(name, member)| ApiMember {
            name: name.clone(),
            kind: kind(member),
            required: needed.contains(&name.as_str()),
            words: plain(&member["description"]),
        }));
    }
    let with = members(&schema["allOf"]).find(|part| part.get("$ref").is_some());
    let kind = match with {
        Some(with) => Some(ApiKind { words: "The members of".to_owned(), ..kind(with) }),
        None => listed.is_empty().then(|| kind(schema)),
    };
    ApiForm { words, kind, members: listed }
}

/// What a value is, in words.
fn kind(schema: &Value) -> ApiKind {
    if let Some(shape) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return ApiKind { words: String::new(), shape: Some(shape.to_owned()) };
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
        return ApiKind { words: values.join(", "), shape: None };
    }
    if let Some(forms) = schema["oneOf"].as_array() {
        // A shape or nothing; shapes of several forms have a name of their own.
        let known = forms.iter().map(kind).find(|kind| kind.shape.is_some());
        return known
            .map_or_else(|| words("an object"), |kind| ApiKind { words: "nothing, or".to_owned(), ..kind });
    }
    let name = &schema["type"];
    let names: Vec<&str> = members(name).chain([name]).filter_map(Value::as_str).collect();
    let or_null = if names.contains(&"null") { ", or null" } else { "" };
    match names.iter().find(|name| **name != "null") {
        Some(&"array") => {
            let of = kind(&schema["items"]);
            ApiKind { words: format!("list of {}", of.words).trim_end().to_owned(), shape: of.shape }
        }
        Some(&"string") if schema["format"] == "uuid" => words(&format!("UUID{or_null}")),
        Some(&"string") => words(&format!("text{or_null}")),
        Some(&"integer") => words(&format!("whole number{or_null}")),
        Some(&"number") => words(&format!("number{or_null}")),
        Some(&"boolean") => words(&format!("true or false{or_null}")),
        Some(_) => words(&format!("an object{or_null}")),
        None => words("any value"),
    }
}

fn words(words: &str) -> ApiKind {
    ApiKind { words: words.to_owned(), shape: None }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A text of the document without its marks of code.
fn plain(value: &Value) -> String {
    text(value).replace('`', "")
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_shape_it_names_is_on_the_page() {
        let routes = crate::people::table();
        let groups = groups(&DOCUMENT, routes.routes(), "https://hub.example");
        let operations: Vec<&ApiOperation> = groups.iter().flat_map(|group| &group.operations).collect();
        let there = routes.routes().iter().filter(|route| route.path.starts_with("/api/"));
        assert_eq!(operations.len(), there.count());
        let shapes = shapes(&DOCUMENT);
        let names: BTreeSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        let forms = || shapes.iter().flat_map(|shape| &shape.forms);
        let of_members = forms().flat_map(|form| &form.members).map(|member| &member.kind);
        let kinds = of_members
            .chain(forms().filter_map(|form| form.kind.as_ref()))
            .chain(operations.iter().filter_map(|one| one.body.as_ref()))
            .chain(operations.iter().flat_map(|one| &one.answers).filter_map(|answer| answer.kind.as_ref()));
        for kind in kinds {
            assert!(kind.shape.as_ref().is_none_or(|shape| names.contains(shape.as_str())), "{kind:?}");
            assert!(kind.shape.is_some() || !kind.words.is_empty());
        }
        let queries: Vec<ApiGroup> = groups.iter().filter(|group| group.name == "queries").cloned().collect();
        let named: Vec<String> =
            named_by(&queries, shapes.clone()).into_iter().map(|shape| shape.name).collect();
        for name in ["NewQuery", "Query", "Combined", "Share", "Said", "Moment"] {
            assert!(named.iter().any(|named| named == name), "{name}: {named:?}");
        }
        assert!(named.iter().all(|name| name != "NewKit"), "{named:?}");
        for shape in &shapes {
            assert!(!shape.forms.is_empty(), "{}", shape.name);
        }
        for one in operations {
            assert!(
                !one.answers.is_empty() && one.refusals.iter().all(|refusal| !refusal.codes.is_empty()),
                "{}",
                one.id
            );
        }
    }

    #[test]
    fn a_command_is_one_that_a_shell_takes() {
        let body = serde_json::json!({ "name": "it's" });
        let ask =
            curl("POST", "/api/v1/queries/{query}/cancel", Act::Ask, Some(&body), "https://hub.example");
        let expected = "curl -sS --cacert ca.pem -H \"Authorization: Bearer $TOKEN\" \\\n  \
            -H 'Content-Type: application/json' \\\n  -d '{\"name\":\"it'\\''s\"}' \\\n  \
            \"https://hub.example/api/v1/queries/$QUERY/cancel\"";
        assert_eq!(ask, expected);
        let health = curl("GET", "/api/v1/health", Act::Enter, None, "https://hub.example");
        assert_eq!(health, "curl -sS --cacert ca.pem \\\n  \"https://hub.example/api/v1/health\"");
        assert!(curl("DELETE", "/api/v1/session", Act::KeepSession, None, "").contains("-X DELETE"));
    }
}
