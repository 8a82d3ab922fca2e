//! No record's value makes the engine fail: a question that fails tells that such a record exists, whatever the
//! threshold. Every function of the gate, the corpus of the differential test, and questions of the grammar are run
//! over records that hold the worst value of each type.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use duckdb::Connection;
use flip_appliance::engine;
use flip_gate::cdm::{Kind, TABLES};
use flip_gate::{admit, admit_again};
use flip_protocol::answer::Failed;
use flip_tests::grammar;
use tempfile::TempDir;

use crate::fixture::{Site, make_generation};

/// Records of each table.
const RECORDS: usize = 48;

/// Values of a type that operations fail on.
fn worst(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Integer => {
            &["9223372036854775807", "-9223372036854775808", "0", "-1", "1", "NULL", "2147483648", "40000"]
        }
        Kind::Float => {
            &["1e308", "-1e308", "0.0", "-1.0", "5e-324", "NULL", "'nan'", "'inf'", "'-inf'", "2.5"]
        }
        Kind::Text(_) => &[
            "''",
            "'abc'",
            "'\\'",
            "'a\\'",
            "'%'",
            "'12'",
            "'99999999999999999999'",
            "'2020-99-99'",
            "'2020-02-29'",
            "'é'",
            "NULL",
            "'-1.5e400'",
            "'infinity'",
            "'!'",
            "'5874897-12-31'",
            "'290000-01-01 00:00:00'",
            "'178000000 years'",
        ],
        Kind::Date => &["'9999-12-31'", "'0001-01-01'", "'2020-02-29'", "NULL"],
        Kind::DateTime => &["'9999-12-31 23:59:59.999999'", "'0001-01-01'", "'2020-02-29 10:00:00'", "NULL"],
    }
}

/// A generation whose tables hold every worst value, and its like without records.
struct Ground {
    _folder: TempDir,
    hostile: Connection,
    empty: Connection,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let [hostile, empty] = ["hostile.duckdb", "empty.duckdb"].map(|name| folder.path().join(name));
        make_generation(&hostile, 0);
        fill(&hostile);
        make_generation(&empty, 0);
        Connection::open(&empty)
            .unwrap()
            .execute_batch("DELETE FROM omop.observation; DELETE FROM omop.concept")
            .unwrap();
        let [hostile, empty] = [hostile, empty].map(|file| engine::open_generation(&file, 1_024, 2).unwrap());
        Self { _folder: folder, hostile, empty }
    }

    /// What the engine says of an accepted question on each ground.
    fn run(&self, engine_sql: &str) -> [Result<(), String>; 2] {
        [&self.empty, &self.hostile].map(|ground| {
            let sql = format!("SELECT count(*), count(result) FROM ({engine_sql}\n) AS result");
            ground.query_row(&sql, [], |_| Ok(())).map_err(|error| error.to_string())
        })
    }

    /// Asks, and says what is wrong.
    fn complaint(&self, sql: &str) -> Option<String> {
        let plan = match admit(sql) {
            Ok(plan) => plan,
            Err(refusal) => return Some(format!("{sql}\n  not let in: {refusal}")),
        };
        match self.run(plan.engine_sql()) {
            [Ok(()), Ok(())] => None,
            [Err(error), _] => Some(format!("{sql}\n  not bound: {error}\n  {}", plan.engine_sql())),
            [Ok(()), Err(error)] => {
                Some(format!("{sql}\n  FAILS ON A RECORD: {error}\n  {}", plan.engine_sql()))
            }
        }
    }
}

/// Keys are small, so that records meet; everything else is the worst of its type.
fn fill(file: &Path) {
    let mut script = String::new();
    for table in TABLES {
        let columns: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let key = column.name.ends_with("_id") && !column.name.ends_with("concept_id");
                if key && table.primary_key == Some(column.name) {
                    return "i".to_owned();
                }
                if key && column.kind == Kind::Integer {
                    return format!("1 + (i * {}) % 12", at + 1);
                }
                let (values, engine) = (worst(column.kind), engine_type(column.kind));
                let step = format!("(i * {} + i // {}) % {}", 2 * at + 7, at + 2, values.len());
                format!("(CAST([{}] AS {engine}[]))[1 + {step}]", values.join(", "))
            })
            .collect();
        writeln!(
            script,
            "INSERT INTO omop.{} SELECT {} FROM range({RECORDS}) AS r(i);",
            table.name,
            columns.join(", ")
        )
        .unwrap();
    }
    Connection::open(file).unwrap().execute_batch(&script).unwrap();
}

fn engine_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "BIGINT",
        Kind::Float => "DOUBLE",
        Kind::Text(_) => "VARCHAR",
        Kind::Date => "DATE",
        Kind::DateTime => "TIMESTAMP",
    }
}

/// Calls of every function and uses of every operator and cast that could fail. `w` is a whole number, `n` a double,
/// `t` and `u` texts, `d` a date, `m` a moment.
const CALLS: &str = include_str!("hostile/calls.txt");

/// The same of aggregates, over the records of one person.
const AGGREGATES: &str = include_str!("hostile/aggregates.txt");

/// The same of windows.
const WINDOWS: &str = include_str!("hostile/windows.txt");

/// The columns that the letters stand for, for a FROM.
const LETTERS: &str = "(SELECT person_id, measurement_concept_id AS w, value_as_number AS n, value_source_value AS t, \
     unit_source_value AS u, measurement_date AS d, measurement_datetime AS m FROM measurement) AS r";

