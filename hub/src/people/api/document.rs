//! The API's own description: OpenAPI 3.1, made from the route table, the types that are read and written, the table of
//! permissions and the list of codes.
//!
//! What must stay true: what follows from elsewhere is not said again (who gets 401, 403 and 404 is in the table of
//! permissions; what every body and parameter can meet is the same everywhere); a route without a [`Said`] is named by a
//! test.

mod example;
mod operation;
mod said;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
};
use utoipa::{PartialSchema as _, ToSchema};

use crate::people::may::{May, Route};
use crate::people::session::COOKIE;
use crate::permissions::acts;
use operation::{Problem, http_method, operation};
pub use said::Said;

/// The document, made once.
static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let table = crate::people::table();
    document(table.routes(), super::said())
});

/// The whole document.
pub fn whole() -> &'static OpenApi {
    &DOCUMENT
}

/// The whole document as text.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string_pretty(whole()).expect("the document is JSON"));
    &TEXT
}

/// `GET /openapi.json`.
pub(super) async fn serve(_: May<acts::Enter>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text())
}

/// What a part of the API is about, by the first word of its paths.
const TAGS: [(&str, &str); 18] = [
    ("health", "Whether the hub is there."),
    ("openapi.json", "This document."),
    ("session", "Signing in and out."),
    ("second-factor", "One's own second factor."),
    ("password", "One's own password."),
    ("sessions", "Where one is signed in."),
    ("tokens", "One's own API tokens."),
    ("queries", "Questions and their answers."),
    ("projects", "What questions are asked for, staging, and decisions."),
    ("models", "What is trained in approved projects."),
    ("job-types", "What a model can be for."),
    ("decisions", "What waits for one's decision."),
    ("trusts", "The Trusts."),
    ("people", "Who signs in here. For admins."),
    ("access-requests", "Who asks to come in."),
    ("mail", "Mails that wait, went out, or were given up. For admins."),
    ("audit", "What was done here. For admins."),
    ("hub", "Banner and maintenance. For admins."),
];

/// The document of these routes.
fn document(routes: &[Route], said: Vec<Said>) -> OpenApi {
    let mut components = Components::builder()
        .security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    let mut schemas = BTreeMap::new();
    for said in &said {
        schemas.extend(said.schemas.iter().cloned());
    }
    let mut problem = Vec::new();
    Problem::schemas(&mut problem);
    problem.push((Problem::name().into_owned(), Problem::schema()));
    schemas.extend(problem);
    let examples = example::Examples::of(&schemas);
    let mut paths = PathsBuilder::new();
    for said in said {
        let Some(route) = routes.iter().find(|route| route.method == said.method && route.path == said.path)
        else {
            continue;
        };
        let (path, method) = (said.path, http_method(&said.method));
        let operation = operation(route, said, &examples);
        paths = paths.path(path, PathItem::new(method, operation));
    }
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("FLIP Edge hub")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Questions to many Trusts at once, and what each of them released. Sign in with POST \
                     /api/v1/session, or make a token in the console, and send it as `Authorization: Bearer TOKEN`. \
                     A field that is not listed is refused. Who may do what: docs/PERMISSIONS.md.",
                ))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(TAGS.map(|(name, words)| -> Tag { TagBuilder::new().name(name).description(Some(words)).build() })))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn api(path: &str) -> bool {
        path.starts_with("/api/")
    }

    #[test]
    fn every_route_of_the_api_is_in_the_document_and_nothing_else() {
        let table = crate::people::table();
        let routes: BTreeSet<String> = table
            .routes()
            .iter()
            .filter(|route| api(route.path))
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        let said: Vec<String> =
            super::super::said().iter().map(|said| format!("{} {}", said.method, said.path)).collect();
        let known: BTreeSet<String> = said.iter().cloned().collect();
        assert_eq!(known.len(), said.len(), "a route is described twice");
        let silent: Vec<&String> = routes.difference(&known).collect();
        assert!(
            silent.is_empty(),
            "add a `Said` for each, in the `said` of its module below people/api: {silent:#?}"
        );
        let gone: Vec<&String> = known.difference(&routes).collect();
        assert!(gone.is_empty(), "described, and no route: {gone:#?}");
        let document: Value = serde_json::from_str(text()).unwrap();
        let operations = document["paths"].as_object().unwrap().values();
        let operations: usize = operations.map(|methods| methods.as_object().unwrap().len()).sum();
        assert_eq!(operations, routes.len());
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn every_schema_that_is_named_is_there_once_and_everything_has_words() {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for said in super::super::said() {
            for (name, schema) in &said.schemas {
                let schema = serde_json::to_string(schema).unwrap();
                let before = known.insert(name.clone(), schema.clone());
                assert!(before.is_none_or(|before| before == schema), "two types are called {name}");
            }
            assert!(said.summary.ends_with('.'), "{} {}", said.method, said.path);
            assert!(!said.gives.is_empty(), "{} {} answers nothing", said.method, said.path);
        }
        let document: Value = serde_json::from_str(text()).unwrap();
        for reference in references(&document) {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(!document["components"]["schemas"][name].is_null(), "{name} is not there");
        }
        let tags: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let tag = operation["tags"][0].as_str().unwrap();
                assert!(tags.contains(tag), "{method} {path}: TAGS does not say what {tag} is");
            }
        }
    }

    fn references(value: &Value) -> Vec<String> {
        match value {
            Value::Object(members) => members
                .iter()
                .flat_map(|(name, value)| match value.as_str().filter(|_| name == "$ref") {
                    Some(to) => vec![to.to_owned()],
                    None => references(value),
                })
                .collect(),
            Value::Array(items) => items.iter().flat_map(references).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        }
    }
}
