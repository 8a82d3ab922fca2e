//! Limits of the data room, each with its unit and its reason.

/// Problems that one refused ingest lists; all are counted. More than a screen or two helps nobody.
pub const PROBLEMS_LISTED: usize = 100;
/// Bytes of one record of a delimited file. DuckDB's own limit of a line.
pub const RECORD_BYTES: usize = 2_097_152;
/// Repeated keys whose lines one refused ingest looks up: enough to fill the list, small enough to hold.
pub const REPEATED_KEYS: usize = 10_000;
/// Hashes of rows that one look for repeated ones holds, about: 64 MiB of them, twice as many at most, and as much again
/// in DuckDB's hands.
pub const HASHES_HELD: u64 = 8 * 1024 * 1024;
/// Looks of which each reads the whole table: beyond so many, grouping its rows takes DuckDB no longer.
pub const HASHES_PARTS: u64 = 8;
/// Files of one extract: all stay open to the end, and most machines allow a process more than this.
pub const FILES: usize = 20_000;
/// MiB of memory that DuckDB may hold during an ingest before it spills to the partial folder, where nothing else is
/// set: half of the smallest machine that an appliance is for.
pub const INGEST_MEMORY_MB: u64 = 2_048;
/// Generations that stay, where nothing else is set: the one in use and two to go back to.
pub const GENERATIONS_KEPT: usize = 3;
/// Threads of an ingest: each holds a 32 MB read buffer and a row group per column, inside the memory above.
pub const INGEST_THREADS: usize = 8;
/// Rows of a row group of a generation, at most: DuckDB's own number.
pub const ROW_GROUP_ROWS: u64 = 122_880;
/// Rows of a row group, at least: with fewer, what is written of each column costs more than the column.
pub const ROW_GROUP_ROWS_LEAST: u64 = 4_096;
/// Of an ingest's memory, the part that the row groups in the making may take, each thread with one: a quarter. While
/// DuckDB compresses them they are there about twice more, of which its limit knows nothing.
pub const ROW_GROUPS_PART: u64 = 4;
/// Milliseconds between two looks at how far a load has come.
pub const PROGRESS_MS: u64 = 200;
/// Bytes of a piece of a text file: pieces are checked in parallel, and small ones keep all cores busy to the end.
pub const PIECE_BYTES: u64 = 4 * 1024 * 1024;
/// Characters of a foreign column name that a note repeats.
pub const NAME_SHOWN: usize = 64;
/// Lines that a problem of many lines names beside the first.
pub const LINES_SHOWN: usize = 4;
/// Foreign columns that a note names; further ones are counted.
pub const NAMES_SHOWN: usize = 20;
/// Files that were passed over that an error names; further ones are counted.
pub const NAMES_ALIKE: usize = 5;
/// Bytes of a line of a plain copy that DuckDB takes: quotes of a record are doubled in it, and its values quoted.
pub const COPY_LINE_BYTES: usize = 3 * RECORD_BYTES;
/// Bytes that DuckDB reads of a plain copy at once: as many as of any other file.
pub const COPY_BUFFER_BYTES: usize = 16 * RECORD_BYTES;
/// References that one statement empties: DuckDB holds what an update changes in memory until it is committed.
pub const REFERENCES_CLEARED: u64 = 1_000_000;
