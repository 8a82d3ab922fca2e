//! What the audit log says of data: an extract became a generation or was refused, another generation was put in use.
//! Commands, the watched folder and the console write the same words.
//!
//! What must stay true: no fact holds a value of a record. Deliberately absent: writing the log.

use flip_storage::error_chain;
use serde_json::{Value, json};

use super::{Generation, GenerationsError};

/// An extract became a generation; `begun` is the number of the act that began its ingest.
pub(crate) fn ingested(generation: &Generation, source: &str, begun: Option<u64>) -> Value {
    let manifest = &generation.manifest;
    let facts = json!({
        "generation": generation.name,
        "from": source,
        "extract_date": manifest.extract_date,
        "sha256": manifest.database.as_ref().map(|mark| &mark.sha256),
    });
    with_begun(facts, begun)
}

/// An extract was refused: the first line of why, and where that begins a list the first of it.
pub(crate) fn refused(source: &str, why: &str, begun: Option<u64>) -> Value {
    let mut lines = why.lines();
    let mut said = lines.next().unwrap_or_default().to_owned();
    if let (true, Some(first)) = (said.ends_with(':'), lines.next()) {
        said = format!("{said} {}", first.trim());
    }
    with_begun(json!({ "from": source, "why": said }), begun)
}

/// A generation took the place of the one `before`; where that could not be told, why.
pub(crate) fn used(name: &str, before: &Result<Option<String>, GenerationsError>) -> Value {
    let mut facts = json!({ "generation": name, "before": before.as_ref().ok() });
    if let Err(why) = before {
        facts["before_untold"] = json!(error_chain(why));
    }
    facts
}

fn with_begun(mut facts: Value, begun: Option<u64>) -> Value {
    if let Some(number) = begun {
        facts["begun"] = json!(number);
    }
    facts
}
