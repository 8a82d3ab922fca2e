//! What admins do with people.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::people::{Changed, Person};
use crate::ledger::{Ledger, LedgerError};
use crate::passwords;
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::{PersonId, Role};
use crate::problem::ApiProblem;

/// What is to change of a person.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Their role.
    Role(Role),
    /// They are kept out, and signed out.
    Disable,
    /// They may sign in again.
    Enable,
}

/// All people by name.
pub async fn list(_: &May<acts::SeePeople>, hub: &Arc<Hub>) -> Result<Vec<Person>, ApiProblem> {
    everybody(hub).await
}

/// The same, for a page that is shown beside another act.
pub async fn everybody(hub: &Arc<Hub>) -> Result<Vec<Person>, ApiProblem> {
    Ok(off_the_loop(hub, Ledger::people).await?)
}

/// Adds a person; gives the password that was made for them.
pub async fn add(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    name: &str,
    role: Role,
) -> Result<String, ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    let now = clock::now();
    let (id, by) = (PersonId::new(now, &clock::random_bytes()), may.by());
    let password = passwords::generate();
    let (added, typed) = (name.clone(), password.clone());
    let added = off_the_loop(hub, move |ledger| {
        let hash = passwords::hash(&typed).expect("a password that was made here can be hashed");
        ledger.add_person(by, id, added, role, hash)
    })
    .await?;
    if !added {
        let title = "Somebody has that name already.";
        return Err(ApiProblem::new(StatusCode::CONFLICT, "name_taken", title));
    }
    tracing::info!(person = name, role = role.name(), by = may.person().name, "a person was added");
    Ok(password)
}

/// Changes a person.
pub async fn change(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    name: &str,
    change: Change,
) -> Result<(), ApiProblem> {
    let (by, of) = (may.by(), name.to_owned());
    let changed = off_the_loop(hub, move |ledger| match change {
        Change::Role(role) => ledger.set_role(by, of, role),
        Change::Disable => ledger.disable(by, of),
        Change::Enable => ledger.enable(by, of),
    })
    .await?;
    match changed {
        Changed::Yes => {
            tracing::info!(person = name, ?change, by = may.person().name, "a person was changed");
            Ok(())
        }
        Changed::Nobody => Err(ApiProblem::not_found()),
        Changed::LastAdmin => {
            let title = "They are the only admin who can sign in; make another first.";
            Err(ApiProblem::new(StatusCode::CONFLICT, "last_admin", title))
        }
    }
}

/// A transaction of the ledger that blocks.
async fn off_the_loop<T: Send + 'static>(
    hub: &Arc<Hub>,
    work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    let ledger = hub.ledger.clone();
    tokio::task::spawn_blocking(move || work(&ledger)).await.expect("a transaction does not panic")
}
