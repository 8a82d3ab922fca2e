//! Reading a file in order, by pieces, without keeping it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use super::Unclean;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// A part of a file.
pub struct Window<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl<'f> Window<'f> {
    /// From `at` up to `end`.
    pub fn new(file: &'f File, at: u64, end: u64) -> Self {
        Self { file, at, end }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        // Where somebody's file says that it begins may be no place that the system knows.
        if most == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A stream that knows where it is.
pub struct Source<R> {
    inner: BufReader<R>,
    at: u64,
}

impl<R: Read> Source<R> {
    /// From the stream's start.
    pub fn of(stream: R) -> Self {
        Self { inner: BufReader::with_capacity(PIECE, stream), at: 0 }
    }

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// True at its end.
    pub fn ended(&mut self) -> Result<bool, Unclean> {
        Ok(self.inner.fill_buf()?.is_empty())
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Unclean> {
        Ok(self.array::<1>()?[0])
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Unclean> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(|error| self.short(error))?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// The next bytes, which the caller has bounded.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Unclean> {
        let mut bytes = Vec::new();
        let read = (&mut self.inner).take(length as u64).read_to_end(&mut bytes)?;
        self.at += read as u64;
        if read == length { Ok(bytes) } else { Err(self.ends_early()) }
    }

    /// Passes over bytes.
    pub fn skip(&mut self, length: u64) -> Result<(), Unclean> {
        let passed = io::copy(&mut (&mut self.inner).take(length), &mut io::sink())?;
        self.at += passed;
        if passed == length { Ok(()) } else { Err(self.ends_early()) }
    }

    /// A line of at most `most` bytes, without its end.
    pub fn line(&mut self, most: usize) -> Result<Vec<u8>, Unclean> {
        let mut line = Vec::new();
        let read = (&mut self.inner).take(most as u64).read_until(b'\n', &mut line)?;
        self.at += read as u64;
        if line.pop() == Some(b'\n') {
            Ok(line)
        } else {
            Err(Unclean::Malformed { what: "a line does not end", at: self.at })
        }
    }

    /// Hands over everything to the end, by pieces.
    pub fn each(mut self, mut hand: impl FnMut(&[u8])) -> Result<(), Unclean> {
        loop {
            let piece = self.inner.fill_buf()?;
            if piece.is_empty() {
                return Ok(());
            }
            hand(piece);
            let length = piece.len();
            self.inner.consume(length);
        }
    }

    fn ends_early(&self) -> Unclean {
        Unclean::Malformed { what: "it ends too early", at: self.at }
    }

    fn short(&self, error: io::Error) -> Unclean {
        if error.kind() == io::ErrorKind::UnexpectedEof { self.ends_early() } else { Unclean::Read(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_part_that_begins_where_no_file_has_a_byte_is_empty() {
        let file = tempfile::tempfile().unwrap();
        for at in [1, 1 << 63, u64::MAX] {
            assert_eq!(Window::new(&file, at, 1).read(&mut [0; 8]).unwrap(), 0);
        }
    }
}
