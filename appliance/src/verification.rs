//! Whether the data in use are still what was ingested: read in full at every start and once a week, in the
//! background.
//!
//! What must stay true: damaged data answer nothing from the moment they are known (`Generations::current` refuses
//! them), and people are told which generation it is and what to use instead.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flip_storage::error_chain;
use serde_json::json;

use crate::clock;
use crate::data::Verdict;
use crate::site::Site;

/// How long between two verifications of the same data. Disks lose bits slowly.
const EVERY: Duration = Duration::from_hours(7 * 24);
/// How long between two looks whether other data are in use.
const LOOK: Duration = Duration::from_secs(2);
/// Bytes after which the reading rests, and for how long: questions come first.
const BREATH_BYTES: u64 = 64 * 1024 * 1024;
const BREATH: Duration = Duration::from_millis(20);

/// Verifies until the appliance stops.
pub fn work(site: &Arc<Site>) {
    let mut last: Option<(String, Instant)> = None;
    while !site.is_stopping() {
        if let Ok(Some(name)) = site.generations.current_name() {
            let fresh = |(known, at): &(String, Instant)| *known == name && at.elapsed() < EVERY;
            if !last.as_ref().is_some_and(fresh) {
                verify(site, &name);
                last = Some((name, Instant::now()));
            }
        }
        let until = Instant::now() + LOOK;
        let mut heard = 0;
        while !site.is_stopping() && Instant::now() < until {
            heard = site.bell.wait(heard, until.saturating_duration_since(Instant::now()));
        }
    }
}

fn verify(site: &Site, name: &str) {
    let mut rested = 0;
    let verdict = site.generations.verify(name, &mut |done| {
        if done - rested > BREATH_BYTES {
            rested = done;
            thread::sleep(BREATH);
        }
    });
    match &verdict {
        Ok(Verdict::Sound) => tracing::info!(generation = name, "the data in use are what was ingested"),
        Ok(Verdict::NoHash) => {
            tracing::warn!(
                generation = name,
                "the data in use were ingested by a version that kept no hash of them"
            );
        }
        Ok(Verdict::Damaged(_)) => {
            if let Err(error) = site.generations.named(name) {
                tracing::error!(%error, "no question is answered from these data");
            }
        }
        Err(error) => tracing::error!(error = error_chain(error), "the data in use could not be verified"),
    }
    if let Ok(found @ (Verdict::Sound | Verdict::Damaged(_))) = verdict {
        let facts = json!({ "generation": name, "sound": found == Verdict::Sound });
        if let Err(error) = site.audit.append(clock::now().0, "data_verified", facts) {
            tracing::error!(error = error_chain(&error), "the audit log failed");
        }
    }
}
