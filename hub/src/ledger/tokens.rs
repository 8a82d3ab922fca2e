//! API tokens, by their SHA-256.
//!
//! What must stay true: a token opens what its scopes and its owner's role as it is now both let, and nothing once its
//! owner is disabled, its time is over, or it is revoked.

use flip_protocol::{UnixMillis, ident};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::mail::{self, NewMail};
use super::people::{name_of, role_of};
use super::second_factors::{Proof, Proved, has_one, use_up};
use super::{Ledger, LedgerError, sessions};
use crate::audit::{self, By, Deed};
use crate::permissions::Scopes;
use crate::person::{PersonId, Role};
use crate::{api_token, bounds, clock};

/// A token as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, which opens nothing.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// What it opens, as far as its owner may.
    pub scopes: Scopes,
    /// When it was made.
    pub made: UnixMillis,
    /// Until when it works.
    pub expires: UnixMillis,
    /// When it was last used, to a few minutes.
    pub used: Option<UnixMillis>,
    /// From where.
    pub used_from: String,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// What its owner calls it.
    pub name: String,
    /// What it opens.
    pub scopes: Scopes,
    /// Until when it works.
    pub expires: UnixMillis,
}

impl NewToken {
    /// A fresh token and what is kept of it.
    pub fn fresh(name: String, scopes: Scopes, days: u64, now: UnixMillis) -> (String, Self) {
        let token = api_token::fresh();
        let (id, sha256) = (ident::uuid_v7(now, &clock::random_bytes()), api_token::sha256(&token));
        let expires = now.plus(days * bounds::DAY_MS);
        (token, Self { id, sha256, name, scopes, expires })
    }
}

/// What came of giving a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// It is theirs.
    Yes,
    /// They have as many as anybody may have.
    TooMany,
    /// The session is no more.
    NoSession,
    /// They have a second factor, and have not shown it.
    NoCode,
    /// They have none, and the session is not of a sign-in of late.
    SignInAnew,
    /// What they showed of it is not right, or was used.
    Unproved(Proved),
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Whose.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their role as it is now.
    pub role: Role,
    /// What the token opens.
    pub scopes: Scopes,
    /// The token, as the audit names it.
    pub token: audit::Token,
}

impl Ledger {
    /// Gives a person a token, while the session that they ask for it in is open. Who has a second factor shows it with
    /// `proof`.
    pub async fn make_token(
        &self,
        by: By,
        person: PersonId,
        session_sha256: [u8; 32],
        new: NewToken,
        proof: Option<Proof>,
        told: Option<NewMail>,
    ) -> Result<Given, LedgerError> {
        self.call("make token", move |tx| {
            // It may have been ended since the request was checked, with every token that there was.
            let Some(is_fresh) = sessions::is_fresh(tx, person, session_sha256, by.at)? else {
                return Ok(Given::NoSession);
            };
            // Before a code is used up for nothing.
            if has_all(tx, person, by.at)? {
                return Ok(Given::TooMany);
            }
            match &proof {
                Some(proof) => match use_up(tx, person, proof)? {
                    Proved::Yes => {}
                    unproved @ (Proved::Used | Proved::Wrong | Proved::NoSession) => {
                        return Ok(Given::Unproved(unproved));
                    }
                },
                None if has_one(tx, person)? => return Ok(Given::NoCode),
                None if !is_fresh => return Ok(Given::SignInAnew),
                None => {}
            }
            let made = make(tx, &by, person, &new, told.as_ref())?;
            Ok(if made { Given::Yes } else { Given::TooMany })
        })
        .await
    }

    /// Gives a person a token from the command line; false where they have as many as anybody may have. Blocks.
    pub fn make_token_now(
        &self,
        by: By,
        person: PersonId,
        new: NewToken,
        told: Option<NewMail>,
    ) -> Result<bool, LedgerError> {
        self.run("make token", move |tx| make(tx, &by, person, &new, told.as_ref()))
    }

