//! The frames between the appliance and its worker: a length (u32, little-endian) and so many bytes of JSON.
//!
//! What must stay true: a length is checked before anything is read or reserved, and no frame can hold a row.

use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;

use flip_gate::Plan;
use flip_protocol::answer::Failed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::Date;

use super::sandbox::Sandbox;
use crate::disclosure::{ColumnCounts, Group, ImageCounts, ImageGroup, Measured, RawCounts};

/// To the worker. The first frame configures, every later one asks.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    Configure(Configure),
    Run(Question),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Configure {
    pub generation_file: PathBuf,
    pub memory_mb: u64,
    pub threads: NonZeroU32,
    pub rows_max: u64,
}

/// A question as the engine takes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What to run.
    pub plan: Plan,
    /// Ages are as of this day.
    pub age_day: Date,
    /// How many persons must share a bound before it is used: a cap of rows per person, the ends of a histogram.
    pub crowd: u64,
}

/// From the worker: a greeting, then one frame per question.
#[derive(Serialize, Deserialize)]
pub(super) enum Reply {
    Hello {
        engine_version: String,
        sandbox: Sandbox,
    },
    Counts(Counts),
    /// `note` is for the local log and never derives from records: see `database::Fault`.
    Failed {
        failed: Failed,
        note: Option<String>,
    },
}

/// [`RawCounts`] on the pipe. No Debug: these are not protected yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Counts {
    pub rows: u64,
    pub persons: u64,
    /// In the plan's order of columns: rows with a value, persons with a value, persons with a null.
    pub columns: Vec<(u64, u64, u64)>,
    /// Label and persons, in the order to be shown.
    pub ages: Vec<(String, u64)>,
    pub sexes: Vec<(String, u64)>,
    pub images: Option<Images>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Images {
    pub persons: u64,
    /// Label, images, persons.
    pub modalities: Vec<(String, u64, u64)>,
}

impl Counts {
    /// The counts for disclosure, unless they contradict the plan or themselves.
    pub fn into_raw(self, plan: &Plan) -> Option<RawCounts> {
        if self.columns.len() != plan.columns().len() {
            return None;
        }
        let columns = plan
            .columns()
            .iter()
            .zip(self.columns)
            .map(|(name, (values, persons_with, persons_without))| {
                let nulls = self.rows.checked_sub(values)?;
                Some(ColumnCounts { name: name.clone(), values, nulls, persons_with, persons_without })
            })
            .collect::<Option<Vec<_>>>()?;
        let groups = |cells: Vec<(String, u64)>| {
            cells.into_iter().map(|(label, persons)| Group { label, persons }).collect::<Vec<_>>()
        };
        let images = self.images.map(|images| ImageCounts {
            persons: images.persons,
            images_cap: 0,
            modalities: images
                .modalities
                .into_iter()
                .map(|(label, images, persons)| ImageGroup { label, images, persons })
                .collect(),
        });
        Some(RawCounts::new(Measured {
            rows: self.rows,
            rows_cap: 0,
            subjects: (0..self.persons).collect(),
            columns,
            ages: groups(self.ages),
            sexes: groups(self.sexes),
            years: Vec::new(),
            images,
            numbers: Vec::new(),
            categories: Vec::new(),
        }))
    }
}

/// The frame as bytes, or nothing where it would be larger than `bytes_max`.
pub(super) fn encode(frame: &impl Serialize, bytes_max: usize) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(frame).ok().filter(|body| body.len() <= bytes_max)?;
    let length = u32::try_from(body.len()).ok()?;
    let mut bytes = Vec::with_capacity(body.len() + size_of::<u32>());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// How many bytes of body a frame has whose first bytes are these: `None` while fewer than four are there.
pub(super) fn body_length(bytes: &[u8]) -> Option<usize> {
    let head: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(head)).ok()
}

/// Reads one frame from a blocking stream: `None` at its end. The worker's side.
pub(super) fn read<T: DeserializeOwned>(stream: &mut impl Read, bytes_max: usize) -> io::Result<Option<T>> {
    let mut head = [0_u8; 4];
    if let Err(error) = stream.read_exact(&mut head) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let length = body_length(&head).filter(|length| *length <= bytes_max);
    let mut body = vec![0_u8; length.ok_or(io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes one frame to a blocking stream. The worker's side.
pub(super) fn write(stream: &mut impl Write, frame: &impl Serialize, bytes_max: usize) -> io::Result<()> {
    stream.write_all(&encode(frame, bytes_max).ok_or(io::ErrorKind::InvalidData)?)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_and_the_end_is_seen() {
        let mut bytes = Vec::new();
        write(&mut bytes, &"a", 100).unwrap();
        let mut stream = bytes.as_slice();
        assert_eq!(read::<String>(&mut stream, 100).unwrap().as_deref(), Some("a"));
        assert_eq!(read::<String>(&mut stream, 100).unwrap(), None);
    }

    #[test]
    fn an_oversize_frame_is_refused_before_it_is_read() {
        let mut stream = [0xff, 0xff, 0xff, 0x7f].as_slice();
        assert_eq!(read::<String>(&mut stream, 100).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(encode(&"0123456789", 11).is_none());
        assert!(encode(&"0123456789", 12).is_some());
    }
}
