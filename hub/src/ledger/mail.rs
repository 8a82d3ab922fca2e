//! The outbox: mails that wait, went out, or were given up.
//!
//! What must stay true: a mail is stored by the transaction of what causes it; no link is in here, only what it is made
//! from.

use std::fmt;
use std::str::FromStr;

use flip_protocol::{UnixMillis, ident};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::cursor::{Cursor, ascending, ids};
use super::{Ledger, LedgerError, from_json, to_json};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::clock;
use crate::email::EmailAddress;
use crate::mail::letter::Letter;
use crate::person::PersonId;

/// A mail's id, also in its Message-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailId(pub Uuid);

impl fmt::Display for MailId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for MailId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// Whom it goes to.
    pub to: EmailAddress,
    /// What it says.
    pub letter: Letter,
    /// When it was stored.
    pub stored: UnixMillis,
    /// How often it was tried in vain.
    pub tries: u32,
    /// Why the last time; empty before.
    pub why: String,
    /// Where it is.
    pub state: MailState,
}

/// Where a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// Waits.
    Waiting {
        /// Until when, at least.
        next: UnixMillis,
    },
    /// The mail server has taken it.
    Sent {
        /// When.
        at: UnixMillis,
    },
    /// It is not tried any more by itself.
    Failed {
        /// Since when.
        at: UnixMillis,
    },
}

impl MailState {
    /// The state's name, as in the ledger and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
        }
    }

    fn moment(self) -> UnixMillis {
        match self {
            Self::Waiting { next: at } | Self::Sent { at } | Self::Failed { at } => at,
        }
    }
}

impl Mail {
    /// Its place among all of them.
    pub fn place(&self) -> Cursor {
        let rank = match self.state {
            MailState::Failed { .. } => 0,
            MailState::Waiting { .. } => 1,
            MailState::Sent { .. } => 2,
        };
        Cursor { rank, moment: -ascending(self.stored), ids: ids(&[self.id.0.as_bytes()]) }
    }
}

/// A mail to be stored.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its id.
    pub id: MailId,
    /// Whom it goes to.
    pub to: EmailAddress,
    /// What it says.
    pub letter: Letter,
    /// The moment.
    pub now: UnixMillis,
}

impl NewMail {
    /// A mail of this moment.
    pub fn new(to: EmailAddress, letter: Letter, now: UnixMillis) -> Self {
        Self { id: MailId(ident::uuid_v7(now, &clock::random_bytes())), to, letter, now }
    }
}

const COLUMNS: &str = "id, address, letter, stored_ms, tries, why, state, moment_ms FROM mail";

impl Ledger {
    /// Stores a test of the mail.
    pub fn store_test(&self, by: By, mail: NewMail) -> Result<(), LedgerError> {
        self.run("store test", move |tx| {
            store(tx, &mail, None)?;
            by.note(tx, &Deed::MailTested { mail: mail.id.0 })
        })
    }

