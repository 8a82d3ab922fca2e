//! `flip-appliance ingest` and `flip-appliance data`: extracts in, generations looked at, used and dropped.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use flip_protocol::UnixMillis;
use flip_storage::audit::Audit;
use flip_storage::error_chain;
use flip_web::thousands;
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Config;
use crate::data::progress::{Bar, Silent};
use crate::data::quality::{print_quality, print_summary};
use crate::data::{
    self, Generation, Generations, GenerationsError, IngestError, Pin, Settings, Turn, Verdict, facts,
};
use crate::place::Place;
use crate::unfinished;

use super::write_down;

/// Looks at data generations, goes back to one, or removes one.
#[derive(Subcommand)]
pub(super) enum DataCommand {
    /// List the generations on this disk: which is in use, of which day, how large, who needs it
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a generation holds and what its data are worth
    Show {
        /// Such as g-000003; without it, the one in use
        generation: Option<String>,
        /// Read its whole file and compare it with what was ingested
        #[arg(long)]
        verify: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a generation in use, after reading its whole file and comparing it with what was ingested
    ///
    /// A running appliance answers from it from the next question on.
    Use {
        /// Such as g-000003
        generation: String,
    },
    /// Remove a generation from the disk; not the one in use, and none that a frozen cohort needs
    Drop {
        /// Such as g-000002
        generation: String,
        /// Do not ask whether you are sure
        #[arg(long)]
        yes: bool,
    },
}

/// Carries out `flip-appliance data`.
pub(super) fn data(folder: &Path, command: &DataCommand) -> anyhow::Result<()> {
    let place = Place::new(folder);
    let generations = Generations::open(&place.generations())?;
    match command {
        DataCommand::List { json } => list(&generations, *json),
        DataCommand::Show { generation, verify, json } => {
            let name = match generation {
                Some(name) => name.clone(),
                None => generations
                    .current_name()?
                    .context("no data yet; ingest an extract: flip-appliance ingest DIR")?,
            };
            let verdict = verify.then(|| verified(&generations, &place, &name)).transpose()?;
            show(&generations, &name, verdict, *json)
        }
        DataCommand::Use { generation } => use_again(&generations, &place, generation),
        DataCommand::Drop { generation, yes } => {
            super::sure(*yes, &format!("The records of {generation} are deleted from this disk."))?;
            generations.drop_one(generation)?;
            let (facts, done) =
                (json!({ "generation": generation, "why": "asked" }), format!("{generation} is gone"));
            write_down(&place, "data_dropped", facts, &done)?;
            say!("{done}.");
            Ok(())
        }
    }
}

fn list(generations: &Generations, as_json: bool) -> anyhow::Result<()> {
    // Where it cannot be told which is in use, they are listed all the same: one of them may be put in use.
    let in_use = generations.current_name();
    let is_in_use = |name: &str| in_use.as_ref().ok().map(|in_use| in_use.as_deref() == Some(name));
    let pins = generations.pins()?;
    let pinned =
        |name: &str| -> Vec<String> { pins.iter().filter(|pin| pin.keeps(name)).map(Pin::said).collect() };
    let names = generations.names()?;
    if as_json {
        let all: Vec<Value> = names
            .iter()
            .map(|name| {
                let state = generations.named(name);
                let known = generations.described(name).ok();
                json!({
                    "generation": name,
                    "in_use": is_in_use(name),
                    "extract_date": known.as_ref().map(|known| &known.manifest.extract_date),
                    "ingested_at_ms": known.as_ref().map(|known| known.manifest.ingested_at_ms),
                    "persons": known.as_ref().and_then(|known| known.manifest.rows("person")),
                    "bytes": known.as_ref().map(bytes),
                    "pins": pinned(name),
                    "wrong": state.err().map(|error| error.to_string()),
                })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(in_use.map(drop)?);
    }
    if names.is_empty() {
        say!("No data yet; ingest an extract: flip-appliance ingest DIR");
        return Ok(in_use.map(drop)?);
    }
    say!("  generation  extract of  ingested             persons         size");
    for name in &names {
        let mark = if is_in_use(name) == Some(true) { "*" } else { " " };
        match generations.described(name) {
            Ok(known) => say!(
                "{mark} {name:10}  {:10}  {}  {:>11}  {:>8} MB",
                known.manifest.extract_date,
                &clock::readable(UnixMillis(known.manifest.ingested_at_ms))[..16],
                thousands(known.manifest.rows("person").unwrap_or_default()),
                bytes(&known) / 1_000_000,
            ),
            Err(error) => say!("{mark} {name:10}  {error}"),
        }
        if let Err(error @ GenerationsError::Damaged { .. }) = generations.named(name) {
            say!("    {error}");
        }
        let pins = pinned(name);
        if !pins.is_empty() {
            say!("    needed by {}", pins.join(", "));
        }
    }
    say!("* in use. More of one: flip-appliance data show GENERATION");
    Ok(in_use.map(drop)?)
}

fn show(
    generations: &Generations,
    name: &str,
    verdict: Option<Verdict>,
    as_json: bool,
) -> anyhow::Result<()> {
    let generation = generations.described(name)?;
    let quality = generations.quality(name);
    let wrong = generations.named(name).err();
    if as_json {
        let verified = verdict.map(|verdict| match verdict {
            Verdict::Sound => json!({ "sound": true }),
            Verdict::Damaged(how) => json!({ "sound": false, "why": how.to_string() }),
            Verdict::NoHash => json!({ "sound": null, "why": "made by a version that kept no hash" }),
        });
        let shown = json!({
            "generation": name,
            "manifest": generation.manifest,
            "quality": quality.as_ref().ok(),
            "quality_wrong": quality.as_ref().err().map(|error| error_chain(error)),
            "verified": verified,
            "wrong": wrong.as_ref().map(ToString::to_string),
        });
        say!("{}", serde_json::to_string_pretty(&shown)?);
    } else {
        let (in_use, untold) = match generations.current_name() {
            Ok(in_use) if in_use.as_deref() == Some(name) => (", in use", None),
            Ok(_) => ("", None),
            Err(error) => ("", Some(error)),
        };
        let ingested = clock::readable(UnixMillis(generation.manifest.ingested_at_ms));
        say!("generation {name}{in_use}; ingested {ingested} UTC\n");
        for error in untold.iter().chain(wrong.as_ref().filter(|_| verdict.is_none())) {
            say!("{}\n", error_chain(error));
        }
        say!("{}", data::print_tables(&generation.manifest));
        match &quality {
            Ok(Some(quality)) => say!("{}", print_quality(quality)),
            Ok(None) => say!("No report on its quality: it was made by a version that wrote none.\n"),
            Err(error) => say!("{}\n", error_chain(error)),
        }
        say!("{}", data::print_notes(&generation.manifest).trim_end());
        match verdict {
            Some(Verdict::Sound) => say!("\nverified: the file is what was ingested, to the byte"),
            Some(Verdict::NoHash) => say!("\nnot verified: it was made by a version that kept no hash"),
            Some(Verdict::Damaged(_)) | None => {}
        }
    }
    // A damaged generation is an error of the command, and says what to do.
    wrong.filter(|_| verdict.is_some()).map_or(Ok(()), |error| Err(error.into()))
}

fn use_again(generations: &Generations, place: &Place, name: &str) -> anyhow::Result<()> {
    // Where it cannot be told, that is what this mends.
    let before = generations.current_name();
    let used = || -> anyhow::Result<Generation> {
        if verified(generations, place, name)? == Verdict::NoHash {
            eprintln!("{name} was made by a version that kept no hash; it is used unverified");
        }
        Ok(generations.use_again(name)?)
    };
    let generation =
        used().with_context(|| format!("nothing was put in use; {}", generations.left_in_use()))?;
    write_down(place, "data_used", facts::used(name, &before), &format!("{name} is in use"))?;
    say!("{name} is in use; its data are of {}.", generation.manifest.extract_date);
    match generations.quality(name) {
        Ok(Some(quality)) => say!("{}", print_summary(&quality).trim_end()),
        Ok(None) => {}
        Err(error) => say!("{}", error_chain(&error)),
    }
    Ok(())
}

/// Reads a generation's whole file, telling how far it is, and writes the finding down.
fn verified(generations: &Generations, place: &Place, name: &str) -> anyhow::Result<Verdict> {
    let described = generations.described(name)?;
    let population = described.manifest.population.as_ref();
    let total = bytes(&described) + population.map_or(0, |mark| mark.bytes);
    let mut bar = data::progress::bytes(&format!("reading {name}"), total);
    let verdict = generations.verify(name, &mut |done| bar(done))?;
    drop(bar);
    let (sound, found) = match &verdict {
        Verdict::Sound => (Some(true), "is what was ingested, to the byte"),
        Verdict::Damaged(_) => (Some(false), "is damaged"),
        Verdict::NoHash => (None, "has no hash to be compared with"),
    };
    let facts = json!({ "generation": name, "sound": sound });
    write_down(place, "data_verified", facts, &format!("{name} was read and {found}"))?;
    Ok(verdict)
}

fn bytes(generation: &Generation) -> u64 {
    std::fs::metadata(&generation.database).map_or(0, |metadata| metadata.len())
}

/// What `flip-appliance ingest` is told.
#[derive(clap::Args)]
pub(super) struct Ingest {
    /// The folder of the extract: person.csv, visit_occurrence.csv, … (or .tsv, .csv.gz, .parquet; large tables in
    /// parts, person_0001.parquet, or in a folder of their own)
    dir: PathBuf,
    /// The delivery that it is; given by the watched folder
    #[arg(long, hide = true)]
    delivery: Option<String>,
}

impl Ingest {
    /// True in a child of the watched folder.
    pub fn is_delivery(&self) -> bool {
        self.delivery.is_some()
    }
}

/// Carries out `flip-appliance ingest`. As a child of the watched folder it speaks on standard output alone, and
/// leaves the audit to its parent.
pub(super) fn ingest(folder: &Path, told: &Ingest) -> anyhow::Result<()> {
    let Ingest { dir, delivery } = told;
    if delivery.is_some() {
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    // A configuration that `run` would refuse is better known now.
    let config = Config::load(folder)?;
    let place = Place::new(folder);
    let generations = Generations::open(&place.generations())?;
    let log = place.audit();
    let dir = std::path::absolute(dir)?;
    anyhow::ensure!(
        dir.is_dir(),
        "{} is not a folder; give the folder that the extract's files lie in",
        dir.display()
    );
    let source = dir.display().to_string();
    let turn = generations.turn().map_err(IngestError::from)?;
    let nothing = || format!("nothing was ingested; {}", generations.left_in_use());
    let begun = match delivery {
        Some(_) => None,
        None => Some(begin(&place, &generations, &turn, &source).with_context(nothing)?),
    };
    let writes = delivery.is_none().then_some(log.as_path());
    let confined = data::confine(&dir, &place.generations(), writes, config.ingest_memory_mb)?;
    tracing::debug!(?confined, "an ingest begins");

    let settings = Settings {
        memory_mb: config.ingest_memory_mb,
        keep: config.generations_kept,
        delivery: delivery.clone(),
        begun,
    };
    let now_ms = clock::now().0;
    if delivery.is_some() {
        let report = data::ingest_in_turn(turn, &dir, &generations, &settings, now_ms, &mut Silent)?;
        say!("{}", data::print_report(&report).trim_end());
        return Ok(());
    }
    let outcome = data::ingest_in_turn(turn, &dir, &generations, &settings, now_ms, &mut Bar::new());
    match outcome {
        Ok(report) => {
            let done = format!("generation {} is in use", report.generation.name);
            let facts = facts::ingested(&report.generation, &source, begun);
            write_down(&place, "data_ingested", facts, &done)?;
            for removed in &report.removed {
                let facts = json!({ "generation": removed, "why": "keep" });
                write_down(&place, "data_dropped", facts, &format!("{done} and {removed} was removed"))?;
            }
            say!("{}", data::print_report(&report).trim_end());
            Ok(())
        }
        Err(error) => {
            let facts = facts::refused(&source, &error.to_string(), begun);
            if let Err(unwritten) = write_down(&place, "data_refused", facts, "nothing was ingested") {
                tracing::error!(error = format!("{unwritten:#}"), "the audit log failed");
            }
            Err(error).with_context(nothing)
        }
    }
}

/// Writes down that an ingest begins, and the ends of those before it that were killed; gives the number of its act.
/// Also makes the log, which this process could not do once it is confined.
fn begin(place: &Place, generations: &Generations, turn: &Turn, source: &str) -> anyhow::Result<u64> {
    let (log, now) = (Audit::new(&place.audit()), clock::now());
    unfinished::end_ingests(&log, generations, turn, now)?;
    let begun = log.append(now.0, "data_begun", json!({ "from": source }));
    Ok(begun.context("the audit log could not be written")?.number)
}
