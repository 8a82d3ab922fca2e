//! Questions in the style of OMOP and FLIP tutorials are let in, and say by whom persons are counted.

use flip_gate::{Subject, admit};

fn person(column: &str) -> Subject {
    Subject::Person { column: column.to_owned() }
}

/// Each question, one after another, separated by a line of dashes.
const QUESTIONS: &str = include_str!("accepted.sql");

fn questions() -> impl Iterator<Item = &'static str> {
    QUESTIONS.split("\n---\n").map(str::trim)
}

#[test]
fn tutorial_questions_are_let_in() {
    for question in questions() {
        if let Err(refusal) = admit(question) {
            panic!("{question}\n{refusal} ({})", refusal.code.name());
        }
    }
}

#[test]
fn canonical_text_is_a_fixed_point() {
    for question in questions() {
        let plan = admit(question).unwrap();
        let again =
            admit(plan.canonical()).unwrap_or_else(|refusal| panic!("{}\n{refusal}", plan.canonical()));
        assert_eq!(again, plan, "{question}");
    }
}

#[test]
fn tables_are_qualified_and_names_folded() {
    let plan =
        admit("select P.Person_ID from PERSON p join \"person\" as q on q.person_id = p.PERSON_ID;").unwrap();
    assert_eq!(
        plan.canonical(),
        "SELECT p.person_id FROM omop.person AS p JOIN omop.person AS q ON q.person_id = p.person_id"
    );
    assert_eq!(
        plan.engine_sql(),
        "SELECT t1.\"person_id\" AS \"person_id\" FROM omop.person AS t1 JOIN omop.person AS t2 \
         ON (t2.\"person_id\" = t1.\"person_id\")"
    );
    assert_eq!(plan.columns(), ["person_id"]);
    assert_eq!(plan.subject(), &person("person_id"));
}

#[test]
fn the_subject_is_traced_whatever_its_label() {
    let plan =
        admit("WITH c AS (SELECT person_id AS who, year_of_birth AS person_id FROM person) SELECT * FROM c");
    let plan = plan.unwrap();
    assert_eq!(plan.columns(), ["who", "person_id"]);
    assert_eq!(plan.subject(), &person("who"));

    let plan = admit("SELECT accession_id AS a, modality_concept_id FROM image_occurrence").unwrap();
    assert_eq!(plan.subject(), &Subject::Accession { column: "a".to_owned() });

    let plan = admit("SELECT accession_id, person_id FROM image_occurrence").unwrap();
    assert_eq!(plan.subject(), &person("person_id"));
}

#[test]
fn columns_of_one_name_get_labels_of_their_own() {
    let plan = admit(
        "SELECT p.person_id, c.person_id, c.condition_concept_id AS \"Person_ID\", 1, 2 \
         FROM person p JOIN condition_occurrence c ON c.person_id = p.person_id",
    )
    .unwrap();
    assert_eq!(plan.columns(), ["person_id", "person_id_2", "Person_ID_3", "?column?", "?column?_2"]);
}

#[test]
fn a_cte_shadows_a_table_and_the_schema_reaches_behind_it() {
    let plan = admit("WITH person AS (SELECT person_id AS id FROM person) SELECT id FROM person").unwrap();
    assert_eq!(plan.subject(), &person("id"));
    let plan = admit(
        "WITH death AS (SELECT person_id FROM person) \
         SELECT d.death_date, d.person_id FROM omop.death d JOIN death USING (person_id)",
    )
    .unwrap();
    assert_eq!(plan.columns(), ["death_date", "person_id"]);
}

#[test]
fn long_flat_conditions_are_fine() {
    for word in [" OR ", " AND "] {
        let conditions: Vec<String> = (0..400).map(|n| format!("year_of_birth<>{n}")).collect();
        let sql = format!("SELECT person_id FROM person WHERE {}", conditions.join(word));
        assert!(admit(&sql).is_ok());
    }
    let list: Vec<String> = (0..1_500).map(|n| n.to_string()).collect();
    assert!(
        admit(&format!("SELECT person_id FROM person WHERE gender_concept_id IN ({})", list.join(",")))
            .is_ok()
    );
}

#[test]
fn ten_thousand_characters_are_counted_not_bytes() {
    let filler = "é".repeat(5_000);
    assert!(admit(&format!("SELECT person_id FROM person -- {filler}")).is_ok());
}