/// The same letters as columns of the table itself.
const TABLE: &str = "measurement AS r(measurement_id, person_id, w, d, m)";

/// Every use, each in the places where it could be evaluated.
pub fn uses() -> Vec<String> {
    let mut questions = Vec::new();
    for call in CALLS.lines() {
        questions.push(format!("SELECT person_id, {call} AS it FROM {LETTERS}"));
        questions.push(format!("SELECT person_id FROM {LETTERS} WHERE w = -1 AND ({call}) IS NOT NULL"));
        questions.push(format!("SELECT person_id, CASE WHEN w = 40000 THEN {call} END AS it FROM {LETTERS}"));
        if !call.contains("SELECT") {
            questions.push(format!("SELECT person_id, {call} AS it, max(w) + 1 AS more FROM {LETTERS} GROUP BY person_id, w, n, t, u, d, m"));
            questions
                .push(format!("SELECT person_id, count({call}) + 1 AS it FROM {LETTERS} GROUP BY person_id"));
        }
    }
    for call in AGGREGATES.lines() {
        questions.push(format!("SELECT person_id, {call} AS it FROM {LETTERS} GROUP BY person_id"));
    }
    for call in WINDOWS.lines() {
        questions.push(format!(
            "SELECT person_id, {call} AS it FROM {LETTERS} WINDOW p AS (PARTITION BY person_id ORDER BY w)"
        ));
    }
    for call in [
        "w + w",
        "-w",
        "w / w",
        "abs(w)",
        "d + w",
        "d + INTERVAL '10000 years'",
        "m - m",
        "make_date(w, w, w)",
    ] {
        questions.push(format!("SELECT person_id, {call} AS it FROM {TABLE}"));
        questions.push(format!("SELECT person_id FROM {TABLE} WHERE coalesce(({call})::text, '') <> 'x'"));
    }
    questions
}

#[test]
fn no_function_and_no_operator_fails_on_a_record() {
    let ground = Ground::new();
    let complaints: Vec<String> = uses().iter().filter_map(|sql| ground.complaint(sql)).collect();
    assert_eq!(complaints, [""; 0], "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_function_is_tried() {
    let all = uses().join(" ");
    let words: BTreeSet<&str> = all.split(|each: char| !each.is_alphanumeric() && each != '_').collect();
    let missing: Vec<&str> = flip_gate::function_names().filter(|name| !words.contains(name)).collect();
    assert_eq!(missing, [""; 0], "functions that no hostile value was given to");
}

#[test]
fn the_corpus_does_not_fail_on_a_record() {
    let ground = Ground::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/questions");
    let (mut asked, mut complaints) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        for block in fs::read_to_string(entry.unwrap().path()).unwrap().split("\n\n") {
            let Some((_, sql)) = block.trim().split_once('\n') else { continue };
            asked += 1;
            complaints.extend(ground.complaint(sql));
        }
    }
    assert!(asked > 150, "{asked}");
    assert_eq!(complaints, [""; 0], "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Questions of the grammar, from numbers in place of chance.
pub fn grammar_questions(many: u64) -> impl Iterator<Item = String> {
    (1..=many).map(|number| {
        let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bytes: Vec<u8> = (0..400)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .collect();
        grammar::question(&bytes)
    })
}

#[test]
fn no_question_of_the_grammar_fails_on_a_record() {
    let ground = Ground::new();
    let (mut accepted, mut bound, mut complaints) = (0_u32, 0_u32, Vec::new());
    for sql in grammar_questions(250) {
        let Ok(plan) = admit(&sql) else { continue };
        accepted += 1;
        assert_eq!(admit_again(&plan).as_ref(), Ok(&plan), "{sql}");
        match ground.run(plan.engine_sql()) {
            [Ok(()), Ok(())] => bound += 1,
            // What the engine does not bind fails whatever the records are.
            [Err(_), Err(_)] => {}
            [_, hostile] => complaints.push(format!("{sql}\n  {hostile:?}\n  {}", plan.engine_sql())),
        }
    }
    assert_eq!(complaints, [""; 0], "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert!(accepted >= 190, "{accepted} of 250 questions are let in");
    assert!(bound * 100 >= accepted * 98, "{bound} of {accepted} accepted questions are bound by the engine");
}

#[test]
fn a_pattern_that_the_engine_cannot_hold_is_refused_before_it_reads_a_record() {
    let ground = Ground::new();
    let plan =
        admit("SELECT person_id FROM measurement WHERE value_source_value ~ '[[:alpha:]]{2,1000}'").unwrap();
    assert!(ground.hostile.prepare(plan.engine_sql()).is_err());
    assert!(ground.empty.prepare(plan.engine_sql()).is_err());
}

#[test]
fn a_cast_that_fails_for_one_record_is_answered() {
    let mut site = Site::new(|_| {});
    let plan = admit(
        "SELECT p.person_id, o.value_as_string::integer AS number FROM person p \
         LEFT JOIN observation o ON o.person_id = p.person_id",
    );
    let answer = site.ask(&plan.unwrap()).unwrap();
    assert_eq!((answer.persons, answer.records), (100, 100));
    // The engine would have failed.
    let unguarded = crate::fixture::plan(
        "SELECT person_id, value_as_string::integer AS number FROM omop.observation",
        &["person_id", "number"],
    );
    assert_eq!(site.failure(&unguarded), Failed::BadValue);
}
