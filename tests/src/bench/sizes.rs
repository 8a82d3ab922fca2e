//! How large the programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Places;
use super::samples::Samples;
use super::table::{Beside, Report, Row};
use crate::world::command;

const BYTES_PER_MB: f64 = 1_000_000.0;

/// Adds the sizes of both programs, as built and stripped, and of the library that the appliance loads.
pub fn measure(report: &mut Report, places: &Places) -> Result<()> {
    for program in ["flip-hub", "flip-appliance"] {
        let path = PathBuf::from(command(program)?.get_program());
        report.add(size(format!("{program}, the file as built"), &path)?);
        let stripped = places.scratch.join(program);
        let strip = Command::new("strip").arg("-o").arg(&stripped).arg(&path).status();
        if strip.is_ok_and(|status| status.success()) {
            report.add(size(format!("{program}, stripped"), &stripped)?);
            fs::remove_file(&stripped)?;
        } else {
            eprintln!("flip-bench: no stripped sizes; strip is missing (Debian package binutils)");
        }
    }
    let library = env::var_os("DUCKDB_LIB_DIR").map(|folder| PathBuf::from(folder).join("libduckdb.so"));
    match library {
        Some(library) if library.is_file() => report.add(size("libduckdb.so".to_owned(), &library)?),
        _ => eprintln!("flip-bench: no size of libduckdb.so; DUCKDB_LIB_DIR does not name its folder"),
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
fn size(name: String, path: &Path) -> Result<Row> {
    let bytes = fs::metadata(path).with_context(|| format!("{} is missing", path.display()))?.len() as f64;
    Ok(Row::new(name, "MB", Beside::Range, Samples::new(vec![bytes / BYTES_PER_MB])))
}
