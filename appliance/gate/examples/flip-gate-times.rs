//! How long the gate takes over the worst texts that are known, each within its bound of characters. Prints the
//! fastest of five readings of each; `make bench` does not run it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Instant;

use flip_gate::{CHARACTERS_MAX, admit};

fn main() {
    println!("{:<44} {:>10} {:>8}  outcome", "text", "characters", "ms");
    let mut worst = 0.0_f64;
    for (name, sql) in texts() {
        let mut fastest = f64::MAX;
        let mut outcome = String::new();
        for _ in 0..5 {
            let begun = Instant::now();
            let result = admit(&sql);
            fastest = fastest.min(begun.elapsed().as_secs_f64() * 1e3);
            outcome = match result {
                Ok(plan) => format!("a plan of {} bytes", plan.engine_sql().len()),
                Err(refusal) => refusal.code.name().to_owned(),
            };
        }
        worst = worst.max(fastest);
        println!("{name:<44} {:>10} {fastest:>8.1}  {outcome}", sql.chars().count());
    }
    println!("worst: {worst:.1} ms");
}

/// As many of a piece as fit beside what stands around them.
fn filled(before: &str, piece: impl Fn(usize) -> String, after: &str) -> String {
    let mut sql = before.to_owned();
    for number in 0.. {
        let piece = piece(number);
        if sql.len() + piece.len() + after.len() > CHARACTERS_MAX {
            break;
        }
        sql.push_str(&piece);
    }
    sql + after
}

/// At most so many of a piece.
fn some(before: &str, many: usize, piece: impl Fn(usize) -> String, after: &str) -> String {
    let mut sql = before.to_owned();
    (0..many).for_each(|number| sql.push_str(&piece(number)));
    sql.push_str(after);
    if sql.len() > CHARACTERS_MAX { sql.chars().take(CHARACTERS_MAX).collect() } else { sql }
}

