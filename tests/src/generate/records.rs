//! What happened to a person: visits, and the conditions, drugs, measurements and procedures recorded at them.
//!
//! What must stay true: every event lies within the person's observation period and hangs on one of their visits,
//! and nothing happens after death. Averages per person at large sizes: about two visits, two conditions, two drugs
//! and three measurements.

pub mod tables;

use std::io;

use super::calendar::Day;
use super::extract::Value;
use super::imaging::Imaging;
use super::person::{DIABETES, ESSENTIAL_HYPERTENSION, FEMALE, HYPERTENSION, Person};
use super::places::{CARE_SITES, HOSPITALS, LOCATIONS, PROVIDERS};
use super::random::Random;
use super::{Census, Recipe};
use Value::{At, Empty, Int, On, Text};
use tables::Tables;

/// `*_type_concept_id` of every row: the electronic health record.
pub const EHR: i64 = 32_817;
const INPATIENT: i64 = 9201;
const OUTPATIENT: i64 = 9202;
const EMERGENCY: i64 = 9203;
const INFLUENZA_VACCINE: i64 = 40_213_154;
const OBESE: i64 = 4_060_985;
const PNEUMONIA: i64 = 255_848;
/// The most visits one person has.
const VISITS_MAX: i64 = 9;

/// A short illness: its concept, and what is dispensed for it.
type Complaint = (i64, Option<(i64, i64)>);
const ACETAMINOPHEN: Option<(i64, i64)> = Some((1_127_433, 1_125_315));
const AMOXICILLIN: Option<(i64, i64)> = Some((19_073_183, 1_713_332));
/// What visits are for, and how many of about 1,000; those for no short illness are reviews.
const COMPLAINTS: &[(u32, Option<Complaint>)] = &[
    (420, None),
    (150, Some((40_481_087, ACETAMINOPHEN))),
    (115, Some((4_112_343, ACETAMINOPHEN))),
    (100, Some((260_139, ACETAMINOPHEN))),
    (40, Some((PNEUMONIA, AMOXICILLIN))),
    (60, Some((372_328, AMOXICILLIN))),
    (50, Some((28_060, AMOXICILLIN))),
    (40, Some((81_151, Some((19_078_461, 1_177_480))))),
    (17, Some((4_278_672, ACETAMINOPHEN))),
    (8, Some((440_448, None))),
];

/// A visit, as the events at it need it.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// Its key.
    pub id: i64,
    /// Its first day.
    pub day: Day,
    /// Who saw the person.
    pub provider: i64,
}

/// The tables of events, open, with the next key of each.
pub struct Records {
    base: i64,
    tables: Tables,
    imaging: Option<Imaging>,
    visits: Vec<Visit>,
}

impl Records {
    /// Opens the tables.
    pub fn create(folder: &super::extract::Folder, recipe: &Recipe) -> io::Result<Self> {
        let imaging = recipe.imaging.then(|| Imaging::create(folder, recipe)).transpose()?;
        Ok(Self {
            base: recipe.first_key(),
            tables: Tables::create(folder, recipe)?,
            imaging,
            visits: Vec::new(),
        })
    }

    /// Writes everything about one person.
    pub fn write(&mut self, person: &Person, random: &mut Random) -> io::Result<()> {
        let id = self.base + person.index + 1;
        self.write_person(id, person, random)?;
        self.write_visits(id, person, random)?;
        self.write_illnesses(id, person, random)?;
        for index in 0..self.visits.len() {
            self.write_visit_events(id, person, self.visits[index], random)?;
        }
        if let Some(visit) = self.visits.first().copied()
            && random.permille(500)
        {
            self.dispense(id, person, visit, INFLUENZA_VACCINE, 0, random)?;
        }
        if person.bmi_tenths >= 300
            && let Some(visit) = self.visits.last().copied()
        {
            self.tables.observe(id, visit, OBESE, None)?;
        }
        Ok(())
    }

