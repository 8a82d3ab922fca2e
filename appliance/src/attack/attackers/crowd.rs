//! Attacks on the number of persons: cohorts that differ by the target.
//!
//! A count whose noise has the standard deviation s tells that somebody is in it by mu = 1 / s standard deviations;
//! squares of mus add up, and who has to say which of two worlds is theirs is right Phi(mu / 2) of the time. The shares
//! below are of the shipped policy: two counts of 96 persons and one of 50 until the target's budget is spent.

use super::{About, Attacker, Secret};

/// Theory: one question of three with the target alone tells anything, and they come to mu = 0.18: 53.6 %.
pub(super) const PAIR: Attacker = Attacker {
    name: "isolating pair",
    does: "asks for a cohort with the target in it, and for the same cohort less the target",
    secret: Secret::InTheData,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort =
            format!("{} OR {}", about.others(about.sizes.counted(at / 2) - 1, at / 2), about.target());
        match at % 2 {
            0 => About::cohort(&cohort),
            _ => About::cohort(&format!("({cohort}) AND NOT ({})", about.target())),
        }
    },
};

/// Theory: as the pair's, 53.6 %: words do not matter to who is charged. The others are charged too, by what
/// follows from the noisy count: were it the exact one, who of them is left out would tell.
pub(super) const REPHRASING: Attacker = Attacker {
    name: "rephrasing",
    does: "asks for one cohort in a hundred wordings, and takes the average",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let cohort = format!("{} OR {}", about.others(about.sizes.counted(at) - 1, 0), about.bit());
        // Everybody was born before then.
        About::cohort(&format!("({cohort}) AND p.year_of_birth < {}", 2_200 + at))
    },
};

/// Theory: whether a count is shown is one bit of it, and where it is shown it tells the rest of itself: at most what two
/// counts of the least noise tell, mu = 0.18, 53.5 %. That the exact count reaches the threshold adds 0.6 %.
pub(super) const BOUNDARY: Attacker = Attacker {
    name: "boundary walk",
    does: "asks for cohorts that are hardly shown, and for some that reach the threshold with the target alone",
    secret: Secret::InTheData,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let size = match at % 4 {
            3 => about.sizes.threshold(),
            _ => about.sizes.hardly_shown(),
        };
        About::cohort(&format!("{} OR {}", about.others(size - 1, at), about.target()))
    },
};

/// Theory: what is spent in one world is whole in the other, so six counts tell: mu = 0.25, 55.0 %, the most of all.
pub(super) const BOTH_SIDES: Attacker = Attacker {
    name: "both sides",
    does: "asks for cohorts that hold the target if they have the condition, and for others that do if not: what is \
           spent in one world is whole in the other",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let others = about.others(about.sizes.counted(at / 2) - 1, at);
        match at % 2 {
            0 => About::cohort(&format!("{others} OR {}", about.bit())),
            _ => About::cohort(&format!("{others} OR ({} AND NOT {})", about.target(), about.rare())),
        }
    },
};

/// Theory: an answer that was given before is given again, so one count tells: mu = 0.09, 51.8 %. Were it made
/// anew without those who are spent, the two answers to one question would tell.
pub(super) const REPEATS: Attacker = Attacker {
    name: "repeats",
    does: "asks a question, spends what is left of the target's budget, and asks the same again",
    secret: Secret::Condition,
    asks: 100,
    runs: 0,
    question: |about, at| {
        let asked = |number: usize, whom: &str| {
            let size = about.sizes.counted(number);
            About::cohort(&format!("{} OR {whom}", about.others(size - 1, number)))
        };
        match at % 6 {
            0 => asked(at, &about.bit()),
            5 => asked(at - 5, &about.bit()),
            _ => asked(at, &about.target()),
        }
    },
};
