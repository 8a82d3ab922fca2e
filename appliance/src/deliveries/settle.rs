//! When an extract has arrived in full: pure, but for [`seen`] and [`folders`], which look at the disk.
//!
//! Who delivers can say so, by an empty file READY written last. Who does not is believed once nothing in the folder
//! has changed for a while: no file came, went, grew or was touched.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The file that says that an extract is complete.
const READY: &str = "READY";
/// Folders inside an extract's folder are those of tables; nothing lies deeper.
const DEPTH: usize = 2;

/// What a look at an extract's folder saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Every file: its name, size and time of change.
    files: Vec<(String, u64, Option<SystemTime>)>,
    ready: bool,
}

/// The extracts that are on their way.
pub(super) struct Settling {
    time: Duration,
    arriving: HashMap<String, (Seen, Instant)>,
}

impl Settling {
    /// Complete is what has not changed for so long.
    pub fn new(time: Duration) -> Self {
        Self { time, arriving: HashMap::new() }
    }

    /// Takes note of what was seen of an extract just now; true where it is complete. An empty folder never is.
    pub fn is_complete(&mut self, name: &str, seen: Seen, now: Instant) -> bool {
        if seen.ready {
            return true;
        }
        if seen.files.is_empty() {
            self.arriving.remove(name);
            return false;
        }
        match self.arriving.get(name) {
            Some((before, since)) if *before == seen => now.saturating_duration_since(*since) >= self.time,
            Some(_) | None => {
                self.arriving.insert(name.to_owned(), (seen, now));
                false
            }
        }
    }

    /// Forgets extracts that are no longer there.
    pub fn forget_all_but(&mut self, names: &[String]) {
        self.arriving.retain(|name, _| names.contains(name));
    }
}

/// Looks at an extract's folder.
pub(super) fn seen(folder: &Path) -> io::Result<Seen> {
    let mut seen = Seen { files: Vec::new(), ready: false };
    look(folder, "", DEPTH, &mut seen)?;
    seen.ready = seen.files.iter().any(|(name, ..)| name == READY);
    seen.files.sort();
    Ok(seen)
}

fn look(folder: &Path, within: &str, depth: usize, seen: &mut Seen) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Renamed between the two calls: the next look sees it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            if depth > 1 {
                look(&entry.path(), &format!("{name}/"), depth - 1, seen)?;
            }
        } else {
            seen.files.push((name, metadata.len(), metadata.modified().ok()));
        }
    }
    Ok(())
}

/// The folders in a folder whose names are text.
pub(super) fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, u64)]) -> Seen {
        Seen {
            files: files.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes, None)).collect(),
            ready: files.iter().any(|(name, _)| *name == READY),
        }
    }

    #[test]
    fn an_extract_is_complete_once_nothing_changed_for_the_time() {
        let mut settling = Settling::new(Duration::from_mins(1));
        let start = Instant::now();
        let mut at = |seconds, seen| settling.is_complete("e", seen, start + Duration::from_secs(seconds));
        assert!(!at(0, of(&[("a", 1)])));
        assert!(!at(59, of(&[("a", 1)])));
        assert!(!at(60, of(&[("a", 2)])), "it grew");
        assert!(!at(100, of(&[("a", 2), ("b", 1)])), "a file came");
        assert!(!at(159, of(&[("a", 2), ("b", 1)])));
        assert!(at(160, of(&[("a", 2), ("b", 1)])));
    }

    #[test]
    fn the_mark_says_so_at_once_and_an_empty_folder_is_never_complete() {
        let mut settling = Settling::new(Duration::from_mins(1));
        let now = Instant::now();
        assert!(settling.is_complete("e", of(&[("a", 1), (READY, 0)]), now));
        assert!(!settling.is_complete("f", of(&[]), now));
        assert!(!settling.is_complete("f", of(&[]), now + Duration::from_secs(1_000)));
    }

    #[test]
    fn one_that_goes_and_comes_again_begins_anew() {
        let mut settling = Settling::new(Duration::from_mins(1));
        let now = Instant::now();
        assert!(!settling.is_complete("e", of(&[("a", 1)]), now));
        settling.forget_all_but(&[]);
        assert!(!settling.is_complete("e", of(&[("a", 1)]), now + Duration::from_secs(100)));
    }

    #[test]
    fn a_look_sees_the_parts_in_tables_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("person")).unwrap();
        fs::write(folder.path().join("person/part-0.csv"), "x").unwrap();
        fs::write(folder.path().join("death.csv"), "xy").unwrap();
        let seen = seen(folder.path()).unwrap();
        let files: Vec<_> = seen.files.iter().map(|(name, bytes, _)| (name.as_str(), *bytes)).collect();
        assert_eq!(files, [("death.csv", 2), ("person/part-0.csv", 1)]);
        assert!(!seen.ready);
    }
}
