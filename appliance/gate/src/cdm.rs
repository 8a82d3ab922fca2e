//! The OMOP Common Data Model, version 5.4, with FLIP's two imaging tables.
//!
//! Source: the OHDSI CDM 5.4 table definitions (<https://ohdsi.github.io/CommonDataModel/cdm54.html>); the imaging
//! tables follow the OMOP imaging extension as FLIP uses it, with its `accession_id`. The gate resolves names
//! against these tables, and ingest checks extracts against them. Deliberately absent: any IO.

mod tables;

pub use tables::TABLES;

/// One table of the model.
#[derive(Debug)]
pub struct Table {
    /// Its name, lower case.
    pub name: &'static str,
    /// Its single-column primary key, where the model has one.
    pub primary_key: Option<&'static str>,
    /// Its columns in the model's order.
    pub columns: &'static [Column],
}

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name, lower case.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// True where the model forbids nulls.
    pub required: bool,
    /// The table that the column's values are keys of, where the model says so.
    pub refers_to: Option<&'static str>,
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of up to 64 bits (sites' keys outgrow the model's 32).
    Integer,
    /// A number with a fraction.
    Float,
    /// Text of at most so many characters, where the model gives a length.
    Text(Option<u32>),
    /// A calendar day.
    Date,
    /// A day and a time of day.
    DateTime,
}

impl Table {
    /// The column of that lower-case name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The table of that lower-case name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: true, refers_to: None }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false, refers_to: None }
}

impl Column {
    const fn to(self, table: &'static str) -> Self {
        Self { refers_to: Some(table), ..self }
    }
}
