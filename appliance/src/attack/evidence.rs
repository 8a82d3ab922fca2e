//! What an answer shows, and how much it speaks for one world against another.
//!
//! An attacker who knows everything but one bit can set up both worlds at home, with site secrets of their own, and
//! see what the appliance says in each: that is how it learns. The same secret gives both worlds the same noise, so
//! what differs between the two of a pair is what the bit does, and everything else cancels out. How often a thing is
//! there, and which number or word it is, is counted in both worlds; numbers that are near each other count for each
//! other, as far as half of what they spread by. The real answers are weighed by the ratio of the two counts. That is
//! right for exact numbers, for numbers with noise, and for numbers that are rounded to a few.
//!
//! What must stay true: everything that leaves is looked at, and how long it took; what is never different between the
//! worlds weighs nothing, and neither does what holds only in the pairs that it was learnt from. Deliberately absent: any
//! knowledge of how the noise is made.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use flip_protocol::answer::{CohortAnswer, CohortOutcome, Field};

/// What one answer shows: each thing that can be seen in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen(HashMap<Name, Thing>);

/// A thing's name, hashed.
type Name = u64;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Thing {
    /// What must be there for it to be there: a cell's field, a field's answer.
    within: Name,
    is: Is,
}

/// What a thing is, where it is there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Number(f64),
    /// One of several words, hashed.
    Word(u64),
}

/// Every answer is within this.
const ANSWER: Name = 0;

impl Seen {
    /// Takes an answer apart.
    pub fn of(outcome: &CohortOutcome, took: Duration) -> Self {
        let mut seen = Self::default();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of an answer are far fewer than 2^53")]
        let took_ms = took.as_millis() as f64;
        seen.number(ANSWER, "took", took_ms);
        match outcome {
            CohortOutcome::Value(answer) => {
                seen.word(ANSWER, "state", "value");
                seen.value(answer);
            }
            CohortOutcome::FewerThan { threshold, .. } => {
                seen.word(ANSWER, "state", "fewer");
                seen.count(ANSWER, "fewer than", *threshold);
            }
            CohortOutcome::Refused(refused) => {
                seen.word(ANSWER, "state", "refused");
                seen.word(ANSWER, "refused", (&refused.code, &refused.message));
            }
            CohortOutcome::Failed { reason } => {
                seen.word(ANSWER, "state", "failed");
                seen.word(ANSWER, "failed", reason);
            }
        }
        seen
    }

    fn value(&mut self, answer: &CohortAnswer) {
        let CohortAnswer { persons, records, threshold, protection, extract: _, fields } = answer;
        let value = self.place("value");
        self.count(value, "persons", *persons);
        self.count(value, "records", *records);
        self.count(value, "threshold", *threshold);
        if let Some(protection) = protection {
            self.count(value, "rounded", protection.rounded_to);
            self.count(value, "persons margin", protection.persons_margin);
            self.count(value, "records margin", protection.records_margin);
        }
        let order: Vec<&String> = fields.iter().map(|field| &field.name).collect();
        self.word(value, "fields in order", order);
        for field in fields {
            self.field(value, field);
        }
    }

    fn field(&mut self, value: Name, field: &Field) {
        let Field { name, unit, cells, folded, shape, summary, margin } = field;
        let within = self.word(value, ("field", name), ());
        self.word(within, ("unit", name), unit.name());
        self.word(within, ("shape", name), format!("{shape:?}"));
        self.word(within, ("folded", name), folded);
        if let Some(margin) = margin {
            self.count(within, ("margin", name), *margin);
        }
        if let Some(summary) = summary {
            self.number(within, ("mean", name), summary.mean.value());
            self.number(within, ("spread", name), summary.spread.value());
        }
        let order: Vec<&String> = cells.iter().map(|cell| &cell.label).collect();
        self.word(within, ("cells in order", name), order);
        for cell in cells {
            let there = self.word(within, ("cell", name, &cell.label), ());
            if let Some(count) = cell.count {
                self.count(there, ("count", name, &cell.label), count);
            }
        }
    }

