//! What people do about their own passwords.

use std::sync::Arc;

use super::links::hashed;
use super::people::bad_email;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::people::Whom;
use crate::ledger::resets::Asked;
use crate::mail::letter::Letter;
use crate::people::may::May;
use crate::people::session;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::throttle::{Account, Form, Secret};

/// Notes that somebody asks for a new password. It takes as long and says the same whoever has that address.
pub async fn forgot(may: &May<acts::Enter>, hub: &Hub, email: &str) -> Result<(), ApiProblem> {
    if !hub.post.sends() {
        return Err(ApiProblem::new(Code::NoMail, "This hub sends no mail.")
            .detail("ask an administrator for a link to a new password"));
    }
    let email = email.parse().map_err(|error: crate::email::NoAddress| bad_email(&error.to_string()))?;
    may.visitor().sends(hub, Form::Forgotten)?;
    match hub.ledger.ask_reset(email, clock::now()).await? {
        Asked::Noted => {
            hub.post.announce();
            Ok(())
        }
        Asked::TooMany => Err(too_many("Too many people ask for new passwords; try again later.")),
    }
}

/// Gives the person another password, and ends their other sessions.
pub async fn change(
    may: &May<acts::OwnAccount>,
    hub: &Arc<Hub>,
    old: String,
    new: String,
) -> Result<(), ApiProblem> {
    let (person, now) = (may.person(), clock::now());
    let stored = hub.ledger.password_of_id(person.id).await?;
    let account = Account::Person(person.id);
    let this = may.visitor().tries(hub, account, Secret::Password).await?;
    let fits = session::password_fits(hub, this, old.clone(), stored.clone()).await?;
    let (Some(stored), true) = (stored, fits) else {
        return Err(ApiProblem::new(Code::WrongPassword, "The old password is wrong."));
    };
    if old == new {
        return Err(ApiProblem::new(Code::BadPassword, "The new password is the old one."));
    }
    let email = hub.ledger.person(Whom::Id(person.id), now).await?.and_then(|known| known.email);
    let address = email.as_ref().map(ToString::to_string);
    let hash = hashed(new, &person.name, address.as_deref()).await?;
    let letter = Letter::PasswordChanged { name: person.name.clone() };
    let told = email.and_then(|email| hub.post.mail(email, letter, now));
    if !hub.ledger.change_password(may.by(), person.id, [stored, hash], person.token_sha256, told).await? {
        return Err(ApiProblem::new(Code::WrongPassword, "The password was changed meanwhile."));
    }
    hub.post.announce();
    tracing::info!(person = %person.id, "a person changed their password");
    Ok(())
}

/// So many that one has to wait.
pub fn too_many(title: &str) -> ApiProblem {
    ApiProblem::new(Code::TooMany, title)
}
