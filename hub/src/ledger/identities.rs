//! Who people are at the identity provider, and sessions that are opened on its word.
//!
//! What must stay true: once an account is bound, the subject decides and the address does not; it is bound when a session
//! becomes whole, never while a second factor is awaited in it; a subject is bound to one account, and an account to one
//! subject of an issuer; nobody is made by a sign-in.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::mail::{self, NewMail, address};
use super::people::{Changed, Whom, change, end_sessions, name_of};
use super::sessions::{Given, NewSession, Session, open};
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::email::EmailAddress;
use crate::mail::letter::Letter;
use crate::person::PersonId;

/// Whom the provider vouches for.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// Who the provider is.
    pub issuer: String,
    /// Who they are there, for good.
    pub subject: String,
    /// The address that it vouches for; `None`: it was not asked.
    pub email: Option<EmailAddress>,
    /// Whether it asked them for a second factor that counts here.
    pub second_factor: bool,
    /// What people call the provider, where somebody who is bound is told so by mail.
    pub told: Option<String>,
}

/// What the provider's word came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// A session.
    In(Session),
    /// Nobody is bound to that subject, and nobody has that address.
    Nobody,
    /// Who has that address was invited and has not come.
    Invited,
    /// They are kept out.
    Disabled(PersonId, String),
    /// Who has that address is somebody else there.
    Another(PersonId, String),
}

impl Ledger {
    /// Whether an account is bound to that subject: then its address is not asked for.
    pub async fn knows_subject(&self, issuer: String, subject: String) -> Result<bool, LedgerError> {
        self.call("knows subject", move |tx| Ok(bound_to(tx, &issuer, &subject)?.is_some())).await
    }

    /// Opens a session for whom the provider vouches: of the account that is bound to their subject, or else of the one
    /// that has their address, which is bound once the session is whole.
    pub async fn open_vouched_session(
        &self,
        new: NewSession,
        vouched: Vouched,
        now: UnixMillis,
        optional: bool,
    ) -> Result<Came, LedgerError> {
        self.call("open vouched session", move |tx| {
            let bound = bound_to(tx, &vouched.issuer, &vouched.subject)?;
            let person = match (bound, &vouched.email) {
                (Some(person), _) => person,
                (None, None) => return Ok(Came::Nobody),
                (None, Some(email)) => match with_address(tx, email)? {
                    Some(person) => person,
                    None if is_invited(tx, email)? => return Ok(Came::Invited),
                    None => return Ok(Came::Nobody),
                },
            };
            if is_disabled(tx, person)? {
                return Ok(Came::Disabled(person, name_of(tx, person)?));
            }
            if bound.is_none() && is_bound(tx, person, &vouched.issuer)? {
                return Ok(Came::Another(person, name_of(tx, person)?));
            }
            Ok(match open(tx, &new, person, &Given::Word(vouched), now, optional)? {
                Some(session) => Came::In(session),
                None => Came::Disabled(person, name_of(tx, person)?),
            })
        })
        .await
    }

    /// Unbinds a person, and ends their sessions: the next who comes with their address is bound anew. Blocks.
    pub fn unbind(&self, by: By, who: impl Into<Whom>) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("unbind", move |tx| {
            change(tx, &by, &who, true, |person, person_name| {
                if tx.execute("DELETE FROM identity WHERE person = ?1", [person.bytes()])? == 0 {
                    return Ok(None);
                }
                end_sessions(tx, person)?;
                Ok(Some(Deed::IdentityUnbound { person, person_name }))
            })
        })
    }
}

fn bound_to(tx: &Transaction<'_>, issuer: &str, subject: &str) -> rusqlite::Result<Option<PersonId>> {
    tx.prepare_cached("SELECT person FROM identity WHERE issuer = ?1 AND subject = ?2")?
        .query_row((issuer, subject), |row| row.get(0).map(PersonId::from_bytes))
        .optional()
}