    /// A person's tokens that work, the newest first.
    pub async fn tokens(&self, person: PersonId, now: UnixMillis) -> Result<Vec<Token>, LedgerError> {
        self.call("tokens", move |tx| all(tx, person, now)).await
    }

    /// The same for the command line. Blocks.
    pub fn tokens_now(&self, person: PersonId, now: UnixMillis) -> Result<Vec<Token>, LedgerError> {
        self.run("tokens", move |tx| all(tx, person, now))
    }

    /// Makes a person's token void; false where they have none of that id.
    pub async fn revoke_token(&self, by: By, person: PersonId, id: Uuid) -> Result<bool, LedgerError> {
        self.call("revoke token", move |tx| revoke(tx, &by, person, id)).await
    }

    /// The same for the command line. Blocks.
    pub fn revoke_token_now(&self, by: By, person: PersonId, id: Uuid) -> Result<bool, LedgerError> {
        self.run("revoke token", move |tx| revoke(tx, &by, person, id))
    }

    /// Whose a token is, while it works. Notes now and then that it is used, and from where.
    pub async fn bearer(
        &self,
        sha256: [u8; 32],
        from: String,
        now: UnixMillis,
    ) -> Result<Option<Bearer>, LedgerError> {
        self.call("bearer", move |tx| {
            let bearer = tx
                .prepare_cached(
                    "SELECT person.id, person.name, person.role, api_token.scopes, api_token.id, api_token.name
                     FROM api_token JOIN person ON person.id = api_token.person
                     WHERE token_sha256 = ?1 AND expires_ms > ?2 AND disabled_ms IS NULL",
                )?
                .query_row((sha256, now.0), |row| {
                    Ok(Bearer {
                        person: PersonId::from_bytes(row.get(0)?),
                        name: row.get(1)?,
                        role: role_of(row, 2)?,
                        scopes: scopes_of(row, 3)?,
                        token: audit::Token { id: Uuid::from_bytes(row.get(4)?), name: row.get(5)? },
                    })
                })
                .optional()?;
            if bearer.is_some() {
                tx.prepare_cached(
                    "UPDATE api_token SET used_ms = ?2, used_from = ?3
                     WHERE token_sha256 = ?1 AND (used_ms IS NULL OR used_ms < ?4)",
                )?
                .execute((sha256, now.0, from, now.minus(bounds::SESSION_SEEN_MS).0))?;
            }
            Ok(bearer)
        })
        .await
    }
}

/// Whether a person has as many tokens as anybody may have; those that have ended are forgotten.
fn has_all(tx: &Transaction<'_>, person: PersonId, now: UnixMillis) -> rusqlite::Result<bool> {
    tx.execute("DELETE FROM api_token WHERE expires_ms <= ?1", [now.0])?;
    let count =
        tx.query_row("SELECT count(*) FROM api_token WHERE person = ?1", [person.bytes()], |row| {
            row.get::<_, u32>(0)
        })?;
    Ok(count >= bounds::TOKENS)
}

fn make(
    tx: &Transaction<'_>,
    by: &By,
    person: PersonId,
    new: &NewToken,
    told: Option<&NewMail>,
) -> rusqlite::Result<bool> {
    if has_all(tx, person, by.at)? {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO api_token (id, person, token_sha256, name, scopes, made_ms, expires_ms, used_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '')",
        (
            new.id.as_bytes(),
            person.bytes(),
            new.sha256,
            &new.name,
            new.scopes.to_string(),
            by.at.0,
            new.expires.0,
        ),
    )?;
    told.into_iter().try_for_each(|told| mail::store(tx, told, None))?;
    let deed = Deed::TokenMade {
        person,
        person_name: name_of(tx, person)?,
        token: new.id,
        token_name: new.name.clone(),
        scopes: new.scopes.to_string(),
        token_until: new.expires,
    };
    by.note(tx, &deed)?;
    Ok(true)
}

