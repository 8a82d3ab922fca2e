//! The scanner against real pickles, archives and arrays, made by Python here.

#![expect(clippy::unwrap_used, reason = "a test's own files")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use flip_hub::scan::{Unclean, scan};

/// Makes `harmless/…` and `harmful/…` in a folder of its own.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let cache =
        std::env::var("FLIP_CACHE").expect("FLIP_CACHE is set by make; its venv has Python with NumPy");
    let python = Path::new(&cache).join("venv/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scan.py");
    let status = Command::new(&python).arg(script).arg(folder.path()).status();
    assert!(status.expect("make test makes the venv").success());
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn verdict(path: &Path) -> Result<flip_hub::scan::Clean, Unclean> {
    scan(path.file_name().unwrap().to_str().unwrap(), &File::open(path).unwrap())
}

#[test]
fn what_python_saves_of_weights_and_arrays_is_clean_and_what_runs_code_is_not() {
    let folder = made();
    let harmless = files(&folder.path().join("harmless"));
    let harmful = files(&folder.path().join("harmful"));
    assert!(harmless.len() >= 40 && harmful.len() >= 60, "{} and {}", harmless.len(), harmful.len());
    let kept_out: Vec<String> = harmless
        .iter()
        .filter_map(|path| Some(format!("{}: {}", path.display(), verdict(path).err()?)))
        .collect();
    assert!(kept_out.is_empty(), "harmless, and kept out: {kept_out:#?}");
    let let_in: Vec<&PathBuf> = harmful.iter().filter(|path| verdict(path).is_ok()).collect();
    assert!(let_in.is_empty(), "harmful, and let in: {let_in:#?}");
}

#[test]
fn a_refusal_names_what_the_pickle_calls_for() {
    let folder = made();
    for (file, named) in
        [("system-2.pkl", "posix.system"), ("memo.pkl", "os.system"), ("eval-4.pkl", "builtins.eval")]
    {
        let said = verdict(&folder.path().join("harmful").join(file)).unwrap_err();
        assert!(matches!(&said, Unclean::Name { name, .. } if name == named), "{file}: {said}");
    }
}

#[test]
fn a_file_cut_short_anywhere_is_never_clean_but_where_it_is_raw_numbers() {
    let folder = made();
    for name in ["state-dict.pt", "plain-4.pkl", "object-array.npy", "tensors.safetensors"] {
        let whole = fs::read(folder.path().join("harmless").join(name)).unwrap();
        let cut = folder.path().join(name);
        for length in 0..whole.len() {
            fs::write(&cut, &whole[..length]).unwrap();
            assert!(verdict(&cut).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn a_clean_file_has_the_hash_of_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "abc").unwrap();
    let clean = verdict(&path).unwrap();
    assert_eq!(clean.size(), 3);
    let sha256 = flip_protocol::text::hex(&clean.sha256());
    assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
