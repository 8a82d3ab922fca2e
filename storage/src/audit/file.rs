//! A chain of acts in a file of lines `HASH BEFORE ENTRY`: the hash of the line before is written out, so that people
//! can follow the chain with their own tools. A plain file, not the journal: several processes append to it.
//!
//! What must stay true: an act is on the disk before [`Audit::append`] returns; a line cut short by a power loss was
//! never acknowledged, and is cut off by the next append. Deliberately absent: what acts mean, and removal.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Entry, HASH_CHARACTERS, Head};

/// Bytes of one line at most: longer facts belong elsewhere.
const LINE_BYTES: u64 = 64 * 1024;
/// An audit log in one file.
#[derive(Debug, Clone)]
pub struct Audit {
    path: PathBuf,
}

/// Why the log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file.
    #[error("the audit log {} cannot be read or written", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that does not follow from the ones before it.
    #[error("the audit log {} was altered at line {line}: {what}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An act whose facts are too long for a line.
    #[error("an act's facts are longer than {LINE_BYTES} bytes")]
    TooLong,
}

impl Audit {
    /// The log in `path`, which need not be there.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Adds an act, durably. Appends of several processes take turns.
    pub fn append(&self, at_ms: u64, act: &str, facts: serde_json::Value) -> Result<Entry, AuditError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .map_err(self.failed())?;
        file.lock().map_err(self.failed())?;
        let head = self.cut_and_read_head(&mut file)?;
        let linked = head.next(at_ms, act, facts);
        let line = format!("{} {} {}\n", linked.hash, head.hash, linked.text);
        if line.len() as u64 > LINE_BYTES {
            return Err(AuditError::TooLong);
        }
        file.seek(SeekFrom::End(0)).map_err(self.failed())?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(self.failed())?;
        if head.entries == 0 {
            crate::file::sync_folder_of(&self.path).map_err(self.failed())?;
        }
        Ok(linked.entry)
    }

    /// The newest acts, newest first, at most `most`. Their hashes are not looked at: [`Audit::verify`] does.
    pub fn newest(&self, most: usize) -> Result<Vec<Entry>, AuditError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed()(error)),
        };
        let mut text = Vec::new();
        let mut bytes = LINE_BYTES;
        let size = file.metadata().map_err(self.failed())?.len();
        loop {
            let from = size.saturating_sub(bytes);
            file.seek(SeekFrom::Start(from)).map_err(self.failed())?;
            text.clear();
            (&file).take(size - from).read_to_end(&mut text).map_err(self.failed())?;
            // The first line may be cut, unless it is the file's own first.
            let whole = if from == 0 {
                0
            } else {
                text.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1)
            };
            let lines: Vec<&[u8]> = text[whole..]
                .split_inclusive(|byte| *byte == b'\n')
                .filter(|line| line.ends_with(b"\n"))
                .collect();
            if from == 0 || lines.len() >= most {
                let lines = lines.into_iter().rev().take(most);
                return Ok(lines.filter_map(|line| Entry::parse(Line::parse(line)?.text)).collect());
            }
            bytes = bytes.saturating_mul(4);
        }
    }

    /// Reads the whole log; each line must follow from the one before it.
    pub fn verify(&self) -> Result<Head, AuditError> {
        self.walk(|_, _| {})
    }

    /// The newest acts that are wanted, newest first, at most `most`; each line must follow from the one before it.
    pub fn newest_of(&self, most: usize, want: impl Fn(&Entry) -> bool) -> Result<Vec<Entry>, AuditError> {
        let mut newest = VecDeque::new();
        self.walk(|entry, _| {
            if want(entry) {
                newest.push_front(entry.clone());
                newest.truncate(most);
            }
        })?;
        Ok(newest.into())
    }

    /// Reads the whole log, oldest first, and hands out each act with its line's hash; each line must follow from the
    /// one before it. Appends wait meanwhile.
    pub fn walk(&self, mut see: impl FnMut(&Entry, &str)) -> Result<Head, AuditError> {
        let mut head = Head::none();
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(head),
            Err(error) => return Err(self.failed()(error)),
        };
        file.lock_shared().map_err(self.failed())?;
        let mut reader = BufReader::new(file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut text);
            if read.map_err(self.failed())? == 0 {
                return Ok(head);
            }
            let number = head.entries + 1;
            let altered = |what| AuditError::Altered { path: self.path.clone(), line: number, what };
            let line = Line::parse(&text).ok_or_else(|| altered("it is no line of a log"))?;
            if line.before != head.hash {
                return Err(altered("it does not follow from the line before it"));
            }
            let entry = head.follow(line.hash, line.text).map_err(|broken| altered(broken.words()))?;
            see(&entry, &head.hash);
        }
    }

    /// The log's end as its last line has it. Its hashes are not looked at.
    pub fn head(&self) -> Result<Head, AuditError> {
        match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(mut file) => {
                file.lock().map_err(self.failed())?;
                self.cut_and_read_head(&mut file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Head::none()),
            Err(error) => Err(self.failed()(error)),
        }
    }

    /// Cuts off a last line that is not whole, and gives the chain's end as the last whole one has it.
    fn cut_and_read_head(&self, file: &mut File) -> Result<Head, AuditError> {
        let size = file.metadata().map_err(self.failed())?.len();
        let from = size.saturating_sub(2 * LINE_BYTES);
        file.seek(SeekFrom::Start(from)).map_err(self.failed())?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail).map_err(self.failed())?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < tail.len() {
            file.set_len(from + whole as u64).map_err(self.failed())?;
            tail.truncate(whole);
        }
        if tail.is_empty() {
            return Ok(Head::none());
        }
        let start = tail[..whole - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let altered = AuditError::Altered {
            path: self.path.clone(),
            line: 0,
            what: "its last line is no line of a log",
        };
        let last = Line::parse(&tail[start..]).and_then(|line| Some((Entry::parse(line.text)?, line.hash)));
        let (entry, hash) = last.ok_or(altered)?;
        Ok(Head { entries: entry.number, hash: hash.to_owned() })
    }

    fn failed(&self) -> impl Fn(io::Error) -> AuditError {
        let path = self.path.clone();
        move |source| AuditError::File { path: path.clone(), source }
    }
}

