//! The site daemon of FLIP Edge: receives signed work, runs it beside the data, releases only what passed.

pub mod disclosure;
pub mod engine;
