//! Repeatable chance for populations and plays: splitmix64.
//!
//! What must stay true: the same seed gives the same numbers everywhere. Deliberately absent: anything fit for secrets;
//! those are made of these numbers only where the whole site is made up.
//! Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).

/// The odd constant that splitmix64 steps by.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of a seed and a path of numbers below it.
    pub fn of(seed: u64, path: &[u64]) -> Self {
        Self(path.iter().fold(mix(seed ^ STEP), |state, part| mix(state ^ mix(part.wrapping_add(STEP)))))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A fair coin.
    pub fn coin(&mut self) -> bool {
        self.bits() >> 63 == 1
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        let product = u128::from(self.bits()) * limit as u128;
        usize::try_from(product >> 64).expect("less than the limit")
    }

    /// Thirty-two bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for eight in bytes.chunks_exact_mut(8) {
            eight.copy_from_slice(&self.bits().to_le_bytes());
        }
        bytes
    }

    /// So many of the items, each at most once, in an order of chance.
    pub fn some_of<T>(&mut self, mut items: Vec<T>, count: usize) -> Vec<T> {
        let count = count.min(items.len());
        for at in 0..count {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
        items.truncate(count);
        items
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_and_a_path_give_the_same_numbers_and_others_give_others() {
        let first = |path: &[u64]| Chance::of(7, path).bits();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
    }

    #[test]
    fn some_of_a_list_are_different_ones() {
        let mut some = Chance::of(7, &[]).some_of((0..100).collect(), 40);
        some.sort_unstable();
        some.dedup();
        assert_eq!(some.len(), 40);
    }
}
