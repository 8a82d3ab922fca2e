//! The same questions over both carriers leave the same in both ledgers, entry by entry.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use flip_storage::journal::Journal;
use flip_storage::rusqlite::Connection;
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::until;

use super::{round, share};
use crate::stage::Stage;

/// How the questions get there and back.
#[derive(Clone, Copy, PartialEq)]
enum Carrier {
    Network,
    Stick,
}

/// Everything that either side has written down, without what differs from run to run: ids, moments, hashes, keys.
#[derive(Debug, PartialEq)]
struct Written {
    orders: Vec<String>,
    results_seen: Vec<u64>,
    refusals: Vec<String>,
    hub_acts: Vec<String>,
    history: Vec<String>,
    site_acts: Vec<String>,
    counters: Vec<(String, u64)>,
}

#[test]
fn the_same_questions_over_both_carriers_leave_the_same_ledgers() -> Result<()> {
    let network = played(Carrier::Network)?;
    let stick = played(Carrier::Stick)?;
    assert_eq!(network.orders, stick.orders);
    assert_eq!(network.results_seen, stick.results_seen);
    assert_eq!(network.refusals, stick.refusals);
    assert_eq!(network.hub_acts, stick.hub_acts);
    assert_eq!(network.history, stick.history);
    assert_eq!(network.site_acts, stick.site_acts);
    assert_eq!(network.counters, stick.counters);
    assert_eq!(network.orders.len(), 5);
    assert!(network.hub_acts.iter().any(|act| act.contains("order_ended")), "{:?}", network.hub_acts);
    assert!(network.site_acts.iter().any(|act| act.contains("question_answered")), "{:?}", network.site_acts);
    Ok(())
}

fn played(carrier: Carrier) -> Result<Written> {
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    let carry = |stage: &Stage, query: &str, name: &str| -> Result<()> {
        match carrier {
            Carrier::Network => stage.api.complete(query).map(drop)?,
            Carrier::Stick => round(stage, name)?,
        }
        assert!(
            ["value", "fewer_than"]
                .contains(&share(&stage.api.result(query)?)["state"].as_str().unwrap_or(""))
        );
        Ok(())
    };
    if carrier == Carrier::Stick {
        stage.wire.cut();
    }
    // One at a time, so that both write in the same order; the same question twice.
    for (number, sql) in [EVERYONE, RARE, DIABETES, EVERYONE].into_iter().enumerate() {
        let query = stage.api.ask(&format!("question {number}"), sql)?;
        carry(&stage, &query, &format!("stick-{number}"))?;
    }
    // Cancelled before it goes out.
    if carrier == Carrier::Network {
        stage.wire.cut();
        until("the loss of the link", || {
            Ok((stage.trust.status()?["link"]["state"] == "away").then_some(()))
        })?;
    }
    let cancelled = stage.api.ask("not wanted", EVERYONE)?;
    stage.api.post(&format!("/api/v1/queries/{cancelled}/cancel"), &serde_json::json!({}))?;
    match carrier {
        Carrier::Network => stage.wire.mend(),
        // The receipts of the last answer.
        Carrier::Stick => round(&stage, "receipts")?,
    }
    until("an empty outbox", || Ok((stage.trust.status()?["outgoing"] == 0).then_some(())))?;
    written(&mut stage)
}

fn written(stage: &mut Stage) -> Result<Written> {
    stage.trust.kill()?;
    stage.hub.kill()?;
    let ledger = Connection::open(stage.hub.data.join("hub.sqlite"))?;
    let texts = |sql: &str| -> Result<Vec<String>> {
        Ok(ledger.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    let orders = texts(
        "SELECT sequence || ' ' || kind || ' ' || state || ' ' || detail FROM work_order ORDER BY sequence",
    )?;
    let results_seen = ledger
        .prepare("SELECT sequence FROM result_seen ORDER BY sequence")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let refusals = texts("SELECT reason || ' ' || times FROM refusal ORDER BY reason")?;
    let acts = texts("SELECT act || ' ' || (entry ->> '$.facts') FROM audit ORDER BY number")?;
    // What tells of the carrier itself, and of the hours: who looked in, heads that are exchanged on the network alone.
    let of_the_carrier = |act: &String| {
        ["bundle_", "trust_head_kept", "hub_", "signed_", "certificate_"]
            .iter()
            .any(|word| act.starts_with(word))
    };
    let hub_acts = acts.into_iter().filter(|act| !of_the_carrier(act)).collect::<Vec<_>>();
    let journal = Journal::open(&stage.trust.data.join("journal.redb"))?;
    let history: Vec<String> = journal
        .history(100)?
        .into_iter()
        .map(|line| String::from_utf8(line).context("a line of history is no text"))
        .collect::<Result<_>>()?;
    let mut site_acts = Vec::new();
    flip_storage::audit::Audit::new(&stage.trust.data.join("audit.log")).walk(|entry, _| {
        let act = format!("{} {}", entry.act, entry.facts);
        if !["bundle_", "hub_head_kept", "console_"].iter().any(|word| act.starts_with(word)) {
            site_acts.push(act);
        }
    })?;
    let plain = |texts: Vec<String>| texts.iter().map(|text| without_what_differs(text)).collect();
    Ok(Written {
        orders: plain(orders),
        results_seen,
        refusals,
        hub_acts: plain(hub_acts),
        history: plain(history),
        site_acts: plain(site_acts),
        counters: journal.counters("refused")?,
    })
}

/// A text with each id, moment, hash and address by the place where it is first seen in the text.
fn without_what_differs(text: &str) -> String {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut plain = String::new();
    let mut word = String::new();
    let mut end = |word: &mut String, plain: &mut String| {
        let digits = word.chars().all(|letter| letter.is_ascii_digit());
        let differs = (digits && word.len() >= 12)
            || word.len() >= 32 && word.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-')
            || word.starts_with("g-") && word.len() > 8;
        if differs {
            let next = known.len();
            let number = *known.entry(word.clone()).or_insert(next);
            plain.push('#');
            plain.push_str(&number.to_string());
        } else {
            plain.push_str(word);
        }
        word.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == '-' || letter == '_' {
            word.push(letter);
        } else {
            end(&mut word, &mut plain);
            plain.push(letter);
        }
    }
    end(&mut word, &mut plain);
    plain
}

#[test]
fn what_differs_from_run_to_run_is_left_out_and_nothing_else() {
    let text = r#"{"order":"01a209d7-b79e-7b15-90c1-963f1ae58e30","at":1795000000000,"persons":1130}"#;
    let other = text.replace("01a2", "01b3").replace("1795", "1796");
    assert_eq!(without_what_differs(text), without_what_differs(&other));
    assert_ne!(without_what_differs(text), without_what_differs(&text.replace("1130", "1131")));
}
