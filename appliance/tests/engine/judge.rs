//! The engine's text of every accepted question names the snapshot's tables, its own CTEs and functions of a list, and
//! nothing else. DuckDB's own parser says what a text names: it is the one that will read it, and it shares nothing
//! with the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use duckdb::Connection;
use flip_gate::admit;
use flip_gate::cdm::TABLES;
use flip_tests::grammar;
use serde_json::Value;

use crate::hostile::grammar_questions;

/// Functions and operators that the engine's text may name. None reads a file, a setting or the catalogue.
const FUNCTIONS: &str = include_str!("judge/functions.txt");
/// Those of them that may stand in FROM.
const TABLE_FUNCTIONS: [&str; 3] = ["generate_series", "range", "unnest"];
/// What expressions may be.
const CLASSES: [&str; 13] = [
    "BETWEEN",
    "CASE",
    "CAST",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "OPERATOR",
    "STAR",
    "SUBQUERY",
    "WINDOW",
];
/// What queries, relations, modifiers and a type's own parameters may be.
const TYPES: [&str; 12] = [
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "BASE_TABLE",
    "SUBQUERY",
    "JOIN",
    "EMPTY",
    "EXPRESSION_LIST",
    "TABLE_FUNCTION",
    "ORDER_MODIFIER",
    "LIMIT_MODIFIER",
    "DISTINCT_MODIFIER",
    "DECIMAL_TYPE_INFO",
];
/// The order of a key.
const ORDERS: [&str; 3] = ["ORDER_DEFAULT", "ASCENDING", "DESCENDING"];

/// DuckDB's parser, and what was found foreign so far.
struct Judge {
    parser: Connection,
    allowed: BTreeSet<&'static str>,
    named: BTreeSet<String>,
    /// Each with the first text that it is about.
    complaints: BTreeMap<String, String>,
}

impl Judge {
    fn new() -> Self {
        Self {
            parser: Connection::open_in_memory().unwrap(),
            allowed: FUNCTIONS.split_whitespace().collect(),
            named: BTreeSet::new(),
            complaints: BTreeMap::new(),
        }
    }

    /// Looks at one text.
    fn judge(&mut self, engine_sql: &str) {
        let sql = "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR";
        let parsed: String = self.parser.query_row(sql, [engine_sql], |row| row.get(0)).unwrap();
        let parsed: Value = serde_json::from_str(&parsed).unwrap();
        match parsed["statements"].as_array().map(Vec::as_slice) {
            Some([one]) => self.look(one, &[]),
            _ => self.complain(format!("no one statement: {}", parsed["error_message"])),
        }
        for text in self.complaints.values_mut().filter(|text| text.is_empty()) {
            engine_sql.clone_into(text);
        }
    }

    fn complain(&mut self, complaint: String) {
        self.complaints.entry(complaint).or_default();
    }

    /// Looks at a part of a text, in which these CTEs are in scope.
    fn look(&mut self, part: &Value, ctes: &[&str]) {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part, ctes)),
            Value::Object(members) => {
                let mut ctes = ctes.to_vec();
                // Each sees those before it.
                for cte in part["cte_map"]["map"].as_array().into_iter().flatten() {
                    self.look(&cte["value"], &ctes);
                    ctes.extend(cte["key"].as_str());
                }
                self.one(part, &ctes);
                let others = members.iter().filter(|(name, _)| *name != "cte_map");
                others.for_each(|(_, member)| self.look(member, &ctes));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Looks at one node itself.
    fn one(&mut self, node: &Value, ctes: &[&str]) {
        let word = |name: &str| node[name].as_str().unwrap_or_default();
        let (class, kind) = (word("class"), word("type"));
        let known = match (class, kind) {
            ("", kind) => kind.is_empty() || TYPES.contains(&kind) || ORDERS.contains(&kind),
            (class, _) => CLASSES.contains(&class),
        };
        if !known {
            self.complain(format!("{class} {kind} is no part of a question"));
        }
        for name in ["sample", "at_clause"] {
            if node.get(name).is_some_and(|member| !member.is_null()) {
                self.complain(format!("a relation with a {name}"));
            }
        }
        if kind == "BASE_TABLE" {
            let (catalog, schema, table) = (word("catalog_name"), word("schema_name"), word("table_name"));
            let of_the_snapshot = schema == "omop" && TABLES.iter().any(|known| known.name == table);
            let of_the_question = schema.is_empty() && ctes.contains(&table);
            if !(catalog.is_empty() && (of_the_snapshot || of_the_question)) {
                self.complain(format!("the relation {catalog}.{schema}.{table}"));
            }
        }
        if kind == "TABLE_FUNCTION" {
            let name = node["function"]["function_name"].as_str().unwrap_or_default();
            if !TABLE_FUNCTIONS.contains(&name) {
                self.complain(format!("{name} in FROM"));
            }
        }
        if matches!(class, "FUNCTION" | "WINDOW") {
            let name = word("function_name");
            self.named.insert(name.to_owned());
            let own = word("catalog").is_empty() && matches!(word("schema"), "" | "main");
            if !(own && self.allowed.contains(name)) {
                self.complain(format!("the function {}.{name}", word("schema")));
            }
        }
    }
}

