//! Which bytes of a file a request brings (RFC 9110, Content-Range) or wants (Range). Pure.

use std::ops::Range;

/// Why a request does not say which bytes it brings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// It is not of the form that is understood.
    #[error("expected `Content-Range: bytes FIRST-LAST/SIZE`, such as `bytes 0-1048575/5000000`")]
    Form,
    /// It is of another size than the upload.
    #[error("the upload was opened for {0} bytes, and the range is of a file of another size")]
    Size(u64),
    /// It ends behind the file's end, or before it begins.
    #[error("the range ends before it begins, or behind the file's end")]
    Beyond,
    /// The body is of another length.
    #[error("Content-Length is {0}, and the range has {1} bytes")]
    Length(u64, u64),
}

/// The bytes that a request brings to a file of `size`, by its Content-Range; without, all of them. `length` is that of
/// its body, where it is said.
pub fn brought(header: Option<&str>, length: Option<u64>, size: u64) -> Result<Range<u64>, BadRange> {
    let range = match header {
        None => 0..size,
        Some(text) => {
            let (range, whole) =
                text.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')).ok_or(BadRange::Form)?;
            let (first, last) = range.split_once('-').ok_or(BadRange::Form)?;
            let [first, last, whole] = [first, last, whole].map(number);
            let (first, last, whole) =
                (first.ok_or(BadRange::Form)?, last.ok_or(BadRange::Form)?, whole.ok_or(BadRange::Form)?);
            if whole != size {
                return Err(BadRange::Size(size));
            }
            if last < first || last >= size {
                return Err(BadRange::Beyond);
            }
            first..last + 1
        }
    };
    let bytes = range.end - range.start;
    match length {
        Some(length) if length != bytes => Err(BadRange::Length(length, bytes)),
        _ => Ok(range),
    }
}

/// Which bytes a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    Whole,
    /// These.
    Part(Range<u64>),
    /// None that there are.
    None,
}

/// The bytes of a file of `size` that a Range header wants. What is not understood, and several ranges, are the whole.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Wanted::Whole;
    };
    let range = match (first, number(first), last, number(last)) {
        ("", _, _, Some(suffix)) => size.saturating_sub(suffix)..size,
        (_, Some(first), "", _) => first..size,
        (_, Some(first), _, Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::None }
}

/// Digits alone: no sign, no space.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_which_bytes_it_is_and_none_beyond_the_file() {
        assert_eq!(brought(None, None, 10), Ok(0..10));
        assert_eq!(brought(None, Some(10), 10), Ok(0..10));
        assert_eq!(brought(None, Some(9), 10), Err(BadRange::Length(9, 10)));
        assert_eq!(brought(Some("bytes 0-0/10"), Some(1), 10), Ok(0..1));
        assert_eq!(brought(Some("bytes 4-9/10"), None, 10), Ok(4..10));
        assert_eq!(brought(Some("bytes 4-9/10"), Some(7), 10), Err(BadRange::Length(7, 6)));
        assert_eq!(brought(Some("bytes 4-10/10"), None, 10), Err(BadRange::Beyond));
        assert_eq!(brought(Some("bytes 9-4/10"), None, 10), Err(BadRange::Beyond));
        assert_eq!(brought(Some("bytes 0-9/11"), None, 10), Err(BadRange::Size(10)));
        let huge = format!("bytes 0-{}/10", u64::MAX);
        assert_eq!(brought(Some(&huge), None, 10), Err(BadRange::Beyond));
        for bad in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes */10",
            "bytes 0-9/*",
            "bytes -1-9/10",
            "bytes +0-9/10",
            "bytes 0-9/10 ",
            "items 0-9/10",
            "bytes 0-99999999999999999999/10",
            "bytes a-b/10",
        ] {
            assert_eq!(brought(Some(bad), None, 10), Err(BadRange::Form), "{bad:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_a_part_that_is_there_or_the_whole() {
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-3"), 10), Wanted::Part(0..4));
        assert_eq!(wanted(Some("bytes=4-"), 10), Wanted::Part(4..10));
        assert_eq!(wanted(Some("bytes=-3"), 10), Wanted::Part(7..10));
        assert_eq!(wanted(Some("bytes=-99"), 10), Wanted::Part(0..10));
        assert_eq!(wanted(Some("bytes=4-99"), 10), Wanted::Part(4..10));
        assert_eq!(wanted(Some(&format!("bytes=4-{}", u64::MAX)), 10), Wanted::Part(4..10));
        assert_eq!(wanted(Some("bytes=10-"), 10), Wanted::None);
        assert_eq!(wanted(Some("bytes=-0"), 10), Wanted::None);
        for odd in ["bytes=", "bytes=-", "bytes=3-1", "bytes=0-1,4-5", "items=0-1", "bytes=a-b"] {
            assert_eq!(wanted(Some(odd), 10), Wanted::Whole, "{odd}");
        }
    }
}
