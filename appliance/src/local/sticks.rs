//! Sticks in the local console: bundles are brought and made there, and what was done is shown.
//!
//! What must stay true: a bundle that is brought takes the way of a stick's: verified by [`reading`], then taken by the
//! thread that takes them all.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use flip_protocol::bundle::Refused;
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::audit::Entry;
use flip_storage::brought::{self, Brought, Pieces, ReceiveError};
use flip_storage::error_chain;
use flip_storage::stick::{self, StickError};
use flip_web::pages::{self as web, Said, StickProgress, StickStep};
use flip_web::plural;

use super::{Here, Local, at_work, page, pages, session, shown};
use crate::bounds;
use crate::clock;
use crate::site::Site;
use crate::sticks::{Answer, Folder, Outcome, SticksError, Wish, head, read, reading};

/// The page.
pub(super) async fn show(State(local): Here, headers: HeaderMap) -> Response {
    page(local, move |local| view(&local.site, local.said(&headers))).await
}

/// Takes in a bundle that is brought.
pub(super) async fn take(State(local): Here, headers: HeaderMap, mut form: Multipart) -> Response {
    let folder = Folder::new(local.site.place.sticks());
    let id = MessageId::new(clock::now(), &clock::random_bytes()).to_string();
    let brought = Brought::new(folder.brought(&id));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
    if let Err(why) = store(&local.site, &mut form, length, &brought).await {
        return at_work(local, move |local| told(local, StatusCode::OK, Said::Not(why))).await;
    }
    let (here, by) = (Arc::clone(&local), headers.clone());
    let mut working = tokio::task::spawn_blocking(move || {
        let _work = here.site.sticks.begin();
        let came = hold(&folder).map(|_held| taken(&here.site, &folder, brought.path()));
        drop(brought);
        let said = came.clone().unwrap_or_else(|(_, why)| Said::Not(why));
        if let Some(session) = session(&by) {
            here.door.say(session, said, clock::now());
        }
        came
    });
    let Ok(came) = tokio::time::timeout(bounds::STICKS_PAGE, &mut working).await else {
        // The page says how far it is, and at the end what came of it.
        return Redirect::to("/sticks").into_response();
    };
    at_work(local, move |local| {
        // Said here already.
        drop(local.said(&headers));
        match came {
            Ok(Ok(said)) => told(local, StatusCode::OK, said),
            Ok(Err((status, why))) => told(local, status, Said::Not(why)),
            Err(_) => super::failed("taking a bundle in came to no end"),
        }
    })
    .await
}

