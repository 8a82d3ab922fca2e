//! Attacks on rows: made-up ones, many of one person, those that push others out, and what a question may cost.

use super::crowd::OTHERS;
use super::{About, Attacker, Secret};

pub(super) const FORGED: Attacker = Attacker {
    name: "forged identifiers",
    does: "pads a cohort with the rows of others, with images, and with persons that are made up",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let (block, others, bit) = (about.block(), about.others(OTHERS, at), about.bit());
        match at % 4 {
            // As many rows of the target as there are persons.
            0 => format!(
                "SELECT p.person_id FROM person p WHERE {block} AND ({others}) UNION ALL \
                 SELECT p.person_id FROM person p CROSS JOIN generate_series(1, 50) AS s(n) WHERE {block} AND {bit}"
            ),
            1 => format!(
                "SELECT i.accession_id FROM image_occurrence i JOIN person p ON p.person_id = i.person_id \
                 WHERE {block} AND ({others} OR {bit})"
            ),
            2 => format!(
                "SELECT m.person_id, m.value_as_number FROM measurement m JOIN person p ON p.person_id = m.person_id \
                 WHERE {block} AND ({others} OR {bit})"
            ),
            _ => format!(
                "SELECT p.person_id FROM person p WHERE {block} AND {bit} UNION SELECT s.n AS person_id \
                 FROM generate_series(1, {}) AS s(n)",
                OTHERS + at
            ),
        }
    },
};

pub(super) const CAPS: Attacker = Attacker {
    name: "caps of rows",
    does: "gives nine others fifty rows, and the target too if they have the condition, so that so many rows \
           count of everybody",
    secret: Secret::Condition,
    in_a_crowd: true,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let many = about.in_block(&format!("{} OR {}", about.others(9, 100 + at), about.bit()));
        format!(
            "SELECT p.person_id FROM person p CROSS JOIN generate_series(1, 50) AS s(n) WHERE s.n = 1 OR {many}"
        )
    },
};

/// A million rows and more of the target, if they have the condition: more than the made-up Trusts let a result have.
fn flood(about: &About) -> String {
    format!(
        "SELECT p.person_id FROM person p CROSS JOIN generate_series(1, 10000) AS a(i) \
         CROSS JOIN generate_series(1, 110) AS b(j) WHERE {} AND {}",
        about.block(),
        about.bit()
    )
}

pub(super) const LIMITS: Attacker = Attacker {
    name: "limits",
    does: "asks what is over a limit of the engine only if the target has the condition",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 2,
    runs: 0,
    question: |about, at| format!("{} UNION ALL {}", about.cohort(&about.others(OTHERS, at)), flood(about)),
};

pub(super) const TIMING: Attacker = Attacker {
    name: "timing",
    does: "asks what takes long only if the target has the condition, and looks at the clock",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 2,
    runs: 3,
    question: |about, at| {
        format!(
            "SELECT p.person_id FROM person p WHERE {0} AND ({1}) UNION SELECT p.person_id FROM person p \
             CROSS JOIN generate_series(1, 10000) AS a(i) CROSS JOIN generate_series(1, 100) AS b(j) WHERE {0} AND {2}",
            about.block(),
            about.others(OTHERS, at),
            about.bit()
        )
    },
};
