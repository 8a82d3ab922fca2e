//! What leaves a Trust whose policy is the one that a site has which sets nothing, and what it keeps of it.

use anyhow::{Context as _, Result};
use flip_tests::questions::DIABETES;
use flip_tests::world::{Browser, EXACT, Window};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, share};

/// A stage whose Trust has that policy.
fn stage_under(policy: &str) -> Result<Stage> {
    let mut stage = Stage::set()?;
    restart_under(&mut stage, policy)?;
    Ok(stage)
}

fn restart_under(stage: &mut Stage, policy: &str) -> Result<()> {
    stage.trust.kill()?;
    stage.trust.set_policy(policy)?;
    stage.trust.resume()
}

/// The Trust's share of the answer to a question.
fn answer(stage: &Stage, sql: &str) -> Result<Value> {
    let mut share = share(&stage.api.complete(&stage.api.ask("a question", sql)?)?).clone();
    if let Some(share) = share.as_object_mut() {
        share.remove("ended");
    }
    Ok(share)
}

/// The number of persons in an answer.
fn persons(share: &Value) -> Result<i64> {
    share["persons"].as_i64().with_context(|| format!("no number: {share}"))
}

/// Everybody, in words that the gate does not know to mean the same.
fn everybody(number: u32) -> String {
    format!("SELECT person_id FROM person WHERE year_of_birth > {number}")
}

#[test]
fn the_same_question_has_the_same_answer_and_another_its_own_also_after_a_kill() -> Result<()> {
    let mut stage = stage_under("")?;
    let first = answer(&stage, &everybody(1))?;
    let margin = first["protection"]["persons_margin"].as_i64().context("no margin")?;
    assert!((persons(&first)? - 1_130).abs() <= 2 * margin, "{first}");
    assert_eq!(persons(&first)? % 5, 0);
    assert_eq!(answer(&stage, &everybody(1))?, first);
    // The gate writes both in the same way.
    assert_eq!(answer(&stage, "select PERSON_ID\nfrom omop.person where year_of_birth > 1")?, first);
    let others: Vec<i64> =
        (2..6).map(|number| persons(&answer(&stage, &everybody(number))?)).collect::<Result<_>>()?;
    assert!(others.iter().any(|other| *other != persons(&first).unwrap_or_default()), "{first} {others:?}");
    stage.trust.kill()?;
    stage.trust.resume()?;
    assert_eq!(answer(&stage, &everybody(1))?, first);
    Ok(())
}

#[test]
fn a_project_has_a_quota_of_new_questions_and_repeats_are_free() -> Result<()> {
    let stage = stage_under("questions_weekly = 2\n")?;
    let first = answer(&stage, &everybody(1))?;
    answer(&stage, &everybody(2))?;
    let third = answer(&stage, &everybody(3))?;
    assert_eq!(
        (third["state"].as_str(), third["code"].as_str()),
        (Some("refused"), Some("quota_spent")),
        "{third}"
    );
    let message = third["message"].as_str().unwrap_or_default();
    assert!(message.contains("2 new questions") && message.contains("UTC"), "{message}");
    assert_eq!(answer(&stage, &everybody(1))?, first);
    Ok(())
}

#[test]
fn who_was_in_too_many_answers_is_left_out_of_further_ones() -> Result<()> {
    // Room for one question about a cohort of some seventy persons: they are missed in all later ones.
    let stage = stage_under("budget = 0.0146\n")?;
    let before = answer(&stage, DIABETES)?;
    assert_eq!(before["state"], "value", "{before}");
    let after = answer(&stage, &format!("{DIABETES} OR c.concept_id = 201820"))?;
    assert_eq!(after["state"], "fewer_than", "{after}");
    // Nor do they come back with a restart, and the first answer stays as it was.
    let mut stage = stage;
    stage.trust.kill()?;
    stage.trust.resume()?;
    assert_eq!(answer(&stage, &format!("{DIABETES} OR c.concept_id = 4115276"))?["state"], "fewer_than");
    assert_eq!(persons(&answer(&stage, DIABETES)?)?, persons(&before)?);
    Ok(())
}

#[test]
fn nearly_the_same_cohort_raises_an_alert_at_the_trust_alone() -> Result<()> {
    let stage = stage_under(EXACT)?;
    answer(&stage, &everybody(1))?;
    let all = answer(&stage, "SELECT p.person_id FROM person p")?;
    assert_eq!(persons(&all)?, 1_130);
    let logged = || -> Result<Value> {
        let output = stage.trust.command(&["audit", "export"])?.output()?;
        let lines = String::from_utf8(output.stdout)?;
        let mut entries = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(entries.find(|entry| entry["act"] == "cohorts_alike").unwrap_or(Value::Null))
    };
    let found = flip_tests::world::until("the alert", || {
        let entry = logged()?;
        Ok((!entry.is_null()).then_some(entry))
    })?;
    assert_eq!(found["facts"]["alike"], json!(1), "{found}");
    assert!(stage.trust.log().contains("nearly that of an earlier one"));
    for (dark, width, name) in [(false, 1_280, "light"), (true, 500, "dark-narrow")] {
        let browser = Browser::open(Window { width, height: 1_200, dark, scripts: !dark })?;
        browser.enter(&stage.trust)?;
        browser.shows("One question asked about in the last week nearly the persons of an earlier one")?;
        browser.go(&format!("{}/disclosure", stage.trust.address()?))?;
        browser.shows("nobody")?;
        browser.shows("Counts leave without noise")?;
        browser.picture(&picture(&format!("local-alert-{name}"))?)?;
    }
    Ok(())
}
