//! Keeping a hub: backups and the way back, looking it over, its certificate and its log.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{AcmeServer, Api, Hub, HubOptions, free_port, until};
use serde_json::{Value, json};

use crate::stage::{Stage, TRUST, share};

fn configure(hub: &Hub, lines: &str) -> Result<()> {
    let file = hub.data.join("hub.toml");
    let before = fs::read_to_string(&file)?;
    Ok(fs::write(file, before + lines)?)
}

#[test]
fn a_hub_that_is_lost_comes_back_from_its_backup_and_the_trusts_go_on() -> Result<()> {
    let mut stage = Stage::set()?;
    let first = stage.api.ask("before", EVERYONE)?;
    let persons = share(&stage.api.complete(&first)?)["persons"].clone();
    stage.trust.kill()?;
    let open = stage.api.ask("open when it was saved", EVERYONE)?;
    let saved = stage.folder().join("saved");
    let path = saved.to_str().context("path")?;
    // People go on working while it is saved.
    let writing = AtomicBool::new(true);
    let (done, said) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<()> {
            while writing.load(Ordering::SeqCst) {
                stage.hub.api()?;
            }
            Ok(())
        });
        let outcome = stage.hub.said(&["backup", path]);
        writing.store(false, Ordering::SeqCst);
        assert!(writer.join().is_ok_and(|written| written.is_ok()));
        outcome
    })?;
    assert!(done && said.contains("Who has them is the hub"), "{said}");
    for file in ["hub.sqlite", "backup.json", "keys/ca.key", "keys/signing.key", "keys/opening.key"] {
        let mode = fs::metadata(saved.join(file))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    assert_eq!(fs::metadata(&saved)?.permissions().mode() & 0o777, 0o700);
    let (again, said) = stage.hub.said(&["backup", path])?;
    assert!(!again && said.contains("is not empty"), "{said}");
    let unused = stage.hub.add_trust("Later")?;
    drop(unused);
    // After the backup the Trust answers what was open then, and more.
    stage.trust.resume()?;
    stage.api.complete(&open)?;
    for number in 0..3 {
        stage.api.complete(&stage.api.ask(&format!("after {number}"), EVERYONE)?)?;
    }
    stage.hub.kill()?;
    let lost = stage.hub.data.clone();
    stage.hub.data = stage.folder().join("restored");
    let (back, said) = stage.hub.said(&["restore", path])?;
    assert!(back && said.contains("Everybody is signed out"), "{said}");
    let (again, said) = stage.hub.said(&["restore", path])?;
    assert!(!again && said.contains("is not empty"), "{said}");
    let (sound, said) = stage.hub.said(&["check"])?;
    assert!(sound && said.contains("the audit is whole"), "{said}");
    stage.hub.resume()?;
    ensure!(lost != stage.hub.data);
    assert_eq!(stage.api.get("/api/v1/session")?.status, 401, "a session came back");
    let api = stage.hub.api()?;
    assert_eq!(share(&api.complete(&first)?)["persons"], persons);
    assert_eq!(share(&api.complete(&open)?)["persons"], persons, "what was open when it was saved");
    let after = api.complete(&api.ask("after it came back", EVERYONE)?)?;
    assert_eq!(share(&after)["persons"], persons, "{after}");
    let acts = api.get("/api/v1/audit?act=hub_restored")?.json();
    assert_eq!(acts["acts"].as_array().map(Vec::len), Some(1), "{acts}");
    Ok(())
}

#[test]
fn a_backup_that_was_altered_is_not_put_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let saved = folder.path().join("saved");
    let path = saved.to_str().context("path")?;
    assert!(hub.said(&["backup", path])?.0);
    hub.data = folder.path().join("restored");
    for file in ["hub.sqlite", "hub.toml", "keys/signing.key"] {
        let whole = fs::read(saved.join(file))?;
        let mut altered = whole.clone();
        altered[0] ^= 1;
        fs::write(saved.join(file), altered)?;
        let (back, said) = hub.said(&["restore", path])?;
        assert!(!back && said.contains("is not what was saved") && !hub.data.exists(), "{file}: {said}");
        fs::write(saved.join(file), whole)?;
    }
    let (back, said) = hub.said(&["restore", folder.path().to_str().context("path")?])?;
    assert!(!back && said.contains("holds no backup"), "{said}");
    assert!(hub.said(&["restore", path])?.0);
    Ok(())
}

