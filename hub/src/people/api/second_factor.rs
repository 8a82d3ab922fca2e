//! `/second-factor`: give it, set one up, make its recovery codes anew.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::document::Said;
use super::session::{OpenedSession, written};
use crate::hub::Hub;
use crate::people::act::second_factor as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecondFactorCode)]
pub(super) struct Given {
    /// Six digits of the app, or a recovery code.
    #[schema(example = "492039")]
    code: String,
}

/// A second factor that is set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSecondFactor)]
pub(super) struct New {
    /// Six digits of the app.
    #[schema(example = "492039")]
    code: String,
    /// One of the factor so far, where there is one.
    #[schema(example = "118352")]
    now: Option<String>,
}

/// One's own second factor.
#[derive(Serialize, ToSchema)]
pub(super) struct OwnSecondFactor {
    /// Since when there is one.
    #[schema(value_type = Option<Moment>)]
    since: Option<UnixMillis>,
    /// How many recovery codes are left.
    #[schema(example = 10)]
    recovery_codes_left: Option<u64>,
    /// What one can be set up with.
    offer: Option<Offer>,
}

/// What a second factor can be set up with.
#[derive(Serialize, ToSchema)]
struct Offer {
    /// For typing into an app.
    #[schema(example = "JBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same, as apps read it from a QR code.
    #[schema(example = "otpauth://totp/FLIP%20Edge:ada?secret=JBSWY3DPEHPK3PXP&issuer=FLIP%20Edge")]
    uri: String,
}

/// A session whose second factor was set up.
#[derive(Serialize, ToSchema)]
pub(super) struct Enrolled {
    #[serde(flatten)]
    session: OpenedSession,
    /// Each good once, shown this once.
    #[schema(example = json!(["k7fd-2mxq-9w4t"]))]
    recovery_codes: Vec<String>,
}

/// Recovery codes.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    /// Each good once, shown this once.
    #[schema(example = json!(["k7fd-2mxq-9w4t"]))]
    recovery_codes: Vec<String>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    let wrong = [Code::WrongCode, Code::CodeUsed, Code::FactorUnreadable, Code::NoSecondFactor];
    vec![
        Said::get("/api/v1/second-factor", "Your second factor, or what one can be set up with.")
            .gives::<OwnSecondFactor>(200, "How it stands."),
        Said::post("/api/v1/second-factor/code", "Gives a code, after the password.")
            .takes::<Given>()
            .gives::<OpenedSession>(201, "The token of the whole session; the one before is void.")
            .refuses(&wrong)
            .refuses(&[Code::SignedIn, Code::TooManyTries]),
        Said::post("/api/v1/second-factor", "Sets up the second factor that was offered.")
            .takes::<New>()
            .gives::<Enrolled>(201, "The token of the whole session, and recovery codes, shown this once.")
            .refuses(&wrong)
            .refuses(&[Code::HasSecondFactor, Code::TooManyTries]),
        Said::post(
            "/api/v1/second-factor/recovery-codes",
            "Makes other recovery codes in place of those left.",
        )
        .takes::<Given>()
        .gives::<RecoveryCodes>(201, "The codes, shown this once.")
        .refuses(&wrong)
        .refuses(&[Code::TooManyTries]),
    ]
}

/// `GET /second-factor`: since when there is one, how many recovery codes are left, and what one can be set up with.
pub(super) async fn show(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<OwnSecondFactor>, ApiProblem> {
    let own = act::own(&may, &hub).await?;
    let offer = act::offer(&may, &hub).map(|offer| Offer { secret: offer.secret, uri: offer.uri });
    Ok(Json(OwnSecondFactor {
        since: own.as_ref().map(|own| own.enrolled),
        recovery_codes_left: own.map(|own| own.codes_left),
        offer,
    }))
}

/// `POST /second-factor/code`: a code of the app, or a recovery code; gives the token of the whole session.
pub(super) async fn give(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Body(given): Body<Given>,
) -> Result<(StatusCode, Json<OpenedSession>), ApiProblem> {
    let opened = act::give(&may, &hub, &given.code).await?;
    Ok((StatusCode::CREATED, Json(written(opened, None))))
}

/// `POST /second-factor`: sets up what was offered; gives the recovery codes and the token of the whole session.
pub(super) async fn enrol(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Enrolled>), ApiProblem> {
    let (opened, recovery_codes) = act::enrol(&may, &hub, &new.code, new.now.as_deref()).await?;
    Ok((
        StatusCode::CREATED,
        Json(Enrolled { session: written(opened, None), recovery_codes: recovery_codes.into() }),
    ))
}

/// `POST /second-factor/recovery-codes`: other recovery codes in place of those that are left.
pub(super) async fn other_codes(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Body(given): Body<Given>,
) -> Result<(StatusCode, Json<RecoveryCodes>), ApiProblem> {
    let recovery_codes = act::other_codes(&may, &hub, &given.code).await?;
    Ok((StatusCode::CREATED, Json(RecoveryCodes { recovery_codes: recovery_codes.into() })))
}