fn all(tx: &Transaction<'_>, person: PersonId, now: UnixMillis) -> rusqlite::Result<Vec<Token>> {
    tx.prepare_cached(
        "SELECT id, name, scopes, made_ms, expires_ms, used_ms, used_from FROM api_token
         WHERE person = ?1 AND expires_ms > ?2 ORDER BY made_ms DESC, id DESC",
    )?
    .query_map((person.bytes(), now.0), |row| {
        Ok(Token {
            id: Uuid::from_bytes(row.get(0)?),
            name: row.get(1)?,
            scopes: scopes_of(row, 2)?,
            made: UnixMillis(row.get(3)?),
            expires: UnixMillis(row.get(4)?),
            used: row.get::<_, Option<u64>>(5)?.map(UnixMillis),
            used_from: row.get(6)?,
        })
    })?
    .collect()
}

fn revoke(tx: &Transaction<'_>, by: &By, person: PersonId, id: Uuid) -> rusqlite::Result<bool> {
    let name: Option<String> = tx
        .prepare_cached("DELETE FROM api_token WHERE person = ?1 AND id = ?2 RETURNING name")?
        .query_row((person.bytes(), id.as_bytes()), |row| row.get(0))
        .optional()?;
    let Some(token_name) = name else { return Ok(false) };
    let person_name = name_of(tx, person)?;
    by.note(tx, &Deed::TokenRevoked { person, person_name, token: id, token_name })?;
    Ok(true)
}

fn scopes_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Scopes> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: crate::permissions::NoScope| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::super::second_factors::{NewFactor, Renewed};
    use super::super::sessions::tests::new;
    use super::*;
    use crate::permissions::Scope;

    fn ada() -> PersonId {
        PersonId::from_bytes([1; 16])
    }

    fn by(at: u64) -> By {
        By::person(ada(), "ada", UnixMillis(at))
    }

    /// Ada's ledger; she signs in at 1, and needs no second factor.
    async fn signed_in(folder: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(&folder.join("hub.sqlite")).unwrap();
        ledger.add_person(by(1), ada(), "ada".to_owned(), Role::Researcher, "hash".to_owned()).unwrap();
        let opened = ledger.open_session(new(1), ada(), "hash".to_owned(), UnixMillis(1), true).await;
        assert!(opened.unwrap().is_some());
        ledger
    }

    async fn make(ledger: &Ledger, session: u8, at: u64, proof: Option<Proof>) -> Given {
        let scopes = Scope::Read.name().parse().unwrap();
        let (_, new) = NewToken::fresh("nightly".to_owned(), scopes, 1, UnixMillis(at));
        ledger.make_token(by(at), ada(), [session; 32], new, proof, None).await.unwrap()
    }

    #[tokio::test]
    async fn without_a_second_factor_a_token_is_made_soon_after_a_sign_in_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = signed_in(folder.path()).await;
        let (last, late) = (1 + bounds::FRESH_MS, 2 + bounds::FRESH_MS);
        assert_eq!(make(&ledger, 1, late, None).await, Given::SignInAnew);
        assert!(ledger.tokens(ada(), UnixMillis(late)).await.unwrap().is_empty(), "it was made");
        assert_eq!(make(&ledger, 1, last, None).await, Given::Yes);
        assert_eq!(make(&ledger, 2, 2, None).await, Given::NoSession);
    }

    #[tokio::test]
    async fn who_has_a_second_factor_gives_a_code_of_it_however_late() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = signed_in(folder.path()).await;
        let factor = NewFactor { sealed: vec![9], step: 10, codes: vec![] };
        let (expires, network) = (UnixMillis(10 * bounds::FRESH_MS), "192.0.2.7".to_owned());
        let renewed = Renewed { old: [1; 32], new: [2; 32], expires, network, provider: None };
        ledger.enrol_second_factor(by(2), ada(), factor, None, renewed, None).await.unwrap();
        let late = 2 + bounds::FRESH_MS;
        let code = |step| Some(Proof::Code { sealed: vec![9], step });
        assert_eq!(make(&ledger, 2, 3, None).await, Given::NoCode);
        assert_eq!(make(&ledger, 2, late, code(10)).await, Given::Unproved(Proved::Used));
        assert_eq!(make(&ledger, 2, late, code(11)).await, Given::Yes);
    }
}
