//! Sessions: who is signed in, from where, and where they have been signed in before. Tokens are kept as SHA-256.
//!
//! What must stay true: where somebody has been before is noted when a session becomes whole, never when only the
//! password was right.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};
use uuid::Uuid;

use super::identities::{self, Vouched};
use super::people::{name_of, role_of, void_tokens};
use super::{Ledger, LedgerError, second_factors};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::person::{PersonId, Role};

/// A session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their role as it is now.
    pub role: Role,
    /// Whether the second factor was given in it.
    pub factor_given: bool,
    /// Until when it lasts.
    pub expires: UnixMillis,
    /// Whether they have one now.
    pub has_factor: bool,
}

/// Where somebody signs in from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: String,
    /// The network that it is of, as it is remembered.
    pub network: String,
    /// What their browser or program calls itself.
    pub browser: String,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id, which opens nothing.
    pub id: Uuid,
    /// SHA-256 of its token.
    pub token_sha256: [u8; 32],
    /// Until when it lasts: while a second factor is awaited in it, and otherwise.
    pub until: [UnixMillis; 2],
    /// Where from.
    pub place: Place,
    /// The ID token that the identity provider vouched with, sealed to the session's id, where it is kept.
    pub id_token: Option<Vec<u8>>,
}

/// Who vouched for whoever had a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VouchedFor {
    /// The identity provider's issuer.
    pub issuer: String,
    /// The session's id, to which the token is bound.
    pub session: Uuid,
    /// The ID token by which it knows them, sealed, where it is kept.
    pub id_token: Option<Vec<u8>>,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: Uuid,
    /// Where from; empty where it is older than that was kept.
    pub address: String,
    /// What their browser or program calls itself.
    pub browser: String,
    /// When it was opened.
    pub opened: UnixMillis,
    /// When it was last used, to a few minutes.
    pub seen: UnixMillis,
    /// Whether it is the one that asks.
    pub this: bool,
    /// Whether its second factor was given.
    pub factor_given: bool,
}

impl Ledger {
    /// Opens a session, unless the person was disabled or given another password since `password`, the Argon2id string,
    /// was read: then `None`. A second factor is awaited in it of everybody who has one and, unless that is `optional`,
    /// of everybody else. Sessions that ended are swept.
    pub async fn open_session(
        &self,
        new: NewSession,
        person: PersonId,
        password: String,
        now: UnixMillis,
        optional: bool,
    ) -> Result<Option<Session>, LedgerError> {
        self.call("open session", move |tx| open(tx, &new, person, &Given::Password(password), now, optional))
            .await
    }

    /// The session of a token, while it lasts. Notes now and then that it is used.
    pub async fn session(
        &self,
        token_sha256: [u8; 32],
        now: UnixMillis,
    ) -> Result<Option<Session>, LedgerError> {
        self.call("session", move |tx| {
            tx.prepare_cached("UPDATE session SET seen_ms = ?2 WHERE token_sha256 = ?1 AND seen_ms < ?3")?
                .execute((token_sha256, now.0, now.minus(bounds::SESSION_SEEN_MS).0))?;
            session(tx, token_sha256, now)
        })
        .await
    }

    /// A person's sessions, the newest first; `this` is the token of the one that asks.
    pub async fn sessions(
        &self,
        person: PersonId,
        this: [u8; 32],
        now: UnixMillis,
    ) -> Result<Vec<Seen>, LedgerError> {
        self.call("sessions", move |tx| {
            tx.prepare_cached(
                "SELECT id, address, browser, opened_ms, seen_ms, token_sha256 = ?2, factor_ms IS NOT NULL
                 FROM session WHERE person = ?1 AND expires_ms > ?3 ORDER BY opened_ms DESC, id DESC",
            )?
            .query_map((person.bytes(), this, now.0), |row| {
                Ok(Seen {
                    id: Uuid::from_bytes(row.get(0)?),
                    address: row.get(1)?,
                    browser: row.get(2)?,
                    opened: UnixMillis(row.get(3)?),
                    seen: UnixMillis(row.get(4)?),
                    this: row.get(5)?,
                    factor_given: row.get(6)?,
                })
            })?
            .collect()
        })
        .await
    }

