//! What the database has of the CDM, and what this role may do with it.
//!
//! What must stay true: only tables and columns of the CDM are ever named in a SELECT; names come from the catalogue
//! and are quoted.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use flip_gate::cdm::{TABLES, Table};
use postgres::Transaction;

use super::error::PullError;
use super::settings::Settings;
use crate::data;

/// What a database has of the CDM.
#[derive(Debug)]
pub struct Source {
    /// Its tables, in the CDM's order.
    pub tables: Vec<Found>,
    /// The CDM's tables that it has not.
    pub missing: Vec<&'static str>,
    /// Tables that the role may write; it should not.
    pub writable: Vec<String>,
}

/// One table.
#[derive(Debug)]
pub struct Found {
    /// Which of the CDM's it is.
    pub table: &'static Table,
    /// Its name there, in its own case.
    pub name: String,
    /// Its columns that are the CDM's, in their own case.
    pub columns: Vec<String>,
    /// Whether the role may read it.
    pub readable: bool,
    /// How many rows the server thinks it has; none where it never looked.
    pub rows_estimated: Option<u64>,
}

const CATALOGUE: &str = "
    SELECT c.relname::text, a.attname::text, has_table_privilege(c.oid, 'SELECT'),
           has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'), c.reltuples::float8
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY lower(c.relname), c.relname COLLATE \"C\" DESC, a.attnum";

/// Looks at the catalogue.
pub(super) fn inspect(snapshot: &mut Transaction<'_>, settings: &Settings) -> Result<Source, PullError> {
    let failed = |error: postgres::Error| PullError::of(&error, settings, None);
    must_have_schema(snapshot, settings)?;
    let mut tables: Vec<Found> = Vec::new();
    let mut writable = BTreeSet::new();
    for row in snapshot.query(CATALOGUE, &[&settings.schema]).map_err(failed)? {
        let (name, column): (String, String) = (row.get(0), row.get(1));
        let Some(table) = flip_gate::cdm::table(&name.to_lowercase()) else { continue };
        if row.get(3) {
            writable.insert(name.clone());
        }
        let known = tables.iter().position(|found| found.table.name == table.name);
        let at = known.unwrap_or_else(|| {
            let rows: f64 = row.get(4);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate, not below zero"
            )]
            let rows_estimated = (rows >= 0.0).then_some(rows as u64);
            let readable = row.get(2);
            tables.push(Found { table, name: name.clone(), columns: Vec::new(), readable, rows_estimated });
            tables.len() - 1
        });
        // Of two tables that differ in case alone, the first stands: the one in lower case.
        let cdm_name = |column: &str| data::cdm_name(table, &column.to_lowercase());
        let found = &mut tables[at];
        // So with columns: a name of 5.4 that is there beside its name of 5.3, or in two cases.
        let fresh = |wanted| found.columns.iter().all(|other| cdm_name(other) != Some(wanted));
        if found.name == name && cdm_name(&column).is_some_and(fresh) {
            found.columns.push(column);
        }
    }
    tables.retain(|found| !found.columns.is_empty());
    let place = |table: &Table| TABLES.iter().position(|other| other.name == table.name);
    tables.sort_by_key(|found| place(found.table));
    let has = |table: &&Table| tables.iter().any(|found| found.table.name == table.name);
    let missing = TABLES.iter().filter(|table| !has(table)).map(|table| table.name).collect();
    Ok(Source { tables, missing, writable: writable.into_iter().collect() })
}

fn must_have_schema(snapshot: &mut Transaction<'_>, settings: &Settings) -> Result<(), PullError> {
    let failed = |error: postgres::Error| PullError::of(&error, settings, None);
    let Settings { schema, user, database, .. } = settings;
    let usable = snapshot
        .query_opt(
            "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1",
            &[schema],
        )
        .map_err(failed)?;
    match usable.map(|row| row.get::<_, bool>(0)) {
        Some(true) => Ok(()),
        Some(false) => Err(PullError::NoRight {
            user: user.clone(),
            what: format!("the schema {schema}"),
            grants: format!("  GRANT USAGE ON SCHEMA {} TO {};", quoted(schema), quoted(user)),
        }),
        None => {
            let others = snapshot
                .query("SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' ORDER BY 1", &[])
                .map_err(failed)?;
            let others: Vec<String> = others.iter().map(|row| row.get(0)).collect();
            Err(PullError::NoSchema {
                database: database.clone(),
                schema: schema.clone(),
                others: others.join(", "),
            })
        }
    }
}

impl Source {
    /// Every table can be read, and persons are among them.
    pub(super) fn must_be_readable(&self, settings: &Settings) -> Result<(), PullError> {
        let Settings { schema, user, .. } = settings;
        if !self.tables.iter().any(|found| found.table.name == "person") {
            return Err(PullError::NoTable { schema: schema.clone(), table: "person" });
        }
        let closed: Vec<&Found> = self.tables.iter().filter(|found| !found.readable).collect();
        if closed.is_empty() {
            return Ok(());
        }
        let mut grants = String::new();
        for found in &closed {
            let _ = writeln!(
                grants,
                "  GRANT SELECT ON {}.{} TO {};",
                quoted(schema),
                quoted(&found.name),
                quoted(user)
            );
        }
        let names: Vec<&str> = closed.iter().map(|found| found.name.as_str()).collect();
        Err(PullError::NoRight {
            user: user.clone(),
            what: names.join(", "),
            grants: grants.trim_end().to_owned(),
        })
    }

    /// What to tell an operator whose role may write.
    pub fn warning(&self, settings: &Settings) -> Option<String> {
        let Settings { schema, user, database, .. } = settings;
        let first = self.writable.first()?;
        let others = match self.writable.len() {
            1 => String::new(),
            many => format!(" and {} more tables", many - 1),
        };
        let schema = quoted(schema);
        Some(format!(
            "{user} may write {first}{others}. A pull never writes; give it a role that cannot:\n  \
             CREATE ROLE flip_reader LOGIN PASSWORD '…';\n  ALTER ROLE flip_reader SET default_transaction_read_only = on;\n  \
             GRANT CONNECT ON DATABASE {} TO flip_reader;\n  GRANT USAGE ON SCHEMA {schema} TO flip_reader;\n  \
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO flip_reader;",
            quoted(database)
        ))
    }
}

impl Found {
    /// Its qualified name in SQL.
    pub(super) fn qualified(&self, settings: &Settings) -> String {
        format!("{}.{}", quoted(&settings.schema), quoted(&self.name))
    }

    /// Its columns in SQL.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }
}

/// A name as PostgreSQL takes it whatever it holds; plain ones stay plain.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_');
    // "offset" is a column of note_nlp and a word of SQL.
    if plain && name.contains('_') { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
