//! Kits: they work once, and every other use is refused with a reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result};
use flip_protocol::UnixMillis;
use flip_protocol::enrolment::{HubSide, Kit};
use flip_protocol::text;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Appliance, Hub, HubOptions, command};

use crate::stage::{Stage, faketime, wired_hub};

fn try_to_enrol(data: &Path, kit: &Path) -> Result<(bool, String)> {
    let output = command("flip-appliance")?.arg("--data").arg(data).arg("enrol").arg(kit).output()?;
    Ok((output.status.success(), said(&output)))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A kit with other values and a check line that fits them: what an attacker can make of a kit.
fn forge(
    kit: &Path,
    address: Option<&str>,
    secret: Option<[u8; 32]>,
    expires: Option<UnixMillis>,
) -> Result<PathBuf> {
    let kit_text = fs::read_to_string(kit)?;
    let real = Kit::from_text(&kit_text, UnixMillis(0))?;
    let ca = real.ca_der().context("no CA")?;
    let hub = HubSide { id: real.hub, address: address.unwrap_or(&real.hub_address), ca_der: &ca };
    let own: Option<[u8; 32]> = text::decode(&real.secret).and_then(|bytes| bytes.try_into().ok());
    let secret = secret.or(own).context("a bad secret")?;
    let forged = Kit::new(&real.trust_name, real.trust, &hub, &secret, expires.unwrap_or(real.expires));
    let path = kit.with_extension("forged");
    fs::write(&path, forged.to_text())?;
    Ok(path)
}

#[test]
fn a_kit_works_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("St Elsewhere")?;
    assert_eq!(fs::metadata(&kit)?.permissions().mode() & 0o777, 0o600, "the kit holds a secret");
    let first = Appliance::new(&folder.path().join("first"))?;
    first.enrol(&kit)?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("second"), &kit)?;
    assert!(!enrolled && why.contains("kit_used"), "{why}");
    assert!(!folder.path().join("second/identity").exists());
    let (enrolled, why) = try_to_enrol(&first.data, &kit)?;
    assert!(!enrolled && why.contains("enrolled already, as St Elsewhere"), "{why}");
    Ok(())
}

#[test]
fn a_new_kit_makes_the_old_one_and_the_old_appliance_void() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let unused = hub.add_trust("St Elsewhere")?;
    let kit = hub.renew_kit("st elsewhere")?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("late"), &unused)?;
    assert!(!enrolled && why.contains("unknown_kit"), "{why}");
    let mut old = Appliance::new(&folder.path().join("old"))?;
    old.enrol(&kit)?;
    old.resume()?;
    old.program()?.says("connected to the hub")?;
    let new = Appliance::new(&folder.path().join("new"))?;
    new.enrol(&hub.renew_kit("St Elsewhere")?)?;
    old.kill()?;
    old.resume()?;
    old.program()?.says("unknown_certificate")
}

#[test]
fn an_expired_kit_is_refused_here_and_at_the_hub() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("St Elsewhere")?;
    let mut late = Appliance::new(&folder.path().join("late"))?;
    late.put_before(&faketime("+8d"));
    let output = late.command(&["enrol"])?.arg(&kit).output()?;
    assert!(!output.status.success() && said(&output).contains("expired 24 hours ago"), "{}", said(&output));

    // A kit that expired yesterday by the hub's own record, with a forged expiry of next year.
    let mut early = hub.command(&["trust", "add", "Early Bird", "--out"])?;
    let early_kit = folder.path().join("early.kit");
    early.arg(&early_kit);
    let earlier = faketime("-8d");
    let mut shifted = std::process::Command::new(&earlier[0]);
    shifted.args(&earlier[1..]).arg(early.get_program()).args(early.get_args());
    assert!(shifted.output()?.status.success());
    let forged = forge(&early_kit, None, None, Some(UnixMillis(4_000_000_000_000)))?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("early"), &forged)?;
    assert!(!enrolled && why.contains("kit_expired"), "{why}");
    Ok(())
}

#[test]
fn an_altered_kit_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("St Elsewhere")?;
    let altered = folder.path().join("altered.kit");
    fs::write(&altered, fs::read_to_string(&kit)?.replace("St Elsewhere\"", "St Everywhere\""))?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("a"), &altered)?;
    assert!(!enrolled && why.contains("altered or damaged"), "{why}");
    let (enrolled, why) = try_to_enrol(&folder.path().join("b"), &forge(&kit, None, Some([3; 32]), None)?)?;
    assert!(!enrolled && why.contains("unknown_kit"), "{why}");
    fs::write(&altered, "not a kit at all")?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("c"), &altered)?;
    assert!(!enrolled && why.contains("not a FLIP Edge kit"), "{why}");
    let (enrolled, why) = try_to_enrol(&folder.path().join("d"), &folder.path().join("nowhere.kit"))?;
    assert!(!enrolled && why.contains("cannot be read"), "{why}");
    // The real one still works: none of that burnt it.
    Appliance::new(&folder.path().join("e"))?.enrol(&kit)?;
    Ok(())
}

