//! A project's models, as researchers, viewers and strangers meet them.

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::DIABETES;
use flip_tests::world::{Api, Browser, PASSWORD, Window};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::Stage;

/// A project with an owner, a researcher and a viewer as its members, and a researcher who has nothing to do with it.
pub struct Study {
    pub stage: Stage,
    pub owner: Api,
    pub researcher: Api,
    pub viewer: Api,
    pub stranger: Api,
    pub project: String,
}

impl Study {
    /// Before any Trust has approved it.
    pub fn begin() -> Result<Self> {
        Self::begin_on(Stage::set()?)
    }

    fn begin_on(stage: Stage) -> Result<Self> {
        let owner = stage.hub.add_person("ona", "researcher")?;
        let researcher = stage.hub.add_person("mia", "researcher")?;
        let viewer = stage.hub.add_person("mo", "viewer")?;
        let stranger = stage.hub.add_person("rita", "researcher")?;
        let made = owner.post("/api/v1/projects", &json!({ "name": "Lungs", "description": "CT" }))?;
        let project = made.json()["id"].as_str().context("no project")?.to_owned();
        let edit = json!({ "edition": 1, "name": "Lungs", "description": "CT", "members": ["mia", "mo"] });
        let edited = owner.send(
            "PUT",
            &format!("/api/v1/projects/{project}"),
            "application/json",
            &edit.to_string(),
        )?;
        ensure!(edited.status == 200, "no members: {}", edited.text);
        Ok(Self { stage, owner, researcher, viewer, stranger, project })
    }

    /// Approved by its Trust.
    pub fn approved() -> Result<Self> {
        Self::approved_on(Stage::set()?)
    }

    /// The same on this stage.
    pub fn approved_on(stage: Stage) -> Result<Self> {
        let study = Self::begin_on(stage)?;
        let query = study.owner.ask_in("Cohort", DIABETES, &study.project)?;
        study.owner.complete(&query)?;
        ensure!(study.stage.api.approve(&query)?, "it was staged before");
        Ok(study)
    }

    /// Where models are made.
    pub fn models(&self) -> String {
        format!("/api/v1/projects/{}/models", self.project)
    }

    /// Makes a model; gives its path.
    pub fn model(&self, name: &str) -> Result<String> {
        let made = self.researcher.post(&self.models(), &said(name))?;
        ensure!(made.status == 201, "no model: {}", made.text);
        Ok(made.location)
    }
}

fn said(name: &str) -> Value {
    json!({ "name": name, "description": "U-Net", "job_type": "flower-standard" })
}

