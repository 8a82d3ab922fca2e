//! Calls: the function must be on the list, its arguments of the right number, its clauses of its kind.
//!
//! What must stay true: identifiers reach COUNT, COALESCE with their own kind, GROUPING, and the keys of windows;
//! no other argument may be one.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments,
};

use super::from::name_parts;
use super::{Checker, Gathering, compare, not_allowed};
use crate::functions::{self, Engine, FUNCTIONS, Function, INSTEAD, Kind, Returns, Special};
use crate::names::nearest;
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::{Lineage, Term, Text, Type};

/// The arguments of a call between its brackets.
#[derive(Default)]
pub(super) struct Arguments {
    pub form: Form,
    pub distinct: bool,
    pub terms: Vec<Term>,
    /// `string_agg(x, ',' ORDER BY x)`.
    pub order_by: Option<Text>,
}

/// How arguments are given.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
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
            return Err(not_allowed(
                format!("{} takes plain arguments; leave out DISTINCT, ORDER BY and FILTER", function.name),
                at,
            ));
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
                return Err(not_allowed(
                    format!("{} takes plain arguments; leave out WITHIN GROUP", function.name),
                    at,
                ));
            }
        };
        let mut suffix = Text::default();
        if let Some((key, _)) = &within {
            suffix.append(&Text::between(" WITHIN GROUP (ORDER BY ", key, ")"));
        }
        if let Some(condition) = filter {
            suffix.append(&Text::between(" FILTER (WHERE ", &self.truth(condition, scope)?.text, ")"));
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
                return Err(not_allowed(format!("{} takes no OVER; leave it away", function.name), at));
            }
            (Kind::Scalar | Kind::Aggregate | Kind::OrderedSet, None) => {}
        }

        self.gathering = gathering;

        let key = within.as_ref().map(|(_, kind)| *kind);
        if function.name == "percentile_cont" && !key.is_some_and(Type::is_number) {
            let message = "percentile_cont takes numbers; of times between dates use EXTRACT(EPOCH FROM (later - earlier))";
            return Err(not_allowed(message, at));
        }
        let lineage = lineage(function, &arguments)?;
        let spelt = self.engine(function, &arguments, &suffix.engine, at)?;
        let kind = spelt.kind.unwrap_or_else(|| returns(function, &arguments, key));
        let text = Text::new(format!("{}{}", canonical(function, &arguments), suffix.canonical), spelt.text);
        let term = Term { guards: spelt.guards, ..Term::value(text, kind).named(function.name).at(at) };
        let held = key.is_none() && function.returns == Returns::First && spelt.kind.is_none();
        let term = if held && arguments.terms.iter().any(|term| !term.sure) { term.unsure() } else { term };
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
                        format!(
                            "{} takes plain values: write a column instead; count(*) alone takes *",
                            function.name
                        ),
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
                        format!(
                            "{} takes ORDER BY at most between its brackets; leave out the rest",
                            function.name
                        ),
                        at,
                    ));
                }
            }
        }
        Ok(arguments)
    }

    fn argument(&mut self, function: &Function, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let may_identify = matches!(function.name, "count" | "coalesce" | "grouping");
        if may_identify { self.expression(expr, scope) } else { self.value(expr, scope) }
    }
}

pub(super) fn unknown(name: &str, at: Option<Place>) -> Refusal {
    if let Some((_, instead)) = INSTEAD.iter().find(|(names, _)| names.contains(&name)) {
        let message = format!("the function {name} is not let in; {instead}");
        return Refusal::new(Code::FunctionNotAllowed, message, at);
    }
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
        format!("{} takes {wanted} arguments, not {given}; write it with so many", function.name),
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
    if function.name != "coalesce" {
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
