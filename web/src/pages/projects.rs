//! Projects: the list, one of them, and making one.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The list at `/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Projects {
    /// What surrounds it.
    pub frame: Frame,
    /// The projects that the person may see, in the order they are to be shown.
    pub projects: Vec<ProjectRow>,
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
    /// The form to change it; `None` where the person may not.
    pub form: Option<ProjectForm>,
    /// Where its deletion posts to; `None` where the person may not.
    pub delete_action: Option<String>,
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
            deleted: false,
        };
        let shared = ProjectRow {
            href: "/projects/2".to_owned(),
            name: "Lung nodules on chest CT".to_owned(),
            description: "Which nodules grow, and in whom: CT of the chest from 2019 on, with follow-up"
                .to_owned(),
            owner: "a.lindqvist@flip.example".to_owned(),
            members: 3,
            ..own.clone()
        };
        let deleted = ProjectRow { name: "Pilot".to_owned(), deleted: true, ..own.clone() };
        let full = Self { frame: sample::admin(), projects: vec![own, shared, deleted], may_make: true };
        let empty = Self { projects: Vec::new(), ..full.clone() };
        let viewers = Self { frame: sample::frame(), projects: Vec::new(), may_make: false };
        vec![full, empty, viewers]
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
            form: Some(form.clone()),
            delete_action: Some("/projects/2/delete".to_owned()),
        };
        let refused = Self {
            form: Some(ProjectForm {
                members: "nobody".to_owned(),
                error: Some("“nobody” does not sign in at this hub; nothing was changed".to_owned()),
                ..form
            }),
            ..owners.clone()
        };
        let viewers = Self {
            ask_href: None,
            members: Vec::new(),
            description: String::new(),
            form: None,
            delete_action: None,
            ..owners.clone()
        };
        let deleted = Self { deleted: Some(owners.made.clone()), ..viewers.clone() };
        vec![owners, refused, viewers, deleted]
    }
}
