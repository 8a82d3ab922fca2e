//! A body that is made while it is taken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc::Receiver;

/// The pieces that arrive, until the sender is gone.
pub struct Lines<T>(pub Receiver<io::Result<T>>);

impl<T> Stream for Lines<T> {
    type Item = io::Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
