//! Work comes in from a stick.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use flip_protocol::bundle::Refused;
use flip_storage::error_chain;
use flip_storage::stick;
use serde_json::{Value, json};

use super::{bar, handled, held, known_of, wait_for};
use crate::sticks::{Folder, Handled, Outcome, SticksError, reading};

pub(super) fn import(folder: &Folder, from: &Path, by_unit: bool, json: bool) -> anyhow::Result<()> {
    let known = known_of(folder)?;
    let _held = held(folder, by_unit)?;
    let handling = folder.begin()?;
    let device = stick::device_of(from);
    let files = match reading::listed(from) {
        Ok(files) => files,
        Err(error) => {
            let SticksError::Refused(why) = error else { return Err(error.into()) };
            reading::leave_refusal(folder, None, why)?;
            if why == Refused::Unreadable && stick::is_pulled(device.as_deref(), true) {
                handled(handling, &Handled::pulled());
            }
            return Err(anyhow!(why).context(from.display().to_string()));
        }
    };
    // What is amiss with one holds up no other.
    let mut outcomes: Vec<FileOutcome> = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let outcome = match reading::receive(folder, &known, &file, &mut bar(&name)) {
            Ok(header) => {
                let id = format!("flip-{}", header.heading.id);
                wait_for::<Outcome>(folder, &folder.said(&id), "the appliance takes it in")
                    .map_err(|error| error.to_string())
            }
            Err(SticksError::Refused(why)) => Ok(Some(refused(why))),
            Err(error) => Err(error_chain(&error)),
        };
        outcomes.push((file, outcome));
    }
    match amiss(&outcomes, device.as_deref()) {
        Some(said) => handled(handling, &said),
        None => drop(handling),
    }
    if json {
        let list: Vec<Value> = outcomes
            .iter()
            .map(|(file, outcome)| (file.to_string_lossy(), outcome))
            .map(|(file, outcome)| match outcome {
                Ok(outcome) => json!({ "file": file, "outcome": outcome }),
                Err(why) => json!({ "file": file, "outcome": null, "failed": why }),
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        if outcomes.is_empty() {
            say!("{} holds no bundle of the hub.", from.display());
        }
        for (file, outcome) in &outcomes {
            match outcome {
                Ok(outcome) => say!("{}: {}", file.display(), in_words(outcome.as_ref())),
                Err(why) => say!("{}: not taken in: {why}.", file.display()),
            }
        }
    }
    // What was taken before is no failure: a stick that is plugged in twice changes nothing.
    let is_refused = |outcome: &Option<Outcome>| {
        outcome.as_ref().and_then(|outcome| outcome.refused).is_some_and(|why| why != Refused::Replayed)
    };
    ensure!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), stick::NOT_ALL);
    ensure!(!outcomes.iter().flat_map(|(_, outcome)| outcome).any(is_refused), stick::NOT_USED);
    Ok(())
}

/// What came of each file; `None` where nobody took it in yet, and why where something failed that is no fault of it.
type FileOutcome = (PathBuf, Result<Option<Outcome>, String>);

/// What is to be said of a stick beside what is said of each bundle on it.
fn amiss(outcomes: &[FileOutcome], device: Option<&Path>) -> Option<Handled> {
    let failed = outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().err());
    let is_unreadable = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok()?.as_ref()?.refused)
        .any(|why| why == Refused::Unreadable);
    if (failed.is_some() || is_unreadable) && stick::is_pulled(device, is_unreadable) {
        return Some(Handled::pulled());
    }
    failed.map(|why| Handled { failed: Some(why.clone()), reading: true, ..Handled::default() })
}

fn refused(why: Refused) -> Outcome {
    Outcome { bundle: None, number: 0, refused: Some(why), orders: 0, not_taken: 0, settled: 0 }
}

fn in_words(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "verified and copied; it is taken in when the appliance starts: flip-appliance run"
            .to_owned();
    };
    match outcome.refused {
        Some(why) => why.in_words(),
        None => format!("{}.", outcome.in_words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_said_to_be_pulled_where_its_files_cannot_be_read_and_its_device_is_gone() {
        let unreadable = || (PathBuf::from("a.flip"), Ok(Some(refused(Refused::Unreadable))));
        let replayed = || (PathBuf::from("b.flip"), Ok(Some(refused(Refused::Replayed))));
        let failed = || (PathBuf::from("c.flip"), Err("the disk is full".to_owned()));
        let (gone, stays) = (Path::new("/nowhere"), Path::new("/proc"));
        assert_eq!(amiss(&[replayed(), unreadable()], Some(gone)), Some(Handled::pulled()));
        assert_eq!(amiss(&[failed()], Some(gone)), Some(Handled::pulled()));
        // What is no stick's, what is another's fault, and what is none.
        let said =
            Handled { failed: Some("the disk is full".to_owned()), reading: true, ..Handled::default() };
        assert_eq!(amiss(&[unreadable(), failed()], Some(stays)), Some(said));
        assert_eq!(amiss(&[unreadable()], None), None);
        assert_eq!(amiss(&[replayed()], Some(gone)), None);
    }
}
