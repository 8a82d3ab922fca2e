//! Work beside the thread that DuckDB hands its rows to, which makes many of them itself.
//!
//! What must stay true: batches are taken in the order in which they came, each once, by one cohort; a fault of either
//! side ends both; no thread is started for what is quickly done, nor where the site allows one alone.

use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use duckdb::arrow::array::RecordBatch;
use flip_gate::Plan;
use flip_protocol::answer::Failed;

use super::cohort::Cohort;
use super::database::Fault;

/// Batches, of two thousand rows each, that are taken where they come: to start a thread takes as long.
const FEW: usize = 8;
/// Batches that are handed over at once, unless they are wide: to wake the other thread for each takes longer than most of
/// them do.
const TOGETHER: usize = 16;
/// Bytes from which on no further batch is handed over with them.
const TOGETHER_BYTES: usize = 4 * 1024 * 1024;
/// How often batches may wait to be taken. Once is enough: of wide rows one batch takes tens of MiB, and there are up to
/// three, one that is taken, one that waits and one that was made. Neither DuckDB's limit nor the cohort's knows of them; the
/// process has [`super::bounds::MEMORY_OVERHEAD_MB`] for them, and is killed beyond it.
const WAITING: usize = 1;

/// Where the rows are taken.
enum Taken<'scope, 'a> {
    Here(Box<Cohort<'a>>),
    Beside(Sender, ScopedJoinHandle<'scope, Result<Cohort<'a>, Fault>>),
}

/// Hands batches over, several at once.
struct Sender {
    to: SyncSender<Vec<RecordBatch>>,
    gathered: Vec<RecordBatch>,
    bytes: usize,
}

impl Sender {
    fn new(to: SyncSender<Vec<RecordBatch>>) -> Self {
        Self { to, gathered: Vec::new(), bytes: 0 }
    }

    /// Takes a batch; false where the other side takes no more.
    fn send(&mut self, batch: RecordBatch) -> bool {
        self.bytes += batch.get_array_memory_size();
        self.gathered.push(batch);
        self.gathered.len() < TOGETHER && self.bytes < TOGETHER_BYTES || self.hand_over()
    }

    fn hand_over(&mut self) -> bool {
        self.bytes = 0;
        self.to.send(mem::take(&mut self.gathered)).is_ok()
    }
}

/// The cohort with all that `rows` hands on; where a thread is allowed, the first of it is taken here and the rest there.
pub(super) fn taken<'a>(
    cohort: Cohort<'a>,
    plan: &Plan,
    may_start: bool,
    rows: impl FnOnce(&mut dyn FnMut(RecordBatch) -> Result<(), Fault>) -> Result<(), Fault>,
) -> Result<Cohort<'a>, Fault> {
    const LOST: Fault = Fault { failed: Failed::Internal, note: None };
    thread::scope(|scope| {
        let mut held = Some(Taken::Here(Box::new(cohort)));
        let mut batches = 0;
        rows(&mut |batch| {
            batches += 1;
            held = match held.take().ok_or(LOST)? {
                Taken::Here(mut cohort) if !may_start || batches <= FEW => {
                    cohort.take(&batch, plan)?;
                    Some(Taken::Here(cohort))
                }
                Taken::Here(mut cohort) => {
                    let (sender, receiver) = sync_channel(WAITING);
                    let thread = scope.spawn(move || {
                        cohort.take(&batch, plan)?;
                        all(*cohort, &receiver, plan)
                    });
                    Some(Taken::Beside(Sender::new(sender), thread))
                }
                Taken::Beside(mut sender, thread) => {
                    if !sender.send(batch) {
                        // It takes no more: its fault says why.
                        return joined(thread).and(Err(LOST));
                    }
                    Some(Taken::Beside(sender, thread))
                }
            };
            Ok(())
        })?;
        match held.ok_or(LOST)? {
            Taken::Here(cohort) => Ok(*cohort),
            Taken::Beside(mut sender, thread) => {
                // Where it takes no more, its fault says why.
                sender.hand_over();
                drop(sender);
                joined(thread)
            }
        }
    })
}

fn all<'a>(
    mut cohort: Cohort<'a>,
    batches: &Receiver<Vec<RecordBatch>>,
    plan: &Plan,
) -> Result<Cohort<'a>, Fault> {
    for batch in batches.iter().flatten() {
        cohort.take(&batch, plan)?;
    }
    Ok(cohort)
}

/// What two functions give; the second runs beside the first where that is worth a thread.
pub(super) fn both<A, B: Send>(
    is_worth: bool,
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if !is_worth {
        return (first(), second());
    }
    thread::scope(|scope| {
        let second = scope.spawn(second);
        (first(), joined(second))
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
