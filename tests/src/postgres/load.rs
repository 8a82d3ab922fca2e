//! The CDM's tables in PostgreSQL, filled from the CSV files of an extract.
//!
//! What must stay true: types are those of OHDSI's own script for PostgreSQL, but for keys, which are 64 bits wide
//! because sites' keys outgrow the script's 32. The files go to PostgreSQL as they are.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::read::MultiGzDecoder;
use flip_gate::cdm::{self, Column, Kind, TABLES, Table};
use postgres::Client;

/// Makes the CDM's tables in schema `omop`.
pub(super) fn make_tables(client: &mut Client) -> Result<()> {
    let mut sql = "CREATE SCHEMA omop;\n".to_owned();
    for table in TABLES {
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("\"{}\" {}", column.name, sql_type(column))).collect();
        let key = table.primary_key.map(|key| format!(", PRIMARY KEY (\"{key}\")")).unwrap_or_default();
        writeln!(sql, "CREATE TABLE omop.\"{}\" ({}{key});", table.name, columns.join(", "))?;
    }
    Ok(client.batch_execute(&sql)?)
}

/// Makes the tables and copies `TABLE.csv` and `TABLE.csv.gz` into them, whatever the case of the names.
pub(super) fn load(client: &mut Client, extract: &Path) -> Result<()> {
    make_tables(client)?;
    for entry in fs::read_dir(extract)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let Some((stem, ending)) = name.split_once('.') else { continue };
        let Some(table) = cdm::table(stem) else { continue };
        let mut file = File::open(&path)?;
        let copied = match ending {
            "csv" => {
                let names = header(&file)?;
                file.rewind()?;
                copy(client, table, &names, &mut file)
            }
            "csv.gz" => {
                let names = header(MultiGzDecoder::new(&file))?;
                file.rewind()?;
                copy(client, table, &names, &mut MultiGzDecoder::new(file))
            }
            _ => continue,
        };
        copied.with_context(|| format!("{} cannot be loaded", path.display()))?;
    }
    Ok(client.batch_execute("ANALYZE")?)
}

fn header(file: impl Read) -> Result<Vec<String>> {
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line)?;
    Ok(line.trim_end().split(',').map(|name| name.trim_matches('"').to_ascii_lowercase()).collect())
}

fn copy(client: &mut Client, table: &Table, names: &[String], file: &mut impl Read) -> Result<()> {
    for name in names {
        ensure!(table.column(name).is_some(), "{} has no column {name}", table.name);
    }
    let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let mut writer = client.copy_in(&format!(
        "COPY omop.\"{}\" ({}) FROM STDIN WITH (FORMAT csv, HEADER)",
        table.name,
        columns.join(", ")
    ))?;
    io::copy(file, &mut writer)?;
    writer.finish()?;
    Ok(())
}

fn sql_type(column: &Column) -> String {
    let key = column.name.ends_with("_id") && column.refers_to != Some("concept");
    match column.kind {
        Kind::Integer if key => "bigint".to_owned(),
        Kind::Integer => "integer".to_owned(),
        Kind::Float => "numeric".to_owned(),
        Kind::Text(Some(length)) => format!("varchar({length})"),
        Kind::Text(None) => "text".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::DateTime => "timestamp".to_owned(),
    }
}