    /// Ends sessions of a person; how many.
    pub async fn end_sessions(&self, by: By, person: PersonId, which: Which) -> Result<usize, LedgerError> {
        self.call("end sessions", move |tx| {
            let mut tokens = 0;
            let sessions = match which {
                Which::All => {
                    tokens = void_tokens(tx, person)?;
                    super::people::end_sessions(tx, person)?
                }
                Which::One(id) => tx.execute(
                    "DELETE FROM session WHERE person = ?1 AND id = ?2",
                    (person.bytes(), id.as_bytes()),
                )?,
                Which::But(token) => {
                    super::browsers::void_browsers(tx, person)?;
                    tx.execute(
                        "DELETE FROM session WHERE person = ?1 AND token_sha256 <> ?2",
                        (person.bytes(), token),
                    )?
                }
            };
            if sessions + tokens > 0 {
                let person_name = name_of(tx, person)?;
                by.note(tx, &Deed::SessionsEnded { person, person_name, sessions })?;
            }
            Ok(sessions)
        })
        .await
    }

    /// Ends a session; gives who vouched for it, if somebody did.
    pub async fn close_session(
        &self,
        by: By,
        token_sha256: [u8; 32],
    ) -> Result<Option<VouchedFor>, LedgerError> {
        self.call("close session", move |tx| {
            let closed = tx
                .prepare_cached("DELETE FROM session WHERE token_sha256 = ?1 RETURNING issuer, id, id_token")?
                .query_row([token_sha256], |row| {
                    let issuer: Option<String> = row.get(0)?;
                    let Some(issuer) = issuer else { return Ok(None) };
                    let session = Uuid::from_bytes(row.get(1)?);
                    Ok(Some(VouchedFor { issuer, session, id_token: row.get(2)? }))
                })
                .optional()?;
            let Some(vouched) = closed else { return Ok(None) };
            by.note(tx, &Deed::SignedOut {})?;
            Ok(vouched)
        })
        .await
    }

    /// Whether somebody has been signed in from that network before.
    pub async fn knows_network(
        &self,
        person: PersonId,
        network: String,
        now: UnixMillis,
    ) -> Result<bool, LedgerError> {
        self.call("knows network", move |tx| {
            tx.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM known_network WHERE person = ?1 AND network = ?2 AND seen_ms > ?3)",
            )?
            .query_row((person.bytes(), network, now.minus(bounds::NETWORK_KNOWN_MS).0), |row| row.get(0))
        })
        .await
    }
}

/// What somebody gave to have a session opened.
#[derive(Debug)]
pub(super) enum Given {
    /// The password that was hashed to this Argon2id string.
    Password(String),
    /// The word of the identity provider.
    Word(Vouched),
}

