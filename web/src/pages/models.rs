//! Models: the list, one of them, and making one.

use serde::Serialize;

use super::{Bring, Choice, FileRow, Frame, Moment, Need, SortHeads, files, sample};
use crate::Page;

/// The list at `/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Models {
    /// What surrounds it.
    pub frame: Frame,
    /// The models that the person may see, in the order they are to be shown.
    pub models: Vec<ModelRow>,
    /// Words of the model's or its project's name that are looked for; empty for all. It is the field `words`.
    pub words: String,
    /// How they are sorted, for the field `sort`.
    pub sort: String,
    /// The heads of `name`, `project`, `job_type` and `made`.
    pub heads: SortHeads,
    /// How many models there are with them.
    pub found: u64,
    /// Path of the page before.
    pub back_href: Option<String>,
    /// Path of the next page.
    pub on_href: Option<String>,
}

/// A model as lists have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelRow {
    /// Path of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// The name of its project.
    pub project: String,
    /// Path of that project's page.
    pub project_href: String,
    /// What it is for, in words.
    pub job: String,
    /// When it was made.
    pub made: Moment,
    /// By whom.
    pub made_by: String,
    /// True where its project was deleted, which admins alone see.
    pub deleted: bool,
}

/// What is typed of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelForm {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What it can be for.
    pub job_types: Vec<Choice>,
    /// The edition that is changed; 0 where it is made.
    pub edition: u64,
    /// Why it was not taken.
    pub error: Option<String>,
}

/// The form that posts `name`, `description` and `job_type` to the project's models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelNew {
    /// What surrounds it.
    pub frame: Frame,
    /// The project's name.
    pub project: String,
    /// Path of its page; the form posts to `/models` below it.
    pub project_href: String,
    /// As typed so far.
    pub form: ModelForm,
}

/// One model; its form posts to the page itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// What surrounds it.
    pub frame: Frame,
    /// What it is.
    pub about: ModelRow,
    /// The files that its job needs.
    pub needs: Vec<Need>,
    /// True where all of them are here.
    pub ready: bool,
    /// Its files.
    pub files: Vec<FileRow>,
    /// The form that brings more; `None` where the person may not.
    pub bring: Option<Bring>,
    /// Why the last thing was not done.
    pub error: Option<String>,
    /// How often the page looks again, while something is under way.
    pub refresh_seconds: Option<u32>,
    /// The form to change it; `None` where the person may not.
    pub form: Option<ModelForm>,
    /// Where its deletion posts to; `None` where the person may not.
    pub delete_action: Option<String>,
}

pub(super) fn row() -> ModelRow {
    ModelRow {
        href: "/models/4".to_owned(),
        name: "Nodule segmentation".to_owned(),
        description: "A small U-Net over 64-voxel patches".to_owned(),
        project: "Lung nodules on chest CT".to_owned(),
        project_href: "/projects/2".to_owned(),
        job: "Flower: train a model".to_owned(),
        made: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
        made_by: "r.okafor@flip.example".to_owned(),
        deleted: false,
    }
}

fn form() -> ModelForm {
    let choice =
        |value: &str, name: &str, chosen| Choice { value: value.to_owned(), name: name.to_owned(), chosen };
    ModelForm {
        name: row().name,
        description: row().description,
        job_types: vec![
            choice("flower-standard", "Flower: train a model", true),
            choice("flower-evaluation", "Flower: evaluate a model", false),
        ],
        edition: 2,
        error: None,
    }
}

impl Page for Models {
    const TEMPLATE: &'static str = "models.html";

    fn samples() -> Vec<Self> {
        let deleted = ModelRow { deleted: true, description: String::new(), ..row() };
        let full = Self {
            frame: sample::admin(),
            models: vec![row(), deleted],
            words: "lung".to_owned(),
            found: 203,
            sort: "-made".to_owned(),
            heads: sample::heads("/models", &["made", "name", "project", "job_type"]),
            back_href: Some("/models?words=lung&page=1".to_owned()),
            on_href: Some("/models?words=lung&page=3".to_owned()),
        };
        let none = Self { models: Vec::new(), found: 0, back_href: None, on_href: None, ..full.clone() };
        let empty = Self { frame: sample::frame(), words: String::new(), ..none.clone() };
        vec![full, none, empty]
    }
}

impl Page for ModelNew {
    const TEMPLATE: &'static str = "model_new.html";

    fn samples() -> Vec<Self> {
        let empty = ModelForm { name: String::new(), description: String::new(), edition: 0, ..form() };
        let page = Self {
            frame: sample::frame(),
            project: row().project,
            project_href: row().project_href,
            form: empty,
        };
        let form = ModelForm { error: Some("the name is empty".to_owned()), ..page.form.clone() };
        vec![page.clone(), Self { form, ..page }]
    }
}

impl Page for Model {
    const TEMPLATE: &'static str = "model.html";

    fn samples() -> Vec<Self> {
        let owners = Self {
            frame: sample::frame(),
            about: row(),
            needs: files::needs(),
            ready: false,
            files: files::rows(),
            bring: Some(files::bring()),
            error: Some("“run.sh”: no file of that ending is let in".to_owned()),
            refresh_seconds: Some(1),
            form: Some(form()),
            delete_action: Some("/models/4/delete".to_owned()),
        };
        let refused = ModelForm { error: Some("the name is empty".to_owned()), ..form() };
        let nothing = (Vec::new(), None, None);
        let (files, error, refresh_seconds) = nothing;
        let refused = Self { form: Some(refused), files, error, refresh_seconds, ..owners.clone() };
        let about = ModelRow { deleted: true, description: String::new(), ..row() };
        let files =
            files::rows().into_iter().map(|row| FileRow { fetch_href: None, delete_action: None, ..row });
        let viewers = Self {
            about,
            files: files.collect(),
            ready: true,
            bring: None,
            form: None,
            delete_action: None,
            ..owners.clone()
        };
        vec![owners, refused, viewers]
    }
}
