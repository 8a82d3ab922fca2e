//! Attacks within one answer: columns, cells, means and the ends of histograms.
//!
//! All statistics of a cohort of 250 persons or more together tell four times what its count tells, in equal shares; the
//! shares of right guesses below are of the shipped policy, under which a target is in three such cohorts.

use super::super::population::PERSONS;
use super::{About, Attacker, Secret};

/// Columns of the question about nulls: of as many one can still see a label that seven of ten have.
const NULL_COLUMNS: usize = 4;

/// A question about a cohort of others with the target, with columns that may look at `q.hit`.
fn with_hit(cohort: &str, hit: &str, columns: &str) -> String {
    format!(
        "SELECT q.person_id{columns} FROM (SELECT p.person_id, ({hit}) AS hit FROM person p WHERE {cohort}) q"
    )
}

/// Everybody but as many others as are too many for a cohort of that size.
fn all_but(about: &About, size: usize, variant: usize) -> String {
    match PERSONS - size {
        0 => "p.year_of_birth > 0".to_owned(),
        left_out => format!("NOT ({})", about.others(left_out, variant)),
    }
}

/// Theory: eight of thirteen statistics tell, which comes to mu = 0.13: 52.7 %.
pub(super) const NULLS: Attacker = Attacker {
    name: "null counts",
    does: "asks for columns that are null for three others of ten, and for the target if they have the condition",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let column = |column: usize| format!(", CASE WHEN q.hit THEN NULL ELSE 'x' END AS x{column}");
        let columns: String = (0..NULL_COLUMNS).map(column).collect();
        let size = about.sizes.described(at);
        // Of a month's 28 days, so that neither count is small.
        let hit = format!("(p.day_of_birth <= 8 AND NOT {}) OR {}", about.target(), about.bit());
        with_hit(&all_but(about, size, at), &hit, &columns)
    },
};

/// Theory: the count and four of five statistics tell, which comes to mu = 0.18: 53.5 %.
pub(super) const BREAKDOWN: Attacker = Attacker {
    name: "breakdown",
    does: "adds up the records, ages, sexes and years of cohorts that hold the target if they have the condition",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort = all_but(about, about.sizes.described(at), at);
        About::cohort(&format!("({cohort} AND NOT {}) OR {}", about.target(), about.bit()))
    },
};

/// Theory: the mean moves by nearly twice its noise's unit, since the target moves from one end to the other, and some
/// bins do: mu = 0.12, 52.3 %.
pub(super) const MEANS: Attacker = Attacker {
    name: "mean and spread",
    does: "asks for the mean of a number that is the same for all others and at one end for the target, at the other if \
           they have the condition",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort = all_but(about, about.sizes.described(at), at);
        // All are of 1 to 2, and in one cell of these; the others near the middle of them.
        format!(
            "SELECT p.person_id, CASE WHEN {} THEN 1.99 WHEN {} THEN 1.0 ELSE 1.508 END AS x FROM person p WHERE {cohort}",
            about.bit(),
            about.target()
        )
    },
};

/// Theory: whether a bound moves tells two thirds of the square of what a count of that noise does; with the bins that
/// the target is in, and the mean, mu = 0.08 in four questions: 51.7 %.
pub(super) const ENDS: Attacker = Attacker {
    name: "ends of histograms",
    does: "gives as many others a huge value as are just too few for a bound, and the target too if they have the \
           condition",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let [_, movers] = about.sizes.movers(2, 1);
        let huge = format!("{} OR {}", about.others(movers - 1, at), about.bit());
        format!("SELECT p.person_id, CASE WHEN {huge} THEN 1500000 ELSE 1 END AS x FROM person p")
    },
};
