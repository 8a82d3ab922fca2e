//! Made-up persons for the attacks, as extracts that are ingested like any other.
//!
//! The day of birth names one person, so an attacker who knows birthdays can ask about any set of them. One of them is
//! the target; everybody else is the same in all worlds.
//!
//! What must stay true: two worlds differ in the records of the target alone, by the one bit that is attacked.
//! Deliberately absent: real records.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::chance::Chance;

/// Persons, the target included: as many as the largest cohort that an attacker wants.
pub(super) const PERSONS: usize = 600;
/// Year of birth of the first.
const FIRST_YEAR: usize = 1_960;
/// Persons of one year of birth.
const OF_A_YEAR: usize = 300;
/// Days of a month that are used.
const DAYS: usize = 28;
/// The condition that the target has or not: pheochromocytoma.
pub(super) const RARE: u32 = 4_115_276;
/// A common one: type 2 diabetes.
const COMMON: u32 = 201_826;
/// Others who have the rare condition.
const OTHERS_RARE: usize = 3;

/// What is so of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum World {
    /// They are not in the data.
    Absent,
    /// They are in the data, without the rare condition.
    Present,
    /// They are in the data and have it.
    Afflicted,
}

impl World {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Absent, Self::Present, Self::Afflicted];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Present => "present",
            Self::Afflicted => "afflicted",
        }
    }
}

/// Somebody whom an attacker is after, and the Trusts that are made up around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// Which one, from 0.
    pub number: usize,
    /// The place among the persons.
    pub rank: usize,
}

impl Target {
    /// The target of that number.
    pub fn of(seed: u64, number: usize) -> Self {
        Self { number, rank: Chance::of(seed, &[1, number as u64]).below(PERSONS) }
    }

    /// The others.
    pub fn others(self) -> Vec<usize> {
        (0..PERSONS).filter(|rank| *rank != self.rank).collect()
    }
}

/// Day of birth of the one with that rank, as year * 10,000 + month * 100 + day.
pub(super) fn birthday(rank: usize) -> usize {
    let day = rank % OF_A_YEAR;
    (FIRST_YEAR + rank / OF_A_YEAR) * 10_000 + (1 + day / DAYS) * 100 + 1 + day % DAYS
}

/// Writes the extract of a world into a folder.
pub(super) fn write(folder: &Path, world: World, seed: u64, target: Target) -> io::Result<()> {
    let mut tables = Tables::new();
    let rare = Chance::of(seed, &[2, target.number as u64]).some_of(target.others(), OTHERS_RARE);
    for rank in 0..PERSONS {
        let is_target = rank == target.rank;
        if is_target && world == World::Absent {
            continue;
        }
        let has_rare = rare.contains(&rank) || is_target && world == World::Afflicted;
        tables.person(seed, target.number, rank, has_rare);
    }
    fs::create_dir_all(folder)?;
    tables.write(folder)
}

/// The files of an extract, as they grow.
struct Tables([(&'static str, String); 6]);

const HEADERS: [(&str, &str); 6] = [
    (
        "person",
        "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,race_concept_id,ethnicity_concept_id,\
         gender_source_value",
    ),
    (
        "condition_occurrence",
        "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_type_concept_id",
    ),
    (
        "measurement",
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_type_concept_id,value_as_number",
    ),
    (
        "visit_occurrence",
        "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,visit_type_concept_id",
    ),
    (
        "observation_period",
        "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,\
         period_type_concept_id",
    ),
    (
        "image_occurrence",
        "image_occurrence_id,person_id,image_occurrence_date,modality_concept_id,accession_id",
    ),
];

impl Tables {
    fn new() -> Self {
        Self(HEADERS.map(|(name, header)| (name, format!("{header}\n"))))
    }

    /// Everything of one person. Keys are the same in every world, whoever is in it.
    fn person(&mut self, seed: u64, number: usize, rank: usize, has_rare: bool) {
        let id = 1 + rank;
        let mut chance = Chance::of(seed, &[3, number as u64, rank as u64]);
        let (gender, sex) = if chance.coin() { (8_507, "M") } else { (8_532, "F") };
        let birthday = birthday(rank);
        let (year, month, day) = (birthday / 10_000, birthday / 100 % 100, birthday % 100);
        self.row(0, format_args!("{id},{gender},{year},{month},{day},0,0,{sex}"));
        if chance.below(10) < 3 {
            self.row(1, format_args!("{},{id},{COMMON},2019-05-01,32817", 2 * id));
        }
        if has_rare {
            self.row(1, format_args!("{},{id},{RARE},2020-05-01,32817", 2 * id + 1));
        }
        for at in 0..=chance.below(3) {
            let value = 40 + chance.below(40);
            self.row(2, format_args!("{},{id},3004410,2020-0{}-01,32817,{value}", 4 * id + at, 1 + at));
        }
        self.row(3, format_args!("{id},{id},9202,2020-03-01,2020-03-01,32817"));
        self.row(4, format_args!("{id},{id},2019-01-01,2019-12-31,32817"));
        let modality = if chance.coin() { 4_300_757 } else { 4_013_636 };
        self.row(5, format_args!("{id},{id},2020-03-01,{modality},A{id}"));
    }

    fn row(&mut self, table: usize, row: std::fmt::Arguments<'_>) {
        writeln!(self.0[table].1, "{row}").expect("writing to a String cannot fail");
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        self.0.iter().try_for_each(|(name, text)| fs::write(folder.join(format!("{name}.csv")), text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn lines(world: World, table: &str) -> BTreeSet<String> {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), world, 5, Target::of(5, 3)).unwrap();
        let text = fs::read_to_string(folder.path().join(format!("{table}.csv"))).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn worlds_differ_in_the_target_alone_and_by_one_bit() {
        for (table, _) in HEADERS {
            let [absent, present, afflicted] = World::ALL.map(|world| lines(world, table));
            assert!(absent.is_subset(&present) && present.is_subset(&afflicted), "{table}");
            let more = afflicted.len() - present.len();
            assert_eq!(more, usize::from(table == "condition_occurrence"), "{table}");
        }
        let [absent, present, _] = World::ALL.map(|world| lines(world, "person").len());
        assert_eq!((absent, present), (PERSONS, 1 + PERSONS));
    }

    #[test]
    fn a_birthday_names_one_person() {
        let birthdays: BTreeSet<usize> = (0..PERSONS).map(birthday).collect();
        assert_eq!(birthdays.len(), PERSONS);
    }
}
