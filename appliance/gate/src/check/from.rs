//! FROM: tables, CTEs, subqueries, joins, and the two bounded row sources.
//!
//! What must stay true: a base table is one of the CDM's, in schema `omop`; a join on identifiers joins like with
//! like; rows that are made up carry no lineage.

use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, ObjectName, ObjectNamePart, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins, Value,
};

use super::query::{Checked, rename};
use super::types::{Met, met};
use super::{Checker, Persons, not_allowed, place};
use crate::bounds::SERIES_MAX;
use crate::cdm;
use crate::identifiers::{Identity, is_of_persons};
use crate::names::{Name, literal, nearest, quoted};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Ctes, Relation, Relations, Scope, Visible};
use crate::term::{Lineage, Term, Text, Type};

const SCHEMA: &str = "omop";

impl Checker {
    /// The FROM clause, if there is one; its relations go into the scope.
    pub(super) fn from(&mut self, from: &[TableWithJoins], scope: &mut Scope<'_>) -> Result<Text, Refusal> {
        if from.is_empty() {
            return Ok(Text::default());
        }
        let mut texts = Vec::new();
        for each in from {
            let at = place(each);
            let (text, relations) = self.joined(each, scope)?;
            scope.from.add(relations, &|name| twice(name, at))?;
            texts.push(text);
        }
        Ok(Text::between(" FROM ", &Text::join(&texts, ", "), ""))
    }

