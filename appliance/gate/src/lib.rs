//! SQL text to a plan, or a refusal that teaches.
//!
//! What must stay true: what the gate lets through reads the Trust's `omop` tables and nothing else, and its
//! subjects are counted through base tables. Pure: no IO, no clock, no engine.

pub mod cdm;
