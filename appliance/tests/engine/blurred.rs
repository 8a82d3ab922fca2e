//! What is found in counts with noise does not hang on one person's rows.

use std::collections::BTreeMap;

use flip_appliance::disclosure::{Noise, Policy, blur, release};
use flip_appliance::engine::{CancelFlag, Question};
use flip_gate::Plan;
use flip_protocol::answer::{CohortOutcome, Extract};

use super::fixture::{Site, described_plan, make_generation, plan, question};

/// Secrets that are tried. Caps of 24 columns differ by chance in some of a hundred where they hang on one row.
const SECRETS: u8 = 150;

/// Under the shipped policy, by a statistic's name what its cells may be off by: that shows its cap.
fn margins(site: &mut Site, plan: &Plan, secret: u8) -> BTreeMap<String, Option<u64>> {
    let (policy, noise) = (Policy::default(), Noise::new(&[secret; 32], &[7; 32]));
    let asked = Question { crowd: policy.threshold(), blur: blur(&policy, &noise), ..question(plan) };
    let raw = site.engine.run(&site.generation, &asked, &CancelFlag::default()).unwrap();
    let extract = Extract { generation: "g-000001".to_owned(), date: "2026-01-15".to_owned() };
    let CohortOutcome::Value(answer) = release(raw, &policy, &noise, extract).release.into_outcome() else {
        panic!("not a value")
    };
    answer.fields.into_iter().map(|field| (field.name, field.margin)).collect()
}

#[test]
fn that_one_person_has_a_second_row_moves_no_cap() {
    let mut site = Site::new(|_| {});
    std::fs::remove_file(&site.generation).unwrap();
    make_generation(&site.generation, 5_000);
    let names: Vec<String> = (0..24).map(|at| format!("t{at}")).collect();
    let columns: Vec<&str> = ["person_id"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let values: Vec<String> = names.iter().map(|name| format!(", 'a' AS {name}")).collect();
    let values = values.concat();
    let each_once = format!("SELECT person_id{values} FROM omop.person");
    let one_twice =
        format!("{each_once} UNION ALL SELECT person_id{values} FROM omop.person WHERE person_id = 77");
    let [each_once, one_twice] = [each_once, one_twice].map(|sql| described_plan(&sql, &columns));
    let mut several = 0;
    for secret in 0..SECRETS {
        let once = margins(&mut site, &each_once, secret);
        assert_eq!(once, margins(&mut site, &one_twice, secret), "secret {secret}");
        let all: Vec<_> = once
            .iter()
            .filter(|(name, _)| name.starts_with("Top Values"))
            .map(|(_, margin)| margin)
            .collect();
        several += usize::from(all.iter().any(|margin| *margin != all[0]));
    }
    assert!(several > 0, "no cap was ever drawn above one, so nothing was looked at");
}

#[test]
fn one_persons_rows_take_a_question_over_no_limit() {
    let mut site = Site::new(|settings| settings.rows_max = 1_000);
    let sql = "SELECT person_id FROM omop.person UNION ALL SELECT p.person_id FROM omop.person AS p, \
               generate_series(1, 200000) AS s(i) WHERE p.person_id = 77";
    let answer = site.ask(&plan(sql, &["person_id"])).unwrap();
    assert_eq!((answer.persons, answer.records), (100, 100));
}
