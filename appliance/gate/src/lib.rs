//! SQL text to a plan, or a refusal that teaches.
//!
//! What must stay true: what the gate lets through reads the Trust's `omop` tables and nothing else, and its
//! subjects are counted through base tables. Every accepted construct is written out anew from a closed list, so
//! what the list does not name cannot reach the engine. Whether an output row exists, and what it holds, depends on
//! the records of its own person alone (`check/persons.rs`), so that no question about one person can be multiplied
//! into an answer of all or nothing about a crowd. No value of a record makes the engine fail (`check/guard.rs`,
//! `check/types.rs`), since a failure would tell of the one record that holds it. Pure: no IO, no clock, no engine.
//!
//! Absent: who may ask, how many persons an answer counts, and what several questions tell together; disclosure
//! decides. One question still tells of others by the LIMIT at its end, which cuts rows of all persons, and by what it
//! costs to answer. It trusts that a key names one record of one person, which is for ingest to see to.
//!
//! ```
//! let plan = flip_gate::admit("SELECT person_id FROM person WHERE year_of_birth < 1950").unwrap();
//! assert_eq!(plan.canonical(), "SELECT person_id FROM omop.person WHERE year_of_birth < 1950");
//! ```

mod bounds;
pub mod cdm;
mod check;
mod formats;
mod functions;
mod identifiers;
mod names;
mod parse;
mod patterns;
mod plan;
mod refusal;
mod scope;
mod term;

pub use bounds::{CHARACTERS_MAX, NESTING_MAX};
pub use plan::{Plan, Subject};
pub use refusal::{Code, Place, Refusal};

/// The names of the functions that a question may call.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    functions::FUNCTIONS.iter().map(|function| function.name)
}

/// The persons' table of which a column names a record, other than by being its own row's key. Questions may join by
/// such columns, so a value that stands for no record, or for another person's, must not be in the data.
pub fn record_named(table: &cdm::Table, column: &cdm::Column) -> Option<&'static cdm::Table> {
    identifiers::record_named(table, column)
}

/// Reads a question in PostgreSQL's SQL over OMOP tables; gives what the engine may run, or says why not.
///
/// Never panics and never overflows the stack, whatever the text. Admitting a plan's canonical text gives an equal
/// plan, as long as that text itself is within [`CHARACTERS_MAX`]: a question that was written densely may be longer in
/// canonical SQL, which is then refused as too long like any other text. [`admit_again`] reads it all the same.
pub fn admit(sql: &str) -> Result<Plan, Refusal> {
    parse::measure_characters(sql)?;
    read(sql).map_err(|refusal| Refusal { place: refusal.place.or_else(|| Place::beginning(sql)), ..refusal })
}

/// Reads a plan's canonical text, however long it is, within every other bound; gives an equal plan. For those who
/// judge the gate: nobody asks by it.
pub fn admit_again(plan: &Plan) -> Result<Plan, Refusal> {
    read(plan.canonical())
}

fn read(sql: &str) -> Result<Plan, Refusal> {
    // A stack of its own: the caller's may be small, and the parser's frames are large.
    let reader = std::thread::Builder::new().name("gate".to_owned()).stack_size(bounds::STACK_BYTES);
    let read = || parse::parse(sql).and_then(|(query, words)| check::question(&query, words));
    let outcome =
        std::thread::scope(|scope| reader.spawn_scoped(scope, read).map(std::thread::ScopedJoinHandle::join));
    match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err(Refusal::new(
            Code::NotSql,
            "the question could not be read; write it more simply, or report it with its text",
            None,
        )),
    }
}