#[test]
fn a_check_names_everything_that_is_wrong_at_once_and_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (sound, said) = hub.said(&["check"])?;
    assert!(
        sound && !said.contains("WRONG") && said.contains("the hub's CA: the certificate is good until"),
        "{said}"
    );
    assert!(said.contains("the scanner of files that people bring is"), "{said}");
    hub.program()?.terminate()?;
    let other = folder.path().join("other");
    let other = Hub::start(&other, HubOptions::default())?;
    fs::copy(other.data.join("keys/ca.key"), hub.data.join("keys/ca.key"))?;
    fs::set_permissions(hub.data.join("keys/signing.key"), fs::Permissions::from_mode(0o644))?;
    configure(&hub, "banner = 1\nlog_format = \"xml\"\n")?;
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    ledger.execute_batch(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER audit_stays;
         UPDATE audit SET entry = replace(entry, 'admin', 'nobody') WHERE number = 2;
         INSERT INTO kit (secret_sha256, trust, expires_ms) VALUES (x'01', x'02', 3);",
    )?;
    drop(ledger);
    let before = fs::read(hub.data.join("hub.sqlite"))?;
    let (sound, said) = hub.said(&["check"])?;
    assert!(!sound, "{said}");
    for wrong in [
        "unknown field `banner`",
        "log_format = \"xml\" is not right",
        "the key in keys/ca.key is not that of the certificate",
        "keys/signing.key can be read by others",
        "the ledger names rows that are not there: kit (of trust)",
        "act 2 is not as it was written",
    ] {
        let line = said.lines().find(|line| line.contains(wrong));
        assert!(line.is_some_and(|line| line.starts_with("WRONG")), "{wrong}: {said}");
    }
    assert_eq!(fs::read(hub.data.join("hub.sqlite"))?, before, "a check changed the ledger");
    fs::write(hub.data.join("hub.toml"), b"log_format = \"text\"\n\xff\n")?;
    let (sound, said) = hub.said(&["check"])?;
    let line = said.lines().find(|line| line.contains("line 2 is not UTF-8"));
    assert!(!sound && line.is_some_and(|line| line.starts_with("WRONG")), "{said}");
    Ok(())
}