#[test]
fn an_enrolment_that_is_refused_is_in_the_audit_log_with_why_and_without_a_secret() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let kit = hub.add_trust("St Elsewhere")?;
    let text = fs::read_to_string(&kit)?;
    let secret = Kit::from_text(&text, UnixMillis(0))?.secret;
    let trust = Appliance::new(&folder.path().join("trust"))?;
    let bad = folder.path().join("bad.kit");
    let refuse = |kit: &Path, why: &str| -> Result<()> {
        let (enrolled, said) = try_to_enrol(&trust.data, kit)?;
        assert!(!enrolled && said.contains(why), "{said}");
        Ok(())
    };
    fs::write(&bad, text.replace("expires", &format!("{secret:?}")))?;
    refuse(&bad, "not a FLIP Edge kit")?;
    refuse(&forge(&kit, None, Some([3; 32]), None)?, "unknown_kit")?;
    trust.enrol(&kit)?;
    refuse(&kit, "enrolled already")?;
    let refused = trust.noted("enrolment_refused")?;
    let acts: Vec<&str> = refused.lines().rev().collect();
    for (act, words) in acts.iter().zip([
        [r#""why":"it is not a FLIP Edge kit""#, "bad.kit"],
        ["unknown_kit", r#""trust_name":"St Elsewhere""#],
        ["enrolled already, as St Elsewhere", r#""by":"command line""#],
    ]) {
        assert!(words.iter().all(|words| act.contains(words)), "{words:?}: {act}");
    }
    assert_eq!(acts.len(), 3, "{refused}");
    assert!(!fs::read_to_string(trust.data.join("audit.log"))?.contains(&secret));
    Ok(())
}

#[test]
fn a_kit_for_another_hub_is_refused_before_its_secret_is_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let other = Hub::start(&folder.path().join("other"), HubOptions::default())?;
    let kit = hub.add_trust("St Elsewhere")?;
    let forged = forge(&kit, Some(&other.sites.to_string()), None, None)?;
    let (enrolled, why) = try_to_enrol(&folder.path().join("a"), &forged)?;
    assert!(!enrolled && why.contains("not the hub that the kit was made for"), "{why}");
    assert!(
        !other.log().contains("enrolment was refused"),
        "the request reached the other hub:\n{}",
        other.log()
    );
    Ok(())
}

#[test]
fn private_keys_are_their_owners_alone_and_never_leave() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let trust = Appliance::new(&folder.path().join("trust"))?;
    trust.enrol(&hub.add_trust("St Elsewhere")?)?;
    for (owner, keys) in [
        (trust.data.join("identity"), ["tls.key", "signing.key", "opening.key"]),
        (hub.data.join("keys"), ["ca.key", "signing.key", "opening.key"]),
    ] {
        for name in keys {
            let path = owner.join(name);
            assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600, "{}", path.display());
            let key = fs::read(&path)?;
            let elsewhere = if owner.starts_with(&hub.data) { &trust.data } else { &hub.data };
            for file in files(elsewhere)? {
                let holds = fs::read(&file)?.windows(key.len()).any(|window| window == key);
                assert!(!holds, "{} holds {}", file.display(), path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_in_either_folder_is_for_other_users_of_the_machine() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    stage.trust.kill()?;
    let private = ["hub.sqlite", "hub.sqlite-wal", "journal.redb", "cdm.duckdb", "facts.json", "tls.pem"];
    let mut seen = 0;
    for file in files(stage.folder())? {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if private.contains(&name.as_str()) {
            seen += 1;
            assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o077, 0, "{}", file.display());
        }
    }
    assert_eq!(seen, private.len(), "a file has another name now");
    Ok(())
}

#[test]
fn a_certificate_is_renewed_before_it_ends() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.hub.kill()?;
    let before = fs::read(stage.trust.data.join("identity/tls.pem"))?;
    // Two thirds of ninety days later.
    stage.hub.put_before(&faketime("+61d"));
    stage.trust.put_before(&faketime("+61d"));
    stage.hub.resume()?;
    stage.trust.resume()?;
    stage.trust.program()?.says("the certificate was renewed")?;
    assert_ne!(fs::read(stage.trust.data.join("identity/tls.pem"))?, before);
    // The old one has ended by now; only the new one is good.
    stage.trust.kill()?;
    stage.hub.kill()?;
    stage.hub.put_before(&faketime("+100d"));
    stage.trust.put_before(&faketime("+100d"));
    stage.hub.resume()?;
    stage.trust.resume()?;
    stage.trust.program()?.says("connected to the hub")
}

#[test]
fn an_enrolment_whose_answer_was_lost_is_completed_with_the_same_kit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (hub, wire) = wired_hub(folder.path())?;
    let kit = hub.add_trust("St Elsewhere")?;
    let data = folder.path().join("trust");
    let mut lost = 0;
    for bytes in (0..6_000).step_by(400) {
        wire.mend();
        wire.cut_answers_after(bytes);
        if try_to_enrol(&data, &kit)?.0 {
            break;
        }
        lost += 1;
    }
    assert!(lost >= 3, "the wire never broke");
    wire.mend();
    if !data.join("identity").exists() {
        let (enrolled, why) = try_to_enrol(&data, &kit)?;
        assert!(enrolled, "{why}");
    }
    assert!(
        hub.log().matches("a Trust enrolled").count() >= 2,
        "no answer was lost after the hub had enrolled"
    );
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
