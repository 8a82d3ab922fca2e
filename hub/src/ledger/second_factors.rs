//! Second factors: sealed secrets, recovery codes as SHA-256, and what proves that somebody has one.
//!
//! What must stay true: a code's step and a recovery code are used up in the transaction that they let somebody do
//! something in; each step of signing in gives a session another token; nobody replaces a factor without it.

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::ledger as storage;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::mail::{self, NewMail};
use super::people::{Changed, Whom, change, end_sessions, name_of, void_tokens};
use super::{Ledger, LedgerError, identities, sessions};
use crate::audit::{By, Deed};
use crate::person::PersonId;

/// A person's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// The secret, sealed ([`crate::second_factor::cell`]).
    pub sealed: Vec<u8>,
    /// When it was set up.
    pub enrolled: UnixMillis,
    /// Recovery codes that are left.
    pub codes_left: u64,
}

/// What proves that somebody has their second factor.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A code of their app: of that step, by that sealed secret.
    Code {
        /// The secret that it was checked by.
        sealed: Vec<u8>,
        /// Its step.
        step: u64,
    },
    /// A recovery code, as it is kept.
    Recovery([u8; 32]),
}

/// A session's token in place of the one before.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// SHA-256 of the one before.
    pub old: [u8; 32],
    /// SHA-256 of the new one.
    pub new: [u8; 32],
    /// Until when it is good.
    pub expires: UnixMillis,
    /// The network from which the factor was given.
    pub network: String,
    /// What people call the identity provider, where who is bound by this is told so by mail.
    pub provider: Option<String>,
}

/// A factor to be set up.
#[derive(Debug, Clone)]
pub struct NewFactor {
    /// Its secret, sealed.
    pub sealed: Vec<u8>,
    /// The step of the code that shows that the app has it.
    pub step: u64,
    /// The recovery codes with it, as they are kept.
    pub codes: Vec<[u8; 32]>,
}

/// What giving a second factor came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proved {
    /// It is done.
    Yes,
    /// The code was used before, or is older than one that was.
    Used,
    /// There is no such recovery code, or the factor is another since.
    Wrong,
    /// The session has ended.
    NoSession,
}

/// What setting one up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// It is as said.
    Proved(Proved),
    /// They have one already, which was not shown.
    HasOne,
    /// They have none, and the session is not of a sign-in of late.
    SignInAnew,
}

impl Ledger {
    /// A person's second factor.
    pub async fn second_factor(&self, person: PersonId) -> Result<Option<Factor>, LedgerError> {
        self.call("second factor", move |tx| {
            tx.prepare_cached(
                "SELECT secret, enrolled_ms, (SELECT count(*) FROM recovery_code WHERE person = ?1)
                 FROM second_factor WHERE person = ?1",
            )?
            .query_row([person.bytes()], |row| {
                Ok(Factor { sealed: row.get(0)?, enrolled: UnixMillis(row.get(1)?), codes_left: row.get(2)? })
            })
            .optional()
        })
        .await
    }

    /// Makes a session whole, under another token.
    pub async fn give_second_factor(
        &self,
        by: By,
        person: PersonId,
        proof: Proof,
        session: Renewed,
        told: Option<NewMail>,
    ) -> Result<Proved, LedgerError> {
        self.call("give second factor", move |tx| {
            let used = use_up(tx, person, &proof)?;
            if used != Proved::Yes || !renew(tx, person, &session, by.at)? {
                return Ok(if used == Proved::Yes { Proved::NoSession } else { used });
            }
            let second_factor = match proof {
                Proof::Code { .. } => "code",
                Proof::Recovery(_) => "recovery_code",
            };
            told.iter().try_for_each(|told| mail::store(tx, told, None))?;
            let second_factor = second_factor.to_owned();
            by.note(tx, &Deed::SignedIn { session_until: session.expires, second_factor })?;
            Ok(Proved::Yes)
        })
        .await
    }

