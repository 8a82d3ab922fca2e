//! One route as an operation of the document: what it reads, gives and refuses.

use std::collections::BTreeMap;

use axum::http::Method;
use flip_protocol::problem::MEDIA_TYPE;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Ref, Required, ResponseBuilder, Schema, SecurityRequirement,
};

use super::example;
use super::said::Said;
use crate::bounds;
use crate::people::may::Route;
use crate::permissions::{Cell, Column, decide};
use crate::problem::Code;
use crate::shapes;

/// A route as an operation.
pub(super) fn operation(route: &Route, said: Said, examples: &example::Examples) -> OperationBuilder {
    let signed_in = decide(route.act, Column::Nobody) == Cell::SignIn;
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id_of(&said.method, said.path)))
        .summary(Some(said.summary))
        .description(said.more)
        .tag(said.path.split('/').nth(3).unwrap_or_default());
    if signed_in {
        operation = operation
            .security(SecurityRequirement::new("token", Vec::<String>::new()))
            .security(SecurityRequirement::new("cookie", Vec::<String>::new()));
    }
    for name in names(said.path) {
        operation = operation.parameter(path_parameter(name));
    }
    if once(route) {
        operation = operation.parameter(key_parameter());
    }
    let reads = !said.parameters.is_empty();
    for parameter in said.parameters.into_iter().chain(said.headers) {
        operation = operation.parameter(parameter);
    }
    let takes = said.takes.is_some();
    if let Some(schema) = said.takes {
        let example = examples.of_schema(&schema);
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for given in said.gives {
        let mut response = ResponseBuilder::new().description(given.what);
        if let Some((media_type, schema)) = given.content {
            let mut content = ContentBuilder::new();
            if media_type == "application/json" {
                content = content.example(Some(examples.of_schema(&schema)));
            }
            response = response.content(media_type, content.schema(Some(schema)).build());
        }
        if let Some((name, words)) = given.header {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            response = response
                .header(name, HeaderBuilder::new().schema(Some(text)).description(Some(words)).build());
        }
        operation = operation.response(given.status.to_string(), response.build());
    }
    let mut codes = implied(route, reads, takes);
    codes.extend(said.refuses);
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().push((code.name(), code.why()));
    }
    if said.of_gate {
        for code in flip_gate::Code::ALL {
            let status = crate::problem::status_of_gate(code).as_u16();
            by_status.entry(status).or_default().push((code.name(), "the gate does not let the question in"));
        }
    }
    for (status, codes) in by_status {
        operation = operation.response(status.to_string(), refusal(status, &codes));
    }
    operation
}

/// The codes that follow from what a route is.
fn implied(route: &Route, reads: bool, takes: bool) -> Vec<Code> {
    let changes = route.method != Method::GET;
    let signed_in = decide(route.act, Column::Nobody) == Cell::SignIn;
    let cells = Column::ALL.map(|column| decide(route.act, column));
    let mut codes = vec![Code::CutShort, Code::TooSlow, Code::TooLarge, Code::TryAgain];
    if signed_in {
        codes.extend([Code::SignIn, Code::SecondFactorNeeded]);
    }
    if cells.contains(&Cell::Forbidden) {
        codes.push(Code::Forbidden);
    }
    if cells.contains(&Cell::Hidden) || route.path.contains('{') {
        codes.push(Code::NotFound);
    }
    if signed_in && changes {
        codes.push(Code::CrossSite);
    }
    if once(route) {
        codes.extend([Code::BadKey, Code::UnderWay, Code::ShownOnce, Code::AnswerLost, Code::KeyReused]);
    }
    let in_a_project = decide(route.act, Column::Owner) != Cell::Never;
    if changes && in_a_project {
        codes.push(Code::ProjectDeleted);
    }
    if reads {
        codes.push(Code::BadParameter);
    }
    if takes {
        codes.extend([Code::BadJson, Code::NotJson, Code::BadBody]);
    }
    codes
}

/// Whether a request to it can have a key, under which it is carried out once.
fn once(route: &Route) -> bool {
    route.method == Method::POST && decide(route.act, Column::Nobody) == Cell::SignIn
}

fn key_parameter() -> ParameterBuilder {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(bounds::ONCE_KEY_BYTES))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "A name of yours for this request, such as a UUID. Sent again with it within a day, the request is not \
             carried out again: you get the first answer.",
        ))
        .schema(Some(key))
}

/// A problem document with one of these codes.
fn refusal(status: u16, codes: &[(&str, &str)]) -> utoipa::openapi::Response {
    let names: Vec<&str> = codes.iter().map(|(name, _)| *name).collect();
    let words: Vec<String> = codes.iter().map(|(name, why)| format!("- `{name}`: {why}")).collect();
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.clone()));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name(Problem::name()))
        .item(ObjectBuilder::new().property("code", code))
        .build();
    let example = json!({
        "type": format!("/problems/{}", names[0]), "title": "What is wrong.", "status": status, "code": names[0],
    });
    let content = ContentBuilder::new().schema(Some(Schema::AllOf(schema))).example(Some(example)).build();
    let mut response = ResponseBuilder::new().description(words.join("\n")).content(MEDIA_TYPE, content);
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        let seconds =
            HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait.")).build();
        response = response.header("Retry-After", seconds);
    }
    response.build()
}

/// The same method in the words of the document.
pub(super) fn http_method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Such as `post_projects_project_stage`.
fn id_of(method: &Method, path: &str) -> String {
    let words = path.trim_start_matches("/api/v1/").replace(['/', '-', '.'], "_").replace(['{', '}'], "");
    format!("{}_{words}", method.as_str().to_lowercase())
}

/// The names in a path's braces.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// What the names of paths stand for: everything here has a UUID.
fn path_parameter(name: &str) -> ParameterBuilder {
    let id = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(id))
}

/// How the hub says no (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes; nothing is made of it")]
pub(super) struct Problem {
    /// The kind of problem: `/problems/` and the code.
    #[schema(rename = "type", example = "/problems/not_found")]
    kind: String,
    /// A short sentence.
    #[schema(example = "There is nothing here.")]
    title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// The stable code that programs look at.
    #[schema(example = "not_found")]
    code: String,
    /// What went wrong this time and what to do.
    #[schema(nullable = false, example = "what to do")]
    detail: Option<String>,
    /// A place in the text that was sent.
    #[schema(nullable = false)]
    place: Option<shapes::Place>,
}
