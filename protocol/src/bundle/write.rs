//! Writing a bundle as a stream: room for the head, the messages one by one, then the head with its signature.
//!
//! What must stay true: until the head is written the file is no bundle, so that a cut leaves nothing that is one.

use std::io::{self, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use super::{FRAME, Header, Heading};
use crate::bounds;
use crate::keys::SigningKey;

/// Why a bundle is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Where it is written to.
    #[error("the bundle cannot be written")]
    Io(#[from] io::Error),
    /// The payload is longer than a bundle's may be.
    #[error("{0} bytes are more than a bundle holds ({limit}); give a smaller --size", limit = bounds::BUNDLE_PAYLOAD)]
    TooLarge(u64),
    /// Other messages than were announced.
    #[error("what is to be in the bundle changed while it was written; try again")]
    Changed,
}

/// A bundle that is being written.
pub struct Writer<W> {
    target: W,
    header: Header,
    digests: Vec<u8>,
    chunk: Vec<u8>,
    messages: u32,
    written: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// A bundle of messages of these lengths.
    pub fn new(
        mut target: W,
        heading: Heading,
        lengths: &[u64],
        signing: &SigningKey,
    ) -> Result<Self, WriteError> {
        let payload = lengths.iter().fold(0_u64, |sum, length| sum.saturating_add(FRAME + length));
        if payload > bounds::BUNDLE_PAYLOAD {
            return Err(WriteError::TooLarge(payload));
        }
        let messages = u32::try_from(lengths.len()).map_err(|_| WriteError::TooLarge(payload))?;
        let key = signing.verifying().id().0;
        let header = Header { heading, messages, payload, key };
        target.seek(SeekFrom::Start(header.head_length()))?;
        Ok(Self { target, header, digests: Vec::new(), chunk: Vec::new(), messages: 0, written: 0 })
    }

    /// What the head will say.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes the next message.
    pub fn message(&mut self, message: &[u8]) -> Result<(), WriteError> {
        let length = u32::try_from(message.len()).map_err(|_| WriteError::Changed)?;
        self.messages += 1;
        self.add(&length.to_be_bytes())?;
        self.add(message)
    }

    /// Writes the head with its signature; gives what it says, and where it was written to.
    pub fn finish(mut self, signing: &SigningKey) -> Result<(Header, W), WriteError> {
        self.flush()?;
        if self.messages != self.header.messages || self.written != self.header.payload {
            return Err(WriteError::Changed);
        }
        let mut head = self.header.to_bytes().to_vec();
        head.extend_from_slice(&self.digests);
        let signature = signing.sign(&head);
        head.extend_from_slice(&signature);
        self.target.seek(SeekFrom::Start(0))?;
        self.target.write_all(&head)?;
        self.target.flush()?;
        Ok((self.header, self.target))
    }

    fn add(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        let full = usize::try_from(bounds::BUNDLE_CHUNK).expect("a chunk is 1 MiB");
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(full - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == full {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.written += self.chunk.len() as u64;
        if self.written > self.header.payload {
            return Err(WriteError::Changed);
        }
        self.digests.extend_from_slice(&Sha256::digest(&self.chunk));
        self.target.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}
