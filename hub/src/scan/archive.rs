//! Zip archives as PyTorch and NumPy write them, by their directory at the end (APPNOTE 6.3.10, zip64 included).
//!
//! What must stay true: directory and entries agree, nothing overlaps, nothing stands behind the directory: two readers
//! find the same entries, whichever way they look.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::Unclean;
use super::numpy;
use super::pickle::{self, Persistent};
use super::reading::{Source, Window};
use crate::bounds;

/// One file of an archive.
pub struct Entry {
    name: String,
    packed: Packed,
    begin: u64,
    end: u64,
    size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packed {
    Stored,
    Deflated,
}

const END: u64 = 22;
const LOCATOR: u64 = 20;
const END_64: u64 = 56;
const LOCAL: u64 = 30;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const END_SIGNATURE: u32 = 0x0605_4b50;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const END_64_SIGNATURE: u32 = 0x0606_4b50;

/// The entries, in the order in which they stand.
pub fn entries(file: &File, size: u64) -> Result<Vec<Entry>, Unclean> {
    let directory = directory(file, size)?;
    if directory.end - directory.begin > bounds::SCAN_DIRECTORY_BYTES {
        return Err(Unclean::TooMuch("an archive's directory has at most 16 MiB"));
    }
    if directory.count > bounds::SCAN_ENTRIES {
        return Err(Unclean::TooMuch("an archive holds at most 100,000 files"));
    }
    let mut source = Source::of(Window::new(file, directory.begin, directory.end));
    let mut entries = Vec::new();
    let mut names = HashSet::new();
    while !source.ended()? {
        let entry = entry(file, &mut source, directory.begin)?;
        if entries.len() as u64 == directory.count {
            return Err(wrong("the directory counts its entries wrongly"));
        }
        if !names.insert(entry.name.clone()) {
            return Err(wrong("two entries have one name"));
        }
        entries.push(entry);
    }
    if entries.len() as u64 != directory.count {
        return Err(wrong("the directory counts its entries wrongly"));
    }
    entries.sort_by_key(|entry| entry.begin);
    if entries.windows(2).any(|pair| pair[0].end > pair[1].begin) {
        return Err(wrong("entries overlap"));
    }
    Ok(entries)
}

/// An archive of `torch.save`: one pickle, and storages that nothing but PyTorch reads.
pub fn torch(file: &File, entries: &[Entry]) -> Result<(), Unclean> {
    let mut pickles = 0;
    let mut tops = HashSet::new();
    for entry in entries {
        let (top, inner) = entry.name.split_once('/').ok_or_else(|| unexpected(&entry.name))?;
        tops.insert(top);
        if entry.packed != Packed::Stored {
            return Err(wrong("PyTorch compresses nothing"));
        }
        let storage = inner.strip_prefix("data/").is_some_and(|key| key.bytes().all(|b| b.is_ascii_digit()));
        let small =
            ["version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"];
        if inner == "data.pkl" {
            pickles += 1;
            pickle::all(&mut Source::of(Window::new(file, entry.begin, entry.end)), Persistent::Allowed)?;
        } else if !storage && !small.contains(&inner) {
            return Err(unexpected(&entry.name));
        }
    }
    if pickles == 1 && tops.len() == 1 {
        Ok(())
    } else {
        Err(wrong("it has not one folder with one data.pkl, as torch.save writes it"))
    }
}

/// An archive of `numpy.savez`: arrays alone.
pub fn arrays(file: &File, entries: &[Entry], size: u64) -> Result<(), Unclean> {
    let most = size.saturating_mul(bounds::SCAN_INFLATED_TIMES).saturating_add(bounds::SCAN_INFLATED_BYTES);
    let whole = entries.iter().try_fold(0_u64, |whole, entry| whole.checked_add(entry.size));
    if whole.is_none_or(|whole| whole > most) {
        return Err(Unclean::TooMuch("an archive holds at most 100 times its own size"));
    }
    for entry in entries {
        if entry.name.strip_suffix(".npy").is_none_or(str::is_empty) {
            return Err(unexpected(&entry.name));
        }
        let packed = Window::new(file, entry.begin, entry.end);
        match entry.packed {
            Packed::Stored => numpy::array(&mut Source::of(packed))?,
            Packed::Deflated => {
                numpy::array(&mut Source::of(DeflateDecoder::new(packed).take(entry.size)))?;
            }
        }
    }
    Ok(())
}

struct Directory {
    begin: u64,
    end: u64,
    count: u64,
}

fn directory(file: &File, size: u64) -> Result<Directory, Unclean> {
    let end = size.checked_sub(END).ok_or_else(|| wrong("it is too short"))?;
    let mut source = Source::of(Window::new(file, end, size));
    if number(&mut source)? != u64::from(END_SIGNATURE) || source.array::<4>()? != [0; 4] {
        return Err(wrong("it does not end as an archive of one part without a comment"));
    }
    let (here, count) = (short(&mut source)?, short(&mut source)?);
    let (length, begin) = (number(&mut source)?, number(&mut source)?);
    if here != count || source.array::<2>()? != [0; 2] {
        return Err(wrong("it does not end as an archive of one part without a comment"));
    }
    let plain = Directory { begin, end, count };
    let found = match end.checked_sub(LOCATOR + END_64) {
        Some(at) if is_locator(file, end - LOCATOR)? => {
            let long = directory_64(file, at)?;
            let agree = |plain: u64, long: u64, unsaid: u64| plain == unsaid || plain == long;
            if !agree(plain.begin, long.0.begin, 0xffff_ffff)
                || !agree(plain.count, long.0.count, 0xffff)
                || !agree(length, long.1, 0xffff_ffff)
            {
                return Err(wrong("its two ends disagree"));
            }
            long
        }
        _ => (plain, length),
    };
    match found.0.begin.checked_add(found.1) {
        Some(end) if end == found.0.end => Ok(found.0),
        _ => Err(wrong("its directory does not stand before its end")),
    }
}

fn is_locator(file: &File, at: u64) -> Result<bool, Unclean> {
    Ok(number(&mut Source::of(Window::new(file, at, at + 4)))? == u64::from(LOCATOR_SIGNATURE))
}

/// The directory, and its length as is said, by the longer end that begins at `at`.
fn directory_64(file: &File, at: u64) -> Result<(Directory, u64), Unclean> {
    let mut source = Source::of(Window::new(file, at, at + END_64 + LOCATOR));
    let signature = number(&mut source)?;
    let length = long(&mut source)?;
    if signature != u64::from(END_64_SIGNATURE) || length != END_64 - 12 {
        return Err(wrong("its longer end is not where it should be"));
    }
    source.skip(4)?;
    let parts = source.array::<8>()?;
    let (here, count) = (long(&mut source)?, long(&mut source)?);
    let (length, begin) = (long(&mut source)?, long(&mut source)?);
    source.skip(8)?;
    if parts != [0; 8] || here != count || long(&mut source)? != at {
        return Err(wrong("its longer end is not that of an archive of one part"));
    }
    Ok((Directory { begin, end: at, count }, length))
}

fn entry(file: &File, source: &mut Source<Window<'_>>, directory: u64) -> Result<Entry, Unclean> {
    if number(source)? != u64::from(CENTRAL_SIGNATURE) {
        return Err(wrong("its directory is damaged"));
    }
    source.skip(4)?;
    let flags = short(source)?;
    if flags & 1 != 0 || flags & (1 << 6) != 0 {
        return Err(wrong("an entry is encrypted"));
    }
    let method = short(source)?;
    let packed = match method {
        0 => Packed::Stored,
        8 => Packed::Deflated,
        _ => return Err(wrong("an entry is compressed in a way that is not let in")),
    };
    source.skip(8)?;
    let (mut length, mut size) = (number(source)?, number(source)?);
    let (name, extra, comment) = (short(source)?, short(source)?, short(source)?);
    source.skip(8)?;
    let mut at = number(source)?;
    let name = source.take(usize::try_from(name).unwrap_or(0))?;
    let extra = source.take(usize::try_from(extra).unwrap_or(0))?;
    source.skip(comment)?;
    widen(&extra, [&mut size, &mut length, &mut at])?;

    let mut local = Source::of(Window::new(file, at, directory));
    let signature = number(&mut local)?;
    local.skip(2)?;
    let (local_flags, local_method) = (short(&mut local)?, short(&mut local)?);
    local.skip(16)?;
    let (name_length, extra_length) = (short(&mut local)?, short(&mut local)?);
    let local_name = local.take(usize::try_from(name_length).unwrap_or(0))?;
    if signature != u64::from(LOCAL_SIGNATURE) || local_method != method || local_name != name {
        return Err(wrong("an entry and the directory disagree"));
    }
    if local_flags & 1 != 0 {
        return Err(wrong("an entry is encrypted"));
    }
    let begin = at.checked_add(LOCAL + name_length + extra_length);
    let end = begin.and_then(|begin| begin.checked_add(length)).filter(|end| *end <= directory);
    let (Some(begin), Some(end)) = (begin, end) else { return Err(wrong("an entry leaves the archive")) };
    if packed == Packed::Stored && size != length {
        return Err(wrong("an entry's two sizes disagree"));
    }
    let name = String::from_utf8(name).map_err(|_| wrong("an entry's name is not UTF-8"))?;
    Ok(Entry { name, packed, begin, end, size })
}

/// Puts numbers of 64 bits in the place of those that do not fit in 32.
fn widen(extra: &[u8], fields: [&mut u64; 3]) -> Result<(), Unclean> {
    let mut source = Source::of(extra);
    let mut wide = None;
    while !source.ended()? {
        let (id, length) = (short(&mut source)?, short(&mut source)?);
        let bytes = source.take(usize::try_from(length).unwrap_or(0))?;
        if id == 1 && wide.replace(bytes).is_some() {
            return Err(wrong("an entry has two long sizes"));
        }
    }
    let wide = wide.unwrap_or_default();
    let mut wide = Source::of(wide.as_slice());
    for field in fields {
        if *field == 0xffff_ffff {
            *field = long(&mut wide)?;
        }
    }
    Ok(())
}

fn short<R: std::io::Read>(source: &mut Source<R>) -> Result<u64, Unclean> {
    Ok(u64::from(u16::from_le_bytes(source.array()?)))
}

fn number<R: std::io::Read>(source: &mut Source<R>) -> Result<u64, Unclean> {
    Ok(u64::from(u32::from_le_bytes(source.array()?)))
}

fn long<R: std::io::Read>(source: &mut Source<R>) -> Result<u64, Unclean> {
    Ok(u64::from_le_bytes(source.array()?))
}

fn wrong(what: &'static str) -> Unclean {
    Unclean::Kind(format!("the zip archive is damaged, or made to be misread: {what}"))
}

fn unexpected(name: &str) -> Unclean {
    Unclean::Kind(format!("the zip archive holds “{}”, which has no place in it", name.escape_debug()))
}
