//! The appliance's side of an export: a worker of its own, whose pieces are handed on as they come.
//!
//! What must stay true: the worker is gone when [`export`] returns, however it does; an export that is not whole is
//! an error, so that nobody takes half a file for a whole one.

use std::path::Path;
use std::time::Duration;

use flip_protocol::answer::Failed;

use super::export::Export;
use super::process::{Limits, Unanswered};
use super::wire::{Reply, Request};
use super::{CancelFlag, Engine, Members, Settings};

/// What comes of an export, in this order.
pub enum Piece {
    /// The rows can be read and written: bytes follow.
    Begins,
    /// The next bytes.
    Bytes(Vec<u8>),
}

/// A whole export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// Why an export is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportFailure {
    /// Whoever takes the pieces, or the flag, ended it.
    #[error("nobody takes it any more")]
    Stopped,
    /// A column cannot be written in this format.
    #[error("the column {0} cannot be written in this format")]
    NotInFormat(String),
    /// The engine could not read the rows.
    #[error("{}", .0.sentence())]
    Failed(Failed),
    /// The worker was lost, often because a value could not be computed.
    #[error("the engine's process was lost")]
    Lost,
}

/// Exports the rows of `members` from a generation; `take` gets the pieces and says whether it goes on. Blocks.
///
/// # Errors
/// When it did not come to its end; then what was taken is worth nothing.
pub fn export(
    settings: &Settings,
    generation_file: &Path,
    wanted: &Export,
    members: &Members,
    time: Duration,
    cancel: &CancelFlag,
    mut take: impl FnMut(Piece) -> bool,
) -> Result<Exported, ExportFailure> {
    let limits = Limits::within(time, settings, cancel);
    let mut engine = Engine::for_exports(settings.clone());
    let mut process = engine.take_warm(generation_file, &limits)?;
    process.send(&Request::Export(wanted.clone()), &wanted.behind(members), &limits)?;
    let mut bytes = 0;
    loop {
        let (reply, piece) = process.receive_next(&limits)?;
        let goes_on = match reply {
            Reply::ExportBegins => take(Piece::Begins),
            Reply::Piece => {
                bytes += piece.len() as u64;
                take(Piece::Bytes(piece))
            }
            Reply::ExportEnds { rows } => return Ok(Exported { rows, bytes }),
            Reply::NotInFormat { column } => return Err(ExportFailure::NotInFormat(column)),
            Reply::Failed { failed, note } => {
                tracing::info!(?failed, note, "the engine could not read a frozen cohort's rows");
                return Err(ExportFailure::Failed(failed));
            }
            Reply::Hello { .. } | Reply::Counts(_) | Reply::Members { .. } | Reply::TooCostly => {
                return Err(ExportFailure::Lost);
            }
        };
        if !goes_on {
            return Err(ExportFailure::Stopped);
        }
    }
}

impl From<Unanswered> for ExportFailure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Failed(failed) => Self::Failed(failed),
            Unanswered::Cancelled => Self::Stopped,
            Unanswered::TooCostly => Self::Failed(Failed::Internal),
            Unanswered::Lost(how) => {
                tracing::warn!(%how, "the engine's process was lost");
                Self::Lost
            }
        }
    }
}
