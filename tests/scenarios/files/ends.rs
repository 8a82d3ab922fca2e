//! Links that end with their time, and uploads that nobody goes on with.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use flip_tests::world::until;
use serde_json::json;

use super::{bring, link, open};
use crate::models::Study;

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
