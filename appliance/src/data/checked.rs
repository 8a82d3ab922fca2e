//! A file of the extract after its check.

use super::database::Database;
use super::error::IngestError;
use super::extract::{Format, Source};
use super::header::{Columns, HeaderError, match_columns, read_names};
use super::lines::Dialect;
use super::manifest::Note;
use super::parquet::{self, Parquet};
use super::problem::{Fault, Place, Problem, Problems};
use super::progress::{Meter, Phase};
use super::survey::{self, Survey, compression_fault};

/// A file whose columns are known.
#[derive(Debug)]
pub(super) struct Checked {
    pub source: Source,
    pub content: Content,
}

/// What the check found of a file, by its format.
#[derive(Debug)]
pub(super) enum Content {
    Text { dialect: Dialect, columns: Columns, survey: Survey },
    Parquet(Parquet),
}

impl Checked {
    pub fn rows(&self) -> u64 {
        match &self.content {
            Content::Text { survey, .. } => survey.rows,
            Content::Parquet(parquet) => parquet.rows,
        }
    }

    /// Bytes of its texts, about.
    pub fn text_bytes(&self) -> u64 {
        match &self.content {
            Content::Text { survey, .. } => survey.text_bytes,
            Content::Parquet(parquet) => parquet.text_bytes,
        }
    }

    /// Rows that have a value in that column.
    pub fn filled(&self, column: &str) -> u64 {
        let empty = match &self.content {
            Content::Text { survey, .. } => &survey.empty,
            Content::Parquet(parquet) => &parquet.empty,
        };
        of(empty, column).map_or(0, |empty| self.rows().saturating_sub(empty))
    }

    /// Rows whose 0 in that column names no record; they have no value there.
    pub fn zeros(&self, column: &str) -> u64 {
        let zeros = match &self.content {
            Content::Text { survey, .. } => &survey.zeros,
            Content::Parquet(parquet) => &parquet.zeros,
        };
        of(zeros, column).unwrap_or(0)
    }

    /// Rows whose text in that column is a word for no value.
    pub fn null_words(&self, column: &str) -> u64 {
        let null_words = match &self.content {
            Content::Text { survey, .. } => &survey.null_words,
            Content::Parquet(parquet) => &parquet.null_words,
        };
        of(null_words, column).unwrap_or(0)
    }

    pub fn notes(&self) -> Vec<Note> {
        match &self.content {
            Content::Text { columns, survey, .. } => [&columns.notes[..], &survey.notes[..]].concat(),
            Content::Parquet(parquet) => parquet.notes.clone(),
        }
    }
}

fn of(counts: &[(&str, u64)], column: &str) -> Option<u64> {
    counts.iter().find(|(name, _)| *name == column).map(|(_, count)| *count)
}

/// Checks a file; none where its columns are not even known. What is wrong is in `problems` either way.
pub(super) fn check(
    source: Source,
    database: &Database,
    problems: &mut Problems,
    meter: &mut Meter<'_>,
) -> Result<Option<Checked>, IngestError> {
    let (table, bytes) = (source.table.name, source.bytes);
    meter.at(Phase::Checking, table, 0, 0);
    let content = match source.format {
        Format::Parquet => parquet::survey(&source, database, problems)?.map(Content::Parquet),
        Format::Text { .. } => check_text(&source, problems, meter)?,
    };
    source.must_be_unchanged()?;
    let checked = content.map(|content| Checked { source, content });
    meter.finished(Phase::Checking, table, checked.as_ref().map_or(0, Checked::rows), bytes);
    Ok(checked)
}

/// What a text file's first bytes say, where its name says otherwise.
fn mistaken(source: &Source) -> Result<Option<Fault>, IngestError> {
    const GZIP: &[u8] = b"\x1f\x8b";
    let begins = source.first_bytes()?;
    let named_gzip = source.format == Format::Text { gzip: true };
    Ok(match begins.as_slice() {
        b"PK\x03\x04" => Some(Fault::Zip),
        b"" if named_gzip => Some(Fault::NothingInFile),
        begins if named_gzip && !begins.starts_with(GZIP) && !GZIP.starts_with(begins) => {
            Some(Fault::NotGzip)
        }
        begins if !named_gzip && begins.starts_with(GZIP) => Some(Fault::Gzip),
        _ => None,
    })
}

fn check_text(
    source: &Source,
    problems: &mut Problems,
    meter: &mut Meter<'_>,
) -> Result<Option<Content>, IngestError> {
    let mut fault = |place, column, fault| {
        problems.push(Problem { file: source.name.clone(), place, column, fault });
    };
    if let Some(what) = mistaken(source)? {
        fault(Place::File, None, what);
        return Ok(None);
    }
    let taken = std::sync::atomic::AtomicU64::new(0);
    let (names, dialect) = match read_names(source.table, survey::open(source, &taken)?) {
        Ok(found) => found,
        Err(HeaderError::Fault(what)) => {
            fault(Place::Line(1), None, what);
            return Ok(None);
        }
        Err(HeaderError::Read(error)) => {
            let what: Fault = compression_fault(source, error)?;
            fault(Place::File, None, what);
            return Ok(None);
        }
    };
    let columns = match match_columns(source.table, &source.name, &names) {
        Ok(columns) => columns,
        Err(faults) => {
            for (column, what) in faults {
                fault(Place::Line(1), column, what);
            }
            return Ok(None);
        }
    };
    let mut tick = |rows, bytes| meter.at(Phase::Checking, source.table.name, rows, bytes);
    let survey = survey::survey(source, dialect, &columns, problems, &mut tick)?;
    Ok(Some(Content::Text { dialect, columns, survey }))
}
