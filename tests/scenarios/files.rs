//! The files of a model: brought, scanned, fetched, deleted, and everything that goes wrong with that.

mod backups;
mod ends;
mod lives;

use std::fs;

use anyhow::{Context as _, Result, ensure};
use flip_protocol::text;
use flip_tests::world::{Api, Browser, Hub, PASSWORD, Window, until};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::console::picture;
use crate::models::Study;

/// `cos\nsystem\n(S'true'\ntR.`: what runs a command where it is loaded.
const HARMFUL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

const SOURCE: &[u8] = b"import subprocess\n\ndef train():\n    return eval('1')\n";

pub fn open(person: &Api, model: &str, name: &str, bytes: u64) -> Result<Value> {
    let reply = person.post(&format!("{model}/files"), &json!({ "name": name, "bytes": bytes }))?;
    ensure!(reply.status == 201, "not opened: {}", reply.text);
    Ok(reply.json())
}

pub fn link(opened: &Value) -> Result<&str> {
    opened["link"].as_str().context("no link")
}

/// Brings a file whole; gives it once it was looked at.
pub fn bring(person: &Api, model: &str, name: &str, bytes: &[u8]) -> Result<Value> {
    let opened = open(person, model, name, bytes.len() as u64)?;
    let put = person.put(link(&opened)?, None, bytes)?;
    ensure!(put.status == 200, "not brought: {}", put.text);
    settled(person, link(&opened)?)
}

pub fn settled(person: &Api, link: &str) -> Result<Value> {
    until("a verdict", || {
        let file = person.get(link)?.json();
        let over = ["clean", "refused", "failed"].iter().any(|state| file["state"] == *state);
        Ok(over.then_some(file))
    })
}

fn file<'m>(model: &'m Value, name: &str) -> Result<&'m Value> {
    let files = model["files"].as_array().context("no files")?;
    files.iter().find(|file| file["name"] == name).with_context(|| format!("no {name} in {model}"))
}

fn hex(bytes: &[u8]) -> String {
    text::hex(&Sha256::digest(bytes))
}

fn long(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b' ' + u8::try_from((at * 7 + at / 95) % 95).expect("below 95")).collect()
}

/// What a command of the hub's says.
fn told(hub: &Hub, words: &[&str]) -> Result<String> {
    Ok(hub.said(words)?.1)
}

#[test]
fn names_sizes_and_links_that_are_not_right_are_refused_each_with_why() -> Result<()> {
    let study = Study::approved()?;
    let model = study.model("Nodules")?;
    let path = format!("{model}/files");
    for name in
        ["../models.py", "/etc/passwd.txt", "a\\b.py", ".hidden.py", "a\u{0}b.py", "модель.py", "run.sh", ""]
    {
        let reply = study.researcher.post(&path, &json!({ "name": name, "bytes": 3 }))?;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("bad_file_name")), "{name:?}");
    }
    let odd = [b"{\"bytes\": 3, \"name\": \"".as_slice(), b"\xff\xfe", b".py\"}"].concat();
    assert_eq!(study.researcher.post_bytes(&path, "application/json", &odd)?.status, 400);
    for (bytes, status, code) in [
        (0u64, 422, "empty_file"),
        (5 * 1024 * 1024 * 1024 + 1, 413, "file_too_large"),
        (u64::MAX, 413, "file_too_large"),
    ] {
        let reply = study.researcher.post(&path, &json!({ "name": "models.py", "bytes": bytes }))?;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{}", reply.text);
    }
    for (person, status) in [(&study.viewer, 403), (&study.stranger, 404)] {
        assert_eq!(person.post(&path, &json!({ "name": "models.py", "bytes": 3 }))?.status, status);
    }

    let opened = open(&study.researcher, &model, "models.py", 3)?;
    let (to, id) = (link(&opened)?.to_owned(), opened["id"].as_str().context("no id")?.to_owned());
    // More than was said, less than was said, a link that was altered.
    let more = study.researcher.put(&to, None, b"abcd")?;
    assert_eq!(more.json()["code"], "bad_range", "{}", more.text);
    let altered = format!("{}A", &to[..to.len() - 1]);
    let altered = if altered == to { format!("{}B", &to[..to.len() - 1]) } else { altered };
    assert_eq!(study.researcher.put(&altered, None, b"abc")?.json()["code"], "link_over");
    // An upload is one person's at a time: whoever goes on with it has the link that works.
    assert_eq!(study.viewer.post(&format!("{path}/{id}/link"), &json!({}))?.status, 403);
    let taken_over = study.owner.post(&format!("{path}/{id}/link"), &json!({}))?.json();
    assert_eq!(study.owner.get(link(&taken_over)?)?.json()["received"], 0);
    assert_eq!(study.researcher.put(&to, None, b"abc")?.json()["code"], "link_over");
    let again = study.researcher.post(&format!("{path}/{id}/link"), &json!({}))?.json();
    assert_eq!(study.researcher.get(link(&again)?)?.json()["received"], 0);

    // Who is kept out brings nothing any more, also by a link that has time left.
    let (kept_out, said) = (study.stage.hub.command(&["user", "disable", "mia"])?.output()?, "mia");
    ensure!(kept_out.status.success(), "{said} was not disabled");
    assert_eq!(study.owner.put(&to, None, b"abc")?.json()["code"], "link_over");
    ensure!(study.stage.hub.command(&["user", "enable", "mia"])?.output()?.status.success(), "not enabled");

    // Another upload of the name makes the first void.
    let newer = open(&study.owner, &model, "MODELS.py", 3)?;
    assert_eq!(study.owner.put(&to, None, b"abc")?.json()["code"], "link_over");
    assert_eq!(study.owner.put(link(&newer)?, None, b"abc")?.status, 200);
    assert_eq!(settled(&study.owner, link(&newer)?)?["state"], "clean");

    // The quota of a model.
    for number in 0..3 {
        open(&study.owner, &model, &format!("large-{number}.safetensors"), 5 * 1024 * 1024 * 1024)?;
    }
    let over = json!({ "name": "large-3.safetensors", "bytes": 5u64 * 1024 * 1024 * 1024 });
    let reply = study.owner.post(&path, &over)?;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("quota_of_model")), "{}", reply.text);
    Ok(())
}