/// Makes what there is for the hub; a file.
pub(super) async fn answer(State(local): Here) -> Response {
    at_work(local, |local| {
        let folder = Folder::new(local.site.place.sticks());
        let made = hold(&folder).and_then(|_held| {
            made(&local.site, &folder).map_err(|why| (StatusCode::SERVICE_UNAVAILABLE, why))
        });
        match made {
            Ok((name, length, file)) => {
                let headers = [
                    (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                    (header::CONTENT_LENGTH, length.to_string()),
                    (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                ];
                (headers, Body::from_stream(Pieces::of(file))).into_response()
            }
            Err((status, why)) => told(local, status, Said::Not(why)),
        }
    })
    .await
}

/// Holds what the command line holds too while it handles a stick; otherwise what to say.
fn hold(folder: &Folder) -> Result<File, (StatusCode, String)> {
    match folder.handle() {
        Ok(Some(held)) => Ok(held),
        Ok(None) => {
            let busy = StickError::Busy.to_string().replacen('a', "A", 1);
            Err((StatusCode::CONFLICT, format!("{busy}.")))
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
    let under_way = site.sticks.now().or_else(|| copying(site));
    Ok(web::Sticks {
        frame: pages::frame(site),
        makes: vec![web::StickMake {
            name: "The hub".to_owned(),
            action: "/sticks/answer".to_owned(),
            waiting: waiting as u64,
        }],
        take_action: "/sticks".to_owned(),
        came: said.map(web::StickCame::just_now).into_iter().collect(),
        acts: acts.into_iter().map(|entry| pages::act(entry, now.0)).collect(),
        under_way,
        refresh_seconds: under_way.map(|_| web::Sticks::REFRESH_SECONDS),
    })
}

/// How far a bundle is that another process is copying from a stick.
fn copying(site: &Site) -> Option<StickProgress> {
    let arrived = Folder::new(site.place.sticks()).arrived();
    let mut copies = stick::inside(&arrived).ok()?.into_iter();
    let copy = copies.rfind(|path| path.extension().is_some_and(|ending| ending == &stick::PART[1..]))?;
    let done = fs::symlink_metadata(&copy).ok()?;
    // One that lies there was cut off, and is gone on with.
    let is_at_it = done.modified().ok()?.elapsed().ok()? < bounds::STICKS_STALL;
    let of = head(&copy).map(|header| header.length());
    is_at_it.then_some(StickProgress { step: StickStep::Copying, done: done.len(), of })
}

/// As a stick's: verified and copied, then taken in by the thread that takes them all.
fn taken(site: &Site, folder: &Folder, brought: &Path) -> Said {
    let Some(known) = folder.known() else {
        return Said::Not("The appliance is starting; try again.".to_owned());
    };
    let refused = |why: Refused| Said::Not(why.in_words().replacen('r', "R", 1));
    let mut copied = |done, of| site.sticks.at(StickStep::Copying, done, Some(of));
    let header = match reading::receive(folder, &known, brought, &mut copied) {
        Ok(header) => header,
        Err(SticksError::Refused(why)) => return refused(why),
        Err(error) => return Said::Not(error_chain(&error)),
    };
    let until = Instant::now() + bounds::STICKS_PATIENCE;
    let said = folder.said(&format!("flip-{}", header.heading.id));
    let waits = || Instant::now() < until && !site.is_stopping();
    let Some(outcome) = wait_for::<Outcome>(&said, waits) else {
        let why = if site.is_stopping() {
            "The appliance is stopping; the bundle is taken in when it starts again."
        } else {
            "It is not taken in yet; the log says why."
        };
        return Said::Not(why.to_owned());
    };
    if let Some(why) = outcome.refused {
        return refused(why);
    }
    let settled = plural(outcome.settled as u64, "result", None);
    let taken = outcome.in_words().replacen('t', "T", 1);
    Said::Done(format!("{taken}; the hub has {settled} more."))
}

fn made(site: &Site, folder: &Folder) -> Result<(String, u64, File), String> {
    let wish = Wish { size: u64::MAX, wait_until: clock::now(), carried: Vec::new() };
    let asked = folder.ask(&wish).map_err(|error| error_chain(&error))?;
    // As long as it goes on; a wish that nobody waits for any more is withdrawn.
    let mut seen = (Instant::now(), site.sticks.now());
    let goes_on = || {
        let now = site.sticks.now();
        if now != seen.1 {
            seen = (Instant::now(), now);
        }
        seen.0.elapsed() < bounds::STICKS_STALL && !site.is_stopping()
    };
    let answer: Answer = wait_for(&asked.said, goes_on).ok_or("Nothing was made yet; try again.")?;
    let made = match (answer.failed, answer.bundles.into_iter().next()) {
        (Some(why), _) => return Err(why),
        (None, None) => return Err("Nothing was made; try again.".to_owned()),
        (None, Some(made)) => made,
    };
    let path = folder.leaving().join(&made.file);
    let file = File::open(&path).map_err(|error| error.to_string())?;
    // Whoever takes it holds it open; what is lost on the way is made again.
    stick::discard(&path);
    Ok((made.file, made.bytes, file))
}

/// What the thread of sticks says, as long as it is waited for.
fn wait_for<T: serde::de::DeserializeOwned>(said: &Path, mut waits: impl FnMut() -> bool) -> Option<T> {
    while waits() {
        if let Some(found) = read(said) {
            stick::discard(said);
            return Some(found);
        }
        std::thread::sleep(bounds::STICKS_LOOK / 4);
    }
    None
}

/// Writes what is brought, so many bytes where that was said, to a file as it comes.
async fn store(
    site: &Site,
    form: &mut Multipart,
    length: Option<u64>,
    brought: &Brought,
) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("{}: {error}.", web::Sticks::BROKEN);
    let field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&web::Sticks::NO_FILE)),
        Err(error) => return Err(broken(&error)),
    };
    let (_work, watch) = (site.sticks.begin(), site.sticks.clone());
    let told = move |done| watch.at(StickStep::Bringing, done, length);
    let received = brought::receive(brought, field, wire::BUNDLE_BYTES, told);
    received.await.map_err(|error| match error {
        ReceiveError::Broken(error) => broken(&error),
        ReceiveError::Io(error) => format!("{}: {error}.", web::Sticks::NOT_STORED),
    })
}
