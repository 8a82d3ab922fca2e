//! Which columns identify, and what may be compared with what.
//!
//! An identifier names a person, a record, a place or a professional rather than describing one. Identifiers may be
//! joined with their own kind, counted, grouped, ordered and returned; they are never compared with a value that
//! the researcher wrote, and never computed. So a question can follow a person through the tables, but cannot ask
//! about one whose number it already knows.
//!
//! Judgement, in one place: keys of providers, care sites and locations are surrogate numbers that mean nothing
//! outside one Trust and point at small practices inside it, so they are identifiers too. Source values that hold
//! clinical or demographic codes (`gender_source_value`, `condition_source_value`, `unit_source_value`, ...) are
//! descriptions and free; source values that hold a site's own numbers are listed below. Keys of the vocabulary
//! (`concept_id`, `domain_id`, ...) are free. `birth_datetime` and `death_date` describe; disclosure protects them.

use crate::cdm::{self, Column, Table};

/// What an identifier's values name. Only equal identities compare, and [`Identity::Event`] with any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A person.
    Person,
    /// An imaging study by its accession number.
    Accession,
    /// A row of that table.
    Key(&'static str),
    /// A row of a table that another column names.
    Event,
    /// What that column alone holds.
    Only(&'static str),
}

/// Vocabulary and definitions: their keys say nothing of a person.
const FREE_TABLES: &[&str] = &[
    "concept",
    "vocabulary",
    "domain",
    "concept_class",
    "relationship",
    "metadata",
    "cdm_source",
    "cohort_definition",
];

/// Tables that hold no records of persons: the vocabulary, and the site's own description. All others do.
const TABLES_OF_NOBODY: &[&str] = &[
    "care_site",
    "cdm_source",
    "cohort_definition",
    "concept",
    "concept_ancestor",
    "concept_class",
    "concept_relationship",
    "concept_synonym",
    "domain",
    "drug_strength",
    "location",
    "metadata",
    "provider",
    "relationship",
    "source_to_concept_map",
    "vocabulary",
];

/// True of a table whose rows are about persons.
pub(crate) fn is_of_persons(table: &Table) -> bool {
    !TABLES_OF_NOBODY.contains(&table.name)
}

/// Columns that point into a table which a neighbouring column names.
const EVENTS: &[&str] = &[
    "cost_event_id",
    "event_id",
    "fact_id_1",
    "fact_id_2",
    "image_feature_event_id",
    "measurement_event_id",
    "note_event_id",
    "observation_event_id",
];

/// Columns that identify by what they hold, without being keys.
const TELLING: &[&str] = &[
    "address_1",
    "address_2",
    "care_site_source_value",
    "dea",
    "family_source_value",
    "image_finding_id",
    "image_series_uid",
    "image_study_uid",
    "latitude",
    "local_path",
    "location_source_value",
    "longitude",
    "lot_number",
    "note_source_value",
    "note_text",
    "note_title",
    "npi",
    "person_source_value",
    "production_id",
    "provider_name",
    "provider_source_value",
    "snippet",
    "specimen_source_id",
    "specimen_source_value",
    "unique_device_id",
    "visit_detail_source_value",
    "visit_source_value",
    "wadors_uri",
    "zip",
];

/// The persons' table of which a column of another table, or of another row, names a record.
pub(crate) fn record_named(table: &Table, column: &Column) -> Option<&'static Table> {
    let Some(Identity::Key(named)) = Identity::of(table, column) else { return None };
    let named = cdm::table(named)?;
    (is_of_persons(named) && table.primary_key != Some(column.name)).then_some(named)
}

impl Identity {
    /// What a column of a base table identifies, if it does.
    pub fn of(table: &Table, column: &Column) -> Option<Self> {
        let name = column.name;
        if name == "person_id" || (table.name == "cohort" && name == "subject_id") {
            return Some(Self::Person);
        }
        if name == "accession_id" {
            return Some(Self::Accession);
        }
        if EVENTS.contains(&name) {
            return Some(Self::Event);
        }
        if let Some(telling) = TELLING.iter().find(|telling| **telling == name) {
            return Some(Self::Only(telling));
        }
        if name == "episode_parent_id" {
            return Some(Self::Key("episode"));
        }
        let keyed = cdm::TABLES.iter().find(|keyed| keyed.primary_key == Some(name));
        let target = column.refers_to.or(keyed.map(|keyed| keyed.name))?;
        (!FREE_TABLES.contains(&target)).then_some(Self::Key(target))
    }