#[test]
fn models_are_made_in_approved_projects_and_changed_by_its_researchers_alone() -> Result<()> {
    let study = Study::begin()?;
    let early = study.researcher.post(&study.models(), &said("Nodules"))?;
    assert_eq!(
        (early.status, &early.json()["code"]),
        (409, &json!("project_not_approved")),
        "{}",
        early.text
    );
    let query = study.owner.ask_in("Cohort", DIABETES, &study.project)?;
    study.owner.complete(&query)?;
    ensure!(study.stage.api.approve(&query)?, "it was staged before");

    let path = study.model("Nodules")?;
    let seen = study.viewer.get(&path)?.json();
    assert_eq!(seen["name"], "Nodules");
    assert_eq!((&seen["made_by"], &seen["edition"]), (&json!("mia"), &json!(1)));
    for (person, status) in [(&study.viewer, 403), (&study.stranger, 404)] {
        assert_eq!(person.post(&study.models(), &said("Another"))?.status, status);
        assert_eq!(person.send("DELETE", &path, "", "")?.status, status);
    }
    assert_eq!(study.stranger.get(&path)?.status, 404);
    assert_eq!(study.stranger.get("/api/v1/models")?.json()["found"], 0);

    let put = |person: &Api, edition: u64, name: &str, job: &str| {
        let body = json!({ "edition": edition, "name": name, "description": "", "job_type": job });
        person.send("PUT", &path, "application/json", &body.to_string())
    };
    let edited = put(&study.owner, 1, "Nodules 2", "nvflare-evaluation")?;
    assert_eq!((edited.status, &edited.json()["edition"]), (200, &json!(2)), "{}", edited.text);
    let stale = put(&study.researcher, 1, "Nodules 3", "flower-standard")?;
    assert_eq!((stale.status, &stale.json()["code"]), (409, &json!("stale_edition")));
    assert!(stale.text.contains("Nodules 2"), "{}", stale.text);
    let unknown = put(&study.owner, 2, "Nodules", "standard")?;
    assert_eq!((unknown.status, &unknown.json()["code"]), (422, &json!("bad_job_type")));
    assert!(unknown.text.contains("nvflare-fed_opt"), "{}", unknown.text);
    assert_eq!(put(&study.owner, 2, " ", "flower-standard")?.json()["code"], "bad_name");

    let second = study.model("Hearts")?;
    let names = |path: &str| -> Result<Vec<Value>> {
        let models = study.viewer.get(path)?.json()["models"].clone();
        Ok(models.as_array().context("no list")?.iter().map(|model| model["name"].clone()).collect())
    };
    assert_eq!(names(&study.models())?, ["Hearts", "Nodules 2"]);
    assert_eq!(names("/api/v1/models?search=nodules")?, ["Nodules 2"]);
    assert_eq!(names("/api/v1/models?sort=name")?, ["Hearts", "Nodules 2"]);
    assert_eq!(names("/api/v1/models?sort=-name&search=lungs")?, ["Nodules 2", "Hearts"]);
    assert_eq!(names("/api/v1/models?search=Lungs")?.len(), 2, "by its project's name");
    assert_eq!(names("/api/v1/models?search=%25")?.len(), 0, "a wildcard is a character like any other");

    assert_eq!(study.owner.send("DELETE", &second, "", "")?.status, 204);
    assert_eq!(study.owner.get(&second)?.status, 404);
    assert_eq!(study.owner.send("DELETE", &second, "", "")?.status, 404);
    assert_eq!(names(&study.models())?, ["Nodules 2"]);

    let gone = study.owner.send("DELETE", &format!("/api/v1/projects/{}", study.project), "", "")?;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(study.viewer.get(&path)?.status, 404);
    assert_eq!(study.stage.api.get(&path)?.status, 200, "admins see what was deleted");
    let late = study.stage.api.send("DELETE", &path, "", "")?;
    assert_eq!(late.status, 409, "{}", late.text);
    Ok(())
}

#[test]
fn a_researcher_makes_a_model_on_the_projects_page() -> Result<()> {
    let study = Study::approved()?;
    let base = study.owner.base().to_owned();
    let browser = Browser::open(Window { width: 1_280, height: 1_200, dark: false, scripts: false })?;
    browser.go(&format!("{base}/projects/{}", study.project))?;
    browser.sign_in("mia", PASSWORD)?;
    browser.shows("No model was made in this project yet")?;
    browser.click("a.button[href$='/models/new']")?;
    browser.shows("New model")?;
    browser.fill("input[name=name]", "\u{202e}seludoN")?;
    browser.click("main button[type=submit]")?;
    browser.shows("turn the direction")?;
    browser.picture(&picture("model-new-refused")?)?;
    browser.fill("input[name=name]", "Nodules")?;
    browser.click("main button[type=submit]")?;
    browser.shows("Flower: train a model")?;
    browser.picture(&picture("model")?)?;
    browser.go(&format!("{base}/models"))?;
    browser.shows("1 model")?;
    browser.picture(&picture("models")?)?;
    browser.go(&format!("{base}/projects/{}", study.project))?;
    browser.shows("by mia")?;
    let complaints = browser.complaints()?;
    let real: Vec<&String> = complaints.iter().filter(|line| !line.contains("422")).collect();
    assert!(real.is_empty(), "the browser complains: {real:?}");
    Ok(())
}
