//! `flip-appliance pull`: an OMOP PostgreSQL read into an extract, and that ingested.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use flip_storage::audit::Audit;
use flip_web::plural;
use serde_json::{Value, json};

use crate::clock;
use crate::config::{self, Config};
use crate::data::Generations;
use crate::place::Place;
use crate::pull::{self, Bar, PullError, Settings, Source, Spool, Turn};
use crate::unfinished;

use super::write_down;

/// What to pull.
#[derive(Args)]
pub(super) struct Pull {
    /// Only try the connection and the rights, and say what would be read
    #[arg(long)]
    check: bool,
    /// Read everything anew, even where an earlier pull was interrupted
    #[arg(long)]
    fresh: bool,
}

/// Carries out `flip-appliance pull`.
pub(super) fn pull(folder: &Path, told: &Pull) -> anyhow::Result<()> {
    let settings = Config::load(folder)?
        .pull
        .ok_or_else(|| PullError::NotConfigured { file: folder.join(config::FILE) })?;
    if told.check {
        let source = pull::check(&settings)?;
        say_source(&settings, &source);
        return Ok(());
    }
    let place = Place::new(folder);
    let turn = Turn::take(&place.pull())?;
    let begun = begin(&place, &settings)?;
    let outcome = pull_and_ingest(folder, &place, &settings, told.fresh, (turn, begun));
    if let Err(error) = &outcome {
        let mut facts = facts(&settings, Some(begun));
        facts["why"] = json!(error.to_string().lines().next().unwrap_or_default());
        if let Err(unwritten) = write_down(&place, "pull_failed", facts, "the pull failed") {
            tracing::error!(error = format!("{unwritten:#}"), "the audit log failed");
        }
    }
    outcome
}

/// Writes down that a pull begins, and the ends of those before it that were killed; gives the number of its act.
fn begin(place: &Place, settings: &Settings) -> anyhow::Result<u64> {
    let (log, now) = (Audit::new(&place.audit()), clock::now());
    let begun = || {
        unfinished::end_pulls(&log, now)?;
        log.append(now.0, "pull_begun", facts(settings, None))
    };
    Ok(begun().context("the audit log could not be written")?.number)
}

fn pull_and_ingest(
    folder: &Path,
    place: &Place,
    settings: &Settings,
    fresh: bool,
    (turn, begun): (Turn, u64),
) -> anyhow::Result<()> {
    let (spool, source) = pull::read(turn, settings, &place.pull(), fresh, &mut Bar::default())?;
    if let Some(warning) = source.warning(settings) {
        eprintln!("{warning}");
    }
    let moments = spool.moments();
    if moments.len() > 1 {
        let moments: Vec<String> = moments.iter().map(|moment| clock::readable(*moment)).collect();
        eprintln!(
            "The pull was interrupted, so its tables are of {} snapshots ({} UTC). Tables of the earlier ones had the \
             same number of rows in the last. For one snapshot: flip-appliance pull --fresh",
            moments.len(),
            moments.join(", ")
        );
    }
    let rows: u64 = spool.tables().iter().map(|read| read.rows).sum();
    let tables = plural(spool.tables().len() as u64, "table", None);
    say!("Read from {}: {tables} with {}.", settings.place(), plural(rows, "row", None));

    ingest(folder, &spool)?;
    let generation = must_be_whole(place, &spool)?;
    let mut facts = facts(settings, Some(begun));
    facts["generation"] = json!(generation);
    facts["tables"] = json!(spool.tables().len());
    facts["rows"] = json!(rows);
    facts["snapshots"] = json!(moments.len());
    write_down(place, "data_pulled", facts, &format!("generation {generation} is in use"))?;
    Ok(spool.remove()?)
}

/// The ordinary ingest, in a process of its own, which confines itself to the extract.
fn ingest(folder: &Path, spool: &Spool) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let status = Command::new(program)
        .arg("--data")
        .arg(folder)
        .arg("ingest")
        .arg(spool.extract())
        .env_remove(pull::PASSWORD_VARIABLE)
        .status()
        .context("the ingest cannot be started")?;
    ensure!(
        status.success(),
        "what was read was not ingested (see above). It stays in {}; once the cause is mended the same command goes \
         on. A table that was mended and has as many rows as before is read anew with --fresh alone",
        spool.extract().display()
    );
    Ok(())
}

/// The generation in use has every row that was read.
fn must_be_whole(place: &Place, spool: &Spool) -> anyhow::Result<String> {
    let generations = Generations::open(&place.generations())?;
    let generation = generations.current()?.context("the ingest left no data in use")?;
    for read in spool.tables() {
        let found = generation.manifest.rows(&read.table);
        ensure!(
            found == Some(read.rows),
            "{}: the database gave {}, and {} has {}; do not use it, and report this",
            read.table,
            plural(read.rows, "row", None),
            generation.name,
            found.unwrap_or_default()
        );
    }
    Ok(generation.name)
}

fn say_source(settings: &Settings, source: &Source) {
    say!("{} reads schema {} of {}:", settings.user, settings.schema, settings.place());
    for found in &source.tables {
        let about = |rows| format!("about {}", plural(rows, "row", None));
        let rows = found.rows_estimated.map_or("rows unknown".to_owned(), about);
        say!("  {:24} {rows}, {}", found.table.name, plural(found.columns.len() as u64, "column", None));
    }
    if !source.missing.is_empty() {
        say!("Not there, and left empty: {}", source.missing.join(", "));
    }
    if let Some(warning) = source.warning(settings) {
        say!("{warning}");
    }
}

/// What is written down of a pull; `begun` is the act that began it.
fn facts(settings: &Settings, begun: Option<u64>) -> Value {
    let mut facts = json!({
        "host": settings.host,
        "port": settings.port,
        "database": settings.database,
        "schema": settings.schema,
        "user": settings.user,
    });
    if let Some(number) = begun {
        facts["begun"] = json!(number);
    }
    facts
}
