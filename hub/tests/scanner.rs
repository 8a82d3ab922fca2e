//! The scanner's process when it goes wrong, and what it is locked into.

#![expect(clippy::unwrap_used, reason = "a test's own files")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use flip_hub::checkup::{self, Found};
use flip_hub::files::judge::{Judged, Scanner};
use flip_hub::files::standing::Standing;
use flip_storage::confine::{CallsConfined, FilesConfined, Held};

const HUB: &str = env!("CARGO_BIN_EXE_flip-hub");

/// A folder with `scanners.sh` as `scanner`, and the hub's program beside it.
fn scanners() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(of_tests("scanners.sh"), folder.path().join("scanner")).unwrap();
    symlink(HUB, folder.path().join("flip-hub")).unwrap();
    folder
}

/// A script of these tests.
fn of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn python() -> PathBuf {
    let cache =
        std::env::var("FLIP_CACHE").expect("FLIP_CACHE is set by make; its venv has Python with NumPy");
    Path::new(&cache).join("venv/bin/python")
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn a_scanner_that_does_not_get_to_its_end_finds_nothing_clean_and_nothing_refused() {
    const LONG: Duration = Duration::from_mins(10);
    const SHORT: Duration = Duration::from_secs(1);
    let folder = scanners();
    let file = written(folder.path(), "file", b"abc");
    for (name, time, why) in [
        ("killed.txt", LONG, "signal: 9"),
        ("hangs.txt", SHORT, "longer than 1 s"),
        ("says-clean-and-hangs.txt", SHORT, "longer than 1 s"),
        ("says-clean-and-fails.txt", LONG, "exit status: 1"),
        ("says-clean-and-is-killed.txt", LONG, "signal: 9"),
        ("half.txt", LONG, "nothing that is understood"),
        ("nonsense.txt", LONG, "nothing that is understood"),
        ("nothing.txt", LONG, "nothing that is understood"),
        ("floods.txt", LONG, "did not get to its end"),
    ] {
        let judged = Scanner::of(folder.path().join("scanner"), time).judge(&file, name).await;
        assert!(matches!(&judged, Judged::Unknown(said) if said.contains(why)), "{name}: {judged:?}");
    }
    let none = Scanner::of(folder.path().join("no-such-program"), LONG).judge(&file, "notes.txt").await;
    assert!(matches!(&none, Judged::NotTried(why) if why.contains("No such file")), "{none:?}");
    let none = Scanner::of("/bin/true".into(), LONG).judge(folder.path(), "notes.txt").await;
    assert!(matches!(none, Judged::Unknown(_)), "{none:?}");
}

#[tokio::test]
async fn what_the_machine_keeps_from_being_read_was_not_tried() {
    let folder = scanners();
    let file = folder.path().join("in-a-circle");
    symlink(&file, &file).unwrap();
    let judged = Scanner::of(HUB.into(), Duration::from_mins(10)).judge(&file, "notes.txt").await;
    assert!(matches!(&judged, Judged::NotTried(why) if why.contains("could not be opened")), "{judged:?}");
}

#[tokio::test]
async fn a_kernel_that_lacks_landlock_is_noticed_and_told_of() {
    let folder = scanners();
    let scanner = |name: &str| Scanner::of(folder.path().join(name), Duration::from_mins(10));
    symlink(python(), folder.path().join("python")).unwrap();
    symlink(of_tests("without_landlock.py"), folder.path().join("without_landlock.py")).unwrap();
    let held = scanner("flip-hub").held().await.unwrap();
    assert_eq!(held.calls, CallsConfined::Fully);
    let held = scanner("scanner").held().await.unwrap();
    assert_eq!(held, Held { files: FilesConfined::NotAtAll, calls: CallsConfined::Fully });
    let standing = Standing { held: Some(held), trouble: None };
    assert!(standing.attention()[0].contains("no Landlock"), "{standing:?}");
    let lost = Scanner::of("/bin/false".into(), Duration::from_mins(10)).held().await;
    assert!(lost.is_err_and(|why| why.contains("exit status: 1")));
}

#[test]
fn a_check_says_what_the_scanner_is_not_locked_into() {
    let folder = scanners();
    symlink(python(), folder.path().join("python")).unwrap();
    symlink(of_tests("without_landlock.py"), folder.path().join("without_landlock.py")).unwrap();
    let mut found = Found::default();
    checkup::scanner(&Scanner::of(folder.path().join("scanner"), Duration::from_mins(10)), &mut found);
    assert!(found.soon[0].contains("no Landlock") && found.wrong.is_empty(), "{found:?}");
    checkup::scanner(&Scanner::of(folder.path().join("flip-hub"), Duration::from_mins(10)), &mut found);
    assert!(found.wrong.is_empty(), "{found:?}");
    checkup::scanner(&Scanner::of("/bin/false".into(), Duration::from_mins(10)), &mut found);
    assert!(found.wrong[0].contains("does not work"), "{found:?}");
}

#[tokio::test]
async fn a_scanner_that_runs_out_of_memory_has_no_verdict_and_one_with_enough_has() {
    let folder = scanners();
    let scanner = Scanner::of(folder.path().join("scanner"), Duration::from_mins(10));
    // Texts that are kept at once: more than a scan holds in 8 MiB, and less than in what it has.
    let mut pickle = b"\x80\x04(".to_vec();
    for _ in 0..500_000 {
        pickle.extend_from_slice(b"\x8c\x14twenty bytes of text");
    }
    pickle.extend_from_slice(b"l.");
    let file = written(folder.path(), "file", &pickle);
    let starved = scanner.judge(&file, "memory-of-8-MiB.pkl").await;
    assert!(matches!(&starved, Judged::Unknown(why) if why.contains("signal")), "{starved:?}");
    let enough = scanner.judge(&file, "memory-of-512-MiB.pkl").await;
    assert!(matches!(enough, Judged::Clean { bytes, .. } if bytes == pickle.len() as u64), "{enough:?}");
}

/// What a scan may take of memory at most, with a machine's own for its program: it has 512 MiB.
const ENOUGH: &str = "memory-of-320-MiB";

#[tokio::test]
async fn what_is_made_to_cost_much_is_refused_by_name_in_bounded_memory() {
    let folder = scanners();
    let scanner = Scanner::of(folder.path().join("scanner"), Duration::from_mins(10));
    let python = Command::new(python()).arg(of_tests("bombs.py")).arg(folder.path()).status();
    assert!(python.expect("make test makes the venv").success());
    let bombs = fs::read_to_string(folder.path().join("bombs.txt")).unwrap();
    assert!(bombs.lines().count() >= 29, "{bombs}");
    for line in bombs.lines() {
        let (name, words) = line.split_once('\t').unwrap();
        let judged = scanner.judge(&folder.path().join(name), &format!("{ENOUGH}-{name}")).await;
        assert!(matches!(&judged, Judged::Refused(why) if why.contains(words)), "{name}: {judged:?}");
    }
}

#[test]
fn the_process_is_locked_in_before_it_reads_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    // So large that it is still at it when it is looked at.
    let path = written(folder.path(), "weights.npy", b"");
    File::options().write(true).open(&path).unwrap().set_len(64 << 30).unwrap();
    let mut scanner = Command::new(HUB)
        .args(["scan-worker", "--", "weights.npy"])
        .stdin(File::open(&path).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let proc = PathBuf::from(format!("/proc/{}", scanner.id()));
    let line = |file: &str, name: &str| {
        let text = fs::read_to_string(proc.join(file)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    while line("status", "Seccomp:") != "2" {
        assert!(scanner.try_wait().unwrap().is_none(), "it ended before it was locked in");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(line("status", "NoNewPrivs:"), "1");
    assert_eq!(line("status", "Threads:"), "1");
    for (limit, value) in [
        ("Max data size", 512 * 1024 * 1024),
        ("Max file size", 0),
        ("Max core file size", 0),
        ("Max open files", 16),
    ] {
        assert_eq!(line("limits", limit), format!("{value} {value}"), "{limit}");
    }
    scanner.kill().unwrap();
    scanner.wait().unwrap();
}
