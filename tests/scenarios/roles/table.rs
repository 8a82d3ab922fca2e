//! Every route answers everybody as the table of permissions says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{HubOptions, MailServer, PASSWORD, Reply, Secured};
use serde_json::{Value, json};

use super::cast::{COLUMNS, Cast, project};

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
        ("POST", "/projects/{project}/delete") => "name=Lungs".to_owned(),
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