    pub(super) fn relation(
        &mut self,
        factor: &TableFactor,
        scope: &Scope<'_>,
    ) -> Result<(Text, Relations), Refusal> {
        self.deeper(|| place(factor), |checker| checker.relation_inside(factor, scope))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    fn relation_inside(
        &mut self,
        factor: &TableFactor,
        scope: &Scope<'_>,
    ) -> Result<(Text, Relations), Refusal> {
        let at = place(factor);
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_directives,
                inheritance,
            } => {
                if sample.is_some() {
                    return Err(not_allowed(
                        "TABLESAMPLE gives a different answer each time; leave it out",
                        at,
                    ));
                }
                let foreign = !with_hints.is_empty()
                    || version.is_some()
                    || *with_ordinality
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_directives.is_empty()
                    || inheritance.is_some();
                if foreign {
                    return Err(not_allowed("a table takes an alias and nothing else", at));
                }
                match args {
                    None => self.table(name, alias.as_ref(), scope),
                    Some(TableFunctionArgs { args, settings: None }) => {
                        self.series(name, args, alias.as_ref(), at)
                    }
                    Some(TableFunctionArgs { args: _, settings: Some(_) }) => {
                        Err(not_allowed("SETTINGS is not PostgreSQL's; leave it out", at))
                    }
                }
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if *lateral {
                    return Err(not_allowed(
                        "LATERAL is not let in; use DISTINCT ON, a window function or a join on person_id",
                        at,
                    ));
                }
                if sample.is_some() {
                    return Err(not_allowed(
                        "TABLESAMPLE gives a different answer each time; leave it out",
                        at,
                    ));
                }
                let Some(alias) = alias else {
                    return Err(not_allowed("a subquery in FROM needs a name: (SELECT ...) AS name", at));
                };
                let (name, renamed) = self::alias(alias)?;
                let Checked { text, mut columns, persons } = self.query(subquery, scope.ctes, scope.outer)?;
                rename(&mut columns, &renamed)?;
                let engine = self.next_relation('d', at)?;
                self.member(&name.canonical, persons, name.place);
                let text = Text::new(
                    format!("({}) AS {}{}", text.canonical, name.canonical, column_list(&renamed)),
                    format!("({}) AS {engine}", text.engine),
                );
                Ok((text, Relations::one(self.relation_of(name.folded, false, &engine, &columns))))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let (text, relations) = self.joined(table_with_joins, scope)?;
                Ok((Text::between("(", &text, ")"), relations))
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: false,
            } => match array_exprs.as_slice() {
                [Expr::Array(array)] if array.elem.iter().all(super::literal::is_literal) => {
                    let values = self.array_literal(array, scope)?;
                    let Met { texts, kind } = met(&values.iter().collect::<Vec<_>>())?;
                    let list = Text::join(values.iter().map(|value| &value.text), ", ");
                    let text = Text::new(
                        format!("unnest(ARRAY[{}])", list.canonical),
                        format!("unnest([{}])", texts.join(", ")),
                    );
                    self.made_up("unnest", &text, kind, alias.as_ref(), at)
                }
                _ => Err(Refusal::new(
                    Code::TableFunctionNotAllowed,
                    "unnest in FROM takes one literal list: write unnest(ARRAY[1, 2, 3]) AS x(value)",
                    at,
                )),
            },
            _ => Err(Refusal::new(
                Code::TableFunctionNotAllowed,
                "use in FROM OMOP tables, CTEs, subqueries, generate_series(1, 10) and unnest(ARRAY[...])",
                at,
            )),
        }
    }

    fn table(
        &mut self,
        object: &ObjectName,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Result<(Text, Relations), Refusal> {
        let parts = name_parts(object)?;
        let at = parts.first().and_then(|part| part.place);
        let alias = alias.map(self::alias).transpose()?;
        let renamed = alias.as_ref().map(|(_, renamed)| renamed.as_slice()).unwrap_or_default();
        let words = alias
            .as_ref()
            .map(|(name, renamed)| format!(" AS {}{}", name.canonical, column_list(renamed)))
            .unwrap_or_default();
        if let [name] = parts.as_slice()
            && let Some(cte) = scope.ctes.find(&name.folded)
        {
            let engine = self.next_relation('d', at)?;
            let mut columns = cte.columns.clone();
            rename(&mut columns, renamed)?;
            let text = Text::new(format!("{}{words}", name.canonical), format!("{} AS {engine}", cte.engine));
            let known_as = alias.map_or(name.folded.clone(), |(name, _)| name.folded);
            self.member(&known_as, cte.persons, at);
            return Ok((text, Relations::one(self.relation_of(known_as, false, &engine, &columns))));
        }
        let table = base_table(&parts, scope)?;
        let engine = self.next_relation('t', at)?;
        let mut columns: Vec<Column> =
            table.columns.iter().map(|column| base_column(table, column)).collect();
        rename(&mut columns, renamed)?;
        let text = Text::new(
            format!("{SCHEMA}.{}{words}", table.name),
            format!("{SCHEMA}.{} AS {engine}", table.name),
        );
        let in_schema = alias.is_none();
        let known_as = alias.map_or(table.name.to_owned(), |(name, _)| name.folded);
        let persons = if is_of_persons(table) { Persons::Each } else { Persons::Nobody };
        self.member(&known_as, persons, at);
        let key = table.primary_key.map(|key| format!("{engine}.{}", quoted(key)));
        let relation = self.relation_of(known_as, in_schema, &engine, &columns);
        Ok((text, Relations::one(Relation { key, ..relation })))
    }

    /// `generate_series` with literal bounds.
    fn series(
        &mut self,
        object: &ObjectName,
        args: &[FunctionArg],
        alias: Option<&TableAlias>,
        at: Option<Place>,
    ) -> Result<(Text, Relations), Refusal> {
        let name = name_parts(object)?;
        let [Name { folded, .. }] = name.as_slice() else {
            return Err(no_table_function(&object.to_string(), at));
        };
        if folded != "generate_series" {
            return Err(no_table_function(folded, at));
        }
        if let Some(calendar) = self.calendar(args)? {
            return self.made_up("generate_series", &calendar, Type::Timestamp, alias, at);
        }
        let bounds: Option<Vec<i64>> = args.iter().map(series_bound).collect();
        let bounds = bounds.unwrap_or_default();
        let (first, last, step) = match bounds.as_slice() {
            [first, last] => (*first, *last, 1),
            [first, last, step] if *step != 0 => (*first, *last, *step),
            _ => {
                return Err(Refusal::new(
                    Code::TableFunctionNotAllowed,
                    "generate_series takes literals: write generate_series(0, 90, 10), or generate_series(DATE \
                     '2019-01-01', DATE '2019-12-01', INTERVAL '1 month')",
                    at,
                ));
            }
        };
        let values = (i128::from(last) - i128::from(first)) / i128::from(step) + 1;
        if values > SERIES_MAX {
            return Err(Refusal::new(
                Code::TableFunctionNotAllowed,
                format!(
                    "generate_series makes at most {SERIES_MAX} values; write nearer bounds or a larger step"
                ),
                at,
            ));
        }
        let numbers = bounds.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        self.made_up(
            "generate_series",
            &Text::same(format!("generate_series({numbers})")),
            Type::Integer,
            alias,
            at,
        )
    }

    /// The moments of `generate_series` with two dates and an interval, each a literal; none where it has others.
    fn calendar(&mut self, args: &[FunctionArg]) -> Result<Option<Text>, Refusal> {
        let written: Option<Vec<&Expr>> = args.iter().map(argument).collect();
        let Some([first, last, step]) = written.as_deref() else { return Ok(None) };
        let (Some(from), Some(to)) = (moment_written(first), moment_written(last)) else { return Ok(None) };
        let ctes = Ctes::default();
        let scope = Scope::new(&ctes, None);
        let [first_term, last_term] = [self.value(first, &scope)?, self.value(last, &scope)?];
        let days = [&first_term, &last_term].map(|term| matches!(term.kind, Type::Date | Type::Timestamp));
        let Some(step) = interval_written(step).and_then(super::literal::spelt_interval) else {
            return Ok(None);
        };
        let Some(steps) = super::literal::steps(from, to, &step).filter(|_| days == [true, true]) else {
            return Ok(None);
        };
        if i128::from(steps) > SERIES_MAX {
            let message = format!(
                "generate_series makes at most {SERIES_MAX} values; write nearer dates or a longer step"
            );
            return Err(Refusal::new(Code::TableFunctionNotAllowed, message, place(*first)));
        }
        let step = format!("INTERVAL {}", literal(&step));
        let timestamp = |term: &Term| format!("CAST({} AS TIMESTAMP)", term.text.engine);
        let [from, to] = [&first_term, &last_term];
        Ok(Some(Text::new(
            format!("generate_series({}, {}, {step})", from.text.canonical, to.text.canonical),
            format!("generate_series({}, {}, {step})", timestamp(from), timestamp(to)),
        )))
    }

    /// A relation of one column that no table holds.
    fn made_up(
        &mut self,
        function: &str,
        call: &Text,
        kind: Type,
        alias: Option<&TableAlias>,
        at: Option<Place>,
    ) -> Result<(Text, Relations), Refusal> {
        let engine = self.next_relation('d', at)?;
        let alias = alias.map(self::alias).transpose()?;
        let known_as = alias.as_ref().map_or(function.to_owned(), |(name, _)| name.folded.clone());
        let mut columns =
            vec![Column { name: known_as.clone(), label: "value".to_owned(), kind, lineage: Lineage::Value }];
        let mut words = String::new();
        if let Some((name, renamed)) = &alias {
            rename(&mut columns, renamed)?;
            words = format!(" AS {}{}", name.canonical, column_list(renamed));
        }
        let text = Text::new(
            format!("{}{words}", call.canonical),
            format!("{} AS {engine}(\"value\")", call.engine),
        );
        Ok((text, Relations::one(self.relation_of(known_as, false, &engine, &columns))))
    }
}

