//! safetensors: eight bytes of length, a JSON object of tensors, then numbers alone.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Unclean;
use super::reading::Source;
use crate::bounds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// That the header describes each byte that follows, once.
pub fn header<R: Read>(source: &mut Source<R>, size: u64) -> Result<(), Unclean> {
    let wrong = |what| Unclean::Malformed { what, at: 8 };
    let length = u64::from_le_bytes(source.array()?);
    let short = usize::try_from(length).ok().filter(|length| *length <= bounds::SCAN_TENSORS_HEADER_BYTES);
    let bytes = source.take(short.ok_or(Unclean::TooMuch("a header of safetensors has at most 16 MiB"))?)?;
    let Header(mut spans) = serde_json::from_slice(&bytes).map_err(|error| {
        let at = u64::try_from(error.column()).unwrap_or_default();
        let what = "its header is no JSON object of tensors, each once, whose type, shape and place agree";
        Unclean::Malformed { what, at: 8 + at }
    })?;
    spans.sort_unstable();
    let mut reached = 0;
    for (begin, end) in spans {
        if begin != reached {
            return Err(wrong("tensors overlap, or leave a gap"));
        }
        reached = end;
    }
    if 8_u64.checked_add(length).and_then(|head| head.checked_add(reached)) != Some(size) {
        return Err(wrong("the tensors do not end where the file does"));
    }
    Ok(())
}

/// Where the tensors of a header are. Each is looked at and let go, so that a header takes little more than its bytes.
struct Header(Vec<(u64, u64)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Header, A::Error> {
                let (mut names, mut spans) = (HashSet::new(), Vec::new());
                while let Some(name) = entries.next_key::<String>()? {
                    if name == "__metadata__" {
                        entries.next_value::<Texts>()?;
                    } else {
                        let span = entries.next_value::<Tensor>()?.span();
                        spans.push(span.ok_or_else(|| de::Error::custom("type, shape and place"))?);
                    }
                    if !names.insert(name) {
                        return Err(de::Error::custom("a name twice"));
                    }
                }
                Ok(Header(spans))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Tensor {
    /// Where it begins and ends, where that is what its type and shape take.
    fn span(&self) -> Option<(u64, u64)> {
        let bytes =
            self.shape.iter().try_fold(width(&self.dtype)?, |bytes, side| bytes.checked_mul(*side))?;
        let [begin, end] = self.data_offsets;
        (begin.checked_add(bytes)? == end).then_some((begin, end))
    }
}

/// An object of texts, none of which is kept.
struct Texts;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Texts, A::Error> {
                while entries.next_entry::<String, String>()?.is_some() {}
                Ok(Texts)
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Bytes of one number.
fn width(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" => 1,
        "I16" | "U16" | "F16" | "BF16" => 2,
        "I32" | "U32" | "F32" => 4,
        "I64" | "U64" | "F64" => 8,
        _ => return None,
    })
}
