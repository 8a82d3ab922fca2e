//! `/queries`: cohort queries and their combined results.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::{HeaderName, StatusCode, header};
use flip_protocol::answer::Summary;
use flip_protocol::ident::ProjectId;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Body;
use crate::audit::Deed;
use crate::bounds;
use crate::combine::{Combined, SeriesCell};
use crate::csv::quoted;
use crate::hub::Hub;
use crate::ledger::queries::Query;
use crate::people::act;
use crate::people::may::{May, Wish};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewQuery {
    name: String,
    sql: String,
    /// The person's own project where it is absent.
    project: Option<ProjectId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    #[serde(default)]
    wait_s: u64,
}

/// `POST /queries`: asks every enrolled Trust.
pub(super) async fn ask(
    wish: Wish<acts::Ask>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewQuery>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), ApiProblem> {
    let by = wish.person().name.clone();
    let id = act::asking::ask(wish, &hub, &new.name, &new.sql, new.project).await?;
    tracing::info!(query = %id, by, "a query was asked");
    let place = format!("/api/v1/queries/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(json!({ "id": id }))))
}

/// `GET /projects/{project}/queries`: each with what changed from the one before it, the newest first.
pub(super) async fn history(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let history = act::history::of(&may, &hub).await?;
    let queries: Vec<Value> = history
        .questions
        .iter()
        .map(|one| {
            let mut query = to_json(&one.query, &Combined { fields: Vec::new(), ..one.combined.clone() });
            query["current"] = one.current.into();
            query["changes"] = one.changes.iter().map(|line| format!("{}{}", line.sign, line.text)).collect();
            query
        })
        .collect();
    Ok(Json(json!({ "queries": queries, "more": history.more })))
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

/// `GET /queries`: the newest hundred that one may see, without their fields.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let queries: Vec<Value> = act::queries(&may, &hub, None)
        .await?
        .into_iter()
        .map(|(query, combined)| to_json(&query, &Combined { fields: Vec::new(), ..combined }))
        .collect();
    Ok(Json(json!({ "queries": queries })))
}

/// `GET /queries/{id}?wait_s=25`: the combined result as it stands, or as soon as it is complete.
pub(super) async fn show(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    wait: Result<Parameters<Wait>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    let (query, combined) = act::result(&may, &hub, id, waiting(wait)?).await?;
    Ok(Json(to_json(&query, &combined)))
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

/// What is wrong with what follows the path.
pub(super) fn bad_parameter(rejection: &QueryRejection) -> ApiProblem {
    ApiProblem::new(StatusCode::BAD_REQUEST, "bad_parameter", "A parameter of the address is not right.")
        .detail(rejection.body_text())
}

/// How long an answer may be waited for.
pub(super) fn waiting(wait: Result<Parameters<Wait>, QueryRejection>) -> Result<Duration, ApiProblem> {
    let Parameters(wait) = wait.map_err(|rejection| bad_parameter(&rejection))?;
    Ok(Duration::from_secs(wait.wait_s.min(bounds::WAIT_S)))
}

fn to_json(query: &Query, combined: &Combined) -> Value {
    json!({
        "id": query.id,
        "name": query.name,
        "sql": query.sql,
        "project": query.project,
        "asked_by": query.asked_by,
        "asked": query.asked,
        "result": combined,
    })
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
