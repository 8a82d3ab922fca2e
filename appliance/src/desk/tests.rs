use super::*;
use crate::data::Manifest;
use crate::disclosure::{Measured, Statistics};

/// Gives the same outcome whatever is asked, and counts how often.
struct Counting {
    outcome: Result<RawCounts, EngineFailure>,
    calls: u32,
}

impl Counting {
    fn new(outcome: Result<RawCounts, EngineFailure>) -> Self {
        Self { outcome, calls: 0 }
    }

    /// What the desk says to a question, and how often it has asked the engine by then.
    fn ask(&mut self, desk: &Desk, generation: &Generation, sql: &str) -> (CohortOutcome, u32) {
        let asked = Asked { sql, project: "p", at: UnixMillis(1_767_225_600_000), order: None };
        let said = desk.answer_at_once(
            self,
            generation,
            flip_gate::admit(asked.sql).unwrap(),
            asked,
            &CancelFlag::default(),
        );
        (said.unwrap().unwrap().release.into_outcome(), self.calls)
    }
}

impl Measure for Counting {
    fn measure(&mut self, _: &Path, _: &Question, _: &CancelFlag) -> Result<RawCounts, EngineFailure> {
        self.calls += 1;
        self.outcome.clone()
    }
}

fn counts() -> RawCounts {
    RawCounts::new(Measured {
        cost: 0,
        rows: 1_000,
        rows_cap: 1,
        subjects: (0..1_000).collect(),
        columns: vec![],
        ages: vec![],
        sexes: vec![],
        years: vec![],
        years_cap: 0,
        images: None,
        numbers: vec![],
        categories: vec![],
        statistics: Statistics::of(1, 0, 0, false),
    })
}

fn generation(name: &str) -> Generation {
    let manifest = Manifest {
        extract_date: "2026-01-01".to_owned(),
        cdm_version: None,
        ingested_at_ms: 0,
        duckdb_version: String::new(),
        tables: vec![],
        notes: vec![],
        database: None,
        population: None,
        delivery: None,
        begun: None,
    };
    Generation { name: name.to_owned(), database: name.into(), manifest }
}

fn desk(policy: &str) -> Desk {
    Desk::new(Policy::check(policy).unwrap(), [7; 32], Cohorts::in_memory().unwrap())
}

const QUESTION: &str = "SELECT person_id FROM person";

#[test]
fn a_hub_that_names_a_project_for_each_question_has_the_quota_of_the_trust_alone() {
    let policy = Policy::check("questions_weekly = 2\nquestions_weekly_all = 3\ndanger_noise = 0.0").unwrap();
    let desk = Desk::new(policy, [1; 32], Cohorts::in_memory().unwrap());
    let mut engine = Counting::new(Ok(counts()));
    let mut ask = |project: &str, year: u32, at: u64| {
        let sql = format!("SELECT person_id FROM person WHERE year_of_birth = {year}");
        let asked = Asked { sql: &sql, project, at: UnixMillis(at), order: None };
        let plan = flip_gate::admit(&sql).unwrap();
        let generation = generation("g-000001");
        let said =
            desk.answer_at_once(&mut engine, &generation, plan, asked, &CancelFlag::default()).unwrap();
        match said.unwrap().release.into_outcome() {
            CohortOutcome::Refused(refused) => refused.message,
            CohortOutcome::Value(_) | CohortOutcome::FewerThan { .. } | CohortOutcome::Failed { .. } => {
                String::new()
            }
        }
    };
    for number in 0..3 {
        assert_eq!(ask(&format!("p{number}"), 1950 + number, 1_000), "");
    }
    let refused = ask("p3", 1953, 1_000);
    assert!(refused.contains("3 new questions of all projects together"), "{refused}");
    assert_eq!(ask("p4", 1950, 1_000), "", "what was answered before takes no place");
    assert_eq!(ask("p3", 1953, 1_000 + WEEK_MS + 1), "");
}

#[test]
fn the_same_question_is_measured_once_for_each_generation_and_policy() {
    let (first, second) = (generation("g-000001"), generation("g-000002"));
    let mut engine = Counting::new(Ok(counts()));
    let desk = desk("");
    let (told, calls) = engine.ask(&desk, &first, QUESTION);
    assert!(matches!(told, CohortOutcome::Value(_)));
    assert_eq!(calls, 1);
    assert_eq!(engine.ask(&desk, &first, QUESTION), (told.clone(), 1));
    assert_eq!(engine.ask(&desk, &first, "select PERSON_ID\nfrom omop.person"), (told, 1), "in other words");
    assert_eq!(engine.ask(&desk, &second, QUESTION).1, 2, "another generation");
    assert_eq!(engine.ask(&desk, &first, "SELECT person_id FROM death").1, 3, "another question");
    let other = Desk::new(Policy::check("threshold = 20").unwrap(), desk.secret, desk.ledger);
    assert_eq!(engine.ask(&other, &first, QUESTION).1, 4, "another policy");
    assert_eq!(engine.ask(&other, &first, QUESTION).1, 4);
    let former = Desk::new(Policy::check("").unwrap(), other.secret, other.ledger);
    assert_eq!(engine.ask(&former, &second, QUESTION).1, 4, "what was said before is kept");
}

