//! Questions that are too long, too deep or too wide, each refused before it costs anything.

use flip_gate::{CHARACTERS_MAX, Code, admit};

use crate::{output, refused, teaches};

#[test]
fn too_much_is_refused_before_it_hurts() {
    let long = format!("SELECT person_id FROM person -- {}", "x".repeat(1 << 20));
    assert!(refused(&long, Code::TooLong).contains(&CHARACTERS_MAX.to_string()));

    let nested = |before: &str, after: &str, times: usize| {
        format!("SELECT person_id FROM person WHERE {}1{}", before.repeat(times), after.repeat(times))
    };
    for sql in [
        nested("(", ")", 5_000),
        nested("(", "", 10_000),
        nested("NOT ", "", 2_500),
        nested("- ", "", 5_000),
        nested("~ ", "", 5_000),
        nested("abs(", ")", 2_000),
        nested("(SELECT ", ")", 1_100),
        nested("CASE WHEN ", "", 1_000),
        nested("", " + 1", 2_400),
        nested("", " = 1", 2_400),
        nested("", "::int", 2_000),
        nested("", " IS NULL", 1_200),
        nested("", "[1]", 3_000),
        nested("", " AND 1", 1_600),
        nested("", " OR 1", 2_000),
        nested("EXISTS (", ")", 1_000),
        nested("ARRAY[", "]", 1_000),
        nested("", "::int[][][][][][][]", 500),
        nested("NULL + ", "", 900),
        nested("NULL = ", "", 900),
        nested("", "::int", 900),
        format!("{}SELECT person_id FROM person{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT person_id FROM {}person{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT person_id FROM person {}", "JOIN death ".repeat(900)),
        format!("SELECT person_id FROM person {}", "UNION SELECT 1 ".repeat(650)),
        format!("{}SELECT 1{}", "WITH a AS (".repeat(600), ") SELECT 1".repeat(300)),
    ] {
        let refusal = admit(&sql).expect_err("deep");
        teaches(&sql, &refusal);
        assert!(
            matches!(refusal.code, Code::TooDeep | Code::NotSql),
            "{}: {refusal}",
            &sql[..60.min(sql.len())]
        );
    }
    for sql in [nested("(", ")", 65), nested("NOT ", "", 100), nested("abs(", ")", 64)] {
        refused(&sql, Code::TooDeep);
    }

    let stars = format!("SELECT {} FROM person", vec!["*"; 200].join(","));
    refused(&stars, Code::ConstructNotAllowed);
    let doubling = (0..20).fold("person".to_owned(), |from, n| format!("(SELECT *, * FROM {from}) AS x{n}"));
    refused(&format!("SELECT * FROM {doubling}"), Code::ConstructNotAllowed);
    let many =
        format!("SELECT 1 FROM {}", (0..300).map(|n| format!("death d{n}")).collect::<Vec<_>>().join(","));
    refused(&many, Code::ConstructNotAllowed);
}

#[test]
fn a_million_columns_are_refused_by_name() {
    let stars = "*, ".repeat(900);
    let tables: Vec<String> = (0..190).map(|number| format!("measurement m{number}")).collect();
    for sql in [
        format!("SELECT {stars}person_id FROM {}", tables.join(", ")),
        format!("SELECT {} FROM {}", "*", tables.join(", ")),
        format!("SELECT {}person_id FROM measurement m", "m.*, ".repeat(900)),
        format!("SELECT person_id{} FROM person", ", 1".repeat(3_000)),
        (0..30).fold("SELECT * FROM measurement".to_owned(), |sql, number| {
            format!("SELECT *, * FROM ({sql}) AS x{number}")
        }),
    ] {
        let said = refused(&sql, Code::ConstructNotAllowed);
        assert!(said.contains("columns") && said.contains("write the ones that are needed"), "{said}");
    }
    // What multiplies over CTEs and branches is bounded all together.
    let chain: Vec<String> =
        (1..190).map(|number| format!("a{number} AS (SELECT *, * FROM a{})", number - 1)).collect();
    let sql = format!("WITH a0 AS (SELECT * FROM measurement), {} SELECT * FROM a189", chain.join(", "));
    refused(&sql, Code::ConstructNotAllowed);
}

#[test]
fn texts_that_double_at_each_level_are_refused_in_time() {
    let nested = |before: &str, inner: &str, after: &str, times: usize| {
        format!(
            "SELECT person_id, {}{inner}{} FROM measurement GROUP BY person_id",
            before.repeat(times),
            after.repeat(times)
        )
    };
    for times in [30, 40] {
        let mode = nested("mode() WITHIN GROUP (ORDER BY ", "unit_source_value", ")", times);
        refused(&mode, Code::ConstructNotAllowed);
        let gathered = nested("string_agg(DISTINCT ", "unit_source_value", ", ',')", times);
        refused(&gathered, Code::ConstructNotAllowed);
        refused(&nested("array_agg(DISTINCT ", "unit_source_value", ")", times), Code::ConstructNotAllowed);
    }
    // A subquery between them makes them legal; the text then outgrows what may be repeated.
    let between = nested("string_agg(DISTINCT (SELECT ", "unit_source_value", "), ',')", 14);
    assert!(matches!(admit(&between).unwrap_err().code, Code::ConstructNotAllowed | Code::TooLong));
    let windows = "sum(sum(value_as_number) OVER (PARTITION BY person_id)) OVER (PARTITION BY person_id)";
    output(windows, Code::ConstructNotAllowed);
    output("sum(sum(value_as_number) OVER (PARTITION BY person_id))", Code::ConstructNotAllowed);
    // Spellings that repeat an operand, one within the other.
    for (before, after) in
        [("age(", ")"), ("date_trunc('month', ", ")"), ("initcap(", ")"), ("nullif(", ", '')")]
    {
        for times in [20, 60] {
            let _either = admit(&nested(before, "measurement_date", after, times));
        }
    }
}
