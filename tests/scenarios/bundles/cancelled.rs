//! Orders that leave by one carrier and are cancelled by the other.

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::until;
use serde_json::json;

use super::{answer, back, out, share, stick, take};
use crate::stage::{SLOW, Stage};

fn cancel(stage: &Stage, query: &str) -> Result<()> {
    let reply = stage.api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?;
    assert_eq!(reply.status, 204, "{}", reply.text);
    Ok(())
}

/// Waits until the Trust has ended so many orders because they were cancelled, and holds none.
fn ended(stage: &Stage, orders: usize) -> Result<()> {
    until("the orders to be ended", || {
        let listed = stage.trust.noted("order_cancelled")?;
        let status = stage.trust.status()?;
        let none_left = status["waiting"] == 0 && status["outgoing"] == 0;
        Ok((listed.matches("order_cancelled").count() == orders && none_left).then_some(()))
    })
}

#[test]
fn an_order_that_left_by_stick_is_cancelled_by_the_network() -> Result<()> {
    let stage = Stage::cut_off()?;
    let running = stage.api.ask("running", SLOW)?;
    let behind = stage.api.ask("behind", &SLOW.replace("> 3", "> 4"))?;
    let place = stick(&stage, "stick")?;
    out(&stage.hub, &place)?;
    let later = stick(&stage, "later")?;
    let unseen = stage.api.ask("on a stick that was not read yet", &SLOW.replace("> 3", "> 5"))?;
    out(&stage.hub, &later)?;
    assert_eq!(take(&stage.trust, &place)?[0]["outcome"]["orders"], 2);
    for query in [&running, &behind, &unseen] {
        cancel(&stage, query)?;
    }
    stage.wire.mend();
    ended(&stage, 2)?;
    // What the hub did not know to be at the Trust is ended once it is.
    take(&stage.trust, &later)?;
    ended(&stage, 3)?;
    for query in [&running, &behind, &unseen] {
        assert_eq!(share(&stage.api.result(query)?)["state"], "cancelled");
    }
    let next = stage.api.ask("next", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&next)?)["state"], "value");
    Ok(())
}

#[test]
fn an_order_that_left_by_the_network_is_cancelled_by_stick() -> Result<()> {
    let stage = Stage::set()?;
    let running = stage.ask_slow()?;
    let behind = stage.api.ask("behind", &SLOW.replace("> 3", "> 4"))?;
    until("the second one to be at the Trust", || {
        Ok((share(&stage.api.result(&behind)?)["stage"] == "delivered").then_some(()))
    })?;
    stage.wire.cut();
    for query in [&running, &behind] {
        cancel(&stage, query)?;
    }
    let place = stick(&stage, "stick")?;
    out(&stage.hub, &place)?;
    take(&stage.trust, &place)?;
    ended(&stage, 2)?;
    let said = answer(&stage.trust, &place)?;
    assert_eq!(said["bundles"][0]["results"], 0, "nothing of them leaves: {said}");
    back(&stage.hub, &place)?;
    for query in [&running, &behind] {
        assert_eq!(share(&stage.api.result(query)?)["state"], "cancelled");
    }
    Ok(())
}
