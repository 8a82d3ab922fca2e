//! What whoever has a one-time link does with it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::people::{bad_email, held};
use crate::bounds;
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::links::{Followed, Purpose};
use crate::ledger::people::Details;
use crate::links;
use crate::mail::letter::Letter;
use crate::passwords;
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::{PersonId, Role};
use crate::problem::{ApiProblem, Code};
use crate::strength;

/// What somebody types who follows a link.
pub struct Typed {
    /// For the set-up: the name to sign in with.
    pub name: String,
    /// For the set-up: an address, or nothing.
    pub email: String,
    /// The password.
    pub password: String,
    /// The password once more.
    pub again: String,
}

/// Who followed a link.
pub struct Came {
    /// The name to sign in with.
    pub name: String,
    /// What they are now.
    pub way: Way,
}

/// What a link made of who followed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One of the people here.
    Invited,
    /// The owner of another password.
    Reset,
    /// The first administrator.
    SetUp,
}

/// What a token is for; `None` where it does not work.
pub async fn look(_: &May<acts::Enter>, hub: &Hub, token: &str) -> Result<Option<Purpose>, ApiProblem> {
    Ok(hub.ledger.link(links::sha256(token), clock::now()).await?)
}

/// Follows a link; `None` where it does not work.
pub async fn follow(
    may: &May<acts::Enter>,
    hub: &Arc<Hub>,
    token: &str,
    typed: Typed,
) -> Result<Option<Came>, ApiProblem> {
    let Some(purpose) = look(may, hub, token).await? else { return Ok(None) };
    if typed.password != typed.again {
        return Err(bad_password("the two passwords are not the same"));
    }
    let (token, now) = (links::sha256(token), clock::now());
    // Whoever follows a link from here is no stranger here: nobody else's tries keep them from signing in with it.
    let from = may.visitor().place().network;
    let (name, way, followed) = match purpose {
        Purpose::Invitation { name, email } => {
            let hash = hashed(typed.password, &name, Some(&email.to_string())).await?;
            let followed = hub.ledger.accept_invitation(token, hash, from, now).await?;
            (name, Way::Invited, followed)
        }
        Purpose::Reset { name, email, .. } => {
            let address = email.as_ref().map(ToString::to_string);
            let hash = hashed(typed.password, &name, address.as_deref()).await?;
            let letter = Letter::PasswordChanged { name: name.clone() };
            let told = email.and_then(|email| hub.post.mail(email, letter, now));
            let followed = hub.ledger.follow_reset(token, hash, told, from, now).await?;
            hub.post.announce();
            (name, Way::Reset, followed)
        }
        Purpose::SetUp => {
            let name = hub::check_name(&typed.name).map_err(ApiProblem::bad_name)?.to_owned();
            let given = typed.email.trim();
            let address =
                || given.parse().map_err(|error: crate::email::NoAddress| bad_email(&error.to_string()));
            let email = if given.is_empty() { None } else { Some(address()?) };
            let hash = hashed(typed.password, &name, Some(given)).await?;
            let id = PersonId::new(now, &clock::random_bytes());
            let details = Details { name: name.clone(), email, role: Role::Admin };
            let followed = hub.ledger.set_up(token, id, details, hash, from, now).await?;
            (name, Way::SetUp, followed)
        }
    };
    match followed {
        Followed::Yes => {
            tracing::info!(name, "somebody chose a password by a one-time link");
            Ok(Some(Came { name, way }))
        }
        Followed::Gone => Ok(None),
        Followed::Taken(taken) => Err(held(taken)),
    }
}

/// The Argon2id string of a password that is good enough for its owner.
pub async fn hashed(password: String, name: &str, email: Option<&str>) -> Result<String, ApiProblem> {
    static TURNS: Semaphore = Semaphore::const_new(bounds::PASSWORDS_CHOSEN_AT_ONCE);
    let (name, email) = (name.to_owned(), email.map(str::to_owned));
    let _turn = TURNS.acquire().await.expect("nobody closes it");
    let hash = tokio::task::spawn_blocking(move || {
        strength::check(&password, &name, email.as_deref())
            .map_err(|weak| bad_password(&weak.to_string()))?;
        passwords::hash(&password).map_err(|bad| bad_password(&bad.to_string()))
    });
    hash.await.expect("neither judging nor hashing panics")
}

fn bad_password(why: &str) -> ApiProblem {
    ApiProblem::new(Code::BadPassword, "The password is not usable.").detail(why)
}
