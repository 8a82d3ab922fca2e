//! The console's page of the audit.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use flip_web::pages::{self as web};
use serde::Deserialize;

use super::{pages, shown, typed_wrongly, words_of};
use crate::audit::filter::Asked;
use crate::audit::written::Format;
use crate::clock;
use crate::hub::Hub;
use crate::people::act::audit as act;
use crate::people::may::May;
use crate::people::parts::Parameters;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(flatten)]
    asked: Asked,
    #[serde(default)]
    before: String,
    /// Not empty where the whole audit is to be checked.
    #[serde(default)]
    check: String,
}

#[derive(Deserialize)]
pub(super) struct Export {
    #[serde(flatten)]
    asked: Asked,
    format: Format,
}

pub(super) async fn list(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, ApiProblem> {
    // A page that never was is the newest one.
    let before = page.before.parse().ok();
    let chain = match page.check.as_str() {
        "" => None,
        _ => Some(act::check(&may, &hub).await?),
    };
    match act::list(&may, &hub, &page.asked, before).await {
        Ok((acts, more)) => {
            let mut shown_page = pages::audit::audit(may.person(), &page.asked, &acts, clock::now());
            let names = hub.ledger.names(pages::audit::ids(&shown_page)).await?;
            pages::audit::call(&mut shown_page, &names);
            Ok(shown(&web::Audit {
                older_href: acts.last().filter(|_| more).map(|last| pages::audit::older(&page.asked, last)),
                newest_href: before.map(|_| pages::audit::newest(&page.asked)),
                chain: chain.map(pages::audit::chain),
                ..shown_page
            }))
        }
        Err(problem) if typed_wrongly(&problem) => {
            let shown_page = pages::audit::audit(may.person(), &page.asked, &[], clock::now());
            let page = web::Audit { error: Some(words_of(&problem)), filtered: false, ..shown_page };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn export(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    Parameters(export): Parameters<Export>,
) -> Result<Response, ApiProblem> {
    act::export(&may, &hub, &export.asked, export.format).await
}