/// Every question that is kept in the repository: the gate's, the differential test's and the fuzzer's.
fn corpus() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut questions: Vec<String> = fs::read_to_string(here.join("gate/tests/accepted.sql"))
        .unwrap()
        .split("\n---\n")
        .map(str::to_owned)
        .collect();
    for entry in fs::read_dir(here.join("tests/differential/questions")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let blocks = text.split("\n\n").filter_map(|block| block.trim().split_once('\n'));
        questions.extend(blocks.map(|(_, sql)| sql.to_owned()));
    }
    for entry in fs::read_dir(here.join("../tests/fuzz/corpus")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        questions.extend(bytes.split_first().map(|(_, rest)| grammar::question(rest)));
        questions.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    questions.extend(crate::hostile::uses());
    questions
}

#[test]
fn no_accepted_question_names_anything_outside_the_snapshot() {
    let mut judge = Judge::new();
    let (mut kept, mut made) = (0, 0);
    for sql in corpus() {
        if let Ok(plan) = admit(&sql) {
            judge.judge(plan.engine_sql());
            kept += 1;
        }
    }
    for sql in grammar_questions(1_500) {
        if let Ok(plan) = admit(&sql) {
            judge.judge(plan.engine_sql());
            made += 1;
        }
    }
    assert_eq!(judge.complaints, BTreeMap::new());
    assert!(kept > 1_000 && made > 1_000, "{kept} kept and {made} made questions were let in");
    let unused: Vec<_> = judge.allowed.iter().filter(|name| !judge.named.contains(**name)).collect();
    assert_eq!(unused, [&""; 0], "allowed, and named by no question");
}

#[test]
fn the_functions_of_the_list_are_plain_ones() {
    let database = Connection::open_in_memory().unwrap();
    let mut statement = database
        .prepare(
            "SELECT function_name, function_type, coalesce(bool_or(has_side_effects), false) \
             FROM duckdb_functions() GROUP BY ALL",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let catalogue: Vec<(String, String, bool)> = rows.map(Result::unwrap).collect();
    for name in FUNCTIONS.split_whitespace() {
        let found: Vec<_> = catalogue.iter().filter(|(known, ..)| known == name).collect();
        assert!(!found.is_empty(), "{name} is in no catalogue");
        for (_, kind, side_effects) in found {
            let plain = matches!(kind.as_str(), "scalar" | "aggregate" | "macro") && !side_effects;
            assert!(plain || TABLE_FUNCTIONS.contains(&name), "{name} is a {kind}");
        }
    }
}

#[test]
fn what_is_outside_the_snapshot_is_seen() {
    for foreign in [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM person",
        "SELECT * FROM omop.patients",
        "SELECT * FROM main.person",
        "SELECT * FROM other.omop.person",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM query_table('x')",
        "SELECT * FROM omop.person USING SAMPLE 10%",
        "SELECT getenv('HOME') FROM omop.person",
        "SELECT current_setting('temp_directory') FROM omop.person",
        "SELECT (SELECT count(*) FROM pg_catalog.pg_tables) FROM omop.person",
        "SELECT person_id FROM omop.person WHERE EXISTS (SELECT 1 FROM w1)",
        "WITH w1 AS (SELECT 1 FROM w2), w2 AS (SELECT 2) SELECT 3 FROM omop.person",
        "SELECT 1 FROM (WITH w1 AS (SELECT 1) SELECT 2 FROM w1) JOIN w1 ON true",
        "SELECT count(*) FILTER (WHERE getenv('x') = '') OVER () FROM omop.person",
        "SELECT person_id FROM omop.person ORDER BY getenv('x') LIMIT 1",
        "SELECT ? FROM omop.person",
        "SELECT COLUMNS(x -> x <> '') FROM omop.person",
        "SELECT 1; SELECT 2",
        "DESCRIBE omop.person",
        "PIVOT omop.person ON gender_concept_id USING count(*)",
    ] {
        let mut judge = Judge::new();
        // Whatever the list is.
        judge.allowed.extend(["count", "count_star"]);
        judge.judge(foreign);
        assert!(!judge.complaints.is_empty(), "{foreign}");
    }
}