    /// Gives a person a second factor, ends their other sessions and API tokens, and makes this one whole under another token. Who has
    /// one shows it with `proof`.
    pub async fn enrol_second_factor(
        &self,
        by: By,
        person: PersonId,
        new: NewFactor,
        proof: Option<Proof>,
        session: Renewed,
        told: Option<NewMail>,
    ) -> Result<Enrolled, LedgerError> {
        self.call("enrol second factor", move |tx| {
            let used = match &proof {
                Some(proof) => use_up(tx, person, proof)?,
                None if has_one(tx, person)? => return Ok(Enrolled::HasOne),
                None if sessions::is_fresh(tx, person, session.old, by.at)? == Some(false) => {
                    return Ok(Enrolled::SignInAnew);
                }
                None => Proved::Yes,
            };
            if used != Proved::Yes || !renew(tx, person, &session, by.at)? {
                return Ok(Enrolled::Proved(if used == Proved::Yes { Proved::NoSession } else { used }));
            }
            tx.execute(
                "DELETE FROM session WHERE person = ?1 AND token_sha256 <> ?2",
                (person.bytes(), session.new),
            )?;
            // Tokens were made under what was before it.
            void_tokens(tx, person)?;
            tx.execute(
                "INSERT OR REPLACE INTO second_factor (person, secret, enrolled_ms, step) VALUES (?1, ?2, ?3, ?4)",
                (person.bytes(), new.sealed, by.at.0, new.step),
            )?;
            put_codes(tx, person, &new.codes)?;
            told.iter().try_for_each(|told| mail::store(tx, told, None))?;
            let person_name = name_of(tx, person)?;
            by.note(tx, &Deed::SecondFactorEnrolled { person, person_name })?;
            Ok(Enrolled::Proved(Proved::Yes))
        })
        .await
    }

    /// Gives a person other recovery codes.
    pub async fn renew_recovery_codes(
        &self,
        by: By,
        person: PersonId,
        proof: Proof,
        codes: Vec<[u8; 32]>,
    ) -> Result<Proved, LedgerError> {
        self.call("renew recovery codes", move |tx| {
            let used = use_up(tx, person, &proof)?;
            if used == Proved::Yes {
                put_codes(tx, person, &codes)?;
                let person_name = name_of(tx, person)?;
                by.note(tx, &Deed::RecoveryCodesMade { person, person_name })?;
            }
            Ok(used)
        })
        .await
    }

    /// Takes a person's second factor away and ends their sessions: they set up another when they sign in. Blocks.
    pub fn reset_second_factor(
        &self,
        by: By,
        who: impl Into<Whom>,
        told: Option<NewMail>,
    ) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("reset second factor", move |tx| {
            change(tx, &by, &who, true, |person, person_name| {
                if tx.execute("DELETE FROM second_factor WHERE person = ?1", [person.bytes()])? == 0 {
                    return Ok(None);
                }
                put_codes(tx, person, &[])?;
                end_sessions(tx, person)?;
                told.iter().try_for_each(|told| mail::store(tx, told, None))?;
                Ok(Some(Deed::SecondFactorReset { person, person_name }))
            })
        })
    }
}

/// A sealed secret, and whose it is.
pub type Sealed = ([u8; 16], Vec<u8>);

/// Every sealed secret in a ledger's file: to look whether they open. Blocks; changes nothing.
pub fn sealed_secrets(path: &Path) -> Result<Vec<Sealed>, LedgerError> {
    storage::read(path, "sealed secrets", |tx| {
        tx.prepare("SELECT person, secret FROM second_factor")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    })
}

/// Whether a person has a second factor.
pub(super) fn has_one(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM second_factor WHERE person = ?1)")?
        .query_row([person.bytes()], |row| row.get(0))
}