    /// True where equal values are the same person's. Places and professionals see many persons. What an event's
    /// key names depends on its neighbour, so equal numbers may be of different tables and persons.
    pub fn follows_a_person(self) -> bool {
        match self {
            Self::Person | Self::Accession => true,
            Self::Key(table) => !TABLES_OF_NOBODY.contains(&table),
            Self::Event | Self::Only(_) => false,
        }
    }

    /// True where an equality between the two says that two records belong together.
    pub fn compares_with(self, other: Self) -> bool {
        let is_key = |identity| matches!(identity, Self::Key(_) | Self::Person);
        self == other || (self == Self::Event && is_key(other)) || (other == Self::Event && is_key(self))
    }

    /// Its name in messages.
    pub fn noun(self) -> String {
        match self {
            Self::Person => "a person's identifier".to_owned(),
            Self::Accession => "an accession number".to_owned(),
            Self::Key(table) => format!("a key of {table}"),
            Self::Event => "a key of an event".to_owned(),
            Self::Only(_) => "a text or number that tells by itself who or where".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use crate::cdm;

    fn identity(table: &str, column: &str) -> Option<Identity> {
        let table = cdm::table(table).unwrap();
        Identity::of(table, table.column(column).unwrap())
    }

    #[test]
    fn keys_identify_and_codes_do_not() {
        assert_eq!(identity("measurement", "person_id"), Some(Identity::Person));
        assert_eq!(
            identity("visit_occurrence", "visit_occurrence_id"),
            Some(Identity::Key("visit_occurrence"))
        );
        assert_eq!(identity("note_nlp", "note_id"), Some(Identity::Key("note")));
        assert_eq!(identity("person", "person_source_value"), Some(Identity::Only("person_source_value")));
        for (table, column) in [
            ("person", "gender_source_value"),
            ("person", "gender_concept_id"),
            ("condition_occurrence", "condition_source_value"),
            ("measurement", "value_source_value"),
            ("concept", "concept_id"),
            ("concept", "domain_id"),
            ("cohort", "cohort_definition_id"),
        ] {
            assert_eq!(identity(table, column), None, "{table}.{column}");
        }
    }

    #[test]
    fn records_follow_persons_and_places_do_not() {
        for (table, column, follows) in [
            ("death", "person_id", true),
            ("image_occurrence", "accession_id", true),
            ("measurement", "visit_detail_id", true),
            ("visit_occurrence", "preceding_visit_occurrence_id", true),
            ("cohort", "subject_id", true),
            ("cost", "cost_event_id", false),
            ("cost", "payer_plan_period_id", true),
            ("person", "location_id", false),
            ("visit_occurrence", "care_site_id", false),
            ("visit_occurrence", "provider_id", false),
            ("note", "note_title", false),
            ("measurement", "measurement_event_id", false),
            ("fact_relationship", "fact_id_1", false),
        ] {
            let followed = identity(table, column).is_some_and(Identity::follows_a_person);
            assert_eq!(followed, follows, "{table}.{column}");
        }
    }

    #[test]
    fn references_to_records_are_what_follows_a_person_without_being_the_rows_own_key() {
        for (table, column, named) in [
            ("measurement", "visit_detail_id", Some("visit_detail")),
            ("visit_occurrence", "preceding_visit_occurrence_id", Some("visit_occurrence")),
            ("episode", "episode_parent_id", Some("episode")),
            ("cost", "payer_plan_period_id", Some("payer_plan_period")),
            ("visit_occurrence", "visit_occurrence_id", None),
            ("measurement", "person_id", None),
            ("measurement", "provider_id", None),
            ("measurement", "unit_concept_id", None),
            ("measurement", "measurement_event_id", None),
        ] {
            let table = cdm::table(table).unwrap();
            let found = super::record_named(table, table.column(column).unwrap());
            assert_eq!(found.map(|found| found.name), named, "{}.{column}", table.name);
        }
    }

    #[test]
    fn every_table_of_nobody_exists() {
        for name in super::TABLES_OF_NOBODY {
            let table = cdm::table(name).unwrap();
            assert!(table.column("person_id").is_none(), "{name}");
        }
    }

    #[test]
    fn every_telling_column_exists() {
        for name in super::TELLING.iter().chain(super::EVENTS) {
            assert!(cdm::TABLES.iter().any(|table| table.column(name).is_some()), "{name}");
        }
    }
}
