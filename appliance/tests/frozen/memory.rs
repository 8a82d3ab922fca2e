//! The memory of an export, in the appliance and in its worker, does not grow with the rows.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flip_appliance::api::Patience;
use flip_appliance::clock;
use flip_tests::bench::memory::{children, peak_mib};
use tempfile::TempDir;

use crate::support::{Running, World};

const PERSONS: u32 = 20_000;
const ROWS: u32 = 1_000_000;
/// Bytes of a row as CSV, at least: a text is filled up to as many characters.
const ROW_BYTES: u32 = 300;
/// MiB by which the peak of ten times more rows may be higher. The rows themselves are 300 MiB.
const MORE_MIB: f64 = 48.0;
const FORMATS: [&str; 4] =
    ["format=arrow", "format=csv", "format=parquet", "format=parquet&compression=zstd"];

/// An appliance with many rows, and a question of so many tenths of them.
fn crowd() -> World {
    let extract = TempDir::new().unwrap();
    let write = |name: &str, header: &str| {
        let mut out = BufWriter::new(File::create(extract.path().join(name)).unwrap());
        writeln!(out, "{header}").unwrap();
        out
    };
    let columns = "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id";
    let mut persons = write("person.csv", columns);
    (1..=PERSONS).for_each(|id| writeln!(persons, "{id},8507,1970,0,0").unwrap());
    let columns = "measurement_id,person_id,measurement_concept_id,measurement_date,\
                   measurement_type_concept_id,value_as_number,measurement_source_value";
    let mut rows = write("measurement.csv", columns);
    for id in 0..ROWS {
        let tenth = id * 10 / ROWS;
        writeln!(rows, "{id},{},{tenth},2020-01-02,0,{}.25,s{id}", 1 + id % PERSONS, id % 977).unwrap();
    }
    drop((persons, rows));
    let world = World::empty();
    // In another process: what an ingest needs would hide what an export does.
    let mut ingest = Command::new(env!("CARGO_BIN_EXE_flip-appliance"));
    ingest.arg("--data").arg(world.folder.path()).arg("ingest").arg(extract.path()).stdout(Stdio::null());
    assert!(ingest.status().unwrap().success());
    world
}

/// Reads a whole export; gives its bytes and the peak of its worker, in MiB.
fn read(api: &Running, token: &str, format: &str) -> (usize, f64) {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !ended.load(Ordering::Acquire) {
                let workers = children(std::process::id()).into_iter().filter(|id| is_worker(*id));
                peak = workers.map(peak_mib).fold(peak, f64::max);
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        });
        let mut answer = api.send(&format!("/v1/dataframe?{format}"), Some(token));
        let (mut bytes, mut piece, mut last) = (0, vec![0; 256 * 1024], Vec::new());
        loop {
            let read = answer.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            bytes += read;
            last.extend_from_slice(&piece[read.saturating_sub(8)..read]);
            last.drain(..last.len().saturating_sub(8));
        }
        ended.store(true, Ordering::Release);
        assert!(last.ends_with(b"0\r\n\r\n"), "{format}: it broke off");
        (bytes, looking.join().unwrap())
    })
}

/// False for a moment after a process was forked, in which its memory is that of this one.
fn is_worker(id: u32) -> bool {
    let program = fs::read_link(format!("/proc/{id}/exe"));
    program.is_ok_and(|program| program.ends_with("flip-appliance"))
}

/// Not a test of its own: the other process of the test below, whose memory nothing else is in.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn export_in_this_process() {
    if std::env::var("TEST_EXPORT").is_err() {
        return;
    }
    let world = crowd();
    let api = Running::start(&world, Patience::default());
    for part in ["few WHERE measurement_concept_id = 0", "all"] {
        let (name, filter) = part.split_once(' ').unwrap_or((part, ""));
        let facts = world.freeze(&format!(
            "SELECT person_id, measurement_date, value_as_number, rpad(measurement_source_value, {ROW_BYTES}, 'x') \
             AS text FROM measurement {filter}"
        ));
        let token = world.tokens().make(&facts, 1, "", clock::now()).unwrap().1;
        for format in FORMATS {
            let (bytes, worker) = read(&api, &token, format);
            println!("{name} {format} {bytes} {worker} {}", peak_mib(std::process::id()));
        }
    }
}

#[test]
fn ten_times_more_rows_take_no_more_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::export_in_this_process", "--ignored", "--nocapture"])
        .env("TEST_EXPORT", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Bytes, the worker's peak, and the appliance's so far.
    let line = |part: &str, format: &str| -> [f64; 3] {
        let begins = format!("{part} {format} ");
        let line =
            text.lines().find_map(|line| line.strip_prefix(&begins)).unwrap_or_else(|| panic!("{text}"));
        let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    };
    for format in FORMATS {
        let ([_, few, _], [bytes, all, _]) = (line("few", format), line("all", format));
        assert!(few > 0.0 && all <= few + MORE_MIB, "the worker, {format}:\n{text}");
        let compressed = format.contains("parquet");
        assert!(compressed || bytes >= f64::from(ROWS) * f64::from(ROW_BYTES), "{format}: {bytes} bytes");
    }
    let last = FORMATS[FORMATS.len() - 1];
    let ([_, _, few], [_, _, all]) = (line("few", last), line("all", last));
    assert!(few > 0.0 && all <= few + MORE_MIB, "the appliance:\n{text}");
}