/// Opens a session, as [`Ledger::open_session`] says it. Where the provider's second factor counts, none is awaited. Who
/// is whole by it is bound to who they are at the provider, unless they are bound to somebody else there: then `None`.
pub(super) fn open(
    tx: &Transaction<'_>,
    new: &NewSession,
    person: PersonId,
    given: &Given,
    now: UnixMillis,
    optional: bool,
) -> rusqlite::Result<Option<Session>> {
    tx.execute("DELETE FROM session WHERE expires_ms <= ?1", [now.0])?;
    let (password, vouched) = match given {
        Given::Password(password) => (Some(password), None),
        Given::Word(vouched) => (None, Some(vouched)),
    };
    let factor_given = vouched.is_some_and(|vouched| vouched.second_factor);
    let awaited = !factor_given && (!optional || second_factors::has_one(tx, person)?);
    let expires = new.until[usize::from(!awaited)];
    let opened = tx.execute(
        "INSERT INTO session (token_sha256, person, expires_ms, id, opened_ms, seen_ms, address, browser, factor_ms,
                              issuer, subject, id_token)
         SELECT ?1, id, ?3, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12
         FROM person WHERE id = ?2 AND disabled_ms IS NULL AND (?4 IS NULL OR password = ?4)",
        (
            new.token_sha256,
            person.bytes(),
            expires.0,
            password,
            new.id.as_bytes(),
            now.0,
            &new.place.address,
            &new.place.browser,
            factor_given.then_some(now.0),
            vouched.map(|vouched| &vouched.issuer),
            vouched.map(|vouched| &vouched.subject),
            &new.id_token,
        ),
    )?;
    if opened == 0 {
        return Ok(None);
    }
    let by = By::person(person, &name_of(tx, person)?, now);
    match vouched {
        Some(Vouched { issuer, .. }) => {
            by.note(tx, &Deed::ProviderVouched { issuer: issuer.clone(), session_until: expires })?;
        }
        None if awaited => by.note(tx, &Deed::PasswordGiven { session_until: expires })?,
        None => {}
    }
    if !awaited {
        let told = vouched.and_then(|vouched| vouched.told.as_deref());
        if !identities::bind_session(tx, person, new.token_sha256, told, now)? {
            return Ok(None);
        }
        note_network(tx, person, &new.place.network, now)?;
        let second_factor = if factor_given { "provider" } else { "none" }.to_owned();
        by.note(tx, &Deed::SignedIn { session_until: expires, second_factor })?;
    }
    session(tx, new.token_sha256, now)
}

/// Which sessions of a person.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// The one of that id.
    One(Uuid),
    /// All but the one of that token.
    But([u8; 32]),
    /// All.
    All,
}

/// Whether a person's session is of a sign-in of late; `None` where it is no more.
pub(super) fn is_fresh(
    tx: &Transaction<'_>,
    person: PersonId,
    token_sha256: [u8; 32],
    now: UnixMillis,
) -> rusqlite::Result<Option<bool>> {
    let opened = tx.query_row(
        "SELECT opened_ms FROM session WHERE token_sha256 = ?1 AND person = ?2",
        (token_sha256, person.bytes()),
        |row| row.get(0).map(UnixMillis),
    );
    Ok(opened.optional()?.map(|opened| now.minus(bounds::FRESH_MS) <= opened))
}

/// Notes that somebody was signed in from a network, and forgets the one that they were longest ago.
pub(super) fn note_network(
    tx: &Transaction<'_>,
    person: PersonId,
    network: &str,
    now: UnixMillis,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO known_network (person, network, seen_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (person, network) DO UPDATE SET seen_ms = ?3",
        (person.bytes(), network, now.0),
    )?;
    tx.execute(
        "DELETE FROM known_network WHERE person = ?1 AND network NOT IN
             (SELECT network FROM known_network WHERE person = ?1 ORDER BY seen_ms DESC LIMIT ?2)",
        (person.bytes(), bounds::NETWORKS_KNOWN),
    )
    .map(drop)
}

