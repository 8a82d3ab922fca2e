//! One export: a thread with a worker of its own, and the stream that its pieces go through to the client.
//!
//! What must stay true: a client that leaves, or takes nothing for too long, or whose token or cohort is withdrawn,
//! ends its worker; the stream ends well only after the worker said that all rows are out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::{Api, ApiProblem};
use crate::bounds;
use crate::data::Generation;
use crate::engine::{self, CancelFlag, Export, ExportFailure, Piece};
use crate::tokens::Token;
use crate::unfinished;

/// What is written of a read whose connection ended.
const LEFT: &str = "client_left";

/// An export that may begin.
pub(super) struct Job {
    pub api: Arc<Api>,
    pub token: Token,
    /// The number of its line in the audit log.
    pub read: u64,
    pub export: Export,
    pub generation: Generation,
    #[expect(dead_code, reason = "held until the job ends")]
    pub turn: Turn,
}

/// A place among the exports under way, held until dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

/// An export whose rows can be read.
pub(super) struct Begun(pub Pieces);

/// The bytes as they come.
pub(super) struct Pieces {
    messages: mpsc::Receiver<Message>,
    cancel: CancelFlag,
    ended: bool,
}

enum Message {
    Begins,
    Bytes(Vec<u8>),
    Ends,
    Refused(ApiProblem),
}

impl Api {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Result<Turn, ApiProblem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ApiProblem::busy())?;
        let turn = timeout(self.patience.turn, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| ApiProblem::busy())?.expect("the semaphore is never closed");
        Ok(Turn { _place: place, _turn: turn })
    }
}

impl Job {
    /// Begins, and waits until there is a first piece or a reason why there is none.
    pub async fn begin(self) -> Result<Begun, ApiProblem> {
        let (sender, messages) = mpsc::channel(bounds::EXPORT_PIECES);
        let cancel = CancelFlag::default();
        // Made first: where this future is dropped, as when the client leaves, its drop ends the worker.
        let mut pieces = Pieces { messages, cancel: cancel.clone(), ended: false };
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("export".to_owned())
            .spawn(move || self.work(&runtime, &sender, &cancel))
            .map_err(|_| ApiProblem::internal())?;
        match pieces.messages.recv().await {
            Some(Message::Begins) => Ok(Begun(pieces)),
            Some(Message::Refused(problem)) => Err(problem),
            Some(Message::Bytes(_) | Message::Ends) | None => Err(ApiProblem::internal()),
        }
    }

    /// On a thread of its own, because a worker dies with the thread that started it.
    fn work(self, runtime: &Handle, sender: &mpsc::Sender<Message>, cancel: &CancelFlag) {
        let api = &self.api;
        let members = match api.frozen.members(&self.token.cohort) {
            Ok((_, members)) => members,
            Err(error) => return self.refuse(runtime, sender, error.into()),
        };
        let mut sent = 0;
        let mut why = LEFT;
        let mut looked = Instant::now();
        let take = |piece: Piece| {
            if looked.elapsed() >= bounds::EXPORT_LOOK {
                if !api.still_opens(&self.token) {
                    why = "withdrawn";
                    return false;
                }
                looked = Instant::now();
            }
            let (message, bytes) = match piece {
                Piece::Begins => (Message::Begins, 0),
                Piece::Bytes(bytes) => {
                    let length = bytes.len() as u64;
                    (Message::Bytes(bytes), length)
                }
            };
            match runtime.block_on(async { timeout(api.patience.stalled, sender.send(message)).await }) {
                Ok(Ok(())) => {
                    sent += bytes;
                    true
                }
                Ok(Err(_)) => false,
                Err(_) => {
                    why = "client_stalled";
                    false
                }
            }
        };
        let outcome = engine::export(
            &api.engine,
            &self.generation.database,
            &self.export,
            &members,
            api.patience.export,
            cancel,
            take,
        );
        match outcome {
            Ok(whole) => {
                api.end(self.read, Some(whole.rows), whole.bytes, "whole");
                // Without this word the stream breaks off.
                drop(
                    runtime
                        .block_on(async { timeout(api.patience.stalled, sender.send(Message::Ends)).await }),
                );
            }
            Err(ExportFailure::Stopped) => {
                // Its stop ends connections too, which is not their clients' doing.
                let why = if why == LEFT && api.stopping.is_cancelled() { unfinished::STOPPED } else { why };
                tracing::info!(why, "an export was ended before it was whole");
                api.end(self.read, None, sent, why);
            }
            Err(failure) => {
                let problem = match &failure {
                    ExportFailure::NotInFormat(column) => ApiProblem::not_in_format(column),
                    ExportFailure::Failed(failed) => ApiProblem::read_failed(failed.sentence()),
                    ExportFailure::Lost | ExportFailure::Stopped => ApiProblem::read_failed(
                        "the engine's process was lost; a value may not be computable",
                    ),
                };
                api.end(self.read, None, sent, problem.code());
                // Heard by a client that was told nothing yet; the stream of any other breaks off.
                drop(sender.try_send(Message::Refused(problem)));
            }
        }
    }

    fn refuse(&self, runtime: &Handle, sender: &mpsc::Sender<Message>, problem: ApiProblem) {
        self.api.end(self.read, None, 0, problem.code());
        drop(runtime.block_on(sender.send(Message::Refused(problem))));
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.messages.poll_recv(context).map(|message| match message {
            Some(Message::Bytes(bytes)) => Some(Ok(Bytes::from(bytes))),
            Some(Message::Ends) => {
                self.ended = true;
                None
            }
            Some(Message::Begins | Message::Refused(_)) | None => {
                self.ended = true;
                Some(Err(io::Error::other("the export broke off")))
            }
        })
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
