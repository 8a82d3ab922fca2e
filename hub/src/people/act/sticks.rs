//! Bundles for sticks, made and taken in through the console.
//!
//! What must stay true: what was begun is done to its end, whether or not somebody waits for it; while it is under way the
//! page of sticks says how far it is, and afterwards what came of it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Multipart;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds as wire};
use flip_storage::brought::{self, Brought, Pieces, ReceiveError};
use flip_storage::stick;
use flip_web::pages::{Said, StickProgress, StickStep, StickWatch};
use flip_web::plural;
use tokio::runtime::Handle;

use crate::audit::By;
use crate::bounds;
use crate::bundles::{BundleError, Desk, Taken};
use crate::clock;
use crate::hub::Hub;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// What is done with bundles at this moment, and what came of the last that nobody waited for.
#[derive(Default)]
pub struct Sticks {
    watch: StickWatch,
    came: Mutex<Option<(UnixMillis, Said)>>,
}

impl Sticks {
    /// How far it is with what is under way.
    pub fn under_way(&self) -> Option<StickProgress> {
        self.watch.now()
    }

    /// What came of the last bundle that nobody waited for, as long as it is news.
    pub fn came(&self, now: UnixMillis) -> Option<Said> {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.as_ref().filter(|(at, _)| now.since(*at) < bounds::STICK_NEWS_MS).map(|(_, said)| said.clone())
    }

    fn note(&self, said: Option<Said>) {
        let said = said.map(|said| (clock::now(), said));
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }
}

/// A bundle of everything that waits for a Trust, as a file.
pub async fn make(
    may: &May<acts::CarrySticks>,
    hub: &Arc<Hub>,
    trust: PartyId,
) -> Result<Response, ApiProblem> {
    let by = may.by();
    let (name, length, file) = at_the_desk(hub, move |desk, watch| {
        let mut told = |step, done, of| watch.at(step, done, Some(of));
        let made = desk.make(&by, trust, u64::MAX, &[], &mut told)?;
        let one = made.first().ok_or(BundleError::NoTrust)?;
        let file = File::open(&one.path).map_err(|error| BundleError::File(one.path.clone(), error))?;
        // Whoever takes it holds it open; what is lost on the way is made again.
        stick::discard(&one.path);
        Ok((one.header.file_name(), one.header.length(), file))
    })
    .await?;
    tracing::info!(%trust, by = may.person().name, "a bundle was made for a stick");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(Pieces::of(file))).into_response())
}

/// Takes in a bundle that is brought; its body, so many bytes long where that was said, goes to a file as it comes. `None`
/// where it takes long: what comes of it is on the page of sticks then.
pub async fn take(
    may: &May<acts::CarrySticks>,
    hub: &Arc<Hub>,
    length: Option<u64>,
    mut form: Multipart,
) -> Result<Option<Result<Taken, BundleError>>, ApiProblem> {
    let name = format!("brought-{}", MessageId::new(clock::now(), &clock::random_bytes()));
    let brought = Brought::new(hub.bundles().join(name));
    hub.sticks.note(None);
    receive(hub, &mut form, length, &brought).await?;
    let (hub, by) = (Arc::clone(hub), may.by());
    let mut taking = tokio::spawn(async move {
        let _work = hub.sticks.watch.begin();
        let taken = take_file(by, &hub, brought.path().to_owned()).await;
        drop(brought);
        // Where nobody waits for it.
        hub.sticks.note(Some(match &taken {
            Ok(taken) => in_words(taken),
            Err(problem) => Said::Not(problem.0.detail.clone().unwrap_or_else(|| problem.0.title.clone())),
        }));
        (hub, taken)
    });
    match tokio::time::timeout(bounds::STICK_PAGE, &mut taking).await {
        Err(_) => Ok(None),
        Ok(taken) => {
            let (hub, taken) = taken.expect("taking a bundle in does not panic");
            hub.sticks.note(None);
            taken.map(Some)
        }
    }
}

/// What came of a bundle.
pub fn in_words(taken: &Result<Taken, BundleError>) -> Said {
    match taken {
        Ok(Taken { trust_name, stored, not_taken: 0, .. }) => {
            let stored = plural(*stored as u64, "result", None);
            Said::Done(format!("Taken in, from {trust_name}: {stored} stored."))
        }
        Ok(Taken { trust_name, stored, not_taken, .. }) => {
            let stored = plural(*stored as u64, "result", None);
            Said::Done(format!("Taken in, from {trust_name}: {stored} stored, {not_taken} not taken."))
        }
        Err(BundleError::Refused(why)) => Said::Not(format!("Refused ({}): {why}.", why.name())),
        Err(error) => Said::Not(format!("Not taken in: {error}.")),
    }
}

async fn take_file(by: By, hub: &Arc<Hub>, file: PathBuf) -> Result<Result<Taken, BundleError>, ApiProblem> {
    let taken = at_the_desk(hub, move |desk, watch| {
        Ok(desk.take(&by, &file, &mut |step, done, of| watch.at(step, done, Some(of))))
    })
    .await?;
    if let Ok(taken) = &taken {
        if let Some(health) = &taken.health {
            hub.presence.seen(taken.header.heading.sender, health, clock::now());
        }
        hub.announce_change();
    }
    Ok(taken)
}

async fn receive(
    hub: &Hub,
    form: &mut Multipart,
    length: Option<u64>,
    brought: &Brought,
) -> Result<(), ApiProblem> {
    let broken = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::CutShort, "The file did not arrive whole.").detail(error.to_string())
    };
    let stored = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::NoBundle, "The file could not be stored here.").detail(error.to_string())
    };
    fs::create_dir_all(hub.bundles()).map_err(|error| stored(&error))?;
    let field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&"no file was chosen")),
        Err(error) => return Err(broken(&error)),
    };
    let (_work, watch) = (hub.sticks.watch.begin(), hub.sticks.watch.clone());
    let told = move |done| watch.at(StickStep::Bringing, done, length);
    let received = brought::receive(brought, field, wire::BUNDLE_BYTES, told);
    received.await.map_err(|error| match error {
        ReceiveError::Broken(error) => broken(&error),
        ReceiveError::Io(error) => stored(&error),
    })
}

/// Works at the desk of bundles on a thread that may wait.
async fn at_the_desk<T: Send + 'static>(
    hub: &Arc<Hub>,
    work: impl FnOnce(&Desk<'_>, &StickWatch) -> Result<T, BundleError> + Send + 'static,
) -> Result<T, ApiProblem> {
    let (hub, runtime) = (Arc::clone(hub), Handle::current());
    let worked = tokio::task::spawn_blocking(move || {
        let desk =
            Desk { authority: &hub.authority, ledger: &hub.ledger, runtime: &runtime, folder: hub.bundles() };
        let _held = desk.hold()?;
        let _work = hub.sticks.watch.begin();
        work(&desk, &hub.sticks.watch)
    });
    worked.await.expect("work on a bundle does not panic").map_err(|error| match error {
        BundleError::Ledger(error) => error.into(),
        error @ (BundleError::Busy
        | BundleError::NoTrust
        | BundleError::Refused(_)
        | BundleError::File(..)
        | BundleError::Disk(_)
        | BundleError::Write(_)
        | BundleError::TooLarge(_)
        | BundleError::TooManyParts(_)
        | BundleError::Authority(_)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a bundle could not be worked on");
            ApiProblem::new(Code::NoBundle, "No bundle was made or taken in.").detail(error.to_string())
        }
    })
}

impl Hub {
    /// The folder of its bundles.
    fn bundles(&self) -> PathBuf {
        Desk::folder(&self.config.data)
    }
}
