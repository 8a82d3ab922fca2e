//! The files of a model: brought, scanned, fetched, deleted, and everything that goes wrong with that.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flip_protocol::text;
use flip_tests::world::{Api, Browser, Hub, PASSWORD, S3Server, Window, free_port, until};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::console::picture;
use crate::keeping::{metrics, value};
use crate::models::Study;
use crate::stage::Stage;

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

/// The names of the files that are kept, wherever.
type Kept<'k> = &'k dyn Fn() -> Result<Vec<String>>;

fn kept_here(study: &Study) -> impl Fn() -> Result<Vec<String>> + use<> {
    let folder = study.stage.hub.data.join("artefacts/kept");
    move || {
        let names = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }
}

/// A study whose hub keeps files in a store elsewhere.
fn with_a_store() -> Result<(Study, S3Server)> {
    let folder = tempfile::tempdir()?;
    let store = S3Server::start(&folder.path().join("store"))?;
    let lines = format!("metrics_listen = \"127.0.0.1:{}\"\n{}", free_port()?, store.lines());
    let study = Study::approved_on(Stage::set_with(folder, lines)?)?;
    Ok((study, store))
}

/// What a store holds of a hub; no upload to it may be left unfinished.
fn kept_in(store: &S3Server) -> Result<Vec<String>> {
    let (keys, unfinished) = store.holds()?;
    ensure!(unfinished == 0, "{unfinished} uploads to the store were not ended");
    let name =
        |key: String| key.strip_prefix("hub-1/").map(str::to_owned).context("a key outside of the prefix");
    keys.into_iter().map(name).collect()
}

#[test]
fn a_file_is_brought_in_ranges_scanned_and_fetched_and_goes_on_after_a_kill() -> Result<()> {
    let study = Study::approved()?;
    let kept = kept_here(&study);
    a_files_life(study, &kept)
}

#[test]
fn a_file_lives_as_well_in_a_store_that_speaks_s3() -> Result<()> {
    let (study, store) = with_a_store()?;
    a_files_life(study, &|| kept_in(&store))
}

#[test]
fn a_store_elsewhere_is_given_nothing_but_what_is_clean() -> Result<()> {
    let (study, store) = with_a_store()?;
    the_scanner_stands(&study, &|| kept_in(&store))
}

#[test]
fn a_store_that_is_away_loses_no_file_and_lets_none_out() -> Result<()> {
    let (study, mut store) = with_a_store()?;
    let model = study.model("Nodules")?;
    let before = bring(&study.researcher, &model, "config.json", b"{}")?;
    store.stop()?;
    let opened = open(&study.researcher, &model, "models.py", 6)?;
    let put = study.researcher.put(link(&opened)?, None, b"x = 1\n")?;
    assert_eq!(put.status, 200, "bringing needs no store: {}", put.text);
    until("the file to wait", || {
        let file = study.researcher.get(link(&opened)?)?.json();
        let waits = file["why"].as_str().is_some_and(|why| why.contains("tries again"));
        Ok((file["state"] == "quarantined" && waits).then_some(()))
    })?;
    let toml = fs::read_to_string(study.stage.hub.data.join("hub.toml"))?;
    let (_, listens) = toml.split_once("metrics_listen = \"").context("no metrics")?;
    let address: SocketAddr = listens.split('"').next().context("no address")?.parse()?;
    let text = metrics(address)?;
    assert_eq!(value(&text, "flip_hub_files{state=\"quarantined\"}"), Some(1.0), "{text}");
    let led = study.researcher.get(&format!("{model}/files/{}", before["id"].as_str().context("no id")?))?;
    let away = study.researcher.get(&led.location)?;
    assert_eq!((away.status, &away.json()["code"]), (503, &json!("artefacts_away")), "{}", away.text);
    store.resume()?;
    assert_eq!(settled(&study.researcher, link(&opened)?)?["state"], "clean");
    let led = study.researcher.get(&format!("{model}/files/{}", opened["id"].as_str().context("no id")?))?;
    assert_eq!(study.researcher.fetch(&led.location, &[])?.bytes, b"x = 1\n");
    // The store came back without what it held.
    let said = told(&study.stage.hub, &["check"])?;
    assert!(said.contains("WRONG  config.json of a model") && !said.contains("models.py"), "{said}");
    Ok(())
}

