//! `/tokens`: one's API tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Said;
use super::{Body, Path};
use crate::hub::Hub;
use crate::ledger::tokens::Token;
use crate::people::act::tokens as act;
use crate::people::may::May;
use crate::permissions::{Scope, Scopes, acts};
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct New {
    /// What it is for, so that you know it again.
    #[schema(example = "nightly counts")]
    name: String,
    /// What it opens, as far as you may: `read`, `ask`, `projects`, `hub`.
    #[schema(example = json!(["read", "ask"]))]
    scopes: Vec<String>,
    /// Days that it works, from 1 to 365; 90 where absent.
    #[schema(example = 30)]
    days: Option<u64>,
    /// Of who has a second factor: a code of it, or a recovery code.
    #[schema(example = "492039")]
    code: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// Its id, which opens nothing.
    id: Uuid,
    /// The token, which is in this answer alone.
    #[schema(example = "flip_pat_ZT9ZOHEbIjlIxXlnT2F5s3VG1WVHa7E77tMkp7NI6ME_1f0c9d3a")]
    token: String,
    /// What you call it.
    #[schema(example = "nightly counts")]
    name: String,
    /// Its scopes.
    #[schema(example = json!(["read", "ask"]))]
    scopes: Vec<&'static str>,
    /// Until when it works.
    #[schema(value_type = Moment)]
    expires: UnixMillis,
}

/// One's own tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// Those that work, the newest first.
    tokens: Vec<OwnToken>,
}

/// A token, without itself.
#[derive(Serialize, ToSchema)]
struct OwnToken {
    /// Its id, which opens nothing.
    id: Uuid,
    /// What you call it.
    #[schema(example = "nightly counts")]
    name: String,
    /// Its scopes.
    #[schema(example = json!(["read", "ask"]))]
    scopes: Vec<&'static str>,
    /// When it was made.
    #[schema(value_type = Moment)]
    made: UnixMillis,
    /// Until when it works.
    #[schema(value_type = Moment)]
    expires: UnixMillis,
    /// When it was last used, to a few minutes; null where never.
    #[schema(value_type = Option<Moment>)]
    used: Option<UnixMillis>,
    /// From which address; empty where never.
    #[schema(example = "192.0.2.7")]
    used_from: String,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/tokens", "Your API tokens that work.").gives::<Tokens>(200, "Your tokens."),
        Said::post("/api/v1/tokens", "Makes you an API token.")
            .takes::<New>()
            .gives::<MadeToken>(201, "The token, shown this once.")
            .refuses(&[Code::BadName, Code::BadScope, Code::BadDays, Code::TooManyTokens])
            .refuses(&[Code::CodeNeeded, Code::WrongCode, Code::CodeUsed, Code::FactorUnreadable])
            .refuses(&[Code::NoSecondFactor, Code::TooManyTries]),
        Said::delete("/api/v1/tokens/{id}", "Makes one of your API tokens void.")
            .gives_nothing(204, "It is void, now or before."),
    ]
}

/// `GET /tokens`: one's own that work, the newest first.
pub(super) async fn list(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Tokens>, ApiProblem> {
    let tokens = act::own(&may, &hub).await?.into_iter().map(written).collect();
    Ok(Json(Tokens { tokens }))
}

/// `POST /tokens`: makes one; it is in this answer alone.
pub(super) async fn make(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<MadeToken>), ApiProblem> {
    let act::Made { token, new } =
        act::make(&may, &hub, &new.name, &new.scopes, new.days, new.code.as_deref()).await?;
    let (id, name, scopes, expires) = (new.id, new.name, names(new.scopes), new.expires);
    Ok((StatusCode::CREATED, Json(MadeToken { id, token, name, scopes, expires })))
}

/// `DELETE /tokens/{id}`: makes one void; nothing where it is so already.
pub(super) async fn revoke(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiProblem> {
    act::revoke(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn written(token: Token) -> OwnToken {
    OwnToken {
        id: token.id,
        name: token.name,
        scopes: names(token.scopes),
        made: token.made,
        expires: token.expires,
        used: token.used,
        used_from: token.used_from,
    }
}

fn names(scopes: Scopes) -> Vec<&'static str> {
    scopes.iter().map(Scope::name).collect()
}