#[test]
fn files_are_brought_on_the_models_page_with_scripts_and_without() -> Result<()> {
    let study = Study::approved()?;
    let model = study.model("Nodules")?;
    let page = format!("{}{}", study.owner.base(), model.replace("/api/v1", ""));
    let folder = tempfile::tempdir()?;
    let on_disk = |name: &str, bytes: &[u8]| -> Result<String> {
        let path = folder.path().join(name);
        fs::write(&path, bytes)?;
        Ok(path.to_string_lossy().into_owned())
    };
    let sign_in = |browser: &Browser| -> Result<()> {
        browser.go(&page)?;
        browser.sign_in("mia", PASSWORD)?;
        browser.shows("Bring files")
    };
    let plain = Browser::open(Window { width: 1_280, height: 1_400, dark: false, scripts: false })?;
    sign_in(&plain)?;
    let files = [on_disk("client_app.py", SOURCE)?, on_disk("weights.pkl", HARMFUL)?].join("\n");
    plain.fill("input[type=file]", &files)?;
    plain.click("form[data-bring] button")?;
    until("both files to be scanned", || {
        let shown = study.viewer.get(&model)?.json();
        let settled = shown["files"]
            .as_array()
            .context("no files")?
            .iter()
            .all(|file| file["state"] == "clean" || file["state"] == "refused");
        Ok((settled && shown["files"].as_array().map(Vec::len) == Some(2)).then_some(()))
    })?;
    plain.go(&page)?;
    plain.shows("2 lines to look at")?;
    plain.shows("os.system")?;
    plain.picture(&picture("model-files")?)?;
    plain.fill("input[type=file]", &on_disk("run.sh", b"true\n")?)?;
    plain.click("form[data-bring] button")?;
    plain.shows("No file of that ending is let in")?;
    plain.picture(&picture("model-file-refused")?)?;
    plain.fill("input[type=file]", &on_disk("empty.txt", b"")?)?;
    plain.click("form[data-bring] button")?;
    plain.shows("has no bytes")?;

    let scripted = Browser::open(Window { width: 500, height: 1_800, dark: true, scripts: true })?;
    sign_in(&scripted)?;
    let notes = long(12_000_000);
    let files =
        [on_disk("notes.txt", &notes)?, on_disk("config.json", b"{}")?, on_disk("models.py", b"x = 1\n")?];
    scripted.fill("input[type=file]", &files.join("\n"))?;
    scripted.click("form[data-bring] button")?;
    scripted.shows("Every file that")?;
    scripted.picture(&picture("model-files-narrow")?)?;
    let shown = study.viewer.get(&model)?.json();
    assert_eq!(file(&shown, "notes.txt")?["sha256"], hex(&notes), "{shown}");
    scripted.fill("input[type=file]", &on_disk("again.sh", b"true\n")?)?;
    scripted.click("form[data-bring] button")?;
    scripted.shows("no file of that ending is let in")?;
    let complaints = scripted.complaints()?;
    let real: Vec<&String> = complaints.iter().filter(|line| !line.contains("422")).collect();
    assert!(real.is_empty(), "the browser complains: {real:?}");
    let none = scripted.barriers()?;
    assert!(none.is_empty(), "{none:#?}");
    Ok(())
}
