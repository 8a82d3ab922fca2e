//! `flip-appliance bundle`: work comes in from sticks, and answers go out on them.

mod export;
mod import;
mod inspect;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use flip_storage::error_chain;
use flip_storage::stick::{self, Counted, StickError};
use serde::de::DeserializeOwned;

use crate::bounds;
use crate::clock;
use crate::place::Place;
use crate::sticks::{Folder, Handled, Handling, Known, SticksError, Wish, read};

use export::export;
use import::import;
use inspect::inspect;

#[derive(Subcommand)]
pub(super) enum BundleCommand {
    /// Explain bundles in plain words; nothing of them is taken
    Inspect {
        /// A bundle's file, or a folder with bundles, such as where the stick is mounted
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take in what the hub has written to a stick
    Import {
        /// A bundle's file, or a folder with bundles, such as where the stick is mounted
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// The folder of sticks, for who has no other of the appliance's [default: sticks in that of --data]
        #[arg(long, value_name = "DIR")]
        sticks: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write what this appliance has to say to a stick
    Export {
        /// A folder, such as where the stick is mounted, or a file
        #[arg(long, short, value_name = "FILE|DIR")]
        out: PathBuf,
        /// The most bytes of one bundle, such as 512M; what does not fit is in further bundles
        #[arg(long, default_value_t = bounds::BUNDLE_BYTES, value_parser = stick::bytes_of)]
        size: u64,
        /// Seconds to wait for orders that are not answered yet
        #[arg(long, default_value_t = 0)]
        wait: u64,
        /// Forget what an earlier export has not carried away, and begin anew
        #[arg(long)]
        anew: bool,
        /// The folder of sticks, for who has no other of the appliance's [default: sticks in that of --data]
        #[arg(long, value_name = "DIR")]
        sticks: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the lamp say that a stick cannot be mounted; for the units
    #[command(hide = true)]
    Unusable {
        /// The folder of sticks
        #[arg(long, value_name = "DIR")]
        sticks: PathBuf,
        /// A file that is there where it could be mounted to be read, and not to be written
        #[arg(long, value_name = "FILE")]
        mounted: PathBuf,
        /// The stick's device, such as sdb1
        device: String,
    },
}

/// How often the running appliance's answer is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// How long an appliance may take to start before it is taken not to run.
const STARTING: Duration = Duration::from_secs(3);

/// Carries out `flip-appliance bundle`.
pub(super) fn bundle(data: &Path, command: &BundleCommand) -> anyhow::Result<()> {
    let folder =
        |sticks: &Option<PathBuf>| Folder::new(sticks.clone().unwrap_or_else(|| Place::new(data).sticks()));
    match command {
        BundleCommand::Inspect { .. } => {}
        BundleCommand::Import { sticks, .. } | BundleCommand::Export { sticks, .. } => {
            // Of the folder of sticks, who is kept from everything else sees the parts alone.
            let known = sticks.as_ref().map(|sticks| sticks.join("known"));
            super::owner::is_this_user(known.as_deref().unwrap_or(data))?;
        }
        BundleCommand::Unusable { sticks, .. } => super::owner::is_this_user(&sticks.join("known"))?,
    }
    match command {
        BundleCommand::Inspect { from, json } => inspect(data, from, *json),
        BundleCommand::Import { from, sticks, json } => {
            import(&folder(sticks), from, sticks.is_some(), *json)
        }
        BundleCommand::Export { out, size, wait, anew, sticks, json } => {
            let wait_until = clock::now().plus(wait.saturating_mul(1_000));
            let wish = Wish { size: *size, wait_until, carried: Vec::new() };
            export(&folder(sticks), out, &wish, sticks.is_some(), *anew, *json)
        }
        BundleCommand::Unusable { sticks, mounted, device } => {
            let unusable = !mounted.exists();
            let why = if unusable { stick::UNUSABLE } else { stick::UNWRITABLE };
            let failed = Some(format!("the stick {device} {why}"));
            let said = Handled { failed, unusable, ..Handled::default() };
            Ok(Folder::new(sticks.clone()).say(&said)?)
        }
    }
}

/// Leaves word of what was done for the running appliance, which shows and keeps it. That it cannot be left is no reason to
/// fail.
fn handled(handling: Handling, said: &Handled) {
    if let Err(error) = handling.say(said) {
        tracing::error!(error = error_chain(&error), "that a stick was handled is not said");
    }
}

fn known_of(folder: &Folder) -> anyhow::Result<Known> {
    folder.known().context("no appliance has run here yet; enrol it and start it: flip-appliance run")
}

/// Held while a stick is handled. A unit waits for the stick before: nobody is there to plug its own in once more.
fn held(folder: &Folder, by_unit: bool) -> anyhow::Result<std::fs::File> {
    let until = Instant::now() + if by_unit { bounds::STICKS_PATIENCE } else { std::time::Duration::ZERO };
    loop {
        if let Some(held) = folder.handle()? {
            return Ok(held);
        }
        ensure!(Instant::now() < until, StickError::Busy);
        std::thread::sleep(bounds::STICKS_LOOK);
    }
}

/// Waits for what the running appliance says; `None` where it does not run.
fn wait_for<T: DeserializeOwned>(folder: &Folder, said: &Path, words: &str) -> anyhow::Result<Option<T>> {
    let _waiting = stick::waiting(words);
    let until = Instant::now() + bounds::STICKS_PATIENCE;
    let mut seen_running = Instant::now();
    while Instant::now() < until {
        if let Some(found) = read(said) {
            stick::discard(said);
            return Ok(Some(found));
        }
        if stick::hold(&folder.running()).map_err(SticksError::from)?.is_none() {
            seen_running = Instant::now();
        } else if seen_running.elapsed() > STARTING {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
    bail!(
        "the appliance has not answered for {} minutes; see its log",
        bounds::STICKS_PATIENCE.as_secs() / 60
    )
}

fn bar(name: &str) -> impl FnMut(u64, u64) + use<> {
    let mut bar = stick::bar(name, |()| Counted::Bytes);
    move |done, total| bar((), done, total)
}
