//! One SELECT: its output, its tables, its conditions and its groups.
//!
//! What must stay true: every output column has a label of its own in the engine's text, and `*` is written out
//! there from the CDM's columns, so that what a site's tables carry beyond the CDM stays unread.

use std::collections::{HashMap, HashSet};

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, NamedWindowDefinition, NamedWindowExpr, OrderByExpr, Select, SelectFlavor,
    SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};
use sqlparser::keywords::Keyword;

use super::persons::Reading;
use super::{Checker, Persons, not_allowed, place};
use crate::names::{Name, quoted};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Ctes, Scope, Visible};
use crate::term::{Lineage, Term, Text, Type};

/// One output column, with the engine's text of its expression.
pub(super) struct Output {
    pub column: Column,
    pub engine: String,
}

/// The output list in the making.
#[derive(Default)]
pub(super) struct Outputs {
    canonical: Vec<String>,
    pub columns: Vec<Output>,
    labels: HashSet<String>,
    /// The number that the next label of a name gets.
    numbers: HashMap<String, usize>,
}

impl Outputs {
    fn add(&mut self, name: String, engine: String, kind: Type, lineage: Lineage) {
        // The engine's names ignore case, so the labels must differ without it.
        let mut label = name.clone();
        if !self.labels.insert(label.to_lowercase()) {
            let number = self.numbers.entry(name.to_lowercase()).or_insert(2);
            while {
                label = format!("{name}_{number}");
                *number += 1;
                !self.labels.insert(label.to_lowercase())
            } {}
        }
        self.columns.push(Output { column: Column { name, label, kind, lineage }, engine });
    }

    /// A term's value, as a type that the engine is sure of.
    pub fn add_term(&mut self, name: String, term: &Term, lineage: Lineage) {
        let engine = term.text.engine.clone();
        let computed = engine.contains('(');
        let (engine, kind) = if term.kind.is_number() && !term.sure {
            (format!("TRY_CAST({engine} AS DOUBLE)"), Type::Numeric)
        } else if term.kind == Type::Date && computed {
            // It may lie beyond what a timestamp reaches, and a date may meet one in a set operation.
            (format!("TRY_CAST(TRY_CAST({engine} AS TIMESTAMP) AS DATE)"), Type::Date)
        } else if term.kind == Type::Unknown && !term.is_null() {
            (engine, Type::Text)
        } else {
            (engine, term.kind)
        };
        self.add(name, engine, kind, lineage);
    }

    fn all_of(&mut self, columns: &[Visible], checker: &Checker) {
        for Visible { name, engine, kind, lineage, sources } in columns {
            self.add(name.clone(), engine.clone(), *kind, checker.owned(*lineage, sources));
        }
    }
}

