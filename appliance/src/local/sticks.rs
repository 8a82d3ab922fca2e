//! Sticks in the local console: bundles are brought and made there, and what was done is shown.
//!
//! What must stay true: a bundle that is brought takes the way of a stick's: verified by [`reading`], then taken by the
//! thread that takes them all.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::audit::Entry;
use flip_storage::stick;
use flip_web::pages::{self as web, Said};
use futures_core::Stream;
use tokio::sync::mpsc;

use super::{Here, Local, at_work, page, pages, shown};
use crate::bounds;
use crate::clock;
use crate::site::Site;
use crate::sticks::{Answer, Folder, Outcome, SticksError, Wish, read, reading, write};
use crate::uplink::error_chain;

/// The page.
pub(super) async fn show(State(local): Here, headers: HeaderMap) -> Response {
    page(local, move |local| view(&local.site, local.said(&headers))).await
}

/// Takes in a bundle that is brought.
pub(super) async fn take(State(local): Here, mut form: Multipart) -> Response {
    let folder = Folder::new(local.site.place.sticks());
    let brought = folder.brought(&MessageId::new(clock::now(), &clock::random_bytes()).to_string());
    let stored = store(&mut form, brought.clone()).await;
    at_work(local, move |local| {
        let said = match (stored, hold(&folder)) {
            (Ok(()), Ok(_held)) => Ok(taken(&folder, &brought)),
            (Err(why), _) => Ok(Said::Not(why)),
            (Ok(()), Err(busy)) => Err(busy),
        };
        // It may not be there at all.
        drop(fs::remove_file(&brought));
        match said {
            Ok(said) => told(local, StatusCode::OK, said),
            Err((status, why)) => told(local, status, Said::Not(why)),
        }
    })
    .await
}

/// Makes what there is for the hub; a file.
pub(super) async fn answer(State(local): Here) -> Response {
    at_work(local, |local| {
        let folder = Folder::new(local.site.place.sticks());
        let made = hold(&folder)
            .and_then(|_held| made(&folder).map_err(|why| (StatusCode::SERVICE_UNAVAILABLE, why)));
        match made {
            Ok((name, length, file)) => {
                let (pieces, taken) = mpsc::channel(bounds::EXPORT_PIECES);
                tokio::task::spawn_blocking(move || send(file, &pieces));
                let headers = [
                    (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                    (header::CONTENT_LENGTH, length.to_string()),
                    (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                ];
                (headers, Body::from_stream(Pieces(taken))).into_response()
            }
            Err((status, why)) => told(local, status, Said::Not(why)),
        }
    })
    .await
}

/// Holds what the command line holds too while it handles a stick; otherwise what to say.
fn hold(folder: &Folder) -> Result<File, (StatusCode, String)> {
    match stick::hold(&folder.handling()) {
        Ok(Some(held)) => Ok(held),
        Ok(None) => {
            let busy = "Another stick is being handled; wait until it is done, and try again.";
            Err((StatusCode::CONFLICT, busy.to_owned()))
        }
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error_chain(&error))),
    }
}

fn told(local: &Local, status: StatusCode, said: Said) -> Response {
    match view(&local.site, Some(said)) {
        Ok(page) => (status, shown(&page)).into_response(),
        Err(error) => super::failed(&error),
    }
}

fn view(site: &Site, said: Option<Said>) -> Result<web::Sticks, String> {
    let failed = |error: &dyn std::error::Error| error_chain(error);
    let waiting = site.journal.outgoing_heads(wire::SYNC_LISTED).map_err(|error| failed(&error))?.len();
    let of_sticks = |entry: &Entry| entry.act.starts_with("bundle_");
    let acts = site.audit.newest_of(bounds::STICKS_SHOWN, of_sticks).map_err(|error| failed(&error))?;
    let now = clock::now();
    Ok(web::Sticks {
        frame: pages::frame(site),
        makes: vec![web::StickMake {
            name: "The hub".to_owned(),
            action: "/sticks/answer".to_owned(),
            waiting: waiting as u64,
        }],
        take_action: "/sticks".to_owned(),
        said,
        acts: acts.into_iter().map(|entry| pages::act(entry, now.0)).collect(),
    })
}

