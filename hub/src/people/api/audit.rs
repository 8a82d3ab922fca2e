//! `/audit`: what was done at this hub.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::document::Said;
use super::{Parameters, bad_parameter, next_link};
use crate::audit::filter::Asked;
use crate::audit::written::{self, Format};
use crate::hub::Hub;
use crate::people::act::audit as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(flatten)]
    asked: Asked,
    /// A number; acts before it are given.
    #[serde(default)]
    before: String,
}

#[derive(Deserialize)]
pub(super) struct Export {
    #[serde(flatten)]
    asked: Asked,
    #[serde(default = "lines")]
    format: Format,
}

#[derive(IntoParams)]
#[expect(dead_code, reason = "it describes; `Page` is read")]
struct Before {
    /// The number of an act: acts before it are given.
    before: Option<String>,
}

#[derive(IntoParams)]
#[expect(dead_code, reason = "it describes; `Export` is read")]
struct As {
    /// `jsonl`, which is the default, or `csv`.
    format: Option<String>,
}

/// Acts, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct ActPage {
    /// Those of this page.
    #[schema(value_type = Vec<Entry>)]
    acts: Vec<Value>,
    /// Where to go on: the next request's `before`; null at the end.
    #[schema(example = 7)]
    next_before: Option<u64>,
}

/// Something that was done. docs/AUDIT.md lists every act and its facts.
#[derive(ToSchema)]
#[schema(as = AuditAct)]
#[expect(dead_code, reason = "it describes what `json_of` writes")]
struct Entry {
    /// Its number, from 1, without gaps.
    #[schema(example = 7)]
    number: u64,
    /// When.
    #[schema(value_type = Moment)]
    at_ms: u64,
    /// Its name.
    #[schema(example = "project_made")]
    act: String,
    /// Who did it, and on what.
    #[schema(value_type = Object, example = json!({ "by": { "kind": "hub" } }))]
    facts: Value,
    /// That of the act before it and this one.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
}

/// Whether the audit is whole.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Checked {
    /// It is.
    Whole {
        /// Always true.
        whole: bool,
        /// How many acts there are.
        #[schema(example = 7)]
        entries: u64,
        /// The newest act's.
        #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
        hash: String,
    },
    /// It is not.
    Altered {
        /// Always false.
        whole: bool,
        /// What is wrong.
        #[schema(example = "act 5 does not follow from the one before it")]
        why: String,
    },
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/audit", "A page of what was done here, the newest first.")
            .reads::<Asked>()
            .reads::<Before>()
            .gives_part::<ActPage>("At most 100 acts.")
            .refuses(&[Code::BadFilter]),
        Said::get("/api/v1/audit/check", "Whether each act follows from the one before it.")
            .gives::<Checked>(200, "What was found.")
            .refuses(&[Code::NoAuditHead]),
        Said::get("/api/v1/audit/export", "All acts that are looked for, the oldest first.")
            .reads::<Asked>()
            .reads::<As>()
            .gives_text("application/jsonl; charset=utf-8", "A line for each act; with `format=csv` as CSV.")
            .refuses(&[Code::BadFilter]),
    ]
}

/// `GET /audit?who=&act=&project=&trust=&from=&until=&before=`: a page of acts, newest first.
pub(super) async fn list(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    Parameters(page): Parameters<Page>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<ActPage>), ApiProblem> {
    let before = match page.before.as_str() {
        "" => None,
        text => {
            // The ledger's numbers have a sign.
            let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
            Some(number.ok_or_else(|| bad_parameter("`before` is the number of an act"))?)
        }
    };
    let (acts, more) = act::list(&may, &hub, &page.asked, before).await?;
    let next = acts.last().filter(|_| more).map(|kept| kept.act.number);
    let acts = acts.iter().map(|kept| written::json_of(&kept.act, &kept.hash)).collect();
    let link = next_link(&uri, "before", next.map(|number| number.to_string()).as_deref());
    Ok((link, Json(ActPage { acts, next_before: next })))
}

/// `GET /audit/check`: whether each act follows from the one before it.
pub(super) async fn check(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Checked>, ApiProblem> {
    Ok(Json(match act::check(&may, &hub).await? {
        Ok(head) => Checked::Whole { whole: true, entries: head.entries, hash: head.hash },
        Err(wrong) => Checked::Altered { whole: false, why: wrong.to_string() },
    }))
}

/// `GET /audit/export?format=jsonl`: all acts that are looked for, oldest first.
pub(super) async fn export(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    Parameters(export): Parameters<Export>,
) -> Result<Response, ApiProblem> {
    act::export(&may, &hub, &export.asked, export.format).await
}

fn lines() -> Format {
    Format::Jsonl
}
