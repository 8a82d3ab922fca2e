//! Who asks for access, and what came of it.
//!
//! What must stay true: a request is stored before any mail is tried, and none is lost; who asks twice waits once.

use std::fmt;
use std::str::FromStr;

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::cursor::{Cursor, ascending, ids};
use super::mail::{self, NewMail, address};
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::email::EmailAddress;
use crate::mail::letter::Letter;
use crate::person::PersonId;

/// A request's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A request for access.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Who they say they are.
    pub name: String,
    /// Where mail reaches them, they say.
    pub email: EmailAddress,
    /// Why they ask.
    pub reason: String,
    /// When they asked first.
    pub asked: UnixMillis,
    /// How often they have asked.
    pub times: u64,
    /// What came of it.
    pub state: RequestState,
    /// True where somebody has that address already.
    pub known: bool,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// Nothing yet.
    Open,
    /// They were invited.
    Invited {
        /// When.
        at: UnixMillis,
        /// By whom; `None`: on the command line.
        by: Option<String>,
    },
    /// It was dismissed.
    Dismissed {
        /// When.
        at: UnixMillis,
        /// By whom.
        by: Option<String>,
        /// Why.
        why: String,
    },
}

impl Request {
    /// Its place among all of them.
    pub fn place(&self) -> Cursor {
        let (rank, moment) = match self.state {
            RequestState::Open => (0, ascending(self.asked)),
            RequestState::Invited { at, .. } | RequestState::Dismissed { at, .. } => (1, -ascending(at)),
        };
        Cursor { rank, moment, ids: ids(&[self.id.0.as_bytes()]) }
    }
}

impl RequestState {
    /// Its name, as in the ledger and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited { .. } => "invited",
            Self::Dismissed { .. } => "dismissed",
        }
    }
}

/// A request to be stored.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Its id.
    pub id: RequestId,
    /// Who they say they are.
    pub name: String,
    /// Where mail reaches them, they say.
    pub email: EmailAddress,
    /// Why they ask.
    pub reason: String,
    /// The moment.
    pub now: UnixMillis,
    /// True where admins are told by mail.
    pub mails: bool,
}

/// What asking for access came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is stored, or was.
    Yes,
    /// Too many have asked lately, or too many wait.
    TooMany,
}

const COLUMNS: &str =
    "access_request.id, access_request.name, access_request.email, reason, asked_ms, times, state,
    handled_ms, handler.name, why,
    EXISTS (SELECT 1 FROM person WHERE person.email = access_request.email)
        OR EXISTS (SELECT 1 FROM invitation WHERE invitation.email = access_request.email)
    FROM access_request LEFT JOIN person AS handler ON handler.id = handled_by";

