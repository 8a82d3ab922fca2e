//! Calls in the engine's words.
//!
//! What must stay true: no call fails on a record's value. What PostgreSQL would end the question for is NULL.

use super::call::{Arguments, Form, unknown};
use super::guard::Part;
use super::types::{Met, double, met, number, paired, small, truth};
use super::{Checker, dates, not_allowed, strings};
use crate::bounds::{COPY_BYTES_MAX, PADDED_CHARACTERS_MAX};
use crate::functions::{self, ENGINE_NOW, Engine, Function, Special};
use crate::names::literal;
use crate::patterns;
use crate::refusal::{Place, Refusal};
use crate::term::{Term, Type};

/// A call as the engine is asked for it.
pub(super) struct Spelt {
    pub text: String,
    /// See [`Term::guards`].
    pub guards: usize,
    /// Its type, where the table of functions leaves it to the arguments.
    pub kind: Option<Type>,
}

impl From<String> for Spelt {
    fn from(text: String) -> Self {
        Self { text, guards: 0, kind: None }
    }
}

impl Checker {
    pub(super) fn engine(
        &self,
        function: &Function,
        arguments: &Arguments,
        suffix: &str,
        at: Option<Place>,
    ) -> Result<Spelt, Refusal> {
        let terms = arguments.terms.as_slice();
        let texts: Vec<String> = terms.iter().map(|term| term.text.engine.clone()).collect();
        let all = |each: fn(&Term) -> Result<String, Refusal>| {
            terms.iter().map(each).collect::<Result<Vec<String>, Refusal>>()
        };
        let distinct = if arguments.distinct { "DISTINCT " } else { "" };
        let order = gathering_order(function, arguments, at)?;
        let plain = |name: &str, inner: &str| format!("{name}({distinct}{inner}{order}){suffix}");
        let fills = matches!(function.name, "lpad" | "rpad" | "split_part");
        if fills && terms.iter().skip(1).any(|term| term.literal.as_deref() == Some("")) {
            return Err(not_allowed(
                format!("{} needs a text of at least one character here, as in '-'", function.name),
                at,
            ));
        }
        Ok(match function.engine {
            Engine::Same => plain(function.name, &texts.join(", ")).into(),
            Engine::Named(name) => plain(name, &texts.join(", ")).into(),
            Engine::Numbers(name) => plain(name, &all(number)?.join(", ")).into(),
            Engine::Fails(name) => {
                self.failing(terms, &all(number)?, |parts| format!("{name}({})", parts.join(", ")))
            }
            Engine::Squares(name) => plain(name, &all(squarable)?.join(", ")).into(),
            Engine::Undefined(name) => {
                format!("nullif({}, CAST('nan' AS DOUBLE))", plain(name, &all(squarable)?.join(", "))).into()
            }
            Engine::Written(spellings) => {
                let spelling = spellings.iter().find(|(count, _)| *count == terms.len());
                let (_, spelling) = spelling.ok_or_else(|| unknown(function.name, at))?;
                functions::write(spelling, &texts).into()
            }
            Engine::Widened(name) => {
                let mut all: Vec<String> = terms.iter().take(1).map(double).collect::<Result<_, _>>()?;
                all.extend(terms.iter().skip(1).map(small).collect::<Result<Vec<_>, _>>()?);
                format!("{name}({})", all.join(", ")).into()
            }
            Engine::Special(special) => self.special(special, function, arguments, suffix, at)?,
        })
    }

    /// A call that fails on some values.
    fn failing(&self, terms: &[Term], texts: &[String], spell: impl Fn(&[&str]) -> String) -> Spelt {
        let parts: Vec<Part<'_>> =
            terms.iter().zip(texts).map(|(term, text)| Part::changed(text, term)).collect();
        let guarded = self.guarded(&parts, spell);
        Spelt { text: guarded.text, guards: guarded.guards, kind: None }
    }

