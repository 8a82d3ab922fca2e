//! Everything that may cross a Trust's boundary, and nothing else.
//!
//! What must stay true: every byte that the hub and an appliance exchange is defined here, is bounded before it
//! is read, and has a golden-bytes test. Deliberately absent: IO, clocks, randomness of its own, and any knowledge
//! of SQL, DuckDB or HTTP.

pub mod answer;
pub mod bounds;
pub mod bundle;
pub mod enrolment;
pub mod freeze;
pub mod heads;
pub mod ident;
pub mod keys;
pub mod message;
pub mod order;
pub mod problem;
pub mod sync;
pub mod text;

pub use ident::{MessageId, PartyId, UnixMillis};