    fn count(&mut self, within: Name, name: impl Hash, count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts are far fewer than 2^53")]
        self.number(within, name, count as f64);
    }

    fn number(&mut self, within: Name, name: impl Hash, number: f64) {
        self.0.insert(hashed(name), Thing { within, is: Is::Number(number) });
    }

    fn word(&mut self, within: Name, name: impl Hash, word: impl Hash) -> Name {
        let name = hashed(name);
        self.0.insert(name, Thing { within, is: Is::Word(hashed(word)) });
        name
    }

    /// What other things stand in, and what is said of in another way already: that it is there does not speak.
    fn place(&mut self, name: impl Hash) -> Name {
        let name = hashed(name);
        self.0.insert(name, Thing { within: name, is: Is::Word(0) });
        name
    }
}

fn hashed(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// What is known of one question's answers in both worlds.
#[derive(Debug, Default)]
pub(super) struct Lesson(Vec<Learnt>);

#[derive(Debug)]
struct Learnt {
    name: Name,
    within: Name,
    known: Known,
}

/// The most that one thing weighs, as a logarithm of odds: a certainty of one in a million of being wrong.
const WEIGHT_MAX: f64 = 14.0;
/// What was learnt from one half of the pairs must speak for the truth in the other half, by so many standard errors.
const CLEAR: f64 = 2.0;
/// What is added to each count: what was never seen is not impossible.
const UNSEEN: f64 = 0.5;
/// How near numbers count for each other, in standard deviations.
const NEAR: f64 = 0.5;

impl Lesson {
    /// Learns from pairs of answers, the first of each from the first world, both under the same secret.
    pub fn of(pairs: &[(Seen, Seen)]) -> Self {
        let mut things: Vec<(Name, Name)> = pairs
            .iter()
            .flat_map(|(first, second)| first.0.iter().chain(&second.0))
            .map(|(name, thing)| (*name, thing.within))
            .collect();
        // In an order of their own: sums of floating-point numbers depend on theirs.
        things.sort_unstable();
        things.dedup();
        let mut told = HashSet::new();
        let learnt = things.into_iter().filter_map(|(name, within)| {
            let looks =
                |(first, second): &(Seen, Seen)| [first, second].map(|seen| Look::at(seen, name, within));
            let looks: Vec<[Look; 2]> = pairs.iter().map(looks).collect();
            if looks.iter().all(|[first, second]| first == second) || !Known::holds(&looks) {
                return None;
            }
            // What always says the same as another thing speaks once.
            let bits: Vec<_> = looks.iter().map(|pair| pair.map(Look::bits)).collect();
            told.insert(hashed(bits)).then(|| Learnt {
                name,
                within,
                known: Known::of(&looks.iter().collect::<Vec<_>>()),
            })
        });
        Self(learnt.collect())
    }

    /// True where no answer speaks for either world.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much an answer speaks for the second world: the logarithm of the odds.
    pub fn weigh(&self, seen: &Seen) -> f64 {
        self.0.iter().map(|learnt| learnt.known.weigh(Look::at(seen, learnt.name, learnt.within))).sum()
    }
}

/// What one answer says of one thing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// It cannot be there, since what it stands in is not.
    Unasked,
    Absent,
    Is(Is),
}

impl Look {
    fn at(seen: &Seen, name: Name, within: Name) -> Self {
        match seen.0.get(&name) {
            _ if within != ANSWER && !seen.0.contains_key(&within) => Self::Unasked,
            Some(thing) => Self::Is(thing.is),
            None => Self::Absent,
        }
    }

    /// The same for looks that are the same.
    fn bits(self) -> (u8, u64) {
        match self {
            Self::Unasked => (0, 0),
            Self::Absent => (1, 0),
            Self::Is(Is::Number(number)) => (2, number.to_bits()),
            Self::Is(Is::Word(word)) => (3, word),
        }
    }
}

/// How often each look was had in both worlds.
#[derive(Debug)]
struct Known {
    worlds: [Looks; 2],
    /// Standard deviation of the bell by which numbers count for those that are near; zero where they are exact.
    near: f64,
}

