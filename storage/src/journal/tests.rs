use std::convert::Infallible;

use super::*;

const WINDOW: u64 = 8;

fn id(number: u8) -> Id {
    [number; 16]
}

fn answer(number: u8) -> impl FnOnce(u64) -> Result<(Id, Vec<u8>), Infallible> {
    move |sequence| Ok((id(number), sequence.to_be_bytes().to_vec()))
}

fn open() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.redb")).unwrap();
    (folder, journal)
}

#[test]
fn an_order_is_answered_once_and_its_result_stays_until_it_is_settled() {
    let (_folder, journal) = open();
    assert_eq!(journal.receive(id(1), 1, b"work", 10, WINDOW).unwrap(), Received::New);
    assert_eq!(journal.waiting().unwrap().len(), 1);
    journal.finish(id(1), 11, b"{}", answer(101)).unwrap().unwrap();
    journal.finish(id(1), 12, b"{}", answer(102)).unwrap().unwrap();
    assert!(journal.waiting().unwrap().is_empty());
    let out = journal.outgoing(10).unwrap();
    assert_eq!(out.iter().map(|result| result.id).collect::<Vec<_>>(), [id(101)]);
    journal.settled(&[id(101)], &[]).unwrap();
    assert!(journal.outgoing(10).unwrap().is_empty());
}

#[test]
fn a_redelivered_order_that_was_answered_puts_the_same_result_out_again() {
    let (_folder, journal) = open();
    journal.receive(id(1), 1, b"work", 10, WINDOW).unwrap();
    journal.finish(id(1), 11, b"{}", answer(101)).unwrap().unwrap();
    let first = journal.outgoing(10).unwrap();
    journal.settled(&[id(101)], &[]).unwrap();
    assert_eq!(journal.receive(id(1), 1, b"work", 20, WINDOW).unwrap(), Received::Known);
    assert_eq!(journal.outgoing(10).unwrap(), first);
    assert!(journal.waiting().unwrap().is_empty());
}

#[test]
fn an_order_that_comes_under_another_number_is_not_run_again() {
    let (_folder, journal) = open();
    for number in [1, 2] {
        journal.receive(id(number), u64::from(number), b"work", 10, WINDOW).unwrap();
    }
    journal.finish(id(1), 11, b"{}", answer(101)).unwrap().unwrap();
    let first = journal.outgoing(10).unwrap();
    journal.settled(&[id(101)], &[]).unwrap();
    // The hub was restored, and numbers on from further on.
    for time in 0..2 {
        assert_eq!(journal.receive(id(1), 5, b"work", 20, WINDOW).unwrap(), Received::Known, "{time}");
        assert_eq!(journal.receive(id(2), 6, b"work", 20, WINDOW).unwrap(), Received::Known, "{time}");
    }
    assert_eq!(journal.outgoing(10).unwrap(), first);
    assert_eq!(journal.waiting_ids().unwrap(), [id(2)]);
    assert_eq!(journal.receive(id(3), 5, b"", 20, WINDOW).unwrap(), Received::Replayed, "the number is used");
}

#[test]
fn an_order_that_was_cancelled_before_it_came_is_not_stored_until_it_could_come_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    let journal = Journal::open(&path).unwrap();
    journal.cancel(&[id(1)], [10, 10], 100).unwrap();
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    for time in 0..2 {
        assert_eq!(journal.receive(id(1), 1, b"work", 20, WINDOW).unwrap(), Received::Cancelled, "{time}");
    }
    assert!(journal.waiting_ids().unwrap().is_empty());
    assert_eq!(journal.receive(id(2), 2, b"work", 20, WINDOW).unwrap(), Received::New);
    // By one clock alone, which may be far ahead, nothing is over.
    for (order, clocks) in [(3, [u64::MAX, 99]), (4, [99, u64::MAX])] {
        journal.cancel(&[id(order)], clocks, 200).unwrap();
        assert!(journal.is_cancelled(id(1)).unwrap());
    }
    journal.cancel(&[id(5)], [100, 100], 200).unwrap();
    let left = [1, 3, 4, 5].map(|order| journal.is_cancelled(id(order)).unwrap());
    assert_eq!(left, [false, true, true, true]);
}

#[test]
fn a_result_that_the_hub_refused_is_known_as_such_until_it_is_stored_after_all() {
    let (_folder, journal) = open();
    for number in [1, 2] {
        journal.receive(id(number), u64::from(number), b"work", 10, WINDOW).unwrap();
        journal.finish(id(number), 11, b"{}", answer(100 + number)).unwrap().unwrap();
    }
    journal.settled(&[id(101)], &[(id(102), "replayed")]).unwrap();
    assert!(journal.outgoing(10).unwrap().is_empty());
    assert_eq!(journal.not_taken().unwrap(), [(id(2), "replayed".to_owned())].into());
    // The hub asks for it again, and has it this time.
    journal.receive(id(2), 2, b"work", 20, WINDOW).unwrap();
    journal.settled(&[id(102)], &[]).unwrap();
    assert!(journal.not_taken().unwrap().is_empty());
}

