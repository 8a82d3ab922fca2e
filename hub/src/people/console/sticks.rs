//! The console's page of sticks.

use std::sync::Arc;

use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::PartyId;
use flip_web::pages::{self as web, Said};

use super::pages::frame;
use super::shown;
use crate::bundles::BundleError;
use crate::hub::Hub;
use crate::people::act;
use crate::people::act::sticks;
use crate::people::may::May;
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::ApiProblem;

pub(super) async fn show(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&page(may.person(), &hub, None).await?))
}

pub(super) async fn make(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    sticks::make(&may, &hub, trust).await
}

pub(super) async fn take(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
    form: Multipart,
) -> Result<Response, ApiProblem> {
    let (status, said) = match sticks::take(&may, &hub, form).await? {
        Ok(taken) => {
            let (from, stored, not_taken) = (taken.trust_name, taken.stored, taken.not_taken);
            let words = format!("Taken in, from {from}: {stored} results stored, {not_taken} not taken.");
            (StatusCode::OK, Said::Done(words))
        }
        Err(BundleError::Refused(why)) => {
            (StatusCode::CONFLICT, Said::Not(format!("Refused ({}): {why}.", why.name())))
        }
        Err(error) => (StatusCode::CONFLICT, Said::Not(format!("Not taken in: {error}."))),
    };
    Ok((status, shown(&page(may.person(), &hub, Some(said)).await?)).into_response())
}

async fn page(person: &Person, hub: &Hub, said: Option<Said>) -> Result<web::Sticks, ApiProblem> {
    let standing = act::standing(hub).await?;
    let enrolled = standing.iter().filter(|one| one.trust.enrolled.is_some() && one.trust.revoked.is_none());
    let makes = enrolled.map(|one| web::StickMake {
        name: one.trust.name.clone(),
        action: format!("/trusts/{}/bundle", one.trust.id),
        waiting: one.trust.open_orders,
    });
    Ok(web::Sticks {
        frame: frame(Some(person)),
        makes: makes.collect(),
        take_action: "/uploads/sticks".to_owned(),
        said,
        acts: Vec::new(),
    })
}
