//! What admins do with a Trust.

use std::sync::Arc;

use flip_protocol::PartyId;
use flip_protocol::enrolment::Kit;

use super::{Standing, standing};
use crate::clock;
use crate::hub::{self, Hub};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::serve;

/// One Trust and how it stands, with the messages of it that were not taken, by reason.
pub async fn show(
    _: &May<acts::SeeTrusts>,
    hub: &Hub,
    trust: PartyId,
) -> Result<(Standing, Vec<(String, u64)>), ApiProblem> {
    Ok((one(hub, trust).await?, hub.ledger.refusals(trust).await?))
}

/// A new kit for a Trust; its unused ones are void from now on. With it the Trust enrols anew.
pub async fn new_kit(
    may: &May<acts::ManageTrusts>,
    hub: &Arc<Hub>,
    trust: PartyId,
) -> Result<Kit, ApiProblem> {
    let known = one(hub, trust).await?.trust;
    let (kit, secret) = hub::make_kit(&hub.authority, address(hub)?, trust, &known.name, clock::now());
    let (ledger, by) = (hub.ledger.clone(), may.by());
    let renewed = tokio::task::spawn_blocking(move || ledger.renew_kit(by, trust, secret)).await;
    renewed.expect("a transaction does not panic")?;
    tracing::info!(%trust, by = may.person().name, "a Trust was given a new kit");
    Ok(kit)
}

/// Asks new keys of a Trust, which it makes at its next sync.
pub async fn ask_for_keys(
    may: &May<acts::ManageTrusts>,
    hub: &Hub,
    trust: PartyId,
) -> Result<(), ApiProblem> {
    one(hub, trust).await?;
    if !hub.ledger.ask_for_keys(may.by(), trust).await? {
        let title = "The Trust has no keys that could be replaced.";
        return Err(ApiProblem::new(Code::NoKeys, title)
            .detail("it has not enrolled, or its keys are void; give it a kit"));
    }
    tracing::info!(%trust, by = may.person().name, "new keys are asked of a Trust");
    hub.presence.announce_work(trust);
    Ok(())
}

/// Makes a Trust's keys void: from now on nothing is taken from it and nothing handed to it, until it enrols anew.
pub async fn revoke(may: &May<acts::ManageTrusts>, hub: &Hub, trust: PartyId) -> Result<(), ApiProblem> {
    one(hub, trust).await?;
    if hub.ledger.revoke(may.by(), trust).await? {
        tracing::warn!(%trust, by = may.person().name, "a Trust's keys were made void");
        hub.presence.announce_work(trust);
        hub.announce_change();
    }
    Ok(())
}

/// Takes a Trust off the lists, its keys void.
pub async fn remove(
    may: &May<acts::ManageTrusts>,
    hub: &Hub,
    trust: PartyId,
    typed_name: &str,
) -> Result<(), ApiProblem> {
    let known = one(hub, trust).await?.trust;
    if typed_name.trim() != known.name {
        let title = "Type the Trust's name to remove it.";
        return Err(ApiProblem::new(Code::NameDiffers, title).detail(format!("its name is “{}”", known.name)));
    }
    hub.ledger.remove(may.by(), trust).await?;
    tracing::warn!(%trust, name = known.name, by = may.person().name, "a Trust was removed");
    hub.presence.announce_work(trust);
    hub.announce_change();
    Ok(())
}

/// One Trust and how it stands, for a page that is shown beside another act.
pub async fn one(hub: &Hub, trust: PartyId) -> Result<Standing, ApiProblem> {
    let all = standing(hub).await?;
    all.into_iter().find(|standing| standing.trust.id == trust).ok_or_else(ApiProblem::not_found)
}

/// `host:port` for kits.
pub(super) fn address(hub: &Hub) -> Result<&str, ApiProblem> {
    hub.sites_address().ok_or_else(|| {
        ApiProblem::new(Code::NoAddress, "The hub does not know its own address.")
            .detail(serve::NO_KIT_ADDRESS)
    })
}