    /// Ends every file.
    pub fn finish(self, census: &mut Census) -> io::Result<()> {
        self.tables.finish(census)?;
        self.imaging.map_or(Ok(()), |imaging| imaging.finish(census))
    }

    fn write_person(&mut self, id: i64, person: &Person, random: &mut Random) -> io::Result<()> {
        let (year, month, day) = person.born.date();
        let code = format!("SYN{id:012}");
        let sex = if person.gender == FEMALE { "F" } else { "M" };
        self.tables.person.row(&[
            Int(id),
            Int(person.gender),
            Int(year),
            Int(month),
            Int(day),
            At(person.born, 0),
            Int(person.race),
            Int(person.ethnicity),
            Int(self.base + random.between(1, LOCATIONS)),
            Int(self.base + random.between(HOSPITALS + 1, CARE_SITES)),
            Text(&code),
            Text(sex),
        ])?;
        self.tables.period.row(&[Int(id), Int(id), On(person.from), On(person.until), Int(EHR)])?;
        if person.died {
            let cause = person.illnesses.last().map_or(Int(0), |illness| Int(illness.concept));
            self.tables.death.row(&[Int(id), On(person.until), At(person.until, 0), Int(EHR), cause])?;
        }
        Ok(())
    }

    fn write_visits(&mut self, id: i64, person: &Person, random: &mut Random) -> io::Result<()> {
        let ill = i64::try_from(person.illnesses.len()).unwrap_or(0);
        let least = i64::from(ill > 0);
        let count = (random.between(0, 2) + random.between(0, 2 * ill)).clamp(least, VISITS_MAX);
        let mut days: Vec<Day> =
            (0..count).map(|_| Day(random.between(person.from.0, person.until.0))).collect();
        days.sort_unstable();
        self.visits.clear();
        for day in days {
            let kind = random.weighted(&[(9, INPATIENT), (75, OUTPATIENT), (16, EMERGENCY)]);
            let stays = if kind == INPATIENT { random.between(1, 12) } else { 0 };
            let until = day.plus(stays).min(person.until);
            let site = if kind == OUTPATIENT {
                random.between(HOSPITALS, CARE_SITES - 1)
            } else {
                random.between(0, HOSPITALS - 1)
            };
            // Provider n works at site n modulo the sites.
            let provider = self.base + site + CARE_SITES * random.between(0, PROVIDERS / CARE_SITES - 1) + 1;
            let minute = random.between(8 * 60, 18 * 60);
            let visit = Visit { id: self.tables.visits.take(), day, provider };
            let previous = self.visits.last().map_or(Empty, |previous| Int(previous.id));
            self.tables.visit.row(&[
                Int(visit.id),
                Int(id),
                Int(kind),
                On(day),
                At(day, minute),
                On(until),
                At(until, (minute + 30).min(23 * 60)),
                Int(EHR),
                Int(provider),
                Int(self.base + site + 1),
                previous,
            ])?;
            self.visits.push(visit);
        }
        Ok(())
    }

    fn write_illnesses(&mut self, id: i64, person: &Person, random: &mut Random) -> io::Result<()> {
        for illness in &person.illnesses {
            let first = random.between(0, i64::try_from(self.visits.len()).unwrap_or(1) - 1);
            let Some(visit) = self.visits.get(usize::try_from(first).unwrap_or(0)).copied() else { continue };
            self.tables.diagnose(id, visit, illness.concept, None)?;
            if let Some((drug, ingredient)) = illness.drug
                && random.permille(880)
            {
                self.dispense(id, person, visit, drug, ingredient, random)?;
            }
        }
        Ok(())
    }

