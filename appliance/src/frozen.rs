//! Frozen cohorts: who a question selected on one data generation, kept at the Trust.
//!
//! ```text
//! root/                       mode 0700
//!   secret                    32 random bytes that key the seals, mode 0600
//!   change.lock               held for the moment in which a file here changes
//!   f-3fa9c1d20b7e.v1.frozen  one version of one cohort (see `file`), mode 0600, never changed but by a drop
//!   *.part                    what a killed freeze left; cleared at the next start
//! ```
//!
//! What must stay true: a version is whole and synced before its name is there, and whole or absent after a kill, a
//! power cut or a full disk; a version's number is given out once, because a drop leaves its facts behind; the
//! generation of a version that is not dropped is pinned. Who is in a cohort leaves through [`Store::members`] alone,
//! and that is for the local API, `drift` and the engine. Deliberately absent: what may be told to the hub.

mod again;
pub mod drift;
mod error;
mod facts;
mod file;
mod store;

pub use again::{Again, AgainError};
pub use drift::Drift;
pub use error::FrozenError;
pub use facts::{Dropped, Facts, Name};
pub use store::{Listed, Store, Wanted};
