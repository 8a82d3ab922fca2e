//! What this appliance has to say goes out on a stick.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, bail, ensure};
use flip_protocol::bundle::Way;
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::stick;
use flip_web::plural;
use serde_json::json;

use super::{bar, handled, held, known_of, wait_for};
use crate::clock;
use crate::sticks::{Answer, Folder, Handled, Known, SticksError, Wish, head, reading};

pub(super) fn export(
    folder: &Folder,
    out: &Path,
    wish: &Wish,
    by_unit: bool,
    anew: bool,
    json: bool,
) -> anyhow::Result<()> {
    let known = known_of(folder)?;
    let _held = held(folder, by_unit)?;
    let handling = folder.begin()?;
    let device = stick::device_of(out);
    let mut done = Done::default();
    let exported = export_to(folder, &known, out, wish, anew, json, &mut done);
    let (written, removed) = (done.written, done.removed.len());
    let said = match &exported {
        Ok(()) => Handled { written_at: mounted_at(folder, out), ..Handled::default() },
        Err(error) if stick::is_pulled(device.as_deref(), is_by_io(error)) => Handled::pulled(),
        Err(error) => Handled { failed: Some(format!("{error:#}")), ..Handled::default() },
    };
    // After all of it is on the stick, synced, or is not.
    handled(handling, &Handled { written, removed, ..said });
    exported
}

/// Whether something failed because a file could not be read or written.
fn is_by_io(error: &Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<io::Error>)
}

/// Where the stick is mounted; `None` where what was written to is on this machine's own disk. Who has no /proc cannot
/// tell, and the appliance then cannot either.
fn mounted_at(folder: &Folder, out: &Path) -> Option<PathBuf> {
    let out = std::fs::canonicalize(out).ok()?;
    let own = std::fs::canonicalize(folder.leaving()).ok().and_then(|own| stick::mount_of(&own));
    match stick::mount_of(&out) {
        None => Some(out),
        Some(mount) => Some(mount).filter(|mount| mount.parent().is_some() && Some(mount) != own.as_ref()),
    }
}

/// What an export did so far.
#[derive(Default)]
struct Done {
    /// Bundles that are on the stick.
    written: usize,
    /// Bundles that were removed from it.
    removed: Vec<PathBuf>,
}

fn export_to(
    folder: &Folder,
    known: &Known,
    out: &Path,
    wish: &Wish,
    anew: bool,
    json: bool,
    done: &mut Done,
) -> anyhow::Result<()> {
    let file = if out.is_dir() { None } else { Some(stick::name_of(out).map_err(Error::msg)?) };
    let to = if out.is_dir() { out } else { out.parent().unwrap_or(Path::new(".")) };
    // Of one that nobody can name it cannot be said when it may be taken out.
    let is_nameless = std::fs::canonicalize(to).is_ok_and(|to| to.to_str().is_none());
    ensure!(!is_nameless, "the name of {} is not UTF-8; mount the stick at another", to.display());
    let (mut written, carried) = if out.is_dir() && !anew && folder.leaving().is_dir() {
        carry_left(folder, known, to, done)?
    } else {
        (Vec::new(), Vec::new())
    };
    let left = written.len();
    // What came since goes beside it.
    let answer = match made(folder, &Wish { carried, ..wish.clone() }) {
        Ok(answer) => answer,
        // What was left is on the stick all the same.
        Err(error) if left > 0 => {
            tracing::warn!(error = format!("{error:#}"), "what came since goes with a later stick");
            Answer::default()
        }
        Err(error) => return Err(error),
    };
    let bundles = answer.bundles.len();
    ensure!(out.is_dir() || bundles == 1, stick::more_than_one(wish.size, bundles));
    // New keys may have come with what was taken in before.
    let known = known_of(folder)?;
    if out.is_dir() && left == 0 {
        done.removed.extend(reading::clear(folder, &known, to)?);
    }
    for made in &answer.bundles {
        let name = file.unwrap_or(&made.file);
        written.push(hand_over(&known, &folder.leaving().join(&made.file), to, name)?);
        done.written += 1;
    }
    if json {
        let answer = json!({
            "files": stick::names(&written), "bundles": answer.bundles, "left": left,
            "waiting": answer.waiting, "removed": stick::names(&done.removed),
        });
        say!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    for path in &done.removed {
        say!("{}: removed; the hub has what was in it, or it has expired.", path.display());
    }
    for path in &written[..left] {
        say!("{}: left of an earlier export, and copied to its end.", path.display());
    }
    for (path, made) in written[left..].iter().zip(&answer.bundles) {
        let results = plural(u64::from(made.results), "result", None);
        say!("{}: bundle {} for the hub, {results}.", path.display(), made.number);
    }
    if answer.waiting > 0 {
        let waiting = plural(answer.waiting as u64, "order is", Some("orders are"));
        say!("{waiting} not answered yet; what is answered later goes with a later stick.");
    }
    say!("Unmount the stick, and carry it to the hub. There: flip-hub bundle import");
    Ok(())
}

/// What was made before and was not carried away is carried on with, not made again: a stick was full, or was pulled. Gives
/// the files and which bundles they are.
fn carry_left(
    folder: &Folder,
    known: &Known,
    to: &Path,
    done: &mut Done,
) -> anyhow::Result<(Vec<PathBuf>, Vec<MessageId>)> {
    let since_ms = clock::now().minus(wire::BUNDLE_LEFT_MS).0;
    let is_ours = |path: &Path| head(path).is_some_and(|head| head.heading.way == Way::ToHub);
    let left = stick::left(&folder.leaving(), since_ms, is_ours)?;
    if !left.is_empty() {
        done.removed = reading::clear(folder, known, to)?;
    }
    // What was in one that is too old goes with what is made next.
    let mut given_up = stick::left(&folder.leaving(), 0, is_ours)?.len() > left.len();
    let (mut written, mut carried) = (Vec::new(), Vec::new());
    for made in &left {
        let name = made.file_name().and_then(|name| name.to_str()).context("a bundle without a name")?;
        let header = head(made);
        match hand_over(known, made, to, name) {
            Ok(placed) => {
                written.push(placed);
                done.written += 1;
                carried.extend(header.map(|header| header.heading.id));
            }
            // Signed with keys that are replaced since, or damaged. What was in it goes with what is made next.
            Err(error) if matches!(error.downcast_ref(), Some(SticksError::Refused(_))) => {
                tracing::warn!(file = name, error = format!("{error:#}"), "what was left is given up");
                std::fs::remove_file(made).with_context(|| made.display().to_string())?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((written, if given_up { Vec::new() } else { carried }))
}

/// Has the running appliance make bundles.
fn made(folder: &Folder, wish: &Wish) -> anyhow::Result<Answer> {
    let asked = folder.ask(wish)?;
    let wait_ms = wish.wait_until.0.saturating_sub(clock::now().0);
    let words = match wait_ms.div_ceil(1_000) {
        0 => "the appliance makes the bundle".to_owned(),
        seconds => {
            format!("the appliance makes the bundle, once orders are answered or in {seconds} seconds")
        }
    };
    let answer: Option<Answer> = wait_for(folder, &asked.said, &words)?;
    let answer =
        answer.context("the appliance does not run, which makes the bundle; start it: flip-appliance run")?;
    match &answer.failed {
        Some(why) => bail!("the appliance could make no bundle: {why}"),
        None => Ok(answer),
    }
}

fn hand_over(known: &Known, made: &Path, to: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let placed = reading::hand_over(made, known.own, to, name, &mut bar(name));
    placed.context(stick::GO_ON)
}
