//! What admins do with a Trust.

use std::sync::Arc;

use flip_protocol::PartyId;
use flip_protocol::enrolment::Kit;

use super::{Standing, standing};
use crate::clock;
use crate::hub::{self, Hub};
use crate::people::may::May;
use crate::permissions::acts;
use crate::presence::Link;
use crate::problem::{ApiProblem, Code};
use crate::serve;
use crate::sorting::{self, Sorting};

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
    super::typed(typed_name, &known.name, "Type the Trust's name to remove it.")?;
    hub.ledger.remove(may.by(), trust).await?;
    tracing::warn!(%trust, name = known.name, by = may.person().name, "a Trust was removed");
    hub.presence.announce_work(trust);
    hub.announce_change();
    Ok(())
}

/// What the list of Trusts can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustColumn {
    /// Its name.
    Name,
    /// How it stands: online, offline, not enrolled, keys void.
    State,
    /// Its last sign of life; without one it is last either way, as with the others that may be unknown.
    Seen,
    /// The day of its extract.
    Data,
    /// Orders that have not ended.
    Orders,
    /// Its appliance's version.
    Version,
}

impl sorting::Column for TrustColumn {
    const ALL: &'static [(&'static str, Self, bool)] = &[
        ("name", Self::Name, false),
        ("state", Self::State, false),
        ("seen", Self::Seen, true),
        ("data", Self::Data, true),
        ("orders", Self::Orders, true),
        ("version", Self::Version, false),
    ];
}

impl TrustColumn {
    /// How the list is where nobody wishes otherwise.
    pub const USUAL: Sorting<Self> = Sorting { by: Self::Name, down: false };
}

/// Sorts Trusts that are in the order of their names.
pub fn sort(trusts: &mut [Standing], sorting: Sorting<TrustColumn>) {
    match sorting.by {
        TrustColumn::Name if sorting.down => trusts.reverse(),
        TrustColumn::Name => {}
        TrustColumn::State => sort_by(trusts, sorting.down, |one| {
            Some(match one.link {
                Link::Online => 0,
                Link::Offline(_) => 1,
                Link::NotEnrolled => 2,
                Link::Revoked(_) => 3,
            })
        }),
        TrustColumn::Seen => sort_by(trusts, sorting.down, |one| one.seen),
        TrustColumn::Data => {
            sort_by(trusts, sorting.down, |one| Some(one.health.as_ref()?.extract.as_ref()?.date.clone()));
        }
        TrustColumn::Orders => sort_by(trusts, sorting.down, |one| Some(one.trust.open_orders)),
        TrustColumn::Version => sort_by(trusts, sorting.down, |one| {
            let parts = one.health.as_ref()?.version.split('.');
            // By the numbers: 0.10 is after 0.9.
            Some(parts.map(|part| (part.parse().unwrap_or(0_u64), part.to_owned())).collect::<Vec<_>>())
        }),
    }
}

/// Those of which it is unknown are last either way.
fn sort_by<K: Ord>(trusts: &mut [Standing], down: bool, key: impl Fn(&Standing) -> Option<K>) {
    trusts.sort_by(|one, other| match (key(one), key(other)) {
        (Some(one), Some(other)) if down => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    });
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

#[cfg(test)]
mod tests {
    use flip_protocol::UnixMillis;
    use uuid::Uuid;

    use super::*;
    use crate::ledger::trusts::Trust;

    fn standing(name: &str, link: Link, seen: Option<u64>, open_orders: u64) -> Standing {
        let trust = Trust {
            id: PartyId(Uuid::nil()),
            name: name.to_owned(),
            enrolled: None,
            seen: None,
            health: None,
            open_orders,
            kit_expires: None,
            revoked: None,
            keys: None,
            rotate_asked: None,
            certificate_expires: None,
        };
        Standing { trust, link, seen: seen.map(UnixMillis), health: None }
    }

    #[test]
    fn trusts_are_sorted_either_way_and_those_of_which_it_is_unknown_are_last() {
        let sorted = |text: &str| {
            let mut trusts = vec![
                standing("A", Link::Offline(None), Some(5), 2),
                standing("B", Link::NotEnrolled, None, 9),
                standing("C", Link::Online, Some(7), 2),
                standing("D", Link::Revoked(UnixMillis(1)), Some(6), 0),
            ];
            sort(&mut trusts, text.parse().unwrap());
            trusts.into_iter().map(|one| one.trust.name).collect::<String>()
        };
        for (text, order) in [
            ("name", "ABCD"),
            ("-name", "DCBA"),
            ("state", "CABD"),
            ("-state", "DBAC"),
            ("seen", "ADCB"),
            ("-seen", "CDAB"),
            ("orders", "DACB"),
            ("-orders", "BACD"),
            ("data", "ABCD"),
            ("-version", "ABCD"),
        ] {
            assert_eq!(sorted(text), order, "{text}");
        }
    }
}
