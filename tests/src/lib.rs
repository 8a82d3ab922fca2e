//! The simulated world: populations, scenarios, benchmarks and the demo.

pub mod generate;
