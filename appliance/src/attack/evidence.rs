//! What an answer shows, and how much it speaks for one world against another.
//!
//! An attacker who knows everything but one bit can set up both worlds at home, with site secrets of their own, and
//! see what the appliance says in each: that is how it learns. The same secret gives both worlds the same noise, so
//! what differs between the two of a pair is what the bit does, and everything else cancels out. The real answers are
//! then weighed by likelihood ratios: of the answer's kind, of each cell being there, and of each number.
//!
//! What must stay true: everything that leaves is looked at, and how long it took; what is never different between the
//! worlds weighs nothing. Deliberately absent: any knowledge of how the noise is made.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use flip_protocol::answer::{CohortAnswer, CohortOutcome};

/// What one answer shows: for each thing that can be seen, its number, or nothing where it only is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen(HashMap<Name, Thing>);

/// A thing's name, hashed.
type Name = u64;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Thing {
    /// What must be there for it to be there: a cell's field, a field's answer.
    within: Name,
    /// True where it is one of several that exclude each other: then only those that are there speak.
    either: bool,
    number: Option<f64>,
}

/// Every answer is within this.
const ANSWER: Name = 0;

impl Seen {
    /// Takes an answer apart.
    pub fn of(outcome: &CohortOutcome, took: Duration) -> Self {
        let mut seen = Self::default();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of an answer are far fewer than 2^53")]
        let took_ms = took.as_millis() as f64;
        seen.add(ANSWER, &["took"], Some(took_ms));
        match outcome {
            CohortOutcome::Value(answer) => seen.value(answer),
            CohortOutcome::FewerThan { threshold, .. } => {
                let few = seen.kind(&["fewer"]);
                seen.count(few, &["threshold"], *threshold);
            }
            CohortOutcome::Refused(refused) => {
                seen.kind(&["refused", &refused.code, &refused.message]);
            }
            CohortOutcome::Failed { reason } => {
                seen.kind(&["failed", reason.sentence()]);
            }
        }
        seen
    }

    fn value(&mut self, answer: &CohortAnswer) {
        let value = self.kind(&["value"]);
        self.count(value, &["persons"], answer.persons);
        self.count(value, &["records"], answer.records);
        if let Some(protection) = answer.protection {
            self.count(value, &["rounded"], protection.rounded_to);
            self.count(value, &["persons margin"], protection.persons_margin);
            self.count(value, &["records margin"], protection.records_margin);
        }
        for field in &answer.fields {
            let name = field.name.as_str();
            let within = self.add(value, &["field", name], None);
            if field.folded {
                self.add(within, &["folded", name], None);
            }
            if let Some(summary) = field.summary {
                self.add(within, &["mean", name], Some(summary.mean.value()));
                self.add(within, &["spread", name], Some(summary.spread.value()));
            }
            for cell in &field.cells {
                let cell_name = self.add(within, &["cell", name, &cell.label], None);
                if let Some(count) = cell.count {
                    self.count(cell_name, &["count", name, &cell.label], count);
                }
            }
        }
    }

    /// What kind of answer it is.
    fn kind(&mut self, kind: &[&str]) -> Name {
        let name = self.add(ANSWER, kind, None);
        self.0.insert(name, Thing { within: ANSWER, either: true, number: None });
        name
    }

    fn count(&mut self, within: Name, name: &[&str], count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts are far fewer than 2^53")]
        self.add(within, name, Some(count as f64));
    }

    fn add(&mut self, within: Name, name: &[&str], number: Option<f64>) -> Name {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let name = hasher.finish();
        self.0.insert(name, Thing { within, either: false, number });
        name
    }

    fn has(&self, name: Name) -> bool {
        name == ANSWER || self.0.contains_key(&name)
    }

    fn number(&self, name: Name) -> Option<f64> {
        self.0.get(&name).and_then(|thing| thing.number)
    }
}

/// What is known of one question's answers in both worlds.
#[derive(Debug, Default)]
pub(super) struct Lesson(Vec<Learnt>);

