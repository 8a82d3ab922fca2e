//! What admins do with people.

use std::sync::Arc;

use flip_protocol::PartyId;

use crate::bounds;
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::invitations::{Taken, Withdrawn};
use crate::ledger::mail::Mail;
use crate::ledger::people::{Changed, Details, Edited, Found, Person, PersonState, Search, Whom};
use crate::ledger::trust_admins::Made;
use crate::ledger::{Ledger, LedgerError};
use crate::mail::letter::Letter;
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::PersonId;
use crate::person::Role;
use crate::problem::{ApiProblem, Code};

/// What is to change of a person, beside what is typed of them.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// They are kept out, and signed out.
    Disable,
    /// They may sign in again.
    Enable,
}

/// A person and the last mail with their link, where they have one.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The person.
    pub person: Person,
    /// The mail.
    pub mail: Option<Mail>,
    /// The Trust whose admin they are.
    pub trust: Option<(PartyId, String)>,
}

/// People that are looked for.
pub async fn search(_: &May<acts::SeePeople>, hub: &Hub, search: Search) -> Result<Found, ApiProblem> {
    found(hub, search).await
}

/// The same, for a page that is shown beside another act.
pub async fn found(hub: &Hub, search: Search) -> Result<Found, ApiProblem> {
    if !search.state.is_empty() && !PersonState::NAMES.contains(&search.state.as_str()) {
        return Err(ApiProblem::new(Code::BadState, "There is no such state.")
            .detail(format!("a state is one of: {}", PersonState::NAMES.join(", "))));
    }
    Ok(hub.ledger.search_people(search, clock::now()).await?)
}

/// One person.
pub async fn show(_: &May<acts::SeePeople>, hub: &Hub, id: PersonId) -> Result<Shown, ApiProblem> {
    shown(hub, id).await
}

/// The same, for a page that is shown beside another act.
pub async fn shown(hub: &Hub, id: PersonId) -> Result<Shown, ApiProblem> {
    let person = hub.ledger.person(Whom::Id(id), clock::now()).await?.ok_or_else(ApiProblem::not_found)?;
    let mail = hub.ledger.mail_about(id).await?;
    let trust = hub.ledger.trust_of_admin(id).await?;
    Ok(Shown { person, mail, trust })
}

/// Checks what was typed of a person.
pub fn typed(name: &str, email: &str, role: &str) -> Result<Details, ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    let address = || email.parse().map_err(|error: crate::email::NoAddress| bad_email(&error.to_string()));
    let email = if email.trim().is_empty() { None } else { Some(address()?) };
    let role = role.parse().map_err(|error: crate::person::NoRole| {
        ApiProblem::new(Code::BadRole, "There is no such role.").detail(error.to_string())
    })?;
    Ok(Details { name, email, role })
}

/// Invites a person; gives their id.
pub async fn invite(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    details: Details,
) -> Result<PersonId, ApiProblem> {
    let Some(email) = details.email else {
        return Err(bad_email("who is invited needs an e-mail address"));
    };
    if details.role == Role::TrustAdmin {
        return Err(no_trust());
    }
    let by = may.by();
    let id = PersonId::new(by.at, &clock::random_bytes());
    let new = hub.post.invitation(by, id, details.name, email, details.role);
    let (name, role) = (new.name.clone(), new.role.name());
    if let Some(taken) = off_the_loop(hub, move |ledger| ledger.invite(new)).await? {
        return Err(held(taken));
    }
    hub.post.announce();
    tracing::info!(person = %id, name, role, by = may.person().name, "a person was invited");
    Ok(id)
}

/// Gives an invited person a new link.
pub async fn invite_again(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    id: PersonId,
) -> Result<(), ApiProblem> {
    let person = shown(hub, id).await?.person;
    let (PersonState::Invited { .. }, Some(email)) = (&person.state, person.email) else {
        return Err(has_come());
    };
    let again = hub.post.invitation(may.by(), id, person.name, email, person.role);
    if !off_the_loop(hub, move |ledger| ledger.invite_again(again)).await? {
        return Err(has_come());
    }
    hub.post.announce();
    tracing::info!(person = %id, by = may.person().name, "a person was invited again");
    Ok(())
}

/// Takes an invitation back.
pub async fn withdraw(may: &May<acts::ManagePeople>, hub: &Arc<Hub>, id: PersonId) -> Result<(), ApiProblem> {
    let by = may.by();
    match off_the_loop(hub, move |ledger| ledger.withdraw(by, id)).await? {
        Withdrawn::Yes => {
            tracing::info!(person = %id, by = may.person().name, "an invitation was withdrawn");
            Ok(())
        }
        Withdrawn::Nobody => Err(ApiProblem::not_found()),
        Withdrawn::Came => Err(has_come()),
    }
}

