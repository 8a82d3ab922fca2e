//! Attacks on rows: made-up ones, many of one person, those that push others out, and what a question may cost.

use super::super::population::RARE;
use super::{About, Attacker, Secret};

/// Theory: rows and images of one person count up to a cap, and made-up persons are refused. What is left is the count:
/// as the pair's, 53.6 %.
pub(super) const FORGED: Attacker = Attacker {
    name: "forged identifiers",
    does: "pads a cohort with the rows of others, with images, and with persons that are made up",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let bit = about.bit();
        let others = |size: usize| about.others(size - 1, at);
        match at % 4 {
            // As many rows of the target as there are persons.
            0 => format!(
                "SELECT p.person_id FROM person p WHERE {} UNION ALL SELECT p.person_id FROM person p \
                 CROSS JOIN generate_series(1, 50) AS s(n) WHERE {bit}",
                others(about.sizes.counted(at))
            ),
            1 => format!(
                "SELECT i.accession_id FROM image_occurrence i JOIN person p ON p.person_id = i.person_id \
                 WHERE {} OR {bit}",
                others(about.sizes.counted(at))
            ),
            2 => format!(
                "SELECT m.person_id, m.value_as_number FROM measurement m JOIN person p ON p.person_id = m.person_id \
                 WHERE {} OR {bit}",
                others(about.sizes.described(at))
            ),
            _ => format!(
                "SELECT p.person_id FROM person p WHERE {bit} UNION SELECT s.n AS person_id \
                 FROM generate_series(1, {}) AS s(n)",
                about.sizes.counted(at) + at
            ),
        }
    },
};

/// Rows of those who are to move the cap: its largest power of two, nearly.
const CAP_ROWS: usize = 60;

/// Theory: whether a cap moves tells two thirds of the square of what a count of that noise does, and the target's rows
/// tell as far as they count: mu = 0.05 in four questions, 51.0 %.
pub(super) const CAPS: Attacker = Attacker {
    name: "caps of rows",
    does: "gives as many others sixty rows as are just too few for everybody's to count, and the target too if they have \
           the condition",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let [movers, _] = about.sizes.movers(1, 0);
        let many = format!("{} OR {}", about.others(movers - 1, at), about.bit());
        format!(
            "SELECT p.person_id FROM person p CROSS JOIN generate_series(1, {CAP_ROWS}) AS s(n) WHERE s.n = 1 OR {many}"
        )
    },
};

/// So many times ten thousand rows of the target, if they have the condition. By a join, so that they are made in that case
/// alone.
fn flood(about: &About, times: usize) -> String {
    format!(
        "SELECT p.person_id FROM person p JOIN condition_occurrence c ON c.person_id = p.person_id \
         CROSS JOIN generate_series(1, 10000) AS a(i) CROSS JOIN generate_series(1, {times}) AS b(j) \
         WHERE c.condition_concept_id = {RARE} AND {}",
        about.target()
    )
}

/// More rows than the made-up Trusts let a result have, which is a million.
const LIMITS_TIMES: usize = 110;

/// Theory: one person's rows take a question over no limit, so that the count alone tells, of two cohorts: 53.5 %.
pub(super) const LIMITS: Attacker = Attacker {
    name: "limits",
    does: "asks what is over a limit of the engine only if the target has the condition",
    secret: Secret::Condition,
    asks: 2,
    runs: 0,
    question: |about, at| {
        let others = about.others(about.sizes.counted(usize::MAX) - 1, at);
        format!("{} UNION ALL {}", About::cohort(&others), flood(about, LIMITS_TIMES))
    },
};

/// Rows that take far longer than all the rest.
const TIMING_TIMES: usize = 1_200;

/// Theory: the work is waited for whether it is done or not, so that the count alone tells, of two cohorts: 53.5 %.
pub(super) const TIMING: Attacker = Attacker {
    name: "timing",
    does: "asks what takes long only if the target has the condition, and looks at the clock",
    secret: Secret::Condition,
    asks: 2,
    runs: 8,
    question: |about, at| {
        let others = about.others(about.sizes.counted(usize::MAX) - 1, at);
        format!("{} UNION {}", About::cohort(&others), flood(about, TIMING_TIMES))
    },
};
