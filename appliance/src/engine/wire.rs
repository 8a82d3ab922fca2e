//! The frames between the appliance and its worker: two lengths (u32, little-endian), so many bytes of
//! JSON, and so many bytes behind it: a set of persons, or nothing.
//!
//! What must stay true: a length is checked before anything is read or reserved, and no frame can hold a
//! row but the pieces of an export, which the local API alone asks for.

use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use flip_gate::Plan;
use flip_protocol::answer::Failed;
use flip_storage::confine::Held;
use roaring::RoaringTreemap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::Date;

use super::bounds;
use super::export::Export;
use crate::data::FileMark;
use crate::disclosure::{
    Bin, CategoryColumn, ColumnCounts, Group, ImageCounts, ImageGroup, Measured, NumberColumn, RawCounts,
    Statistics,
};

/// To the worker. The first frame configures, every later one asks.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    Configure(Configure),
    Run(Question, SpentPersons),
    /// Who is in a plan's cohort.
    Members(Plan),
    /// A frozen cohort's rows; its persons or accession ids are behind the frame.
    Export(Export),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Configure {
    pub generation_file: PathBuf,
    pub memory_mb: u64,
    pub threads: NonZeroU32,
    pub rows_max: u64,
    pub cost_max: u64,
    /// True where questions are to come.
    pub counts: bool,
    /// What the manifest says of the population that is kept beside the generation; none where it knows of none.
    pub population: Option<FileMark>,
}

/// Whether the set of spent persons follows a question's frame.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SpentPersons {
    /// They are who they were at the last question of this process; none at the first.
    AsBefore,
    /// The set is behind the frame.
    Behind,
}

/// The noise in which caps and bounds are found.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Blur {
    /// Standard deviation for the smallest cohorts, in persons.
    pub noise: f64,
    /// What it is drawn with: of this question alone.
    pub seed: [u8; 32],
}

/// A question as the engine takes it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What to run.
    pub plan: Plan,
    /// Ages are as of this day.
    pub age_day: Date,
    /// How many persons must share a bound before it is used: a cap of rows per person, the ends of a histogram.
    pub crowd: u64,
    /// Where counts have noise: caps and bounds are found in counts that have it too.
    #[serde(default)]
    pub blur: Option<Blur>,
    /// Persons who are left out altogether, by `person_id` (its 64 bits read as unsigned).
    #[serde(skip)]
    pub spent: Arc<RoaringTreemap>,
}

/// From the worker: a greeting, then one frame per question.
#[derive(Serialize, Deserialize)]
pub(super) enum Reply {
    Hello {
        engine_version: String,
        sandbox: Held,
    },
    /// The set of persons is behind the frame.
    Counts(Counts),
    /// Rows of the result; the persons and accession ids are behind the frame.
    Members {
        rows: u64,
        cost: u64,
    },
    /// An export's bytes follow, piece by piece.
    ExportBegins,
    /// A piece of an export is behind the frame.
    Piece,
    /// The export is whole.
    ExportEnds {
        rows: u64,
    },
    /// A column's values cannot be written in the format that was asked for.
    NotInFormat {
        column: String,
    },
    /// It was not begun.
    TooCostly,
    /// `note` is for the local log and never derives from records: see `database::Fault`.
    Failed {
        failed: Failed,
        note: Option<String>,
    },
}

