//! Files that people bring to a page, and take away from one.
//!
//! What must stay true: memory is a few pieces, however long the file. Deliberately absent: HTTP, and what the files are.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc::{self, Receiver};

use crate::stick;

/// Pieces that are on their way at once.
const AHEAD: usize = 4;
/// Bytes of a piece that is read.
const PIECE: usize = 256 * 1024;

/// A file that is brought, for as long as it is needed: it is gone with this, also where who brought it hung up.
#[derive(Debug)]
pub struct Brought(PathBuf);

impl Brought {
    /// One that is going to be there.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        stick::discard(&self.0);
    }
}

/// Why a file was not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError<E> {
    /// What gives the pieces failed.
    #[error(transparent)]
    Broken(E),
    /// It cannot be written, or is longer than is taken.
    #[error(transparent)]
    Io(io::Error),
}

/// Writes the pieces that come to a file that must not be there yet; no more than `most` bytes are taken.
/// `told` hears how many are there.
pub async fn receive<E>(
    brought: &Brought,
    pieces: impl Stream<Item = Result<Bytes, E>>,
    most: u64,
    told: impl FnMut(u64) + Send + 'static,
) -> Result<(), ReceiveError<E>> {
    let (sender, arrived) = mpsc::channel(AHEAD);
    let path = brought.path().to_owned();
    let writing = tokio::task::spawn_blocking(move || written(&path, arrived, most, told));
    let mut pieces = pin!(pieces);
    while let Some(piece) = poll_fn(|context| pieces.as_mut().poll_next(context)).await {
        // The writer's end says why where it hung up.
        if sender.send(piece.map_err(ReceiveError::Broken)?).await.is_err() {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(io::Error::other).flatten().map_err(ReceiveError::Io)
}

fn written(
    path: &Path,
    mut arrived: Receiver<Bytes>,
    most: u64,
    mut told: impl FnMut(u64),
) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let mut length = 0_u64;
    while let Some(piece) = arrived.blocking_recv() {
        length += piece.len() as u64;
        if length > most {
            let why = format!("more than {most} bytes came");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        file.write_all(&piece)?;
        told(length);
    }
    Ok(())
}

/// Pieces as they arrive, until who sends them is gone: a body that is made while it is taken.
pub struct Pieces<T>(pub Receiver<io::Result<T>>);

impl Pieces<Vec<u8>> {
    /// A file's bytes, read on a thread that may wait.
    pub fn of(mut file: File) -> Self {
        let (pieces, taken) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match file.read(&mut piece) {
                    Ok(0) => return,
                    Ok(length) => {
                        piece.truncate(length);
                        Ok(piece)
                    }
                    Err(error) => Err(error),
                };
                let is_over = read.is_err();
                // Whoever takes them may have hung up.
                if pieces.blocking_send(read).is_err() || is_over {
                    return;
                }
            }
        });
        Self(taken)
    }
}

impl<T> Stream for Pieces<T> {
    type Item = io::Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn what_is_brought_is_written_as_it_comes_and_no_more_than_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let bring = |name: &str, most, pieces: Vec<io::Result<&'static [u8]>>| {
            let told = Arc::new(Mutex::new(Vec::new()));
            let (hears, brought) = (Arc::clone(&told), Brought::new(folder.path().join(name)));
            let (sender, taken) = mpsc::channel(9);
            for piece in pieces {
                sender.try_send(piece.map(Bytes::from_static)).unwrap();
            }
            drop(sender);
            let told_to = move |length| hears.lock().unwrap().push(length);
            let received = run(receive(&brought, Pieces(taken), most, told_to));
            let told = told.lock().unwrap().clone();
            (received.map_err(|error| error.to_string()), told, fs::read(brought.path()).unwrap_or_default())
        };
        let whole = bring("whole", 5, vec![Ok(b"abc"), Ok(b"de")]);
        assert_eq!(whole, (Ok(()), vec![3, 5], b"abcde".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it is gone with who had it");
        fs::write(folder.path().join("there"), b"").unwrap();
        assert_eq!(bring("there", 5, vec![]).0.unwrap_err(), "File exists (os error 17)");
        assert_eq!(bring("long", 4, vec![Ok(b"abc"), Ok(b"de")]).0.unwrap_err(), "more than 4 bytes came");
        assert_eq!(bring("cut", 4, vec![Ok(b"abc"), Err(io::Error::other("gone"))]).0.unwrap_err(), "gone");
    }

    #[test]
    fn a_file_is_given_whole_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..=250).cycle().take(PIECE * 2 + 7).collect();
        fs::write(&path, &bytes).unwrap();
        let mut pieces = run(async { Pieces::of(File::open(&path).unwrap()) });
        let mut given = Vec::new();
        while let Some(piece) = pieces.0.blocking_recv() {
            given.extend(piece.unwrap());
        }
        assert!(given == bytes);
    }
}
