//! NumPy's array files (NEP 1): a header of text, then numbers, or for an array of objects a pickle.

use std::io::Read;

use super::Unclean;
use super::pickle::{self, Persistent};
use super::reading::Source;
use crate::bounds;

/// How such a file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads one array to the stream's end.
pub fn array<R: Read>(source: &mut Source<R>) -> Result<(), Unclean> {
    if source.array::<6>()? != *MAGIC {
        return Err(Unclean::Malformed { what: "it does not begin as an array of NumPy's", at: 0 });
    }
    let [version, _] = source.array()?;
    let length = match version {
        1 => usize::from(u16::from_le_bytes(source.array()?)),
        2 | 3 => u32::from_le_bytes(source.array()?) as usize,
        _ => return Err(Unclean::Malformed { what: "the array's version is not known", at: 6 }),
    };
    if length > bounds::SCAN_ARRAY_HEADER_BYTES {
        return Err(Unclean::TooMuch("an array's header has at most 10,000 bytes"));
    }
    let header = source.take(length)?;
    let what = "the array's header says no plain type";
    let kind = std::str::from_utf8(&header).ok().and_then(kind_of);
    match kind.ok_or(Unclean::Malformed { what, at: 10 })? {
        Kind::Numbers => Ok(()),
        Kind::Objects => pickle::all(source, Persistent::Refused),
    }
}

enum Kind {
    Numbers,
    Objects,
}

/// Of a header as NumPy writes it; of arrays with named columns none.
fn kind_of(header: &str) -> Option<Kind> {
    let (descr, rest) = header.strip_prefix("{'descr': '")?.split_once('\'')?;
    if !rest.starts_with(", 'fortran_order': ") || rest.contains("descr") {
        return None;
    }
    if descr == "|O" {
        return Some(Kind::Objects);
    }
    let mut letters = descr.strip_prefix(['<', '>', '|', '='])?.chars();
    let plain = letters.next().is_some_and(|kind| "biufcSUmMV".contains(kind));
    let size = letters.as_str().split('[').next()?;
    (plain && !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit())).then_some(Kind::Numbers)
}
