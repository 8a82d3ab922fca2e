//! Every limit of the gate, with its unit and its reason. What must stay true: work and memory of one question
//! are bounded by these numbers, not by the wit of whoever writes it.

/// Characters of a question. FLIP's own limit.
pub const CHARACTERS_MAX: usize = 10_240;
/// Levels of brackets, subqueries and operators of a question.
pub const NESTING_MAX: usize = 64;
/// Levels of the parser's own recursion: several to one of [`NESTING_MAX`], so that ours is the one that speaks.
pub(crate) const PARSER_LEVELS_MAX: usize = 400;
/// Operators of a question. A chain `a OR b OR ...` becomes a tree as deep as the chain is long, and trees are
/// dropped by recursion; a list of concepts belongs in `IN (...)`.
pub(crate) const OPERATORS_MAX: usize = 1_000;
/// JOINs of a question. The parser recurses once for each that has not met its ON, without a bound of its own.
pub(crate) const JOINS_MAX: usize = 100;
/// Bytes of stack for reading a question. The parser's frames reach 60 kB (a JOIN) and 300 kB to a level of
/// brackets, so that the bounds above come to some 25 MB; untouched pages cost nothing.
pub(crate) const STACK_BYTES: usize = 64 << 20;
/// Terms of one chain of arithmetic; the engine refuses trees of more than a thousand levels.
pub(crate) const ARITHMETIC_TERMS_MAX: usize = 200;
/// SELECTs joined by UNION, INTERSECT or EXCEPT at one level.
pub(crate) const BRANCHES_MAX: usize = 200;
/// Tables, CTEs and subqueries in all FROM clauses.
pub(crate) const RELATIONS_MAX: usize = 200;
/// Output columns of one SELECT. PostgreSQL's own limit.
pub(crate) const COLUMNS_MAX: usize = 1_664;
/// Output columns of all SELECTs together; `*` in subqueries multiplies.
pub(crate) const COLUMNS_ALL_MAX: usize = 20_000;
/// Bytes of a name. PostgreSQL cuts longer ones silently.
pub(crate) const NAME_BYTES_MAX: usize = 63;
/// Values of `generate_series`.
pub(crate) const SERIES_MAX: i128 = 10_000;
/// Years of an interval that is written out. Dates of records are of the years 1 to 9999, so that one of them and such
/// an interval stay within what the engine can hold.
pub(crate) const INTERVAL_YEARS_MAX: f64 = 10_000.0;
/// Guards within each other in the engine's text. A failed one is tried again row by row.
pub(crate) const GUARDS_MAX: usize = 8;
/// Characters that `lpad` and `rpad` fill up to.
pub(crate) const PADDED_CHARACTERS_MAX: i32 = 10_000;
/// Bytes of an output expression that may be written again where it is referred to by position or label.
pub(crate) const COPY_BYTES_MAX: usize = 2_000;
/// Bytes of the engine's text. Plans cross a pipe; nothing sensible comes near.
pub(crate) const ENGINE_BYTES_MAX: usize = 1 << 20;
