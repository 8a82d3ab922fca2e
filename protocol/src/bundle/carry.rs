//! Copying a bundle, verified on the way, from where an earlier copy was cut off.
//!
//! What must stay true: what is kept of an earlier copy is what the manifest says, byte by byte; nothing else of it is
//! believed.

use std::io::{Read, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use super::read::{Bundle, read_up_to};
use super::{Header, ReadError};

/// Copies `bundle` to `copy`, which may hold the beginning of an earlier try. `told` hears how many bytes are done, of how
/// many. The copy may be longer than the bundle afterwards where it was before: it is cut to [`Header::length`] by
/// whoever owns it.
pub fn carry<R: Read + Seek, C: Read + Write + Seek>(
    mut bundle: Bundle<R>,
    copy: &mut C,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Header, ReadError> {
    let header = *bundle.header();
    let mut done = bundle.head().len() as u64;
    let kept = kept(&bundle, copy)?;
    if kept.is_none() {
        copy.seek(SeekFrom::Start(0)).map_err(ReadError::Copy)?;
        copy.write_all(bundle.head()).map_err(ReadError::Copy)?;
    }
    let kept = kept.unwrap_or(0);
    for chunk in 0..kept {
        done += bundle.length_of(chunk) as u64;
    }
    copy.seek(SeekFrom::Start(done)).map_err(ReadError::Copy)?;
    bundle.source().seek(SeekFrom::Start(done))?;
    bundle.go_on_at(kept);
    told(done, header.length());
    while let Some(chunk) = bundle.next_chunk()? {
        copy.write_all(chunk).map_err(ReadError::Copy)?;
        done += chunk.len() as u64;
        told(done, header.length());
    }
    copy.flush().map_err(ReadError::Copy)?;
    Ok(header)
}

/// How many chunks at the beginning of the copy are right; `None` where its head is not.
fn kept<R: Read, C: Read + Seek>(bundle: &Bundle<R>, copy: &mut C) -> Result<Option<u64>, ReadError> {
    copy.seek(SeekFrom::Start(0)).map_err(ReadError::Copy)?;
    let mut head = vec![0; bundle.head().len()];
    if read_up_to(copy, &mut head).map_err(ReadError::Copy)? < head.len() || head != bundle.head() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for chunk in 0.. {
        let Some(digest) = bundle.digest(chunk) else { return Ok(Some(chunk)) };
        bytes.resize(bundle.length_of(chunk), 0);
        let read = read_up_to(copy, &mut bytes).map_err(ReadError::Copy)?;
        if read < bytes.len() || Sha256::digest(&bytes)[..] != *digest {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}
