//! Fuzzes the gate: any text, and questions of the grammar.
//!
//! What must stay true is in [`judge`]. An input whose first byte is 1 is read as the choices of a well-formed
//! question, any other as SQL, so that the fuzzer reaches what a random text never does.
#![no_main]

#[path = "../src/grammar.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod grammar;
mod judge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((1, rest)) => judge::question(&grammar::question(rest)),
        _ => judge::question(&String::from_utf8_lossy(bytes)),
    }
});