/// What [`RawCounts`] holds beside the persons, on the pipe. No Debug: these are not protected yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Counts {
    /// Rows that the engine expected to go through.
    pub cost: u64,
    pub rows: u64,
    pub rows_cap: u64,
    /// In the plan's order of columns: rows with a value, rows without, persons with a value, persons with a null.
    pub columns: Vec<[u64; 4]>,
    /// Label and persons, in the order to be shown.
    pub ages: Vec<(String, u64)>,
    pub sexes: Vec<(String, u64)>,
    pub years: Vec<(String, u64)>,
    pub years_cap: u64,
    pub images: Option<Images>,
    pub numbers: Vec<Number>,
    pub categories: Vec<Category>,
    pub statistics: Statistics,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Images {
    pub persons: u64,
    pub cap: u64,
    /// Label, images, persons.
    pub modalities: Vec<(String, u64, u64)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Number {
    /// Position in the plan.
    pub column: usize,
    pub low: f64,
    pub high: f64,
    /// The first bin's lower end and the bins' width.
    pub from: f64,
    pub width: f64,
    /// Persons by bin.
    pub bins: Vec<u64>,
    pub mean: f64,
    pub spread: f64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Category {
    /// Position in the plan.
    pub column: usize,
    /// Label and persons, the most first.
    pub groups: Vec<(String, u64)>,
    pub cap: u64,
}

impl Counts {
    /// The counts for disclosure, unless they contradict the plan.
    pub fn into_raw(self, plan: &Plan, subjects: RoaringTreemap) -> Option<RawCounts> {
        if self.columns.len() != plan.columns().len() {
            return None;
        }
        let columns: Vec<_> = plan
            .columns()
            .iter()
            .zip(self.columns)
            .map(|(name, [values, nulls, persons_with, persons_without])| ColumnCounts {
                name: name.clone(),
                values,
                nulls,
                persons_with,
                persons_without,
            })
            .collect();
        let numbers =
            self.numbers.into_iter().map(|number| number.into_raw(&columns)).collect::<Option<_>>()?;
        let categories =
            self.categories.into_iter().map(|category| category.into_raw(&columns)).collect::<Option<_>>()?;
        let images = self.images.map(|images| ImageCounts {
            persons: images.persons,
            images_cap: images.cap,
            modalities: images
                .modalities
                .into_iter()
                .map(|(label, images, persons)| ImageGroup { label, images, persons })
                .collect(),
        });
        Some(RawCounts::new(Measured {
            cost: self.cost,
            rows: self.rows,
            rows_cap: self.rows_cap,
            subjects,
            columns,
            ages: groups(self.ages),
            sexes: groups(self.sexes),
            years: groups(self.years),
            years_cap: self.years_cap,
            images,
            numbers,
            categories,
            statistics: self.statistics,
        }))
    }
}

impl Number {
    fn into_raw(self, columns: &[ColumnCounts]) -> Option<NumberColumn> {
        let column = columns.get(self.column)?;
        #[expect(clippy::cast_precision_loss, reason = "bins are few")]
        let end = |at: usize| self.from + self.width * at as f64;
        let bins = self.bins.iter().enumerate();
        Some(NumberColumn {
            name: column.name.clone(),
            low: self.low,
            high: self.high,
            bins: bins
                .map(|(at, persons)| Bin { from: end(at), to: end(at + 1), persons: *persons })
                .collect(),
            persons: self.bins.iter().sum(),
            mean: self.mean,
            spread: self.spread,
        })
    }
}

impl Category {
    fn into_raw(self, columns: &[ColumnCounts]) -> Option<CategoryColumn> {
        let column = columns.get(self.column)?;
        let persons = column.persons_with;
        let name = column.name.clone();
        Some(CategoryColumn { name, groups: groups(self.groups), values_cap: self.cap, persons })
    }
}

fn groups(cells: Vec<(String, u64)>) -> Vec<Group> {
    cells.into_iter().map(|(label, persons)| Group { label, persons }).collect()
}

/// Bytes before a frame's body: its length, and the length of what is behind it.
pub(super) const HEAD_BYTES: usize = 2 * size_of::<u32>();

/// How long a frame's body is, and what is behind it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub body: usize,
    pub behind: usize,
}

impl Head {
    /// The lengths in a frame's first bytes: `None` while they are not all there.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let length = |at: usize| -> Option<usize> {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        Some(Self { body: length(0)?, behind: length(4)? })
    }

    /// Bytes of the whole frame, with what is behind it.
    pub fn frame_bytes(self) -> usize {
        HEAD_BYTES + self.body + self.behind
    }

    /// True where nothing is longer than it may be.
    pub fn is_within(self, bytes_max: usize) -> bool {
        self.body <= bytes_max && self.behind <= bounds::PERSONS_BYTES
    }
}

/// A set of persons as bytes (the portable form of Roaring bitmaps).
pub(super) fn persons_to_bytes(persons: &RoaringTreemap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(persons.serialized_size());
    persons.serialize_into(&mut bytes).expect("a Vec takes all bytes");
    bytes
}

/// The set of persons in these bytes, unless they are none.
pub(super) fn persons_of_bytes(bytes: &[u8]) -> Option<RoaringTreemap> {
    RoaringTreemap::deserialize_from(bytes).ok()
}

/// The frame as bytes, or nothing where it would be larger than `bytes_max`.
pub(super) fn encode(frame: &impl Serialize, behind: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(frame).ok()?;
    let head = Head { body: body.len(), behind: behind.len() };
    if !head.is_within(bytes_max) {
        return None;
    }
    let mut bytes = Vec::with_capacity(head.frame_bytes());
    for length in [head.body, head.behind] {
        bytes.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    }
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(behind);
    Some(bytes)
}

/// Reads one frame, and what is behind it, from a blocking stream: `None` at its end. The worker's side.
pub(super) fn read<T: DeserializeOwned>(
    stream: &mut impl Read,
    bytes_max: usize,
) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut head = [0_u8; HEAD_BYTES];
    if let Err(error) = stream.read_exact(&mut head) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let head = Head::of(&head).filter(|head| head.is_within(bytes_max)).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0_u8; head.body];
    stream.read_exact(&mut body)?;
    let mut behind = vec![0_u8; head.behind];
    stream.read_exact(&mut behind)?;
    Ok(Some((serde_json::from_slice(&body)?, behind)))
}

/// Writes one frame to a blocking stream. The worker's side.
pub(super) fn write(
    stream: &mut impl Write,
    frame: &impl Serialize,
    behind: &[u8],
    bytes_max: usize,
) -> io::Result<()> {
    stream.write_all(&encode(frame, behind, bytes_max).ok_or(io::ErrorKind::InvalidData)?)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_and_the_end_is_seen() {
        let mut bytes = Vec::new();
        write(&mut bytes, &"a", b"behind", 100).unwrap();
        let mut stream = bytes.as_slice();
        assert_eq!(read::<String>(&mut stream, 100).unwrap(), Some(("a".to_owned(), b"behind".to_vec())));
        assert_eq!(read::<String>(&mut stream, 100).unwrap(), None);
    }

    #[test]
    fn an_oversize_frame_is_refused_before_it_is_read() {
        let mut stream = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0].as_slice();
        assert_eq!(read::<String>(&mut stream, 100).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut stream = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f].as_slice();
        assert_eq!(read::<String>(&mut stream, 100).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(encode(&"0123456789", &[], 11).is_none());
        assert!(encode(&"0123456789", &[], 12).is_some());
    }
}