    /// The mails whose time has come, the longest waiting first. One that was to wait longer than any does was so by a clock
    /// that was ahead and is right now.
    pub async fn due_mail(&self, now: UnixMillis, most: u32) -> Result<Vec<Mail>, LedgerError> {
        self.call("due mail", move |tx| {
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE state = 'waiting' AND (moment_ms <= ?1 OR moment_ms > ?2)
                 ORDER BY moment_ms, id LIMIT ?3"
            ))?
            .query_map((now.0, now.plus(bounds::MAIL_AGAIN_MOST_MS).0, most), of_row)?
            .collect()
        })
        .await
    }

    /// Notes what became of a mail that had been tried `tries` times; nothing where it was withdrawn meanwhile.
    pub async fn mail_tried(
        &self,
        id: MailId,
        tries: u32,
        state: MailState,
        why: String,
    ) -> Result<(), LedgerError> {
        self.call("mail tried", move |tx| {
            tx.execute(
                "UPDATE mail SET state = ?2, moment_ms = ?3, why = ?4, tries = tries + (?2 <> 'sent')
                 WHERE id = ?1 AND state = 'waiting' AND tries = ?5",
                (id.0.as_bytes(), state.name(), state.moment().0, why, tries),
            )
            .map(drop)
        })
        .await
    }

    /// The mails from a place on, what needs a look first: given up, then waiting, then sent, each the newest first.
    pub async fn mails(&self, from: Cursor, most: u32) -> Result<Vec<Mail>, LedgerError> {
        const PLACE: &str =
            "CASE state WHEN 'failed' THEN 0 WHEN 'waiting' THEN 1 ELSE 2 END, -stored_ms, hex(id)";
        self.call("mails", move |tx| {
            let (rank, moment, ids) = from.values();
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE ({PLACE}) > (?1, ?2, ?3) ORDER BY {PLACE} LIMIT ?4"
            ))?
            .query_map((rank, moment, ids, most), of_row)?
            .collect()
        })
        .await
    }

    /// The last mail with the link of a person.
    pub async fn mail_about(&self, person: PersonId) -> Result<Option<Mail>, LedgerError> {
        self.call("mail about", move |tx| {
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE about = ?1 ORDER BY stored_ms DESC, id DESC LIMIT 1"
            ))?
            .query_row([person.bytes()], of_row)
            .optional()
        })
        .await
    }

    /// How many mails were tried in vain: given up, and waiting to be tried again.
    pub async fn mail_trouble(&self) -> Result<u64, LedgerError> {
        self.call("mail trouble", |tx| {
            tx.prepare_cached(
                "SELECT count(*) FROM mail WHERE state = 'failed' OR (state = 'waiting' AND tries > 0)",
            )?
            .query_row([], |row| row.get(0))
        })
        .await
    }

    /// Has a mail that was not sent tried at once, as often as a new one; false where there is no such mail.
    pub async fn send_again(&self, by: By, id: MailId) -> Result<bool, LedgerError> {
        self.call("send again", move |tx| {
            let found = tx.execute(
                "UPDATE mail SET state = 'waiting', moment_ms = ?2, stored_ms = ?2, tries = 0
                 WHERE id = ?1 AND state <> 'sent'",
                (id.0.as_bytes(), by.at.0),
            )?;
            if found == 1 {
                by.note(tx, &Deed::MailSentAgain { mail: id.0 })?;
            }
            Ok(found == 1)
        })
        .await
    }

    /// Forgets a mail; false where there is none.
    pub async fn forget_mail(&self, by: By, id: MailId) -> Result<bool, LedgerError> {
        self.call("forget mail", move |tx| {
            let found = tx.execute("DELETE FROM mail WHERE id = ?1", [id.0.as_bytes()])?;
            if found == 1 {
                by.note(tx, &Deed::MailForgotten { mail: id.0 })?;
            }
            Ok(found == 1)
        })
        .await
    }

    /// Forgets mails that were sent or given up long ago.
    pub async fn sweep_mail(&self, now: UnixMillis) -> Result<(), LedgerError> {
        self.call("sweep mail", move |tx| {
            tx.execute(
                "DELETE FROM mail WHERE state <> 'waiting' AND moment_ms <= ?1",
                [now.minus(bounds::MAIL_KEPT_MS).0],
            )
            .map(drop)
        })
        .await
    }
}

/// Stores a mail, to be sent as soon as may be. `about` is whose link it carries.
pub(super) fn store(tx: &Transaction<'_>, mail: &NewMail, about: Option<PersonId>) -> rusqlite::Result<()> {
    store_for(tx, mail, about, mail.now)
}

/// The same, to be sent not before a moment.
pub(super) fn store_for(
    tx: &Transaction<'_>,
    mail: &NewMail,
    about: Option<PersonId>,
    not_before: UnixMillis,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO mail (id, address, letter, about, stored_ms, tries, why, state, moment_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, '', 'waiting', ?6)",
        (
            mail.id.0.as_bytes(),
            mail.to.to_string(),
            to_json(&mail.letter)?,
            about.map(PersonId::bytes),
            mail.now.0,
            not_before.0,
        ),
    )
    .map(drop)
}