#[test]
fn a_question_is_asked_again_where_another_time_may_do_better() {
    let generation = generation("g-000001");
    let is_asked_again = |failure| {
        let (mut engine, desk) = (Counting::new(Err(failure)), desk(""));
        let (failed, calls) = engine.ask(&desk, &generation, QUESTION);
        assert!(!matches!(failed, CohortOutcome::Value(_)) && calls == 1);
        engine.outcome = Ok(counts());
        let (told, calls) = engine.ask(&desk, &generation, QUESTION);
        assert_eq!(told == failed, calls == 1, "what is remembered is said again");
        calls == 2
    };
    let by = EngineFailure::Failed;
    for failed in [Failed::Timeout, Failed::OutOfMemory, Failed::EngineLost, Failed::Internal] {
        assert!(is_asked_again(by(failed)), "{failed:?}");
    }
    for failed in [Failed::NotUnderstood, Failed::BadValue, Failed::TooManyRows] {
        assert!(!is_asked_again(by(failed)), "{failed:?}");
    }
    assert!(!is_asked_again(EngineFailure::TooCostly));
}

#[test]
fn a_ledger_without_its_secret_is_not_used_and_neither_is_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let [secret, ledger] = ["noise.secret", "cohorts.redb"].map(|name| folder.path().join(name));
    let open =
        || Desk::open(Policy::default(), &secret, &ledger).map(drop).map_err(|error| error.to_string());
    assert_eq!(open(), Ok(()));
    assert_eq!(open(), Ok(()));
    std::fs::remove_file(&secret).unwrap();
    assert_eq!(open(), Ok(()), "nothing was released with the secret that is gone");
    let desk = Desk::open(Policy::default(), &secret, &ledger).unwrap();
    let asked = Asked { sql: "SELECT 1", project: "p", at: UnixMillis(1), order: None };
    desk.record([1; 32], asked, &Release::failed(Failed::BadValue), &RoaringTreemap::new(), 0).unwrap();
    drop(desk);
    std::fs::remove_file(&secret).unwrap();
    assert!(open().unwrap_err().contains("noise.secret is missing"));
    std::fs::write(&secret, [1; 32]).unwrap();
    std::fs::remove_file(&ledger).unwrap();
    assert!(open().unwrap_err().contains("cohorts.redb is missing"));
}

#[test]
fn answers_leave_at_ticks_that_double_and_not_before_they_were_expected() {
    let ms = Duration::from_millis;
    let leaves = |took| ms(took) + wait(ms(took), ms(0), ms(25));
    assert_eq!([0, 10, 25, 26, 99, 101].map(leaves), [25, 25, 25, 50, 100, 200].map(ms));
    let leaves = |took| ms(took) + wait(ms(took), ms(60), ms(25));
    assert_eq!([0, 10, 59, 61, 101].map(leaves), [100, 100, 100, 100, 200].map(ms));
    assert_eq!(wait(ms(3), ms(60), Duration::ZERO), Duration::ZERO);
    let said = |expected| Said { expected, ..Said::only(Release::failed(Failed::Internal)) };
    let waits = [None, Some(ms(0)), Some(ms(60))].map(|expected| desk("").wait(ms(3), &said(expected)));
    assert_eq!(waits, [0, 19, 85].map(ms), "what no record was looked at for leaves at once");
}

#[test]
fn an_order_that_was_cut_short_has_its_place_in_the_quota() {
    let policy = Policy::check("questions_weekly = 1\nquestions_weekly_all = 1\ndanger_noise = 0.0").unwrap();
    let desk = Desk::new(policy, [1; 32], Cohorts::in_memory().unwrap());
    let order = |number: u128| Some(MessageId(uuid::Uuid::from_u128(number)));
    let asked = |order| Asked { sql: QUESTION, project: "p", at: UnixMillis(1_000), order };
    let is_over = |order| desk.over_quota(asked(order)).unwrap().is_some();
    assert!(!is_over(order(1)));
    desk.count(asked(order(1))).unwrap();
    desk.count(asked(order(1))).unwrap();
    assert!(is_over(order(2)) && is_over(None));
    assert!(!is_over(order(1)), "it was worked on before");
}

#[test]
fn what_is_ended_while_it_waits_does_not_leave_before_its_tick() {
    // A tick of an hour: who waits for it would not come back.
    let policy = Policy::check("tick_ms = 10000").unwrap_or_else(|error| panic!("{error}"));
    let desk = Desk::new(policy, [1; 32], Cohorts::in_memory().unwrap());
    let (mut engine, cancel) = (Counting::new(Ok(counts())), CancelFlag::default());
    cancel.cancel();
    let asked = Asked { sql: QUESTION, project: "p", at: UnixMillis(1_000), order: None };
    let said = desk.answer(&mut engine, &generation("g-000001"), asked, &cancel).unwrap();
    assert_eq!((said.is_none(), engine.calls), (true, 1), "it left early");
    // It was recorded, so who asks again hears what was found.
    let again = engine.ask(&desk, &generation("g-000001"), QUESTION);
    assert!(matches!(again, (CohortOutcome::Value(_), 1)));
}
