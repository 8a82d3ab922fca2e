//! The simulated world: populations, real programs on loopback, and what the scenarios, the demo and the benchmarks
//! do with them.

pub mod bench;
pub mod generate;
pub mod grammar;
pub mod postgres;
pub mod questions;
pub mod world;
