//! The API's own description: OpenAPI 3.1, made from the route table, the types that are read and written, the table of
//! permissions and the list of codes.
//!
//! What must stay true: what follows from elsewhere is not said again (who gets 401, 403 and 404 is in the table of
//! permissions; what every body and parameter can meet is the same everywhere); a route without a [`Said`] is named by a
//! test.

mod example;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::IntoResponse;
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, SecurityRequirement,
};
use utoipa::{IntoParams, PartialSchema as _, ToSchema};

use crate::bounds;
use crate::people::may::{May, Route};
use crate::people::session::COOKIE;
use crate::permissions::{Cell, Column, acts, decide};
use crate::problem::Code;
use crate::shapes;
use flip_protocol::problem::MEDIA_TYPE;

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

/// What is said of one route beside what the tables say.
pub struct Said {
    method: Method,
    path: &'static str,
    summary: &'static str,
    more: Option<&'static str>,
    parameters: Vec<Parameter>,
    headers: Vec<Parameter>,
    takes: Option<RefOr<Schema>>,
    gives: Vec<Given>,
    refuses: Vec<Code>,
    of_gate: bool,
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// An answer that is no problem.
struct Given {
    status: u16,
    what: &'static str,
    content: Option<(&'static str, RefOr<Schema>)>,
    header: Option<(&'static str, &'static str)>,
}

impl Said {
    /// Of `GET path`.
    pub fn get(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::GET, path, summary)
    }

    /// Of `POST path`.
    pub fn post(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::POST, path, summary)
    }

    /// Of `PUT path`.
    pub fn put(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::PUT, path, summary)
    }

    /// Of `DELETE path`.
    pub fn delete(path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::DELETE, path, summary)
    }

    fn of(method: Method, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            more: None,
            parameters: Vec::new(),
            headers: Vec::new(),
            takes: None,
            gives: Vec::new(),
            refuses: Vec::new(),
            of_gate: false,
            schemas: Vec::new(),
        }
    }

    /// More than the summary says.
    #[must_use]
    pub fn more(self, words: &'static str) -> Self {
        Self { more: Some(words), ..self }
    }

    /// It reads these parameters from the address.
    #[must_use]
    pub fn reads<P: IntoParams>(mut self) -> Self {
        self.parameters.extend(P::into_params(|| Some(ParameterIn::Query)));
        self
    }

    /// Its body is one of these, as JSON.
    #[must_use]
    pub fn takes<B: ToSchema>(mut self) -> Self {
        self.takes = Some(self.refer::<B>());
        self
    }

    /// It answers so, with one of these as JSON.
    #[must_use]
    pub fn gives<B: ToSchema>(mut self, status: u16, what: &'static str) -> Self {
        let content = Some(("application/json", self.refer::<B>()));
        self.gives.push(Given { status, what, content, header: None });
        self
    }

    /// The same, with the place of what was made in `Location`.
    #[must_use]
    pub fn made<B: ToSchema>(mut self, what: &'static str) -> Self {
        self = self.gives::<B>(201, what);
        for given in &mut self.gives {
            given.header = Some(("Location", "Where it is."));
        }
        self
    }

    /// It answers 200 with a part of a list, and says in `Link` where that goes on.
    #[must_use]
    pub fn gives_part<B: ToSchema>(mut self, what: &'static str) -> Self {
        self = self.gives::<B>(200, what);
        for given in &mut self.gives {
            given.header = Some(("Link", "`<…>; rel=\"next\"`: where the list goes on; absent at its end."));
        }
        self
    }

    /// It answers so, with no body.
    #[must_use]
    pub fn gives_nothing(mut self, status: u16, what: &'static str) -> Self {
        self.gives.push(Given { status, what, content: None, header: None });
        self
    }

    /// It answers 200 with a text of this media type.
    #[must_use]
    pub fn gives_text(mut self, media_type: &'static str, what: &'static str) -> Self {
        let kind = if media_type == "application/json" { Type::Object } else { Type::String };
        let text = ObjectBuilder::new().schema_type(kind).build();
        let content = Some((media_type, RefOr::T(Schema::Object(text))));
        self.gives.push(Given { status: 200, what, content, header: None });
        self
    }

    /// It answers 200 with events of this name as they come, each with one of these as JSON, and 204 to who was told
    /// them all. What is described is one event, as readers of such streams have it.
    #[must_use]
    pub fn tells<B: ToSchema>(mut self, name: &'static str, what: &'static str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let last = ParameterBuilder::new()
            .name("Last-Event-ID")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "The `id` of the last event that was read: what it says was told is not told again.",
            ))
            .schema(Some(text));
        self.headers.push(last.build());
        self.refer::<B>();
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let data = text()
            .content_media_type("application/json")
            .description(Some(format!("Of `{name}`: a {}.", B::name())));
        let event = ObjectBuilder::new()
            .property("event", text().enum_values(Some([name, "complete", "problem"])))
            .property("data", data)
            .property("id", text())
            .required("event")
            .required("data");
        let content = Some(("text/event-stream", RefOr::T(Schema::Object(event.build()))));
        self.gives.push(Given { status: 200, what, content, header: None });
        self.gives_nothing(204, "`Last-Event-ID` is that of the last event there is.")
            .refuses(&[Code::TooManyStreams])
    }

    /// It refuses with these codes beside those that every route has.
    #[must_use]
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.refuses.extend(codes);
        self
    }

    /// It refuses with the gate's codes.
    #[must_use]
    pub fn refuses_questions(self) -> Self {
        Self { of_gate: true, ..self }
    }

    fn refer<B: ToSchema>(&mut self) -> RefOr<Schema> {
        B::schemas(&mut self.schemas);
        self.schemas.push((B::name().into_owned(), B::schema()));
        RefOr::Ref(Ref::from_schema_name(B::name()))
    }
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

fn operation(route: &Route, said: Said, examples: &example::Examples) -> OperationBuilder {
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

fn http_method(method: &Method) -> HttpMethod {
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
struct Problem {
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
