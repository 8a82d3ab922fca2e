//! `/trusts`: the Trusts, how they stand, and what admins do with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri};
use flip_protocol::enrolment::Kit;
use flip_protocol::sync::Health;
use flip_protocol::{PartyId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Said;
use super::{Body, Parameters, Path, next_link, place_of, rows};
use crate::hub::Hub;
use crate::people::act::trusts::{TrustColumn, part as part_of};
use crate::people::act::{self, Standing};
use crate::people::may::May;
use crate::permissions::acts;
use crate::presence::Link;
use crate::problem::{ApiProblem, Code};
use crate::shapes::{self, Moment};
use crate::sorting::Sorting;

/// A Trust's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustName {
    /// Its name.
    #[schema(max_length = 120, example = "Southmere Hospital")]
    name: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PartOfTrusts {
    /// `name`, `state`, `seen`, `data`, `orders` or `version`, with a minus before it for the highest first; by name where
    /// nothing is said.
    #[serde(default)]
    #[param(value_type = String, example = "-seen", pattern = "^-?(name|state|seen|data|orders|version)$")]
    sort: Sorting<TrustColumn>,
    /// What `next` said.
    after: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// The Trusts.
#[derive(Serialize, ToSchema)]
pub(super) struct AllTrusts {
    /// In the order that was asked for.
    trusts: Vec<Trust>,
    /// Where to go on: the next request's `after`, in the same order; null at the end.
    #[schema(example = r#"["southmere hospital","Southmere Hospital"]"#)]
    next: Option<String>,
}

/// A Trust and how it stands.
#[derive(Serialize, ToSchema)]
pub(super) struct Trust {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: PartyId,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    name: String,
    /// `not_enrolled`, `online`, `offline` or `revoked`.
    #[schema(example = "online")]
    link: &'static str,
    /// Its last sign of life.
    #[schema(value_type = Option<Moment>)]
    last_seen: Option<UnixMillis>,
    /// When it last enrolled.
    #[schema(value_type = Option<Moment>)]
    enrolled: Option<UnixMillis>,
    /// When its keys were made void.
    #[schema(value_type = Option<Moment>)]
    revoked: Option<UnixMillis>,
    /// When the hub took over its keys.
    #[schema(value_type = Option<Moment>)]
    keys: Option<UnixMillis>,
    /// Since when new keys are asked of it.
    #[schema(value_type = Option<Moment>)]
    rotation_asked: Option<UnixMillis>,
    /// When its certificate ends.
    #[schema(value_type = Option<Moment>)]
    certificate_expires: Option<UnixMillis>,
    /// Orders that have not ended.
    #[schema(example = 0)]
    open_orders: u64,
    /// Its last health.
    #[schema(value_type = Option<shapes::Health>)]
    health: Option<Health>,
}

/// A Trust with the messages of it that were not taken.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeTrust {
    #[serde(flatten)]
    trust: Trust,
    /// How many, by reason.
    #[schema(example = json!({ "replayed": 1 }))]
    refused_messages: BTreeMap<String, u64>,
}

/// A kit, with which a Trust enrols. It is shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewKit {
    /// The Trust.
    #[schema(value_type = uuid::Uuid)]
    trust: PartyId,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    name: String,
    /// The fingerprint of the hub's CA, for people to compare.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    ca_sha256: String,
    /// When it stops working.
    #[schema(value_type = Moment)]
    kit_expires: UnixMillis,
    /// The file's text.
    #[schema(example = "# FLIP Edge kit\n")]
    kit: String,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/trusts", "The Trusts, whether they are online, and their extracts.")
            .more("By name; `sort` puts them in another order. What is unknown of a Trust puts it last.")
            .reads::<PartOfTrusts>()
            .gives_part::<AllTrusts>("A part of them."),
        Said::post("/api/v1/trusts", "Adds a Trust.")
            .takes::<TrustName>()
            .gives::<NewKit>(201, "Its kit, which is shown this once.")
            .refuses(&[Code::BadName, Code::NameTaken, Code::NoAddress]),
        Said::get("/api/v1/trusts/{trust}", "One Trust, with its messages that were not taken.")
            .gives::<WholeTrust>(200, "The Trust."),
        Said::post("/api/v1/trusts/{trust}/kit", "Gives a Trust another kit; its unused ones are void.")
            .gives::<NewKit>(201, "The kit, which is shown this once.")
            .refuses(&[Code::NoAddress]),
        Said::post("/api/v1/trusts/{trust}/keys", "Asks new keys of a Trust's appliance.")
            .gives_nothing(202, "It makes them at its next sync.")
            .refuses(&[Code::NoKeys]),
        Said::post("/api/v1/trusts/{trust}/revoke", "Makes a Trust's keys void until it enrols anew.")
            .gives_nothing(204, "They are void."),
        Said::post(
            "/api/v1/trusts/{trust}/remove",
            "Takes a Trust off the lists. The body repeats its name.",
        )
        .takes::<TrustName>()
        .gives_nothing(204, "It is removed.")
        .refuses(&[Code::NameDiffers]),
    ]
}

