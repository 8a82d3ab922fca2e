//! The one place where the hub reads the wall clock and the system's randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use flip_protocol::UnixMillis;
use rand_core::{Rng as _, UnwrapErr};

/// Randomness of the operating system; it ends the program rather than give weak bytes.
pub type Random = UnwrapErr<getrandom::SysRng>;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "everything else takes its time from here")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The system's randomness.
pub fn random() -> Random {
    UnwrapErr(getrandom::SysRng)
}

/// So many random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    random().fill_bytes(&mut bytes);
    bytes
}
