//! The audit as a page context.

use std::collections::HashMap;

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
use crate::uri::escaped;
use flip_storage::audit::check::Wrong;
use uuid::Uuid;

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

/// Facts that are ids of what has a name: others are as somebody typed them.
const NAMED: [&str; 6] = ["project", "query", "model", "trust", "trusts", "members"];
/// Between the parts of a fact that is a list.
const BETWEEN: &str = ", ";
/// Characters of an id behind its name, from its end: names are not of one thing alone.
const ID_SHOWN: usize = 8;

/// The ids that a page shows.
pub fn ids(page: &web::Audit) -> Vec<Uuid> {
    let facts = page.acts.iter().flat_map(|(_, act)| &act.facts);
    let named = facts.filter(|(name, _)| NAMED.contains(&name.as_str()));
    named.flat_map(|(_, value)| value.split(BETWEEN).filter_map(|id| id.parse().ok())).collect()
}

/// Shows names before the ids that have one, which are cut.
pub fn call(page: &mut web::Audit, names: &HashMap<Uuid, String>) {
    let facts = page.acts.iter_mut().flat_map(|(_, act)| &mut act.facts);
    for (_, value) in facts.filter(|(name, _)| NAMED.contains(&name.as_str())) {
        let called = |id: &str| match id.parse().ok().and_then(|id: Uuid| names.get(&id)) {
            Some(name) => format!("{name} (…{})", &id[id.len() - ID_SHOWN..]),
            None => id.to_owned(),
        };
        *value = value.split(BETWEEN).map(called).collect::<Vec<_>>().join(BETWEEN);
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

/// Names in place of the ids that they are names of, and an object's members one by one; the download has all as it is,
/// and signatures, which nobody reads.
fn facts(facts: &Value, now: UnixMillis) -> Vec<(String, String)> {
    let Value::Object(facts) = facts else { return Vec::new() };
    let mut told = Vec::new();
    for (name, value) in facts {
        let says_nothing = value.is_null() || value == "" || name == "signature";
        if facts.contains_key(&format!("{name}_name")) || says_nothing {
            continue;
        }
        if value.is_object() {
            told.extend(self::facts(value, now));
            continue;
        }
        let said = match value.as_u64().filter(|_| name.ends_with("_until") || name == "at") {
            Some(moment) => Moment::at(moment, now.0).iso,
            None => plain(value),
        };
        told.push((name.strip_suffix("_name").unwrap_or(name).replace('_', " "), said));
    }
    told
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(BETWEEN),
        other @ (Value::Null | Value::Number(_) | Value::Object(_)) => other.to_string(),
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
    parts.fold(String::new(), |wanted, (name, text)| wanted + "&" + name + "=" + &escaped(text.trim()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_told_one_by_one_by_name_and_without_what_says_nothing() {
        let head = json!({ "at": 1_784_621_523_000_u64, "entries": 11, "signature": "c2ln" });
        let of = json!({ "project": "1", "project_name": "Lungs", "why": "", "none": null, "late": false, "head": head });
        let told = facts(&of, UnixMillis(0));
        let said: Vec<(&str, &str)> =
            told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("at", "2026-07-21T08:12:03Z"), ("entries", "11"), ("late", "no"), ("project", "Lungs")];
        assert_eq!(said, expected);
    }

    #[test]
    fn an_id_that_has_a_name_is_called_by_it() {
        let (known, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut page = <web::Audit as flip_web::Page>::samples().remove(0);
        page.acts.truncate(1);
        let facts = [
            ("trust", known.to_string()),
            ("trusts", format!("{unknown}, {known}")),
            ("reason", known.to_string()),
            ("query", "Lungs, and more".to_owned()),
        ];
        page.acts[0].1.facts = facts.map(|(name, value)| (name.to_owned(), value)).to_vec();
        assert_eq!(ids(&page), [known, unknown, known]);
        call(&mut page, &HashMap::from([(known, "North".to_owned())]));
        let shown: Vec<&str> = page.acts[0].1.facts.iter().map(|(_, value)| value.as_str()).collect();
        let list = format!("{unknown}, North (…00000001)");
        assert_eq!(shown, ["North (…00000001)", &list, &known.to_string(), "Lungs, and more"]);
    }
}