/// Gives a person another name, address and role.
pub async fn edit(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    id: PersonId,
    details: Details,
) -> Result<(), ApiProblem> {
    let (role, by) = (details.role.name(), may.by());
    match off_the_loop(hub, move |ledger| ledger.edit_person(by, id, details)).await? {
        Edited::Changed(changed) => of_changed(changed)?,
        Edited::Taken(taken) => return Err(held(taken)),
        Edited::NoTrust => return Err(no_trust()),
        Edited::NoAddress => return Err(bad_email("who is invited needs an e-mail address")),
    }
    tracing::info!(person = %id, role, by = may.person().name, "a person was edited");
    Ok(())
}

/// Makes a person the admin of a Trust, who decides for it from then on, and nothing else.
pub async fn make_trust_admin(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    id: PersonId,
    trust: PartyId,
) -> Result<(), ApiProblem> {
    if id == may.person().id {
        let title = "You cannot make yourself a Trust's admin; another admin can.";
        return Err(ApiProblem::new(Code::Oneself, title));
    }
    let by = may.by();
    match off_the_loop(hub, move |ledger| ledger.make_trust_admin(by, id, trust)).await? {
        Made::Yes => {}
        Made::Nobody => return Err(ApiProblem::not_found()),
        Made::Invited => return Err(invited()),
        Made::NoTrust => return Err(ApiProblem::new(Code::NoSuchTrust, "There is no such Trust.")),
        Made::LastAdmin => return of_changed(Changed::LastAdmin),
    }
    hub.announce_change();
    tracing::info!(person = %id, %trust, by = may.person().name, "a person was made a Trust's admin");
    Ok(())
}

/// Changes a person.
pub async fn change(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    id: PersonId,
    change: Change,
) -> Result<(), ApiProblem> {
    if matches!(shown(hub, id).await?.person.state, PersonState::Invited { .. }) {
        return Err(invited());
    }
    let by = may.by();
    let changed = off_the_loop(hub, move |ledger| match change {
        Change::Disable => ledger.disable(by, id),
        Change::Enable => ledger.enable(by, id),
    })
    .await?;
    of_changed(changed)?;
    hub.announce_change();
    tracing::info!(person = %id, ?change, by = may.person().name, "a person was changed");
    Ok(())
}

/// Voids a person's password and gives them a link to choose another.
pub async fn reset(may: &May<acts::ManagePeople>, hub: &Arc<Hub>, id: PersonId) -> Result<(), ApiProblem> {
    if id == may.person().id {
        let title = "You cannot reset your own password; change it instead.";
        return Err(ApiProblem::new(Code::Oneself, title));
    }
    let by = may.by();
    let person = shown(hub, id).await?.person;
    match person.state {
        PersonState::Active | PersonState::Reset { .. } => {}
        PersonState::Disabled { .. } => {
            return Err(ApiProblem::new(Code::Disabled, "They are disabled; enable them first."));
        }
        PersonState::Invited { .. } => return Err(invited()),
    }
    let link = hub.post.new_link(by.at.plus(bounds::RESET_ORDERED_MS));
    let letter = Letter::Reset { name: person.name, ordered: true, nonce: link.nonce, expires: link.expires };
    let mail = person.email.and_then(|email| hub.post.mail(email, letter, by.at));
    of_changed(off_the_loop(hub, move |ledger| ledger.order_reset(by, id, link, mail)).await?)?;
    hub.post.announce();
    tracing::info!(person = %id, by = may.person().name, "a password was reset");
    Ok(())
}

/// What changing a person came to.
pub fn of_changed(changed: Changed) -> Result<(), ApiProblem> {
    match changed {
        Changed::Yes => Ok(()),
        Changed::Nobody => Err(ApiProblem::not_found()),
        Changed::LastAdmin => {
            let title = "They are the only admin who can sign in; make another first.";
            Err(ApiProblem::new(Code::LastAdmin, title))
        }
    }
}

/// What is another's.
pub fn held(taken: Taken) -> ApiProblem {
    let (code, title) = match taken {
        Taken::Name => (Code::NameTaken, "Somebody has that name already."),
        Taken::Email => (Code::EmailTaken, "Somebody has that e-mail address already."),
    };
    ApiProblem::new(code, title)
}

/// An address that cannot be used, and why.
pub fn bad_email(why: &str) -> ApiProblem {
    ApiProblem::new(Code::BadEmail, "The e-mail address is not usable.").detail(why)
}

fn invited() -> ApiProblem {
    ApiProblem::new(Code::Invited, "They have not come yet: invite them again, or take the invitation back.")
}

fn has_come() -> ApiProblem {
    ApiProblem::new(Code::HasCome, "They have come already, and are not invited any more.")
        .detail("people are not removed, so that what they did keeps its name; disable them instead")
}

/// A transaction of the ledger that blocks.
pub async fn off_the_loop<T: Send + 'static>(
    hub: &Arc<Hub>,
    work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    let ledger = hub.ledger.clone();
    tokio::task::spawn_blocking(move || work(&ledger)).await.expect("a transaction does not panic")
}

fn no_trust() -> ApiProblem {
    ApiProblem::new(Code::NoTrust, "An admin of a Trust is one of some Trust.").detail(
        "give them another role; when they have come, say on their page which Trust they decide for, or PUT it to \
         /api/v1/people/{person}/trust",
    )
}
