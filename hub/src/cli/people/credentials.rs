//! What people sign in with: their password, second factor, identity at the provider, and API tokens.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use uuid::Uuid;

use super::{changed_to, come, known};
use crate::audit::By;
use crate::ledger::Ledger;
use crate::ledger::people::{Person, PersonState};
use crate::ledger::tokens::NewToken;
use crate::mail::Post;
use crate::mail::letter::{FactorNews, Letter};
use crate::{bounds, clock, hub, passwords, strength};

pub(super) fn set_password(ledger: &Ledger, name: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let person = come(ledger, name)?;
    let address = person.email.as_ref().map(ToString::to_string);
    let (password, made) = password(file, &person.name, address.as_deref())?;
    let changed =
        ledger.set_password(By::command_line(clock::now()), person.id, passwords::hash(&password)?)?;
    let told = if made {
        format!("has a new password (shown this once):\n  {password}")
    } else {
        "has a new password".to_owned()
    };
    changed_to(&person.name, changed, &told)
}

/// The password in a file, or one that is made here: then true.
pub(super) fn password(
    file: Option<&Path>,
    name: &str,
    email: Option<&str>,
) -> anyhow::Result<(String, bool)> {
    let Some(file) = file else { return Ok((passwords::generate(), true)) };
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let password = text.lines().next().unwrap_or_default();
    strength::check(password, name, email).with_context(|| file.display().to_string())?;
    Ok((password.to_owned(), false))
}

pub(super) fn reset(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(
        matches!(person.state, PersonState::Active | PersonState::Reset { .. }),
        "{} is {}, and so has no password to reset",
        person.name,
        person.state.name()
    );
    let link = post.new_link(by.at.plus(bounds::RESET_ORDERED_MS));
    let letter =
        Letter::Reset { name: person.name.clone(), ordered: true, nonce: link.nonce, expires: link.expires };
    let mail = person.email.and_then(|email| post.mail(email, letter, by.at));
    let mailed = mail.as_ref().map(|mail| mail.to.to_string());
    let told = match mailed {
        Some(address) => {
            format!("has no password now; the running hub sends a link for another to {address}")
        }
        None => format!(
            "has no password now. Hand over this link (it works once, for 3 days):\n  {}",
            post.link(link.nonce)
        ),
    };
    changed_to(&person.name, ledger.order_reset(by, person.id, link, mail)?, &told)
}

pub(super) fn reset_second_factor(post: &Post, ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(person.second_factor.is_some(), "{} has no second factor", person.name);
    let letter = Letter::SecondFactor { name: person.name.clone(), news: FactorNews::Reset };
    let told = person.email.and_then(|email| post.mail(email, letter, by.at));
    let changed = ledger.reset_second_factor(by, person.id, told)?;
    changed_to(&person.name, changed, "sets up another second factor at the next sign-in, and is signed out")
}

pub(super) fn unbind(ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let person = known(ledger, name)?;
    ensure!(person.identity.is_some(), "the identity provider vouches for nobody as {}", person.name);
    let changed = ledger.unbind(By::command_line(clock::now()), person.id)?;
    changed_to(&person.name, changed, "is unbound from the identity provider, and signed out")
}

pub(super) fn make_token(
    post: &Post,
    ledger: &Ledger,
    name: &str,
    purpose: &str,
    scopes: &[String],
    days: u64,
) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    let person = known(ledger, name)?;
    ensure!(
        !matches!(person.state, PersonState::Invited { .. } | PersonState::Disabled { .. }),
        "{} is {}, and so no token of theirs would work",
        person.name,
        person.state.name()
    );
    let purpose = hub::check_name(purpose).map_err(anyhow::Error::msg)?.to_owned();
    let (token, new) = NewToken::fresh(purpose, scopes.join(" ").parse()?, days, by.at);
    let letter = Letter::TokenMade { name: person.name.clone(), token: new.name.clone() };
    let told = person.email.and_then(|email| post.mail(email, letter, by.at));
    ensure!(
        ledger.make_token_now(by, person.id, new.clone(), told)?,
        "{} has as many tokens as anybody may have; revoke one first",
        person.name
    );
    say!("The token of {} (shown this once; it works for {days} days):\n  {token}", person.name);
    Ok(())
}

pub(super) fn list_tokens(ledger: &Ledger, name: &str) -> anyhow::Result<()> {
    let (person, now) = (known(ledger, name)?, clock::now());
    for token in ledger.tokens_now(person.id, now)? {
        let days = token.expires.since(now).div_ceil(bounds::DAY_MS);
        say!("{}  {}  {}, works for {days} days more", token.id, token.name, token.scopes);
    }
    Ok(())
}

pub(super) fn revoke_token(ledger: &Ledger, name: &str, id: Uuid) -> anyhow::Result<()> {
    let Person { id: of, name, .. } = known(ledger, name)?;
    ensure!(
        ledger.revoke_token_now(By::command_line(clock::now()), of, id)?,
        "{name} has no such token; see: flip-hub user tokens {name:?}"
    );
    say!("{id} does not work any more");
    Ok(())
}
