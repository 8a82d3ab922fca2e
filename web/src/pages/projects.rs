//! Projects: the list, one of them, and making one.

pub(super) mod seats;

use serde::Serialize;

use super::{Frame, ModelRow, Moment, Seat, SortHeads, sample};
use crate::Page;

/// The list at `/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Projects {
    /// What surrounds it.
    pub frame: Frame,
    /// The projects that the person may see, in the order they are to be shown.
    pub projects: Vec<ProjectRow>,
    /// Words of name or description that are looked for; empty for all. It is the field `words`.
    pub words: String,
    /// True where those that the person owns are shown alone. It is the field `whose`.
    pub mine: bool,
    /// How they are sorted, for the field `sort`.
    pub sort: String,
    /// The heads of `name`, `state`, `persons`, `owner` and `made`.
    pub heads: SortHeads,
    /// How many projects there are of these.
    pub found: u64,
    /// Path of the page before.
    pub back_href: Option<String>,
    /// Path of the next page.
    pub on_href: Option<String>,
    /// True where the person may make one.
    pub may_make: bool,
}

/// One project of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectRow {
    /// Path of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its owner's name.
    pub owner: String,
    /// How many members it has, the owner not counted.
    pub members: u64,
    /// When it was made.
    pub made: Moment,
    /// Where it is: `unstaged`, `staged` or `approved`.
    pub state: String,
    /// Persons in the answer to the query that it is staged with; `None` while it is not.
    pub persons: Option<u64>,
    /// How far that may be off; `None` where it is exact.
    pub margin: Option<u64>,
    /// True where it was deleted, which admins alone see.
    pub deleted: bool,
}

/// What is typed of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProjectForm {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The members' sign-in names, one a line.
    pub members: String,
    /// The edition that is changed; 0 where it is made.
    pub edition: u64,
    /// Why it was not taken.
    pub error: Option<String>,
}

/// The form that posts `name` and `description` to `/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectNew {
    /// What surrounds it.
    pub frame: Frame,
    /// As typed so far.
    pub form: ProjectForm,
}

/// One project; its form posts `name`, `description` and `members` to the page itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// What surrounds it.
    pub frame: Frame,
    /// Path of this page.
    pub href: String,
    /// Path of its queries.
    pub queries_href: String,
    /// Path of the form that asks in it; `None` where the person may not.
    pub ask_href: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its owner's name.
    pub owner: String,
    /// The members' names.
    pub members: Vec<String>,
    /// When it was made.
    pub made: Moment,
    /// When it was deleted.
    pub deleted: Option<Moment>,
    /// Where it is: `unstaged`, `staged` or `approved`.
    pub state: String,
    /// The query that Trusts decide about, or the newest: its name and the path of its page.
    pub query: Option<(String, String)>,
    /// Path of all its questions.
    pub history_href: String,
    /// Its models.
    pub models: Vec<ModelRow>,
    /// Path of the form that makes one; `None` where that cannot be.
    pub model_new_href: Option<String>,
    /// How it stands at each Trust.
    pub seats: Vec<Seat>,
    /// Where the buttons that stage it post `trusts` to.
    pub stage_action: String,
    /// Where those that take it out do.
    pub unstage_action: String,
    /// Why the last change was not made.
    pub error: Option<String>,
    /// True while its name and description stay as they are.
    pub locked: bool,
    /// The form to change it; `None` where the person may not.
    pub form: Option<ProjectForm>,
    /// Where its deletion posts its name to, as `name`; `None` where the person may not.
    pub delete_action: Option<String>,
    /// Why it was not deleted.
    pub delete_error: Option<String>,
}

impl Page for Projects {
    const TEMPLATE: &'static str = "projects.html";

