//! Who a person is: sex, birth, death, and the long illnesses they carry.
//!
//! Prevalences are plausible shares by age, not estimates of any real population. A question about the sick
//! therefore gets answers of sensible sizes at any number of persons, and small groups exist for disclosure
//! control to meet.

use super::calendar::Day;
use super::random::Random;

/// The days that records cover.
pub const FIRST_DAY: Day = Day::of(2015, 1, 1);
/// The day the extract was taken.
pub const LAST_DAY: Day = Day::of(2024, 12, 31);

/// `gender_concept_id` of men and of women.
pub const MALE: i64 = 8507;
/// See [`MALE`].
pub const FEMALE: i64 = 8532;

/// A long illness: its concept, how common it is, and what is dispensed for it.
#[derive(Debug)]
pub struct Illness {
    /// The condition's concept.
    pub concept: i64,
    /// Of 1,000 persons under 20, under 40, under 60, under 80, and older.
    pub permille: [u32; 5],
    /// What is dispensed for it: the drug and its ingredient.
    pub drug: Option<(i64, i64)>,
}

const fn illness(concept: i64, permille: [u32; 5], drug: Option<(i64, i64)>) -> Illness {
    Illness { concept, permille, drug }
}

/// Type 2 diabetes mellitus.
pub const DIABETES: i64 = 201_826;
/// Hypertensive disorder: what general practice mostly records.
pub const HYPERTENSION: i64 = 316_866;
/// Essential hypertension: its more exact sister, recorded for fewer.
pub const ESSENTIAL_HYPERTENSION: i64 = 320_128;
const BREAST_CANCER: i64 = 4_112_853;
const OSTEOPOROSIS: i64 = 80_502;

/// The long illnesses.
pub static ILLNESSES: &[Illness] = &[
    illness(DIABETES, [1, 15, 80, 170, 150], Some((40_163_924, 1_503_297))),
    illness(201_254, [3, 5, 5, 4, 2], None),
    illness(HYPERTENSION, [0, 22, 135, 260, 320], Some((19_081_453, 974_166))),
    illness(ESSENTIAL_HYPERTENSION, [0, 8, 45, 90, 110], Some((1_332_419, 1_332_418))),
    illness(432_867, [1, 20, 120, 220, 200], Some((1_539_411, 1_539_403))),
    illness(317_576, [0, 2, 40, 130, 180], Some((1_545_959, 1_545_958))),
    illness(4_329_847, [0, 1, 15, 50, 60], Some((19_059_056, 1_112_807))),
    illness(312_327, [0, 0, 4, 14, 16], Some((19_059_056, 1_112_807))),
    illness(313_217, [0, 2, 12, 70, 150], Some((40_163_554, 1_310_149))),
    illness(316_139, [0, 1, 8, 45, 110], Some((957_138, 956_874))),
    illness(381_316, [0, 2, 14, 55, 100], Some((19_075_601, 1_322_184))),
    illness(443_597, [0, 3, 20, 90, 190], None),
    illness(317_009, [95, 85, 75, 70, 60], Some((1_154_615, 1_154_343))),
    illness(255_573, [0, 2, 28, 85, 80], Some((1_154_615, 1_154_343))),
    illness(OSTEOPOROSIS, [0, 1, 12, 65, 120], None),
    illness(4_079_750, [0, 4, 50, 130, 160], Some((19_078_461, 1_177_480))),
    illness(80_809, [0, 3, 9, 15, 14], Some((1_551_192, 1_551_099))),
    illness(439_777, [20, 40, 45, 60, 90], None),
    illness(140_673, [2, 15, 35, 60, 70], None),
    illness(440_674, [0, 5, 22, 45, 50], None),
    illness(378_419, [0, 0, 1, 15, 110], None),
    illness(380_378, [7, 9, 9, 10, 11], None),
    illness(4_152_280, [15, 90, 110, 70, 60], None),
    illness(4_115_276, [0, 0, 2, 9, 9], None),
    illness(4_180_790, [0, 0, 3, 11, 16], None),
    illness(BREAST_CANCER, [0, 3, 22, 45, 50], None),
];

/// One person, drawn.
#[derive(Debug)]
pub struct Person {
    /// Their place in the population, from 0.
    pub index: i64,
    /// `gender_concept_id`.
    pub gender: i64,
    /// Day of birth.
    pub born: Day,
    /// `race_concept_id`.
    pub race: i64,
    /// `ethnicity_concept_id`.
    pub ethnicity: i64,
    /// The first day of their records.
    pub from: Day,
    /// The last day of their records: of their death, or of the extract.
    pub until: Day,
    /// Whether they died on that last day.
    pub died: bool,
    /// Age at the end, in years.
    pub age: i64,
    /// Body mass index in tenths of kg/m².
    pub bmi_tenths: i64,
    /// Height in centimetres.
    pub height_cm: i64,
    /// The long illnesses they have.
    pub illnesses: Vec<&'static Illness>,
}

impl Person {
    /// Draws the person of that place.
    pub fn draw(index: i64, random: &mut Random) -> Self {
        let gender = random.weighted(&[(49, MALE), (51, FEMALE)]);
        let (youngest, oldest) =
            random.weighted(&[(22, (0, 19)), (27, (20, 39)), (27, (40, 59)), (18, (60, 79)), (6, (80, 97))]);
        let born =
            LAST_DAY.plus(-(random.between(youngest, oldest) * 146_097 / 400) - random.between(0, 364));
        let (from, until, died) = records(born, random);
        let age = born.years_to(until);
        let illnesses = ILLNESSES.iter().filter(|illness| has(illness, gender, age, random)).collect();
        let grown = age.min(18);
        let height_cm = if gender == MALE { 50 + 7 * grown } else { 47 + 65 * grown / 10 };
        Self {
            index,
            gender,
            born,
            race: random.weighted(&[(78, 8527), (9, 8515), (7, 8516), (6, 0)]),
            ethnicity: random.weighted(&[(2, 38_003_563), (90, 38_003_564), (8, 0)]),
            from,
            until,
            died,
            age,
            bmi_tenths: random.around(165 + 6 * grown, 45).clamp(130, 520),
            height_cm: random.around(height_cm, 7).clamp(45, 210),
            illnesses,
        }
    }

    /// Whether they have the illness of that concept.
    pub fn has(&self, concept: i64) -> bool {
        self.illnesses.iter().any(|illness| illness.concept == concept)
    }
}

/// When records start and end, and whether death ends them.
fn records(born: Day, random: &mut Random) -> (Day, Day, bool) {
    let joined = FIRST_DAY.plus(if random.permille(700) { 0 } else { random.between(0, 3200) });
    let from = joined.max(born);
    let deaths_permille = match born.years_to(LAST_DAY) {
        ..40 => 3,
        40..60 => 15,
        60..80 => 80,
        _ => 330,
    };
    let died = random.permille(deaths_permille);
    let until = if died { from.plus(random.between(0, LAST_DAY.0 - from.0)) } else { LAST_DAY };
    (from, until, died)
}

fn has(illness: &Illness, gender: i64, age: i64, random: &mut Random) -> bool {
    let band = usize::try_from(age / 20).unwrap_or(0).min(4);
    let share = match (illness.concept, gender) {
        (BREAST_CANCER, MALE) => illness.permille[band] / 100,
        (OSTEOPOROSIS, MALE) => illness.permille[band] / 4,
        _ => illness.permille[band],
    };
    random.permille(share)
}
