//! How PostgreSQL's expressions are spelt for the engine. Each pair of `spellings.txt` was run on PostgreSQL 15 and
//! DuckDB 1.5 over the same rows with the same results.

use flip_gate::admit;

const SPELLINGS: &str = include_str!("spellings.txt");

#[test]
fn every_expression_is_spelt_as_agreed() {
    for pair in SPELLINGS.split("\n\n") {
        let (expression, expected) = pair.trim().split_once('\n').unwrap();
        let plan = admit(&format!("SELECT person_id, {expression} AS it FROM measurement")).unwrap();
        let engine = plan.engine_sql().strip_prefix("SELECT t1.\"person_id\" AS \"person_id\", ").unwrap();
        let engine = engine.strip_suffix(" AS \"it\" FROM omop.measurement AS t1").unwrap();
        assert_eq!(engine, expected, "{expression}");
    }
}

#[test]
fn a_table_grouped_by_its_key_keeps_its_columns() {
    let plan = admit(
        "SELECT p.person_id, p.year_of_birth, count(*) FROM person p JOIN death d ON d.person_id = p.person_id \
         GROUP BY p.person_id ORDER BY p.gender_concept_id",
    )
    .unwrap();
    let groups = "GROUP BY t1.\"person_id\", t1.\"gender_concept_id\", t1.\"year_of_birth\" ORDER BY";
    assert!(plan.engine_sql().contains(groups), "{}", plan.engine_sql());
    assert!(plan.canonical().contains("GROUP BY p.person_id ORDER BY"), "{}", plan.canonical());
}

#[test]
fn positions_and_labels_become_positions() {
    let plan =
        admit("SELECT person_id, -range_low AS range_low FROM measurement ORDER BY range_low, range_low + 1");
    assert!(plan.unwrap().engine_sql().ends_with("ORDER BY 2, (t1.\"range_low\" + 1)"));
    let plan =
        admit("SELECT person_id, EXTRACT(YEAR FROM measurement_date) AS y FROM measurement GROUP BY 1, y");
    assert!(plan.unwrap().engine_sql().ends_with("GROUP BY 1, 2"));
}

#[test]
fn rows_of_both_sides_and_of_one_alone_are_found_by_joins() {
    let engine = |sql: &str| admit(sql).unwrap().engine_sql().to_owned();
    let (here, there) = ("SELECT person_id FROM person", "SELECT person_id FROM death");
    let joined = |join: &str| {
        format!(
            "SELECT DISTINCT l.* FROM (SELECT t1.\"person_id\" AS \"person_id\" FROM omop.person AS t1) AS l {join} JOIN \
             (SELECT t2.\"person_id\" AS \"person_id\" FROM omop.death AS t2) AS r ON l.\"person_id\" IS NOT DISTINCT FROM \
             r.\"person_id\""
        )
    };
    assert_eq!(engine(&format!("{here} INTERSECT {there}")), joined("SEMI"));
    assert_eq!(
        engine(&format!("{here} EXCEPT {there} ORDER BY 1")),
        format!("{} ORDER BY 1", joined("ANTI"))
    );
    // Several rows of one kind count; a whole number and a fraction become one type; a row outside is read.
    for (kept, sql) in [
        ("INTERSECT ALL", format!("{here} INTERSECT ALL {there}")),
        ("EXCEPT", "SELECT person_id, 1 FROM person EXCEPT SELECT person_id, 1.5 FROM death".to_owned()),
        (
            "EXCEPT",
            format!(
                "{here} p WHERE EXISTS (SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id EXCEPT \
                 {there} d WHERE d.person_id = p.person_id)"
            ),
        ),
    ] {
        let text = engine(&sql);
        assert!(text.contains(kept) && !text.contains("DISTINCT FROM"), "{text}");
    }
}
