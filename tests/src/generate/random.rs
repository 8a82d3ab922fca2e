//! A small seeded generator of numbers: splitmix64, one stream per person.
//!
//! What must stay true: the same seed gives the same numbers on every machine, so only whole numbers are used.
//! Deliberately absent: anything fit for secrets.
//! Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).

/// The odd constant that splitmix64 steps by.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to a seed and a path of numbers below it (a Trust, a person, a purpose).
    pub fn of(seed: u64, path: &[u64]) -> Self {
        let state =
            path.iter().fold(mix(seed ^ STEP), |state, part| mix(state ^ mix(part.wrapping_add(STEP))));
        Self { state }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number from 0 up to, and not with, `limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        let product = (self.bits() >> 32) * u64::from(limit);
        u32::try_from(product >> 32).expect("a 32-bit number times a 32-bit fraction fits 32 bits")
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.below(u32::try_from(high - low + 1).unwrap_or(0)))
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, share: u32) -> bool {
        self.below(1000) < share
    }

    /// About normally distributed whole numbers: the mean of twelve uniform draws, scaled to `deviation`.
    pub fn around(&mut self, mean: i64, deviation: i64) -> i64 {
        let twelve: i64 = (0..6)
            .map(|_| {
                let bits = self.bits();
                i64::try_from((bits & 0xFFFF) + ((bits >> 32) & 0xFFFF)).unwrap_or(0)
            })
            .sum();
        // Twelve uniforms on [0, 65536) have mean 6 × 65536 and a standard deviation of 65536.
        mean + (twelve - 6 * 65_536) * deviation / 65_536
    }

    /// One of the items, each as likely as its weight.
    pub fn weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> T {
        let total = items.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for (weight, item) in items {
            if left < *weight {
                return *item;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // The published first outputs for the seed 1234567.
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_both_ends() {
        let mut random = Random::of(1, &[]);
        let draws: Vec<i64> = (0..1000).map(|_| random.between(-2, 2)).collect();
        assert_eq!(draws.iter().min(), Some(&-2));
        assert_eq!(draws.iter().max(), Some(&2));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn normal_draws_have_the_asked_mean_and_spread() {
        let mut random = Random::of(2, &[7]);
        let draws: Vec<i64> = (0..20_000).map(|_| random.around(1200, 150)).collect();
        let mean = draws.iter().sum::<i64>() / 20_000;
        let variance = draws.iter().map(|draw| (draw - mean).pow(2)).sum::<i64>() / 20_000;
        assert!((1195..=1205).contains(&mean), "{mean}");
        assert!((140 * 140..=160 * 160).contains(&variance), "{variance}");
    }

    #[test]
    fn streams_of_different_paths_differ() {
        let mut firsts: Vec<u64> = (0..1000).map(|person| Random::of(9, &[0, person]).bits()).collect();
        firsts.push(Random::of(9, &[1, 0]).bits());
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 1001);
    }
}
