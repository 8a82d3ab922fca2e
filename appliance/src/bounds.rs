//! The appliance's limits, each with its unit and its reason.

use std::time::Duration;

/// How long a connection to the hub may take to come about.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a round trip may take beyond the wait it asks for.
pub const ROUND_TRIP: Duration = Duration::from_secs(30);
/// Milliseconds between tries when the hub is away: the first pause, then doubled with jitter up to the last.
pub const PAUSE_FIRST_MS: u64 = 250;
/// The longest pause between tries, in milliseconds.
pub const PAUSE_LAST_MS: u64 = 15_000;
/// Milliseconds that an order must have been worked on before the hub is told of it.
pub const REPORT_RUNNING_MS: u64 = 200;
/// Orders that may wait here at once; the hub keeps the rest.
pub const ORDERS_WAITING: u32 = 64;
/// Results in one sync.
pub const RESULTS_AT_ONCE: usize = 16;
/// Milliseconds that a result stays valid on its way: a stick may lie in a drawer.
pub const RESULT_LIFE_MS: u64 = 365 * 24 * 3_600_000;
/// Milliseconds by which the clocks of hub and appliance may differ before people are told.
pub const CLOCK_SKEW_MS: u64 = 60_000;
/// Lines of history on the local page.
pub const HISTORY_SHOWN: usize = 50;
/// How long a clean end waits for the order that is being worked on.
pub const SHUTDOWN: Duration = Duration::from_secs(3);
/// Milliseconds between two looks whether the certificate must be renewed.
pub const RENEWAL_LOOK_MS: u64 = 3_600_000;
