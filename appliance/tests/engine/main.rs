//! The engine with real processes and a small generation. No test asserts on time.

mod answers;
mod fixture;
mod limits;
mod locked_in;
mod lost;
