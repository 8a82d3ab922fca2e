//! Files in backups, and what a check finds of them.

use std::fs;

use anyhow::{Context as _, Result};
use flip_tests::world::{PASSWORD, until};
use serde_json::{Value, json};

use super::lives::{kept_in, with_a_store};
use super::{bring, link, long, open, told};
use crate::models::Study;

#[test]
fn a_backup_holds_the_files_and_a_check_finds_what_is_missing_or_too_much() -> Result<()> {
    let mut study = Study::approved()?;
    let model = study.model("Nodules")?;
    let bytes = long(1_000_000);
    let file = bring(&study.researcher, &model, "notes.txt", &bytes)?;
    let id = file["id"].as_str().context("no id")?.to_owned();
    let part = open(&study.researcher, &model, "models.py", 3)?;
    assert_eq!(study.researcher.put(link(&part)?, Some("bytes 0-1/3"), b"ab")?.status, 200);
    let said = told(&study.stage.hub, &["check"])?;
    assert!(said.contains("the files of models are there: 1 clean") && !said.contains("WRONG"), "{said}");
    let backup = study.stage.folder().join("backup");
    let path = backup.to_str().context("no path")?;
    let said = told(&study.stage.hub, &["backup", path])?;
    assert!(said.contains("Saved to"), "{said}");

    let kept = study.stage.hub.data.join("artefacts/kept");
    fs::remove_file(kept.join(id.replace('-', "")))?;
    fs::write(kept.join("stray"), b"x")?;
    let said = told(&study.stage.hub, &["check"])?;
    for found in ["WRONG  notes.txt of a model", "kept/stray is of no file"] {
        assert!(said.contains(found), "{found}: {said}");
    }

    study.stage.hub.kill()?;
    fs::remove_dir_all(&study.stage.hub.data)?;
    let said = told(&study.stage.hub, &["restore", path])?;
    assert!(said.contains("is as it was"), "{said}");
    study.stage.hub.resume()?;
    let owner = study.stage.hub.stranger()?.sign_in("ona", PASSWORD)?;
    let led = owner.get(&format!("{model}/files/{id}"))?;
    assert!(owner.fetch(&led.location, &[])?.bytes == bytes, "another file came back");
    // What was under way begins anew.
    let part = part["id"].as_str().context("no id")?;
    let again = owner.post(&format!("{model}/files/{part}/link"), &json!({}))?;
    assert_eq!(again.json()["received"], 0, "{}", again.text);
    let said = told(&study.stage.hub, &["check"])?;
    assert!(!said.contains("WRONG"), "{said}");
    Ok(())
}

#[test]
fn a_hub_whose_files_are_at_a_store_is_put_back_and_finds_them_and_a_check_tells_what_changed_since()
-> Result<()> {
    let (mut study, store) = with_a_store()?;
    // As the guide has it, the secret is in the hub's folder.
    let data = study.stage.hub.data.clone();
    let toml = fs::read_to_string(data.join("hub.toml"))?;
    let secret = toml.split("secret_key_file = \"").nth(1).and_then(|rest| rest.split('"').next());
    let secret = secret.context("no secret is named")?.to_owned();
    fs::copy(&secret, data.join("s3.secret"))?;
    fs::write(data.join("hub.toml"), toml.replace(&secret, "s3.secret"))?;

    let model = study.model("Nodules")?;
    let bytes = long(200_000);
    let before = bring(&study.researcher, &model, "notes.txt", &bytes)?;
    let removed = bring(&study.researcher, &model, "removed.txt", b"soon gone")?;
    let said = told(&study.stage.hub, &["check"])?;
    assert!(said.contains("the files of models are there: 2 clean") && !said.contains("WRONG"), "{said}");
    let backup = study.stage.folder().join("backup");
    let path = backup.to_str().context("no path")?;
    let said = told(&study.stage.hub, &["backup", path])?;
    for words in
        ["Files of models are not in it", "in the bucket flip", "the file of artefacts.s3.secret_key_file"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!backup.join("files").exists() && !backup.join("s3.secret").exists());

    // What happens to the store after the backup.
    let path_of = |file: &Value| {
        Ok::<_, anyhow::Error>(format!("{model}/files/{}", file["id"].as_str().context("no id")?))
    };
    assert_eq!(study.researcher.send("DELETE", &path_of(&removed)?, "", "")?.status, 204);
    bring(&study.researcher, &model, "after.txt", b"after the backup")?;
    until("the store to hold two", || Ok((kept_in(&store)?.len() == 2).then_some(())))?;

    study.stage.hub.kill()?;
    let kept = fs::read(data.join("s3.secret"))?;
    fs::remove_dir_all(&data)?;
    let said = told(&study.stage.hub, &["restore", path])?;
    assert!(said.contains("is as it was") && said.contains("Put back the file of artefacts.s3"), "{said}");
    let said = told(&study.stage.hub, &["check"])?;
    assert!(said.contains("WRONG") && said.contains("s3.secret"), "{said}");
    fs::write(data.join("s3.secret"), kept)?;
    fs::set_permissions(data.join("s3.secret"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    study.stage.hub.resume()?;

    let owner = study.stage.hub.stranger()?.sign_in("ona", PASSWORD)?;
    let led = owner.get(&path_of(&before)?)?;
    assert!(owner.fetch(&led.location, &[])?.bytes == bytes, "another file came back");
    let said = told(&study.stage.hub, &["check"])?;
    assert!(said.contains("WRONG  removed.txt of a model is clean in the ledger"), "{said}");
    assert!(said.contains("is of no file that the ledger knows"), "{said}");
    Ok(())
}