/// Those of one world.
#[derive(Debug, Default)]
struct Looks {
    all: f64,
    absent: f64,
    words: HashMap<u64, f64>,
    /// In ascending order, each with how often.
    numbers: Vec<(f64, f64)>,
}

impl Known {
    fn of(pairs: &[&[Look; 2]]) -> Self {
        let worlds = [0, 1].map(|world| Looks::of(pairs.iter().map(|pair| pair[world])));
        let spread = worlds.iter().map(Looks::spread).fold(0.0, f64::max);
        Self { worlds, near: NEAR * spread }
    }

    fn weigh(&self, look: Look) -> f64 {
        let [first, second] = self.worlds.each_ref().map(|looks| looks.share(look, self.near));
        (second / first).ln().clamp(-WEIGHT_MAX, WEIGHT_MAX)
    }

    /// True where what each half of the pairs teaches speaks for the truth in the other half.
    fn holds(pairs: &[[Look; 2]]) -> bool {
        let half = |which: usize| pairs.iter().skip(which).step_by(2);
        let gains: Vec<f64> = [0, 1]
            .into_iter()
            .flat_map(|which| {
                let known = Self::of(&half(which).collect::<Vec<_>>());
                half(1 - which).map(move |[first, second]| known.weigh(*second) - known.weigh(*first))
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "pairs are few")]
        let count = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / count;
        let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / count;
        mean > CLEAR * (variance / count).sqrt()
    }
}

impl Looks {
    fn of(looks: impl Iterator<Item = Look>) -> Self {
        let mut all = Self::default();
        let mut numbers = Vec::new();
        for look in looks {
            all.all += if look == Look::Unasked { 0.0 } else { 1.0 };
            match look {
                Look::Unasked => {}
                Look::Absent => all.absent += 1.0,
                Look::Is(Is::Word(word)) => *all.words.entry(word).or_default() += 1.0,
                Look::Is(Is::Number(number)) => numbers.push(number),
            }
        }
        numbers.sort_unstable_by(f64::total_cmp);
        for number in numbers {
            match all.numbers.last_mut().filter(|(last, _)| last.total_cmp(&number).is_eq()) {
                Some((_, times)) => *times += 1.0,
                None => all.numbers.push((number, 1.0)),
            }
        }
        all
    }

    /// The share of a look, of those that could be had.
    fn share(&self, look: Look, near: f64) -> f64 {
        let times = match look {
            Look::Unasked => return 1.0,
            Look::Absent => self.absent,
            Look::Is(Is::Word(word)) => self.words.get(&word).copied().unwrap_or(0.0),
            Look::Is(Is::Number(number)) => {
                let counts = |(other, times): &(f64, f64)| {
                    let apart = (number - other).abs();
                    let same = apart == 0.0;
                    times * if same { 1.0 } else { (-0.5 * (apart / near).powi(2)).exp() }
                };
                self.numbers.iter().map(counts).sum()
            }
        };
        (times + UNSEEN) / (self.all + 2.0 * UNSEEN)
    }

