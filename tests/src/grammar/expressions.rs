//! Typed expressions: each of a kind, over the columns in sight, as deep as it is allowed to be.

use super::Choices;

/// The kind of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Double,
    Text,
    Date,
    Moment,
    Interval,
    Truth,
}

impl Kind {
    pub const ALL: &[Self] =
        &[Self::Whole, Self::Double, Self::Text, Self::Date, Self::Moment, Self::Interval, Self::Truth];
}

/// A relation in sight.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// What stands in FROM.
    pub source: String,
    pub alias: String,
    pub columns: Vec<(String, Kind)>,
}

/// Writes a question.
pub(super) struct Writer<'a> {
    pub choices: Choices<'a>,
    /// How many names were given.
    pub names: usize,
}

/// Ways to make an expression of a kind. `{w}` stands for a whole number, `{n}` for any number, `{d}` for a double,
/// `{t}` for a text, `{y}` for a date, `{m}` for a moment, `{i}` for an interval, `{b}` for a condition.
const WHOLE: &[&str] = &[
    "({w} + {w})",
    "({w} - {w})",
    "({w} * {w})",
    "({w} / {w})",
    "({w} % {w})",
    "-{w}",
    "abs({w})",
    "mod({w}, {w})",
    "length({t})",
    "strpos({t}, {t})",
    "position({t} in {t})",
    "({y} - {y})",
    "CAST({d} AS integer)",
    "CAST({t} AS bigint)",
    "{t}::smallint",
    "CAST({b} AS integer)",
    "CASE WHEN {b} THEN {w} ELSE {w} END",
    "coalesce({w}, {w})",
    "nullif({w}, {w})",
    "greatest({w}, {w})",
    "least({w}, {w}, 7)",
    "CASE {w} WHEN {w} THEN 1 ELSE {w} END",
    "char_length({t})",
    "round({d})::int",
];
const DOUBLE: &[&str] = &[
    "({n} + {d})",
    "({d} - {n})",
    "({d} * {n})",
    "({d} / {n})",
    "({w} / {d})",
    "({d} ^ {n})",
    "-{d}",
    "abs({d})",
    "round({n}, {w})",
    "round({d})",
    "trunc({n}, 2)",
    "floor({n})",
    "ceil({n})",
    "sqrt({n})",
    "cbrt({n})",
    "exp({d})",
    "ln({n})",
    "log({n})",
    "log({n}, {n})",
    "log10({n})",
    "power({n}, {n})",
    "sign({n})",
    "CAST({t} AS numeric)",
    "{t}::double precision",
    "{d}::real",
    "extract(year from {y})",
    "extract(epoch from {m})",
    "extract(week from {m})",
    "extract(second from {m})",
    "extract(epoch from {i})",
    "extract(month from {i})",
    "date_part('doy', {y})",
    "CASE WHEN {b} THEN {d} ELSE {n} END",
    "coalesce({d}, {n})",
    "nullif({d}, {n})",
    "greatest({n}, {d})",
    "{d}::numeric(10, 2)",
    "{w}::numeric(38, 30)",
    "mod({d}, {n})",
    "trunc({d}, {w})",
];
const TEXT: &[&str] = &[
    "lower({t})",
    "upper({t})",
    "({t} || {t})",
    "({t} || {n})",
    "concat({t}, {n}, {y}, {b})",
    "concat_ws('-', {t}, {w})",
    "left({t}, {w})",
    "right({t}, {w})",
    "substring({t} from {w} for {w})",
    "substr({t}, {w})",
    "replace({t}, {t}, 'x')",
    "reverse({t})",
    "split_part({t}, {t}, {w})",
    "lpad({t}, {w}, {t})",
    "rpad({t}, {w})",
    "lpad({t}, 20, '0')",
    "btrim({t}, {t})",
    "ltrim({t})",
    "rtrim({t}, ' a')",
    "trim(both 'a' from {t})",
    "regexp_replace({t}, '(a|\\d)+', '[\\1]', 'g')",
    "to_char({m}, 'YYYY-MM-DD HH24:MI')",
    "to_char({y}, 'Dy DDD IW IYYY')",
    "CAST({n} AS text)",
    "CAST({y} AS varchar(4))",
    "CASE WHEN {b} THEN {t} ELSE {t} END",
    "coalesce({t}, 'none')",
    "nullif({t}, {t})",
    "greatest({t}, {t})",
    "{i}::text",
];
const DATE: &[&str] = &[
    "({y} + {w})",
    "({y} - {w})",
    "({y} + 30)",
    "CAST({t} AS date)",
    "CAST({m} AS date)",
    "make_date({w}, {w}, {w})",
    "to_date({t}, 'YYYY-MM-DD')",
    "CASE WHEN {b} THEN {y} ELSE {y} END",
    "coalesce({y}, DATE '2020-02-29')",
    "nullif({y}, {y})",
    "least({y}, {y})",
    "to_date({t}, 'DD Mon YYYY')",
];
const MOMENT: &[&str] = &[
    "({y} + {i})",
    "({m} + {i})",
    "({m} - {i})",
    "({y} - {i})",
    "CAST({t} AS timestamp)",
    "CAST({y} AS timestamp)",
    "date_trunc('month', {m})",
    "date_trunc('week', {y})",
    "to_timestamp({t}, 'YYYY-MM-DD HH24:MI:SS')",
    "CASE WHEN {b} THEN {m} ELSE {m} END",
    "coalesce({m}, {y})",
    "greatest({m}, {m})",
];
const INTERVAL: &[&str] = &[
    "({m} - {m})",
    "({m} - {y})",
    "age({m}, {m})",
    "age({y}, {y})",
    "({i} * {n})",
    "({i} / {n})",
    "({i} + {i})",
    "({i} - {i})",
    "-{i}",
    "CAST({t} AS interval)",
    "date_trunc('day', {i})",
    "coalesce({i}, INTERVAL '1 day')",
];
const TRUTH: &[&str] = &[
    "{n} > {n}",
    "{w} = {n}",
    "{d} <= {n}",
    "{t} = {t}",
    "{t} < {t}",
    "{y} > {y}",
    "{m} >= {y}",
    "{y} < {m}",
    "{i} > {i}",
    "{t} LIKE {t}",
    "{t} ILIKE '%a\\%'",
    "{t} LIKE {t} ESCAPE '!'",
    "{t} NOT LIKE 'a%'",
    "{t} ~ '^[a-c]+\\d{2,3}$'",
    "{t} !~* 'x|y'",
    "{t} SIMILAR TO '(a|b)%'",
    "regexp_like({t}, 'a.c')",
    "starts_with({t}, {t})",
    "{n} BETWEEN {n} AND {n}",
    "{y} BETWEEN {m} AND {y}",
    "{w} IN (1, {w}, 3)",
    "{t} NOT IN ('a', {t})",
    "{y} IN (DATE '2020-01-01', {y})",
    "({b} AND {b})",
    "({b} OR {b})",
    "NOT ({b})",
    "({b}) IS TRUE",
    "{n} IS DISTINCT FROM {n}",
    "{t} IS NULL",
    "{m} IS NOT NULL",
    "CASE WHEN {b} THEN TRUE ELSE {b} END",
    "CAST({t} AS boolean)",
    "CAST({w} AS boolean)",
    "({w}, {t}) = ({w}, {t})",
    "({y}, {w}) IN (({m}, 1), ({y}, 2))",
    "{w} = ANY (ARRAY[1, 2])",
    "{y} = '2020-02-29'",
    "{m} > '2020-02-29 10:00'",
    "{d} > '1.5'",
    "nullif({b}, {b})",
];

