//! A quick hash for persons, concepts and texts. Keys could be made that all fall together; whoever asks for such keys
//! slows their own question, whose time is limited.

use std::hash::{BuildHasherDefault, Hasher};

/// Makes hashers.
pub(super) type Quick = BuildHasherDefault<Multiplied>;

/// Folds each word in by a multiplication, as Fowler's and Fx hashes do.
#[derive(Default)]
pub(super) struct Multiplied(u64);

/// Two to the 64th over the golden ratio, made odd: spreads what follows each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Multiplied {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.write_u64(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(SPREAD);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word.cast_unsigned());
    }

    /// Tables use the lowest bits and the highest: both are to depend on all.
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
