//! Somebody's API tokens.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The list at `/account/tokens`, with the form that posts `name`, `days` and the names of the ticked scopes there; each
/// row's form posts to `…/{id}/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// What surrounds it.
    pub frame: Frame,
    /// The newest first.
    pub tokens: Vec<TokenRow>,
    /// A token that was made now, and is shown this once.
    pub made: Option<String>,
    /// The name as typed so far.
    pub name: String,
    /// The days as typed so far.
    pub days: String,
    /// The most days.
    pub days_max: u64,
    /// Whether a code of the second factor goes with it, as `code`.
    pub code_needed: bool,
    /// The scopes to tick.
    pub scopes: Vec<ScopeChoice>,
    /// Why none was made.
    pub error: Option<String>,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRow {
    /// Beneath which its form posts.
    pub href: String,
    /// What its owner calls it.
    pub name: String,
    /// Its scopes.
    pub scopes: String,
    /// When it was made.
    pub made: Moment,
    /// Until when it works.
    pub expires: Moment,
    /// When it was last used, to a few minutes.
    pub used: Option<Moment>,
    /// From where.
    pub used_from: String,
}

/// A scope to tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeChoice {
    /// The field's name.
    pub name: String,
    /// What it opens.
    pub words: String,
    /// True where it is ticked.
    pub chosen: bool,
}

impl Page for Tokens {
    const TEMPLATE: &'static str = "tokens.html";

    fn samples() -> Vec<Self> {
        let row = |id: u8, name: &str, used| TokenRow {
            href: format!("/account/tokens/{id}"),
            name: name.to_owned(),
            scopes: "read, ask".to_owned(),
            made: sample::moment("2026-07-01T06:02:11Z", "20 days ago"),
            expires: sample::moment("2026-09-29T06:02:11Z", "in 70 days"),
            used,
            used_from: "192.0.2.7".to_owned(),
        };
        let scope = |name: &str, words: &str, chosen| ScopeChoice {
            name: name.to_owned(),
            words: words.to_owned(),
            chosen,
        };
        let none = Self {
            frame: sample::frame(),
            tokens: Vec::new(),
            made: None,
            name: String::new(),
            days: "90".to_owned(),
            days_max: 365,
            code_needed: false,
            scopes: vec![scope("read", "look at projects and answers", true), scope("ask", "ask", false)],
            error: None,
        };
        let used = Some(sample::moment("2026-07-21T08:10:00Z", "2 minutes ago"));
        let some =
            Self { tokens: vec![row(1, "Nightly counts", used), row(2, "Notebook", None)], ..none.clone() };
        let made =
            Self { made: Some("flip_pat_only-an-example-of-a-token_00000000".to_owned()), ..some.clone() };
        let wrong = Self {
            error: Some("a token works for 1 to 365 days".to_owned()),
            code_needed: true,
            ..some.clone()
        };
        vec![none, some, made, wrong]
    }
}
