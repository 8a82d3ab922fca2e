//! Bundles for sticks, made and taken in through the console.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Multipart;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::{MessageId, PartyId, bounds as wire};
use flip_storage::stick;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::audit::By;
use crate::bounds;
use crate::bundles::{BundleError, Desk, Taken};
use crate::clock;
use crate::hub::Hub;
use crate::lines::Lines;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// A bundle of everything that waits for a Trust, as a file.
pub async fn make(
    may: &May<acts::CarrySticks>,
    hub: &Arc<Hub>,
    trust: PartyId,
) -> Result<Response, ApiProblem> {
    let by = may.by();
    let (name, length, file) = at_the_desk(hub, move |desk| {
        let made = desk.make(&by, trust, u64::MAX)?;
        let one = made.first().ok_or(BundleError::NoTrust)?;
        let failed = |error| BundleError::File(one.path.clone(), error);
        let file = File::open(&one.path).map_err(failed)?;
        // Whoever takes it holds it open; what is lost on the way is made again.
        fs::remove_file(&one.path).map_err(failed)?;
        Ok((one.header.file_name(), one.header.length(), file))
    })
    .await?;
    tracing::info!(%trust, by = may.person().name, "a bundle was made for a stick");
    let (pieces, taken) = mpsc::channel(bounds::EXPORT_AHEAD);
    tokio::task::spawn_blocking(move || send(file, &pieces));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(Lines(taken))).into_response())
}

/// Takes in a bundle that is brought; its body goes to a file as it comes.
pub async fn take(
    may: &May<acts::CarrySticks>,
    hub: &Arc<Hub>,
    mut form: Multipart,
) -> Result<Result<Taken, BundleError>, ApiProblem> {
    let brought =
        hub.bundles().join(format!("brought-{}", MessageId::new(clock::now(), &clock::random_bytes())));
    let written = receive(&mut form, hub.bundles(), brought.clone()).await;
    let outcome = match written {
        Ok(()) => take_file(may.by(), hub, brought.clone()).await,
        Err(problem) => Err(problem),
    };
    // It may not be there at all.
    drop(fs::remove_file(&brought));
    outcome
}

async fn take_file(by: By, hub: &Arc<Hub>, file: PathBuf) -> Result<Result<Taken, BundleError>, ApiProblem> {
    let taken = at_the_desk(hub, move |desk| Ok(desk.take(&by, &file, &mut |_, _| {}))).await?;
    if let Ok(taken) = &taken {
        if let Some(health) = &taken.health {
            hub.presence.seen(taken.header.heading.sender, health, clock::now());
        }
        hub.announce_change();
    }
    Ok(taken)
}

async fn receive(form: &mut Multipart, folder: PathBuf, file: PathBuf) -> Result<(), ApiProblem> {
    let broken = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::CutShort, "The file did not arrive whole.").detail(error.to_string())
    };
    let (pieces, mut arrived) = mpsc::channel::<axum::body::Bytes>(bounds::EXPORT_AHEAD);
    let writing = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        stick::receive(&file, std::iter::from_fn(|| arrived.blocking_recv()), wire::BUNDLE_BYTES)
    });
    let mut field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&"no file was chosen")),
        Err(error) => return Err(broken(&error)),
    };
    loop {
        match field.chunk().await {
            Ok(Some(piece)) => {
                // The writer's end says why where it hung up.
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    drop(pieces);
    let written = writing.await.expect("writing a file does not panic");
    written.map_err(|error| {
        ApiProblem::new(Code::NoBundle, "The file could not be stored here.").detail(error.to_string())
    })
}

fn send(mut file: File, pieces: &mpsc::Sender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; bounds::PIECE_BYTES];
        let read = file.read(&mut piece);
        let sent = match read {
            Ok(0) => return,
            Ok(length) => {
                piece.truncate(length);
                pieces.blocking_send(Ok(piece))
            }
            Err(error) => pieces.blocking_send(Err(error)),
        };
        // Whoever took them has hung up.
        if sent.is_err() {
            return;
        }
    }
}

/// Works at the desk of bundles on a thread that may wait.
async fn at_the_desk<T: Send + 'static>(
    hub: &Arc<Hub>,
    work: impl FnOnce(&Desk<'_>) -> Result<T, BundleError> + Send + 'static,
) -> Result<T, ApiProblem> {
    let (hub, runtime) = (Arc::clone(hub), Handle::current());
    let worked = tokio::task::spawn_blocking(move || {
        let desk =
            Desk { authority: &hub.authority, ledger: &hub.ledger, runtime: &runtime, folder: hub.bundles() };
        let _held = desk.hold()?;
        work(&desk)
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
        | BundleError::TooMany { .. }
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
