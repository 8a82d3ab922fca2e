//! Models as page contexts.

use flip_protocol::{UnixMillis, text};
use flip_web::pages::{self as web, Moment};

use super::{REFRESH_BUSY_S, frame};
use crate::bounds;
use crate::ledger::files::{State, Verdict};
use crate::ledger::models::Model;
use crate::model::{JobType, Need};
use crate::people::act::files::Progress;
use crate::people::act::models::{Typed, Whole};
use crate::people::may::May;
use crate::permissions::{Act, Is};
use crate::scan::endings;

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
    whole: &Whole,
    typed: Option<web::ModelForm>,
    now: UnixMillis,
) -> web::Model {
    let (model, changes) = (&whole.model, seer.also(Act::ChangeModels));
    let fetches = seer.also(Act::FetchFiles);
    let under_way = |one: &Progress| matches!(one.file.state, State::Uploading | State::Quarantined(_));
    let as_it_is = || {
        let Model { name, description, job_type, .. } = model.clone();
        form(Typed { name, description, job_type: job_type.name().to_owned() }, model.edition, None)
    };
    web::Model {
        frame: frame(Some(seer.person())),
        about: row(model, now),
        ready: whole.ready(),
        needs: whole.needs.iter().map(|(name, need)| self::need(name, *need)).collect(),
        files: whole.files.iter().map(|one| file(model, one, fetches, changes, now)).collect(),
        bring: changes.then(|| web::Bring {
            action: format!("/uploads/models/{}", model.id),
            api: format!("/api/v1/models/{}/files", model.id),
            accept: endings().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(","),
            bytes_max: bounds::FILE_BYTES,
        }),
        error: None,
        refresh_seconds: whole.files.iter().any(under_way).then_some(REFRESH_BUSY_S),
        form: changes.then(|| typed.unwrap_or_else(as_it_is)),
        delete_action: changes.then(|| format!("/models/{}/delete", model.id)),
    }
}

fn need(name: &str, need: Need) -> web::Need {
    let state = match need {
        Need::Here => web::NeedState::Here,
        Need::Coming => web::NeedState::Coming,
        Need::Missing => web::NeedState::Missing,
    };
    web::Need { name: name.to_owned(), state }
}

fn file(model: &Model, one: &Progress, fetches: bool, changes: bool, now: UnixMillis) -> web::FileRow {
    let Progress { file, received } = one;
    let (state, notes) = match &file.state {
        State::Uploading => (web::FileState::Uploading { received: *received }, [].as_slice()),
        State::Quarantined(why) => (web::FileState::Quarantined { why: why.clone() }, [].as_slice()),
        State::Judged(Verdict::Clean { sha256, notes }) => {
            (web::FileState::Clean { sha256: text::hex(sha256) }, notes.as_slice())
        }
        State::Judged(Verdict::Refused(why)) => (web::FileState::Refused { why: why.clone() }, [].as_slice()),
        State::Judged(Verdict::Failed(why)) => (web::FileState::Failed { why: why.clone() }, [].as_slice()),
    };
    let href = format!("/models/{}/files/{}", model.id, file.id);
    web::FileRow {
        id: file.id.to_string(),
        name: file.name.clone(),
        bytes: file.bytes,
        notes: notes.iter().map(|note| (note.line as u64, note.why.clone())).collect(),
        by: file.opened_by.clone(),
        at: Moment::at(file.opened.0, now.0),
        fetch_href: (fetches && matches!(state, web::FileState::Clean { .. })).then(|| href.clone()),
        delete_action: changes.then(|| format!("{href}/delete")),
        state,
    }
}
