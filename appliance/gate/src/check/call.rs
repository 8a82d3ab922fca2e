//! Calls: the function must be on the list, its arguments of the right number, its clauses of its kind.
//!
//! What must stay true: identifiers reach COUNT, COALESCE with their own kind, GROUPING, and the keys of windows;
//! no other argument may be one.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments,
};

use super::from::name_parts;
use super::{Checker, Gathering, compare, dates, not_allowed, strings};
use crate::bounds::COPY_BYTES_MAX;
use crate::functions::{self, ENGINE_NOW, Engine, FUNCTIONS, Function, Kind, Returns, Special};
use crate::names::{literal, nearest};
use crate::patterns;
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::{Lineage, Term, Text, Type};

/// The arguments of a call between its brackets.
#[derive(Default)]
struct Arguments {
    form: Form,
    distinct: bool,
    terms: Vec<Term>,
    /// `string_agg(x, ',' ORDER BY x)`.
    order_by: Option<Text>,
}

/// How arguments are given.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One after another.
    #[default]
    Listed,
    /// Without brackets, as in `current_date`.
    Bare,
    /// `count(*)`.
    Star,
    /// `percentile_cont(ARRAY[...])`.
    Array,
}

impl Checker {
    pub(super) fn call(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let Call { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
            call;
        let names = name_parts(name)?;
        let at = names.first().and_then(|name| name.place);
        let function = match names.as_slice() {
            [name] => functions::find(&name.folded).ok_or_else(|| unknown(&name.folded, at))?,
            _ => return Err(unknown(&name.to_string(), at)),
        };
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) || null_treatment.is_some() {
            return Err(not_allowed(format!("write {}(...) with its arguments alone", function.name), at));
        }
        let gathering = self.enter(function, over.is_some(), at)?;
        let arguments = self.arguments(function, args, scope, at)?;
        check_count(function, &arguments, at)?;

        let aggregates = matches!(function.kind, Kind::Aggregate | Kind::OrderedSet);
        if (filter.is_some() || arguments.distinct || arguments.order_by.is_some()) && !aggregates {
            return Err(not_allowed(format!("{} takes no DISTINCT, ORDER BY or FILTER", function.name), at));
        }
        let within = match (function.kind, within_group.as_slice()) {
            (Kind::OrderedSet, [_]) => Some(self.within_group(within_group, scope)?),
            (Kind::OrderedSet, _) => {
                return Err(not_allowed(
                    format!("{}(...) needs WITHIN GROUP (ORDER BY x)", function.name),
                    at,
                ));
            }
            (Kind::Scalar | Kind::Aggregate | Kind::Window, []) => None,
            (Kind::Scalar | Kind::Aggregate | Kind::Window, _) => {
                return Err(not_allowed(format!("{} takes no WITHIN GROUP", function.name), at));
            }
        };
        let mut suffix = Text::default();
        if let Some((key, _)) = &within {
            suffix.append(&Text::between(" WITHIN GROUP (ORDER BY ", key, ")"));
        }
        if let Some(condition) = filter {
            suffix.append(&Text::between(" FILTER (WHERE ", &self.value(condition, scope)?.text, ")"));
        }
        match (function.kind, over) {
            (Kind::Aggregate | Kind::Window, Some(window)) => {
                suffix.push(" OVER ");
                suffix.append(&self.over(window, scope, at)?);
            }
            (Kind::Window, None) => {
                return Err(not_allowed(format!("{} needs OVER (...)", function.name), at));
            }
            (Kind::Scalar | Kind::OrderedSet, Some(_)) => {
                return Err(not_allowed(format!("{} takes no OVER", function.name), at));
            }
            (Kind::Scalar | Kind::Aggregate | Kind::OrderedSet, None) => {}
        }

        self.gathering = gathering;

        let kind = returns(function, &arguments, within.as_ref().map(|(_, kind)| *kind));
        let lineage = lineage(function, &arguments)?;
        let text = Text::new(
            format!("{}{}", canonical(function, &arguments), suffix.canonical),
            engine(function, &arguments, &suffix.engine, at)?,
        );
        let term = Term::value(text, kind).named(function.name).at(at);
        let sources = match lineage {
            Lineage::Identifier { .. } => arguments.terms.into_iter().flat_map(|term| term.sources).collect(),
            Lineage::Value | Lineage::Null => Vec::new(),
        };
        Ok(Term { lineage, sources, ..term })
    }