impl Checker {
    /// The relation that was given an alias last.
    fn relation_of(&self, name: String, in_schema: bool, engine: &str, columns: &[Column]) -> Relation {
        let number = self.relations;
        let columns = columns
            .iter()
            .map(|column| Visible {
                name: column.name.clone(),
                engine: format!("{engine}.{}", quoted(&column.label)),
                kind: column.kind,
                lineage: column.lineage,
                sources: vec![number],
            })
            .collect();
        Relation { name, number, in_schema, key: None, columns }
    }
}

/// An alias and its column list.
pub(super) fn alias(alias: &TableAlias) -> Result<(Name, Vec<Name>), Refusal> {
    let TableAlias { explicit: _, name, columns, at } = alias;
    let name = Name::of(name)?;
    let mut renamed = Vec::new();
    for TableAliasColumnDef { name, data_type } in columns {
        let column = Name::of(name)?;
        if data_type.is_some() {
            return Err(not_allowed("a column list holds names without types", column.place));
        }
        renamed.push(column);
    }
    if at.is_some() {
        return Err(not_allowed("an alias takes no AT", name.place));
    }
    Ok((name, renamed))
}

/// The column list of an alias in canonical SQL.
pub(super) fn column_list(names: &[Name]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = names.iter().map(|name| name.canonical.as_str()).collect();
    format!("({})", names.join(", "))
}