/// Uses up what proves that somebody has their factor.
pub(super) fn use_up(tx: &Transaction<'_>, person: PersonId, proof: &Proof) -> rusqlite::Result<Proved> {
    match proof {
        Proof::Code { sealed, step } => {
            let same: bool = tx
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM second_factor WHERE person = ?1 AND secret = ?2)",
                )?
                .query_row((person.bytes(), sealed), |row| row.get(0))?;
            if !same {
                return Ok(Proved::Wrong);
            }
            let newest = tx.execute(
                "UPDATE second_factor SET step = ?2 WHERE person = ?1 AND step < ?2",
                (person.bytes(), step),
            )?;
            Ok(if newest == 1 { Proved::Yes } else { Proved::Used })
        }
        Proof::Recovery(sha256) => {
            let known = tx.execute(
                "DELETE FROM recovery_code WHERE person = ?1 AND code_sha256 = ?2",
                (person.bytes(), sha256),
            )?;
            Ok(if known == 1 { Proved::Yes } else { Proved::Wrong })
        }
    }
}

/// Gives a session another token, and notes that the second factor was given in it; false where it has ended, as it does
/// where the provider vouched in it for somebody else than the person's account was bound to meanwhile.
fn renew(
    tx: &Transaction<'_>,
    person: PersonId,
    session: &Renewed,
    now: UnixMillis,
) -> rusqlite::Result<bool> {
    let renewed = tx.execute(
        "UPDATE session SET token_sha256 = ?3, factor_ms = ?4, expires_ms = ?5
         WHERE person = ?1 AND token_sha256 = ?2 AND expires_ms > ?4",
        (person.bytes(), session.old, session.new, now.0, session.expires.0),
    )?;
    if renewed == 0 {
        return Ok(false);
    }
    sessions::note_network(tx, person, &session.network, now)?;
    identities::bind_session(tx, person, session.new, session.provider.as_deref(), now)
}

