//! `/second-factor`: give it, set one up, make its recovery codes anew.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::people::act::second_factor as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    code: String,
    /// One of the factor so far, where there is one.
    now: Option<String>,
}

/// `GET /second-factor`: since when there is one, how many recovery codes are left, and what one can be set up with.
pub(super) async fn show(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let own = act::own(&may, &hub).await?;
    let offer = act::offer(&may, &hub).map(|offer| json!({ "secret": offer.secret, "uri": offer.uri }));
    Ok(Json(json!({
        "since": own.as_ref().map(|own| own.enrolled),
        "recovery_codes_left": own.map(|own| own.codes_left),
        "offer": offer,
    })))
}

/// `POST /second-factor/code`: a code of the app, or a recovery code; gives the token of the whole session.
pub(super) async fn give(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Body(given): Body<Given>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let opened = act::give(&may, &hub, &given.code).await?;
    Ok((StatusCode::CREATED, Json(super::session::to_json(&opened, None))))
}

/// `POST /second-factor`: sets up what was offered; gives the recovery codes and the token of the whole session.
pub(super) async fn enrol(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let (opened, codes) = act::enrol(&may, &hub, &new.code, new.now.as_deref()).await?;
    let mut made = super::session::to_json(&opened, None);
    made["recovery_codes"] = json!(codes);
    Ok((StatusCode::CREATED, Json(made)))
}

/// `POST /second-factor/recovery-codes`: other recovery codes in place of those that are left.
pub(super) async fn other_codes(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Body(given): Body<Given>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let codes = act::other_codes(&may, &hub, &given.code).await?;
    Ok((StatusCode::CREATED, Json(json!({ "recovery_codes": codes }))))
}
