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
/// How long a clean end waits for the order that is being worked on.
pub const SHUTDOWN: Duration = Duration::from_secs(3);
/// Milliseconds between two looks whether the certificate must be renewed.
pub const RENEWAL_LOOK_MS: u64 = 3_600_000;
/// Lines of the program's own log that are kept for the local console.
pub const LOG_LINES: usize = 1_000;
/// Characters of one of them.
pub const LOG_LINE_CHARACTERS: usize = 2_000;
/// Lines of one page of the local console.
pub const PAGE_ROWS: usize = 50;
/// Orders on the local console's overview.
pub const ORDERS_AT_A_GLANCE: usize = 8;
/// Characters of what is looked for on the local console.
pub const WORDS_CHARACTERS: usize = 200;
/// Milliseconds that a session of the local console lives: a working day.
pub const SESSION_MS: u64 = 12 * 3_600_000;
/// Minutes that a link to the local console may be good for, at most.
pub const LINK_MINUTES_MAX: u64 = 24 * 60;
/// Links to the local console that may be unused at once, and sessions: the oldest give way.
pub const PASSES: usize = 64;
/// Days after which the extract in use is called old on the local console.
pub const EXTRACT_OLD_DAYS: u64 = 92;
/// Bytes free below which the local console warns.
pub const DISK_LOW_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of a form that the local console takes.
pub const FORM_BYTES: usize = 4_096;
/// Hours that a token of the local API may be good for: a month of training.
pub const TOKEN_HOURS_MAX: u64 = 31 * 24;
/// Milliseconds after its end that a token is still listed.
pub const TOKENS_KEPT_MS: u64 = 90 * 24 * 3_600_000;
/// Characters of a token's label.
pub const LABEL_CHARACTERS: usize = 80;
/// Connections at once on the local API.
pub const API_CONNECTIONS: usize = 32;
/// How long the head of a request on the local API may take to arrive.
pub const API_REQUEST_HEAD: Duration = Duration::from_secs(15);
/// Exports at once: each has an engine's process with the memory that the site allows one question.
pub const EXPORTS_AT_ONCE: usize = 2;
/// Exports that may wait for their turn; more are told to come back.
pub const EXPORTS_WAITING: usize = 8;
/// How long one waits.
pub const EXPORT_TURN: Duration = Duration::from_mins(1);
/// How long a whole export may take, its client's slowness included.
pub const EXPORT: Duration = Duration::from_hours(2);
/// How long a client may take nothing before its export is ended.
pub const EXPORT_STALLED: Duration = Duration::from_mins(1);
/// Pieces of an export that wait for the client.
pub const EXPORT_PIECES: usize = 4;
/// How often an export looks whether its token and its cohort still stand.
pub const EXPORT_LOOK: Duration = Duration::from_secs(1);
/// Acts of the audit log that are looked through for the last reads.
pub const READS_LOOKED_AT: usize = 1_000;
/// Acts of the audit log that are looked through for what a program that is gone left without an end. Exports run for two
/// hours at most, in which hardly so much is done.
pub const UNFINISHED_LOOKED_AT: usize = 10_000;
/// Rows that the engine goes through in a millisecond, or more: what it expects to go through is, in time, about this. A
/// question whose work ends sooner is answered as if it had taken so long.
pub const ROWS_OF_A_MILLISECOND: u64 = 50_000;
/// The most that work is expected to take. What is there before leaves at the first tick after that, 11.3 s by default.
pub const EXPECTED_MAX: Duration = Duration::from_secs(10);
/// What the hub is told of the free disk is a multiple of this: how much a single file takes is not to be seen, since
/// those of frozen cohorts and of the ledger are as long as cohorts are large.
pub const DISK_TOLD_BYTES: u64 = 256 * 1024 * 1024;
/// Queries of a project that the console names.
pub const QUERIES_NAMED: usize = 3;
/// Characters of why a project is refused here: a sentence, which the hub is told.
pub const REASON_CHARACTERS: usize = 200;
/// How long the console waits for an order that it has ended, before it shows its page all the same.
pub const ENDING: Duration = Duration::from_secs(2);
/// Milliseconds that the hub's own word for its time may be behind what was heard of its clock before it was asked: a clock
/// that is set back a little. What is further behind was heard of a clock that was wrong.
pub const HEARD_SLACK_MS: u64 = 10 * 60_000;
/// Milliseconds of the hub's clock after which what was heard of it is written down anew.
pub const HEARD_WRITE_MS: u64 = 10 * 60_000;
/// Orders of a bundle that are taken in at once, and bytes of them after which no more are: memory stays small.
pub const BUNDLE_BATCH: usize = 64;
/// See [`BUNDLE_BATCH`].
pub const BUNDLE_BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of a bundle where nobody says how large: what a stick with the filesystem that most of them have can hold in one
/// file.
pub const BUNDLE_BYTES: u64 = 4 * 1024 * 1024 * 1024 - 16 * 1024 * 1024;
/// How often the folder of bundles is looked at.
pub const STICKS_LOOK: Duration = Duration::from_millis(300);
/// The longest time until what could not be taken in or made is tried again; it doubles from [`STICKS_LOOK`] on.
pub const STICKS_RETRY_MOST: Duration = Duration::from_mins(1);
/// How long the command line waits for the running appliance to take a bundle, beyond what copying takes, and a unit for
/// the stick before; so long, too, the lamp keeps what went wrong while a stick was read.
pub const STICKS_PATIENCE: Duration = Duration::from_mins(30);
/// How long a stick that everything is on may take to be unmounted; what is mounted longer is none, or is forgotten: people
/// are told to unmount it themselves.
pub const STICKS_UNMOUNT_MS: u64 = 10 * 60_000;
/// Characters of what is said of a stick that failed.
pub const STICK_WORDS: usize = 300;
/// Bytes of where a stick is mounted: Linux's longest path.
pub const STICK_PATH: usize = 4_096;
/// Keys that this appliance signed with, by which what it wrote to sticks is known.
pub const OWN_KEYS_KEPT: usize = 16;
/// Outcomes that nobody has read; the oldest of more are forgotten.
pub const OUTCOMES_KEPT: usize = 256;
/// Acts of sticks on their page of the local console.
pub const STICKS_SHOWN: usize = 20;
/// How long that page waits for a bundle to be taken in; then it says how far it is.
pub const STICKS_PAGE: Duration = Duration::from_secs(20);
/// How long nothing may come of making or copying a bundle until it is taken to have stopped.
pub const STICKS_STALL: Duration = Duration::from_mins(2);