/// `GET /trusts?sort=&after=&limit=`: by name where nothing else is wished.
pub(super) async fn list(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<PartOfTrusts>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<AllTrusts>), ApiProblem> {
    let (after, most) = (place_of(part.after)?, rows(part.limit)?);
    let (trusts, next) = part_of(act::all_trusts(&may, &hub).await?, part.sort, after.as_ref(), most);
    let next = next.map(|place| place.to_string());
    let trusts = trusts.into_iter().map(listed).collect();
    Ok((next_link(&uri, "after", next.as_deref()), Json(AllTrusts { trusts, next })))
}

/// `POST /trusts`: adds a Trust; the answer holds its kit, which is shown this once.
pub(super) async fn add(
    may: May<acts::AddTrust>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<TrustName>,
) -> Result<(StatusCode, Json<NewKit>), ApiProblem> {
    let kit = act::add_trust(&may, &hub, &new.name).await?;
    tracing::info!(trust = %kit.trust, by = may.person().name, "a Trust was added");
    Ok((StatusCode::CREATED, Json(new_kit(kit))))
}

/// `GET /trusts/{trust}`: one, with the messages of it that were not taken.
pub(super) async fn show(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Json<WholeTrust>, ApiProblem> {
    let (standing, refusals) = act::trusts::show(&may, &hub, trust).await?;
    Ok(Json(WholeTrust { trust: listed(standing), refused_messages: refusals.into_iter().collect() }))
}

/// `POST /trusts/{trust}/kit`: a new kit, which is shown this once.
pub(super) async fn kit(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<(StatusCode, Json<NewKit>), ApiProblem> {
    let kit = act::trusts::new_kit(&may, &hub, trust).await?;
    Ok((StatusCode::CREATED, Json(new_kit(kit))))
}

/// `POST /trusts/{trust}/keys`: asks new keys of its appliance.
pub(super) async fn keys(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::ask_for_keys(&may, &hub, trust).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /trusts/{trust}/revoke`: makes its keys void.
pub(super) async fn revoke(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::revoke(&may, &hub, trust).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /trusts/{trust}/remove`: takes it off the lists, its keys void. The body repeats its name.
pub(super) async fn remove(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
    Body(typed): Body<TrustName>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::remove(&may, &hub, trust, &typed.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new_kit(kit: Kit) -> NewKit {
    NewKit {
        kit: kit.to_text(),
        trust: kit.trust,
        name: kit.trust_name,
        ca_sha256: kit.ca_sha256,
        kit_expires: kit.expires,
    }
}

fn listed(standing: Standing) -> Trust {
    let Standing { trust, link, seen, health } = standing;
    Trust {
        id: trust.id,
        name: trust.name,
        link: match link {
            Link::NotEnrolled => "not_enrolled",
            Link::Online => "online",
            Link::Offline(_) => "offline",
            Link::Revoked(_) => "revoked",
        },
        last_seen: seen,
        enrolled: trust.enrolled,
        revoked: trust.revoked,
        keys: trust.keys,
        rotation_asked: trust.rotate_asked,
        certificate_expires: trust.certificate_expires,
        open_orders: trust.open_orders,
        health,
    }
}