    /// Goes into the arguments of a call; gives what to put back when they have been read. Calls that gather rows do
    /// not nest in PostgreSQL, but for an aggregate in a window function's arguments.
    fn enter(
        &mut self,
        function: &Function,
        over: bool,
        at: Option<Place>,
    ) -> Result<Option<Gathering>, Refusal> {
        let outside = self.gathering;
        let inside = match function.kind {
            Kind::Scalar => return Ok(outside),
            Kind::Window => Gathering::Window,
            Kind::Aggregate | Kind::OrderedSet if over => Gathering::Window,
            Kind::Aggregate | Kind::OrderedSet => Gathering::Group,
        };
        match (outside, inside) {
            (None, _) | (Some(Gathering::Window), Gathering::Group) => {}
            (Some(Gathering::Group), _) | (Some(Gathering::Window), Gathering::Window) => {
                return Err(not_allowed(
                    format!(
                        "{} cannot stand inside another aggregate; compute it in a CTE first",
                        function.name
                    ),
                    at,
                ));
            }
        }
        if inside == Gathering::Group {
            self.reading().aggregates = true;
        }
        self.gathering = Some(inside);
        Ok(outside)
    }

    fn within_group(
        &mut self,
        keys: &[sqlparser::ast::OrderByExpr],
        scope: &Scope<'_>,
    ) -> Result<(Text, Type), Refusal> {
        let (text, kinds) = self.order_keys(keys, scope, false)?;
        Ok((text, kinds.first().copied().unwrap_or(Type::Unknown)))
    }

    fn arguments(
        &mut self,
        function: &Function,
        args: &FunctionArguments,
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<Arguments, Refusal> {
        let list = match args {
            FunctionArguments::None => return Ok(Arguments { form: Form::Bare, ..Arguments::default() }),
            FunctionArguments::Subquery(_) => {
                return Err(not_allowed(
                    format!("put the subquery of {} into its own brackets", function.name),
                    at,
                ));
            }
            FunctionArguments::List(list) => list,
        };
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        let distinct = matches!(duplicate_treatment, Some(DuplicateTreatment::Distinct));
        let mut arguments = Arguments { distinct, ..Arguments::default() };
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(array)))
                    if function.engine == Engine::Special(Special::Percentile) =>
                {
                    arguments.form = Form::Array;
                    arguments.terms.extend(self.array_literal(array, scope)?);
                }
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    arguments.terms.push(self.argument(function, expr, scope)?);
                }
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard)
                    if function.engine == Engine::Special(Special::Count) && args.len() == 1 && !distinct =>
                {
                    arguments.form = Form::Star;
                }
                FunctionArg::Unnamed(
                    FunctionArgExpr::Wildcard
                    | FunctionArgExpr::QualifiedWildcard(_)
                    | FunctionArgExpr::WildcardWithOptions(_),
                )
                | FunctionArg::Named { .. }
                | FunctionArg::ExprNamed { .. } => {
                    return Err(not_allowed(
                        format!("{} takes plain values; count(*) alone takes *", function.name),
                        at,
                    ));
                }
            }
        }
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(terms) if arguments.order_by.is_none() => {
                    arguments.order_by = Some(self.order_terms(terms, scope, true)?);
                }
                FunctionArgumentClause::OrderBy(_)
                | FunctionArgumentClause::IgnoreOrRespectNulls(_)
                | FunctionArgumentClause::Where(_)
                | FunctionArgumentClause::Limit(_)
                | FunctionArgumentClause::OnOverflow(_)
                | FunctionArgumentClause::Having(_)
                | FunctionArgumentClause::Separator(_)
                | FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {
                    return Err(not_allowed(
                        format!("{} takes ORDER BY at most between its brackets", function.name),
                        at,
                    ));
                }
            }
        }
        Ok(arguments)
    }

    fn argument(&mut self, function: &Function, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let may_identify = matches!(
            function.engine,
            Engine::Special(Special::Count | Special::Coalesce | Special::Grouping)
        );
        if may_identify { self.expression(expr, scope) } else { self.value(expr, scope) }
    }
}

fn unknown(name: &str, at: Option<Place>) -> Refusal {
    let near = nearest(name, FUNCTIONS.iter().map(|function| function.name));
    let hint = match near {
        Some(near) => format!("; did you mean {near}?"),
        None => "; docs/RESEARCHERS lists those that are".to_owned(),
    };
    Refusal::new(Code::FunctionNotAllowed, format!("the function {name} is not let in{hint}"), at)
}