/// A line's parts, of a line that has the form of one.
struct Line<'a> {
    hash: &'a str,
    before: &'a str,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let (hash, rest) = text.split_once(' ')?;
        let (before, text) = rest.split_once(' ')?;
        let hashes = hash.len() == HASH_CHARACTERS && before.len() == HASH_CHARACTERS;
        hashes.then_some(Self { hash, before, text })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn three() -> (tempfile::TempDir, Audit) {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(&folder.path().join("audit.log"));
        for (at, act) in ["a", "b", "c"].into_iter().enumerate() {
            audit.append(at as u64, act, json!({ "n": at })).unwrap();
        }
        (folder, audit)
    }

    #[test]
    fn acts_are_kept_in_order_and_the_newest_come_first() {
        let (_folder, audit) = three();
        let acts: Vec<String> = audit.newest(2).unwrap().into_iter().map(|entry| entry.act).collect();
        assert_eq!(acts, ["c", "b"]);
        assert_eq!(audit.verify().unwrap().entries, 3);
        assert_eq!(audit.head().unwrap(), audit.verify().unwrap());
    }

    #[test]
    fn wanted_acts_are_found_newest_first() {
        let (_folder, audit) = three();
        let found = |most| {
            let found = audit.newest_of(most, |entry| entry.act != "b").unwrap();
            found.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
        };
        assert_eq!((found(9), found(1)), (vec![3, 1], vec![3]));
        let mut hashes = Vec::new();
        let head = audit.walk(|_, hash| hashes.push(hash.to_owned())).unwrap();
        assert_eq!(hashes.last(), Some(&head.hash));
    }

    #[test]
    fn every_altered_byte_and_every_missing_or_moved_line_shows() {
        let (_folder, audit) = three();
        let sound = fs::read(&audit.path).unwrap();
        for at in 0..sound.len() {
            let mut altered = sound.clone();
            altered[at] ^= 1;
            fs::write(&audit.path, &altered).unwrap();
            assert!(audit.verify().is_err(), "byte {at}");
        }
        let lines: Vec<&[u8]> = sound.split_inclusive(|byte| *byte == b'\n').collect();
        for order in [&[1, 2][..], &[0, 2], &[1, 0, 2], &[0, 2, 1], &[0, 0, 1, 2]] {
            fs::write(&audit.path, order.iter().flat_map(|at| lines[*at].to_vec()).collect::<Vec<u8>>())
                .unwrap();
            assert!(audit.verify().is_err(), "{order:?}");
        }
        fs::write(&audit.path, &sound).unwrap();
        assert_eq!(audit.verify().unwrap().entries, 3);
    }

    #[test]
    fn a_line_cut_short_is_cut_off_by_the_next_append() {
        let (_folder, audit) = three();
        let sound = fs::read(&audit.path).unwrap();
        fs::write(&audit.path, &sound[..sound.len() - 5]).unwrap();
        assert_eq!(audit.append(9, "d", json!({})).unwrap().number, 3);
        assert_eq!(audit.verify().unwrap().entries, 3);
    }

    #[test]
    fn several_writers_take_turns() {
        let (_folder, audit) = three();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|at| drop(audit.append(at, "w", json!({})).unwrap())));
            }
        });
        assert_eq!(audit.verify().unwrap().entries, 103);
        assert_eq!(audit.newest(usize::MAX).unwrap().len(), 103);
    }
}
