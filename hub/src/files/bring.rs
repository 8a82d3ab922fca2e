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
    // The last bytes wait for the end of the body: where more come, the file is not the one that was said, and what is
    // here of it must not be taken for a whole one.
    let mut last = Bytes::new();
    let cut = loop {
        let next = poll_fn(|context| body.as_mut().poll_next(context));
        match tokio::time::timeout(bounds::UPLOAD_IDLE, next).await {
            Ok(Some(Ok(piece))) if piece.len() as u64 > left => return Some(Cut::TooMany),
            Ok(Some(Ok(piece))) if piece.is_empty() => {}
            Ok(Some(Ok(piece))) => {
                left -= piece.len() as u64;
                if left == 0 {
                    last = piece;
                // The writer ends early only where the disk does not take more, and says so itself.
                } else if pieces.send(piece).await.is_err() {
                    return None;
                }
            }
            Ok(None) => break None,
            Ok(Some(Err(_))) | Err(_) => break Some(Cut::BrokeOff),
        }
    };
    if !last.is_empty() {
        // As above.
        let _ = pieces.send(last).await;
    }
    cut
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    struct Body(VecDeque<&'static str>);

    impl Stream for Body {
        type Item = Result<Bytes, ()>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))))
        }
    }

    async fn forwarded(body: &[&'static str], most: u64) -> (String, Option<Cut>) {
        let (pieces, mut taken) = mpsc::channel(9);
        let cut = forward(Body(body.iter().copied().collect()), most, &pieces).await;
        drop(pieces);
        let mut text = String::new();
        while let Some(piece) = taken.recv().await {
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        (text, cut)
    }

    #[tokio::test]
    async fn what_has_more_bytes_than_were_said_is_never_whole() {
        for body in [["ab", "cd", ""], ["a", "", "bcd"], ["abcd", "", ""]] {
            let (text, cut) = forwarded(&body, 4).await;
            assert!(text == "abcd" && cut.is_none(), "{body:?}: {text} {cut:?}");
        }
        for body in [["ab", "cd", "e"], ["ab", "cde", ""], ["abcde", "", ""], ["abcd", "", "e"]] {
            let (text, cut) = forwarded(&body, 4).await;
            assert!(text.len() < 4 && matches!(cut, Some(Cut::TooMany)), "{body:?}: {text} {cut:?}");
        }
        assert!(matches!(forwarded(&["ab", "c"], 4).await, (text, None) if text == "abc"));
    }
}
