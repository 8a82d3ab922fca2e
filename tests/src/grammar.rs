//! Well-formed questions from bytes: joins, CTEs, set operations, subqueries, aggregates, windows, CASE, casts and
//! dates over the CDM, in PostgreSQL's SQL.
//!
//! What must stay true: the same bytes make the same question, and every bytes make one that ends. Expressions are
//! well typed, and persons meet through their identifiers, so that most questions are ones that the gate lets in.
//! Absent: judging them; the tests that ask do.

#[path = "grammar/expressions.rs"]
mod expressions;

use expressions::{Kind, Relation, Writer};

/// The tables that questions are asked of, with some of their columns.
const TABLES: &[(&str, &[(&str, Kind)])] = &[
    (
        "measurement",
        &[
            ("measurement_concept_id", Kind::Whole),
            ("value_as_number", Kind::Double),
            ("value_source_value", Kind::Text),
            ("measurement_date", Kind::Date),
            ("measurement_datetime", Kind::Moment),
            ("range_low", Kind::Double),
            ("unit_source_value", Kind::Text),
            ("unit_concept_id", Kind::Whole),
        ],
    ),
    (
        "person",
        &[
            ("year_of_birth", Kind::Whole),
            ("gender_source_value", Kind::Text),
            ("birth_datetime", Kind::Moment),
            ("gender_concept_id", Kind::Whole),
        ],
    ),
    (
        "condition_occurrence",
        &[
            ("condition_concept_id", Kind::Whole),
            ("condition_start_date", Kind::Date),
            ("condition_source_value", Kind::Text),
        ],
    ),
    (
        "drug_exposure",
        &[
            ("quantity", Kind::Double),
            ("days_supply", Kind::Whole),
            ("drug_exposure_start_datetime", Kind::Moment),
            ("route_source_value", Kind::Text),
        ],
    ),
    ("death", &[("death_date", Kind::Date), ("cause_concept_id", Kind::Whole)]),
];

/// Choices, read off bytes; the first of each where they have ended.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// The choices that these bytes make.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// One of so many, counted from zero.
    pub(crate) fn of(&mut self, many: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % many
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.of(from.len())]
    }
}

/// The question that these bytes make.
pub fn question(bytes: &[u8]) -> String {
    let mut writer = Writer { choices: Choices::new(bytes), names: 0 };
    match writer.choices.of(6) {
        0 | 1 => writer.plain(&[]),
        2 => writer.grouped(),
        3 => writer.windowed(),
        4 => writer.with(),
        _ => writer.set_operation(),
    }
}

/// An expression over `measurement AS m` that these bytes make.
pub fn expression(bytes: &[u8]) -> String {
    let mut writer = Writer { choices: Choices::new(bytes), names: 0 };
    let relation = table(0, "m");
    let kind = *writer.choices.pick(Kind::ALL);
    writer.expression(kind, &[relation], 3)
}

fn table(index: usize, alias: &str) -> Relation {
    let (name, columns) = TABLES[index];
    let columns = columns.iter().map(|(column, kind)| ((*column).to_owned(), *kind)).collect();
    Relation { source: name.to_owned(), alias: alias.to_owned(), columns }
}

