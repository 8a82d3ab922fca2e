//! What people do with models.

use super::Stale;
use super::files::Progress;
use super::projects::{Listed, checked, look};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::files::{State, Verdict};
use crate::ledger::models::{Model, ModelColumn, Said, Unchanged};
use crate::ledger::projects::Seer;
use crate::model::{ModelId, Need, NoJobType};
use crate::people::may::May;
use crate::permissions::{Is, acts};
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::sorting::Sorting;

/// What was typed of a model.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewModel)]
pub struct Typed {
    /// Its name.
    #[schema(max_length = 120, example = "Retinopathy from fundus images")]
    pub name: String,
    /// What it is.
    #[serde(default)]
    #[schema(max_length = 250, example = "A small ResNet")]
    pub description: String,
    /// A job type's name.
    #[schema(example = "flower-standard")]
    pub job_type: String,
}

/// The models that the person may see with these words in their own or their project's name, in that order, page by page.
pub async fn list(
    may: &May<acts::SeeLists>,
    hub: &Hub,
    words: Words,
    page: u64,
    sorting: Sorting<ModelColumn>,
) -> Result<Listed<Model>, ApiProblem> {
    let seer = Seer::of(may.person().id, may.person().role);
    let (look, page) = look(words, page);
    let found = hub.ledger.models(seer, look.clone(), sorting).await?;
    Ok(Listed::of(look, page, found))
}

/// Makes a model in an approved project.
pub async fn make(may: &May<acts::ChangeModels>, hub: &Hub, typed: &Typed) -> Result<ModelId, ApiProblem> {
    may.undeleted()?;
    let wanted = said(typed)?;
    let by = may.by();
    let id = ModelId::new(by.at, &clock::random_bytes());
    match hub.ledger.make_model(by, may.person().id, may.project(), id, wanted.clone()).await? {
        Ok(()) => {
            tracing::info!(model = %id, by = may.person().name, "a model was made");
            Ok(id)
        }
        Err(unchanged) => Err(refused(&wanted, unchanged)?.into()),
    }
}

/// A model of the project that the person was let into.
pub async fn found<A: Is>(may: &May<A>, hub: &Hub, id: ModelId) -> Result<Model, ApiProblem> {
    let found = hub.ledger.model(id).await?;
    found.filter(|model| model.project == may.project()).ok_or_else(ApiProblem::not_found)
}

/// A model with its files.
pub struct Whole {
    /// The model.
    pub model: Model,
    /// Its files, and how far each is.
    pub files: Vec<Progress>,
    /// The files that its job needs, and whether they are here.
    pub needs: Vec<(&'static str, Need)>,
}

impl Whole {
    /// True where nothing is missing.
    pub fn ready(&self) -> bool {
        self.needs.iter().all(|(_, need)| *need == Need::Here)
    }
}

/// A model of the project that the person was let into, with its files.
pub async fn whole<A: Is>(may: &May<A>, hub: &Hub, id: ModelId) -> Result<Whole, ApiProblem> {
    let model = found(may, hub, id).await?;
    let mut files = Vec::new();
    for file in hub.ledger.files_of(id).await? {
        files.push(super::files::progress(hub, file).await?);
    }
    let states = files.iter().map(|one| (one.file.name.as_str(), need(&one.file.state)));
    let needs = model.job_type.needs(&states.collect::<Vec<_>>());
    Ok(Whole { model, files, needs })
}

fn need(state: &State) -> Need {
    match state {
        State::Uploading | State::Quarantined(_) => Need::Coming,
        State::Judged(Verdict::Clean { .. }) => Need::Here,
        State::Judged(Verdict::Refused(_) | Verdict::Failed(_)) => Need::Missing,
    }
}

/// Gives a model another name, description and job type.
pub async fn edit(
    may: &May<acts::ChangeModels>,
    hub: &Hub,
    id: ModelId,
    edition: u64,
    typed: &Typed,
) -> Result<Result<(), Stale>, ApiProblem> {
    may.undeleted()?;
    let wanted = said(typed)?;
    match hub.ledger.edit_model(may.by(), id, edition, wanted.clone()).await? {
        Ok(()) => {
            tracing::info!(model = %id, by = may.person().name, "a model was edited");
            Ok(Ok(()))
        }
        Err(unchanged) => refused(&wanted, unchanged).map(Err),
    }
}

/// What a model is now where it is not what was typed.
fn theirs(wanted: &Said, now: &Model) -> String {
    let mut differs = Vec::new();
    if wanted.name != now.name {
        differs.push(format!("its name is “{}” now", now.name));
    }
    if wanted.description != now.description {
        differs.push(format!("its description is “{}” now", now.description));
    }
    if wanted.job_type != now.job_type {
        differs.push(format!("it is for {} now", now.job_type.name()));
    }
    if differs.is_empty() {
        differs.push("it is as you want it already".to_owned());
    }
    differs.join("; ")
}

/// Deletes a model.
pub async fn delete(may: &May<acts::ChangeModels>, hub: &Hub, id: ModelId) -> Result<(), ApiProblem> {
    may.undeleted()?;
    hub.ledger.delete_model(may.by(), id).await??;
    hub.files.announce();
    tracing::info!(model = %id, by = may.person().name, "a model was deleted");
    Ok(())
}

fn said(typed: &Typed) -> Result<Said, ApiProblem> {
    let (name, description) = checked(&typed.name, &typed.description)?;
    let job_type = typed.job_type.parse().map_err(|error: NoJobType| {
        ApiProblem::new(Code::BadJobType, "There is no such job type.").detail(error.to_string())
    })?;
    Ok(Said { name, description, job_type })
}

fn refused(wanted: &Said, unchanged: Unchanged) -> Result<Stale, ApiProblem> {
    Err(match unchanged {
        Unchanged::Barred(barred) => barred.into(),
        Unchanged::NotApproved(state) => {
            ApiProblem::new(Code::ProjectNotApproved, "Models are made in approved projects.").detail(
                format!("the project is {state}; models can be made once the first Trust has approved it"),
            )
        }
        Unchanged::TooMany => {
            ApiProblem::new(Code::TooManyModels, "The project has as many models as one may have.")
                .detail(format!("a project has at most {} models; delete one", bounds::MODELS))
        }
        Unchanged::Stale(now) => return Ok(Stale::of("model", theirs(wanted, &now), now.edition)),
    })
}