impl Checker {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Text, Vec<Column>, Persons), Refusal> {
        self.readings.push(Reading::default());
        let (text, columns) = self.select_inside(select, order_by, ctes, outer)?;
        Ok((text, columns, self.read()))
    }

    fn select_inside(
        &mut self,
        select: &Select,
        order_by: &[OrderByExpr],
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Text, Vec<Column>), Refusal> {
        let Select {
            select_token,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        let at = Place::of(select_token.0.span);
        if into.is_some() {
            return Err(Refusal::new(
                Code::NotARead,
                "SELECT INTO writes a table; leave INTO out",
                self.words.clause(Keyword::INTO, at),
            ));
        }
        if top.is_some() {
            return Err(not_allowed("TOP is not PostgreSQL's; write LIMIT at the end", at));
        }
        if qualify.is_some() {
            return Err(not_allowed(
                "QUALIFY is not PostgreSQL's; compute the window in a subquery, and filter by it with WHERE around it",
                at,
            ));
        }
        let foreign = !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || value_table_mode.is_some()
            || *flavor != SelectFlavor::Standard;
        if foreign {
            return Err(not_allowed(
                "this SELECT has a clause that is not PostgreSQL's (such as CONNECT BY or FROM first); write it \
                 with SELECT ... FROM ... WHERE ... GROUP BY ... ORDER BY ... LIMIT",
                at,
            ));
        }

        let mut scope = Scope::new(ctes, outer);
        let ungrouped = matches!(group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
        self.reading().grouped = !ungrouped || having.is_some();
        self.reading().before_groups = true;
        let from = self.from(from, &mut scope)?;
        self.reading().before_groups = false;
        let windows = self.windows(named_window, &mut scope)?;
        let outputs = self.outputs(projection, &scope, at)?;
        let distinct = self.distinct(distinct.as_ref(), &outputs.columns, &scope)?;

        let mut text = Text::same("SELECT ");
        text.append(&distinct);
        text.canonical.push_str(&outputs.canonical.join(", "));
        let outputs = outputs.columns;
        let labelled =
            outputs.iter().map(|output| format!("{} AS {}", output.engine, quoted(&output.column.label)));
        text.engine.push_str(&labelled.collect::<Vec<_>>().join(", "));
        text.append(&from);
        if let Some(condition) = selection {
            text.push(" WHERE ");
            self.reading().before_groups = true;
            text.append(&self.condition(condition, "WHERE", &outputs, &scope)?);
            self.reading().before_groups = false;
            self.connect_where(condition, &scope, &[]);
        }
        let group_at = self.words.clause(Keyword::GROUP, at);
        let (mut groups, apart) = self.group_by(group_by, group_at, &outputs, &scope)?;
        let mut rest = Text::default();
        if let Some(condition) = having {
            rest.push(" HAVING ");
            rest.append(&self.condition(condition, "HAVING", &outputs, &scope)?);
        }
        rest.append(&windows);
        rest.append(&self.order_by(order_by, &outputs, &scope)?);
        let grouped = having.is_some() || !groups.canonical.is_empty() || self.reading().aggregates;
        if grouped && !apart {
            let message = if ungrouped && self.readings.len() > 1 {
                "this subquery makes one figure of many persons' records, by which each row would depend on others; write \
                 the number itself in its place, or tie the subquery to its row with WHERE other.person_id = p.person_id"
            } else {
                "this SELECT puts several persons into one row; write GROUP BY person_id (or accession_id, or a key of \
                 the person's records), outside ROLLUP and CUBE, and in each of GROUPING SETS"
            };
            self.reading().mixes(message, at);
        }
        self.one_row = ungrouped && self.reading().aggregates;
        dependent_groups(&mut groups.engine, group_by, &outputs, &scope, &rest.engine);
        text.append(&groups);
        text.append(&rest);
        let mut columns: Vec<Column> = outputs.into_iter().map(|output| output.column).collect();
        if is_filled_with_null(group_by) {
            for column in &mut columns {
                column.lineage = column.lineage.nullable();
            }
        }
        Ok((text, columns))
    }

    /// The condition of WHERE or HAVING, which do not know the names that the SELECT gives.
    fn condition(
        &mut self,
        condition: &Expr,
        clause: &str,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<Text, Refusal> {
        let refused = |refusal: Refusal| {
            let unknown = refusal.message.strip_prefix(crate::scope::NO_COLUMN).unwrap_or_default();
            let unknown = unknown.split(';').next().unwrap_or_default().trim();
            if refusal.code != Code::UnknownColumn || !outputs.iter().any(|each| each.column.name == unknown)
            {
                return refusal;
            }
            let message = format!(
                "{unknown} is a name that this SELECT gives, and {clause} comes before it; write the expression itself \
                 there, or give the name in a CTE or subquery"
            );
            Refusal { message, ..refusal }
        };
        Ok(self.truth(condition, scope).map_err(refused)?.text)
    }

    fn windows(
        &mut self,
        definitions: &[NamedWindowDefinition],
        scope: &mut Scope<'_>,
    ) -> Result<Text, Refusal> {
        let mut windows = Vec::new();
        for NamedWindowDefinition(ident, window) in definitions {
            let name = Name::of(ident)?;
            let spec = match window {
                NamedWindowExpr::WindowSpec(spec) => self.window_spec(spec, scope, name.place)?,
                NamedWindowExpr::NamedWindow(_) => {
                    return Err(not_allowed(
                        "a named window is written out in brackets: w AS (...)",
                        name.place,
                    ));
                }
            };
            windows.push(Text::new(
                format!("{} AS ({})", name.canonical, spec.canonical),
                format!("{} AS ({})", quoted(&name.folded), spec.engine),
            ));
            scope.windows.push(name.folded);
        }
        if windows.is_empty() {
            return Ok(Text::default());
        }
        Ok(Text::between(" WINDOW ", &Text::join(&windows, ", "), ""))
    }

    fn outputs(
        &mut self,
        projection: &[SelectItem],
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<Outputs, Refusal> {
        let mut outputs = Outputs::default();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let term = self.expression(expr, scope)?;
                    let lineage = self.owned(term.lineage, &term.sources);
                    outputs.add_term(term.name.clone(), &term, lineage);
                    outputs.canonical.push(term.text.canonical);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let term = self.expression(expr, scope)?;
                    let lineage = self.owned(term.lineage, &term.sources);
                    let alias = Name::of(alias)?;
                    outputs.canonical.push(format!("{} AS {}", term.text.canonical, alias.canonical));
                    outputs.add_term(alias.folded, &term, lineage);
                }
                SelectItem::Wildcard(options) => {
                    plain_star(options)?;
                    if scope.from.visible.is_empty() {
                        return Err(not_allowed("* needs a FROM", place(item)));
                    }
                    outputs.canonical.push("*".to_owned());
                    outputs.all_of(&scope.from.visible, self);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    plain_star(options)?;
                    let (canonical, columns) = super::from::star(name, scope)?;
                    outputs.canonical.push(canonical);
                    outputs.all_of(columns, self);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
                | SelectItem::ExprWithAliases { .. } => {
                    return Err(not_allowed("name each column that is wanted", place(item)));
                }
            }
            if outputs.columns.len() > crate::bounds::COLUMNS_MAX {
                break;
            }
        }
        if outputs.columns.is_empty() {
            return Err(not_allowed("SELECT names no column; return at least person_id", at));
        }
        self.count_columns(outputs.columns.len(), at)?;
        Ok(outputs)
    }

    fn distinct(
        &mut self,
        distinct: Option<&Distinct>,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<Text, Refusal> {
        match distinct {
            None | Some(Distinct::All) => Ok(Text::default()),
            Some(Distinct::Distinct) => Ok(Text::same("DISTINCT ")),
            Some(Distinct::On(keys)) => {
                let at = keys.first().and_then(place);
                let keys: Vec<(Text, Lineage)> = keys
                    .iter()
                    .map(|key| self.ordered(key, outputs, scope, true))
                    .collect::<Result<_, _>>()?;
                if !keys.iter().any(|(_, lineage)| lineage.keeps_apart()) {
                    self.reading().mixes(
                        "DISTINCT ON keeps one row of several persons'; write DISTINCT ON (person_id, ...)",
                        at,
                    );
                }
                let keys: Vec<Text> = keys.into_iter().map(|(text, _)| text).collect();
                Ok(Text::between("DISTINCT ON (", &Text::join(&keys, ", "), ") "))
            }
        }
    }

    /// GROUP BY, and whether its groups keep persons apart.
    fn group_by(
        &mut self,
        group_by: &GroupByExpr,
        at: Option<Place>,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<(Text, bool), Refusal> {
        let GroupByExpr::Expressions(groups, modifiers) = group_by else {
            return Err(not_allowed("GROUP BY ALL is not PostgreSQL's; write the columns out", at));
        };
        if !modifiers.is_empty() {
            return Err(not_allowed("write GROUP BY ROLLUP (...) or CUBE (...) or GROUPING SETS (...)", at));
        }
        if groups.is_empty() {
            return Ok((Text::default(), false));
        }
        let (mut texts, mut apart) = (Vec::new(), false);
        for group in groups {
            let (text, own) = self.group(group, outputs, scope)?;
            texts.push(text);
            apart |= own;
        }
        Ok((Text::between(" GROUP BY ", &Text::join(&texts, ", "), ""), apart))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other expression is checked as one")]
    fn group(
        &mut self,
        group: &Expr,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<(Text, bool), Refusal> {
        let (word, sets) = match group {
            Expr::Rollup(sets) => ("ROLLUP (", sets),
            Expr::Cube(sets) => ("CUBE (", sets),
            Expr::GroupingSets(sets) => ("GROUPING SETS (", sets),
            Expr::Tuple(keys) => {
                let (mut texts, mut apart) = (Vec::new(), false);
                for key in keys {
                    let (text, lineage) = self.grouped(key, outputs, scope, true)?;
                    texts.push(text);
                    apart |= lineage.is_own();
                }
                return Ok((Text::between("(", &Text::join(&texts, ", "), ")"), apart));
            }
            _ => {
                let (text, lineage) = self.grouped(group, outputs, scope, false)?;
                return Ok((text, lineage.is_own()));
            }
        };
        let listed = word == "GROUPING SETS (";
        let (mut texts, mut apart) = (Vec::new(), listed);
        for set in sets {
            let (mut keys, mut own) = (Vec::new(), false);
            for key in set {
                let (text, lineage) = self.grouped(key, outputs, scope, true)?;
                keys.push(text);
                own |= lineage.is_own();
            }
            apart &= own;
            let joined = Text::join(&keys, ", ");
            let bare = keys.len() == 1 && !listed;
            texts.push(if bare { joined } else { Text::between("(", &joined, ")") });
        }
        Ok((Text::between(word, &Text::join(&texts, ", "), ")"), apart))
    }
}

/// A table's columns depend on its primary key: where PostgreSQL groups by the key, the engine groups by those of
/// its columns that are used, too.
fn dependent_groups(
    groups: &mut String,
    group_by: &GroupByExpr,
    outputs: &[Output],
    scope: &Scope<'_>,
    rest: &str,
) {
    let plain = !is_filled_with_null(group_by);
    let Some(keys) = groups.strip_prefix(" GROUP BY ").filter(|_| plain) else { return };
    let position =
        |key: &str| key.parse::<usize>().ok().and_then(|position| outputs.get(position.wrapping_sub(1)));
    let grouped: Vec<String> = keys
        .split(", ")
        .map(|key| position(key).map_or_else(|| key.to_owned(), |output| output.engine.clone()))
        .collect();
    let mut dependent = Vec::new();
    for relation in &scope.from.relations {
        if !relation.key.as_ref().is_some_and(|key| grouped.contains(key)) {
            continue;
        }
        let used = |column: &&Visible| {
            !grouped.contains(&column.engine)
                && (rest.contains(&column.engine)
                    || outputs.iter().any(|each| each.engine.contains(&column.engine)))
        };
        dependent.extend(relation.columns.iter().filter(used).map(|column| column.engine.clone()));
    }
    for column in dependent {
        groups.push_str(", ");
        groups.push_str(&column);
    }
}

/// True where grouping sets put NULL in the place of keys.
fn is_filled_with_null(group_by: &GroupByExpr) -> bool {
    let sets = |key: &Expr| matches!(key, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
    !matches!(group_by, GroupByExpr::Expressions(keys, _) if !keys.iter().any(sets))
}

fn plain_star(options: &WildcardAdditionalOptions) -> Result<(), Refusal> {
    let WildcardAdditionalOptions {
        wildcard_token,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if plain {
        return Ok(());
    }
    let at = Place::of(wildcard_token.0.span);
    Err(not_allowed("* takes nothing after it in PostgreSQL; name the columns that are wanted", at))
}
