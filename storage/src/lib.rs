//! Durability for both programs: the appliance's task journal and its ledger of past cohorts (redb), the hub's ledger
//! (SQLite), its sealed cells, audit logs, artefacts; and how both read their configuration files.
//!
//! What must stay true: what a call of this crate has answered survives the loss of power. Deliberately absent:
//! meaning. Ids are sixteen bytes, messages are bytes; what they stand for is the callers' affair.

pub mod artefacts;
pub mod audit;
pub mod brought;
pub mod cells;
pub mod cohorts;
pub mod confine;
pub mod file;
pub mod journal;
pub mod ledger;
pub mod settings;
pub mod stick;
mod store;

pub use rusqlite;
pub use store::StoreError;
