//! The event tables, open for writing, with the columns that are filled and the next key of each.

use std::io;

use super::super::calendar::Day;
use super::super::extract::{Folder, Table, Value};
use super::super::{Census, Recipe};
use super::{EHR, Visit};
use Value::{At, Empty, Int, On, Tenths, Text};

/// Hands out a table's keys in order.
#[derive(Debug)]
pub struct Keys(i64);

impl Keys {
    /// Keys above a population's base.
    pub fn above(base: i64) -> Self {
        Self(base)
    }

    /// The next key.
    pub fn take(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

/// The tables.
pub struct Tables {
    pub person: Table<12>,
    pub period: Table<5>,
    pub death: Table<5>,
    pub visit: Table<11>,
    pub visits: Keys,
    condition: Table<10>,
    conditions: Keys,
    drug: Table<11>,
    drugs: Keys,
    measurement: Table<12>,
    measurements: Keys,
    procedure: Table<9>,
    procedures: Keys,
    observation: Table<9>,
    observations: Keys,
}

impl Tables {
    /// Opens them.
    pub fn create(folder: &Folder, recipe: &Recipe) -> io::Result<Self> {
        let keys = || Keys::above(recipe.first_key());
        Ok(Self {
            person: folder.table(
                "person",
                [
                    "person_id",
                    "gender_concept_id",
                    "year_of_birth",
                    "month_of_birth",
                    "day_of_birth",
                    "birth_datetime",
                    "race_concept_id",
                    "ethnicity_concept_id",
                    "location_id",
                    "care_site_id",
                    "person_source_value",
                    "gender_source_value",
                ],
            )?,
            period: folder.table(
                "observation_period",
                [
                    "observation_period_id",
                    "person_id",
                    "observation_period_start_date",
                    "observation_period_end_date",
                    "period_type_concept_id",
                ],
            )?,
            death: folder.table(
                "death",
                ["person_id", "death_date", "death_datetime", "death_type_concept_id", "cause_concept_id"],
            )?,
            visit: folder.table(
                "visit_occurrence",
                [
                    "visit_occurrence_id",
                    "person_id",
                    "visit_concept_id",
                    "visit_start_date",
                    "visit_start_datetime",
                    "visit_end_date",
                    "visit_end_datetime",
                    "visit_type_concept_id",
                    "provider_id",
                    "care_site_id",
                    "preceding_visit_occurrence_id",
                ],
            )?,
            visits: keys(),
            condition: folder.table(
                "condition_occurrence",
                [
                    "condition_occurrence_id",
                    "person_id",
                    "condition_concept_id",
                    "condition_start_date",
                    "condition_start_datetime",
                    "condition_end_date",
                    "condition_type_concept_id",
                    "condition_status_concept_id",
                    "provider_id",
                    "visit_occurrence_id",
                ],
            )?,
            conditions: keys(),
            drug: folder.table(
                "drug_exposure",
                [
                    "drug_exposure_id",
                    "person_id",
                    "drug_concept_id",
                    "drug_exposure_start_date",
                    "drug_exposure_start_datetime",
                    "drug_exposure_end_date",
                    "drug_type_concept_id",
                    "quantity",
                    "days_supply",
                    "provider_id",
                    "visit_occurrence_id",
                ],
            )?,
            drugs: keys(),
            measurement: folder.table(
                "measurement",
                [
                    "measurement_id",
                    "person_id",
                    "measurement_concept_id",
                    "measurement_date",
                    "measurement_datetime",
                    "measurement_type_concept_id",
                    "operator_concept_id",
                    "value_as_number",
                    "value_as_concept_id",
                    "unit_concept_id",
                    "provider_id",
                    "visit_occurrence_id",
                ],
            )?,
            measurements: keys(),
            procedure: folder.table(
                "procedure_occurrence",
                [
                    "procedure_occurrence_id",
                    "person_id",
                    "procedure_concept_id",
                    "procedure_date",
                    "procedure_datetime",
                    "procedure_type_concept_id",
                    "provider_id",
                    "visit_occurrence_id",
                    "procedure_source_value",
                ],
            )?,
            procedures: keys(),
            observation: folder.table(
                "observation",
                [
                    "observation_id",
                    "person_id",
                    "observation_concept_id",
                    "observation_date",
                    "observation_datetime",
                    "observation_type_concept_id",
                    "value_as_concept_id",
                    "provider_id",
                    "visit_occurrence_id",
                ],
            )?,
            observations: keys(),
        })
    }

    /// A condition recorded at a visit; open-ended without `ends`.
    pub fn diagnose(&mut self, person: i64, visit: Visit, concept: i64, ends: Option<Day>) -> io::Result<()> {
        self.condition.row(&[
            Int(self.conditions.take()),
            Int(person),
            Int(concept),
            On(visit.day),
            At(visit.day, 0),
            ends.map_or(Empty, On),
            Int(EHR),
            Int(0),
            Int(visit.provider),
            Int(visit.id),
        ])
    }

    /// A drug dispensed at a visit for so many days.
    pub fn expose(
        &mut self,
        person: i64,
        visit: Visit,
        concept: i64,
        ends: Day,
        days: i64,
    ) -> io::Result<()> {
        self.drug.row(&[
            Int(self.drugs.take()),
            Int(person),
            Int(concept),
            On(visit.day),
            At(visit.day, 0),
            On(ends),
            Int(EHR),
            Tenths(days.max(1) * 10),
            Int(days),
            Int(visit.provider),
            Int(visit.id),
        ])
    }

    /// A value measured at a visit, in tenths of the unit.
    pub fn measure(
        &mut self,
        person: i64,
        visit: Visit,
        concept: i64,
        tenths: i64,
        unit: i64,
    ) -> io::Result<()> {
        self.measurement.row(&[
            Int(self.measurements.take()),
            Int(person),
            Int(concept),
            On(visit.day),
            At(visit.day, 0),
            Int(EHR),
            Int(0),
            Tenths(tenths),
            Int(0),
            Int(unit),
            Int(visit.provider),
            Int(visit.id),
        ])
    }

    /// A procedure done at a visit; its key.
    pub fn perform(&mut self, person: i64, visit: Visit, concept: i64) -> io::Result<i64> {
        let key = self.procedures.take();
        let words = match concept {
            // FLIP's chest X-ray question selects on these words.
            super::super::imaging::CHEST_X_RAY => Text("Chest X-ray"),
            _ => Empty,
        };
        self.procedure.row(&[
            Int(key),
            Int(person),
            Int(concept),
            On(visit.day),
            At(visit.day, 0),
            Int(EHR),
            Int(visit.provider),
            Int(visit.id),
            words,
        ])?;
        Ok(key)
    }

    /// An observation made at a visit, with its answer where it has one; its key.
    pub fn observe(
        &mut self,
        person: i64,
        visit: Visit,
        concept: i64,
        answer: Option<i64>,
    ) -> io::Result<i64> {
        let key = self.observations.take();
        self.observation.row(&[
            Int(key),
            Int(person),
            Int(concept),
            On(visit.day),
            At(visit.day, 0),
            Int(EHR),
            answer.map_or(Empty, Int),
            Int(visit.provider),
            Int(visit.id),
        ])?;
        Ok(key)
    }

    /// Ends every file.
    pub fn finish(self, census: &mut Census) -> io::Result<()> {
        census.add("person", self.person.finish()?);
        census.add("observation_period", self.period.finish()?);
        census.add("death", self.death.finish()?);
        census.add("visit_occurrence", self.visit.finish()?);
        census.add("condition_occurrence", self.condition.finish()?);
        census.add("drug_exposure", self.drug.finish()?);
        census.add("measurement", self.measurement.finish()?);
        census.add("procedure_occurrence", self.procedure.finish()?);
        census.add("observation", self.observation.finish()?);
        Ok(())
    }
}