    /// The standard deviation of a bell that has the middle half of the numbers where they have it.
    fn spread(&self) -> f64 {
        let all: f64 = self.numbers.iter().map(|(_, times)| times).sum();
        let quarter = |part: f64| {
            let mut so_far = 0.0;
            let reached = |(_, times): &&(f64, f64)| {
                so_far += times;
                so_far >= part * all
            };
            self.numbers.iter().find(reached).map_or(0.0, |(number, _)| *number)
        };
        (quarter(0.75) - quarter(0.25)) / 1.35
    }
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Cell, Extract, Shape, Unit};

    use super::*;
    use crate::attack::chance::Chance;

    fn answer(persons: u64, cells: &[(&str, Option<u64>)]) -> CohortAnswer {
        let cells = cells.iter().map(|(label, count)| Cell { label: (*label).to_owned(), count: *count });
        CohortAnswer {
            persons,
            records: 50,
            threshold: 10,
            protection: None,
            extract: Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() },
            fields: vec![Field::of_groups("Age Distribution", Unit::Persons, cells.collect(), false)],
        }
    }

    fn seen(answer: CohortAnswer) -> Seen {
        Seen::of(&CohortOutcome::Value(answer), Duration::ZERO)
    }

    fn value(persons: u64, cells: &[(&str, Option<u64>)]) -> Seen {
        seen(answer(persons, cells))
    }

    #[test]
    fn exact_numbers_are_told_apart_and_equal_ones_say_nothing() {
        let pairs: Vec<_> =
            (0..64).map(|_| (value(40, &[("x", Some(7))]), value(41, &[("x", Some(7))]))).collect();
        let lesson = Lesson::of(&pairs);
        assert_eq!(lesson.0.len(), 1);
        assert!(lesson.weigh(&value(41, &[])) > 4.0 && lesson.weigh(&value(40, &[])) < -4.0);
    }

    /// The share of right guesses from so many answers, each a count with noise of that many standard deviations, rounded.
    fn right(noise: f64, step: f64, answers: usize) -> f64 {
        let mut chance = Chance::of(3, &[]);
        let mut draw = || noise * (0..12).map(|_| unit(&mut chance)).sum::<f64>() - 6.0 * noise;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "near 1,000")]
        let count = |exact: f64, draw: f64| value((((exact + draw) / step).round() * step) as u64, &[]);
        let pairs: Vec<_> = (0..512).map(|_| draw()).map(|d| (count(999.5, d), count(1000.5, d))).collect();
        let lesson = Lesson::of(&pairs);
        let plays = 1_000_u32;
        let right = (0..plays)
            .filter(|play| {
                let exact = if play % 2 == 0 { 999.5 } else { 1000.5 };
                let weight: f64 = (0..answers).map(|_| lesson.weigh(&count(exact, draw()))).sum();
                (weight > 0.0) == (play % 2 == 1)
            })
            .count();
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let right = right as f64;
        right / f64::from(plays)
    }

    fn unit(chance: &mut Chance) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "sixteen bits")]
        let bits = (chance.bits() >> 48) as f64;
        bits / 65_536.0
    }

    #[test]
    fn noise_hides_what_theory_says_it_hides_also_where_it_is_rounded_away() {
        // Phi(sqrt(64) / 8 / 2) = 69.1 %; of answers of one bit each two thirds of that: Phi(sqrt(2 / pi) / 2) = 65.5 %.
        for (step, theory) in [(1.0, 0.691), (5.0, 0.691), (2000.0, 0.655)] {
            let share = right(8.0, step, 64);
            assert!((share - theory).abs() < 0.05, "rounded to {step}: {share}");
        }
    }

    #[test]
    fn a_cell_that_is_there_in_one_world_alone_speaks_and_what_is_within_it_does_not() {
        let pairs: Vec<_> = (0..64).map(|_| (value(40, &[]), value(40, &[("y", None)]))).collect();
        let lesson = Lesson::of(&pairs);
        // As a cell, and as one of those in their order.
        assert_eq!(lesson.0.len(), 2);
        assert!(lesson.weigh(&value(40, &[("y", None)])) > 4.0);
        assert!(lesson.weigh(&value(40, &[])) < -4.0);
    }

    #[test]
    fn everything_of_an_answer_is_looked_at() {
        let first = answer(40, &[("x", Some(10)), ("y", Some(20))]);
        let changes: [fn(&mut CohortAnswer); 10] = [
            |answer| answer.records += 1,
            |answer| answer.threshold += 1,
            |answer| answer.fields.clear(),
            |answer| answer.fields[0].margin = Some(3),
            |answer| answer.fields[0].unit = Unit::Images,
            |answer| answer.fields[0].shape = Shape::TopValues,
            |answer| answer.fields[0].folded = true,
            |answer| answer.fields[0].cells.swap(0, 1),
            |answer| answer.fields[0].cells[0].count = None,
            |answer| answer.fields[0].cells[0].label.push('x'),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut second = first.clone();
            change(&mut second);
            let pairs = vec![(seen(first.clone()), seen(second.clone())); 64];
            assert!(Lesson::of(&pairs).weigh(&seen(second)) > 4.0, "change {at} is not seen");
        }
    }
}
