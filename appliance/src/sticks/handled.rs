//! What is said of a stick that was handled, and from when on it may be taken out.
//!
//! What must stay true: it may be taken out once everything is on it and it is unmounted, also where this program is started
//! again meanwhile: what is waited for is kept with what was said last.

use std::path::{Path, PathBuf};

use flip_storage::stick;
use serde_json::json;

use super::status::{self, Mounted};
use super::{Folder, Handled, SticksError, Worked, small};
use crate::bounds;
use crate::clock;
use crate::site::Site;

/// Shows and keeps what is said of a stick that was handled.
pub(super) fn handled(site: &Site, folder: &Folder, path: &Path) -> Result<Worked, SticksError> {
    if let Ok(said) = serde_json::from_slice::<Handled>(&small(path)?) {
        let failed = said.failed.map(|why| why.chars().take(bounds::STICK_WORDS).collect());
        let mounted_at = said.written_at.filter(|at| at.as_os_str().len() <= bounds::STICK_PATH);
        let said = Handled { failed, written_at: None, ..said };
        shown(folder, &said, mounted_at)?;
        site.audit.append(clock::now().0, "bundle_stick_handled", json!(said))?;
    }
    Ok(Worked::Done)
}

fn shown(folder: &Folder, said: &Handled, mounted_at: Option<PathBuf>) -> Result<(), SticksError> {
    if said.unusable {
        // Another may be under way meanwhile.
        let under_way = folder.handle()?.is_none();
        return status::unusable(folder, said, under_way);
    }
    let Some(at) = mounted_at.filter(|_| said.failed.is_none()) else {
        return status::handled(folder, said);
    };
    match stick::is_mounted(&at) {
        Some(false) => status::handled(folder, said),
        Some(true) => {
            let until_ms = Some(clock::now().plus(bounds::STICKS_UNMOUNT_MS).0);
            status::mounted(folder, said.written, Some(Mounted { at, written: said.written, until_ms }))
        }
        None => status::mounted(folder, said.written, None),
    }
}

/// Says that a stick may be taken out once it is unmounted, unless something else was said since; where that takes long, that
/// people are to unmount it.
pub(super) fn left(folder: &Folder) -> Result<(), SticksError> {
    let Some(stick) = status::waited_for(folder) else { return Ok(()) };
    let written = stick.written;
    match stick::is_mounted(&stick.at) {
        Some(false) => status::handled(folder, &Handled { written, ..Handled::default() }),
        Some(true) if stick.until_ms.is_some_and(|until_ms| until_ms <= clock::now().0) => {
            status::mounted(folder, written, Some(Mounted { until_ms: None, ..stick }))
        }
        Some(true) => Ok(()),
        None => status::mounted(folder, written, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sticks::{Answer, write};

    /// Everything is on a stick that is mounted there.
    fn waits_at(folder: &Folder, at: &str, until_ms: Option<u64>) {
        status::mounted(folder, 1, Some(Mounted { at: PathBuf::from(at), written: 1, until_ms })).unwrap();
    }

    #[test]
    fn an_unmount_is_waited_for_and_overwrites_nothing_newer() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        folder.make().unwrap();
        let says = |words: &str| {
            left(&folder).unwrap();
            let text = std::fs::read_to_string(place.path().join("status.txt")).unwrap();
            assert!(text.contains(words), "{text}");
        };
        let (stays, unmounted, may) = ("/proc", "/nowhere", "It may be taken out");
        let said = Handled { written: 1, ..Handled::default() };
        shown(&folder, &said, Some(PathBuf::from(stays))).unwrap();
        says("1 bundle is on the stick, whole. Leave it in until it is unmounted.");
        // What stays for long is people's to unmount, and they are told when they have.
        waits_at(&folder, stays, Some(0));
        says("Unmount it before you take it out.");
        let told = status::waited_for(&folder).unwrap();
        assert_eq!((told.at, told.until_ms), (PathBuf::from(stays), None));
        waits_at(&folder, unmounted, None);
        says(may);
        // Another stick that cannot be mounted changes nothing.
        waits_at(&folder, unmounted, Some(u64::MAX));
        let failed = Some("the stick sdc1".to_owned());
        let another = Handled { failed, unusable: true, ..Handled::default() };
        shown(&folder, &another, None).unwrap();
        let text = std::fs::read_to_string(place.path().join("status.txt")).unwrap();
        assert!(text.contains("The stick sdc1."), "{text}");
        says(may);
        // What comes of the next meanwhile.
        waits_at(&folder, unmounted, Some(u64::MAX));
        status::made(&folder, &Answer { failed: Some("no key".to_owned()), ..Answer::default() }).unwrap();
        says("Nothing was made for the hub: no key.");
        // One that cannot be mounted, while another is handled whose reading broke off.
        let _held = folder.handle().unwrap().unwrap();
        let failed = Some("it broke off".to_owned());
        let broke_off = Handled { failed, reading: true, ..Handled::default() };
        for said in [&broke_off, &another, &said] {
            shown(&folder, said, None).unwrap();
        }
        says("Before that: The stick was not handled to its end: it broke off.");
    }

    #[test]
    fn a_start_says_nothing_over_that_people_wait_for() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        let started = |under_way, words: &str| {
            status::started(&folder, "Northgate", under_way).unwrap();
            let text = std::fs::read_to_string(place.path().join("status.txt")).unwrap();
            assert!(text.contains(words), "{text}");
        };
        let ready = "The appliance of Northgate is ready for a stick.";
        started(true, ready);
        // An answer is on a stick that is mounted; it is unmounted meanwhile.
        waits_at(&folder, "/nowhere", Some(u64::MAX));
        started(false, "Leave it in until it is unmounted.");
        left(&folder).unwrap();
        started(true, "It may be taken out");
        // Somebody handles one; then nobody does.
        waits_at(&folder, "/nowhere", None);
        status::made(&folder, &Answer { failed: Some("no key".to_owned()), ..Answer::default() }).unwrap();
        started(true, "Nothing was made for the hub: no key.");
        started(false, ready);
        // What an earlier version wrote.
        write(
            &place.path().join("status.json"),
            &json!({ "lamp": "made", "at": 1, "reason": null, "words": "" }),
        )
        .unwrap();
        started(false, ready);
    }
}
