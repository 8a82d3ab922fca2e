//! Attacks within one answer: columns, cells, means and the ends of histograms.

use super::crowd::OTHERS;
use super::{About, Attacker, Secret};

/// Columns of the question about means.
const NUMBERS: usize = 8;

/// Columns of the question about nulls.
const NULL_COLUMNS: usize = 16;

/// A question about others and the target, with columns that may look at `q.hit`.
fn with_hit(about: &About, at: usize, hit: &str, columns: &str) -> String {
    format!(
        "SELECT q.person_id{columns} FROM (SELECT p.person_id, p.day_of_birth, ({hit}) AS hit FROM person p \
         WHERE {} AND ({} OR {})) q",
        about.block(),
        about.others(OTHERS, at),
        about.target()
    )
}

/// So many columns, one after the other.
fn columns(count: usize, one: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = (0..count).map(one).collect();
    all.concat()
}

pub(super) const NULLS: Attacker = Attacker {
    name: "null counts",
    does: "asks for many columns that are null for the target alone, if they have the condition",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let columns = columns(NULL_COLUMNS, |column| {
            format!(", CASE WHEN q.hit THEN NULL ELSE {column} END AS x{column}")
        });
        // Of the others the men are null as well, so that neither count is small.
        let hit = format!("(p.gender_concept_id = 8507 AND NOT {}) OR {}", about.target(), about.bit());
        with_hit(about, at, &hit, &columns)
    },
};

pub(super) const BREAKDOWN: Attacker = Attacker {
    name: "breakdown",
    does: "adds up the cells of a cohort's breakdowns, with columns whose most frequent values tell of the target",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let columns = columns(6, |column| {
            let yes = format!("{} OR {}", about.others(40, 100 + 10 * at + column), about.bit());
            format!(", CASE WHEN {yes} THEN 'yes' ELSE 'no' END AS t{column}")
        });
        format!("SELECT p.person_id{columns} FROM person p WHERE {}", about.block())
    },
};

pub(super) const MEANS: Attacker = Attacker {
    name: "mean and spread",
    does: "asks for the mean and the spread of columns in which the target stands at the other end, if they have the \
           condition",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let columns = columns(NUMBERS, |column| {
            format!(", CASE WHEN q.hit THEN {} ELSE 0 END AS n{column}", 1 + column)
        });
        let hit = format!("{} OR {}", about.others(50, 100 + at), about.bit());
        with_hit(about, at, &hit, &columns)
    },
};

pub(super) const EDGES: Attacker = Attacker {
    name: "ends of histograms",
    does: "gives nine others a huge value, and the target too if they have the condition, so that it becomes a bound",
    secret: Secret::Condition,
    in_a_crowd: true,
    asks: 100,
    runs: 0,
    question: |about, at| {
        // Of everybody: the larger the cohort, the less a question costs.
        let huge = about.in_block(&format!("{} OR {}", about.others(9, 100 + at), about.bit()));
        format!(
            "SELECT p.person_id, CASE WHEN {huge} THEN 1000000 ELSE p.day_of_birth END AS x FROM person p"
        )
    },
};
