//! Durability for both programs: the appliance's task journal and its ledger of past cohorts (redb), the hub's ledger
//! (SQLite), its sealed cells, audit logs, artefacts; how both read their configuration files, and files on sticks.
//!
//! What must stay true: what a call of this crate has answered survives the loss of power. Deliberately absent:
//! meaning. Ids are sixteen bytes, messages are bytes; what they stand for is the callers' affair.

pub mod artefacts;
pub mod audit;
pub mod brought;
pub mod cells;
pub mod cohorts;
pub mod confine;
mod error;
pub mod file;
pub mod journal;
pub mod ledger;
pub mod settings;
pub mod stick;
mod store;

pub use error::error_chain;
pub use rusqlite;
pub use store::StoreError;
