//! Forgotten passwords: what was asked for on the public page, and what came of it.
//!
//! What must stay true: asking does the same whether or not anybody has that address; who it is is looked up later, by
//! the outbox.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::OptionalExtension as _;

use super::invitations::NewLink;
use super::mail::{self, NewMail, address};
use super::{Ledger, LedgerError, links};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::email::EmailAddress;
use crate::person::PersonId;

/// What asking for a new password came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is noted, unless the address was asked for often enough.
    Noted,
    /// Too many have asked; nothing is noted.
    TooMany,
}

impl Ledger {
    /// Notes that somebody asked for a new password for an address.
    pub async fn ask_reset(&self, email: EmailAddress, now: UnixMillis) -> Result<Asked, LedgerError> {
        let by = By::hub(now);
        self.call("ask reset", move |tx| {
            // What was asked far ahead was so by a clock that was wrong, and counts for nobody now.
            let (since, until) = (now.minus(bounds::HOUR_MS).0, now.plus(bounds::HOUR_MS).0);
            tx.execute(
                "DELETE FROM reset_request WHERE (asked_ms <= ?1 OR asked_ms >= ?2) AND handled",
                [since, until],
            )?;
            let (all, own): (u32, u32) = tx
                .prepare_cached(
                    "SELECT count(*), count(*) FILTER (WHERE address = ?1) FROM reset_request
                     WHERE asked_ms > ?2 AND asked_ms < ?3",
                )?
                .query_row((email.to_string(), since, until), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if all >= bounds::RESETS_HOUR {
                return Ok(Asked::TooMany);
            }
            if own < bounds::RESETS_ADDRESS_HOUR {
                tx.execute(
                    "INSERT INTO reset_request (address, asked_ms, handled) VALUES (?1, ?2, 0)",
                    (email.to_string(), now.0),
                )?;
                by.note(tx, &Deed::ResetAsked {})?;
            }
            Ok(Asked::Noted)
        })
        .await
    }

    /// Takes up the oldest of what was asked: where somebody who may sign in has that address, stores their link and
    /// the mail with it. False where nothing waits.
    pub async fn answer_reset(
        &self,
        by: By,
        link: NewLink,
        letter: impl FnOnce(String, EmailAddress) -> NewMail + Send + 'static,
    ) -> Result<bool, LedgerError> {
        self.call("answer reset", move |tx| {
            let asked: Option<(i64, String)> = tx
                .prepare_cached(
                    "SELECT id, address FROM reset_request WHERE NOT handled ORDER BY id LIMIT 1",
                )?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((id, asked)) = asked else { return Ok(false) };
            tx.execute("UPDATE reset_request SET handled = 1 WHERE id = ?1", [id])?;
            let known: Option<(PersonId, String, String)> = tx
                .prepare_cached(
                    "SELECT id, name, email FROM person WHERE email = ?1 AND disabled_ms IS NULL",
                )?
                .query_row([asked], |row| Ok((PersonId::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?)))
                .optional()?;
            if let Some((person, name, email)) = known {
                links::put_reset(tx, person, &link)?;
                mail::store(tx, &letter(name.clone(), address(2, &email)?), Some(person))?;
                by.note(tx, &Deed::ResetLinkMade { person, person_name: name, link_until: link.expires })?;
            }
            Ok(true)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::cursor::Cursor;
    use crate::ledger::people::Details;
    use crate::links::Nonce;
    use crate::mail::letter::Letter;
    use crate::person::Role;

    const NOW: UnixMillis = UnixMillis(10 * bounds::HOUR_MS);

    fn email(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    async fn answer(ledger: &Ledger, number: u8) -> bool {
        let nonce = Nonce::from_bytes([number; 16]);
        let link = NewLink { nonce, token_sha256: [number; 32], expires: NOW.plus(9) };
        let letter = move |name, to| {
            NewMail::new(to, Letter::Reset { name, ordered: false, nonce, expires: NOW.plus(9) }, NOW)
        };
        ledger.answer_reset(By::hub(NOW), link, letter).await.unwrap()
    }

    #[tokio::test]
    async fn a_mail_goes_to_who_is_known_and_may_sign_in_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        for (number, name) in [(1, "ada"), (2, "ben")] {
            let id = PersonId::from_bytes([number; 16]);
            let details = Details {
                name: name.to_owned(),
                email: Some(email(&format!("{name}@site.example"))),
                role: Role::Admin,
            };
            ledger
                .add_reachable_person(By::command_line(UnixMillis(1)), id, details, "hash".to_owned())
                .unwrap();
        }
        ledger.disable(By::command_line(NOW), "ben".to_owned()).unwrap();
        for asked in ["ADA@site.example", "ben@site.example", "eve@site.example"] {
            assert_eq!(ledger.ask_reset(email(asked), NOW).await.unwrap(), Asked::Noted);
        }
        for number in 1..=3 {
            assert!(answer(&ledger, number).await);
        }
        assert!(!answer(&ledger, 4).await);
        let mails = ledger.mails(Cursor::START, 9).await.unwrap();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, email("ada@site.example"));
        assert!(ledger.link([1; 32], NOW).await.unwrap().is_some(), "no link");
        assert!(ledger.link([2; 32], NOW).await.unwrap().is_none(), "a link for who is disabled");
    }

    #[tokio::test]
    async fn an_address_is_noted_so_often_an_hour_and_all_together_too() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        for _ in 0..10 {
            assert_eq!(ledger.ask_reset(email("ada@site.example"), NOW).await.unwrap(), Asked::Noted);
        }
        let mut noted = 0;
        while answer(&ledger, 1).await {
            noted += 1;
        }
        assert_eq!(noted, bounds::RESETS_ADDRESS_HOUR);
        for number in noted..bounds::RESETS_HOUR {
            let asked = email(&format!("p{number}@site.example"));
            assert_eq!(ledger.ask_reset(asked, NOW).await.unwrap(), Asked::Noted, "{number}");
        }
        assert_eq!(ledger.ask_reset(email("q@site.example"), NOW).await.unwrap(), Asked::TooMany);
        let later = NOW.plus(bounds::HOUR_MS);
        assert_eq!(ledger.ask_reset(email("q@site.example"), later).await.unwrap(), Asked::Noted);
        // Once a clock is right that was two hours ahead.
        while answer(&ledger, 2).await {}
        let right = NOW.minus(bounds::HOUR_MS);
        assert_eq!(ledger.ask_reset(email("ada@site.example"), right).await.unwrap(), Asked::Noted);
        assert!(answer(&ledger, 3).await, "an address waits for a clock that was wrong");
    }
}
