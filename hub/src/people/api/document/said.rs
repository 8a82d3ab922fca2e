//! What a module says of one of its routes, beside what follows from the tables.

use axum::http::Method;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Code;

/// What is said of one route beside what the tables say.
pub struct Said {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) more: Option<&'static str>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) headers: Vec<Parameter>,
    pub(super) takes: Option<RefOr<Schema>>,
    pub(super) gives: Vec<Given>,
    pub(super) refuses: Vec<Code>,
    pub(super) of_gate: bool,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

/// An answer that is no problem.
pub(super) struct Given {
    pub(super) status: u16,
    pub(super) what: &'static str,
    pub(super) content: Option<(&'static str, RefOr<Schema>)>,
    pub(super) header: Option<(&'static str, &'static str)>,
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
