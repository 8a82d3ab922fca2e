//! A file's life from its first byte to its last, here and at a store elsewhere.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use flip_tests::world::{PASSWORD, S3Server, free_port, until};
use serde_json::{Value, json};

use super::{HARMFUL, SOURCE, bring, file, hex, link, long, open, settled, told};
use crate::keeping::{metrics, value};
use crate::models::Study;
use crate::stage::Stage;

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
pub(super) fn with_a_store() -> Result<(Study, S3Server)> {
    let folder = tempfile::tempdir()?;
    let store = S3Server::start(&folder.path().join("store"))?;
    let lines = format!("metrics_listen = \"127.0.0.1:{}\"\n{}", free_port()?, store.lines());
    let study = Study::approved_on(Stage::set_with(folder, lines)?)?;
    Ok((study, store))
}

/// What a store holds of a hub; no upload to it may be left unfinished.
pub(super) fn kept_in(store: &S3Server) -> Result<Vec<String>> {
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
