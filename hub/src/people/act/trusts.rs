//! What admins do with a Trust.

use std::sync::Arc;

use flip_protocol::PartyId;
use flip_protocol::enrolment::Kit;

use super::{Standing, standing};
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::cursor::{Place, cut};
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
    if !renewed.expect("a transaction does not panic")? {
        return Err(ApiProblem::not_found());
    }
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
    const USUAL: Sorting<Self> = Sorting { by: Self::Name, down: false };
}

/// A part of the Trusts in that order, from after a place in it on; and where it goes on.
pub fn part(
    trusts: Vec<Standing>,
    sorting: Sorting<TrustColumn>,
    after: Option<&Place>,
    most: u32,
) -> (Vec<Standing>, Option<Place>) {
    let mut placed: Vec<(Place, Standing)> =
        trusts.into_iter().map(|one| (place(&one, sorting.by), one)).collect();
    placed.retain(|(place, _)| after.is_none_or(|after| place.compare(after, sorting).is_gt()));
    placed.sort_by(|(one, _), (other, _)| one.compare(other, sorting));
    let (part, next) = cut(placed, most, |(place, _)| place.clone());
    (part.into_iter().map(|(_, one)| one).collect(), next)
}

/// Where a Trust is in the list.
fn place(one: &Standing, by: TrustColumn) -> Place {
    let health = one.health.as_ref();
    let key = match by {
        TrustColumn::Name => Some(one.trust.name.to_ascii_lowercase()),
        TrustColumn::State => Some(Place::number(match one.link {
            Link::Online => 0,
            Link::Offline(_) => 1,
            Link::NotEnrolled => 2,
            Link::Revoked(_) => 3,
        })),
        TrustColumn::Seen => one.seen.map(|seen| Place::number(seen.0)),
        TrustColumn::Data => health.and_then(|health| Some(health.extract.as_ref()?.date.clone())),
        TrustColumn::Orders => Some(Place::number(one.trust.open_orders)),
        TrustColumn::Version => health.map(|health| {
            let parts = health.version.split('.');
            // By the numbers: 0.10 is after 0.9.
            parts
                .map(|part| part.parse::<u64>().map_or_else(|_| part.to_owned(), Place::number))
                .collect::<Vec<_>>()
                .join(".")
        }),
    };
    Place { key, name: one.trust.name.clone() }
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

    fn trusts() -> Vec<Standing> {
        vec![
            standing("a", Link::Offline(None), Some(5), 2),
            standing("B", Link::NotEnrolled, None, 9),
            standing("C", Link::Online, Some(7), 2),
            standing("D", Link::Revoked(UnixMillis(1)), Some(6), 0),
        ]
    }

    #[test]
    fn trusts_are_sorted_either_way_part_by_part_and_those_of_which_it_is_unknown_are_last() {
        let sorted = |text: &str| {
            let sorting = text.parse().unwrap();
            let (mut names, mut after) = (String::new(), None);
            loop {
                let (some, next) = part(trusts(), sorting, after.as_ref(), 3);
                names.extend(some.into_iter().map(|one| one.trust.name.to_uppercase()));
                after = next;
                if after.is_none() {
                    return names;
                }
            }
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

    #[test]
    fn a_list_of_trusts_goes_on_where_it_was_though_a_trust_changed_its_place_or_is_gone() {
        let sorting = "-seen".parse().unwrap();
        let (_, next) = part(trusts(), sorting, None, 2);
        let mut later = trusts();
        // The last one that was read, D, is seen again, and C is gone.
        later[3].seen = Some(UnixMillis(9));
        later.remove(2);
        let (rest, next) = part(later, sorting, next.as_ref(), 2);
        let names: String = rest.into_iter().map(|one| one.trust.name).collect();
        assert_eq!((names.as_str(), next), ("aB", None));
    }
}
