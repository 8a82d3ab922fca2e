//! What a name may mean at one place of a question.
//!
//! What must stay true: names resolve as in PostgreSQL: the innermost scope that knows a name decides, and a name
//! that two relations of one scope carry must say which. The engine's text never relies on the engine's own rules:
//! every relation gets a fresh alias there and every column reference names it.

use std::rc::Rc;

use crate::check::Persons;
use crate::names::{Name, nearest};
use crate::refusal::{Code, Refusal};
use crate::term::{Lineage, Type};

/// How the refusal of a column begins that no table has.
pub(crate) const NO_COLUMN: &str = "no table in this FROM has a column";

/// An output column of a query.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name to PostgreSQL; several columns may share it.
    pub name: String,
    /// Its name to the engine, each once.
    pub label: String,
    pub kind: Type,
    pub lineage: Lineage,
}

/// A column that an expression may name.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub name: String,
    /// The engine's text for it.
    pub engine: String,
    pub kind: Type,
    pub lineage: Lineage,
    /// The relations whose column it is, by number.
    pub sources: Vec<usize>,
}

/// One relation of a FROM clause.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub name: String,
    /// Its number among all relations of the question.
    pub number: usize,
    /// True where `omop.name.column` may name its columns too: a base table without an alias.
    pub in_schema: bool,
    /// The engine's text of a base table's primary key, on which its other columns depend.
    pub key: Option<String>,
    pub columns: Vec<Visible>,
}

/// The relations of a FROM clause, and the columns that go without a qualifier, in the order of `*`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relations {
    pub relations: Vec<Relation>,
    pub visible: Vec<Visible>,
}

/// A common table expression.
#[derive(Debug)]
pub(crate) struct Cte {
    pub name: String,
    pub engine: String,
    pub columns: Vec<Column>,
    pub persons: Persons,
}

/// The CTEs in sight; later ones shadow earlier ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ctes(pub Vec<Rc<Cte>>);

/// The names in sight of one expression.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub ctes: &'a Ctes,
    pub outer: Option<&'a Scope<'a>>,
    pub from: Relations,
    pub windows: Vec<String>,
}

impl Ctes {
    pub fn find(&self, name: &str) -> Option<&Rc<Cte>> {
        self.0.iter().rev().find(|cte| cte.name == name)
    }
}

impl Relations {
    pub fn one(relation: Relation) -> Self {
        Self { visible: relation.columns.clone(), relations: vec![relation] }
    }

    /// Puts the relations of the other beside these; no name may stand for two of them.
    pub fn add(&mut self, other: Self, name: &dyn Fn(&str) -> Refusal) -> Result<(), Refusal> {
        for relation in &other.relations {
            if self.relations.iter().any(|mine| mine.name == relation.name) {
                return Err(name(&relation.name));
            }
        }
        self.relations.extend(other.relations);
        self.visible.extend(other.visible);
        Ok(())
    }

    /// The numbers of its relations.
    pub fn numbers(&self) -> Vec<usize> {
        self.relations.iter().map(|relation| relation.number).collect()
    }

    /// What an outer join makes of the side that it fills with NULL.
    pub fn fill_with_null(&mut self) {
        let columns = self.relations.iter_mut().flat_map(|relation| &mut relation.columns);
        for column in columns.chain(&mut self.visible) {
            column.lineage = column.lineage.nullable();
        }
    }

    /// The one column of that name, if there is one and only one.
    pub fn column(&self, name: &Name) -> Result<Option<&Visible>, Refusal> {
        one_of(self.visible.iter().filter(|column| column.name == name.folded), name)
    }
}

impl<'a> Scope<'a> {
    pub fn new(ctes: &'a Ctes, outer: Option<&'a Scope<'a>>) -> Self {
        Self { ctes, outer, from: Relations::default(), windows: Vec::new() }
    }

    fn outwards(&self) -> impl Iterator<Item = &Scope<'a>> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let scope = next?;
            next = scope.outer;
            Some(scope)
        })
    }

    /// The column that a bare name means.
    pub fn column(&self, name: &Name) -> Result<&Visible, Refusal> {
        for scope in self.outwards() {
            if let Some(column) = scope.from.column(name)? {
                return Ok(column);
            }
        }
        let candidates =
            self.outwards().flat_map(|scope| &scope.from.visible).map(|column| column.name.as_str());
        Err(unknown(name, NO_COLUMN, candidates))
    }

    /// The relation that a qualifier means.
    pub fn relation(&self, qualifier: &Name, in_schema: bool) -> Result<&Relation, Refusal> {
        for scope in self.outwards() {
            let found = scope.from.relations.iter().find(|relation| relation.name == qualifier.folded);
            if let Some(relation) = found
                && (!in_schema || relation.in_schema)
            {
                return Ok(relation);
            }
        }
        let candidates =
            self.outwards().flat_map(|scope| &scope.from.relations).map(|each| each.name.as_str());
        Err(unknown(qualifier, "FROM names no table or alias", candidates))
    }

    /// The column that a qualified name means.
    pub fn qualified(&self, qualifier: &Name, in_schema: bool, name: &Name) -> Result<&Visible, Refusal> {
        let relation = self.relation(qualifier, in_schema)?;
        let found = one_of(relation.columns.iter().filter(|column| column.name == name.folded), name)?;
        found.ok_or_else(|| {
            let candidates = relation.columns.iter().map(|column| column.name.as_str());
            unknown(name, &format!("{} has no column", qualifier.folded), candidates)
        })
    }
}

fn one_of<'v>(
    mut found: impl Iterator<Item = &'v Visible>,
    name: &Name,
) -> Result<Option<&'v Visible>, Refusal> {
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::new(
            Code::UnknownColumn,
            format!("several tables have a column {}; write which one, as in table.{0}", name.folded),
            name.place,
        ));
    }
    Ok(first)
}

fn unknown<'c>(name: &Name, what: &str, candidates: impl Iterator<Item = &'c str>) -> Refusal {
    let is_quoted = name.canonical.starts_with('"');
    let hint = match nearest(&name.folded, candidates) {
        Some(near) => format!("; did you mean {near}?"),
        None if is_quoted => "; use single quotes for a text: double quotes are for names".to_owned(),
        None => "; use a name that it has".to_owned(),
    };
    Refusal::new(Code::UnknownColumn, format!("{what} {}{hint}", name.folded), name.place)
}
