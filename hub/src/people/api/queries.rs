//! `/queries`: cohort queries and their combined results.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::{Extension, Json};
use flip_protocol::UnixMillis;
use flip_protocol::answer::Summary;
use flip_protocol::ident::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::document::Said;
use super::{Body, Made, Parameters, Path, bad_parameter, next_link, rows};
use crate::audit::Deed;
use crate::bounds;
use crate::combine::{Combined, SeriesCell};
use crate::csv::quoted;
use crate::hub::Hub;
use crate::ledger::queries as ledger;
use crate::people::act;
use crate::people::may::{May, Wish};
use crate::people::once::{KEEP, Keep};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::shapes::Moment;

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewQuery {
    /// A name of your choice; people at the Trusts see it.
    #[schema(max_length = 120, example = "Type 2 diabetes")]
    name: String,
    /// SQL over OMOP tables that selects the persons.
    #[schema(
        example = "SELECT person_id FROM omop.condition_occurrence WHERE condition_concept_id = 201826"
    )]
    sql: String,
    /// What it is asked for; a project of your own where it is absent.
    #[schema(value_type = Option<Uuid>)]
    project: Option<ProjectId>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Seconds that the answer may be waited for: it comes as soon as nothing can change any more.
    #[serde(default)]
    #[param(maximum = 25)]
    wait_s: u64,
}

impl Wait {
    /// How long.
    pub(super) fn time(&self) -> Result<Duration, ApiProblem> {
        if self.wait_s > bounds::WAIT_S {
            return Err(bad_parameter(&format!("`wait_s` is at most {}", bounds::WAIT_S)));
        }
        Ok(Duration::from_secs(self.wait_s))
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PartOfQueries {
    /// Words of the name or the SQL.
    #[serde(default)]
    #[param(value_type = String, max_length = 254)]
    search: Words,
    /// What `next` said: queries that were asked before that one.
    after: Option<Uuid>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A query and its combined result.
#[derive(Serialize, ToSchema)]
pub(super) struct Query {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "Type 2 diabetes")]
    name: String,
    /// The question.
    #[schema(
        example = "SELECT person_id FROM omop.condition_occurrence WHERE condition_concept_id = 201826"
    )]
    sql: String,
    /// What it is asked for.
    #[schema(value_type = Uuid)]
    project: ProjectId,
    /// Who asked, by the name that they have now.
    #[schema(example = "ada")]
    asked_by: String,
    /// When.
    #[schema(value_type = Moment)]
    asked: UnixMillis,
    /// What the Trusts said.
    result: Combined,
}

/// The newest queries.
#[derive(Serialize, ToSchema)]
pub(super) struct QueryPage {
    /// The newest first, their results without `fields`.
    queries: Vec<Query>,
    /// Where to go on: the next request's `after`; null at the end.
    next: Option<Uuid>,
}

/// Every question of a project.
#[derive(Serialize, ToSchema)]
pub(super) struct History {
    /// The newest first, their results without `fields`.
    queries: Vec<PastQuery>,
    /// Whether there are older ones.
    more: bool,
    /// Where to go on: the next request's `after`; null at the end.
    next: Option<Uuid>,
}

/// A question of a project.
#[derive(Serialize, ToSchema)]
struct PastQuery {
    #[serde(flatten)]
    query: Query,
    /// Whether Trusts decide about this one, or would: the newest.
    current: bool,
    /// Its lines beside those of the one before it: `+`, `-` or a space, and the line.
    #[schema(example = json!(["-SELECT person_id FROM person", "+SELECT person_id FROM death"]))]
    changes: Vec<String>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/queries", "The queries that you may see, the newest first.")
            .reads::<PartOfQueries>()
            .gives_part::<QueryPage>("A part of them, without their fields."),
        Said::post("/api/v1/queries", "Asks every enrolled Trust.")
            .takes::<NewQuery>()
            .made::<Made>("It is asked.")
            .refuses(&[Code::BadName, Code::NoTrusts, Code::ProjectClosed, Code::ProjectDeleted])
            .refuses(&[Code::Maintenance])
            .refuses_questions(),
        Said::get("/api/v1/queries/{query}", "A query and its combined result.")
            .reads::<Wait>()
            .gives::<Query>(200, "As it stands, or as soon as it is complete."),
        Said::get("/api/v1/queries/{query}/csv", "Every cell of every Trust that gave a value, as CSV.")
            .more("A withheld cell says `withheld`. A Trust without a value has no lines.")
            .gives_text("text/csv; charset=utf-8", "A heading, and a line for each cell."),
        Said::post("/api/v1/queries/{query}/cancel", "Cancels what of a query is under way.")
            .gives_nothing(204, "It is cancelled.")
            .refuses(&[Code::NothingToCancel]),
        Said::get("/api/v1/projects/{project}/queries", "Every question of a project, with what changed.")
            .reads::<PartOfQueries>()
            .gives_part::<History>("A part of them, the newest first, without their fields."),
    ]
}

/// `POST /queries`: asks every enrolled Trust.
pub(super) async fn ask(
    wish: Wish<acts::Ask>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewQuery>,
) -> Result<(StatusCode, Extension<Keep>, [(HeaderName, String); 1], Json<Made>), ApiProblem> {
    let by = wish.person().name.clone();
    let id = act::asking::ask(wish, &hub, &new.name, &new.sql, new.project).await?;
    tracing::info!(query = %id, by, "a query was asked");
    let place = format!("/api/v1/queries/{id}");
    Ok((StatusCode::CREATED, KEEP, [(header::LOCATION, place)], Json(Made { id })))
}

