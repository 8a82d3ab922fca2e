//! Reading a bundle as a stream: its head first, then chunk by chunk, each verified before a byte of it is handed on.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::{DIGEST, Expected, HEAD, Header, LENGTH, MAGIC, ReadError, Refused, SIGNATURE};
use crate::bounds;

/// A bundle of which the first bytes were read and nothing is believed.
pub struct Unproven<R> {
    source: R,
    header: Header,
    head: Vec<u8>,
}

/// A bundle whose head and manifest are the sender's. Gives chunks, or messages, not both.
pub struct Bundle<R> {
    source: R,
    header: Header,
    /// Everything before the payload.
    head: Vec<u8>,
    next_chunk: u64,
    chunk: Vec<u8>,
    /// Bytes of the chunk that were handed on.
    used: usize,
    messages: u32,
}

impl<R: Read> Unproven<R> {
    /// Reads the fixed-size head.
    pub fn read(mut source: R) -> Result<Self, ReadError> {
        let mut head = [0; HEAD];
        let got = read_up_to(&mut source, &mut head)?;
        if !head[..got].starts_with(&MAGIC[..got.min(MAGIC.len())]) || got == 0 {
            return Err(Refused::NotABundle.into());
        }
        if got < HEAD {
            return Err(Refused::CutShort.into());
        }
        Ok(Self { source, header: Header::from_bytes(&head)?, head: head.to_vec() })
    }

    /// What the head says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the manifest and verifies head and manifest.
    pub fn prove(mut self, expected: &Expected<'_>) -> Result<Bundle<R>, ReadError> {
        let header = self.header;
        if header.heading.way != expected.way {
            return Err(Refused::WrongWay.into());
        }
        if header.heading.receiver != expected.me {
            return Err(Refused::Foreign.into());
        }
        if header.heading.sender != expected.sender {
            return Err(Refused::UnknownSender.into());
        }
        let key = expected.verifying.iter().find(|key| key.id().0 == header.key);
        let key = *key.ok_or(Refused::UnknownKey)?;
        // Bounded: a header claims at most [`bounds::BUNDLE_PAYLOAD`].
        let whole = usize::try_from(header.head_length()).map_err(|_| Refused::TooLarge)?;
        self.head.resize(whole, 0);
        if read_up_to(&mut self.source, &mut self.head[HEAD..])? < whole - HEAD {
            return Err(Refused::CutShort.into());
        }
        let (signed, signature) = self.head.split_at(whole - SIGNATURE);
        let signature: &[u8; SIGNATURE] = signature.try_into().map_err(|_| Refused::BadSignature)?;
        if !key.verifies(signed, signature) {
            return Err(Refused::BadSignature.into());
        }
        Ok(Bundle {
            source: self.source,
            header,
            head: self.head,
            next_chunk: 0,
            chunk: Vec::new(),
            used: 0,
            messages: 0,
        })
    }
}

impl<R: Read> Bundle<R> {
    /// What the head says, and is true.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Everything before the payload.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What the bundle is read from.
    pub(super) fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// The manifest's digest of a chunk.
    pub(super) fn digest(&self, chunk: u64) -> Option<&[u8]> {
        let at = HEAD.checked_add(usize::try_from(chunk).ok()?.checked_mul(DIGEST)?)?;
        (chunk < self.header.chunks()).then(|| &self.head[at..at + DIGEST])
    }

    /// Bytes of a chunk.
    pub(super) fn length_of(&self, chunk: u64) -> usize {
        let begins = chunk.saturating_mul(bounds::BUNDLE_CHUNK);
        let length = self.header.payload.saturating_sub(begins).min(bounds::BUNDLE_CHUNK);
        usize::try_from(length).expect("a chunk is 1 MiB at most")
    }

    /// Goes on at this chunk; the source is there already.
    pub(super) fn go_on_at(&mut self, chunk: u64) {
        self.next_chunk = chunk;
    }

    /// The next chunk, verified; `None` after the last, where the source ends too.
    pub(super) fn next_chunk(&mut self) -> Result<Option<&[u8]>, ReadError> {
        let Some(digest) = self.digest(self.next_chunk) else {
            if read_up_to(&mut self.source, &mut [0])? > 0 {
                return Err(Refused::TrailingBytes.into());
            }
            return Ok(None);
        };
        let digest: [u8; DIGEST] = digest.try_into().expect("a digest is as long as a digest");
        let length = self.length_of(self.next_chunk);
        self.chunk.resize(length, 0);
        if read_up_to(&mut self.source, &mut self.chunk)? < length {
            return Err(Refused::CutShort.into());
        }
        if Sha256::digest(&self.chunk)[..] != digest {
            return Err(Refused::Damaged.into());
        }
        self.next_chunk += 1;
        self.used = 0;
        Ok(Some(&self.chunk))
    }

    /// The next message; `None` after the last, where the payload and the source end too.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if self.messages == self.header.messages {
            if self.used < self.chunk.len() || self.next_chunk < self.header.chunks() {
                return Err(Refused::Malformed.into());
            }
            // Looks that nothing follows.
            self.next_chunk()?;
            return Ok(None);
        }
        let mut length = [0; LENGTH];
        self.fill(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > bounds::MESSAGE_BYTES || length as u64 > self.left() {
            return Err(Refused::Malformed.into());
        }
        let mut message = vec![0; length];
        self.fill(&mut message)?;
        self.messages += 1;
        Ok(Some(message))
    }

    /// The next messages: at most so many, and no more once they have so many bytes; `None` after the last.
    pub fn next_messages(
        &mut self,
        most: usize,
        bytes_most: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < most && bytes < bytes_most {
            let Some(message) = self.next_message()? else { break };
            bytes += message.len();
            messages.push(message);
        }
        Ok((!messages.is_empty()).then_some(messages))
    }

    /// Bytes of the payload that were not handed on yet.
    fn left(&self) -> u64 {
        let read = self.next_chunk.saturating_mul(bounds::BUNDLE_CHUNK).min(self.header.payload);
        self.header.payload - read + (self.chunk.len() - self.used) as u64
    }

    fn fill(&mut self, mut wanted: &mut [u8]) -> Result<(), ReadError> {
        while !wanted.is_empty() {
            if self.used == self.chunk.len() && self.next_chunk()?.is_none() {
                return Err(Refused::Malformed.into());
            }
            let ready = &self.chunk[self.used..];
            let taken = ready.len().min(wanted.len());
            let (now, later) = wanted.split_at_mut(taken);
            now.copy_from_slice(&ready[..taken]);
            self.used += taken;
            wanted = later;
        }
        Ok(())
    }
}

/// Fills `buffer` as far as the source goes; gives how far.
pub(super) fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
