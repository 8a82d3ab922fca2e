//! Either side is killed or restarted, the network is cut in the middle: no order and no result is lost or doubled.

use std::collections::BTreeSet;

use anyhow::Result;
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::until;

use crate::stage::{SLOW, Stage, answered, share};

/// Asserts that each order was answered once and that nothing is left on the way.
fn each_answered_once(stage: &mut Stage, orders: usize) -> Result<()> {
    until("an empty outbox", || Ok((stage.trust.status()?["outgoing"] == 0).then_some(())))?;
    stage.trust.kill()?;
    let answered = answered(&stage.trust)?;
    let distinct: BTreeSet<&String> = answered.iter().collect();
    assert_eq!(answered.len(), distinct.len(), "an order was answered twice: {answered:?}");
    assert_eq!(answered.len(), orders, "{answered:?}");
    Ok(())
}

#[test]
fn an_appliance_killed_at_work_answers_after_its_restart() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.ask_half_as_slow()?;
    stage.trust.kill()?;
    assert_eq!(share(&stage.api.result(&query)?)["stage"], "running");
    stage.trust.resume()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    each_answered_once(&mut stage, 1)
}

#[test]
fn an_appliance_asked_to_stop_at_work_stops_cleanly_and_answers_later() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.ask_half_as_slow()?;
    assert!(stage.trust.program()?.terminate()?.success());
    assert!(stage.trust.log().contains("the appliance has stopped"));
    stage.trust.resume()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    each_answered_once(&mut stage, 1)
}

#[test]
fn a_hub_killed_while_an_order_runs_gets_the_answer_after_its_restart() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.ask_slow()?;
    stage.hub.kill()?;
    stage.hub.resume()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    each_answered_once(&mut stage, 1)
}

#[test]
fn a_hub_asked_to_stop_ends_its_long_polls_and_stops_cleanly() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    let program = stage.hub.program()?;
    assert!(program.terminate()?.success());
    assert!(program.log().contains("the hub has stopped"));
    stage.hub.resume()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&query)?)["persons"], 1_130);
    Ok(())
}

#[test]
fn the_heartbeat_goes_on_while_an_order_runs() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.ask_slow()?;
    let seen = || -> Result<u64> {
        Ok(stage.api.get("/api/v1/trusts")?.json()["trusts"][0]["last_seen"].as_u64().unwrap_or(0))
    };
    // Each question that is asked ends the appliance's long poll: if the heart beats, it is seen anew.
    let before = seen()?;
    stage.api.ask("another", EVERYONE)?;
    until("a later sign of life", || Ok((seen()? > before).then_some(())))?;
    assert_eq!(
        share(&stage.api.result(&query)?)["stage"],
        "running",
        "the question is too quick for this scenario"
    );
    Ok(())
}

#[test]
fn a_network_cut_in_the_middle_of_requests_loses_and_doubles_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    let questions = [DIABETES, RARE, EVERYONE];
    let mut queries = Vec::new();
    // A sync is about two thousand bytes on the wire; the cuts fall all over the handshake, the head and the body.
    for round in 0..24_u64 {
        queries.push(stage.api.ask("cut", questions[queries.len() % 3])?);
        if round % 2 == 0 {
            stage.wire.cut_after(round * 311 % 3_700);
        } else {
            stage.wire.cut_answers_after(round * 173 % 4_300);
        }
        std::thread::sleep(std::time::Duration::from_millis(120));
        stage.wire.mend();
    }
    for query in &queries {
        let result = stage.api.complete(query)?;
        let state = &share(&result)["state"];
        assert!(state == "value" || state == "fewer_than", "{result}");
    }
    each_answered_once(&mut stage, queries.len())
}

#[test]
fn kills_of_both_sides_at_any_moment_lose_and_double_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut queries = Vec::new();
    // The pauses walk through every phase of an order's life, a few milliseconds further each time.
    for round in 0..16_u64 {
        queries.push(stage.api.ask("kill", if round % 4 == 0 { SLOW } else { EVERYONE })?);
        std::thread::sleep(std::time::Duration::from_millis(round * 7 % 90));
        if round % 2 == 0 {
            stage.trust.kill()?;
            stage.trust.resume()?;
        } else {
            stage.hub.kill()?;
            stage.hub.resume()?;
        }
    }
    for query in &queries {
        assert_eq!(share(&stage.api.complete(query)?)["state"], "value");
    }
    each_answered_once(&mut stage, queries.len())
}