fn session(
    tx: &Transaction<'_>,
    token_sha256: [u8; 32],
    now: UnixMillis,
) -> rusqlite::Result<Option<Session>> {
    tx.prepare_cached(
        "SELECT person.id, person.name, person.role, factor_ms IS NOT NULL, expires_ms,
                EXISTS (SELECT 1 FROM second_factor WHERE second_factor.person = person.id)
         FROM session JOIN person ON person.id = session.person
         WHERE token_sha256 = ?1 AND expires_ms > ?2 AND disabled_ms IS NULL",
    )?
    .query_row((token_sha256, now.0), |row| {
        Ok(Session {
            person: PersonId::from_bytes(row.get(0)?),
            name: row.get(1)?,
            role: role_of(row, 2)?,
            factor_given: row.get(3)?,
            expires: UnixMillis(row.get(4)?),
            has_factor: row.get(5)?,
        })
    })
    .optional()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A session of that token, from the same place each time.
    pub fn new(token: u8) -> NewSession {
        let place = Place {
            address: "192.0.2.7".to_owned(),
            network: "192.0.2.7".to_owned(),
            browser: "a browser".to_owned(),
        };
        let until = [UnixMillis(100), UnixMillis(1_000_000)];
        let (id, token_sha256) = (Uuid::from_bytes([token; 16]), [token; 32]);
        NewSession { id, token_sha256, until, place, id_token: None }
    }

    fn person(number: u8) -> PersonId {
        PersonId::from_bytes([number; 16])
    }

    fn by(at: u64) -> By {
        By::person(person(1), "ada", UnixMillis(at))
    }

    fn ledger(folder: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(&folder.join("hub.sqlite")).unwrap();
        for (number, name) in [(1, "ada"), (2, "ben")] {
            let hash = "hash".to_owned();
            assert!(ledger.add_person(by(1), person(number), name.to_owned(), Role::Viewer, hash).unwrap());
        }
        ledger
    }

    async fn open(ledger: &Ledger, whose: u8, new: NewSession, at: u64, optional: bool) {
        let opened = ledger.open_session(new, person(whose), "hash".to_owned(), UnixMillis(at), optional);
        assert!(opened.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn one_sees_and_ends_ones_own_sessions_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        for (token, whose) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
            open(&ledger, whose, new(token), u64::from(token), true).await;
        }
        let seen = async || {
            let all = ledger.sessions(person(1), [2; 32], UnixMillis(9)).await.unwrap();
            all.into_iter().map(|seen| (seen.id.as_bytes()[0], seen.this)).collect::<Vec<_>>()
        };
        assert_eq!(seen().await, [(3, false), (2, true), (1, false)]);
        let end = async |which| ledger.end_sessions(by(10), person(1), which).await.unwrap();
        assert_eq!(end(Which::One(Uuid::from_bytes([4; 16]))).await, 0, "another's session ended");
        assert_eq!(end(Which::One(Uuid::from_bytes([3; 16]))).await, 1);
        assert_eq!(end(Which::But([2; 32])).await, 1);
        assert_eq!(seen().await, [(2, true)]);
        assert_eq!(end(Which::All).await, 1);
        assert!(ledger.session([4; 32], UnixMillis(9)).await.unwrap().is_some(), "another's session ended");
    }

    #[tokio::test]
    async fn when_a_session_was_used_is_noted_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        open(&ledger, 1, new(1), 1, true).await;
        for (at, noted) in
            [(2, 1), (bounds::SESSION_SEEN_MS, 1), (bounds::SESSION_SEEN_MS + 2, bounds::SESSION_SEEN_MS + 2)]
        {
            ledger.session([1; 32], UnixMillis(at)).await.unwrap().unwrap();
            let seen = ledger.sessions(person(1), [1; 32], UnixMillis(at)).await.unwrap();
            assert_eq!(seen[0].seen, UnixMillis(noted), "{at}");
        }
    }

    #[tokio::test]
    async fn a_network_is_known_once_a_session_from_it_was_whole() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let knows = async |whose, network: &str, at| {
            ledger.knows_network(person(whose), network.to_owned(), UnixMillis(at)).await.unwrap()
        };
        open(&ledger, 1, new(1), 1, false).await;
        assert!(!knows(1, "192.0.2.7", 2).await, "a password alone makes a place known");
        open(&ledger, 1, new(2), 2, true).await;
        assert!(knows(1, "192.0.2.7", 3).await && !knows(1, "192.0.2.8", 3).await);
        assert!(!knows(2, "192.0.2.7", 3).await, "a place is another's too");
        assert!(!knows(1, "192.0.2.7", 3 + bounds::NETWORK_KNOWN_MS).await);
        for of in 0..bounds::NETWORKS_KNOWN {
            let mut elsewhere = new(u8::try_from(of + 3).unwrap());
            elsewhere.place.network = format!("198.51.100.{of}");
            open(&ledger, 1, elsewhere, u64::from(of) + 3, true).await;
        }
        assert!(!knows(1, "192.0.2.7", 40).await && knows(1, "198.51.100.0", 40).await);
    }
}
