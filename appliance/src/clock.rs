//! The one place where the appliance reads the wall clock and the system's randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use flip_protocol::UnixMillis;
use rand_core::{Rng as _, UnwrapErr};
use time::OffsetDateTime;

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

/// A moment as people read it, in UTC: `2026-11-23 18:04:05`.
pub fn readable(moment: UnixMillis) -> String {
    let moment = date_time(moment);
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", u8::from(month))
}

/// The day of a moment, in UTC: `2026-11-23`.
pub fn day(moment: UnixMillis) -> String {
    readable(moment)[..10].to_owned()
}

fn date_time(moment: UnixMillis) -> OffsetDateTime {
    i64::try_from(moment.0 / 1_000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
