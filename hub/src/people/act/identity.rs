//! Signing in by the identity provider, and what admins do about whom it vouches for.

use std::sync::Arc;

use super::people::{of_changed, off_the_loop, shown};
use crate::clock;
use crate::hub::Hub;
use crate::ledger::identities::Vouched;
use crate::oidc::{Handed, Provider, Redeemed, Refused};
use crate::people::may::May;
use crate::people::session::{self, Awaits, Opened};
use crate::people::visitor::Visitor;
use crate::permissions::acts;
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};

/// Somebody whom the provider vouched for.
pub struct SignedIn {
    /// Their session.
    pub opened: Opened,
    /// What is awaited in it.
    pub awaits: Option<Awaits>,
    /// The path to go to.
    pub next: String,
}

/// Opens a session for whom the provider vouches with what the browser brings back.
pub async fn sign_in(
    hub: &Hub,
    provider: &Provider,
    visitor: &Visitor,
    cookie: Option<&str>,
    handed: Handed,
) -> Result<Result<SignedIn, Refused>, ApiProblem> {
    let tried = vouched(hub, provider, cookie, handed).await?;
    let signed_in = match tried {
        Ok((vouched, Redeemed { id_token, next, .. })) => {
            let came = session::sign_in_vouched(hub, visitor, vouched, id_token.as_deref()).await?;
            came.map(|(opened, awaits)| SignedIn { opened, awaits, next })
        }
        Err(refused) => Err(refused),
    };
    if let Err(refused) = &signed_in {
        hub.metrics.sign_ins_refused.inc();
        let (from, error) = (visitor.address, refused as &dyn std::error::Error);
        tracing::warn!(%from, error, "a sign-in by the identity provider was refused");
    }
    Ok(signed_in)
}

/// Whom the provider vouches for, and what was redeemed for it.
async fn vouched(
    hub: &Hub,
    provider: &Provider,
    cookie: Option<&str>,
    handed: Handed,
) -> Result<Result<(Vouched, Redeemed), Refused>, ApiProblem> {
    let redeemed = match provider.redeem(cookie, handed, clock::now()).await {
        Ok(redeemed) => redeemed,
        Err(refused) => return Ok(Err(refused)),
    };
    let (issuer, subject) = (provider.issuer().to_owned(), redeemed.subject.clone());
    let email = if hub.ledger.knows_subject(issuer.clone(), subject.clone()).await? {
        None
    } else {
        match provider.address(&redeemed, clock::now()).await {
            Ok(email) => Some(email),
            Err(refused) => return Ok(Err(refused)),
        }
    };
    let vouched = Vouched {
        issuer,
        subject,
        email,
        second_factor: redeemed.second_factor,
        told: session::told_of_provider(hub),
    };
    Ok(Ok((vouched, redeemed)))
}

/// Unbinds a person from who they are at the provider.
pub async fn unbind(may: &May<acts::ManagePeople>, hub: &Arc<Hub>, id: PersonId) -> Result<(), ApiProblem> {
    if shown(hub, id).await?.person.identity.is_none() {
        return Err(ApiProblem::new(Code::NotBound, "The identity provider vouches for nobody as them."));
    }
    let by = may.by();
    of_changed(off_the_loop(hub, move |ledger| ledger.unbind(by, id)).await?)?;
    tracing::info!(person = %id, by = may.person().name, "a person was unbound from their identity");
    Ok(())
}