impl Ledger {
    /// Stores a request, and mails for the admins who can be reached. Who waits already is counted once more.
    pub async fn ask_access(&self, new: NewRequest) -> Result<Stored, LedgerError> {
        self.call("ask access", move |tx| {
            let email = new.email.to_string();
            let again = tx.execute(
                "UPDATE access_request SET times = times + 1 WHERE email = ?1 AND state = 'open'",
                [&email],
            )?;
            if again == 1 {
                return Ok(Stored::Yes);
            }
            let (lately, open): (u32, u32) = tx
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE asked_ms > ?1 AND asked_ms < ?2),
                         count(*) FILTER (WHERE state = 'open')
                     FROM access_request",
                )?
                // What was asked far ahead was so by a clock that was wrong.
                .query_row([new.now.minus(bounds::HOUR_MS).0, new.now.plus(bounds::HOUR_MS).0], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            if lately >= bounds::REQUESTS_HOUR || open >= bounds::REQUESTS_OPEN {
                return Ok(Stored::TooMany);
            }
            tx.execute(
                "INSERT INTO access_request (id, name, email, reason, asked_ms, times, state, why)
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, 'open', '')",
                (new.id.0.as_bytes(), &new.name, &email, &new.reason, new.now.0),
            )?;
            By::hub(new.now).note(tx, &Deed::AccessAsked { request: new.id.0 })?;
            if new.mails {
                tell_admins(tx, &new.email, new.now)?;
            }
            Ok(Stored::Yes)
        })
        .await
    }

    /// Requests from a place on: those that wait, the oldest first; then the others, the newest first.
    pub async fn access_requests(&self, from: Cursor, most: u32) -> Result<Vec<Request>, LedgerError> {
        const PLACE: &str = "state <> 'open', CASE state WHEN 'open' THEN asked_ms ELSE -handled_ms END,
            hex(access_request.id)";
        self.call("access requests", move |tx| {
            let (rank, moment, ids) = from.values();
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE ({PLACE}) > (?1, ?2, ?3) ORDER BY {PLACE} LIMIT ?4"
            ))?
            .query_map((rank, moment, ids, most), of_row)?
            .collect()
        })
        .await
    }

    /// One request.
    pub async fn access_request(&self, id: RequestId) -> Result<Option<Request>, LedgerError> {
        self.call("access request", move |tx| {
            tx.prepare_cached(&format!("SELECT {COLUMNS} WHERE access_request.id = ?1"))?
                .query_row([id.0.as_bytes()], of_row)
                .optional()
        })
        .await
    }

    /// How many requests wait.
    pub async fn open_requests(&self) -> Result<u64, LedgerError> {
        self.call("open requests", |tx| {
            tx.prepare_cached("SELECT count(*) FROM access_request WHERE state = 'open'")?
                .query_row([], |row| row.get(0))
        })
        .await
    }

    /// Dismisses a request that waits; false where it does not.
    pub async fn dismiss_request(&self, by: By, id: RequestId, why: String) -> Result<bool, LedgerError> {
        self.call("dismiss request", move |tx| {
            let found = tx.execute(
                "UPDATE access_request SET state = 'dismissed', handled_ms = ?2, handled_by = ?3, why = ?4
                 WHERE id = ?1 AND state = 'open'",
                (id.0.as_bytes(), by.at.0, by.id().map(PersonId::bytes), &why),
            )?;
            if found == 1 {
                by.note(tx, &Deed::AccessDismissed { request: id.0, why })?;
            }
            Ok(found == 1)
        })
        .await
    }

    /// Forgets requests that were handled long ago: they are about people who are not here.
    pub async fn sweep_requests(&self, now: UnixMillis) -> Result<(), LedgerError> {
        self.call("sweep requests", move |tx| {
            tx.execute(
                "DELETE FROM access_request WHERE state <> 'open' AND handled_ms <= ?1",
                [now.minus(bounds::REQUEST_KEPT_MS).0],
            )
            .map(drop)
        })
        .await
    }
}

/// Who was invited waits no more.
pub(super) fn invited(tx: &Transaction<'_>, email: &EmailAddress, by: &By) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE access_request SET state = 'invited', handled_ms = ?2, handled_by = ?3
         WHERE email = ?1 AND state = 'open'",
        (email.to_string(), by.at.0, by.id().map(PersonId::bytes)),
    )
    .map(drop)
}