    fn special(
        &self,
        special: Special,
        function: &Function,
        arguments: &Arguments,
        suffix: &str,
        at: Option<Place>,
    ) -> Result<Spelt, Refusal> {
        let terms = arguments.terms.as_slice();
        let name = function.name;
        let distinct = if arguments.distinct { "DISTINCT " } else { "" };
        let joined = || terms.iter().map(|term| term.text.engine.as_str()).collect::<Vec<_>>().join(", ");
        Ok(match (special, terms) {
            (Special::Count, []) => format!("count(*){suffix}").into(),
            (Special::Count, _) => format!("count({distinct}{}){suffix}", joined()).into(),
            (Special::Sum | Special::Average, [term]) => sum(name, distinct, term, suffix, at)?,
            (Special::Truths, [term]) => {
                truth(term)?;
                let name = if name == "every" { "bool_and" } else { name };
                format!("{name}({distinct}{}){suffix}", joined()).into()
            }
            (Special::Concat, terms) => {
                let printed: Vec<String> = terms.iter().map(strings::output).collect();
                format!("{name}({})", printed.join(", ")).into()
            }
            (Special::Choice, _) => {
                let Met { texts, kind } = met(&terms.iter().collect::<Vec<_>>())?;
                let text = format!("{name}({})", texts.join(", "));
                Spelt { kind: Some(kind), ..text.into() }
            }
            (Special::NullIf, [first, second]) => {
                let [text, other] = paired(first, second)?;
                let kind = if first.kind == Type::Unknown { Type::Text } else { first.kind };
                let kind =
                    if kind == Type::Date && second.kind == Type::Timestamp { Type::Timestamp } else { kind };
                Spelt { kind: Some(kind), ..format!("nullif({text}, {other})").into() }
            }
            (Special::Grouping, _) => format!("{name}({})", joined()).into(),
            (Special::Reach, [first, rest @ ..]) => reach(name, first, rest, suffix, at)?,
            (Special::Tiles, [term]) => {
                if !term.text.canonical.parse::<u32>().is_ok_and(|tiles| tiles > 0) {
                    return Err(not_allowed("ntile takes a number from 1, as in ntile(4)", at));
                }
                format!("ntile({}){suffix}", joined()).into()
            }
            (Special::Whole, [term]) => {
                let text = number(term)?;
                if term.kind == Type::Integer {
                    return Ok(self.failing(terms, &[text], |parts| format!("abs({})", parts[0])));
                }
                Spelt { kind: Some(Type::Numeric.meet(term.kind)), ..format!("abs({text})").into() }
            }
            (Special::Modulo, [left, right]) => {
                let term = self.modulo(left, right, |left, right| format!("mod({left}, {right})"))?;
                Spelt { text: term.text.engine, guards: term.guards, kind: Some(term.kind) }
            }
            (Special::Sign, [term]) => format!("CAST(sign({}) AS DOUBLE)", number(term)?).into(),
            (Special::Round, [term]) if term.kind == Type::Double => {
                format!("round_even({}, 0)", number(term)?).into()
            }
            (Special::Round, [term]) => format!("round({})", double(term)?).into(),
            (Special::Round, [term, digits]) => {
                format!("round({}, {})", double(term)?, small(digits)?).into()
            }
            (Special::Cut, [text, count]) => {
                format!("{name}({}, {})", text.text.engine, small(count)?).into()
            }
            (Special::Part, [text, by, count]) => {
                format!("{name}({}, {}, {})", text.text.engine, by.text.engine, small(count)?).into()
            }
            (Special::Pad, [text, length, fill @ ..]) => self.padded(name, text, length, fill.first(), at)?,
            (Special::MakeDate, _) => {
                let texts = terms.iter().map(number).collect::<Result<Vec<_>, _>>()?;
                self.failing(terms, &texts, |parts| format!("make_date({})", parts.join(", ")))
            }
            (Special::Percentile, _) => percentile(name, arguments, suffix, at)?,
            (Special::Mode, _) => format!("mode(){suffix}").into(),
            (Special::Age, _) => dates::age(terms).into(),
            (Special::DatePart, [field, operand]) => self.date_part(field, operand, at)?.into(),
            (Special::DateTrunc, [unit, operand]) => self.date_trunc(unit, operand, at)?.into(),
            (Special::ToChar, [operand, template]) => dates::to_char(operand, template, at)?.into(),
            (Special::ToDate, [operand, template]) => {
                format!("TRY_CAST({} AS DATE)", dates::parsed(operand, template, at)?).into()
            }
            (Special::ToTimestamp, [operand, template]) => dates::parsed(operand, template, at)?.into(),
            (Special::Today, _) => dates::today().into(),
            (Special::Now, _) => ENGINE_NOW.to_owned().into(),
            (Special::RegexpReplace, [operand, pattern, replacement, flags @ ..]) => {
                let regular = strings::regular_literal(pattern, at)?;
                let options = regexp_flags(flags, "gi", at)?;
                let replacement =
                    replacement.literal.as_deref().and_then(|held| patterns::replacement(held, &regular));
                let replacement = replacement.ok_or_else(|| {
                    not_allowed(
                        "the replacement is a literal text, with \\1 to \\9 for groups that the pattern has",
                        at,
                    )
                })?;
                let [regular, replacement] = [literal(&regular), literal(&replacement)];
                let operand = &operand.text.engine;
                format!("regexp_replace({operand}, {regular}, {replacement}, '{options}')").into()
            }
            (Special::RegexpLike, [operand, pattern, flags @ ..]) => {
                let regular = strings::regular_literal(pattern, at)?;
                let options = regexp_flags(flags, "i", at)?;
                format!("regexp_matches({}, {}, '{options}')", operand.text.engine, literal(&regular)).into()
            }
            (
                Special::Sum
                | Special::Average
                | Special::Truths
                | Special::NullIf
                | Special::Reach
                | Special::Tiles
                | Special::Whole
                | Special::Modulo
                | Special::Sign
                | Special::Round
                | Special::Cut
                | Special::Part
                | Special::Pad
                | Special::DatePart
                | Special::DateTrunc
                | Special::ToChar
                | Special::ToDate
                | Special::ToTimestamp
                | Special::RegexpReplace
                | Special::RegexpLike,
                _,
            ) => return Err(unknown(function.name, at)),
        })
    }

