//! Acts of the audit log that were begun by a program that is gone: a read of a frozen cohort that was cut off, an ingest
//! or a pull that was killed. They are ended in the log when the appliance starts again or the same is begun anew, so
//! that no act looks as if it went on.
//!
//! What must stay true: what is still at work is not called ended. Reads are of the one `run` that holds the journal;
//! whoever ends ingests holds the right to ingest, and whoever ends pulls the right to pull. An ingest that made a
//! generation is not called refused: the generation names the act that began it. Deliberately absent: changing what is in
//! use; where the kill fell between a generation's folder and its switch, the act says that it is not in use.

use flip_protocol::UnixMillis;
use flip_storage::audit::{Audit, AuditError, Entry};
use flip_storage::error_chain;
use serde_json::json;

use crate::bounds::UNFINISHED_LOOKED_AT;
use crate::data::{Generation, Generations, Turn, facts};

/// What is written of a read that the appliance's own end cut off.
pub(crate) const STOPPED: &str = "appliance_stopped";
/// Why an ingest has no generation that was killed.
const KILLED: &str = "the ingest was stopped before it made a generation";
/// Why a pull failed that was killed.
const PULL_KILLED: &str = "the pull was stopped before its end was written down; flip-appliance data list says what is \
                           in use, and the same command goes on with what is missing";

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

/// Ends the ingests that left no end; gives how many. `_turn` says that none is at work.
pub(crate) fn end_ingests(
    audit: &Audit,
    generations: &Generations,
    _turn: &Turn,
    now: UnixMillis,
) -> anyhow::Result<usize> {
    let acts = audit.newest(UNFINISHED_LOOKED_AT)?;
    let left = without_end(&acts, "data_begun", &["data_ingested", "data_refused"]);
    if left.is_empty() {
        return Ok(0);
    }
    let in_use = generations.current_name();
    let names = generations.names()?;
    let known: Vec<Generation> = names.iter().filter_map(|name| generations.described(name).ok()).collect();
    for act in &left {
        let from = act.facts["from"].as_str().unwrap_or_default();
        let made = known.iter().find(|generation| generation.manifest.begun == Some(act.number));
        if let Some(generation) = made {
            let mut facts = facts::ingested(generation, from, Some(act.number));
            match &in_use {
                Ok(in_use) => facts["in_use"] = json!(in_use.as_ref() == Some(&generation.name)),
                Err(why) => facts["in_use_untold"] = json!(error_chain(why)),
            }
            facts["after"] = json!("the ingest was stopped before this was written down");
            audit.append(now.0, "data_ingested", facts)?;
        } else {
            audit.append(now.0, "data_refused", facts::refused(from, KILLED, Some(act.number)))?;
        }
    }
    Ok(left.len())
}

/// Ends the pulls that left no end; gives how many. For whoever holds the right to pull.
pub(crate) fn end_pulls(audit: &Audit, now: UnixMillis) -> Result<usize, AuditError> {
    let acts = audit.newest(UNFINISHED_LOOKED_AT)?;
    let left = without_end(&acts, "pull_begun", &["data_pulled", "pull_failed"]);
    for act in &left {
        audit.append(now.0, "pull_failed", json!({ "begun": act.number, "why": PULL_KILLED }))?;
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

/// The acts of the name `begun` that none of the `ends` names, the newest first. Earlier versions did not say which
/// beginning an end is of: the next end by the same source is then taken for it.
fn without_end<'a>(acts: &'a [Entry], begun: &str, ends: &[&str]) -> Vec<&'a Entry> {
    let ended = |act: &Entry| {
        acts.iter().take_while(|later| later.number > act.number).any(|later| {
            ends.contains(&later.act.as_str())
                && match later.facts["begun"].as_u64() {
                    Some(number) => number == act.number,
                    None => later.facts["from"] == act.facts["from"],
                }
        })
    };
    acts.iter().filter(|act| act.act == begun && !ended(act)).collect()
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
    fn what_was_begun_without_an_end_is_found_and_nothing_else() {
        let begun = |from: &str| ("data_begun", json!({ "from": from }));
        let acts = log(&[
            begun("/a"),
            ("pull_begun", json!({ "host": "h" })),
            begun("/a"),
            ("data_ingested", json!({ "from": "/a", "begun": 3 })),
            begun("/b"),
            ("data_refused", json!({ "from": "/b" })),
            begun("/c"),
            ("data_refused", json!({ "from": "/a", "begun": 99 })),
        ]);
        assert_eq!(numbers(&without_end(&acts, "data_begun", &["data_ingested", "data_refused"])), [7, 1]);
        assert_eq!(numbers(&without_end(&acts, "pull_begun", &["data_pulled", "pull_failed"])), [2]);
    }
}