/// As a stick's: verified and copied, then taken in by the thread that takes them all.
fn taken(folder: &Folder, brought: &Path) -> Said {
    let Some(known) = folder.known() else {
        return Said::Not("The appliance is starting; try again.".to_owned());
    };
    let header = match reading::receive(folder, &known, brought, &mut |_, _| {}) {
        Ok(header) => header,
        Err(SticksError::Refused(why)) => return Said::Not(format!("Refused ({}): {why}.", why.name())),
        Err(error) => return Said::Not(error_chain(&error)),
    };
    match wait_for::<Outcome>(&folder.said(&format!("flip-{}", header.heading.id))) {
        Some(Outcome { refused: Some(why), .. }) => Said::Not(format!("Refused ({}): {why}.", why.name())),
        Some(outcome) => Said::Done(format!(
            "Taken in: {} orders; the hub has {} more of the results.",
            outcome.orders, outcome.settled
        )),
        None => Said::Not("It is not taken in yet; this page will say when it is.".to_owned()),
    }
}

fn made(folder: &Folder) -> Result<(String, u64, File), String> {
    let id = MessageId::new(clock::now(), &clock::random_bytes()).to_string();
    let wish = Wish { size: u64::MAX, wait_until: clock::now() };
    write(&folder.asked(&id), &wish).map_err(|error| error_chain(&error))?;
    let answer: Answer = wait_for(&folder.said(&id)).ok_or("Nothing was made yet; try again.")?;
    let made = match (answer.failed, answer.bundles.into_iter().next()) {
        (Some(why), _) => return Err(why),
        (None, None) => return Err("Nothing was made; try again.".to_owned()),
        (None, Some(made)) => made,
    };
    let path = folder.leaving().join(&made.file);
    let opened = File::open(&path).and_then(|file| fs::remove_file(&path).map(|()| file));
    // Whoever takes it holds it open; what is lost on the way is made again.
    opened.map(|file| (made.file, made.bytes, file)).map_err(|error| error.to_string())
}

/// What the thread of sticks says, within the time that a page may take.
fn wait_for<T: serde::de::DeserializeOwned>(said: &Path) -> Option<T> {
    let until = Instant::now() + bounds::STICKS_PAGE;
    while Instant::now() < until {
        if let Some(found) = read(said) {
            // Forgotten after a day where it cannot be removed.
            drop(fs::remove_file(said));
            return Some(found);
        }
        std::thread::sleep(bounds::STICKS_LOOK / 4);
    }
    None
}

/// Writes what is brought to a file as it comes.
async fn store(form: &mut Multipart, file: PathBuf) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("The file did not arrive whole: {error}.");
    let (pieces, mut arrived) = mpsc::channel::<Bytes>(bounds::EXPORT_PIECES);
    let writing = tokio::task::spawn_blocking(move || {
        stick::receive(&file, std::iter::from_fn(|| arrived.blocking_recv()), wire::BUNDLE_BYTES)
    });
    let mut field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&"no file was chosen")),
        Err(error) => return Err(broken(&error)),
    };
    loop {
        match field.chunk().await {
            // The writer's end says why where it hung up.
            Ok(Some(piece)) => {
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    drop(pieces);
    match writing.await {
        Ok(written) => written.map_err(|error| format!("The file could not be stored here: {error}.")),
        Err(_) => Err("The file could not be stored here.".to_owned()),
    }
}

fn send(mut file: File, pieces: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; bounds::STICKS_PIECE];
        let sent = match file.read(&mut piece) {
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

/// A body that is read while it is taken.
struct Pieces(mpsc::Receiver<io::Result<Vec<u8>>>);

impl Stream for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
