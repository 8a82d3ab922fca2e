//! Models as page contexts.

use flip_protocol::UnixMillis;
use flip_web::pages::{self as web, Moment};

use super::frame;
use crate::ledger::models::Model;
use crate::model::JobType;
use crate::people::act::models::Typed;
use crate::people::may::May;
use crate::permissions::{Act, Is};

pub fn row(model: &Model, now: UnixMillis) -> web::ModelRow {
    web::ModelRow {
        href: format!("/models/{}", model.id),
        name: model.name.clone(),
        description: model.description.clone(),
        project: model.project_name.clone(),
        project_href: format!("/projects/{}", model.project),
        job: model.job_type.words().to_owned(),
        made: Moment::at(model.made.0, now.0),
        made_by: model.made_by.clone(),
        deleted: model.project_deleted,
    }
}

/// The form of one, with what was typed.
pub fn form(typed: Typed, edition: u64, error: Option<String>) -> web::ModelForm {
    let choice = |one: &JobType| web::Choice {
        value: one.name().to_owned(),
        name: one.words().to_owned(),
        chosen: one.name() == typed.job_type,
    };
    web::ModelForm {
        job_types: JobType::ALL.iter().map(choice).collect(),
        name: typed.name,
        description: typed.description,
        edition,
        error,
    }
}

/// Its page; with what was typed where that was not taken.
pub fn model<A: Is>(
    seer: &May<A>,
    model: &Model,
    typed: Option<web::ModelForm>,
    now: UnixMillis,
) -> web::Model {
    let changes = seer.also(Act::ChangeModels);
    let as_it_is = || {
        let Model { name, description, job_type, .. } = model.clone();
        form(Typed { name, description, job_type: job_type.name().to_owned() }, model.edition, None)
    };
    web::Model {
        frame: frame(Some(seer.person())),
        about: row(model, now),
        form: changes.then(|| typed.unwrap_or_else(as_it_is)),
        delete_action: changes.then(|| format!("/models/{}/delete", model.id)),
    }
}
