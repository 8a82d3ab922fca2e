//! Acts as they are written out: lines of JSON, or CSV.

use flip_storage::audit::Entry;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::csv::quoted;

/// How acts are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON text a line, with its hash.
    Jsonl,
    /// RFC 4180, with a heading.
    Csv,
}

impl Format {
    /// Its name, as in addresses and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// What stands before the first act.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Jsonl => "",
            Self::Csv => "number,at,by,act,facts,hash\r\n",
        }
    }

    /// One act.
    pub fn line(self, act: &Entry, hash: &str) -> String {
        match self {
            Self::Jsonl => format!("{}\n", json_of(act, hash)),
            Self::Csv => {
                let by = who(act);
                let parts = [
                    &act.number.to_string(),
                    &moment(act.at_ms),
                    &by,
                    &act.act,
                    &facts(act).to_string(),
                    hash,
                ];
                parts.map(quoted).join(",") + "\r\n"
            }
        }
    }
}

/// An act with its hash.
pub fn json_of(act: &Entry, hash: &str) -> Value {
    json!({ "number": act.number, "at_ms": act.at_ms, "act": act.act, "facts": act.facts, "hash": hash })
}

/// Who did it, in a word.
pub fn who(act: &Entry) -> String {
    let by = &act.facts["by"];
    let name = by["name"].as_str().or_else(|| by["kind"].as_str()).unwrap_or_default();
    match by["token"]["name"].as_str() {
        Some(token) => format!("{name}, by the token “{token}”"),
        None => name.replace("command_line", "command line"),
    }
}

/// The facts but who did it.
pub fn facts(act: &Entry) -> Value {
    let mut facts = act.facts.clone();
    if let Value::Object(facts) = &mut facts {
        facts.remove("by");
    }
    facts
}

/// A moment as in RFC 3339, in UTC.
pub fn moment(at_ms: u64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000);
    moment.ok().and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_a_line_of_json_and_a_line_of_csv() {
        let facts = json!({ "by": { "kind": "person", "name": "=ada" }, "project_name": "A, \"B\"" });
        let act = Entry { number: 7, at_ms: 1_000, act: "project_made".to_owned(), facts };
        let csv = Format::Csv.line(&act, "abc");
        let quoted = r#""{""project_name"":""A, \""B\""""}""#;
        assert_eq!(csv, format!("7,1970-01-01T00:00:01Z,\"'=ada\",project_made,{quoted},abc\r\n"));
        let by = json!({ "kind": "person", "name": "ada", "token": { "name": "nightly" } });
        let with = Entry { facts: json!({ "by": by }), ..act.clone() };
        assert_eq!(who(&with), "ada, by the token “nightly”");
        let line: Value = serde_json::from_str(&Format::Jsonl.line(&act, "abc")).unwrap();
        assert_eq!((&line["number"], &line["hash"]), (&json!(7), &json!("abc")));
    }
}