/// `GET /projects/{project}/queries?search=`: each with what changed from the one before it, the newest first.
pub(super) async fn history(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<PartOfQueries>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<History>), ApiProblem> {
    let history = act::history::of(&may, &hub, &part.search, part.after, rows(part.limit)?).await?;
    let next = history.next();
    let queries = history.questions.into_iter().map(|one| PastQuery {
        query: listed(one.query, one.combined),
        current: one.current,
        changes: one.changes.iter().map(|line| format!("{}{}", line.sign, line.text)).collect(),
    });
    let history = History { queries: queries.collect(), more: history.more, next };
    Ok((next_link(&uri, "after", next.map(|id| id.to_string()).as_deref()), Json(history)))
}

/// `POST /queries/{query}/cancel`: of what is still under way.
pub(super) async fn cancel(
    may: May<acts::Ask>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiProblem> {
    act::asking::cancel(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /queries?search=`: those that one may see, the newest first, without their fields.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<PartOfQueries>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<QueryPage>), ApiProblem> {
    let most = rows(part.limit)?;
    let (found, next) = act::queries(&may, &hub, None, &part.search, part.after, most).await?;
    let queries = found.into_iter().map(|(query, combined)| listed(query, combined)).collect();
    let link = next_link(&uri, "after", next.map(|id| id.to_string()).as_deref());
    Ok((link, Json(QueryPage { queries, next })))
}

/// `GET /queries/{id}?wait_s=25`: the combined result as it stands, or as soon as it is complete.
pub(super) async fn show(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    Parameters(wait): Parameters<Wait>,
) -> Result<Json<Query>, ApiProblem> {
    let (query, combined) = act::result(&may, &hub, id, wait.time()?).await?;
    Ok(Json(with_result(query, combined)))
}

/// `GET /queries/{id}/csv`: every cell as a line, and every Trust's mean and spread.
pub(super) async fn csv(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<([(HeaderName, String); 2], String), ApiProblem> {
    let (query, combined) = act::result(&may, &hub, id, Duration::ZERO).await?;
    let deed = Deed::AnswersDownloaded { project: query.project, query: id, query_name: query.name };
    // Noted before the first byte: what cannot be noted is not downloaded.
    hub.ledger.note(may.by(), deed).await?;
    let name = format!("attachment; filename=\"query-{}.csv\"", query.id);
    Ok((
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)],
        csv_of(&combined),
    ))
}

fn csv_of(combined: &Combined) -> String {
    let mut lines = String::from("trust,field,label,count,unit,margin\r\n");
    let mut put = |values: [&str; 6]| {
        lines.push_str(&values.map(quoted).join(","));
        lines.push_str("\r\n");
    };
    for field in &combined.fields {
        let unit = field.unit.name();
        for series in &field.series {
            let margin = series.margin.map(|margin| margin.to_string()).unwrap_or_default();
            for (label, cell) in field.labels.iter().zip(&series.cells) {
                match cell {
                    SeriesCell::Count(count) => {
                        put([&series.trust_name, &field.name, label, &count.to_string(), unit, &margin]);
                    }
                    SeriesCell::Withheld => {
                        put([&series.trust_name, &field.name, label, "withheld", unit, ""]);
                    }
                    SeriesCell::Absent => {}
                }
            }
            if let Some(Summary { mean, spread }) = series.summary {
                for (label, value) in [("mean", mean), ("spread", spread)] {
                    // Not a count: a number as the column has them.
                    put([&series.trust_name, &field.name, label, &value.value().to_string(), "value", ""]);
                }
            }
        }
    }
    lines
}

/// A query as lists have it: without its fields.
fn listed(query: ledger::Query, combined: Combined) -> Query {
    with_result(query, Combined { fields: Vec::new(), ..combined })
}

fn with_result(query: ledger::Query, result: Combined) -> Query {
    Query {
        id: query.id,
        name: query.name,
        sql: query.sql,
        project: query.project,
        asked_by: query.asked_by,
        asked: query.asked,
        result,
    }
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Shape, Unit};

    use super::*;
    use crate::combine::{CombinedField, Series, Tally};

    #[test]
    fn a_csv_says_counts_margins_means_and_what_is_withheld() {
        let finite = |value: f64| value.try_into().unwrap();
        let series = Series {
            trust_name: "North, \"upper\"".to_owned(),
            cells: vec![SeriesCell::Count(1_240), SeriesCell::Withheld, SeriesCell::Absent],
            folded: true,
            margin: Some(40),
            summary: Some(Summary { mean: finite(-2.5), spread: finite(1.25) }),
        };
        let field = CombinedField {
            name: "Distribution of z".to_owned(),
            unit: Unit::Persons,
            shape: Shape::Histogram,
            labels: vec!["-5 to 0".to_owned(), "=1+1".to_owned(), "0 and more".to_owned()],
            series: vec![series],
        };
        let combined = Combined {
            total: None,
            trusts: Tally::default(),
            complete: true,
            shares: Vec::new(),
            fields: vec![field],
        };
        let lines = csv_of(&combined);
        let trust = "\"North, \"\"upper\"\"\",Distribution of z";
        let expected = [
            "trust,field,label,count,unit,margin".to_owned(),
            format!("{trust},\"'-5 to 0\",1240,persons,40"),
            format!("{trust},\"'=1+1\",withheld,persons,"),
            format!("{trust},mean,-2.5,value,"),
            format!("{trust},spread,1.25,value,"),
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }
}
