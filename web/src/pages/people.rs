//! The people who sign in, for admins.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The list at `/people`, with the form that posts `name` and `role` there. Each row's forms post `name` and `change`
/// to `/people/change`: a role, `disable` or `enable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct People {
    /// What surrounds it.
    pub frame: Frame,
    /// The people by name.
    pub people: Vec<PersonRow>,
    /// Roles that there are.
    pub roles: Vec<String>,
    /// Who was just added.
    pub added: Option<PersonAdded>,
    /// The new person's name as typed so far.
    pub name: String,
    /// Why what was asked for was not done.
    pub error: Option<String>,
}

/// One person of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// Their sign-in name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// When they were added.
    pub added: Moment,
    /// Since when they may not sign in.
    pub disabled: Option<Moment>,
    /// True where they are the only admin who can sign in, which they have to stay.
    pub last_admin: bool,
}

/// A person who was just added; the password is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonAdded {
    /// Their sign-in name.
    pub name: String,
    /// Their password.
    pub password: String,
}

impl Page for People {
    const TEMPLATE: &'static str = "people.html";

    fn samples() -> Vec<Self> {
        let moment = || sample::moment("2026-07-21T08:12:03Z", "4 minutes ago");
        let admin = PersonRow {
            name: "r.okafor@flip.example".to_owned(),
            role: "admin".to_owned(),
            added: moment(),
            disabled: None,
            last_admin: true,
        };
        let researcher = PersonRow {
            name: "a.lindqvist@flip.example".to_owned(),
            role: "researcher".to_owned(),
            last_admin: false,
            ..admin.clone()
        };
        let disabled = PersonRow {
            name: "former.viewer@flip.example".to_owned(),
            role: "viewer".to_owned(),
            disabled: Some(moment()),
            ..researcher.clone()
        };
        let full = Self {
            frame: sample::admin(),
            people: vec![researcher, disabled, admin],
            roles: ["admin", "researcher", "viewer"].map(str::to_owned).to_vec(),
            added: None,
            name: String::new(),
            error: None,
        };
        let added = Self {
            added: Some(PersonAdded {
                name: "k.ito@flip.example".to_owned(),
                password: "only-an-example-of-one".to_owned(),
            }),
            ..full.clone()
        };
        let taken = Self {
            name: "R.Okafor@flip.example".to_owned(),
            error: Some("Somebody has that name already.".to_owned()),
            ..full.clone()
        };
        vec![full, added, taken]
    }
}