/// What a command of the hub's says.
fn told(hub: &Hub, words: &[&str]) -> Result<String> {
    Ok(hub.said(words)?.1)
}

fn a_files_life(mut study: Study, kept: Kept<'_>) -> Result<()> {
    let model = study.model("Nodules")?;
    let bytes = long(3_000_001);
    let opened = open(&study.researcher, &model, "notes.txt", bytes.len() as u64)?;
    let to = link(&opened)?.to_owned();
    let size = bytes.len();
    let range = |first: usize, last: usize| format!("bytes {first}-{last}/{size}");
    // Whoever has the link needs no token, and nobody else's helps.
    let anybody = study.stage.hub.stranger()?;
    let part = anybody.put(&to, Some(&range(0, 1_048_575)), &bytes[..1_048_576])?;
    assert_eq!((part.status, &part.json()["received"]), (200, &json!(1_048_576)), "{}", part.text);

    // The same part twice, one that leaves a gap, one beyond the end, one of another size.
    for (first, last, status, code) in [
        (0, 1_048_575, 409, "wrong_offset"),
        (2_000_000, 2_000_009, 409, "wrong_offset"),
        (1_048_576, size, 400, "bad_range"),
    ] {
        let body = vec![b'x'; (last - first).min(2_000) + 1];
        let body = if last == 1_048_575 { &bytes[..1_048_576] } else { body.as_slice() };
        let reply = anybody.put(&to, Some(&range(first, last)), body)?;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{}", reply.text);
    }
    let other_size = anybody.put(&to, Some("bytes 1048576-1048577/99"), b"xx")?;
    assert_eq!(other_size.json()["code"], "bad_range", "{}", other_size.text);
    let lying = anybody.put(&to, Some(&range(1_048_576, 1_048_580)), b"xx")?;
    assert_eq!(lying.json()["code"], "bad_range", "{}", lying.text);
    assert_eq!(anybody.get(&to)?.json()["received"], 1_048_576, "nothing of these was taken");

    study.stage.hub.kill()?;
    study.stage.hub.resume()?;
    let anybody = study.stage.hub.stranger()?;
    assert_eq!(anybody.get(&to)?.json()["received"], 1_048_576, "what was acknowledged is there");
    let rest = anybody.put(&to, Some(&range(1_048_576, size - 1)), &bytes[1_048_576..])?;
    assert_eq!(rest.status, 200, "{}", rest.text);
    let seen = settled(&anybody, &to)?;
    assert_eq!((&seen["state"], &seen["sha256"]), (&json!("clean"), &json!(hex(&bytes))), "{seen}");
    assert_eq!(anybody.put(&to, None, &bytes)?.json()["code"], "upload_complete");

    let owner = study.stage.hub.stranger()?.sign_in("ona", PASSWORD)?;
    let id = seen["id"].as_str().context("no id")?;
    let led = owner.get(&format!("{model}/files/{id}"))?;
    assert_eq!(led.status, 303, "{}", led.text);
    let whole = anybody.fetch(&led.location, &[])?;
    assert_eq!((whole.status, whole.bytes == bytes), (200, true));
    assert_eq!(whole.header("content-disposition"), "attachment; filename=\"notes.txt\"");
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("content-length"), size.to_string());
    assert_eq!(whole.header("cache-control"), "no-store");
    let etag = format!("\"{}\"", hex(&bytes));
    assert_eq!(whole.header("etag"), etag);
    let part = anybody.fetch(&led.location, &[("range", "bytes=5-9")])?;
    assert_eq!((part.status, part.bytes.as_slice()), (206, &bytes[5..10]));
    assert_eq!(part.header("content-range"), format!("bytes 5-9/{size}"));
    let tail = anybody.fetch(&led.location, &[("range", "bytes=-3"), ("if-range", etag.as_str())])?;
    assert_eq!((tail.status, tail.bytes.as_slice()), (206, &bytes[size - 3..]));
    let changed = anybody.fetch(&led.location, &[("range", "bytes=-3"), ("if-range", "\"another\"")])?;
    assert_eq!((changed.status, changed.bytes.len()), (200, size));
    assert_eq!(anybody.fetch(&led.location, &[("range", "bytes=9999999-")])?.status, 416);

    // A link to bring is none to fetch, and the reverse.
    let token = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    assert_eq!(anybody.get(&format!("/downloads/{}", token(&to)))?.status, 410);
    assert_eq!(anybody.get(&format!("/uploads/{}", token(&led.location)))?.status, 410);

    // Nothing is called as somebody typed it.
    assert_eq!(kept()?, [id.replace('-', "")]);
    assert_eq!(fs::read_dir(study.stage.hub.data.join("artefacts/staging"))?.count(), 0);

    let gone = owner.send("DELETE", &format!("{model}/files/{id}"), "", "")?;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(anybody.get(&led.location)?.status, 410);
    until("the bytes to go", || Ok(kept()?.is_empty().then_some(())))
}

