//! Bundles for sticks, made and taken in through the console.
//!
//! What must stay true: what was begun is done to its end, whether or not somebody waits for it; while it is under way the
//! page of sticks says how far it is, and afterwards, to who brought it, what came of it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};

/// What is done with bundles at this moment, and what came of those that nobody waited for.
#[derive(Default)]
pub struct Sticks {
    watch: StickWatch,
    news: Mutex<News>,
}

impl Sticks {
    /// How far it is with what is under way.
    pub fn under_way(&self) -> Option<StickProgress> {
        self.watch.now()
    }

    /// What came of the last bundle that this person brought and did not wait for, as long as it is news.
    pub fn came(&self, of: PersonId, now: UnixMillis) -> Option<Said> {
        self.news().of(of, now)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of each person's last bundle.
#[derive(Default)]
struct News(HashMap<PersonId, (UnixMillis, Said)>);

impl News {
    fn of(&self, person: PersonId, now: UnixMillis) -> Option<Said> {
        self.0.get(&person).filter(|(at, _)| is_news(*at, now)).map(|(_, said)| said.clone())
    }

    /// Keeps it in the place of what came of their bundle before; what is no news any more is forgotten, and the oldest
    /// where there are too many.
    fn put(&mut self, person: PersonId, said: Said, now: UnixMillis) {
        self.0.retain(|_, (at, _)| is_news(*at, now));
        self.forget(person);
        if self.0.len() >= bounds::STICK_NEWS {
            let oldest = self.0.iter().min_by_key(|(_, (at, _))| *at).map(|(person, _)| *person);
            if let Some(oldest) = oldest {
                self.forget(oldest);
            }
        }
        self.0.insert(person, (now, said));
    }

    fn forget(&mut self, person: PersonId) {
        self.0.remove(&person);
    }
}

fn is_news(at: UnixMillis, now: UnixMillis) -> bool {
    now.since(at) < bounds::STICK_NEWS_MS
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
        let file = File::open(&one.path).map_err(|error| BundleError::file(&one.path, error))?;
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
    let person = may.person().id;
    receive(hub, &mut form, length, &brought).await?;
    hub.sticks.news().forget(person);
    let (hub, by) = (Arc::clone(hub), may.by());
    let mut taking = tokio::spawn(async move {
        let _work = hub.sticks.watch.begin();
        let taken = take_file(by, &hub, brought.path().to_owned()).await;
        drop(brought);
        // Where nobody waits for it.
        let said = match &taken {
            Ok(taken) => in_words(taken),
            Err(problem) => Said::Not(problem.0.detail.clone().unwrap_or_else(|| problem.0.title.clone())),
        };
        hub.sticks.news().put(person, said, clock::now());
        (hub, taken)
    });
    match tokio::time::timeout(bounds::STICK_PAGE, &mut taking).await {
        Err(_) => Ok(None),
        Ok(taken) => {
            let (hub, taken) = taken.expect("taking a bundle in does not panic");
            hub.sticks.news().forget(person);
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
        Err(BundleError::Refused(why)) => Said::Not(why.in_words().replacen('r', "R", 1)),
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
        ApiProblem::new(Code::CutShort, &format!("{}.", brought::BROKEN)).detail(error.to_string())
    };
    let stored = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::NoBundle, &format!("{}.", brought::NOT_STORED)).detail(error.to_string())
    };
    fs::create_dir_all(hub.bundles()).map_err(|error| stored(&error))?;
    let field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&brought::NO_FILE)),
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
        error @ (BundleError::NoTrust
        | BundleError::Refused(_)
        | BundleError::Stick(_)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: usize) -> PersonId {
        PersonId::from_bytes((number as u128).to_be_bytes())
    }

    fn said(what: &str) -> Said {
        Said::Done(what.to_owned())
    }

    #[test]
    fn what_came_of_a_bundle_is_told_to_who_brought_it_and_nobody_tells_it_over() {
        let (mut news, at) = (News::default(), UnixMillis(1_000));
        news.put(person(1), said("one"), at);
        news.put(person(2), said("two"), at);
        news.forget(person(2));
        assert_eq!((news.of(person(1), at), news.of(person(2), at)), (Some(said("one")), None));
        news.put(person(1), said("another"), at);
        assert_eq!(news.of(person(1), at), Some(said("another")));
        assert_eq!(news.of(person(1), at.plus(bounds::STICK_NEWS_MS)), None, "it is no news any more");
    }

    #[test]
    fn so_much_is_kept_and_the_oldest_goes_first() {
        let mut news = News::default();
        for number in 0..=bounds::STICK_NEWS {
            news.put(person(number), said("x"), UnixMillis(number as u64));
        }
        let last = UnixMillis(bounds::STICK_NEWS as u64);
        assert_eq!((news.0.len(), news.of(person(0), last)), (bounds::STICK_NEWS, None));
        assert!(news.of(person(1), last).is_some() && news.of(person(bounds::STICK_NEWS), last).is_some());
        news.put(person(1), said("x"), last.plus(bounds::STICK_NEWS_MS));
        assert_eq!(news.0.len(), 1, "what is no news any more is forgotten");
    }
}