    /// `lpad` and `rpad`: to a bounded length; a record's text that is to fill and is empty gives NULL.
    fn padded(
        &self,
        name: &str,
        text: &Term,
        length: &Term,
        fill: Option<&Term>,
        at: Option<Place>,
    ) -> Result<Spelt, Refusal> {
        let written = length.text.canonical.parse::<i64>().ok();
        if written.is_some_and(|length| length > i64::from(PADDED_CHARACTERS_MAX)) {
            return Err(not_allowed(format!("{name} fills up to {PADDED_CHARACTERS_MAX} characters"), at));
        }
        let most = PADDED_CHARACTERS_MAX + 1;
        let length = match written {
            Some(_) => number(length)?,
            None => format!("nullif(least({}, {most}), {most})", small(length)?),
        };
        let operand = text.text.engine.as_str();
        let Some(fill) = fill.filter(|fill| fill.literal.is_none()) else {
            let fill = fill.map_or("' '", |fill| fill.text.engine.as_str());
            return Ok(format!("{name}({operand}, {length}, {fill})").into());
        };
        let parts = [Part::of(operand), Part::of(&length), Part::of(&fill.text.engine)];
        let guarded = self.guarded(&parts, |parts| format!("{name}({})", parts.join(", ")));
        Ok(Spelt { text: guarded.text, guards: guarded.guards, kind: None })
    }
}

/// The ORDER BY between an aggregate's brackets. PostgreSQL gathers distinct values in their order.
fn gathering_order(function: &Function, arguments: &Arguments, at: Option<Place>) -> Result<String, Refusal> {
    let sorted = arguments.distinct && matches!(function.name, "string_agg" | "array_agg");
    let first = arguments.terms.first().map(|term| term.text.engine.as_str());
    Ok(match (&arguments.order_by, first) {
        (Some(keys), _) => format!(" ORDER BY {}", keys.engine),
        (None, Some(first)) if sorted && first.len() > COPY_BYTES_MAX => {
            return Err(not_allowed(
                "DISTINCT takes a shorter expression here; compute it in a CTE first",
                at,
            ));
        }
        (None, Some(first)) if sorted => format!(" ORDER BY {first}"),
        (None, _) => String::new(),
    })
}

