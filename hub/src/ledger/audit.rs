//! The audit: what was done at this hub, each act in the transaction that did it and bound to all acts before it.
//!
//! What must stay true: an act is there where what it tells of is, and nowhere else; no statement of the program
//! changes or removes one, and triggers refuse those that would.

mod heads;
mod look;
mod names;

use flip_storage::audit::Head;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::{Ledger, LedgerError, once};
use crate::audit::{By, Deed};

pub use look::{Kept, check_file};

/// The table. Only `entry` is hashed; what the audit is filtered by is read out of it, so that it can say nothing else.
pub(super) const SCHEMA: &str = "
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        hash TEXT NOT NULL,
        entry TEXT NOT NULL,
        at_ms INTEGER NOT NULL AS (entry ->> '$.at_ms'),
        act TEXT NOT NULL AS (entry ->> '$.act'),
        who TEXT COLLATE NOCASE NOT NULL AS (coalesce(entry ->> '$.facts.by.name', entry ->> '$.facts.by.kind')),
        project TEXT AS (entry ->> '$.facts.project'),
        trust TEXT AS (entry ->> '$.facts.trust')
    ) STRICT;
    CREATE INDEX audit_of_project ON audit (project) WHERE project IS NOT NULL;
    CREATE INDEX audit_of_trust ON audit (trust) WHERE trust IS NOT NULL;
    CREATE INDEX audit_of_act ON audit (act);
    CREATE INDEX audit_of_who ON audit (who);
    CREATE INDEX audit_of_time ON audit (at_ms);
    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit stays as it is'); END;
    CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit keeps every act'); END;
";

impl By {
    /// Notes what they do in the transaction that does it.
    pub(super) fn note(&self, tx: &Transaction<'_>, deed: &Deed) -> rusqlite::Result<()> {
        let linked = head(tx)?.next(self.at.0, deed.act(), deed.facts(&self.who));
        tx.prepare_cached("INSERT INTO audit (number, hash, entry) VALUES (?1, ?2, ?3)")?.execute((
            linked.entry.number,
            linked.hash,
            linked.text,
        ))?;
        once::note(tx, self, deed)
    }
}

impl Ledger {
    /// Notes what changes nothing else in the ledger.
    pub async fn note(&self, by: By, deed: Deed) -> Result<(), LedgerError> {
        self.call("note", move |tx| by.note(tx, &deed)).await
    }

    /// The same, for the command line.
    pub fn note_now(&self, by: By, deed: Deed) -> Result<(), LedgerError> {
        self.run("note", move |tx| by.note(tx, &deed))
    }
}

/// The end of the chain as the newest act has it.
fn head(tx: &Transaction<'_>) -> rusqlite::Result<Head> {
    let newest = tx
        .prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { entries: row.get(0)?, hash: row.get(1)? }))
        .optional()?;
    Ok(newest.unwrap_or_else(Head::none))
}

#[cfg(test)]
mod tests {
    use flip_protocol::UnixMillis;
    use flip_storage::audit::Head;

    use super::*;
    use crate::person::{PersonId, Role};

    fn by(at: u64) -> By {
        By::command_line(UnixMillis(at))
    }

    fn add(ledger: &Ledger, number: u8, name: &str) -> Result<bool, LedgerError> {
        let id = PersonId::from_bytes([number; 16]);
        ledger.add_person(by(u64::from(number)), id, name.to_owned(), Role::Researcher, "hash".to_owned())
    }

    fn acts(ledger: &Ledger) -> Vec<String> {
        ledger
            .run("acts", |tx| {
                tx.prepare(
                    "SELECT number || ' ' || at_ms || ' ' || act || ' ' || who FROM audit ORDER BY number",
                )?
                .query_map([], |row| row.get(0))?
                .collect()
            })
            .unwrap()
    }

    #[test]
    fn an_act_is_noted_where_something_changed_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        assert!(add(&ledger, 1, "ada").unwrap() && !add(&ledger, 2, "ADA").unwrap());
        assert!(add(&ledger, 3, "ben").unwrap());
        for _ in 0..2 {
            ledger.set_role(by(5), "ben".to_owned(), Role::Viewer).unwrap();
            ledger.disable(by(6), "ben".to_owned()).unwrap();
        }
        let expected = [
            "1 1 person_added command_line",
            "2 3 person_added command_line",
            "3 5 role_changed command_line",
            "4 6 person_disabled command_line",
        ];
        assert_eq!(acts(&ledger), expected);
        let mut head = Head::none();
        let kept: Vec<(String, String)> = ledger
            .run("kept", |tx| {
                tx.prepare("SELECT hash, entry FROM audit ORDER BY number")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .unwrap();
        for (hash, entry) in kept {
            head.follow(&hash, &entry).unwrap();
        }
        assert_eq!(head.entries, 4);
    }

    #[test]
    fn a_transaction_that_fails_is_not_noted_and_no_act_is_changed_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        add(&ledger, 1, "ada").unwrap();
        let failed: Result<(), LedgerError> = ledger.run("half", |tx| {
            by(2).note(tx, &Deed::HubStopped {})?;
            tx.execute("INSERT INTO session VALUES (x'00', x'00', 'no number')", []).map(drop)
        });
        assert!(failed.is_err());
        for forgery in ["UPDATE audit SET hash = ''", "DELETE FROM audit"] {
            let outcome = ledger.run("forge", move |tx| tx.execute(forgery, []));
            assert!(outcome.is_err(), "{forgery}");
        }
        assert_eq!(acts(&ledger), ["1 1 person_added command_line"]);
    }
}