#[test]
fn a_backup_is_made_however_its_folder_is_named_and_one_that_fails_leaves_nothing_in_the_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let backup = |name: &str, from: &Path| -> Result<(bool, String)> {
        let output = hub.command(&["backup", name])?.current_dir(from).output()?;
        Ok((output.status.success(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    // As shells complete the name of a folder, and from within it.
    let there = folder.path().join("there");
    fs::create_dir(&there)?;
    for (name, from, to) in [
        ("there/", folder.path(), &there),
        ("new/", folder.path(), &folder.path().join("new")),
        (".", &folder.path().join("within"), &folder.path().join("within")),
    ] {
        fs::create_dir_all(from)?;
        let (done, said) = backup(name, from)?;
        assert!(done && to.join("backup.json").exists(), "{name}: {said}");
    }
    let odd = hub.data.join("keys/odd");
    fs::create_dir(&odd)?;
    let (done, said) = backup("failed", folder.path())?;
    assert!(!done && said.contains("keys/odd cannot be read"), "{said}");
    fs::remove_dir(&odd)?;
    let (done, said) = backup("failed", folder.path())?;
    assert!(done, "{said}");
    let mut left: Vec<String> = fs::read_dir(folder.path())?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    left.sort_unstable();
    assert_eq!(left, ["failed", "hub", "new", "there", "within"]);
    Ok(())
}

/// A certificate for loopback that signs itself, and its key, in the files that `hub.toml` names.
fn certificate(hub: &Hub) -> Result<()> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    fs::write(hub.data.join("people.pem"), made.cert.pem())?;
    Ok(fs::write(hub.data.join("people.key"), made.signing_key.serialize_pem())?)
}

fn greets(people: SocketAddr, trusting: &Path) -> bool {
    let greeted = Api::new(&people.to_string(), trusting).and_then(|api| api.get("/api/v1/health"));
    greeted.is_ok_and(|reply| reply.status == 200)
}

fn hang_up(hub: &mut Hub) -> Result<()> {
    let id = hub.program()?.id().to_string();
    ensure!(Command::new("kill").args(["-HUP", &id]).status()?.success());
    Ok(())
}

#[test]
fn the_people_listener_takes_its_certificate_from_files_and_reads_them_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    hub.program()?.terminate()?;
    configure(&hub, "people_certificate = \"people.pem\"\npeople_key = \"people.key\"\n")?;
    let refused = hub.said(&["serve"])?;
    assert!(!refused.0 && refused.1.contains("people.pem cannot be read"), "{}", refused.1);
    certificate(&hub)?;
    hub.resume()?;
    let addresses: Value = serde_json::from_slice(&fs::read(hub.data.join("addresses.json"))?)?;
    let people: SocketAddr = addresses["people"].as_str().context("address")?.parse()?;
    let (first, now) = (folder.path().join("first.pem"), hub.data.join("people.pem"));
    fs::copy(&now, &first)?;
    assert!(greets(people, &first));
    assert!(!greets(people, &hub.data.join("keys/ca.pem")), "the hub's own CA signed it");
    certificate(&hub)?;
    hang_up(&mut hub)?;
    until("the new certificate", || Ok(greets(people, &now).then_some(())))?;
    assert!(!greets(people, &first), "the old certificate is served on");
    // Half a renewal changes nothing.
    let second = folder.path().join("second.pem");
    fs::copy(&now, &second)?;
    fs::write(hub.data.join("people.key"), "no key")?;
    hang_up(&mut hub)?;
    hub.program()?.says("the one before is served on")?;
    assert!(greets(people, &second));
    let (sound, said) = hub.said(&["check"])?;
    assert!(!sound && said.contains("people.key holds no private key"), "{said}");
    Ok(())
}

#[test]
fn the_people_listener_has_its_certificate_of_an_acme_server_and_people_are_served_all_the_while()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let addresses: Value = serde_json::from_slice(&fs::read(hub.data.join("addresses.json"))?)?;
    let people: SocketAddr = addresses["people"].as_str().context("address")?.parse()?;
    let named = format!("localhost:{}", people.port());
    let greeted = |trusting: &Path| {
        let greeted = Api::new(&named, trusting).and_then(|api| api.get("/api/v1/health"));
        greeted.is_ok_and(|reply| reply.status == 200)
    };
    hub.program()?.terminate()?;
    let before = fs::read_to_string(hub.data.join("hub.toml"))?;
    configure(&hub, "[acme]\nnames = [\"*.example.org\"]\n")?;
    let (sound, said) = hub.said(&["check"])?;
    assert!(!sound && said.contains("[acme]: names") && said.contains("[acme]: terms_agreed"), "{said}");

    // A server that looks elsewhere for the challenge: people are served under the hub's own CA.
    let elsewhere = AcmeServer::start(&folder.path().join("elsewhere"), free_port()?)?;
    fs::write(hub.data.join("hub.toml"), format!("{before}{}", elsewhere.lines(&["localhost"])))?;
    hub.resume()?;
    hub.program()?.says("refused to believe that this hub is localhost")?;
    assert!(greeted(&hub.data.join("keys/ca.pem")));
    let (sound, said) = hub.said(&["check"])?;
    assert!(sound && said.contains("there is no certificate of localhost yet"), "{said}");
    hub.kill()?;
    drop(elsewhere);

    let server = AcmeServer::start(&folder.path().join("acme"), people.port())?;
    let authority = server.authority()?;
    fs::write(hub.data.join("hub.toml"), format!("{before}{}", server.lines(&["localhost"])))?;
    hub.resume()?;
    until("a certificate", || Ok(greeted(&authority).then_some(())))?;
    assert!(!greeted(&hub.data.join("keys/ca.pem")), "the hub's own CA signed it");
    for file in ["acme/people.pem", "acme/account.key"] {
        assert_eq!(fs::metadata(hub.data.join(file))?.permissions().mode() & 0o777, 0o600, "{file}");
    }
    let (sound, said) = hub.said(&["check"])?;
    assert!(sound && said.contains("acme/people.pem: the certificate is good until"), "{said}");

    // A restart orders nothing; another name orders a certificate of both.
    let first = fs::read(hub.data.join("acme/people.pem"))?;
    hub.kill()?;
    hub.resume()?;
    assert!(greeted(&authority));
    assert_eq!(fs::read(hub.data.join("acme/people.pem"))?, first);
    hub.kill()?;
    fs::write(
        hub.data.join("hub.toml"),
        format!("{before}{}", server.lines(&["localhost", "flip.example.org"])),
    )?;
    hub.resume()?;
    until("a certificate of both names", || {
        Ok((fs::read(hub.data.join("acme/people.pem"))? != first && greeted(&authority)).then_some(()))
    })?;
    Ok(())
}

