//! What the API has, for who writes programs.

use serde::Serialize;

use super::{Frame, sample};
use crate::Page;

/// The pages at `/api`: every operation of the API's document, in a line each; and, with `?about=` the name of a group,
/// all of those of one group and the shapes that they read and write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiGuide {
    /// What surrounds it.
    pub frame: Frame,
    /// Where the hub is, as a URL without a path.
    pub address: String,
    /// The groups that there are.
    pub names: Vec<String>,
    /// The one that is looked at; empty where all are.
    pub about: String,
    /// The operations that are looked at, by what they are about.
    pub groups: Vec<ApiGroup>,
    /// What is read and written, by name.
    pub shapes: Vec<ApiShape>,
}

/// The operations about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiGroup {
    /// The first word of their paths.
    pub name: String,
    /// What they are about.
    pub words: String,
    /// Each of them.
    pub operations: Vec<ApiOperation>,
}

/// A method and a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiOperation {
    /// Its name in the document, which is its place on the page.
    pub id: String,
    /// The method.
    pub method: String,
    /// The path, with names in braces.
    pub path: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// More; may be empty.
    pub more: String,
    /// Who may, and which scope a token needs.
    pub needs: String,
    /// What the path, the address and the head say.
    pub parameters: Vec<ApiMember>,
    /// The body that it reads.
    pub body: Option<ApiKind>,
    /// What it answers where it does not refuse.
    pub answers: Vec<ApiAnswer>,
    /// How it refuses.
    pub refusals: Vec<ApiRefusal>,
    /// A command that does it.
    pub curl: String,
}

/// A member of a shape, or a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiMember {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ApiKind,
    /// True where it cannot be left out.
    pub required: bool,
    /// What it says; may be empty.
    pub words: String,
}

/// What a value is: words, and the shape that they name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApiKind {
    /// Such as `list of`; may be empty.
    pub words: String,
    /// A shape of this page.
    pub shape: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiAnswer {
    /// The status.
    pub status: String,
    /// What it means.
    pub words: String,
    /// Its body; `None` where it has none.
    pub kind: Option<ApiKind>,
    /// One, as JSON; may be empty.
    pub example: String,
}

/// The codes of a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiRefusal {
    /// The status.
    pub status: String,
    /// Each code and why.
    pub codes: Vec<(String, String)>,
}

/// Something that is read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiShape {
    /// Its name, which is its place on the page.
    pub name: String,
    /// What it is.
    pub words: String,
    /// What it is made of: one list, or one for each form that it can have.
    pub forms: Vec<ApiForm>,
}

/// A form of a shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiForm {
    /// When it has this one; may be empty.
    pub words: String,
    /// What it is, where it has no members of its own.
    pub kind: Option<ApiKind>,
    /// Its members.
    pub members: Vec<ApiMember>,
}

impl Page for ApiGuide {
    const TEMPLATE: &'static str = "api_guide.html";

    fn samples() -> Vec<Self> {
        let kind = |words: &str, shape: Option<&str>| ApiKind {
            words: words.to_owned(),
            shape: shape.map(str::to_owned),
        };
        let member = |name: &str, kind, required, words: &str| ApiMember {
            name: name.to_owned(),
            kind,
            required,
            words: words.to_owned(),
        };
        let ask = ApiOperation {
            id: "post_queries".to_owned(),
            method: "POST".to_owned(),
            path: "/api/v1/queries".to_owned(),
            summary: "Asks every enrolled Trust.".to_owned(),
            more: "Each runs it on its own data.".to_owned(),
            needs: "ask in it, and cancel what was asked; a token needs the scope ask".to_owned(),
            parameters: vec![member(
                "Idempotency-Key",
                kind("text, in the head", None),
                false,
                "A name of yours.",
            )],
            body: Some(kind("", Some("NewQuery"))),
            answers: vec![ApiAnswer {
                status: "201".to_owned(),
                words: "It is asked.".to_owned(),
                kind: Some(kind("", Some("Made"))),
                example: "{\n  \"id\": \"01a2190e-1ccc-77b8-9a22-26ac81afc804\"\n}".to_owned(),
            }],
            refusals: vec![ApiRefusal {
                status: "409".to_owned(),
                codes: vec![("no_trusts".to_owned(), "no Trust is enrolled yet".to_owned())],
            }],
            curl: "curl -sS --cacert ca.pem -H \"Authorization: Bearer $TOKEN\" \\\n  \
                   -H 'Content-Type: application/json' -d '{\"name\":\"All\"}' \\\n  \
                   'https://hub.example.org/api/v1/queries'"
                .to_owned(),
        };
        let alive = ApiOperation {
            id: "get_health".to_owned(),
            method: "GET".to_owned(),
            path: "/api/v1/health".to_owned(),
            summary: "That the hub is there.".to_owned(),
            more: String::new(),
            needs: "nothing: it is for anyone".to_owned(),
            parameters: Vec::new(),
            body: None,
            answers: vec![ApiAnswer {
                status: "204".to_owned(),
                words: "It is there.".to_owned(),
                kind: None,
                example: String::new(),
            }],
            refusals: Vec::new(),
            curl: "curl -sS --cacert ca.pem 'https://hub.example.org/api/v1/health'".to_owned(),
        };
        let group = |name: &str, words: &str, operation| ApiGroup {
            name: name.to_owned(),
            words: words.to_owned(),
            operations: vec![operation],
        };
        let form = |words: &str, kind, members| ApiForm { words: words.to_owned(), kind, members };
        let shape = |name: &str, words: &str, forms| ApiShape {
            name: name.to_owned(),
            words: words.to_owned(),
            forms,
        };
        let query = form(
            "",
            None,
            vec![
                member("name", kind("text", None), true, "A name of your choice."),
                member("project", kind("UUID, or null", None), false, ""),
            ],
        );
        let said = vec![
            form(
                "A cohort at or above the threshold.",
                None,
                vec![member("persons", kind("whole number", None), true, "Distinct persons.")],
            ),
            form("The extract.", Some(kind("list of", Some("Made"))), Vec::new()),
        ];
        let names = ["health", "queries"].map(str::to_owned).to_vec();
        let all = Self {
            frame: sample::frame(),
            address: "https://hub.example.org".to_owned(),
            names,
            about: String::new(),
            groups: vec![
                group("health", "Whether the hub is there.", alive),
                group("queries", "Questions and their answers.", ask),
            ],
            shapes: Vec::new(),
        };
        let shapes = vec![
            shape(
                "Made",
                "What was made.",
                vec![form("", None, vec![member("id", kind("UUID", None), true, "Its id.")])],
            ),
            shape("NewQuery", "A question.", vec![query]),
            shape("Said", "What a Trust said.", said),
        ];
        let of_one = |at: usize| Self {
            about: all.names[at].clone(),
            groups: vec![all.groups[at].clone()],
            ..all.clone()
        };
        vec![all.clone(), of_one(0), Self { shapes, ..of_one(1) }]
    }
}
