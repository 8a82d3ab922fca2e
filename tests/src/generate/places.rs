//! Where care happens: locations, care sites, providers, and the note on where the extract comes from.

use std::io;

use super::calendar::Day;
use super::extract::{Folder, Value};
use super::person::LAST_DAY;
use super::{Census, Recipe};
use Value::{Int, On, Text};

/// Locations of a Trust's persons and sites.
pub const LOCATIONS: i64 = 24;
/// Care sites; the first [`HOSPITALS`] are hospitals, the others practices.
pub const CARE_SITES: i64 = 16;
/// See [`CARE_SITES`].
pub const HOSPITALS: i64 = 4;
/// Providers of care.
pub const PROVIDERS: i64 = 80;

const INPATIENT_HOSPITAL: i64 = 8717;
const OFFICE: i64 = 8940;
const GENERAL_PRACTICE: i64 = 38_004_446;
const INTERNAL_MEDICINE: i64 = 38_004_456;
const RADIOLOGY: i64 = 38_004_675;
const CDM_5_4: i64 = 756_265;

/// Writes them.
pub fn write(folder: &Folder, recipe: &Recipe, census: &mut Census) -> io::Result<()> {
    let base = recipe.first_key();
    let mut location = folder.table("location", ["location_id", "city", "zip", "country_source_value"])?;
    for index in 0..LOCATIONS {
        let district = format!("SE{}", index + 1);
        location.row(&[Int(base + index + 1), Text("London"), Text(&district), Text("United Kingdom")])?;
    }
    census.add("location", location.finish()?);

    let mut site = folder.table(
        "care_site",
        ["care_site_id", "care_site_name", "place_of_service_concept_id", "location_id"],
    )?;
    for index in 0..CARE_SITES {
        let (kind, place) =
            if index < HOSPITALS { ("Hospital", INPATIENT_HOSPITAL) } else { ("Practice", OFFICE) };
        let name = format!("{kind} {}", index + 1);
        site.row(&[Int(base + index + 1), Text(&name), Int(place), Int(base + index % LOCATIONS + 1)])?;
    }
    census.add("care_site", site.finish()?);

    let mut provider = folder.table(
        "provider",
        ["provider_id", "specialty_concept_id", "care_site_id", "provider_source_value"],
    )?;
    for index in 0..PROVIDERS {
        let site = index % CARE_SITES;
        let specialty = match (site < HOSPITALS, index % 3) {
            (true, 0) => RADIOLOGY,
            (true, _) => INTERNAL_MEDICINE,
            (false, _) => GENERAL_PRACTICE,
        };
        let code = format!("P{:04}", index + 1);
        provider.row(&[Int(base + index + 1), Int(specialty), Int(base + site + 1), Text(&code)])?;
    }
    census.add("provider", provider.finish()?);
    write_source(folder, recipe, census)
}

fn write_source(folder: &Folder, recipe: &Recipe, census: &mut Census) -> io::Result<()> {
    let mut source = folder.table(
        "cdm_source",
        [
            "cdm_source_name",
            "cdm_source_abbreviation",
            "cdm_holder",
            "source_description",
            "source_release_date",
            "cdm_release_date",
            "cdm_version",
            "cdm_version_concept_id",
            "vocabulary_version",
        ],
    )?;
    let name = format!("Synthetic Trust {}", recipe.trust_offset);
    let abbreviation = format!("SYN{}", recipe.trust_offset);
    let description = format!(
        "{} synthetic persons, made by flip-generate with seed {}; no real person is described",
        recipe.persons, recipe.seed
    );
    source.row(&[
        Text(&name),
        Text(&abbreviation),
        Text("FLIP Edge"),
        Text(&description),
        On(LAST_DAY),
        On(Day::of(2025, 1, 15)),
        Text("5.4"),
        Int(CDM_5_4),
        Text("FLIP Edge small 1"),
    ])?;
    census.add("cdm_source", source.finish()?);
    Ok(())
}