#[test]
fn only_what_is_clean_is_kept_and_nobody_gets_round_the_scanner() -> Result<()> {
    let study = Study::approved()?;
    the_scanner_stands(&study, &kept_here(&study))
}

fn the_scanner_stands(study: &Study, kept: Kept<'_>) -> Result<()> {
    let model = study.model("Nodules")?;
    let refused = bring(&study.researcher, &model, "weights.pkl", HARMFUL)?;
    assert_eq!(refused["state"], "refused");
    assert!(refused["why"].as_str().is_some_and(|why| why.contains("os.system")), "{refused}");
    // Under another name it is the same.
    for name in ["weights.txt", "weights.pt", "weights.json", "weights.safetensors", "weights.py"] {
        let again = bring(&study.researcher, &model, name, HARMFUL)?;
        assert_ne!(again["state"], "clean", "{again}");
    }
    let id = refused["id"].as_str().context("no id")?;
    for person in [&study.stage.api, &study.owner, &study.researcher] {
        let fetched = person.get(&format!("{model}/files/{id}"))?;
        assert_eq!((fetched.status, &fetched.json()["code"]), (409, &json!("file_not_clean")));
    }
    assert_eq!(kept()?, [""; 0]);

    let source = bring(&study.researcher, &model, "client_app.py", SOURCE)?;
    assert_eq!(source["state"], "clean", "source is made to be run, and is not refused");
    let lines: Vec<&Value> =
        source["notes"].as_array().context("no notes")?.iter().map(|note| &note["line"]).collect();
    assert_eq!(lines, [1, 4], "{source}");

    // Another of its name takes its place once it is clean, and not before.
    let harmful = bring(&study.researcher, &model, "client_app.py", b"\xff\xfe")?;
    assert_eq!(harmful["state"], "refused", "{harmful}");
    let shown = study.viewer.get(&model)?.json();
    let states: Vec<&Value> = shown["files"]
        .as_array()
        .context("no files")?
        .iter()
        .filter(|file| file["name"] == "client_app.py")
        .map(|file| &file["state"])
        .collect();
    assert_eq!(states, ["clean", "refused"]);
    let newer = bring(&study.researcher, &model, "client_app.py", b"import numpy\n")?;
    assert_eq!(newer["state"], "clean");
    let shown = study.viewer.get(&model)?.json();
    assert_eq!(file(&shown, "client_app.py")?["sha256"], hex(b"import numpy\n"));
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(7), "{shown}");

    // What a job needs is said, file by file.
    assert_eq!(shown["ready"], false);
    let names = |model: &Value| -> Vec<(String, String)> {
        let required = model["required"].as_array().cloned().unwrap_or_default();
        let pair = |one: &Value| (one["name"].to_string(), one["state"].to_string());
        required.iter().map(pair).collect()
    };
    let of = |name: &str, state: &str| (format!("{name:?}"), format!("{state:?}"));
    assert_eq!(
        names(&shown),
        [of("client_app.py", "here"), of("config.json", "missing"), of("models.py", "missing")]
    );
    bring(&study.researcher, &model, "config.json", b"{}")?;
    bring(&study.owner, &model, "models.py", b"import torch\n")?;
    assert_eq!(study.viewer.get(&model)?.json()["ready"], true);

    // A digest that was declared and is another's.
    let bytes = b"{\"a\": 1}";
    let declared = |sha256: &str| json!({ "name": "labels.json", "bytes": bytes.len(), "sha256": sha256 });
    for (sha256, state) in [(hex(b"another"), "refused"), (hex(bytes), "clean")] {
        let opened = study.researcher.post(&format!("{model}/files"), &declared(&sha256))?.json();
        assert_eq!(study.researcher.put(link(&opened)?, None, bytes)?.status, 200);
        assert_eq!(settled(&study.researcher, link(&opened)?)?["state"], state);
    }
    let unreadable = study.researcher.post(&format!("{model}/files"), &declared("12"))?;
    assert_eq!(unreadable.json()["code"], "bad_sha256");

    // The model's end is that of its files.
    assert_eq!(study.owner.send("DELETE", &model, "", "")?.status, 204);
    until("the files to go", || Ok(kept()?.is_empty().then_some(())))
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