/// What `t.*` stands for, and its canonical spelling.
pub(super) fn star<'s>(
    object: &ObjectName,
    scope: &'s Scope<'_>,
) -> Result<(String, &'s [Visible]), Refusal> {
    let parts = name_parts(object)?;
    match parts.as_slice() {
        [name] => Ok((format!("{}.*", name.canonical), &scope.relation(name, false)?.columns)),
        [schema, name] if schema.folded == SCHEMA => {
            Ok((format!("{SCHEMA}.{}.*", name.canonical), &scope.relation(name, true)?.columns))
        }
        _ => Err(not_allowed(format!("{object}.* names no table of this FROM"), place(object))),
    }
}

pub(super) fn name_parts(object: &ObjectName) -> Result<Vec<Name>, Refusal> {
    let ObjectName(parts) = object;
    parts
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Name::of(ident),
            ObjectNamePart::Function(_) => Err(not_allowed("a name is not computed", place(object))),
        })
        .collect()
}

fn base_table(parts: &[Name], scope: &Scope<'_>) -> Result<&'static cdm::Table, Refusal> {
    let refused = |message: String, at| Err(Refusal::new(Code::TableNotAllowed, message, at));
    let name = match parts {
        [name] => name,
        [schema, name] if schema.folded == SCHEMA => name,
        [schema, name] => {
            let hint = cdm::table(&name.folded).map(|table| format!("; write {SCHEMA}.{}", table.name));
            let hint = hint.unwrap_or_else(|| "; use the tables of the CDM".to_owned());
            return refused(
                format!("only schema {SCHEMA} can be read, not {}{hint}", schema.folded),
                schema.place,
            );
        }
        _ => {
            let at = parts.first().and_then(|part| part.place);
            return refused(format!("write a table as {SCHEMA}.table or table, without a database"), at);
        }
    };
    let Some(table) = cdm::table(&name.folded) else {
        let ctes = scope.ctes.0.iter().map(|cte| cte.name.as_str());
        let near = nearest(&name.folded, cdm::TABLES.iter().map(|table| table.name).chain(ctes));
        let hint = near.map_or("; use one that is".to_owned(), |near| format!("; did you mean {near}?"));
        return refused(format!("{} is not a table of the OMOP CDM 5.4{hint}", name.folded), name.place);
    };
    Ok(table)
}

fn base_column(table: &'static cdm::Table, column: &cdm::Column) -> Column {
    let lineage = match Identity::of(table, column) {
        None => Lineage::Value,
        Some(identity) => {
            let counts = matches!(column.name, "person_id" | "accession_id");
            let own = is_of_persons(table) && identity.follows_a_person();
            Lineage::Identifier { identity, counts, own, required: column.required }
        }
    };
    Column {
        name: column.name.to_owned(),
        label: column.name.to_owned(),
        kind: Type::of(column.kind),
        lineage,
    }
}

fn argument(arg: &FunctionArg) -> Option<&Expr> {
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg { Some(expr) } else { None }
}

/// What is written in `DATE '...'`, `'...'::date` and the like.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no literal")]
fn moment_written(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::TypedString(typed) => text_of(&typed.value.value),
        Expr::Cast { expr, .. } => literal_of(expr),
        _ => None,
    }
}

/// What is written in `INTERVAL '...'`, `'...'::interval` and `'...'`.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no literal")]
fn interval_written(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Interval(interval) if interval.leading_field.is_none() => literal_of(&interval.value),
        Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } => literal_of(expr),
        _ => literal_of(expr),
    }
}

fn literal_of(expr: &Expr) -> Option<&str> {
    if let Expr::Value(value) = expr { text_of(&value.value) } else { None }
}

fn text_of(value: &Value) -> Option<&str> {
    if let Value::SingleQuotedString(text) = value { Some(text) } else { None }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no literal")]
fn series_bound(arg: &FunctionArg) -> Option<i64> {
    let expr = argument(arg)?;
    match expr {
        Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Minus, expr } => {
            super::literal::whole_number(expr)?.checked_neg()
        }
        _ => super::literal::whole_number(expr),
    }
}

pub(super) fn twice(name: &str, at: Option<Place>) -> Refusal {
    not_allowed(format!("FROM names {name} twice; give one of them another alias"), at)
}

fn no_table_function(name: &str, at: Option<Place>) -> Refusal {
    Refusal::new(
        Code::TableFunctionNotAllowed,
        format!("{name}(...) cannot stand in FROM; only generate_series and unnest with literal values can"),
        at,
    )
}