/// A mail to each admin who can be reached and for whom none of this kind waits, and at most one an hour.
fn tell_admins(tx: &Transaction<'_>, about: &EmailAddress, now: UnixMillis) -> rusqlite::Result<()> {
    let admins: Vec<String> = tx
        .prepare_cached(
            "SELECT email FROM person WHERE role = 'admin' AND disabled_ms IS NULL AND email IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM mail WHERE address = person.email COLLATE NOCASE
                     AND state = 'waiting' AND letter ->> 'letter' = 'access_request')
             ORDER BY added_ms, id LIMIT ?1",
        )?
        .query_map([bounds::ADMINS_TOLD], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for admin in admins {
        let last: Option<u64> = tx
            .prepare_cached(
                "SELECT max(stored_ms) FROM mail
                 WHERE address = ?1 COLLATE NOCASE AND letter ->> 'letter' = 'access_request'",
            )?
            .query_row([&admin], |row| row.get(0))?;
        let not_before = last.map_or(now, |last| now.max(UnixMillis(last).plus(bounds::HOUR_MS)));
        let letter = Letter::AccessRequest { email: about.clone() };
        mail::store_for(tx, &NewMail::new(address(0, &admin)?, letter, now), None, not_before)?;
    }
    Ok(())
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Request> {
    let (email, state): (String, String) = (row.get(2)?, row.get(6)?);
    Ok(Request {
        id: RequestId(Uuid::from_bytes(row.get(0)?)),
        name: row.get(1)?,
        email: address(2, &email)?,
        reason: row.get(3)?,
        asked: UnixMillis(row.get(4)?),
        times: row.get(5)?,
        state: match state.as_str() {
            "invited" => RequestState::Invited { at: UnixMillis(row.get(7)?), by: row.get(8)? },
            "dismissed" => {
                RequestState::Dismissed { at: UnixMillis(row.get(7)?), by: row.get(8)?, why: row.get(9)? }
            }
            _ => RequestState::Open,
        },
        known: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::mail::MailState;
    use crate::ledger::people::Details;
    use crate::person::Role;

    const NOW: UnixMillis = UnixMillis(10 * bounds::HOUR_MS);

    fn ledger_with_an_admin(folder: &tempfile::TempDir) -> Ledger {
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        let email = Some("ada@hub.example".parse().unwrap());
        let details = Details { name: "ada".to_owned(), email, role: Role::Admin };
        ledger
            .add_reachable_person(
                By::command_line(NOW),
                PersonId::from_bytes([1; 16]),
                details,
                "hash".to_owned(),
            )
            .unwrap();
        ledger
    }

    async fn ask(ledger: &Ledger, number: u32, now: UnixMillis) -> Stored {
        let new = NewRequest {
            id: RequestId(flip_protocol::ident::uuid_v7(now, &crate::clock::random_bytes())),
            name: format!("p{number}"),
            email: format!("p{number}@site.example").parse().unwrap(),
            reason: "lungs".to_owned(),
            now,
            mails: true,
        };
        ledger.ask_access(new).await.unwrap()
    }

    #[tokio::test]
    async fn who_asks_twice_waits_once_and_admins_get_a_mail_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_with_an_admin(&folder);
        for (number, later_ms) in [(1, 0), (1, 0), (2, 1)] {
            assert_eq!(ask(&ledger, number, NOW.plus(later_ms)).await, Stored::Yes);
        }
        let requests = ledger.access_requests(Cursor::START, 9).await.unwrap();
        let times: Vec<_> = requests.iter().map(|one| (one.name.as_str(), one.times)).collect();
        assert_eq!(times, [("p1", 2), ("p2", 1)]);
        let mails = ledger.mails(Cursor::START, 9).await.unwrap();
        assert_eq!(mails.len(), 1, "one waits already");
        ledger.mail_tried(mails[0].id, 0, MailState::Sent { at: NOW }, String::new()).await.unwrap();
        assert_eq!(ask(&ledger, 3, NOW.plus(5)).await, Stored::Yes);
        let mails = ledger.mails(Cursor::START, 9).await.unwrap();
        assert_eq!(mails[0].state, MailState::Waiting { next: NOW.plus(bounds::HOUR_MS) });
    }

    #[tokio::test]
    async fn so_many_ask_an_hour_and_none_that_was_taken_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_with_an_admin(&folder);
        for number in 0..bounds::REQUESTS_HOUR {
            assert_eq!(ask(&ledger, number, NOW).await, Stored::Yes);
        }
        assert_eq!(ask(&ledger, 9_999, NOW).await, Stored::TooMany);
        assert_eq!(ask(&ledger, 0, NOW).await, Stored::Yes, "who waits already may ask again");
        let right = NOW.minus(bounds::HOUR_MS);
        assert_eq!(ask(&ledger, 9_998, right).await, Stored::Yes, "they wait for a clock that was ahead");
        assert_eq!(ask(&ledger, 9_999, NOW.plus(bounds::HOUR_MS)).await, Stored::Yes);
        ledger.sweep_requests(NOW.plus(1_000 * bounds::HOUR_MS * 24)).await.unwrap();
        assert_eq!(ledger.open_requests().await.unwrap(), u64::from(bounds::REQUESTS_HOUR) + 2);
    }

    #[tokio::test]
    async fn a_request_ends_once_and_is_forgotten_later() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_with_an_admin(&folder);
        ask(&ledger, 1, NOW).await;
        let id = ledger.access_requests(Cursor::START, 9).await.unwrap()[0].id;
        let dismiss = async |why: &str| {
            let by = By::person(PersonId::from_bytes([1; 16]), "ada", NOW);
            ledger.dismiss_request(by, id, why.to_owned()).await.unwrap()
        };
        assert!(dismiss("nobody knows them").await && !dismiss("again").await);
        let by = Some("ada".to_owned());
        let expected = RequestState::Dismissed { at: NOW, by, why: "nobody knows them".to_owned() };
        assert_eq!(ledger.access_request(id).await.unwrap().unwrap().state, expected);
        assert_eq!(ask(&ledger, 1, NOW.plus(1)).await, Stored::Yes, "they may ask once more");
        ledger.sweep_requests(NOW.plus(bounds::REQUEST_KEPT_MS)).await.unwrap();
        assert!(ledger.access_request(id).await.unwrap().is_none());
    }
}
