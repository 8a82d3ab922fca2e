//! FLIP's imaging tables: one image occurrence per imaging procedure, and what a reader found on chest X-rays.
//!
//! What must stay true: accession ids are unique within a Trust and between Trusts of different offsets, and each
//! image feature's value is an OBSERVATION row, reached as FLIP's chest X-ray question reaches it (event field
//! 1147304, answers Yes and No). Deliberately absent: images.

use std::io;

use super::calendar::Day;
use super::extract::{Folder, Table, Value};
use super::random::Random;
use super::records::tables::{Keys, Tables};
use super::records::{EHR, Visit};
use super::{Census, Recipe};
use Value::{At, Int, On, Text};

/// `procedure_concept_id` of a plain X-ray of the chest.
pub const CHEST_X_RAY: i64 = 4_163_872;
const PLAIN_RADIOGRAPHY: i64 = 4_056_681;
/// The imaging procedures, each with its modality's concept and DICOM code.
const MODALITIES: [(i64, i64, &str); 4] = [
    (CHEST_X_RAY, PLAIN_RADIOGRAPHY, "DX"),
    (4_302_356, 4_300_757, "CT"),
    (44_784_284, 4_013_636, "MR"),
    (42_535_580, 4_037_672, "US"),
];

const YES: i64 = 4_188_539;
const NO: i64 = 4_188_540;
const OBSERVATION_TABLE: i64 = 1_147_304;
const NORMAL_LUNGS: i64 = 40_481_136;
/// What a reader looks for: how often of 1,000 it is there without and with pneumonia, and its concept.
const FINDINGS: [(u32, u32, i64); 6] = [
    (70, 180, 4_215_818),
    (30, 60, 4_196_943),
    (25, 620, 4_319_884),
    (60, 300, 4_264_333),
    (35, 30, 4_214_641),
    (12, 15, 253_796),
];

/// The two tables, open.
pub struct Imaging {
    seed: u64,
    offset: u64,
    base: i64,
    occurrence: Table<9>,
    occurrences: Keys,
    feature: Table<9>,
    features: Keys,
}

impl Imaging {
    /// Opens them.
    pub fn create(folder: &Folder, recipe: &Recipe) -> io::Result<Self> {
        let base = recipe.first_key();
        Ok(Self {
            seed: recipe.seed,
            offset: u64::from(recipe.trust_offset),
            base,
            occurrence: folder.table(
                "image_occurrence",
                [
                    "image_occurrence_id",
                    "person_id",
                    "procedure_occurrence_id",
                    "visit_occurrence_id",
                    "image_occurrence_date",
                    "image_study_uid",
                    "image_series_uid",
                    "modality_concept_id",
                    "accession_id",
                ],
            )?,
            occurrences: Keys::above(base),
            feature: folder.table(
                "image_feature",
                [
                    "image_feature_id",
                    "person_id",
                    "image_occurrence_id",
                    "image_feature_event_field_concept_id",
                    "image_feature_event_id",
                    "image_feature_concept_id",
                    "image_feature_type_concept_id",
                    "alg_system",
                    "alg_datetime",
                ],
            )?,
            features: Keys::above(base),
        })
    }

    /// Writes the images of a procedure, where it makes any.
    #[expect(clippy::too_many_arguments, reason = "a procedure is described by its whole context")]
    pub fn image(
        &mut self,
        person: i64,
        visit: Visit,
        procedure: i64,
        concept: i64,
        pneumonia: bool,
        tables: &mut Tables,
        random: &mut Random,
    ) -> io::Result<()> {
        let Some((_, modality, code)) = MODALITIES.iter().find(|(made_by, ..)| *made_by == concept) else {
            return Ok(());
        };
        let key = self.occurrences.take();
        let accession = format!("{code}{:03}{:09}", self.offset, key - self.base);
        // DICOM part 5, B.2: a UID below 2.25 is a whole number that nobody else draws.
        let unique = Random::of(self.seed, &[self.offset, key.unsigned_abs()]).bits();
        let study = format!("2.25.{}{unique:020}", self.offset + 1);
        let series = format!("{study}.1");
        self.occurrence.row(&[
            Int(key),
            Int(person),
            Int(procedure),
            Int(visit.id),
            On(visit.day),
            Text(&study),
            Text(&series),
            Int(*modality),
            Text(&accession),
        ])?;
        if concept != CHEST_X_RAY {
            return Ok(());
        }
        let mut normal = true;
        for (well, ill, finding) in FINDINGS {
            let there = random.permille(if pneumonia { ill } else { well });
            normal &= !there;
            self.find(person, visit, key, finding, there, tables)?;
        }
        self.find(person, visit, key, NORMAL_LUNGS, normal, tables)
    }

    fn find(
        &mut self,
        person: i64,
        visit: Visit,
        image: i64,
        finding: i64,
        there: bool,
        tables: &mut Tables,
    ) -> io::Result<()> {
        let observation = tables.observe(person, visit, finding, Some(if there { YES } else { NO }))?;
        let read_on: Day = visit.day;
        self.feature.row(&[
            Int(self.features.take()),
            Int(person),
            Int(image),
            Int(OBSERVATION_TABLE),
            Int(observation),
            Int(finding),
            Int(EHR),
            Text("radiologist"),
            At(read_on, 12 * 60),
        ])
    }

    /// Ends both files.
    pub fn finish(self, census: &mut Census) -> io::Result<()> {
        census.add("image_occurrence", self.occurrence.finish()?);
        census.add("image_feature", self.feature.finish()?);
        Ok(())
    }
}
