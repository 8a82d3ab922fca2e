//! The same questions over both carriers leave the same in both ledgers, entry by entry.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use flip_storage::journal::Journal;
use flip_storage::rusqlite::Connection;
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::until;
use serde_json::json;

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
    assert_eq!(network.results_seen, stick.results_seen);
    for (what, here, there) in [
        ("orders", &network.orders, &stick.orders),
        ("refusals", &network.refusals, &stick.refusals),
        ("acts of the hub", &network.hub_acts, &stick.hub_acts),
        ("history", &network.history, &stick.history),
        ("acts of the Trust", &network.site_acts, &stick.site_acts),
    ] {
        for (number, (one, other)) in here.iter().zip(there).enumerate() {
            let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
            let from = |text: &str| text.chars().skip(same.saturating_sub(100)).take(200).collect::<String>();
            assert!(one == other, "{what}, {number}:\n{}\n{}", from(one), from(other));
        }
        assert_eq!(here.len(), there.len(), "{what}: {here:?}\n{there:?}");
    }
    assert_eq!(network.counters, stick.counters);
    assert_eq!(network.orders.len(), 9);
    assert!(network.site_acts.iter().any(|act| act.contains("cohort_frozen")), "{:?}", network.site_acts);
    let refused = |lines: &[String]| lines.iter().any(|line| line.contains("project_refused"));
    assert!(refused(&network.history) && refused(&network.orders), "{:?}", network.orders);
    assert!(network.hub_acts.iter().any(|act| act.contains("order_ended")), "{:?}", network.hub_acts);
    assert!(network.site_acts.iter().any(|act| act.contains("question_answered")), "{:?}", network.site_acts);
    Ok(())
}

fn played(carrier: Carrier) -> Result<Written> {
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    let carry = |stage: &Stage, query: &str, name: &str| -> Result<String> {
        match carrier {
            Carrier::Network => stage.api.complete(query).map(drop)?,
            Carrier::Stick => round(stage, name)?,
        }
        let state = share(&stage.api.result(query)?)["state"].as_str().context("no state")?.to_owned();
        Ok(state)
    };
    if carrier == Carrier::Stick {
        stage.wire.cut();
    }
    // One at a time, so that both write in the same order; the same question twice.
    for (number, sql) in [EVERYONE, RARE, DIABETES, EVERYONE].into_iter().enumerate() {
        let query = stage.api.ask(&format!("question {number}"), sql)?;
        let state = carry(&stage, &query, &format!("stick-{number}"))?;
        assert!(["value", "fewer_than"].contains(&state.as_str()), "{state}");
    }
    // One that the gate lets through and the engine does not do, and one of a project that the Trust refuses.
    let nothing =
        "SELECT person_id, mode() WITHIN GROUP (ORDER BY 'x') AS n FROM omop.person GROUP BY person_id";
    let fails = stage.api.ask("fails", nothing)?;
    assert_eq!(carry(&stage, &fails, "stick-fails")?, "failed");
    let other = stage.api.post("/api/v1/projects", &json!({ "name": "Another" }))?.json();
    let other = other["id"].as_str().context("no project")?;
    let refusals = json!({ other: { "at": 5, "reason": "no agreement" } });
    fs::write(stage.trust.data.join("refused-projects.json"), refusals.to_string())?;
    let refused = stage.api.ask_in("refused", EVERYONE, other)?;
    assert_eq!(carry(&stage, &refused, "stick-refused")?, "refused");
    // A cohort that is frozen.
    let frozen = stage.api.ask("frozen", EVERYONE)?;
    carry(&stage, &frozen, "stick-frozen")?;
    assert!(stage.api.approve(&frozen)?, "it was staged before");
    if carrier == Carrier::Stick {
        round(&stage, "stick-freeze")?;
    }
    until("the freeze to end", || {
        let freezes = stage.api.get(&format!("/api/v1/queries/{frozen}/freeze"))?.json();
        Ok((freezes["complete"] == true).then_some(()))
    })?;
    // Cancelled before it goes out.
    if carrier == Carrier::Network {
        stage.wire.cut();
        until("the loss of the link", || {
            Ok((stage.trust.status()?["link"]["state"] == "away").then_some(()))
        })?;
    }
    let cancelled = stage.api.ask("not wanted", EVERYONE)?;
    stage.api.post(&format!("/api/v1/queries/{cancelled}/cancel"), &json!({}))?;
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
        if !["bundle_", "hub_head_kept", "console_", "enrolled"].iter().any(|word| act.starts_with(word)) {
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
            || word.starts_with("g-") && word.len() > 8
            // A frozen cohort is called after its project.
            || word.starts_with("f-") && word.len() == 14;
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