#[test]
fn a_log_of_json_is_one_object_a_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    hub.program()?.terminate()?;
    configure(&hub, "log_format = \"json\"\n")?;
    hub.resume()?;
    hub.program()?.terminate()?;
    let log = hub.log();
    let lines: Vec<Value> = log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let ready = lines.iter().find(|line| line["message"] == "the hub is ready").context("not ready")?;
    assert_eq!(ready["level"], json!("INFO"), "{ready}");
    assert!(ready["console"].as_str().is_some_and(|console| console.starts_with("https://")), "{ready}");
    Ok(())
}

/// What `/metrics` says.
pub fn metrics(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: loopback\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
    Ok(text)
}

/// One metric's value, by its name and labels.
pub fn value(text: &str, metric: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.trim().parse().ok())
}

#[test]
fn metrics_on_loopback_count_what_happens_and_name_nobody() -> Result<()> {
    let mut stage = Stage::set()?;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    stage.hub.program()?.terminate()?;
    configure(&stage.hub, &format!("metrics_listen = \"{address}\"\n"))?;
    stage.hub.resume()?;
    let api = stage.hub.api()?;
    assert!(stage.hub.stranger()?.sign_in("admin", "a wrong password").is_err());
    until("the Trust to be back", || {
        Ok((value(&metrics(address)?, "flip_hub_trusts{link=\"online\"}") == Some(1.0)).then_some(()))
    })?;
    api.complete(&api.ask("of which project?", EVERYONE)?)?;
    until("the long poll", || {
        Ok((value(&metrics(address)?, "flip_hub_long_polls") == Some(1.0)).then_some(()))
    })?;
    let text = metrics(address)?;
    for (metric, expected) in [
        ("flip_hub_sign_ins_refused_total", 1.0),
        ("flip_hub_orders{kind=\"cohort_query\",state=\"done\"}", 1.0),
        ("flip_hub_sessions", 2.0),
        ("flip_hub_ledger_waiting", 0.0),
        ("flip_hub_request_seconds_count{listener=\"people\",status=\"403\"}", 1.0),
    ] {
        assert_eq!(value(&text, metric), Some(expected), "{metric}: {text}");
    }
    assert!(value(&text, "flip_hub_syncs_total").is_some_and(|syncs| syncs >= 2.0), "{text}");
    assert!(value(&text, "flip_hub_audit_acts").is_some_and(|acts| acts > 9.0), "{text}");
    assert_eq!(text.matches("# EOF").count(), 1, "{text}");
    for name in ["admin", TRUST, "of which project?"] {
        assert!(!text.contains(name), "the metrics name {name}");
    }
    Ok(())
}
