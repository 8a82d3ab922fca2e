//! The bytes of an artefact as they are read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use object_store::{GetResult, GetResultPayload};
use tokio::sync::mpsc;

/// Bytes of a piece of a file on this machine.
const PIECE_BYTES: u64 = 256 * 1024;
/// Pieces that are read ahead of who takes them.
const AHEAD: usize = 4;

type FromStore = Pin<Box<dyn Stream<Item = object_store::Result<Bytes>> + Send>>;

/// Pieces, to the end or to what went wrong.
pub struct Pieces(From);

enum From {
    File(mpsc::Receiver<io::Result<Bytes>>),
    Store(FromStore),
}

impl Pieces {
    pub(super) fn of(found: GetResult) -> Self {
        Self(match found.payload {
            GetResultPayload::File(file, _) => {
                let (pieces, taken) = mpsc::channel(AHEAD);
                let range = found.range;
                tokio::task::spawn_blocking(move || hand_out(file, range, &pieces));
                From::File(taken)
            }
            GetResultPayload::Stream(stream) => From::Store(stream),
        })
    }
}

fn hand_out(mut file: File, range: Range<u64>, pieces: &mpsc::Sender<io::Result<Bytes>>) {
    let mut left = range.end - range.start;
    let mut outcome = file.seek(SeekFrom::Start(range.start)).map(drop);
    while left > 0 && outcome.is_ok() {
        let mut piece = Vec::new();
        outcome = (&mut file).take(PIECE_BYTES.min(left)).read_to_end(&mut piece).and_then(|read| {
            left -= read as u64;
            if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
        });
        if outcome.is_ok() && pieces.blocking_send(Ok(piece.into())).is_err() {
            // Whoever took them has hung up.
            return;
        }
    }
    if let Err(error) = outcome {
        let _ = pieces.blocking_send(Err(error));
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            From::File(pieces) => pieces.poll_recv(context),
            From::Store(stream) => {
                let piece = ready!(stream.as_mut().poll_next(context));
                Poll::Ready(piece.map(|piece| piece.map_err(io::Error::other)))
            }
        }
    }
}