/// Forgets mails whose link does not work any more and that were not sent.
pub(super) fn forget_links(tx: &Transaction<'_>, about: PersonId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM mail WHERE about = ?1 AND state <> 'sent'", [about.bytes()]).map(drop)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Mail> {
    let (to, letter, state): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(6)?);
    let at = UnixMillis(row.get(7)?);
    Ok(Mail {
        id: MailId(Uuid::from_bytes(row.get(0)?)),
        to: address(1, &to)?,
        letter: from_json(2, &letter)?,
        stored: UnixMillis(row.get(3)?),
        tries: row.get(4)?,
        why: row.get(5)?,
        state: match state.as_str() {
            "sent" => MailState::Sent { at },
            "failed" => MailState::Failed { at },
            _ => MailState::Waiting { next: at },
        },
    })
}

/// An address that the ledger holds.
pub(super) fn address(column: usize, text: &str) -> rusqlite::Result<EmailAddress> {
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            Type::Text,
            Box::<crate::email::NoAddress>::new(error),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mail_waits_until_it_is_sent_and_is_tried_again_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        let mail = NewMail::new("ada@example.org".parse().unwrap(), Letter::Test, UnixMillis(10));
        let id = mail.id;
        ledger.store_test(By::command_line(UnixMillis(10)), mail).unwrap();
        let due = async |now| ledger.due_mail(UnixMillis(now), 9).await.unwrap().len();
        assert_eq!((due(9).await, due(10).await), (0, 1));
        let tried =
            async |tries, state| ledger.mail_tried(id, tries, state, "busy".to_owned()).await.unwrap();
        tried(0, MailState::Waiting { next: UnixMillis(50) }).await;
        assert_eq!((due(49).await, due(50).await), (0, 1));
        let [longest, longer] = [bounds::MAIL_AGAIN_MOST_MS, bounds::MAIL_AGAIN_MOST_MS + 1];
        tried(1, MailState::Waiting { next: UnixMillis(longest) }).await;
        assert_eq!(due(0).await, 0);
        tried(2, MailState::Waiting { next: UnixMillis(longer) }).await;
        assert_eq!(due(0).await, 1, "a mail waits for a clock that was ahead");
        tried(3, MailState::Waiting { next: UnixMillis(50) }).await;
        // Two that tried at once: the second changes nothing.
        tried(0, MailState::Sent { at: UnixMillis(51) }).await;
        assert_eq!(due(50).await, 1);
        tried(4, MailState::Failed { at: UnixMillis(52) }).await;
        assert_eq!(due(99).await, 0);
        assert_eq!(ledger.mail_trouble().await.unwrap(), 1);
        assert!(ledger.send_again(By::command_line(UnixMillis(60)), id).await.unwrap());
        assert_eq!(due(60).await, 1);
        tried(0, MailState::Sent { at: UnixMillis(61) }).await;
        assert!(!ledger.send_again(By::command_line(UnixMillis(70)), id).await.unwrap(), "sent once more");
        let sent = ledger.mails(Cursor::START, 9).await.unwrap().remove(0);
        assert_eq!(
            (sent.state, sent.tries),
            (MailState::Sent { at: UnixMillis(61) }, 0),
            "it was tried in vain"
        );
        ledger.sweep_mail(UnixMillis(61 + bounds::MAIL_KEPT_MS - 1)).await.unwrap();
        assert_eq!(ledger.mails(Cursor::START, 9).await.unwrap().len(), 1);
        ledger.sweep_mail(UnixMillis(61 + bounds::MAIL_KEPT_MS)).await.unwrap();
        assert_eq!(ledger.mails(Cursor::START, 9).await.unwrap().len(), 0);
    }
}
