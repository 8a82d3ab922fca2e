//! `flip-hub backup`, `restore` and `check`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::audit::written;
use crate::config::{self, Config};
use crate::{backup, checkup, clock};

pub fn backup_to(data: &Path, folder: &Path) -> anyhow::Result<()> {
    let config = Config::load(data)?;
    let manifest = backup::save(data, &config.artefacts, folder)?;
    let bytes: u64 = manifest.files.iter().map(|saved| saved.bytes).sum();
    say!(
        "Saved to {}: {} files, {bytes} bytes. Who has them is the hub.",
        folder.display(),
        manifest.files.len()
    );
    if let Some(s3) = &config.artefacts.s3 {
        say!("Files of models are not in it: they are at {}, in the bucket {}.", s3.endpoint, s3.bucket);
    }
    for (key, file) in files_named(data)? {
        say!("Not in it is the file of {key}: {}.", file.display());
    }
    Ok(())
}

/// What `hub.toml` names and no backup holds.
fn files_named(data: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let file = data.join(config::FILE);
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Config::files_named(data, &text))
}

pub fn restore_from(folder: &Path, data: &Path) -> anyhow::Result<()> {
    let manifest = backup::restore(folder, data)?;
    let at = written::moment(manifest.at.0);
    say!("The hub {} is as it was on {at}, in {}.", manifest.hub, data.display());
    say!("Everybody is signed out, and kits that were not used are void.");
    say!("Look at people and Trusts: who was disabled, removed or made void since is back.");
    for (key, file) in files_named(data)?.into_iter().filter(|(_, file)| !file.exists()) {
        say!("Put back the file of {key}, which no backup holds: {}.", file.display());
    }
    say!("Start it with: flip-hub --data {} serve", data.display());
    Ok(())
}

pub fn check(data: &Path) -> anyhow::Result<()> {
    let found = checkup::look(data, clock::now());
    for (mark, lines) in [("ok    ", &found.sound), ("soon  ", &found.soon), ("WRONG ", &found.wrong)] {
        for line in lines {
            say!("{mark} {line}");
        }
    }
    ensure!(found.wrong.is_empty(), "{} wrong; each says what", found.wrong.len());
    Ok(())
}
