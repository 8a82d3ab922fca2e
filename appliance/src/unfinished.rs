//! Acts of the audit log that were begun by a program that is gone: a read of a frozen cohort that was cut off, an ingest
//! that was killed. They are ended in the log when the appliance starts again, so that no act looks as if it went on.
//!
//! What must stay true: what is still at work is not called ended. Reads are of the one `run` that holds the journal; an
//! ingest is at work while its process lives. Deliberately absent: deciding what an end means for the data; a killed
//! ingest has changed nothing but in the moment between its switch and its act, and whoever read has what left before.

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::audit::{Audit, AuditError, Entry};
use serde_json::json;

use crate::bounds::UNFINISHED_LOOKED_AT;

/// What is written of a read that was cut off.
const STOPPED: &str = "appliance_stopped";

/// Ends the reads that an earlier run left; gives how many. For whoever holds the journal, before the first read.
pub(crate) fn end_reads(audit: &Audit, now: UnixMillis) -> Result<usize, AuditError> {
    let acts = audit.newest(UNFINISHED_LOOKED_AT)?;
    let left = reads(&acts);
    for act in &left {
        // How much has left is not known: the client may have it all, less one word.
        audit.append(now.0, "frozen_read_ended", json!({ "read": act.number, "outcome": STOPPED }))?;
    }
    Ok(left.len())
}

/// Ends the ingests whose processes are gone; gives how many.
pub(crate) fn end_ingests(audit: &Audit, now: UnixMillis) -> Result<usize, AuditError> {
    let acts = audit.newest(UNFINISHED_LOOKED_AT)?;
    let left = ingests(&acts, |process| Path::new(&format!("/proc/{process}")).exists());
    for act in &left {
        let facts = json!({
            "begun": act.number,
            "from": act.facts["from"],
            "why": "the ingest was stopped before its end was written down; flip-appliance data list says what is in use",
        });
        audit.append(now.0, "data_refused", facts)?;
    }
    Ok(left.len())
}

/// The reads without an end, the newest first, as the acts are.
fn reads(acts: &[Entry]) -> Vec<&Entry> {
    let ended = |number| {
        acts.iter().any(|act| act.act == "frozen_read_ended" && act.facts["read"].as_u64() == Some(number))
    };
    acts.iter().filter(|act| act.act == "frozen_read" && !ended(act.number)).collect()
}

/// The ingests without an end whose processes do not live. Earlier versions did not say which process an ingest was, nor
/// which ingest an end is of: their ends are told by the folder.
fn ingests(acts: &[Entry], lives: impl Fn(u64) -> bool) -> Vec<&Entry> {
    let ended = |begun: &Entry| {
        acts.iter().take_while(|act| act.number > begun.number).any(|act| {
            let end = matches!(act.act.as_str(), "data_ingested" | "data_refused");
            end && match act.facts["begun"].as_u64() {
                Some(number) => number == begun.number,
                None => act.facts["from"] == begun.facts["from"],
            }
        })
    };
    let gone = |act: &Entry| act.facts["process"].as_u64().is_some_and(|process| !lives(process));
    acts.iter().filter(|act| act.act == "data_begun" && gone(act) && !ended(act)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn log(acts: &[(&str, Value)]) -> Vec<Entry> {
        let entry = |(number, (act, facts)): (u64, &(&str, Value))| Entry {
            number,
            at_ms: 0,
            act: (*act).to_owned(),
            facts: facts.clone(),
        };
        let mut entries: Vec<Entry> = (1..).zip(acts).map(entry).collect();
        entries.reverse();
        entries
    }

    fn numbers(acts: &[&Entry]) -> Vec<u64> {
        acts.iter().map(|act| act.number).collect()
    }

    #[test]
    fn reads_without_an_end_are_found_and_no_others() {
        let acts = log(&[
            ("frozen_read", json!({ "what": "cohort" })),
            ("frozen_read", json!({ "what": "dataframe, csv" })),
            ("frozen_read_ended", json!({ "read": 1, "outcome": "whole" })),
            ("frozen_read", json!({ "what": "accession_ids" })),
            ("frozen_read_ended", json!({ "read": 4, "outcome": "client_left" })),
        ]);
        assert_eq!(numbers(&reads(&acts)), [2]);
    }

    #[test]
    fn ingests_without_an_end_are_found_unless_they_are_at_work() {
        let begun = |from: &str, process: u64| ("data_begun", json!({ "from": from, "process": process }));
        let acts = log(&[
            begun("/a", 7),
            ("data_begun", json!({ "from": "/of an earlier version" })),
            begun("/a", 8),
            ("data_ingested", json!({ "from": "/a", "begun": 3 })),
            begun("/b", 9),
            ("data_refused", json!({ "from": "/b" })),
            begun("/c", 10),
            begun("/c", 11),
            ("data_refused", json!({ "from": "/a", "begun": 99 })),
        ]);
        assert_eq!(numbers(&ingests(&acts, |process| process == 11)), [7, 1]);
    }
}