#[derive(Debug)]
struct Learnt {
    name: Name,
    within: Name,
    /// The odds of being there, as logarithms of both worlds' ratio: of being there, of not being there.
    there: [f64; 2],
    number: Option<[Bell; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Bell {
    mean: f64,
    spread: f64,
}

/// The most that one thing weighs, as a logarithm of odds: a certainty of one in a million of being wrong.
const WEIGHT_MAX: f64 = 14.0;
/// Pairs in which a number must have been there in both worlds before anything is learnt of it.
const PAIRS_MIN: usize = 6;
/// A mean difference of pairs counts where it is so many times its own standard error.
const CLEAR: f64 = 2.5;

impl Lesson {
    /// Learns from pairs of answers, the first of each from the first world, both under the same secret.
    pub fn of(pairs: &[(Seen, Seen)]) -> Self {
        let mut things: HashMap<Name, Thing> = HashMap::new();
        for (first, second) in pairs {
            things.extend(first.0.iter().chain(&second.0).map(|(name, thing)| (*name, *thing)));
        }
        let mut learnt: Vec<Learnt> =
            things.into_iter().filter_map(|(name, thing)| Learnt::of(name, thing, pairs)).collect();
        // Sums of floating-point numbers depend on their order.
        learnt.sort_by_key(|learnt| learnt.name);
        Self(learnt)
    }

    /// True where no answer speaks for either world.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much an answer speaks for the second world: the logarithm of the odds.
    pub fn weigh(&self, seen: &Seen) -> f64 {
        self.0.iter().map(|learnt| learnt.weigh(seen)).sum()
    }
}

impl Learnt {
    fn of(name: Name, thing: Thing, pairs: &[(Seen, Seen)]) -> Option<Self> {
        let within = thing.within;
        let presence = |seen: &Seen| (seen.has(within), seen.has(name));
        let differs = pairs.iter().any(|(first, second)| presence(first) != presence(second));
        let there = if differs {
            let share = |seen: fn(&(Seen, Seen)) -> &Seen| {
                let possible = pairs.iter().filter(|pair| seen(pair).has(within)).count();
                let found = pairs.iter().filter(|pair| seen(pair).has(name)).count();
                #[expect(clippy::cast_precision_loss, reason = "pairs are few")]
                let share = (found as f64 + 0.5) / (possible as f64 + 1.0);
                share
            };
            let (first, second) = (share(|pair| &pair.0), share(|pair| &pair.1));
            let absent = if thing.either { 0.0 } else { ((1.0 - second) / (1.0 - first)).ln() };
            [(second / first).ln(), absent]
        } else {
            [0.0, 0.0]
        };
        let number = bells(name, pairs);
        (differs || number.is_some()).then_some(Self { name, within, there, number })
    }

    fn weigh(&self, seen: &Seen) -> f64 {
        if !seen.has(self.within) {
            return 0.0;
        }
        let [there, absent] = self.there;
        let mut weight = if seen.has(self.name) { there } else { absent };
        if let Some(([first, second], number)) = self.number.zip(seen.number(self.name)) {
            weight += second.log_density(number) - first.log_density(number);
        }
        weight.clamp(-WEIGHT_MAX, WEIGHT_MAX)
    }
}

impl Bell {
    fn log_density(self, number: f64) -> f64 {
        -0.5 * ((number - self.mean) / self.spread).powi(2) - self.spread.ln()
    }
}

/// How a number is distributed in both worlds; nothing where that does not differ clearly.
fn bells(name: Name, pairs: &[(Seen, Seen)]) -> Option<[Bell; 2]> {
    let numbers: Vec<[f64; 2]> = pairs
        .iter()
        .filter_map(|(first, second)| Some([first.number(name)?, second.number(name)?]))
        .collect();
    if numbers.len() < PAIRS_MIN {
        return None;
    }
    let all = |take: fn(&[f64; 2]) -> f64| bell(numbers.iter().map(take));
    let difference = all(|[first, second]| second - first);
    #[expect(clippy::cast_precision_loss, reason = "pairs are few")]
    let error = difference.spread / (numbers.len() as f64).sqrt();
    // The same in each pair: nothing. Else either it moves, or it spreads otherwise.
    if difference.mean == 0.0 && difference.spread == 0.0 {
        return None;
    }
    let (first, second) = (all(|pair| pair[0]), all(|pair| pair[1]));
    let scale = first.spread.max(second.spread);
    let spreads_alike = (first.spread - second.spread).abs() < 0.5 * scale;
    if difference.mean.abs() < CLEAR * error && spreads_alike {
        return None;
    }
    // Numbers without noise are told apart by any difference; one far from both says little of either.
    let least = (difference.mean.abs() / 8.0).max(f64::MIN_POSITIVE.sqrt());
    // Where the spread is the same but for chance, one is used: else the tails would speak.
    let spread = |bell: Bell| if spreads_alike { first.spread.midpoint(second.spread) } else { bell.spread };
    Some([first, second].map(|bell| Bell { mean: bell.mean, spread: spread(bell).max(least) }))
}

fn bell(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> Bell {
    #[expect(clippy::cast_precision_loss, reason = "pairs are few")]
    let count = numbers.len() as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    let spread = (numbers.map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
    Bell { mean, spread }
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Cell, Extract, Field, Unit};

    use super::*;

    fn value(persons: u64, cells: &[(&str, Option<u64>)]) -> Seen {
        let cells = cells.iter().map(|(label, count)| Cell { label: (*label).to_owned(), count: *count });
        let answer = CohortAnswer {
            persons,
            records: 50,
            threshold: 10,
            protection: None,
            extract: Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() },
            fields: vec![Field::of_groups("Age Distribution", Unit::Persons, cells.collect(), false)],
        };
        Seen::of(&CohortOutcome::Value(answer), Duration::ZERO)
    }

    #[test]
    fn exact_numbers_are_told_apart_and_equal_ones_say_nothing() {
        let pairs: Vec<_> =
            (0..10).map(|_| (value(40, &[("x", Some(7))]), value(41, &[("x", Some(7))]))).collect();
        let lesson = Lesson::of(&pairs);
        assert_eq!(lesson.0.len(), 1);
        assert!(lesson.weigh(&value(41, &[])) > 5.0 && lesson.weigh(&value(40, &[])) < -5.0);
    }

    #[test]
    fn noise_that_both_worlds_share_cancels_out_and_weighs_as_much_as_it_hides() {
        let noise = [-9, 4, 12, -3, 7, -14, 2, 8, -5, -2_i64];
        let of = |persons: i64| value(u64::try_from(persons).unwrap(), &[]);
        let pairs: Vec<_> = noise.iter().map(|noise| (of(100 + noise), of(101 + noise))).collect();
        let lesson = Lesson::of(&pairs);
        let weight = lesson.weigh(&of(108));
        assert!(weight > 0.01 && weight < 0.5, "{weight}");
    }

    #[test]
    fn a_cell_that_is_there_in_one_world_alone_speaks_once_and_not_for_each_cell_within() {
        let pairs: Vec<_> = (0..20).map(|_| (value(40, &[]), value(40, &[("y", None)]))).collect();
        let lesson = Lesson::of(&pairs);
        assert_eq!(lesson.0.len(), 1);
        assert!(lesson.weigh(&value(40, &[("y", None)])) > 2.0);
        assert!(lesson.weigh(&value(40, &[])) < -2.0);
    }
}