fn put_codes(tx: &Transaction<'_>, person: PersonId, codes: &[[u8; 32]]) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM recovery_code WHERE person = ?1", [person.bytes()])?;
    for code in codes {
        tx.execute(
            "INSERT INTO recovery_code (person, code_sha256) VALUES (?1, ?2)",
            (person.bytes(), code),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds;
    use crate::ledger::sessions::tests::new;
    use crate::person::Role;

    const ADA: [u8; 16] = [1; 16];

    fn ada() -> PersonId {
        PersonId::from_bytes(ADA)
    }

    fn by(at: u64) -> By {
        By::person(ada(), "ada", UnixMillis(at))
    }

    fn code(step: u64) -> Proof {
        Proof::Code { sealed: vec![9], step }
    }

    fn renewed(old: u8, new: u8) -> Renewed {
        Renewed {
            old: [old; 32],
            new: [new; 32],
            expires: UnixMillis(1_000),
            network: "192.0.2.7".to_owned(),
            provider: None,
        }
    }

    async fn open(ledger: &Ledger, token: u8) {
        let opened = ledger.open_session(new(token), ada(), "hash".to_owned(), UnixMillis(1), false);
        assert!(opened.await.unwrap().is_some());
    }

    /// Ada's ledger, with a second factor whose newest step is 10 and two recovery codes; its session has token 2.
    async fn enrolled(folder: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(&folder.join("hub.sqlite")).unwrap();
        ledger.add_person(by(1), ada(), "ada".to_owned(), Role::Admin, "hash".to_owned()).unwrap();
        open(&ledger, 1).await;
        let new = NewFactor { sealed: vec![9], step: 10, codes: vec![[4; 32], [5; 32]] };
        let enrolled = ledger.enrol_second_factor(by(2), ada(), new, None, renewed(1, 2), None);
        assert_eq!(enrolled.await.unwrap(), Enrolled::Proved(Proved::Yes));
        ledger
    }

    #[tokio::test]
    async fn a_step_and_a_recovery_code_are_used_once_and_no_earlier_step_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(folder.path()).await;
        for (proof, came) in [
            (code(10), Proved::Used),
            (code(9), Proved::Used),
            (code(12), Proved::Yes),
            (code(12), Proved::Used),
            (code(11), Proved::Used),
            (code(13), Proved::Yes),
            (Proof::Code { sealed: vec![8], step: 99 }, Proved::Wrong),
            (Proof::Recovery([4; 32]), Proved::Yes),
            (Proof::Recovery([4; 32]), Proved::Wrong),
            (Proof::Recovery([6; 32]), Proved::Wrong),
        ] {
            open(&ledger, 7).await;
            let given = ledger.give_second_factor(by(3), ada(), proof.clone(), renewed(7, 8), None);
            assert_eq!(given.await.unwrap(), came, "{proof:?}");
            ledger.close_session(by(4), [7; 32]).await.unwrap();
            ledger.close_session(by(4), [8; 32]).await.unwrap();
        }
        assert_eq!(ledger.second_factor(ada()).await.unwrap().unwrap().codes_left, 1);
    }

    #[tokio::test]
    async fn a_first_one_is_set_up_soon_after_a_sign_in_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        ledger.add_person(by(1), ada(), "ada".to_owned(), Role::Admin, "hash".to_owned()).unwrap();
        open(&ledger, 1).await;
        let late = 2 + bounds::FRESH_MS;
        for (at, came) in [(late, Enrolled::SignInAnew), (5, Enrolled::Proved(Proved::Yes))] {
            let new = NewFactor { sealed: vec![9], step: 10, codes: vec![[4; 32]] };
            let enrolled = ledger.enrol_second_factor(by(at), ada(), new, None, renewed(1, 2), None);
            assert_eq!(enrolled.await.unwrap(), came, "{at}");
        }
    }

    #[tokio::test]
    async fn each_step_has_a_token_of_its_own_and_the_one_before_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(folder.path()).await;
        let whole = async |token| {
            let session = ledger.session([token; 32], UnixMillis(5)).await.unwrap();
            session.map(|session| session.factor_given)
        };
        assert_eq!((whole(1).await, whole(2).await), (None, Some(true)));
        open(&ledger, 3).await;
        assert_eq!(whole(3).await, Some(false));
        let given = ledger.give_second_factor(by(5), ada(), code(20), renewed(3, 4), None).await.unwrap();
        assert_eq!((given, whole(3).await, whole(4).await), (Proved::Yes, None, Some(true)));
        let again = ledger.give_second_factor(by(5), ada(), code(21), renewed(3, 5), None).await.unwrap();
        assert_eq!((again, whole(5).await), (Proved::NoSession, None));
    }

    #[tokio::test]
    async fn who_has_one_shows_it_to_set_up_another_and_a_reset_ends_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(folder.path()).await;
        open(&ledger, 3).await;
        let new = NewFactor { sealed: vec![7], step: 30, codes: vec![[6; 32]] };
        let enrol = async |proof, session| {
            ledger.enrol_second_factor(by(6), ada(), new.clone(), proof, session, None).await.unwrap()
        };
        assert_eq!(enrol(None, renewed(3, 4)).await, Enrolled::HasOne);
        assert_eq!(enrol(Some(code(10)), renewed(3, 4)).await, Enrolled::Proved(Proved::Used));
        assert_eq!(enrol(Some(code(11)), renewed(3, 4)).await, Enrolled::Proved(Proved::Yes));
        assert!(ledger.session([2; 32], UnixMillis(7)).await.unwrap().is_none(), "another session went on");
        let factor = ledger.second_factor(ada()).await.unwrap().unwrap();
        assert_eq!((factor.sealed, factor.codes_left), (vec![7], 1));
        let reset = || ledger.reset_second_factor(by(8), ada(), None).unwrap();
        assert_eq!(reset(), Changed::Yes);
        assert!(ledger.second_factor(ada()).await.unwrap().is_none());
        assert!(ledger.session([4; 32], UnixMillis(9)).await.unwrap().is_none(), "a session went on");
        assert_eq!(reset(), Changed::Yes, "of who has none nothing is left to reset");
    }
}
