//! The memory of an ingest is what its configuration says and a fixed overhead, however large the extract.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use flip_appliance::data::Generations;
use flip_tests::bench::memory::watch;
use tempfile::TempDir;

use crate::support::World;

/// `ingest.memory_mb`, in MiB: the least that the configuration takes.
const MEMORY_MIB: u64 = 256;
/// The most that such an ingest may have, as docs/OPERATING.md says: half as much again for the row groups in the making
/// (DuckDB does not count what it compresses), and 256 MiB for the program, its libraries, threads and read buffers.
const BOUND_MIB: u64 = MEMORY_MIB + MEMORY_MIB / 2 + 256;
/// Rows of the notes, each of some two thousand bytes.
const NOTES: u64 = 640_000;
/// Rows of the measurements, each of some hundred bytes.
const MEASUREMENTS: u64 = 2_000_000;
/// A prime that divides neither number of rows: keys in steps of it are each once, and in no order.
const STEP: u64 = 1_000_003;

/// Counts the bytes that pass.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Long texts in plain CSV; gives its bytes.
fn notes(path: &Path) -> u64 {
    let mut out = Counted { inner: BufWriter::with_capacity(1 << 20, File::create(path).unwrap()), bytes: 0 };
    out.write_all(
        b"note_id,person_id,note_date,note_type_concept_id,note_class_concept_id,encoding_concept_id,\
          language_concept_id,note_text\n",
    )
    .unwrap();
    let words = "seen in clinic, no complaints; to return in six weeks. ".repeat(40);
    for row in 0..NOTES {
        let (id, text) = (1 + row * STEP % NOTES, &words[usize::try_from(row % 55).unwrap()..2_100]);
        writeln!(out, "{id},{},2020-01-02,0,0,0,0,\"{row} {text}\"", 1 + row % 3).unwrap();
    }
    out.flush().unwrap();
    out.bytes
}

/// Many rows in a compressed CSV; gives the bytes of its text.
fn measurements(path: &Path) -> u64 {
    let gzip = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    let mut out = Counted { inner: BufWriter::with_capacity(1 << 20, gzip), bytes: 0 };
    out.write_all(
        b"measurement_id,person_id,measurement_concept_id,measurement_date,measurement_type_concept_id,\
          value_as_number,unit_concept_id,measurement_source_value\n",
    )
    .unwrap();
    for row in 0..MEASUREMENTS {
        let id = 1 + row * STEP % MEASUREMENTS;
        writeln!(
            out,
            "{id},{},3004249,2020-01-02,44818702,{}.5,8876,sbp {}",
            1 + row % 3,
            row % 97,
            row % 1_000
        )
        .unwrap();
    }
    out.flush().unwrap();
    let Counted { inner, bytes } = out;
    inner.into_inner().unwrap().finish().unwrap();
    bytes
}

#[test]
fn the_memory_of_an_ingest_does_not_grow_with_the_extract() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let bytes = notes(&world.folder.path().join("note.csv"))
        + measurements(&world.folder.path().join("measurement.csv.gz"));
    assert!(bytes > 2 * BOUND_MIB * 1024 * 1024, "{bytes} bytes are too few to tell");

    fs::write(data.path().join("appliance.toml"), format!("[ingest]\nmemory_mb = {MEMORY_MIB}\n")).unwrap();
    let ingest = Command::new(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg("--data")
        .arg(data.path())
        .arg("ingest")
        .arg(world.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (_, peak_mib) = watch(ingest).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let bound_mib = BOUND_MIB as f64;
    assert!(peak_mib > 0.0 && peak_mib <= bound_mib, "{peak_mib:.0} MiB for {bytes} bytes");

    let generation = Generations::open(&data.path().join("generations")).unwrap().current().unwrap().unwrap();
    assert_eq!(generation.manifest.rows("note"), Some(NOTES));
    assert_eq!(generation.manifest.rows("measurement"), Some(MEASUREMENTS));
}
