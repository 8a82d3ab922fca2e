//! How people come in: as a new hub's first administrator, by an invitation, or added with a password.

use std::path::Path;

use anyhow::{bail, ensure};

use super::credentials::password;
use super::{done, known, make_trust_admin, nobody, of_trust, post, taken};
use crate::audit::By;
use crate::config::Config;
use crate::email::EmailAddress;
use crate::ledger::Ledger;
use crate::ledger::invitations::{NewInvitation, Taken, Withdrawn};
use crate::ledger::people::{Details, PersonState};
use crate::mail::Post;
use crate::person::{PersonId, Role};
use crate::{bounds, clock, hub, passwords};

/// Prints the address at which a new hub's first visitor becomes its administrator.
pub(in crate::cli) fn set_up(data: &Path, config: &Config, ledger: &Ledger) -> anyhow::Result<()> {
    let post = post(data, config)?;
    let link = post.new_link(clock::now().plus(bounds::SETUP_MS));
    ensure!(
        ledger.open_set_up(By::command_line(clock::now()), link)?,
        "this hub has people already; for a new password: flip-hub user password NAME"
    );
    say!("Whoever opens this address first becomes the administrator (it works once, for 7 days):");
    say!("  {}", post.link(link.nonce));
    Ok(())
}

/// Adds a person of any role. One who is to decide for a Trust is a viewer until they do.
pub(super) fn add_anybody(
    ledger: &Ledger,
    name: &str,
    email: Option<EmailAddress>,
    role: Role,
    trust: Option<String>,
    password_file: Option<&Path>,
) -> anyhow::Result<()> {
    if role != Role::TrustAdmin {
        ensure!(trust.is_none(), "--trust is for the role trust-admin alone");
        return add(ledger, name, email, role, password_file);
    }
    let trust = of_trust(trust)?;
    let known =
        ledger.trusts_now()?.into_iter().any(|one| one.name.to_lowercase() == trust.trim().to_lowercase());
    ensure!(known, "no Trust is named {trust:?}; flip-hub trust list names them; nobody was added");
    add(ledger, name, email, Role::Viewer, password_file)?;
    make_trust_admin(ledger, name, &trust)
}

pub(in crate::cli) fn add(
    ledger: &Ledger,
    name: &str,
    email: Option<EmailAddress>,
    role: Role,
    password_file: Option<&Path>,
) -> anyhow::Result<()> {
    let name = hub::check_name(name).map_err(anyhow::Error::msg)?;
    let address = email.as_ref().map(ToString::to_string);
    let (password, made) = password(password_file, name, address.as_deref())?;
    let by = By::command_line(clock::now());
    let id = PersonId::new(by.at, &clock::random_bytes());
    let details = Details { name: name.to_owned(), email, role };
    match ledger.add_reachable_person(by, id, details, passwords::hash(&password)?)? {
        None => {}
        Some(Taken::Name) => {
            bail!("somebody is named {name:?} already; for a new password: flip-hub user password {name:?}")
        }
        Some(which @ Taken::Email) => return Err(taken(which, name)),
    }
    if made {
        say!("Sign in as {name} with the password (shown this once):\n  {password}");
    }
    Ok(())
}

pub(super) fn invite(
    post: &Post,
    ledger: &Ledger,
    name: &str,
    email: EmailAddress,
    role: Role,
) -> anyhow::Result<()> {
    let name = hub::check_name(name).map_err(anyhow::Error::msg)?;
    let by = By::command_line(clock::now());
    let id = PersonId::new(by.at, &clock::random_bytes());
    let new = post.invitation(by, id, name.to_owned(), email, role);
    match ledger.invite(new.clone())? {
        None => {
            hand_over(post, &new);
            Ok(())
        }
        Some(which) => Err(taken(which, name)),
    }
}

pub(super) fn invite_again(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let person = known(ledger, name)?;
    let (PersonState::Invited { .. }, Some(email)) = (&person.state, person.email) else {
        bail!("{} has come already; for a new password: flip-hub user reset {:?}", person.name, person.name)
    };
    let by = By::command_line(clock::now());
    let again = post.invitation(by, person.id, person.name, email, person.role);
    ensure!(ledger.invite_again(again.clone())?, "{}", nobody(name));
    hand_over(post, &again);
    Ok(())
}

pub(super) fn withdraw(ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    match ledger.withdraw(By::command_line(clock::now()), name.to_owned())? {
        Withdrawn::Yes => {
            done(name, "is not invited any more");
            Ok(())
        }
        Withdrawn::Nobody => bail!("{}", nobody(name)),
        Withdrawn::Came => bail!("{name} has come already; to keep them out: flip-hub user disable {name:?}"),
    }
}

fn hand_over(post: &Post, invitation: &NewInvitation) {
    let NewInvitation { name, email, .. } = invitation;
    if post.sends() {
        done(name, &format!("is invited; the running hub sends the mail to {email}"));
        return;
    }
    say!("{name} is invited. Hand over this link (it works once, for 14 days):");
    say!("  {}", post.link(invitation.link.nonce));
}
