//! Looking at the audit: page by page, act by act, and whether it is whole. Beside the ledger's thread, so that a long
//! look holds nobody up.

use std::ops::ControlFlow;
use std::path::Path;

use flip_storage::audit::{Entry, Head};
use flip_storage::ledger as storage;
use flip_storage::rusqlite::types::Value;
use flip_storage::rusqlite::{self, Row, Transaction, params_from_iter};

use super::super::{Ledger, LedgerError};
use super::head;
use crate::audit::filter::Filter;
use flip_storage::audit::check::{Check, Noted, Wrong};

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The act.
    pub act: Entry,
    /// Its hash.
    pub hash: String,
}

impl Ledger {
    /// The acts that are looked for, newest first, before the act of a number, at most `most`. Blocks.
    pub fn acts(&self, filter: &Filter, before: Option<u64>, most: u32) -> Result<Vec<Kept>, LedgerError> {
        self.read("acts", |tx| {
            let (clauses, mut values) = clauses(tx, filter)?;
            values.push(before.map_or(Value::Integer(i64::MAX), number));
            values.push(Value::Integer(most.into()));
            let sql = format!(
                "SELECT number, hash, entry FROM audit WHERE {clauses} number < ? ORDER BY number DESC LIMIT ?"
            );
            tx.prepare(&sql)?.query_map(params_from_iter(values), kept_of_row)?.collect()
        })
    }

    /// Hands out the acts that are looked for, oldest first, all of one moment, until `see` wants no more.
    /// Blocks.
    pub fn walk_acts(
        &self,
        filter: &Filter,
        mut see: impl FnMut(Kept) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read("walk acts", |tx| {
            let (clauses, values) = clauses(tx, filter)?;
            let sql = format!("SELECT number, hash, entry FROM audit WHERE {clauses} 1 ORDER BY number");
            let mut statement = tx.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                if see(kept_of_row(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The head of the audit if it is whole and has what was noted of it. Blocks.
    pub fn check_audit(&self, noted: Vec<Noted>) -> Result<Result<Head, Wrong>, LedgerError> {
        self.read("check audit", |tx| check(tx, noted))
    }

    /// The head of the audit as its newest act says it.
    pub async fn audit_head(&self) -> Result<Head, LedgerError> {
        self.call("audit head", head).await
    }
}

/// The same of the ledger in a file, of which not even the schema is changed. Blocks.
pub fn check_file(ledger: &Path, noted: Vec<Noted>) -> Result<Result<Head, Wrong>, LedgerError> {
    storage::read(ledger, "check audit", |tx| check(tx, noted))
}

fn check(tx: &Transaction<'_>, noted: Vec<Noted>) -> rusqlite::Result<Result<Head, Wrong>> {
    let mut check = Check::new(noted);
    // By the primary key, so that a row under another number than its act's stands where it must not.
    let mut statement = tx.prepare("SELECT hash, entry FROM audit ORDER BY number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, text): (String, String) = (row.get(0)?, row.get(1)?);
        if let Err(wrong) = check.act(&hash, &text) {
            return Ok(Err(wrong));
        }
    }
    Ok(check.end())
}

/// Conditions, each followed by AND, that use the table's indexes, and their values.
fn clauses(tx: &Transaction<'_>, filter: &Filter) -> rusqlite::Result<(String, Vec<Value>)> {
    let (mut clauses, mut values) = (String::new(), Vec::new());
    let mut add = |clause: &str, value: Value| {
        clauses.push_str(clause);
        clauses.push_str(" AND ");
        values.push(value);
    };
    if let Some(kind) = filter.kind() {
        add("entry ->> '$.facts.by.kind' = ?", Value::Text(kind.to_owned()));
    } else if let Some(who) = &filter.who {
        add("who = ?", Value::Text(who.clone()));
    }
    if let Some(act) = filter.act {
        add("act = ?", Value::Text(act.to_owned()));
    }
    if let Some(project) = &filter.project {
        let ids = ids(tx, "SELECT id FROM project WHERE name = ?1 COLLATE NOCASE", project)?;
        add("project IN (SELECT value FROM json_each(?))", Value::Text(ids));
    }
    if let Some(trust) = &filter.trust {
        let ids = ids(tx, "SELECT id FROM trust WHERE name = ?1", trust)?;
        add("trust IN (SELECT value FROM json_each(?))", Value::Text(ids));
    }
    if let Some(from) = filter.from {
        add("at_ms >= ?", number(from.0));
    }
    if let Some(before) = filter.before {
        add("at_ms < ?", number(before.0));
    }
    Ok((clauses, values))
}

/// The id that the text is, and those of the things of that name, as a JSON list.
fn ids(tx: &Transaction<'_>, of_name: &str, text: &str) -> rusqlite::Result<String> {
    let named: Vec<[u8; 16]> =
        tx.prepare_cached(of_name)?.query_map([text], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let named = named.into_iter().map(|id| uuid::Uuid::from_bytes(id).to_string());
    let ids: Vec<String> = named.chain([text.to_lowercase()]).collect();
    super::super::to_json(&ids)
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn kept_of_row(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let text: String = row.get(2)?;
    let act = super::super::from_json(2, &text)?;
    Ok(Kept { act, hash: row.get(1)? })
}
