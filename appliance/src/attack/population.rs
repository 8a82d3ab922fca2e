//! Made-up persons for the attacks, as extracts that are ingested like any other.
//!
//! Persons stand in blocks of one year of birth. Month and day of birth name one person of a block, so an attacker who
//! knows birthdays can ask about any set of them. Each block holds one target; everybody else is the same in all worlds.
//!
//! What must stay true: two worlds differ in the records of the targets alone, by the one bit that is attacked.
//! Deliberately absent: real records.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::chance::Chance;

/// Persons of a block, targets included.
pub(super) const BLOCK: usize = 300;
/// Year of birth of the first block.
const FIRST_YEAR: usize = 1_935;
/// Persons beside the blocks where there is a crowd, all born in the year before the first.
const CROWD: usize = 6_000;
/// Days of a month that are used.
const DAYS: usize = 28;
/// Blocks that there are years for.
pub(super) const BLOCKS_MAX: usize = 60;
/// The condition that the target has or not: pheochromocytoma.
pub(super) const RARE: u32 = 4_115_276;
/// A common one: type 2 diabetes.
const COMMON: u32 = 201_826;
/// Others of a block who have the rare condition.
const OTHERS_RARE: usize = 3;

/// What is so of the targets.
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

/// Somebody whom an attacker is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The block.
    pub block: usize,
    /// The place in it.
    pub rank: usize,
}

impl Target {
    /// The target of a block.
    pub fn of(seed: u64, block: usize) -> Self {
        Self { block, rank: Chance::of(seed, &[1, block as u64]).below(BLOCK) }
    }

    /// Year of birth of everybody in the block.
    pub fn year(self) -> usize {
        FIRST_YEAR + self.block
    }

    /// The others of the block.
    pub fn others(self) -> Vec<usize> {
        (0..BLOCK).filter(|rank| *rank != self.rank).collect()
    }
}

/// Month and day of birth of the one with that rank, as month * 100 + day.
pub(super) fn birthday(rank: usize) -> usize {
    (1 + rank / DAYS % 12) * 100 + 1 + rank % DAYS
}

/// Writes the extract of a world into a folder.
pub(super) fn write(folder: &Path, world: World, seed: u64, blocks: usize, crowd: bool) -> io::Result<()> {
    let mut tables = Tables::new();
    for block in 0..blocks {
        let target = Target::of(seed, block);
        let rare = Chance::of(seed, &[2, block as u64]).some_of(target.others(), OTHERS_RARE);
        for rank in 0..BLOCK {
            let is_target = rank == target.rank;
            if is_target && world == World::Absent {
                continue;
            }
            let has_rare = rare.contains(&rank) || is_target && world == World::Afflicted;
            tables.person(seed, block + 1, rank, has_rare);
        }
    }
    for rank in 0..if crowd { CROWD } else { 0 } {
        tables.person(seed, 0, rank, false);
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

    /// Everything of one person of a block, counted from 1; 0 is the crowd. Keys are the same in every world, whoever
    /// is in it.
    fn person(&mut self, seed: u64, block: usize, rank: usize, has_rare: bool) {
        let id = if block == 0 { 1 + BLOCKS_MAX * BLOCK + rank } else { 1 + (block - 1) * BLOCK + rank };
        let mut chance = Chance::of(seed, &[3, id as u64]);
        let (gender, sex) = if chance.coin() { (8_507, "M") } else { (8_532, "F") };
        let (month, day) = (birthday(rank) / 100, birthday(rank) % 100);
        let year = FIRST_YEAR + block - 1;
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
        self.row(4, format_args!("{id},{id},2010-01-01,2019-12-31,32817"));
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
        write(folder.path(), world, 5, 3, true).unwrap();
        let text = fs::read_to_string(folder.path().join(format!("{table}.csv"))).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn worlds_differ_in_the_targets_alone_and_by_one_bit() {
        for (table, _) in HEADERS {
            let [absent, present, afflicted] = World::ALL.map(|world| lines(world, table));
            assert!(absent.is_subset(&present) && present.is_subset(&afflicted), "{table}");
            let more = afflicted.len() - present.len();
            assert_eq!(more, if table == "condition_occurrence" { 3 } else { 0 }, "{table}");
        }
        let [absent, present, _] = World::ALL.map(|world| lines(world, "person").len());
        assert_eq!((absent, present), (1 + 6_897, 1 + 6_900));
    }
}
