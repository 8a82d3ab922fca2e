//! Fuzzes the reader of bundles: any bytes, and heads and payloads under a good signature. What must stay true is in
//! [`judge_bundle`].
#![no_main]

mod judge_bundle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| judge_bundle::judge(bytes));