fn with_address(tx: &Transaction<'_>, email: &EmailAddress) -> rusqlite::Result<Option<PersonId>> {
    tx.prepare_cached("SELECT id FROM person WHERE email = ?1")?
        .query_row([email.to_string()], |row| row.get(0).map(PersonId::from_bytes))
        .optional()
}

fn is_invited(tx: &Transaction<'_>, email: &EmailAddress) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM invitation WHERE email = ?1)")?
        .query_row([email.to_string()], |row| row.get(0))
}

fn is_disabled(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT disabled_ms IS NOT NULL FROM person WHERE id = ?1")?
        .query_row([person.bytes()], |row| row.get(0))
}

/// Whether an account is bound to anybody there.
fn is_bound(tx: &Transaction<'_>, person: PersonId, issuer: &str) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM identity WHERE person = ?1 AND issuer = ?2)")?
        .query_row((person.bytes(), issuer), |row| row.get(0))
}

/// Binds the account of a session that is whole now to whom the provider vouched for in it, if it did; `told` is what people
/// call the provider, where they are told by mail. Where the account or the subject was bound otherwise meanwhile, the
/// session ends: false.
pub(super) fn bind_session(
    tx: &Transaction<'_>,
    person: PersonId,
    token_sha256: [u8; 32],
    told: Option<&str>,
    now: UnixMillis,
) -> rusqlite::Result<bool> {
    let vouched: Option<(String, String)> = tx
        .prepare_cached(
            "SELECT issuer, subject FROM session WHERE token_sha256 = ?1 AND subject IS NOT NULL",
        )?
        .query_row([token_sha256], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((issuer, subject)) = vouched else { return Ok(true) };
    if bound_to(tx, &issuer, &subject)? == Some(person) {
        return Ok(true);
    }
    let bound = tx.execute(
        "INSERT INTO identity (issuer, subject, person, bound_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        (&issuer, &subject, person.bytes(), now.0),
    )?;
    if bound == 0 {
        tx.execute("DELETE FROM session WHERE token_sha256 = ?1", [token_sha256])?;
        return Ok(false);
    }
    let person_name = name_of(tx, person)?;
    if let Some(provider) = told {
        let email: Option<String> =
            tx.query_row("SELECT email FROM person WHERE id = ?1", [person.bytes()], |row| row.get(0))?;
        if let Some(email) = email {
            let letter = Letter::IdentityBound { name: person_name.clone(), provider: provider.to_owned() };
            mail::store(tx, &NewMail::new(address(0, &email)?, letter, now), None)?;
        }
    }
    let by = By::person(person, &person_name, now);
    by.note(tx, &Deed::IdentityBound { person, person_name, issuer, subject })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::people::{Details, Edited};
    use super::super::second_factors::{Enrolled, NewFactor, Proof, Proved, Renewed};
    use super::super::sessions::VouchedFor;
    use super::super::sessions::tests::new;
    use super::*;
    use crate::person::Role;

    const ISSUER: &str = "https://login.example.org";

    fn person(number: u8) -> PersonId {
        PersonId::from_bytes([number; 16])
    }

    fn by(at: u64) -> By {
        By::command_line(UnixMillis(at))
    }

    fn ledger(folder: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(&folder.join("hub.sqlite")).unwrap();
        for (number, name) in [(1, "ada"), (2, "ben"), (3, "cy")] {
            let email = (name != "cy").then(|| format!("{name}@site.example").parse().unwrap());
            let details = Details { name: name.to_owned(), email, role: Role::Viewer };
            let added = ledger.add_reachable_person(by(1), person(number), details, "hash".to_owned());
            assert!(added.unwrap().is_none());
        }
        ledger
    }

    fn vouched(subject: &str, email: Option<&str>) -> Vouched {
        Vouched {
            issuer: ISSUER.to_owned(),
            subject: subject.to_owned(),
            email: email.map(|email| email.parse().unwrap()),
            second_factor: true,
            told: None,
        }
    }

    async fn knows(ledger: &Ledger, subject: &str) -> bool {
        ledger.knows_subject(ISSUER.to_owned(), subject.to_owned()).await.unwrap()
    }

    /// Whose session was opened; else why not.
    async fn come(ledger: &Ledger, token: u8, vouched: Vouched) -> Result<PersonId, Came> {
        let came = ledger.open_vouched_session(new(token), vouched, UnixMillis(2), false).await.unwrap();
        match came {
            Came::In(session) => Ok(session.person),
            Came::Nobody | Came::Invited | Came::Disabled(..) | Came::Another(..) => Err(came),
        }
    }

    #[tokio::test]
    async fn an_address_binds_once_and_then_the_subject_decides() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        assert!(!knows(&ledger, "s1").await);
        assert_eq!(come(&ledger, 1, vouched("s1", Some("ADA@site.example"))).await, Ok(person(1)));
        assert!(knows(&ledger, "s1").await);
        assert_eq!(come(&ledger, 2, vouched("s1", None)).await, Ok(person(1)));
        // The subject is Ada's even where the address is now Ben's.
        let moved = vouched("s1", Some("ben@site.example"));
        assert_eq!(come(&ledger, 3, moved).await, Ok(person(1)));
        assert_eq!(
            come(&ledger, 4, vouched("s2", Some("ada@site.example"))).await,
            Err(Came::Another(person(1), "ada".to_owned()))
        );
        let mut other_issuer = vouched("s1", None);
        other_issuer.issuer = "https://other.example".to_owned();
        assert_eq!(come(&ledger, 5, other_issuer.clone()).await, Err(Came::Nobody));
        other_issuer.email = Some("ada@site.example".parse().unwrap());
        assert_eq!(come(&ledger, 6, other_issuer).await, Ok(person(1)));
    }

    #[tokio::test]
    async fn who_is_unknown_invited_or_kept_out_comes_not_in_and_nobody_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        for (subject, email) in
            [("s9", None), ("s9", Some("eve@site.example")), ("s9", Some("cy@site.example"))]
        {
            assert_eq!(come(&ledger, 1, vouched(subject, email)).await, Err(Came::Nobody), "{email:?}");
        }
        assert_eq!(ledger.people(UnixMillis(3)).unwrap().len(), 3);
        assert_eq!(come(&ledger, 2, vouched("s2", Some("ben@site.example"))).await, Ok(person(2)));
        ledger.disable(by(3), person(1)).unwrap();
        ledger.disable(by(3), person(2)).unwrap();
        for (of, name, refused) in
            [(1, "ada", vouched("s1", Some("ada@site.example"))), (2, "ben", vouched("s2", None))]
        {
            assert_eq!(come(&ledger, 3, refused).await, Err(Came::Disabled(person(of), name.to_owned())));
        }
        assert!(!knows(&ledger, "s1").await, "it was bound");
    }

    #[tokio::test]
    async fn nobody_is_bound_before_the_hubs_second_factor_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let half = |subject| Vouched { second_factor: false, ..vouched(subject, Some("ada@site.example")) };
        // Somebody has Ada's address at the provider, and not her second factor; then she comes herself.
        assert_eq!(come(&ledger, 1, half("theirs")).await, Ok(person(1)));
        assert!(!knows(&ledger, "theirs").await, "they are bound");
        assert_eq!(come(&ledger, 2, half("hers")).await, Ok(person(1)));
        let by = By::person(person(1), "ada", UnixMillis(3));
        let renewed = |old: u8| Renewed {
            old: [old; 32],
            new: [old + 10; 32],
            expires: UnixMillis(1_000),
            network: "192.0.2.7".to_owned(),
            provider: Some("Example Health".to_owned()),
        };
        let factor = NewFactor { sealed: vec![9], step: 10, codes: vec![[4; 32]] };
        let enrolled =
            ledger.enrol_second_factor(by.clone(), person(1), factor, None, renewed(2), None).await;
        assert_eq!(enrolled.unwrap(), Enrolled::Proved(Proved::Yes));
        assert!(knows(&ledger, "hers").await && !knows(&ledger, "theirs").await);
        assert_eq!(come(&ledger, 3, half("theirs")).await, Err(Came::Another(person(1), "ada".to_owned())));
        assert_eq!(ledger.unbind(by.clone(), person(1)).unwrap(), Changed::Yes);
        // Nor does one go on that an address opened which is theirs no more.
        assert_eq!(come(&ledger, 6, half("theirs")).await, Ok(person(1)));
        assert!(ledger.session([6; 32], UnixMillis(4)).await.unwrap().is_some(), "it did not begin");
        for email in ["ada.b@site.example", "ada@site.example"] {
            let details =
                Details { name: "ada".to_owned(), email: Some(email.parse().unwrap()), role: Role::Viewer };
            assert_eq!(
                ledger.edit_person(by.clone(), person(1), details).unwrap(),
                Edited::Changed(Changed::Yes)
            );
        }
        assert!(ledger.session([6; 32], UnixMillis(4)).await.unwrap().is_none(), "it went on");
        // Of two that were under way at once the first to be whole is bound, and the other ends.
        for (token, subject) in [(4, "theirs"), (5, "hers")] {
            assert_eq!(come(&ledger, token, half(subject)).await, Ok(person(1)));
        }
        let give = async |session, step| {
            let code = Proof::Code { sealed: vec![9], step };
            ledger.give_second_factor(by.clone(), person(1), code, renewed(session), None).await.unwrap()
        };
        assert_eq!((give(5, 11).await, give(4, 12).await), (Proved::Yes, Proved::NoSession));
        assert!(ledger.session([14; 32], UnixMillis(4)).await.unwrap().is_none(), "it went on");
        assert!(knows(&ledger, "hers").await && !knows(&ledger, "theirs").await);
    }

    #[tokio::test]
    async fn who_signs_out_is_told_apart_by_who_vouched_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let id_token = Some(b"sealed".to_vec());
        let with_token = NewSession { id_token: id_token.clone(), ..new(1) };
        let vouched = vouched("s1", Some("ada@site.example"));
        let came = ledger.open_vouched_session(with_token, vouched, UnixMillis(2), false).await.unwrap();
        assert!(matches!(came, Came::In(_)), "{came:?}");
        let opened = ledger.open_session(new(2), person(1), "hash".to_owned(), UnixMillis(2), true);
        assert!(opened.await.unwrap().is_some());
        let close = async |token: u8| ledger.close_session(by(3), [token; 32]).await.unwrap();
        let session = new(1).id;
        assert_eq!(close(1).await, Some(VouchedFor { issuer: ISSUER.to_owned(), session, id_token }));
        assert_eq!((close(1).await, close(2).await), (None, None));
    }

    #[tokio::test]
    async fn the_hubs_second_factor_is_awaited_unless_the_providers_counts() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        for (token, second_factor) in [(1, false), (2, true)] {
            let vouched = Vouched { second_factor, ..vouched("s1", Some("ada@site.example")) };
            let came = ledger.open_vouched_session(new(token), vouched, UnixMillis(2), false).await.unwrap();
            let Came::In(session) = came else { panic!("{came:?}") };
            let until = new(token).until[usize::from(second_factor)];
            assert_eq!((session.factor_given, session.expires), (second_factor, until));
        }
        let knows = ledger.knows_network(person(1), "192.0.2.7".to_owned(), UnixMillis(3)).await.unwrap();
        assert!(knows, "a whole session leaves where it is from");
    }

    #[tokio::test]
    async fn who_is_unbound_is_signed_out_and_bound_anew() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        assert!(come(&ledger, 1, vouched("s1", Some("ada@site.example"))).await.is_ok());
        assert_eq!(ledger.unbind(by(3), person(1)).unwrap(), Changed::Yes);
        assert!(ledger.session([1; 32], UnixMillis(4)).await.unwrap().is_none(), "a session went on");
        assert_eq!(come(&ledger, 2, vouched("s1", None)).await, Err(Came::Nobody));
        assert_eq!(come(&ledger, 3, vouched("s2", Some("ada@site.example"))).await, Ok(person(1)));
    }
}
