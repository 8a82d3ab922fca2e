//! What each person was charged in their life, in units, as one bitmap for each binary digit. Pure.
//!
//! What must stay true: charging a set adds the same to each of its persons and to nobody else. A set of a million
//! persons costs a few operations on bitmaps for each digit, not one on each person.

use roaring::RoaringTreemap;

/// Binary digits of a charge.
pub(super) const DIGITS: usize = 40;

/// A charge for each person; who is in none of the bitmaps was charged nothing.
#[derive(Clone, Default)]
pub(super) struct Charges {
    /// The persons whose charge has this digit, the lowest digit first.
    digits: Vec<RoaringTreemap>,
}

impl Charges {
    pub fn new(digits: Vec<RoaringTreemap>) -> Self {
        Self { digits }
    }

    /// Adds `units` to each of `persons`; gives the digits that changed.
    pub fn add(&mut self, persons: &RoaringTreemap, units: u64) -> Vec<(usize, &RoaringTreemap)> {
        let mut carried = RoaringTreemap::new();
        let mut changed = Vec::new();
        for at in 0..DIGITS {
            let adds = units >> at & 1 == 1;
            if !adds && carried.is_empty() {
                continue;
            }
            if self.digits.len() <= at {
                self.digits.resize_with(at + 1, RoaringTreemap::new);
            }
            let digit = &mut self.digits[at];
            // Two addends at most meet the digit: the charge's, in all persons, and what is carried, in some.
            let next = if adds {
                let mut next = persons & &*digit;
                next |= &carried;
                *digit ^= persons;
                next
            } else {
                &*digit & &carried
            };
            *digit ^= &carried;
            carried = next;
            changed.push(at);
        }
        changed.into_iter().map(|at| (at, &self.digits[at])).collect()
    }

    /// Those of `persons` who were charged more than `units`.
    pub fn above(&self, persons: &RoaringTreemap, units: u64) -> RoaringTreemap {
        let mut above = RoaringTreemap::new();
        let mut equal = persons.clone();
        for at in (0..DIGITS).rev() {
            let wanted = units >> at & 1 == 1;
            match self.digits.get(at) {
                Some(digit) if wanted => equal &= digit,
                Some(digit) => {
                    above |= &equal & digit;
                    equal -= digit;
                }
                None if wanted => equal.clear(),
                None => {}
            }
        }
        above
    }

    /// Everybody who was charged anything.
    pub fn everybody(&self) -> RoaringTreemap {
        self.digits.iter().fold(RoaringTreemap::new(), |all, digit| all | digit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn charges_add_up_as_numbers_do() {
        let mut charges = Charges::default();
        let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
        let mut random = 12_345_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 33
        };
        for _ in 0..200 {
            let persons: RoaringTreemap = (0..40).filter(|_| next() % 3 == 0).collect();
            let units = next() % 5_000;
            for person in &persons {
                *plain.entry(person).or_default() += units;
            }
            charges.add(&persons, units);
        }
        let all: RoaringTreemap = (0..40).collect();
        for limit in plain.values().flat_map(|units| [units - 1, *units, units + 1]) {
            let expected: RoaringTreemap =
                plain.iter().filter(|(_, units)| **units > limit).map(|(person, _)| *person).collect();
            assert_eq!(charges.above(&all, limit), expected, "above {limit}");
        }
        assert_eq!(charges.everybody(), all);
    }

    #[test]
    fn only_the_digits_that_changed_are_given() {
        let mut charges = Charges::default();
        let persons: RoaringTreemap = [1, 2].into_iter().collect();
        let changed = |charges: &mut Charges, units| -> Vec<usize> {
            charges.add(&persons, units).into_iter().map(|(at, _)| at).collect()
        };
        assert_eq!(changed(&mut charges, 8), [3]);
        assert_eq!(changed(&mut charges, 8), [3, 4]);
    }
}
