//! `flip-appliance pull` against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test may end where its own ground gives way")]

mod interrupted;
mod refused;
mod support;
mod whole;