    fn samples() -> Vec<Self> {
        let own = ProjectRow {
            href: "/projects/3".to_owned(),
            name: "r.okafor@flip.example: own questions".to_owned(),
            description: String::new(),
            owner: "r.okafor@flip.example".to_owned(),
            members: 0,
            made: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            state: "unstaged".to_owned(),
            persons: None,
            margin: None,
            deleted: false,
        };
        let shared = ProjectRow {
            href: "/projects/2".to_owned(),
            name: "Lung nodules on chest CT".to_owned(),
            description: "Which nodules grow, and in whom: CT of the chest from 2019 on, with follow-up"
                .to_owned(),
            owner: "a.lindqvist@flip.example".to_owned(),
            members: 3,
            state: "approved".to_owned(),
            persons: Some(1_240),
            margin: Some(45),
            ..own.clone()
        };
        let deleted = ProjectRow { name: "Pilot".to_owned(), deleted: true, ..own.clone() };
        let full = Self {
            frame: sample::admin(),
            projects: vec![own, shared, deleted],
            words: "lung".to_owned(),
            mine: false,
            sort: "-made".to_owned(),
            heads: sample::heads("/projects", &["made", "name", "state", "persons", "owner"]),
            found: 203,
            back_href: Some("/projects?page=1&words=lung".to_owned()),
            on_href: Some("/projects?page=3&words=lung".to_owned()),
            may_make: true,
        };
        let empty = Self { projects: Vec::new(), found: 0, back_href: None, on_href: None, ..full.clone() };
        let owners = Self { words: String::new(), mine: true, ..empty.clone() };
        let viewers = Self { frame: sample::frame(), mine: false, may_make: false, ..owners.clone() };
        vec![full, empty, owners, viewers]
    }
}

impl Page for ProjectNew {
    const TEMPLATE: &'static str = "project_new.html";

    fn samples() -> Vec<Self> {
        let empty = Self { frame: sample::frame(), form: ProjectForm::default() };
        let form = ProjectForm { error: Some("the name is empty".to_owned()), ..ProjectForm::default() };
        vec![empty, Self { frame: sample::frame(), form }]
    }
}

impl Page for Project {
    const TEMPLATE: &'static str = "project.html";

    fn samples() -> Vec<Self> {
        let form = ProjectForm {
            name: "Lung nodules on chest CT".to_owned(),
            description: "Which nodules grow, and in whom".to_owned(),
            members: "j.mbeki@flip.example\nk.ito@flip.example".to_owned(),
            edition: 3,
            error: None,
        };
        let owners = Self {
            frame: sample::frame(),
            href: "/projects/2".to_owned(),
            queries_href: "/queries?project=2".to_owned(),
            ask_href: Some("/queries/new?project=2".to_owned()),
            name: form.name.clone(),
            description: form.description.clone(),
            owner: "r.okafor@flip.example".to_owned(),
            members: vec!["j.mbeki@flip.example".to_owned(), "k.ito@flip.example".to_owned()],
            made: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            deleted: None,
            state: "staged".to_owned(),
            query: Some(("Nodules since 2019".to_owned(), "/queries/5".to_owned())),
            history_href: "/projects/2/queries".to_owned(),
            models: vec![super::models::row()],
            model_new_href: Some("/projects/2/models/new".to_owned()),
            seats: seats::samples(),
            stage_action: "/projects/2/stage".to_owned(),
            unstage_action: "/projects/2/unstage".to_owned(),
            error: None,
            locked: true,
            form: Some(form.clone()),
            delete_action: Some("/projects/2/delete".to_owned()),
            delete_error: None,
        };
        let refused = Self {
            form: Some(ProjectForm {
                members: "nobody".to_owned(),
                error: Some("“nobody” does not sign in at this hub; nothing was changed".to_owned()),
                ..form
            }),
            delete_error: Some("Its name is “Lung nodules on chest CT”".to_owned()),
            ..owners.clone()
        };
        let viewers = Self {
            ask_href: None,
            members: Vec::new(),
            description: String::new(),
            form: None,
            delete_action: None,
            delete_error: None,
            state: "unstaged".to_owned(),
            query: None,
            models: Vec::new(),
            model_new_href: None,
            seats: Vec::new(),
            error: Some("Nothing was asked in this project yet.".to_owned()),
            locked: false,
            ..owners.clone()
        };
        let deleted = Self { deleted: Some(owners.made.clone()), ..viewers.clone() };
        vec![owners, refused, viewers, deleted]
    }
}