/// `sum` and `avg`. The engine adds 64-bit numbers up in 128 bits; a sum of more than 64 is NULL.
fn sum(name: &str, distinct: &str, term: &Term, suffix: &str, at: Option<Place>) -> Result<Spelt, Refusal> {
    if term.kind == Type::Interval {
        return Err(not_allowed(
            format!(
                "{name} takes numbers; of times between dates write {name}(EXTRACT(EPOCH FROM (later - earlier)))"
            ),
            at,
        ));
    }
    let call = format!("{name}({distinct}{}){suffix}", number(term)?);
    Ok(if name == "sum" && term.kind == Type::Integer {
        format!("TRY_CAST({call} AS BIGINT)").into()
    } else {
        let kind = (name == "sum").then_some(if term.kind.is_number() { term.kind } else { Type::Numeric });
        Spelt { kind, ..call.into() }
    })
}

/// Where numbers are squared and added up, the engine fails on what is no longer finite; so those beyond are left out.
fn squarable(term: &Term) -> Result<String, Refusal> {
    const MOST: &str = "1e60";
    let text = number(term)?;
    if term.kind == Type::Integer {
        return Ok(text);
    }
    if !text.contains('(') {
        return Ok(format!("CASE WHEN abs({text}) < {MOST} THEN {text} END"));
    }
    Ok(format!("nullif(least(nullif(greatest({text}, -{MOST}), -{MOST}), {MOST}), {MOST})"))
}

/// `lag` and `lead`.
fn reach(name: &str, first: &Term, rest: &[Term], suffix: &str, at: Option<Place>) -> Result<Spelt, Refusal> {
    let Some(offset) = rest.first() else {
        return Ok(format!("{name}({}){suffix}", first.text.engine).into());
    };
    let offset = small(offset)?;
    let Some(otherwise) = rest.get(1) else {
        return Ok(format!("{name}({}, {offset}){suffix}", first.text.engine).into());
    };
    if otherwise.kind == Type::Timestamp && first.kind == Type::Date {
        return Err(not_allowed("CAST the value to a timestamp, too", at));
    }
    let [value, otherwise] = paired(first, otherwise)?;
    Ok(format!("{name}({value}, {offset}, {otherwise}){suffix}").into())
}

fn percentile(name: &str, arguments: &Arguments, suffix: &str, at: Option<Place>) -> Result<Spelt, Refusal> {
    let fractions: Option<Vec<String>> = arguments.terms.iter().map(fraction).collect();
    let fractions = fractions
        .ok_or_else(|| not_allowed(format!("{name} needs literal fractions from 0 to 1, as in 0.5"), at))?;
    let joined = fractions.join(", ");
    let list = if arguments.form == Form::Array { format!("[{joined}]") } else { joined };
    Ok(format!("{name}({list}){suffix}").into())
}

/// A literal fraction from 0 to 1.
fn fraction(term: &Term) -> Option<String> {
    let number: f64 = term.text.canonical.parse().ok()?;
    (term.kind.is_number() && (0.0..=1.0).contains(&number)).then(|| term.text.engine.clone())
}

/// The options of a regular expression; a dot matches a line's end, as in PostgreSQL.
fn regexp_flags(flags: &[Term], known: &str, at: Option<Place>) -> Result<String, Refusal> {
    let held = match flags {
        [] => "",
        [flags, ..] => flags
            .literal
            .as_deref()
            .filter(|held| held.chars().all(|flag| known.contains(flag)))
            .ok_or_else(|| not_allowed(format!("the flags are a literal text of {known}"), at))?,
    };
    Ok(format!("{held}s"))
}