    fn write_visit_events(
        &mut self,
        id: i64,
        person: &Person,
        visit: Visit,
        random: &mut Random,
    ) -> io::Result<()> {
        let complaint = random.weighted(COMPLAINTS);
        if let Some((concept, drug)) = complaint {
            let ends = visit.day.plus(random.between(3, 21)).min(person.until);
            self.tables.diagnose(id, visit, concept, Some(ends))?;
            if let Some((drug, ingredient)) = drug
                && random.permille(800)
            {
                self.dispense(id, person, visit, drug, ingredient, random)?;
            }
        }
        self.measure(id, person, visit, random)?;
        let chest = complaint.is_some_and(|(concept, _)| concept == PNEUMONIA);
        for procedure in procedures(person, chest, random) {
            let occurrence = self.tables.perform(id, visit, procedure)?;
            if let Some(imaging) = &mut self.imaging {
                imaging.image(id, visit, occurrence, procedure, chest, &mut self.tables, random)?;
            }
        }
        Ok(())
    }

    /// One exposure; one in four is recorded at its ingredient, as some sites' mappings do.
    fn dispense(
        &mut self,
        id: i64,
        person: &Person,
        visit: Visit,
        drug: i64,
        ingredient: i64,
        random: &mut Random,
    ) -> io::Result<()> {
        let days = if ingredient == 0 { 0 } else { random.weighted(&[(3, 7), (5, 28), (2, 84)]) };
        let concept = if ingredient != 0 && random.permille(250) { ingredient } else { drug };
        let ends = visit.day.plus(days).min(person.until);
        self.tables.expose(id, visit, concept, ends, days)
    }

    fn measure(&mut self, id: i64, person: &Person, visit: Visit, random: &mut Random) -> io::Result<()> {
        let age = person.born.years_to(visit.day);
        let diabetic = person.has(DIABETES);
        if random.permille(430) {
            let hypertensive = person.has(HYPERTENSION) || person.has(ESSENTIAL_HYPERTENSION);
            let raised = if hypertensive { 160 } else { 0 };
            let systolic = random.around(1050 + age * 4 + raised, 110);
            self.tables.measure(id, visit, 3_004_249, systolic / 10 * 10, 8876)?;
            self.tables.measure(id, visit, 3_012_888, (systolic * 63 / 100) / 10 * 10, 8876)?;
        }
        if random.permille(120) {
            let weight = person.bmi_tenths * person.height_cm * person.height_cm / 10_000;
            self.tables.measure(id, visit, 3_025_315, weight, 9529)?;
            self.tables.measure(id, visit, 3_036_277, person.height_cm * 10, 8582)?;
            self.tables.measure(id, visit, 3_038_553, person.bmi_tenths, 9531)?;
        }
        if random.permille(if diabetic { 800 } else { 60 }) {
            let percent = if diabetic { random.around(76, 13) } else { random.around(54, 4) };
            self.tables.measure(id, visit, 3_004_410, percent.clamp(38, 150), 8554)?;
        }
        if random.permille(if diabetic { 300 } else { 60 }) {
            let glucose = if diabetic { random.around(1600, 400) } else { random.around(930, 90) };
            self.tables.measure(id, visit, 3_000_483, glucose.max(450), 8840)?;
        }
        if random.permille(90) {
            self.tables.measure(id, visit, 3_051_825, random.around(9, 2).max(3), 8840)?;
            self.tables.measure(id, visit, 3_000_963, random.around(138, 14).max(50), 8713)?;
        }
        if random.permille(80) {
            self.tables.measure(id, visit, 3_027_114, random.around(1950, 380).max(700), 8840)?;
        }
        Ok(())
    }
}

/// What is done at a visit.
fn procedures(person: &Person, chest: bool, random: &mut Random) -> impl Iterator<Item = i64> + use<> {
    let chest_x_ray = random.permille(if chest { 800 } else { 75 });
    let others = [
        (60, 4_240_345),
        (if person.age > 50 { 25 } else { 2 }, 4_249_893),
        (if person.age > 60 && person.gender == FEMALE { 30 } else { 1 }, 4_195_803),
        (28, 4_302_356),
        (14, 44_784_284),
        (20, 42_535_580),
    ]
    .map(|(share, procedure)| random.permille(share).then_some(procedure));
    chest_x_ray.then_some(super::imaging::CHEST_X_RAY).into_iter().chain(others.into_iter().flatten())
}