fn check_count(function: &Function, arguments: &Arguments, at: Option<Place>) -> Result<(), Refusal> {
    let (fewest, most) = function.arguments;
    let bare_name = matches!(function.name, "current_date" | "current_timestamp" | "localtimestamp");
    if (arguments.form == Form::Bare) != bare_name {
        let brackets = if bare_name { "without" } else { "with" };
        return Err(not_allowed(format!("write {} {brackets} brackets", function.name), at));
    }
    let given = if matches!(arguments.form, Form::Star | Form::Array) { 1 } else { arguments.terms.len() };
    if (fewest..=most).contains(&given) {
        return Ok(());
    }
    let wanted = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
    Err(Refusal::new(
        Code::FunctionNotAllowed,
        format!("{} takes {wanted} arguments, not {given}", function.name),
        at,
    ))
}

fn returns(function: &Function, arguments: &Arguments, key: Option<Type>) -> Type {
    let kinds = || arguments.terms.iter().map(|term| term.kind);
    let first = key.or_else(|| kinds().next()).unwrap_or(Type::Unknown);
    match function.returns {
        _ if arguments.form == Form::Array => Type::Array,
        Returns::Is(_) if function.engine == Engine::Special(Special::DateTrunc) => {
            let interval = kinds().nth(1) == Some(Type::Interval);
            if interval { Type::Interval } else { Type::Timestamp }
        }
        Returns::Is(kind) => kind,
        Returns::First => first,
        Returns::Common => kinds().fold(Type::Unknown, Type::meet),
        Returns::Fraction if matches!(first, Type::Interval | Type::Double) => first,
        Returns::Fraction => Type::Numeric,
    }
}

/// COALESCE of identifiers of one kind is one of them; everything else computes.
fn lineage(function: &Function, arguments: &Arguments) -> Result<Lineage, Refusal> {
    if function.engine != Engine::Special(Special::Coalesce) {
        return Ok(Lineage::Value);
    }
    let Some((first, rest)) = arguments.terms.split_first() else { return Ok(Lineage::Value) };
    let mut lineage = first.lineage;
    for term in rest {
        lineage = match (lineage, term.lineage) {
            (Lineage::Null, other) | (other, Lineage::Null) => other,
            (Lineage::Value, Lineage::Value) => Lineage::Value,
            (
                Lineage::Identifier { identity, required, .. },
                Lineage::Identifier { identity: same, required: also, .. },
            ) if identity == same => match lineage.or(term.lineage) {
                Lineage::Identifier { identity, counts, own, required: _ } => {
                    Lineage::Identifier { identity, counts, own, required: required || also }
                }
                other @ (Lineage::Value | Lineage::Null) => other,
            },
            (Lineage::Identifier { .. }, _) => return Err(not_coalesced(first)),
            (Lineage::Value, Lineage::Identifier { .. }) => return Err(not_coalesced(term)),
        };
    }
    Ok(lineage)
}

fn not_coalesced(term: &Term) -> Refusal {
    let refusal = compare::must_describe(term).err();
    refusal.unwrap_or_else(|| {
        Refusal::new(Code::IdentifierMisused, "COALESCE mixes an identifier with other values", term.place)
    })
}

fn canonical(function: &Function, arguments: &Arguments) -> String {
    if arguments.form == Form::Bare {
        return function.name.to_uppercase();
    }
    let mut inner = if arguments.form == Form::Star {
        "*".to_owned()
    } else {
        arguments.terms.iter().map(|term| term.text.canonical.as_str()).collect::<Vec<_>>().join(", ")
    };
    if arguments.form == Form::Array {
        inner = format!("ARRAY[{inner}]");
    }
    let distinct = if arguments.distinct { "DISTINCT " } else { "" };
    let order =
        arguments.order_by.as_ref().map(|keys| format!(" ORDER BY {}", keys.canonical)).unwrap_or_default();
    format!("{}({distinct}{inner}{order})", function.name)
}

