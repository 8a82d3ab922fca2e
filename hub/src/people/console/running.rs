//! The console's page of the hub itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages::{self as web, Moment};
use serde::Deserialize;

use super::{pages, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::people::act::running as act;
use crate::people::may::May;
use crate::people::parts::Form;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

#[derive(Deserialize)]
pub(super) struct NewBanner {
    text: String,
    href: String,
}

#[derive(Deserialize)]
pub(super) struct NewMaintenance {
    mode: String,
    #[serde(default)]
    words: String,
}

pub(super) async fn show(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&page(&may, &hub).await?))
}

pub(super) async fn banner(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<NewBanner>,
) -> Result<Response, ApiProblem> {
    match act::set_banner(&may, &hub, &new.text, &new.href).await {
        Ok(()) => Ok(Redirect::to("/hub").into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let asked = web::Hub { banner_text: new.text, banner_href: new.href, ..page(&may, &hub).await? };
            Ok(again(asked, &problem))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn maintenance(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<NewMaintenance>,
) -> Result<Response, ApiProblem> {
    let on = match new.mode.as_str() {
        "on" => true,
        "off" => false,
        _ => {
            let title = "Maintenance is on or off.";
            return Err(ApiProblem::new(Code::BadMode, title));
        }
    };
    match act::set_maintenance(&may, &hub, on, &new.words).await {
        Ok(()) => Ok(Redirect::to("/hub").into_response()),
        Err(problem) if typed_wrongly(&problem) => Ok(again(page(&may, &hub).await?, &problem)),
        Err(problem) => Err(problem),
    }
}

fn again(page: web::Hub, problem: &ApiProblem) -> Response {
    let page = web::Hub { error: Some(words_of(problem)), ..page };
    problem.with_page(shown(&page))
}

async fn page(may: &May<acts::RunHub>, hub: &Hub) -> Result<web::Hub, ApiProblem> {
    let (settings, open) = act::show(may, hub).await?;
    let now = clock::now();
    let banner = settings.banner;
    Ok(web::Hub {
        frame: pages::frame(Some(may.person())),
        banner_text: banner.as_ref().map(|banner| banner.text.clone()).unwrap_or_default(),
        banner_href: banner.and_then(|banner| banner.href).unwrap_or_default(),
        characters_max: bounds::NOTICE_CHARACTERS as u64,
        refresh_seconds: settings.maintenance.is_some().then_some(pages::REFRESH_BUSY_S),
        maintenance: settings.maintenance.map(|on| web::Maintenance {
            since: Moment::at(on.since.0, now.0),
            by: on.by,
            words: on.words,
        }),
        queued: open.queued,
        at_trusts: open.at_trusts,
        attention: hub.files.standing().attention(),
        error: None,
    })
}
