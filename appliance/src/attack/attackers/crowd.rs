//! Attacks on the number of persons: cohorts that differ by the target.

use super::{Attacker, Secret};

/// Others in a cohort: as few as are sure to be shown, because noise grows with the cohort.
pub(super) const OTHERS: usize = 60;

pub(super) const PAIR: Attacker = Attacker {
    name: "isolating pair",
    does: "asks for a cohort with the target in it, and for the same cohort less the target",
    secret: Secret::InTheData,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort = format!("{} OR {}", about.others(OTHERS, at / 2), about.target());
        match at % 2 {
            0 => about.cohort(&cohort),
            _ => about.cohort(&format!("({cohort}) AND NOT ({})", about.target())),
        }
    },
};

pub(super) const REPHRASING: Attacker = Attacker {
    name: "rephrasing",
    does: "asks for one cohort in a hundred wordings, and takes the average",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort = format!("{} OR {}", about.others(OTHERS, 0), about.bit());
        // Everybody was born before then.
        about.cohort(&format!("({cohort}) AND p.year_of_birth < {}", 2_200 + at))
    },
};

pub(super) const BOUNDARY: Attacker = Attacker {
    name: "boundary walk",
    does: "grows cohorts until they are shown, with the target and without",
    secret: Secret::InTheData,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        // From just below the lowest threshold to above where noise hides a cohort, and again with other people.
        let others = about.others(8 + (at / 2) % 36, at / 2);
        match at % 2 {
            0 => about.cohort(&format!("{others} OR {}", about.target())),
            _ => about.cohort(&others),
        }
    },
};

pub(super) const BOTH_SIDES: Attacker = Attacker {
    name: "both sides",
    does: "asks for cohorts that hold the target if they have the condition, and for others that do if not: what is \
           spent in one world is whole in the other",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let others = about.others(OTHERS, at);
        match at % 2 {
            0 => about.cohort(&format!("{others} OR {}", about.bit())),
            _ => about.cohort(&format!("{others} OR ({} AND NOT {})", about.target(), about.rare())),
        }
    },
};

pub(super) const REPEATS: Attacker = Attacker {
    name: "repeats",
    does: "asks a few questions, spends what is left of the target's budget, and asks the same few again",
    secret: Secret::Condition,
    in_a_crowd: false,
    asks: 100,
    runs: 0,
    question: |about, at| match at % 20 {
        // The first and the last few of twenty are the same.
        first @ 0..5 => about.cohort(&format!("{} OR {}", about.others(OTHERS, first), about.bit())),
        again @ 15..20 => about.cohort(&format!("{} OR {}", about.others(OTHERS, again - 15), about.bit())),
        _ => about.cohort(&format!("{} OR {}", about.others(OTHERS, 1_000 + at), about.target())),
    },
};