fn texts() -> Vec<(&'static str, String)> {
    let person = "SELECT person_id FROM person";
    vec![
        (
            "a list of numbers",
            filled("SELECT person_id FROM person WHERE year_of_birth IN (1", |n| format!(",{n}"), ")"),
        ),
        (
            "a list of columns in a list",
            filled(
                "SELECT person_id FROM person WHERE year_of_birth IN (1",
                |_| ",year_of_birth".to_owned(),
                ")",
            ),
        ),
        (
            "a chain of OR",
            some("SELECT person_id FROM person WHERE TRUE", 1_000, |n| format!(" OR {n}=1"), ""),
        ),
        ("a chain of sums", some("SELECT person_id,1", 199, |_| "+year_of_birth".to_owned(), " FROM person")),
        (
            "a chain of sums over an aggregate",
            some("SELECT person_id,count(*)", 199, |_| "+count(*)".to_owned(), " FROM person GROUP BY 1"),
        ),
        (
            "four chains of sums",
            some("SELECT person_id", 4, |_| format!(",1{}", "+day_of_birth".repeat(150)), " FROM person"),
        ),
        ("a union of many", some(person, 200, |_| format!(" UNION {person}"), "")),
        (
            "a union of many with *",
            some("SELECT * FROM death", 200, |_| " UNION SELECT * FROM death".to_owned(), ""),
        ),
        (
            "unions in brackets",
            some("", 60, |_| "(".to_owned(), &format!("{person}{}", format!(" UNION {person})").repeat(60))),
        ),
        (
            "many joins",
            some(
                "SELECT p.person_id FROM person p",
                100,
                |n| format!(" JOIN person t{n} USING(person_id)"),
                "",
            ),
        ),
        (
            "many joins with *",
            some(
                "SELECT * FROM person p",
                99,
                |n| format!(" JOIN death d{n} ON d{n}.person_id=p.person_id"),
                "",
            ),
        ),
        ("many tables by comma", some("SELECT 1 FROM person p", 199, |n| format!(",measurement m{n}"), "")),
        (
            "many tables by comma, all columns in sight",
            some("SELECT nothing FROM person p", 199, |n| format!(",measurement m{n}"), ""),
        ),
        (
            "many CTEs",
            some(
                "WITH a AS (SELECT person_id FROM person)",
                150,
                |n| format!(",a{n} AS (SELECT * FROM a)"),
                "SELECT * FROM a149",
            ),
        ),
        (
            "a chain of CTEs with *",
            some(
                "WITH a0 AS (SELECT * FROM measurement)",
                190,
                |n| format!(",a{} AS (SELECT * FROM a{n})", n + 1),
                "SELECT * FROM a190",
            ),
        ),
        (
            "a wide CASE",
            filled(
                "SELECT person_id,CASE year_of_birth WHEN 0 THEN 0",
                |n| format!(" WHEN {n} THEN {n}"),
                " END FROM person",
            ),
        ),
        (
            "nested CASE",
            some(
                "SELECT person_id,",
                60,
                |_| "CASE WHEN TRUE THEN ".to_owned(),
                &format!("1{} FROM person", " ELSE 2 END".repeat(60)),
            ),
        ),
        (
            "nested subqueries",
            some(person, 60, |n| format!(" WHERE EXISTS (SELECT 1 FROM person p{n}"), &")".repeat(60)),
        ),
        (
            "nested derived tables with *",
            some(
                "",
                60,
                |_| "SELECT * FROM (".to_owned(),
                &format!("SELECT * FROM measurement{}", ") x".repeat(60)),
            ),
        ),
        (
            "derived tables that double",
            some(
                "",
                20,
                |_| "SELECT *,* FROM (".to_owned(),
                &format!("SELECT * FROM death{}", ") x".repeat(20)),
            ),
        ),
        ("many columns of one name", filled("SELECT person_id", |_| ",1".to_owned(), " FROM person")),
        (
            "many GROUP BY keys",
            filled(
                "SELECT person_id,count(*) FROM person GROUP BY person_id",
                |_| ",year_of_birth".to_owned(),
                "",
            ),
        ),
        (
            "many ORDER BY labels",
            filled("SELECT person_id,year_of_birth AS y FROM person ORDER BY y", |_| ",y".to_owned(), ""),
        ),
        (
            "many columns, ordered by each",
            some(
                &some("SELECT person_id", 1_500, |n| format!(",{}", n % 10), " FROM person ORDER BY 1"),
                1_500,
                |n| format!(",{}", 2 + n % 1_000),
                "",
            ),
        ),
        (
            "many windows",
            some(
                "SELECT person_id",
                150,
                |_| ",rank()OVER(PARTITION BY person_id)".to_owned(),
                " FROM person",
            ),
        ),
        (
            "nested guards",
            some(
                "SELECT person_id,",
                60,
                |_| "abs(".to_owned(),
                &format!("year_of_birth{} FROM person", ")".repeat(60)),
            ),
        ),
        (
            "nested guards over a CTE",
            some(
                "WITH c AS (SELECT * FROM person) SELECT person_id,",
                60,
                |_| "abs(1+".to_owned(),
                &format!("year_of_birth{} FROM c", ")".repeat(60)),
            ),
        ),
        (
            "nested ages",
            some(
                "SELECT person_id,",
                60,
                |_| "age(".to_owned(),
                &format!("birth_datetime{} FROM person", ")".repeat(60)),
            ),
        ),
        (
            "nested LIKE patterns",
            some(
                "SELECT person_id,",
                60,
                |_| "upper(".to_owned(),
                &format!("gender_source_value{} FROM person", ")".repeat(60)),
            ),
        ),
        ("a million columns by *", some("SELECT ", 900, |_| "*,".to_owned(), "* FROM measurement")),
        (
            "a million columns by many tables",
            some(
                "SELECT ",
                900,
                |_| "*,".to_owned(),
                &some("* FROM person", 199, |n| format!(",measurement m{n}"), ""),
            ),
        ),
        (
            "misspelt names",
            filled("SELECT person_id FROM person WHERE TRUE", |_| " AND yaer_of_brith=1".to_owned(), ""),
        ),
        ("a long name", some("SELECT ", 10_200, |_| "a".to_owned(), " FROM person")),
        (
            "a long text",
            some(
                "SELECT person_id FROM person WHERE gender_source_value LIKE '",
                10_100,
                |_| "%".to_owned(),
                "'",
            ),
        ),
        (
            "a long regular expression",
            some(
                "SELECT person_id FROM person WHERE gender_source_value ~ '",
                10_100,
                |_| ".".to_owned(),
                "'",
            ),
        ),
        (
            "a long SIMILAR TO",
            some(
                "SELECT person_id FROM person WHERE gender_source_value SIMILAR TO '",
                10_100,
                |_| "%".to_owned(),
                "'",
            ),
        ),
        (
            "rows in a list",
            filled(
                "SELECT person_id FROM person WHERE (year_of_birth,1) IN ((1,1)",
                |n| format!(",({n},1)"),
                ")",
            ),
        ),
        (
            "COALESCE of columns",
            some(
                "SELECT person_id,",
                60,
                |_| "coalesce(year_of_birth,".to_owned(),
                &format!("1{} FROM person", ")".repeat(60)),
            ),
        ),
        (
            "many EXISTS of a wide FROM",
            some(
                "SELECT p.person_id FROM person p WHERE TRUE",
                130,
                |n| format!(" AND EXISTS(SELECT 1 FROM death d{n} WHERE d{n}.person_id=p.person_id)"),
                "",
            ),
        ),
    ]
}
