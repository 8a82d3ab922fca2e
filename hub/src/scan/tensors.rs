//! safetensors: eight bytes of length, a JSON object of tensors, then numbers alone.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

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
    let entries: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(&bytes).map_err(|_| wrong("the header is no JSON object"))?;
    let mut spans = Vec::new();
    for (name, entry) in &entries {
        if name == "__metadata__" {
            serde_json::from_str::<BTreeMap<String, String>>(entry.get())
                .map_err(|_| wrong("the header's metadata are not texts"))?;
            continue;
        }
        let tensor: Tensor =
            serde_json::from_str(entry.get()).map_err(|_| wrong("the header describes a tensor wrongly"))?;
        let bytes = tensor.shape.iter().try_fold(width(&tensor.dtype), |bytes, side| {
            bytes.and_then(|bytes| bytes.checked_mul(*side)).map(Some)
        });
        let [begin, end] = tensor.data_offsets;
        if bytes.flatten().is_none_or(|bytes| begin.checked_add(bytes) != Some(end)) {
            return Err(wrong("a tensor's type, shape and place do not agree"));
        }
        spans.push((begin, end));
    }
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
