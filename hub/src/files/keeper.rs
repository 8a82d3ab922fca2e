//! The task that scans what is in quarantine, keeps what is clean, and removes what nobody has a row for any more.
//!
//! What must stay true: a file becomes clean in the ledger only after its bytes are kept; a hub that is killed at any
//! moment goes on where it was; one file that cannot be dealt with holds up no other; trouble of the machine gives none up.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flip_protocol::text;

use super::judge::{Judged, Scanner};
use super::standing::not_locked_in;
use super::waiting::Waiting;
use crate::audit::By;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::files::{Quarantined, Verdict};

/// Runs until it is dropped.
pub async fn run(hub: Arc<Hub>) {
    let (scanner, mut waiting) = (Scanner::own(), Waiting::default());
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
        look_at_scanner(&hub, &scanner).await;
        if let Err(error) = look(&hub, &scanner, &mut waiting).await {
            tracing::error!(error = &error as &dyn Error, "no look at what is in quarantine");
        }
    }
}

/// Finds out once what the scanner's process is locked into, and warns where that is not all.
async fn look_at_scanner(hub: &Hub, scanner: &Scanner) {
    if hub.files.standing().held.is_some() {
        return;
    }
    match scanner.held().await {
        Ok(held) => {
            if let Some(lacks) = not_locked_in(held) {
                tracing::warn!("{lacks}");
            }
            hub.files.stands(|standing| standing.held = Some(held));
        }
        Err(why) => {
            tracing::warn!(why, "what the scanner is locked into was not found out; the hub tries again");
        }
    }
}

async fn look(hub: &Arc<Hub>, scanner: &Scanner, waiting: &mut Waiting) -> Result<(), LedgerError> {
    // Those that were looked at in this round, so that one that cannot be kept now waits for the next.
    let mut seen = Vec::new();
    loop {
        remove_gone(hub).await?;
        let files = hub.ledger.files_in_quarantine().await?;
        waiting.retain(|id| files.iter().any(|file| file.id == id));
        hub.files.stands(|standing| standing.trouble = waiting.trouble());
        let now = Instant::now();
        let is_due = |file: &Quarantined| !seen.contains(&file.id) && waiting.is_due(file.id, now);
        let mut due: Vec<_> = files.into_iter().filter(is_due).collect();
        // One that comes to nothing holds up none that was not looked at yet.
        due.sort_by_key(|file| waiting.turns(file.id));
        let Some(file) = due.into_iter().next() else { return Ok(()) };
        seen.push(file.id);
        scan(hub, &file, scanner, waiting).await?;
    }
}

async fn scan(
    hub: &Arc<Hub>,
    file: &Quarantined,
    scanner: &Scanner,
    waiting: &mut Waiting,
) -> Result<(), LedgerError> {
    let path = hub.files.artefacts.staged(file.id.bytes());
    let judged = match waiting.clean.remove(&file.id) {
        Some(judged) => judged,
        None => scanner.judge(&path, &file.name).await,
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
        Judged::NotTried(why) => {
            let pause = waiting.not_tried(file.id, &why, Instant::now(), clock::now());
            tracing::warn!(file = %file.id, pause_s = pause.as_secs(), why, "this machine let no scan begin");
            let why = format!(
                "it waits to be scanned, for trouble of the hub's machine: {why}; the hub tries again"
            );
            return hub.ledger.file_waits(file.id, why).await;
        }
        Judged::Unknown(why) => {
            let (tries, again) = waiting.came_to_nothing(file.id, Instant::now());
            tracing::warn!(file = %file.id, tries, why, "a scan came to nothing");
            if again {
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