impl Writer<'_> {
    pub fn condition(&mut self, relations: &[Relation], depth: usize) -> String {
        self.expression(Kind::Truth, relations, depth)
    }

    pub fn expression(&mut self, kind: Kind, relations: &[Relation], depth: usize) -> String {
        if depth == 0 || (kind != Kind::Truth && self.choices.of(4) == 0) {
            return self.leaf(kind, relations);
        }
        let ways = match kind {
            Kind::Whole => WHOLE,
            Kind::Double => DOUBLE,
            Kind::Text => TEXT,
            Kind::Date => DATE,
            Kind::Moment => MOMENT,
            Kind::Interval => INTERVAL,
            Kind::Truth => TRUTH,
        };
        let way = *self.choices.pick(ways);
        self.fill(way, relations, depth - 1)
    }

    /// Writes expressions into the holes of a pattern.
    fn fill(&mut self, pattern: &str, relations: &[Relation], depth: usize) -> String {
        let mut written = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            written.push_str(before);
            let kind = match after.split_once('}').map(|(name, _)| name) {
                Some("w") => Kind::Whole,
                Some("d") => Kind::Double,
                Some("n") => [Kind::Whole, Kind::Double][self.choices.of(2)],
                Some("t") => Kind::Text,
                Some("y") => Kind::Date,
                Some("m") => Kind::Moment,
                Some("i") => Kind::Interval,
                Some("b") => Kind::Truth,
                // A brace of a regular expression.
                Some(_) | None => {
                    written.push('{');
                    rest = after;
                    continue;
                }
            };
            let expression = self.expression(kind, relations, depth);
            // Two signs in a row would begin a comment.
            if written.ends_with('-') {
                written.push(' ');
            }
            written.push_str(&expression);
            rest = &after[2..];
        }
        written + rest
    }

    fn leaf(&mut self, kind: Kind, relations: &[Relation]) -> String {
        let fitting: Vec<String> = relations
            .iter()
            .flat_map(|relation| {
                let fits = relation.columns.iter().filter(|(_, other)| *other == kind);
                fits.map(|(name, _)| format!("{}.{name}", relation.alias))
            })
            .collect();
        if !fitting.is_empty() && self.choices.of(4) > 0 {
            return self.choices.pick(&fitting).clone();
        }
        let literals: &[&str] = match kind {
            Kind::Whole => &["1", "0", "-1", "9223372036854775807", "40000", "2147483647"],
            Kind::Double => &["1.5", "0.0", "-2e3", "1e300", "99999999999999999999"],
            Kind::Text => &["'a'", "'12'", "'%a_'", "'2020-02-29'", "'x''y'"],
            Kind::Date => &["DATE '2020-02-29'", "DATE '9999-12-31'", "DATE '0001-01-01'"],
            Kind::Moment => &["TIMESTAMP '2020-02-29 10:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"],
            Kind::Interval => {
                &["INTERVAL '30 days'", "INTERVAL '10000 years'", "INTERVAL '-1 month 2 hours'"]
            }
            Kind::Truth => &["TRUE", "1 = 0", "NULL IS NULL"],
        };
        (*self.choices.pick(literals)).to_owned()
    }

    /// A call of an aggregate, and what is computed of it.
    pub fn aggregate(&mut self, relations: &[Relation]) -> String {
        const WAYS: &[&str] = &[
            "count(*)",
            "count({t})",
            "count(DISTINCT {n})",
            "sum({w})",
            "sum({d})",
            "avg({n})",
            "min({y})",
            "max({m})",
            "stddev({n})",
            "stddev_samp({d})",
            "stddev_pop({n})",
            "variance({n})",
            "var_samp({n})",
            "var_pop({d})",
            "corr({n}, {n})",
            "covar_pop({n}, {n})",
            "covar_samp({d}, {d})",
            "regr_slope({n}, {n})",
            "regr_intercept({n}, {n})",
            "regr_r2({n}, {n})",
            "percentile_cont(0.5) WITHIN GROUP (ORDER BY {n})",
            "percentile_disc(0.9) WITHIN GROUP (ORDER BY {y})",
            "mode() WITHIN GROUP (ORDER BY {t})",
            "string_agg({t}, ',')",
            "array_agg({w})",
            "bool_and({b})",
            "bool_or({b})",
            "every({b})",
            "sum({w}) + max({w})",
            "max({w}) * count(*)",
            "-min({w})",
            "abs(min({w}))",
            "max({y}) + 30",
            "max({m}) - min({m})",
            "min({y}) + {i} * 0",
            "sqrt(min({d}))",
            "sum({w}) / (count(*) - 1)",
            "sum({d}::numeric(38, 10))",
            "avg({t}::numeric(38, 37))",
            "sum({w}) FILTER (WHERE {b})",
            "ln(avg({n}))",
            "left(max({t}), count(*)::int)",
            "max({t})::date",
        ];
        let way = *self.choices.pick(WAYS);
        // What stands outside the aggregate cannot be a column of the row.
        let way = way.replace("{i} * 0", "INTERVAL '30 days'");
        self.fill(&way, relations, 2)
    }

    /// A call over a window, without its OVER.
    pub fn window_call(&mut self, relations: &[Relation]) -> String {
        const WAYS: &[&str] = &[
            "row_number()",
            "rank()",
            "dense_rank()",
            "ntile(4)",
            "percent_rank()",
            "cume_dist()",
            "lag({n})",
            "lag({w}, {w})",
            "lead({y}, 1, {y})",
            "lead({t}, 2, 'none')",
            "first_value({m})",
            "last_value({i})",
            "nth_value({w}, {w})",
            "sum({w})",
            "avg({d})",
            "max({t})",
            "stddev({n})",
            "count(*)",
            "min({y})",
        ];
        let way = *self.choices.pick(WAYS);
        self.fill(way, relations, 2)
    }
}
