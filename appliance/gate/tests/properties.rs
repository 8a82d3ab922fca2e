//! Whatever the text: no panic; and what is let in stays let in, unchanged, when its canonical text is asked again.

use flip_gate::{CHARACTERS_MAX, Code, admit, admit_again};
use proptest::prelude::*;

#[path = "../../../tests/src/grammar.rs"]
#[expect(dead_code, reason = "the engine's tests use the rest")]
mod grammar;
#[path = "../../../tests/fuzz/judge.rs"]
mod judge;

const QUESTIONS: &str = include_str!("accepted.sql");

fn questions() -> Vec<&'static str> {
    QUESTIONS.split("\n---\n").collect()
}

/// Pieces from which questions, sensible and not, are made.
const PIECES: &[&str] = &[
    "SELECT",
    "*",
    "person_id",
    "p",
    ".",
    ",",
    "FROM",
    "person",
    "omop",
    "death",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "(",
    ")",
    "(",
    ")",
    "WHERE",
    "=",
    "<>",
    "<",
    "AND",
    "OR",
    "NOT",
    "IN",
    "EXISTS",
    "UNION ALL",
    "EXCEPT",
    "WITH",
    "x",
    "AS",
    "x",
    "1",
    "2.5",
    "'a'",
    "NULL",
    "TRUE",
    "count(*)",
    "max",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "DISTINCT",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "OVER",
    "PARTITION BY",
    "BETWEEN",
    "LIKE",
    "::int",
    "::date",
    "-",
    "+",
    "/",
    "^",
    "||",
    "~",
    "INTERVAL '1 day'",
    "year_of_birth",
    "death_date",
    "EXTRACT(YEAR FROM",
    "coalesce",
    "ARRAY[",
    "]",
    "ANY",
    "IS NULL",
    "ROLLUP",
    "generate_series(1, 3)",
    "generate_series(DATE '2019-01-01', DATE '2019-03-01', INTERVAL '1 month')",
    "(VALUES (8507, 'a'), (8532, NULL))",
    "LIKE ANY (ARRAY['a%'])",
    "GROUPING SETS ((person_id), (person_id, year_of_birth))",
    "\"",
    "$$",
    "--\n",
    "/*",
    ";",
    "é",
    "\\",
];

fn check(sql: &str) -> Result<(), TestCaseError> {
    match admit(sql) {
        Ok(plan) => {
            let again = admit_again(&plan);
            prop_assert_eq!(again.as_ref(), Ok(&plan), "{} became {}", sql, plan.canonical());
            for label in plan.columns() {
                let same = plan
                    .columns()
                    .iter()
                    .filter(|other| other.to_lowercase() == label.to_lowercase())
                    .count();
                prop_assert_eq!(same, 1, "{} has {} twice", sql, label);
            }
        }
        Err(refusal) => {
            prop_assert!(!refusal.message.is_empty());
            prop_assert!(refusal.code != Code::TooLong || sql.chars().count() > CHARACTERS_MAX / 100);
        }
    }
    Ok(())
}

#[test]
fn the_fuzzers_corpus_is_kept() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        if let Some((1, rest)) = bytes.split_first() {
            judge::question(&grammar::question(rest));
        }
        judge::question(&String::from_utf8_lossy(&bytes));
        replayed += 1;
    }
    assert!(replayed >= 10, "{replayed}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn words_in_any_order(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        check(&pieces.join(" "))?;
        check(&format!("SELECT person_id FROM person WHERE {}", pieces.join(" ")))?;
    }

    #[test]
    fn an_expression(pieces in prop::collection::vec(prop::sample::select(PIECES), 1..6)) {
        check(&format!("SELECT p.person_id, {} FROM person p JOIN death x ON x.person_id = p.person_id", pieces.join(" ")))?;
    }

    #[test]
    fn questions_of_the_grammar(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        judge::question(&grammar::question(&bytes));
    }

    #[test]
    fn questions_with_a_piece_replaced(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0_usize..12,
        piece in prop::sample::select(PIECES),
    ) {
        let questions = questions();
        let question: Vec<char> = which.get(&questions).chars().collect();
        let from = from.index(question.len());
        let after = (from + length).min(question.len());
        let mutated: String =
            question[..from].iter().copied().chain(piece.chars()).chain(question[after..].iter().copied()).collect();
        check(&mutated)?;
    }

    #[test]
    fn two_questions_spliced(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        resume in any::<prop::sample::Index>(),
    ) {
        let questions = questions();
        let words = |index: &prop::sample::Index| index.get(&questions).split_whitespace().collect::<Vec<_>>();
        let (first, second) = (words(&first), words(&second));
        let spliced = [&first[..cut.index(first.len())], &second[resume.index(second.len())..]].concat();
        check(&spliced.join(" "))?;
    }
}
