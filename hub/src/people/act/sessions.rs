//! What people do about their sessions, and admins about another's.

use std::sync::Arc;

use uuid::Uuid;

use super::people::shown;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::sessions::{Seen, Which};
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::PersonId;
use crate::problem::ApiProblem;

/// The person's sessions, the newest first.
pub async fn own(may: &May<acts::OwnAccount>, hub: &Hub) -> Result<Vec<Seen>, ApiProblem> {
    let person = may.person();
    Ok(hub.ledger.sessions(person.id, person.token_sha256, clock::now()).await?)
}

/// Ends one of the person's sessions. That it has ended already is as good.
pub async fn end(may: &May<acts::OwnAccount>, hub: &Hub, id: Uuid) -> Result<(), ApiProblem> {
    hub.ledger.end_sessions(may.by(), may.person().id, Which::One(id)).await?;
    Ok(())
}

/// Ends the person's other sessions.
pub async fn end_others(may: &May<acts::OwnAccount>, hub: &Hub) -> Result<(), ApiProblem> {
    let person = may.person();
    hub.ledger.end_sessions(may.by(), person.id, Which::But(person.token_sha256)).await?;
    Ok(())
}

/// Ends all sessions of somebody.
pub async fn sign_out(may: &May<acts::ManagePeople>, hub: &Arc<Hub>, id: PersonId) -> Result<(), ApiProblem> {
    shown(hub, id).await?;
    let ended = hub.ledger.end_sessions(may.by(), id, Which::All).await?;
    tracing::info!(person = %id, ended, by = may.person().name, "a person was signed out");
    Ok(())
}
