//! The functions that a question may call: one table.
//!
//! What must stay true: every entry computes from its arguments alone. Nothing here reads files, settings, the
//! catalogue or the session, sleeps, or draws lots; `now` and `current_date` are the one exception, because ages are
//! asked for. No entry fails on a record's value: each is spelt so that the engine gives NULL where PostgreSQL ends the
//! question (`appliance/tests/engine/hostile.rs` asks each of them). An argument appears once in a spelling, so that nesting cannot multiply the engine's text.

use crate::term::Type;

/// A function of the list.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name, lower case.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
    /// The type it yields.
    pub returns: Returns,
    /// How DuckDB spells it.
    pub engine: Engine,
}

/// What a function is, and so which clauses it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value from one row.
    Scalar,
    /// One value from many rows: takes DISTINCT, ORDER BY, FILTER and OVER.
    Aggregate,
    /// An aggregate over `WITHIN GROUP (ORDER BY ...)`.
    OrderedSet,
    /// Needs OVER.
    Window,
}

/// The type that a function yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    /// Always this.
    Is(Type),
    /// The type of the first argument.
    First,
    /// What all arguments have in common.
    Common,
    /// Double for a double, numeric for other numbers.
    Fraction,
}

/// How the engine spells a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// As PostgreSQL does.
    Same,
    /// By another name.
    Named(&'static str),
    /// By the number of arguments; `$1` to `$4` stand for them.
    Written(&'static [(usize, &'static str)]),
    /// By a name, over numbers.
    Numbers(&'static str),
    /// By a name, over numbers; it fails on some of them, which give NULL.
    Fails(&'static str),
    /// As PostgreSQL does, with whole numbers made doubles first, since PostgreSQL's result has a fraction.
    Widened(&'static str),
    /// By a name, over numbers that are small enough to be squared.
    Squares(&'static str),
    /// The same, with NULL where the engine says that there is no such number.
    Undefined(&'static str),
    /// By code of its own in `check/call.rs` or `check/dates.rs`.
    Special(Special),
}

/// Functions whose arguments are not plain values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Count,
    Choice,
    NullIf,
    Grouping,
    Sum,
    Average,
    Concat,
    Round,
    Percentile,
    Mode,
    Truths,
    Reach,
    Tiles,
    Whole,
    Modulo,
    Sign,
    Cut,
    Part,
    Pad,
    MakeDate,
    Age,
    DatePart,
    DateTrunc,
    ToChar,
    ToDate,
    ToTimestamp,
    Today,
    Now,
    RegexpReplace,
    RegexpLike,
}

const fn function(
    name: &'static str,
    kind: Kind,
    arguments: (usize, usize),
    returns: Returns,
    engine: Engine,
) -> Function {
    Function { name, kind, arguments, returns, engine }
}

use Engine::{Fails, Named, Numbers, Same, Special as By, Squares, Undefined, Widened, Written};
use Kind::{Aggregate, OrderedSet, Scalar, Window};
use Returns::{Common, First, Fraction, Is};

const MANY: usize = 100;

/// What is asked for by the names of other databases, or is PostgreSQL's and not of the list: what to write instead.
#[rustfmt::skip]
pub(crate) static INSTEAD: &[(&[&str], &str)] = &[
    (&["datediff", "date_diff", "timestampdiff"], "write later - earlier for days between dates, or age(later, earlier)"),
    (&["dateadd", "date_add", "timestampadd"], "write x + INTERVAL '3 months', or a date + 30 for days"),
    (&["date_sub", "subdate"], "write x - INTERVAL '3 months', or a date - 30 for days"),
    (&["make_interval"], "write a number times a unit: days_supply * INTERVAL '1 day'"),
    (&["year", "month", "day", "quarter", "week", "hour", "datepart"], "write EXTRACT(YEAR FROM x), or another part of it"),
    (&["date", "convert", "to_number", "try_cast", "safe_cast"], "write CAST(x AS date), or another type"),
    (&["getdate", "sysdate", "curdate", "today", "clock_timestamp"], "write current_date, or better a fixed day: DATE '2024-12-31'"),
    (&["make_timestamp", "datefromparts"], "write make_date(year, month, day)"),
    (&["isnull", "ifnull", "nvl", "zeroifnull"], "write coalesce(x, 0)"),
    (&["if", "iif", "iff", "decode", "nvl2"], "write CASE WHEN ... THEN ... ELSE ... END"),
    (&["any_value", "first", "last"], "write min(x) or max(x), or use DISTINCT ON (person_id) with ORDER BY"),
    (&["median", "quantile", "percentile", "approx_percentile"], "write percentile_cont(0.5) WITHIN GROUP (ORDER BY x)"),
    (&["group_concat", "listagg", "wm_concat"], "write string_agg(x, ', ' ORDER BY x)"),
    (&["len", "datalength", "octet_length"], "write length(x)"),
    (&["charindex", "instr", "locate", "contains"], "write strpos(x, 'part')"),
    (&["initcap", "translate"], "use lower(x), upper(x) and replace(x, 'a', 'b')"),
    (&["regexp_match", "regexp_matches", "regexp_substr", "regexp_extract"], r"write regexp_replace(x, '^.*?([0-9]+).*$', '\1') for a part of a text"),
    (&["width_bucket"], "write floor(x / 10) * 10, or a CASE"),
    (&["daterange", "tsrange"], "write begins <= DATE '2020-12-31' AND ends >= DATE '2020-01-01'"),
    (&["countif", "count_if", "sumif"], "write count(*) FILTER (WHERE ...)"),
    (&["md5", "sha1", "sha256", "hash", "hashtext", "crc32"], "return person_id itself: of an identifier only counts leave a Trust"),
    (&["random", "rand", "setseed"], "leave it out: the same question has the same answer, and only counts come back"),
];

/// The list, by purpose.
#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Function] = &[
    // Counting and adding up.
    function("count",           Aggregate, (1, 1), Is(Type::Integer), By(Special::Count)),
    function("sum",             Aggregate, (1, 1), First,             By(Special::Sum)),
    function("avg",             Aggregate, (1, 1), Fraction,          By(Special::Average)),
    function("min",             Aggregate, (1, 1), First,             Same),
    function("max",             Aggregate, (1, 1), First,             Same),
    function("grouping",        Scalar,    (1, 8), Is(Type::Integer), By(Special::Grouping)),
    // Spread and association.
    function("stddev",          Aggregate, (1, 1), Fraction,          Squares("stddev")),
    function("stddev_samp",     Aggregate, (1, 1), Fraction,          Squares("stddev_samp")),
    function("stddev_pop",      Aggregate, (1, 1), Fraction,          Squares("stddev_pop")),
    function("variance",        Aggregate, (1, 1), Fraction,          Squares("variance")),
    function("var_samp",        Aggregate, (1, 1), Fraction,          Squares("var_samp")),
    function("var_pop",         Aggregate, (1, 1), Fraction,          Squares("var_pop")),
    function("corr",            Aggregate, (2, 2), Is(Type::Double),  Undefined("corr")),
    function("covar_pop",       Aggregate, (2, 2), Is(Type::Double),  Squares("covar_pop")),
    function("covar_samp",      Aggregate, (2, 2), Is(Type::Double),  Squares("covar_samp")),
    function("regr_slope",      Aggregate, (2, 2), Is(Type::Double),  Undefined("regr_slope")),
    function("regr_intercept",  Aggregate, (2, 2), Is(Type::Double),  Undefined("regr_intercept")),
    function("regr_r2",         Aggregate, (2, 2), Is(Type::Double),  Undefined("regr_r2")),
    function("percentile_cont", OrderedSet, (1, 1), Is(Type::Double), By(Special::Percentile)),
    function("percentile_disc", OrderedSet, (1, 1), First,            By(Special::Percentile)),
    function("mode",            OrderedSet, (0, 0), First,            By(Special::Mode)),
    // Gathering.
    function("string_agg",      Aggregate, (2, 2), Is(Type::Text),    Same),
    function("array_agg",       Aggregate, (1, 1), Is(Type::Array),   Same),
    function("bool_and",        Aggregate, (1, 1), Is(Type::Boolean), By(Special::Truths)),
    function("bool_or",         Aggregate, (1, 1), Is(Type::Boolean), By(Special::Truths)),
    function("every",           Aggregate, (1, 1), Is(Type::Boolean), By(Special::Truths)),
    // Windows.
    function("row_number",      Window,    (0, 0), Is(Type::Integer), Same),
    function("rank",            Window,    (0, 0), Is(Type::Integer), Same),
    function("dense_rank",      Window,    (0, 0), Is(Type::Integer), Same),
    function("ntile",           Window,    (1, 1), Is(Type::Integer), By(Special::Tiles)),
    function("percent_rank",    Window,    (0, 0), Is(Type::Double),  Same),
    function("cume_dist",       Window,    (0, 0), Is(Type::Double),  Same),
    function("lag",             Window,    (1, 3), First,             By(Special::Reach)),
    function("lead",            Window,    (1, 3), First,             By(Special::Reach)),
    function("first_value",     Window,    (1, 1), First,             Same),
    function("last_value",      Window,    (1, 1), First,             Same),
    function("nth_value",       Window,    (2, 2), First,             Same),
    // Choosing.
    function("coalesce",        Scalar, (1, MANY), Common,            By(Special::Choice)),
    function("nullif",          Scalar, (2, 2),    First,             By(Special::NullIf)),
    function("greatest",        Scalar, (1, MANY), Common,            By(Special::Choice)),
    function("least",           Scalar, (1, MANY), Common,            By(Special::Choice)),
    // Numbers.
    function("abs",             Scalar, (1, 1), First,                By(Special::Whole)),
    function("round",           Scalar, (1, 2), Fraction,             By(Special::Round)),
    function("floor",           Scalar, (1, 1), Fraction,             Widened("floor")),
    function("ceil",            Scalar, (1, 1), Fraction,             Widened("ceil")),
    function("ceiling",         Scalar, (1, 1), Fraction,             Widened("ceil")),
    function("trunc",           Scalar, (1, 2), Fraction,             Widened("trunc")),
    function("power",           Scalar, (2, 2), Fraction,             Numbers("pow")),
    function("pow",             Scalar, (2, 2), Fraction,             Numbers("pow")),
    function("sqrt",            Scalar, (1, 1), Fraction,             Fails("sqrt")),
    function("cbrt",            Scalar, (1, 1), Is(Type::Double),     Numbers("cbrt")),
    function("exp",             Scalar, (1, 1), Fraction,             Numbers("exp")),
    function("ln",              Scalar, (1, 1), Fraction,             Fails("ln")),
    function("log",             Scalar, (1, 2), Fraction,             Fails("log")),
    function("log10",           Scalar, (1, 1), Fraction,             Fails("log10")),
    function("mod",             Scalar, (2, 2), Common,               By(Special::Modulo)),
    function("sign",            Scalar, (1, 1), Fraction, By(Special::Sign)),
    // Texts.
    function("lower",           Scalar, (1, 1), Is(Type::Text),       Same),
    // PostgreSQL's libraries know no upper case of it.
    function("upper",           Scalar, (1, 1), Is(Type::Text), Written(&[(1, "replace(upper($1), 'ẞ', 'ß')")])),
    function("btrim",           Scalar, (1, 2), Is(Type::Text), Written(&[(1, "trim($1, ' ')"), (2, "trim($1, $2)")])),
    function("ltrim",           Scalar, (1, 2), Is(Type::Text), Written(&[(1, "ltrim($1, ' ')"), (2, "ltrim($1, $2)")])),
    function("rtrim",           Scalar, (1, 2), Is(Type::Text), Written(&[(1, "rtrim($1, ' ')"), (2, "rtrim($1, $2)")])),
    function("length",          Scalar, (1, 1), Is(Type::Integer),    Same),
    function("char_length",     Scalar, (1, 1), Is(Type::Integer),    Named("length")),
    function("character_length", Scalar, (1, 1), Is(Type::Integer),   Named("length")),
    function("left",            Scalar, (2, 2), Is(Type::Text),       By(Special::Cut)),
    function("right",           Scalar, (2, 2), Is(Type::Text),       By(Special::Cut)),
    function("replace",         Scalar, (3, 3), Is(Type::Text),       Same),
    function("reverse",         Scalar, (1, 1), Is(Type::Text),       Same),
    function("concat",          Scalar, (1, MANY), Is(Type::Text),    By(Special::Concat)),
    function("concat_ws",       Scalar, (2, MANY), Is(Type::Text),    By(Special::Concat)),
    function("strpos",          Scalar, (2, 2), Is(Type::Integer),    Same),
    function("starts_with",     Scalar, (2, 2), Is(Type::Boolean),    Same),
    function("split_part",      Scalar, (3, 3), Is(Type::Text),       By(Special::Part)),
    function("lpad",            Scalar, (2, 3), Is(Type::Text), By(Special::Pad)),
    function("rpad",            Scalar, (2, 3), Is(Type::Text), By(Special::Pad)),
    function("regexp_replace",  Scalar, (3, 4), Is(Type::Text),       By(Special::RegexpReplace)),
    function("regexp_like",     Scalar, (2, 3), Is(Type::Boolean),    By(Special::RegexpLike)),
    // Dates and times.
    function("age",             Scalar, (1, 2), Is(Type::Interval),   By(Special::Age)),
    function("date_part",       Scalar, (2, 2), Is(Type::Double),     By(Special::DatePart)),
    function("date_trunc",      Scalar, (2, 2), Is(Type::Timestamp),  By(Special::DateTrunc)),
    function("make_date",       Scalar, (3, 3), Is(Type::Date),       By(Special::MakeDate)),
    function("to_char",         Scalar, (2, 2), Is(Type::Text),       By(Special::ToChar)),
    function("to_date",         Scalar, (2, 2), Is(Type::Date),       By(Special::ToDate)),
    function("to_timestamp",    Scalar, (2, 2), Is(Type::Timestamp),  By(Special::ToTimestamp)),
    // These depend on the day; dates of the extract are more repeatable.
    function("now",               Scalar, (0, 0), Is(Type::Timestamp), By(Special::Now)),
    function("current_timestamp", Scalar, (0, 0), Is(Type::Timestamp), By(Special::Now)),
    function("localtimestamp",    Scalar, (0, 0), Is(Type::Timestamp), By(Special::Now)),
    function("current_date",      Scalar, (0, 0), Is(Type::Date),      By(Special::Today)),
];

/// The function of that lower-case name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The time of day that the engine is asked for, without the ICU extension that time zones need.
pub(crate) const ENGINE_NOW: &str = "make_timestamp(epoch_us(now()))";

/// Writes the arguments into a spelling.
pub(crate) fn write(spelling: &str, arguments: &[String]) -> String {
    let mut written =
        String::with_capacity(spelling.len() + arguments.iter().map(String::len).sum::<usize>());
    let mut pieces = spelling.split('$');
    written.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let number = piece.bytes().next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'1')));
        written.push_str(arguments.get(number).map_or("NULL", String::as_str));
        written.push_str(piece.get(1..).unwrap_or_default());
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{Engine, FUNCTIONS, write};

    #[test]
    fn every_name_is_listed_once() {
        for (index, function) in FUNCTIONS.iter().enumerate() {
            assert!(FUNCTIONS[..index].iter().all(|other| other.name != function.name), "{}", function.name);
            assert!(function.arguments.0 <= function.arguments.1, "{}", function.name);
        }
    }

    #[test]
    fn every_spelling_uses_each_argument_once() {
        for function in FUNCTIONS {
            let Engine::Written(spellings) = function.engine else { continue };
            for count in function.arguments.0..=function.arguments.1 {
                let (_, spelling) = spellings.iter().find(|(arguments, _)| *arguments == count).unwrap();
                for number in 1..=count {
                    assert_eq!(spelling.matches(&format!("${number}")).count(), 1, "{}", function.name);
                }
            }
        }
    }

    #[test]
    fn arguments_take_their_places() {
        assert_eq!(write("lpad($1, $2, ' ')", &["a".to_owned(), "$1".to_owned()]), "lpad(a, $1, ' ')");
    }
}
