//! The task that scans what is in quarantine, keeps what is clean, and removes what nobody has a row for any more.
//!
//! What must stay true: a file becomes clean in the ledger only after its bytes are kept; a hub that is killed at any
//! moment goes on where it was; one file that cannot be dealt with holds up no other.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flip_protocol::text;

use super::judge::{Judged, Scanner};
use crate::audit::By;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::files::{Quarantined, Verdict};
use crate::model::FileId;

/// Runs until it is dropped.
pub async fn run(hub: Arc<Hub>) {
    let mut waiting = Waiting { scanner: Scanner::own(), clean: HashMap::new(), tries: HashMap::new() };
    let mut looks = tokio::time::interval(bounds::FILES_LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                if let Err(error) = sweep(&hub).await {
                    tracing::error!(error = &error as &dyn Error, "no sweep of uploads");
                }
            }
            () = hub.files.announced() => {}
        }
        if let Err(error) = look(&hub, &mut waiting).await {
            tracing::error!(error = &error as &dyn Error, "no look at what is in quarantine");
        }
    }
}

/// What is remembered of files that stay in quarantine.
struct Waiting {
    scanner: Scanner,
    /// What was found clean and could not be kept yet. No byte of it changes, so that it need not be scanned again.
    clean: HashMap<FileId, Judged>,
    /// How often the scanner did not get to its end, and when last.
    tries: HashMap<FileId, (u32, Instant)>,
}

impl Waiting {
    /// Whether its turn is now: what the scanner died of may be over after a while.
    fn is_due(&self, file: FileId) -> bool {
        self.tries.get(&file).is_none_or(|(_, last)| last.elapsed() >= bounds::SCAN_AGAIN)
    }
}

async fn look(hub: &Arc<Hub>, waiting: &mut Waiting) -> Result<(), LedgerError> {
    // Those that were looked at in this round, so that one that cannot be kept now waits for the next.
    let mut seen = Vec::new();
    loop {
        remove_gone(hub).await?;
        let files = hub.ledger.files_in_quarantine().await?;
        waiting.clean.retain(|id, _| files.iter().any(|file| file.id == *id));
        waiting.tries.retain(|id, _| files.iter().any(|file| file.id == *id));
        let mut due: Vec<_> =
            files.into_iter().filter(|file| !seen.contains(&file.id) && waiting.is_due(file.id)).collect();
        // One that ends the scanner holds up none that was not looked at yet.
        due.sort_by_key(|file| waiting.tries.get(&file.id).map_or(0, |(tries, _)| *tries));
        let Some(file) = due.into_iter().next() else { return Ok(()) };
        seen.push(file.id);
        scan(hub, &file, waiting).await?;
    }
}

async fn scan(hub: &Arc<Hub>, file: &Quarantined, waiting: &mut Waiting) -> Result<(), LedgerError> {
    let path = hub.files.artefacts.staged(file.id.bytes());
    let judged = match waiting.clean.remove(&file.id) {
        Some(judged) => judged,
        None => waiting.scanner.judge(&path, &file.name).await,
    };
    let verdict = match judged {
        Judged::Clean { bytes, .. } if bytes != file.bytes => {
            Verdict::Failed(format!("{bytes} of its {} bytes are at this hub; bring it again", file.bytes))
        }
        Judged::Clean { sha256, .. } if file.declared.is_some_and(|declared| declared != sha256) => {
            Verdict::Refused(format!(
                "its SHA-256 is {}, and not the one that was declared: it was altered on its way, or is another file",
                text::hex(&sha256)
            ))
        }
        Judged::Clean { sha256, bytes, notes } => {
            if let Err(error) = hub.files.artefacts.keep(file.id.bytes(), sha256).await {
                tracing::error!(file = %file.id, error = &error as &dyn Error, "a clean file was not kept");
                waiting.clean.insert(file.id, Judged::Clean { sha256, bytes, notes });
                let why = "it is clean, and the artefact store does not take it now; the hub tries again";
                return hub.ledger.file_waits(file.id, why.to_owned()).await;
            }
            Verdict::Clean { sha256, notes }
        }
        Judged::Refused(why) => Verdict::Refused(why),
        Judged::Failed(why) => Verdict::Failed(why),
        Judged::Unknown(why) => {
            let tries = waiting.tries.get(&file.id).map_or(0, |(tries, _)| *tries) + 1;
            waiting.tries.insert(file.id, (tries, Instant::now()));
            tracing::warn!(file = %file.id, tries, why, "a scan came to nothing");
            if tries < bounds::SCAN_TRIES {
                let why = format!("it is not known whether it is clean: {why}; the hub tries again");
                return hub.ledger.file_waits(file.id, why).await;
            }
            Verdict::Failed(format!(
                "whether it is clean was not found out in {tries} tries: {why}; bring it again, and tell whoever runs \
                 the hub"
            ))
        }
    };
    tracing::info!(file = %file.id, verdict = verdict.name(), "a file was scanned");
    // Where somebody deleted or replaced it meanwhile, its bytes are among what is gone.
    hub.ledger.file_judged(By::hub(clock::now()), file.id, verdict).await?;
    if let Err(error) = hub.files.artefacts.unstage(file.id.bytes()) {
        tracing::error!(file = %file.id, error = &error as &dyn Error, "a staged file was not removed");
    }
    hub.announce_change();
    Ok(())
}

async fn remove_gone(hub: &Hub) -> Result<(), LedgerError> {
    for key in hub.ledger.artefacts_gone().await? {
        match hub.files.artefacts.remove(key).await {
            Ok(()) => hub.ledger.artefact_removed(key).await?,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn Error,
                    "an artefact was not removed; the hub tries again"
                );
            }
        }
    }
    Ok(())
}

/// Uploads that are whole and were not noted so, and those that nobody goes on with.
async fn sweep(hub: &Arc<Hub>) -> Result<(), LedgerError> {
    let now = clock::now();
    for upload in hub.ledger.uploads().await? {
        let received = match hub.files.received(upload.id).await {
            Ok(received) => received,
            Err(error) => {
                tracing::error!(file = %upload.id, error = &error as &dyn Error, "an upload cannot be looked at");
                continue;
            }
        };
        let touched = hub.files.artefacts.touched(upload.id.bytes()).map_or(upload.opened.0, millis);
        if received == upload.bytes {
            hub.ledger.file_complete(upload.id, received, now).await?;
        } else if now.0.saturating_sub(touched.max(upload.opened.0)) > bounds::UPLOAD_ABANDONED_MS {
            tracing::info!(file = %upload.id, "an upload was given up");
            hub.ledger.abandon_upload(By::hub(now), upload.id).await?;
        }
    }
    Ok(())
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
