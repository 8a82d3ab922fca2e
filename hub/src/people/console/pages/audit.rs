//! The audit as a page context.

use flip_protocol::UnixMillis;
use flip_storage::audit::Head;
use flip_web::pages::{self as web, Moment};
use serde_json::Value;

use super::frame;
use crate::audit::Deed;
use crate::audit::filter::Asked;
use crate::audit::written;
use crate::ledger::audit::Kept;
use crate::people::session::Person;
use flip_storage::audit::check::Wrong;

/// A page of acts.
pub fn audit(person: &Person, asked: &Asked, acts: &[Kept], now: UnixMillis) -> web::Audit {
    let choice = |(name, words, _): &(&str, &str, &[&str])| web::ActChoice {
        name: (*name).to_owned(),
        words: (*words).to_owned(),
        chosen: asked.act.trim() == *name,
    };
    web::Audit {
        frame: frame(Some(person)),
        who: asked.who.clone(),
        choices: Deed::ALL.iter().map(choice).collect(),
        project: asked.project.clone(),
        trust: asked.trust.clone(),
        from: asked.from.clone(),
        until: asked.until.clone(),
        filtered: !asked.words().is_empty(),
        acts: acts.iter().map(|kept| act(kept, now)).collect(),
        wanted: wanted(asked),
        older_href: None,
        newest_href: None,
        chain: None,
        error: None,
    }
}

/// The path of the page with acts before this one.
pub fn older(asked: &Asked, last: &Kept) -> String {
    format!("/audit?before={}{}", last.act.number, wanted(asked))
}

/// The path of the page with the newest ones.
pub fn newest(asked: &Asked) -> String {
    wanted(asked).strip_prefix('&').map_or("/audit".to_owned(), |wanted| format!("/audit?{wanted}"))
}

/// What a check found.
pub fn chain(found: Result<Head, Wrong>) -> web::Chain {
    match found {
        Ok(head) => web::Chain::Sound { entries: head.entries, hash: head.hash },
        Err(wrong) => web::Chain::Altered { why: wrong.to_string() },
    }
}

fn act(kept: &Kept, now: UnixMillis) -> (String, web::Act) {
    let act = &kept.act;
    let words = Deed::ALL.iter().find(|(name, ..)| *name == act.act).map(|(_, words, _)| (*words).to_owned());
    let row = web::Act {
        number: act.number,
        at: Moment::at(act.at_ms, now.0),
        // An act of a later version has no words here.
        act: words.unwrap_or_else(|| act.act.replace('_', " ")),
        facts: facts(&written::facts(act), now),
    };
    (written::who(act), row)
}

/// Names in place of the ids that they are names of; the download has both.
fn facts(facts: &Value, now: UnixMillis) -> Vec<(String, String)> {
    let Value::Object(facts) = facts else { return Vec::new() };
    let mut told = Vec::new();
    for (name, value) in facts {
        if facts.contains_key(&format!("{name}_name")) || value.is_null() {
            continue;
        }
        let said = match value.as_u64().filter(|_| name.ends_with("_until")) {
            Some(until) => Moment::at(until, now.0).iso,
            None => plain(value),
        };
        told.push((name.strip_suffix("_name").unwrap_or(name).replace('_', " "), said));
    }
    told
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other.to_string(),
    }
}

/// What is looked for, for an address.
fn wanted(asked: &Asked) -> String {
    let parts = [
        ("who", &asked.who),
        ("act", &asked.act),
        ("project", &asked.project),
        ("trust", &asked.trust),
        ("from", &asked.from),
        ("until", &asked.until),
    ];
    let parts = parts.into_iter().filter(|(_, text)| !text.trim().is_empty());
    parts.fold(String::new(), |wanted, (name, text)| wanted + "&" + name + "=" + &encoded(text.trim()))
}

/// Percent-encoded (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes it all");
        }
        encoded
    })
}