#[test]
fn a_sequence_number_is_used_once_and_late_ones_are_taken_within_the_window() {
    let (_folder, journal) = open();
    assert_eq!(journal.receive(id(9), 9, b"", 0, WINDOW).unwrap(), Received::New);
    assert_eq!(journal.receive(id(2), 2, b"", 0, WINDOW).unwrap(), Received::New);
    assert_eq!(journal.receive(id(1), 1, b"", 0, WINDOW).unwrap(), Received::Replayed);
    assert_eq!(journal.receive(id(3), 9, b"", 0, WINDOW).unwrap(), Received::Replayed);
    assert_eq!(journal.receive(id(4), 0, b"", 0, WINDOW).unwrap(), Received::Replayed);
    assert_eq!(journal.receive(id(9), 9, b"", 0, WINDOW).unwrap(), Received::Known);
}

#[test]
fn a_result_that_cannot_be_made_leaves_the_order_waiting() {
    let (_folder, journal) = open();
    journal.receive(id(1), 1, b"work", 10, WINDOW).unwrap();
    assert_eq!(journal.finish(id(1), 11, b"{}", |_| Err("no key")).unwrap(), Err("no key"));
    assert_eq!(journal.waiting().unwrap().len(), 1);
    journal.finish(id(1), 11, b"{}", answer(101)).unwrap().unwrap();
    assert_eq!(journal.outgoing(1).unwrap()[0].message, 1_u64.to_be_bytes());
}

#[test]
fn what_was_answered_survives_reopening_and_a_second_process_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    let journal = Journal::open(&path).unwrap();
    journal.receive(id(1), 1, b"work", 10, WINDOW).unwrap();
    journal.count("refused.expired").unwrap();
    journal.count("refused.expired").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.waiting().unwrap()[0].message, b"work");
    assert_eq!(journal.counters("refused.").unwrap(), [("expired".to_owned(), 2)]);
    assert_eq!(journal.receive(id(2), 1, b"", 0, WINDOW).unwrap(), Received::Replayed);
}

#[test]
fn history_is_newest_first_and_bounded() {
    let (_folder, journal) = open();
    for number in 0..5_u8 {
        journal.discard(id(number), &[number]).unwrap();
    }
    assert_eq!(journal.history(2).unwrap(), [vec![4], vec![3]]);
}

#[test]
fn a_discarded_order_that_comes_again_is_looked_at_again() {
    let (_folder, journal) = open();
    journal.receive(id(1), 1, b"work", 10, WINDOW).unwrap();
    journal.discard(id(1), b"{}").unwrap();
    assert_eq!(journal.receive(id(1), 1, b"work", 20, WINDOW).unwrap(), Received::Known);
    assert_eq!(journal.waiting().unwrap().len(), 1);
}

#[test]
fn a_journal_on_a_full_disk_works_again_once_there_is_room() {
    let disk = SmallDisk::mount();
    let journal = Journal::open(&disk.path().join("journal.redb")).unwrap();
    journal.receive(id(1), 1, b"kept", 10, WINDOW).unwrap();
    let filler = disk.fill();
    let message = vec![7; 200_000];
    let failed = (2..40_u8).find(|n| journal.receive(id(*n), u64::from(*n), &message, 10, 64).is_err());
    let failed = failed.expect("the disk never filled");
    assert!(journal.receive(id(failed), u64::from(failed), &message, 10, 64).is_err());
    std::fs::remove_file(filler).unwrap();
    assert_eq!(journal.receive(id(failed), u64::from(failed), &message, 10, 64).unwrap(), Received::New);
    assert_eq!(journal.waiting().unwrap()[0].message, b"kept");
}

/// A real file system of eight megabytes, mounted for one test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "run as root: this test mounts a small file system"
        );
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file that takes all the room there is.
    fn fill(&self) -> std::path::PathBuf {
        use std::io::Write as _;
        let path = self.path().join("filler");
        let mut filler = std::fs::File::create(&path).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_bundle_is_taken_once_in_any_order_within_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.bundle_standing(3, [3; 16], 10).unwrap(), Standing::Newest);
    journal.bundle_taken(3, [3; 16], 10).unwrap();
    assert_eq!(journal.bundle_standing(3, [3; 16], 10).unwrap(), Standing::Taken);
    assert_eq!(journal.bundle_standing(2, [2; 16], 10).unwrap(), Standing::Later);
    assert_eq!(journal.bundle_standing(3, [4; 16], 10).unwrap(), Standing::Another);
    journal.bundle_taken(12, [12; 16], 10).unwrap();
    assert_eq!(journal.bundle_standing(3, [3; 16], 10).unwrap(), Standing::Taken);
    assert_eq!(journal.bundle_standing(2, [2; 16], 10).unwrap(), Standing::TooOld);
    journal.bundle_taken(13, [13; 16], 10).unwrap();
    assert_eq!(
        journal.bundle_standing(3, [3; 16], 10).unwrap(),
        Standing::TooOld,
        "forgotten, and not taken again"
    );
    assert_eq!((journal.next_bundle().unwrap(), journal.next_bundle().unwrap()), (1, 2));
    assert_eq!(journal.heard().unwrap(), None);
    journal.hear(500, 7).unwrap();
    journal.hear(400, 8).unwrap();
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.heard().unwrap(), Some((500, 7)));
    assert_eq!(journal.next_bundle().unwrap(), 3);
}
