//! SQL text to a plan, or a refusal that teaches.
//!
//! What must stay true: what the gate lets through reads the Trust's `omop` tables and nothing else, and its
//! subjects are counted through base tables. Pure: no IO, no clock, no engine.

pub mod cdm;
mod plan;
mod refusal;

pub use plan::{Plan, Subject};
pub use refusal::{Code, Place, Refusal};

/// Characters of a question. FLIP's own limit.
pub const CHARACTERS_MAX: usize = 10_240;
/// Levels of brackets, subqueries and operators of a question.
pub const NESTING_MAX: usize = 64;