/// A study whose hub's clock is so much behind, until [`catch_up`]: what it makes meanwhile is old then.
fn behind(shift: &str) -> Result<Study> {
    let mut study = Study::approved()?;
    study.stage.hub.kill()?;
    study.stage.hub.put_before(&crate::stage::faketime(shift));
    study.stage.hub.resume()?;
    Ok(study)
}

fn catch_up(study: &mut Study) -> Result<()> {
    study.stage.hub.put_before(&[]);
    study.stage.hub.resume()
}

#[test]
fn links_end_with_their_time() -> Result<()> {
    let mut study = behind("-61m")?;
    let model = study.model("Nodules")?;
    let file = bring(&study.researcher, &model, "config.json", b"{}")?;
    let opened = open(&study.researcher, &model, "models.py", 3)?;
    let fetch = study.researcher.get(&format!("{model}/files/{}", file["id"].as_str().context("no id")?))?;
    study.stage.hub.kill()?;
    catch_up(&mut study)?;
    let anybody = study.stage.hub.stranger()?;
    for reply in [anybody.put(link(&opened)?, None, b"abc")?, anybody.get(&fetch.location)?] {
        assert_eq!((reply.status, &reply.json()["code"]), (410, &json!("link_over")), "{}", reply.text);
        assert!(reply.text.contains("its time is over"), "{}", reply.text);
    }
    Ok(())
}

#[test]
fn an_upload_that_nobody_goes_on_with_is_given_up() -> Result<()> {
    let mut study = behind("-37h")?;
    let model = study.model("Nodules")?;
    let opened = open(&study.researcher, &model, "models.py", 3)?;
    let part = study.researcher.put(link(&opened)?, Some("bytes 0-1/3"), b"ab")?;
    assert_eq!(part.status, 200, "{}", part.text);
    study.stage.hub.kill()?;
    let staging = study.stage.hub.data.join("artefacts/staging");
    let staged: Vec<_> = fs::read_dir(&staging)?.collect::<std::io::Result<_>>()?;
    assert_eq!(staged.len(), 1);
    // The disk has the machine's own clock.
    let file = fs::File::options().append(true).open(staged[0].path())?;
    file.set_modified(file.metadata()?.modified()? - Duration::from_hours(37))?;
    catch_up(&mut study)?;
    until("the upload to be given up", || Ok((fs::read_dir(&staging)?.count() == 0).then_some(())))?;
    assert_eq!(study.owner.get(&model)?.json()["files"], json!([]));
    let acts = study.stage.api.get("/api/v1/audit?act=upload_abandoned")?.json();
    assert_eq!(acts["acts"].as_array().map(Vec::len), Some(1), "{acts}");
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
