//! Limits of the engine, each with its unit and its reason.

use std::time::Duration;

/// Bytes of one frame to a worker: a question of 10,240 characters in two dialects, with room to spare.
pub const REQUEST_BYTES: usize = 1024 * 1024;
/// Bytes of one frame from a worker: counts of up to 1,664 columns, with labels and bins, and the values of some.
pub const REPLY_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a set of persons behind a frame: some twelve for each person where their ids are scattered, so enough for
/// twenty million; dense ids take an eighth of a byte.
pub const PERSONS_BYTES: usize = 256 * 1024 * 1024;
/// Bytes of a piece of an export, about: large enough that frames cost nothing, small enough to be held several times.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of the pipe from a worker: several pieces, so that it works on while the last ones are handed on. The most that
/// Linux gives to whoever is not root.
pub const PIPE_BYTES: usize = 1024 * 1024;
/// The fewest bytes that are read from a worker at once.
pub const READ_BYTES: usize = 16 * 1024;
/// Bytes of a generation below which DuckDB has one thread: several would wait for each other longer than they work.
pub const SMALL_BYTES: u64 = 16 * 1024 * 1024;
/// Rows of a row group of an exported Parquet file.
pub const ROW_GROUP_ROWS: usize = 131_072;
/// Bytes of a row group in the making after which it is ended early: wide rows would fill the worker's memory.
pub const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;
/// Processes one question may use: the first, and one more where the first was lost.
pub const ATTEMPTS: usize = 2;
/// Labels of one statistic that cross the pipe; source values are free text, and further ones are counted together.
pub const LABELS: usize = 100;
/// Values of one column that cross the pipe. The count of a value that is shown is so far above its noise, and one person
/// has so few values that count, that no column has so many of them in a population of a million.
pub const VALUES: usize = 1_500;
/// Bins of one histogram.
pub const BINS: u32 = 20;
/// Columns of one result that get a histogram, and that get top values.
pub const DESCRIBED: usize = 24;
/// Rows of one person that are looked at: further ones could take a question over its limit of memory.
pub const PERSON_ROWS: u32 = 100_000;
/// Rows of one person that count towards the limit of rows: as many as count in a statistic with noise.
pub const PERSON_ROWS_LIMITED: u32 = 64;
/// Calendar years that are counted: what lies outside is a slip of the pen.
pub const YEARS: (i32, i32) = (1_900, 2_100);
/// Names of concepts that a worker keeps for its next questions.
pub const NAMES: usize = 20_000;
/// Sexes that are told apart in one generation: source values are free text.
pub const SEXES: usize = 10_000;
/// Rows of a result above which two threads share what is left to count when it ends.
pub const ROWS_SHARED: u64 = 20_000;
/// How much wider than the number of persons their ids may reach for each id to have a place in a list.
pub const REACH: u64 = 8;
/// Of the engine's memory, the part that what is counted of persons may take, and the list of all persons: a quarter.
const COUNTING_PART: u64 = 4;
/// Characters of one label.
pub const LABEL_CHARACTERS: usize = 60;
/// Characters of a note for the local log.
pub const NOTE_CHARACTERS: usize = 500;
/// How often a waiting engine looks at its cancel flag.
pub const CANCEL_POLL: Duration = Duration::from_millis(10);
/// How often a waiting engine measures its process's memory.
pub const MEMORY_POLL: Duration = Duration::from_millis(50);
/// MiB of resident memory a process may have beyond its limit for data: code, catalogue, stacks, operators that
/// DuckDB does not account for, batches of rows on their way (three at most, where they are taken beside).
pub const MEMORY_OVERHEAD_MB: u64 = 384;
/// MiB of address space for writable data beyond twice the limit for data: thread stacks and allocator reserve.
pub const ADDRESS_OVERHEAD_MB: u64 = 1_024;
/// Open files of a worker: three streams, the generation, and what DuckDB opens for a moment.
pub const OPEN_FILES: u64 = 32;

/// Bytes that what is counted of persons may take of so many MiB; DuckDB has its own limit.
pub const fn counting_bytes(memory_mb: u64) -> u64 {
    memory_mb.saturating_mul(1_024 * 1_024) / COUNTING_PART
}
