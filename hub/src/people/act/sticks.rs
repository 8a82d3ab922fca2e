//! Bundles for sticks, made and taken in through the console.
//!
//! What must stay true: what was begun is done to its end, whether or not somebody waits for it; while it is under way the
//! page of sticks says how far it is, and afterwards, to who brought it, what came of it and of those before.

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
use flip_web::pages::{Said, StickProgress, StickStep, StickWatch, Sticks as Page};
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
use crate::wording;

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

    /// What came of the bundles that this person brought and did not wait for, and when, as long as it is news; the
    /// newest first.
    pub fn came(&self, of: PersonId, now: UnixMillis) -> Vec<(UnixMillis, Told)> {
        self.news().of(of, now)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a bundle.
#[derive(Clone)]
pub struct Told {
    /// The file's name as brought, as far as it can be shown: who brings several sees which it is.
    pub file: Option<String>,
    /// What is said of it.
    pub said: Said,
}

/// What came of bundles, the oldest first.
#[derive(Default)]
struct News(Vec<Came>);

struct Came {
    bundle: MessageId,
    brought_by: PersonId,
    at: UnixMillis,
    told: Told,
}

impl News {
    fn of(&self, person: PersonId, now: UnixMillis) -> Vec<(UnixMillis, Told)> {
        let of_them = self.0.iter().rev().filter(|came| came.brought_by == person && is_news(came.at, now));
        of_them.map(|came| (came.at, came.told.clone())).collect()
    }

    /// Keeps it. What is no news any more is forgotten, and the oldest of the same person where they have too many, or of
    /// all.
    fn put(&mut self, new: Came) {
        self.0.retain(|came| is_news(came.at, new.at));
        let is_theirs = |came: &Came| came.brought_by == new.brought_by;
        let oldest = if self.0.iter().filter(|came| is_theirs(came)).count() >= bounds::STICK_NEWS_OF_ONE {
            self.0.iter().position(is_theirs)
        } else {
            (self.0.len() >= bounds::STICK_NEWS).then_some(0)
        };
        if let Some(oldest) = oldest {
            self.0.remove(oldest);
        }
        self.0.push(new);
    }

    fn forget(&mut self, bundle: MessageId) {
        self.0.retain(|came| came.bundle != bundle);
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
) -> Result<Option<Told>, ApiProblem> {
    let bundle = MessageId::new(clock::now(), &clock::random_bytes());
    let brought = Brought::new(hub.bundles().join(format!("brought-{bundle}")));
    let file = receive(hub, &mut form, length, &brought).await?;
    let (hub, by, brought_by) = (Arc::clone(hub), may.by(), may.person().id);
    let mut taking = tokio::spawn(async move {
        let _work = hub.sticks.watch.begin();
        let taken = take_file(by, &hub, brought.path().to_owned()).await;
        drop(brought);
        let said = match &taken {
            Ok(taken) => in_words(taken),
            Err(problem) => Said::Not(problem.0.detail.clone().unwrap_or_else(|| problem.0.title.clone())),
        };
        let told = Told { file, said };
        // Where nobody waits for it.
        hub.sticks.news().put(Came { bundle, brought_by, at: clock::now(), told: told.clone() });
        (hub, taken.map(|_| told))
    });
    match tokio::time::timeout(bounds::STICK_PAGE, &mut taking).await {
        Err(_) => Ok(None),
        Ok(taken) => {
            let (hub, told) = taken.expect("taking a bundle in does not panic");
            hub.sticks.news().forget(bundle);
            told.map(Some)
        }
    }
}

fn in_words(taken: &Result<Taken, BundleError>) -> Said {
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

/// Writes the file that the form brings to `brought`; gives its name as it can be shown.
async fn receive(
    hub: &Hub,
    form: &mut Multipart,
    length: Option<u64>,
    brought: &Brought,
) -> Result<Option<String>, ApiProblem> {
    let broken = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::CutShort, &format!("{}.", Page::BROKEN)).detail(error.to_string())
    };
    let stored = |error: &dyn std::fmt::Display| {
        ApiProblem::new(Code::NoBundle, &format!("{}.", Page::NOT_STORED)).detail(error.to_string())
    };
    fs::create_dir_all(hub.bundles()).map_err(|error| stored(&error))?;
    let field = match form.next_field().await {
        Ok(Some(field)) => field,
        Ok(None) => return Err(broken(&Page::NO_FILE)),
        Err(error) => return Err(broken(&error)),
    };
    let name = field.file_name().and_then(wording::name_from_elsewhere);
    let (_work, watch) = (hub.sticks.watch.begin(), hub.sticks.watch.clone());
    let told = move |done| watch.at(StickStep::Bringing, done, length);
    let received = brought::receive(brought, field, wire::BUNDLE_BYTES, told);
    received.await.map_err(|error| match error {
        ReceiveError::Broken(error) => broken(&error),
        ReceiveError::Io(error) => stored(&error),
    })?;
    Ok(name)
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

    fn bundle(number: u64) -> MessageId {
        MessageId::new(UnixMillis(number), &[0; 10])
    }

    /// That bundle of that person, taken in at the millisecond of its number.
    fn came(number: u64, brought_by: PersonId) -> Came {
        let said = Said::Done(number.to_string());
        Came { bundle: bundle(number), brought_by, at: UnixMillis(number), told: Told { file: None, said } }
    }

    fn told(news: &News, to: PersonId, now: u64) -> Vec<u64> {
        news.of(to, UnixMillis(now)).into_iter().map(|(at, _)| at.0).collect()
    }

    #[test]
    fn what_came_of_each_bundle_is_told_to_who_brought_it_and_nobody_tells_it_over() {
        let mut news = News::default();
        news.put(came(1, person(1)));
        news.put(came(2, person(2)));
        news.put(came(3, person(1)));
        assert_eq!(told(&news, person(1), 3), [3, 1]);
        assert_eq!(told(&news, person(2), 3), [2]);
        news.forget(bundle(3));
        assert_eq!(told(&news, person(1), 3), [1], "the one before waits on");
        assert_eq!(told(&news, person(1), 1 + bounds::STICK_NEWS_MS), [0; 0], "it is no news any more");
    }

    #[test]
    fn who_brings_too_many_has_their_own_oldest_forgotten_and_where_all_have_too_many_the_oldest_of_all_is() {
        let mut news = News::default();
        news.put(came(0, person(0)));
        let most = bounds::STICK_NEWS_OF_ONE as u64;
        for number in 1..=most + 1 {
            news.put(came(number, person(1)));
        }
        assert_eq!(told(&news, person(0), most), [0]);
        assert_eq!(told(&news, person(1), most + 1), (2..=most + 1).rev().collect::<Vec<_>>());
        let others = bounds::STICK_NEWS - news.0.len();
        for number in 2..2 + others {
            news.put(came(most + number as u64, person(number)));
        }
        assert_eq!(
            (news.0.len(), told(&news, person(0), most)),
            (bounds::STICK_NEWS, vec![0]),
            "all have room"
        );
        let newest = most + 2 + others as u64;
        news.put(came(newest, person(2 + others)));
        assert_eq!(news.0.len(), bounds::STICK_NEWS);
        assert_eq!(told(&news, person(0), newest), [0; 0], "the oldest of all gave way");
        assert_eq!(told(&news, person(1), newest).len(), bounds::STICK_NEWS_OF_ONE);
        assert_eq!(told(&news, person(2 + others), newest), [newest]);
        news.put(came(2 * bounds::STICK_NEWS_MS, person(1)));
        assert_eq!(news.0.len(), 1, "what is no news any more is forgotten");
    }
}
