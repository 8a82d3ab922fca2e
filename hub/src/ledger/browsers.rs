//! Browsers that people have signed in with, by the SHA-256 of what their cookies hold
//! ([`crate::people`]'s `known_browser`).
//!
//! What must stay true: a token is one person's, works so long after it was last used, and is void with their sessions and
//! with another password.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::{Ledger, LedgerError};
use crate::bounds;
use crate::person::PersonId;

impl Ledger {
    /// Which of a browser's tokens is that person's.
    pub async fn knows_browser(
        &self,
        person: PersonId,
        tokens: Vec<[u8; 32]>,
        now: UnixMillis,
    ) -> Result<Option<[u8; 32]>, LedgerError> {
        if tokens.is_empty() {
            return Ok(None);
        }
        self.call("knows browser", move |tx| theirs(tx, person, &tokens, now)).await
    }

    /// Notes that a person has signed in with a browser that has these tokens; gives the one that is theirs from now on:
    /// the one that was, or else `fresh`. Of too many browsers the one is forgotten that they used longest ago.
    pub async fn remember_browser(
        &self,
        person: PersonId,
        tokens: Vec<[u8; 32]>,
        fresh: [u8; 32],
        now: UnixMillis,
    ) -> Result<[u8; 32], LedgerError> {
        self.call("remember browser", move |tx| {
            let token = theirs(tx, person, &tokens, now)?.unwrap_or(fresh);
            tx.execute(
                "INSERT INTO known_browser (token_sha256, person, seen_ms) VALUES (?1, ?2, ?3)
                 ON CONFLICT (token_sha256) DO UPDATE SET seen_ms = ?3",
                (token, person.bytes(), now.0),
            )?;
            tx.execute(
                "DELETE FROM known_browser WHERE person = ?1 AND token_sha256 NOT IN
                     (SELECT token_sha256 FROM known_browser WHERE person = ?1 ORDER BY seen_ms DESC LIMIT ?2)",
                (person.bytes(), bounds::BROWSERS_KNOWN),
            )?;
            Ok(token)
        })
        .await
    }
}

fn theirs(
    tx: &Transaction<'_>,
    person: PersonId,
    tokens: &[[u8; 32]],
    now: UnixMillis,
) -> rusqlite::Result<Option<[u8; 32]>> {
    let mut known = tx.prepare_cached(
        "SELECT token_sha256 FROM known_browser WHERE token_sha256 = ?1 AND person = ?2 AND seen_ms > ?3",
    )?;
    let since = now.minus(bounds::BROWSER_KNOWN_MS).0;
    for token in tokens {
        if let Some(token) = known.query_row((token, person.bytes(), since), |row| row.get(0)).optional()? {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

/// Forgets the browsers that a person has signed in with.
pub(super) fn void_browsers(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM known_browser WHERE person = ?1", [person.bytes()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::invitations::NewLink;
    use super::super::links::Followed;
    use super::super::people::{Changed, Whom};
    use super::super::sessions::Which;
    use super::*;
    use crate::audit::By;
    use crate::links::Nonce;
    use crate::person::Role;

    fn person(number: u8) -> PersonId {
        PersonId::from_bytes([number; 16])
    }

    fn by() -> By {
        By::command_line(UnixMillis(1))
    }

    fn ledger(folder: &std::path::Path) -> Ledger {
        let ledger = Ledger::open(&folder.join("hub.sqlite")).unwrap();
        for (number, name) in [(1, "ada"), (2, "ben")] {
            let hash = "hash".to_owned();
            assert!(ledger.add_person(by(), person(number), name.to_owned(), Role::Viewer, hash).unwrap());
        }
        ledger
    }

    async fn knows(ledger: &Ledger, whose: u8, tokens: &[u8], at: u64) -> Option<u8> {
        let tokens = tokens.iter().map(|token| [*token; 32]).collect();
        let known = ledger.knows_browser(person(whose), tokens, UnixMillis(at)).await.unwrap();
        known.map(|token| token[0])
    }

    async fn remember(ledger: &Ledger, whose: u8, tokens: &[u8], fresh: u8, at: u64) -> u8 {
        let tokens = tokens.iter().map(|token| [*token; 32]).collect();
        ledger.remember_browser(person(whose), tokens, [fresh; 32], UnixMillis(at)).await.unwrap()[0]
    }

    #[tokio::test]
    async fn a_browser_is_known_to_who_signed_in_with_it_and_for_so_long() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        assert_eq!(remember(&ledger, 1, &[7], 1, 5).await, 1, "a token that nobody gave is taken");
        assert_eq!(remember(&ledger, 2, &[1], 2, 6).await, 2, "another's token is taken");
        assert_eq!(knows(&ledger, 1, &[2, 1], 7).await, Some(1));
        assert_eq!((knows(&ledger, 2, &[1], 7).await, knows(&ledger, 2, &[2, 1], 7).await), (None, Some(2)));
        let late = 5 + bounds::BROWSER_KNOWN_MS;
        assert_eq!(remember(&ledger, 2, &[1, 2], 3, late).await, 2, "it is another at each sign-in");
        assert_eq!(
            (knows(&ledger, 1, &[1], late).await, knows(&ledger, 2, &[2], late).await),
            (None, Some(2))
        );
        for token in 10..10 + u8::try_from(bounds::BROWSERS_KNOWN).unwrap() {
            remember(&ledger, 2, &[], token, late + u64::from(token)).await;
        }
        assert_eq!(knows(&ledger, 2, &[2], late + 99).await, None, "all are remembered");
        assert_eq!(knows(&ledger, 2, &[10], late + 99).await, Some(10));
    }

    #[tokio::test]
    async fn another_password_a_reset_a_disabling_and_signing_out_everywhere_make_it_void() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let whom = || Whom::Id(person(2));
        for means in 0..5 {
            remember(&ledger, 1, &[], 8, 5).await;
            assert_eq!(remember(&ledger, 2, &[], 9, 5).await, 9);
            let done = match means {
                0 => ledger.set_password(by(), whom(), "hash".to_owned()).unwrap() == Changed::Yes,
                1 => {
                    let hashes = ["hash", "other hash"].map(str::to_owned);
                    ledger.change_password(by(), person(2), hashes, [0; 32], None).await.unwrap()
                }
                2 => ledger.end_sessions(by(), person(2), Which::All).await.unwrap() == 0,
                3 => {
                    let (nonce, expires) = (Nonce::from_bytes([1; 16]), UnixMillis(9));
                    let link = NewLink { nonce, token_sha256: [3; 32], expires };
                    assert_eq!(ledger.order_reset(by(), person(2), link, None).unwrap(), Changed::Yes);
                    assert_eq!(knows(&ledger, 2, &[9], 5).await, None);
                    remember(&ledger, 2, &[], 9, 5).await;
                    let (hash, network) = ("third hash".to_owned(), "192.0.2.7".to_owned());
                    let followed = ledger.follow_reset([3; 32], hash, None, network, UnixMillis(6)).await;
                    followed.unwrap() == Followed::Yes
                }
                _ => ledger.disable(by(), whom()).unwrap() == Changed::Yes,
            };
            assert!(done, "means {means}");
            assert_eq!(knows(&ledger, 2, &[9], 6).await, None, "means {means}");
            assert_eq!(knows(&ledger, 1, &[8], 6).await, Some(8), "another's went");
        }
    }
}
