//! Taking the bytes of an upload from a request, as they come, to the disk.
//!
//! What must stay true: memory does not grow with the file; what is counted as received is on the disk; who sends
//! nothing for a while is given up, and what came until then stays.

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::pin::pin;

use axum::body::Bytes;
use flip_storage::artefacts::ArtefactError;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::{Files, Turn, off_the_loop};
use crate::bounds;

/// How the taking ended.
#[derive(Debug)]
pub struct Taken {
    /// Bytes of the upload that are on the disk now.
    pub received: u64,
    /// What ended it early.
    pub cut: Option<Cut>,
}

/// Why bytes were not taken to their end. What came until then is there.
#[derive(Debug)]
pub enum Cut {
    /// Nothing came for a while, or the connection broke.
    BrokeOff,
    /// More came than the request said.
    TooMany,
    /// The disk is full.
    Full,
    /// The disk does not take them.
    Disk(ArtefactError),
}

impl Files {
    /// Appends what comes, at most `most` bytes, to the upload whose turn this is.
    pub async fn take<E>(
        &self,
        turn: Turn,
        most: u64,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Taken, ArtefactError> {
        let (artefacts, file) = (self.artefacts.clone(), turn.file);
        let (pieces, mut taken) = mpsc::channel::<Bytes>(bounds::UPLOAD_PIECES_AHEAD);
        let writer = tokio::task::spawn_blocking(move || {
            // Held until the last byte is written, also where whoever sends has hung up.
            let _turn = turn;
            let mut to = artefacts.append(file.bytes())?;
            let mut outcome = Ok(());
            let mut unlooked = usize::MAX;
            while let Some(piece) = taken.blocking_recv() {
                // The ledger may be on this disk, so that uploads leave some of it: also several at once.
                let full = if unlooked >= bounds::UPLOAD_FREE_LOOK {
                    unlooked = 0;
                    artefacts.free_bytes()? < bounds::FREE_BYTES_LEFT
                } else {
                    false
                };
                unlooked += piece.len();
                outcome = if full { Err(io::ErrorKind::StorageFull.into()) } else { to.write_all(&piece) };
                if outcome.is_err() {
                    break;
                }
            }
            Ok::<_, ArtefactError>((artefacts.received(file.bytes())?, outcome))
        });
        let cut = forward(body, most, &pieces).await;
        drop(pieces);
        let (received, written) = writer.await.expect("writing a file does not panic")?;
        let cut = match written {
            Ok(()) => cut,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Some(Cut::Full)
            }
            Err(error) => {
                let staged = self.artefacts.staged(file.bytes());
                Some(Cut::Disk(ArtefactError::File(staged, error)))
            }
        };
        Ok(Taken { received, cut })
    }

    /// Takes the last bytes of a staged file away, so that it begins anew.
    pub async fn begin_anew(&self, turn: &Turn) -> Result<(), ArtefactError> {
        let (artefacts, file) = (self.artefacts.clone(), turn.file);
        off_the_loop(move || artefacts.unstage(file.bytes())).await
    }
}

async fn forward<E>(
    body: impl Stream<Item = Result<Bytes, E>>,
    most: u64,
    pieces: &mpsc::Sender<Bytes>,
) -> Option<Cut> {
    let mut body = pin!(body);
    let mut left = most;
    loop {
        let next = poll_fn(|context| body.as_mut().poll_next(context));
        match tokio::time::timeout(bounds::UPLOAD_IDLE, next).await {
            Ok(Some(Ok(piece))) => {
                let fits = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                left -= fits as u64;
                // The writer ends early only where the disk does not take more, and says so itself.
                let stopped = pieces.send(piece.slice(..fits)).await.is_err();
                if stopped {
                    return None;
                }
                if fits < piece.len() {
                    return Some(Cut::TooMany);
                }
            }
            Ok(None) => return None,
            Ok(Some(Err(_))) | Err(_) => return Some(Cut::BrokeOff),
        }
    }
}