impl Writer<'_> {
    fn name(&mut self, letter: char) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    /// A FROM of one to three relations of the same person.
    fn from(&mut self, derived: &[Relation]) -> (String, Vec<Relation>) {
        let mut relations: Vec<Relation> = Vec::new();
        let mut text = String::new();
        for number in 0..=self.choices.of(3) {
            let alias = self.name('t');
            let mut relation = if number < derived.len() {
                derived[number].clone()
            } else {
                let index = self.choices.of(TABLES.len());
                table(index, &alias)
            };
            relation.alias.clone_from(&alias);
            match relations.first() {
                None => text = format!("{} AS {alias}", relation.source),
                Some(first) => {
                    let join = *self.choices.pick(&["JOIN", "LEFT JOIN"]);
                    let (source, first) = (relation.source.clone(), first.alias.clone());
                    let joined =
                        format!(" {join} {source} AS {alias} ON {alias}.person_id = {first}.person_id");
                    text.push_str(&joined);
                    if self.choices.of(3) == 1 {
                        let seen: Vec<Relation> = relations.iter().chain([&relation]).cloned().collect();
                        text.push_str(" AND ");
                        text.push_str(&self.condition(&seen, 1));
                    }
                }
            }
            relations.push(relation);
        }
        (text, relations)
    }

    fn filter(&mut self, relations: &[Relation]) -> String {
        match self.choices.of(4) {
            0 => String::new(),
            1 => format!(" WHERE {}", self.subquery(relations)),
            _ => format!(" WHERE {}", self.condition(relations, 3)),
        }
    }

    /// A condition with a subquery about the same person.
    fn subquery(&mut self, relations: &[Relation]) -> String {
        let alias = self.name('s');
        let inner = table(self.choices.of(TABLES.len()), &alias);
        let source = inner.source.clone();
        let outer = relations[0].alias.clone();
        let tie = format!("{alias}.person_id = {outer}.person_id");
        let all: Vec<Relation> = relations.iter().cloned().chain([inner.clone()]).collect();
        let condition = self.condition(&all, 2);
        match self.choices.of(4) {
            0 => format!("EXISTS (SELECT 1 FROM {source} AS {alias} WHERE {tie} AND {condition})"),
            1 => format!(
                "{outer}.person_id NOT IN (SELECT {alias}.person_id FROM {source} AS {alias} WHERE {})",
                self.condition(&[inner], 2)
            ),
            2 => {
                let value = self.expression(Kind::Whole, &[inner], 2);
                let other = self.expression(Kind::Whole, relations, 1);
                format!("(SELECT max({value}) FROM {source} AS {alias} WHERE {tie}) + 1 >= {other}")
            }
            _ => {
                let value = self.expression(Kind::Double, &[inner], 2);
                let other = self.expression(Kind::Double, relations, 1);
                format!("(SELECT {value} FROM {source} AS {alias} WHERE {tie}) > {other}")
            }
        }
    }

    /// One SELECT without groups. Columns of these kinds where there are any, of some otherwise.
    fn plain(&mut self, kinds: &[Kind]) -> String {
        self.select(kinds, &[])
    }

    fn select(&mut self, kinds: &[Kind], derived: &[Relation]) -> String {
        let (from, relations) = self.from(derived);
        let mut columns = vec![format!("{}.person_id", relations[0].alias)];
        for kind in self.kinds(kinds) {
            let expression = self.expression(kind, &relations, 3);
            let name = self.name('c');
            columns.push(format!("{expression} AS {name}"));
        }
        let distinct = *self.choices.pick(&["", "", "DISTINCT "]);
        let filter = self.filter(&relations);
        format!("SELECT {distinct}{} FROM {from}{filter}", columns.join(", "))
    }

    fn kinds(&mut self, kinds: &[Kind]) -> Vec<Kind> {
        if kinds.is_empty() {
            return (0..=self.choices.of(3)).map(|_| *self.choices.pick(Kind::ALL)).collect();
        }
        kinds.to_vec()
    }

    fn grouped(&mut self) -> String {
        let (from, relations) = self.from(&[]);
        let person = format!("{}.person_id", relations[0].alias);
        let kind = *self.choices.pick(Kind::ALL);
        let key = self.expression(kind, &relations, 2);
        let aggregates: Vec<String> = (0..=self.choices.of(3)).map(|_| self.aggregate(&relations)).collect();
        let filter = self.filter(&relations);
        let having = match self.choices.of(3) {
            0 => String::new(),
            1 => " HAVING count(*) + 1 > 1".to_owned(),
            _ => {
                let value = self.expression(Kind::Whole, &relations, 2);
                format!(" HAVING sum({value}) - max({value}) > 0")
            }
        };
        let columns: Vec<String> =
            aggregates.iter().enumerate().map(|(at, text)| format!("{text} AS a{at}")).collect();
        format!(
            "SELECT {person}, {key} AS k, {} FROM {from}{filter} GROUP BY {person}, {key}{having}",
            columns.join(", ")
        )
    }

    fn windowed(&mut self) -> String {
        let (from, relations) = self.from(&[]);
        let person = format!("{}.person_id", relations[0].alias);
        let kind = *self.choices.pick(Kind::ALL);
        let key = self.expression(kind, &relations, 2);
        let value = self.window_call(&relations);
        let filter = self.filter(&relations);
        format!(
            "SELECT {person}, {value} OVER (PARTITION BY {person} ORDER BY {key}) AS w FROM {from}{filter}"
        )
    }

    fn with(&mut self) -> String {
        let kinds: Vec<Kind> = (0..=self.choices.of(3)).map(|_| *self.choices.pick(Kind::ALL)).collect();
        let inner = self.plain(&kinds);
        let name = self.name('w');
        let columns: Vec<(String, Kind)> =
            kinds.iter().enumerate().map(|(at, kind)| (format!("x{at}"), *kind)).collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let list = names.join(", ");
        let derived = Relation { source: name.clone(), alias: name.clone(), columns };
        let outer = self.select(&[], &[derived]);
        format!("WITH {name}(person_id, {list}) AS ({inner}) {outer}")
    }

    fn set_operation(&mut self) -> String {
        let kinds: Vec<Kind> = (0..=self.choices.of(2)).map(|_| *self.choices.pick(Kind::ALL)).collect();
        let branches: Vec<String> = (0..2 + self.choices.of(2)).map(|_| self.plain(&kinds)).collect();
        let operator = *self.choices.pick(&[" UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "]);
        branches.join(operator)
    }
}
