//! `flip-hub scan`: the scanner's word on files, before they are brought to anybody.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use flip_protocol::text;

use crate::scan::{self, Unclean};

/// Says of each file what it is; fails where one is not clean.
pub fn scan(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut unclean = 0;
    for path in files {
        let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        ensure!(file.metadata()?.is_file(), "{} is no file", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match scan::scan(&name, &file) {
            Ok(clean) => {
                say!(
                    "{}: clean, {} bytes, SHA-256 {}",
                    path.display(),
                    clean.size(),
                    text::hex(&clean.sha256())
                );
                for note in clean.notes() {
                    say!("  line {}: {}", note.line, note.why);
                }
            }
            Err(Unclean::Read(error)) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
            Err(why) => {
                unclean += 1;
                say!("{}: not clean: {why}", path.display());
            }
        }
    }
    ensure!(unclean == 0, "{unclean} of {} not clean; load none of these", files.len());
    Ok(())
}