fn engine(
    function: &Function,
    arguments: &Arguments,
    suffix: &str,
    at: Option<Place>,
) -> Result<String, Refusal> {
    let terms = arguments.terms.as_slice();
    let texts: Vec<String> = terms.iter().map(|term| term.text.engine.clone()).collect();
    let distinct = if arguments.distinct { "DISTINCT " } else { "" };
    // PostgreSQL gathers distinct values in their order.
    let sorted = arguments.distinct && matches!(function.name, "string_agg" | "array_agg");
    let order = match (&arguments.order_by, texts.first()) {
        (Some(keys), _) => format!(" ORDER BY {}", keys.engine),
        (None, Some(first)) if sorted && first.len() > COPY_BYTES_MAX => {
            return Err(not_allowed(
                "DISTINCT takes a shorter expression here; compute it in a CTE first",
                at,
            ));
        }
        (None, Some(first)) if sorted => format!(" ORDER BY {first}"),
        (None, _) => String::new(),
    };
    let plain = |name: &str, inner: &str| format!("{name}({distinct}{inner}{order}){suffix}");
    let joined = texts.join(", ");
    let fills = matches!(function.name, "lpad" | "rpad" | "split_part");
    if fills && terms.iter().skip(1).any(|term| term.literal.as_deref() == Some("")) {
        return Err(not_allowed(
            format!("{} needs a text of at least one character here, as in '-'", function.name),
            at,
        ));
    }
    Ok(match function.engine {
        Engine::Same => plain(function.name, &joined),
        Engine::Named(name) => plain(name, &joined),
        Engine::Undefined(name) => format!("nullif({}, CAST('nan' AS DOUBLE))", plain(name, &joined)),
        Engine::Written(spellings) => {
            let spelling = spellings.iter().find(|(count, _)| *count == terms.len());
            let (_, spelling) = spelling.ok_or_else(|| unknown(function.name, at))?;
            functions::write(spelling, &texts)
        }
        Engine::Widened(name) => {
            let first = terms.first().map(strings::widened);
            let all: Vec<String> = first.into_iter().chain(texts.iter().skip(1).cloned()).collect();
            format!("{name}({})", all.join(", "))
        }
        Engine::Special(special) => special_call(special, function, arguments, &texts, suffix, at)?,
    })
}

fn special_call(
    special: Special,
    function: &Function,
    arguments: &Arguments,
    texts: &[String],
    suffix: &str,
    at: Option<Place>,
) -> Result<String, Refusal> {
    let terms = arguments.terms.as_slice();
    let joined = texts.join(", ");
    let distinct = if arguments.distinct { "DISTINCT " } else { "" };
    Ok(match (special, terms) {
        (Special::Count, []) => format!("count(*){suffix}"),
        (Special::Sum | Special::Average, [term]) if term.kind == Type::Interval => {
            return Err(not_allowed(
                format!(
                    "{} takes numbers; of times between dates write {0}(EXTRACT(EPOCH FROM (later - earlier)))",
                    function.name
                ),
                at,
            ));
        }
        (Special::Concat, terms) => {
            let printed: Vec<String> = terms.iter().map(strings::output).collect();
            format!("{}({})", function.name, printed.join(", "))
        }
        (Special::Sum, [term]) if term.kind == Type::Integer => {
            format!("CAST(sum({distinct}{joined}){suffix} AS BIGINT)")
        }
        (Special::Count | Special::Sum | Special::Average, _) => {
            format!("{}({distinct}{joined}){suffix}", function.name)
        }
        (Special::Coalesce | Special::Grouping, _) => format!("{}({joined})", function.name),
        (Special::Round, [term]) if term.kind == Type::Double => format!("round_even({joined}, 0)"),
        (Special::Round, [term]) => format!("round({})", strings::widened(term)),
        (Special::Round, [term, digits]) => {
            format!("round({}, {})", strings::widened(term), digits.text.engine)
        }
        (Special::Percentile, _) => {
            let fractions: Option<Vec<String>> = terms.iter().map(fraction).collect();
            let fractions = fractions.ok_or_else(|| {
                not_allowed(format!("{} takes literal fractions from 0 to 1, as in 0.5", function.name), at)
            })?;
            let joined = fractions.join(", ");
            let list = if arguments.form == Form::Array { format!("[{joined}]") } else { joined };
            format!("{}({list}){suffix}", function.name)
        }
        (Special::Mode, _) => format!("mode(){suffix}"),
        (Special::Age, _) => dates::age(terms),
        (Special::DatePart, [field, operand]) => dates::date_part(field, operand, at)?,
        (Special::DateTrunc, [unit, operand]) => {
            let truncated = dates::date_trunc(unit, operand, at)?;
            if operand.kind == Type::Interval { truncated } else { format!("CAST({truncated} AS TIMESTAMP)") }
        }
        (Special::ToChar, [operand, template]) => dates::to_char(operand, template, at)?,
        (Special::ToDate, [operand, template]) => {
            format!("CAST({} AS DATE)", dates::parsed(operand, template, at)?)
        }
        (Special::ToTimestamp, [operand, template]) => dates::parsed(operand, template, at)?,
        (Special::Today, _) => dates::today(),
        (Special::Now, _) => ENGINE_NOW.to_owned(),
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
            format!(
                "regexp_replace({}, {}, {}, '{options}')",
                operand.text.engine,
                literal(&regular),
                literal(&replacement)
            )
        }
        (Special::RegexpLike, [operand, pattern, flags @ ..]) => {
            let regular = strings::regular_literal(pattern, at)?;
            let options = regexp_flags(flags, "i", at)?;
            format!("regexp_matches({}, {}, '{options}')", operand.text.engine, literal(&regular))
        }
        (
            Special::Round
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
