//! What one waits for, told as it changes: server-sent events.
//!
//! What must stay true: it is looked at as the same `GET` looks at it, and whoever waits is let in anew before each look,
//! so that an ended session, a void token or a lost membership ends the stream; an id says all that was told until then;
//! a stream holds a connection no longer than [`bounds::EVENTS_LIFE`], a person only so many of them, and all people
//! together no more than leave room for whoever does not wait.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::extract::FromRequestParts as _;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_core::Stream;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout_at};

use super::may::May;
use crate::bounds;
use crate::hub::Hub;
use crate::permissions::Is;
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};

/// Says what the client was told before its connection broke.
pub const LAST: HeaderName = HeaderName::from_static("last-event-id");
/// What an id ends with once everything was told.
const OVER: char = '.';

/// The open streams of each person.
#[derive(Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<PersonId, usize>>>);

/// One of them, until it is dropped.
struct Place(Arc<Mutex<HashMap<PersonId, usize>>>, PersonId);

impl Streams {
    fn open(&self, person: PersonId) -> Result<Place, ApiProblem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, all) = (open.get(&person).copied().unwrap_or_default(), open.values().sum::<usize>());
        if own >= bounds::EVENTS_AT_ONCE {
            let title = "You wait for as many things as one may wait for at once.";
            let why = "streams of events of yours are open; close one, or wait for one to end";
            return Err(too_many(title, format!("{} {why}", bounds::EVENTS_AT_ONCE)));
        }
        if all >= bounds::EVENTS_OF_ALL {
            let title = "As many people wait here as may wait at once.";
            let why = "streams of events are open; come again in a moment, or ask without one";
            return Err(too_many(title, format!("{} {why}", bounds::EVENTS_OF_ALL)));
        }
        *open.entry(person).or_default() += 1;
        Ok(Place(Arc::clone(&self.0), person))
    }
}

fn too_many(title: &str, why: String) -> ApiProblem {
    ApiProblem::new(Code::TooManyStreams, title).detail(why)
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// What is waited for, as it stands at one look.
#[derive(Debug, Default)]
pub struct Look {
    items: Vec<(&'static str, String)>,
    over: Option<String>,
}

impl Look {
    /// Something that can change by itself: the name of its events and how it stands.
    #[must_use]
    pub fn with(mut self, event: &'static str, stands: &impl Serialize) -> Self {
        self.items.push((event, text(stands)));
        self
    }

    /// Nothing of it can change any more, where that is so; the last event says this.
    #[must_use]
    pub fn over(self, over: bool, outcome: &impl Serialize) -> Self {
        Self { over: over.then(|| text(outcome)), ..self }
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the API answers is JSON")
}

/// What a client was told, by a short mark of each thing.
#[derive(Debug, Default)]
struct Told(HashSet<String>);

impl Told {
    fn of_id(id: &str) -> Self {
        let id = id.trim_end_matches(OVER).as_bytes();
        Self(id.chunks(MARK).filter_map(|mark| Some(std::str::from_utf8(mark).ok()?.to_owned())).collect())
    }

    /// The marks of a look, all of them, and which things are news.
    fn news<'a>(&self, look: &'a Look) -> (Vec<String>, Vec<&'a (&'static str, String)>) {
        let marks: Vec<String> = look.items.iter().map(mark).collect();
        let known = look.items.iter().zip(&marks).filter(|(_, mark)| !self.0.contains(*mark));
        let news = known.map(|(item, _)| item).collect();
        (marks, news)
    }
}

/// Letters of a mark: 24 bits are enough to tell how one thing stands from how it stood before.
const MARK: usize = 4;

fn mark((event, stands): &(&'static str, String)) -> String {
    let digest = Sha256::new().chain_update(event).chain_update([0]).chain_update(stands).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..3])
}

/// The id that says that these things were told; `None` where it would be longer than a header should be.
fn id_of(marks: &[String], over: bool) -> Option<String> {
    let id = marks.concat() + if over { "." } else { "" };
    (id.len() <= bounds::EVENT_ID_BYTES).then_some(id)
}

/// Answers with the events of what `look` sees, until nothing of it can change any more.
pub async fn stream<A, L, F>(
    may: May<A>,
    hub: &Arc<Hub>,
    head: Parts,
    look: L,
) -> Result<Response, ApiProblem>
where
    A: Is,
    L: Fn(Arc<Hub>, May<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Look, ApiProblem>> + Send + 'static,
{
    let last = head.headers.get(LAST).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let place = hub.streams.open(may.person().id)?;
    let changes = hub.changes();
    let first = look(Arc::clone(hub), may).await?;
    if first.over.is_some() && id_of(&Told::default().news(&first).0, true).is_some_and(|id| id == last) {
        // Whoever was told the end comes again by itself, and this keeps it from doing so for ever.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (events, taken) = mpsc::channel(bounds::EVENTS_AHEAD);
    let told = Told::of_id(&last);
    let waiter = Waiter { hub: Arc::clone(hub), head, events, told, changes, place };
    tokio::spawn(waiter.run(first, look));
    Ok(([(header::CACHE_CONTROL, "no-store")], Sse::new(Taken(taken))).into_response())
}

/// Who waits.
struct Waiter {
    hub: Arc<Hub>,
    head: Parts,
    events: Sender<Event>,
    told: Told,
    changes: tokio::sync::watch::Receiver<u64>,
    place: Place,
}

/// Why a wait went on.
enum Woken {
    /// Something at the hub changed.
    Changed,
    /// It is time to say that the stream is alive, and to look whether a Trust went away.
    Beat,
    /// Nobody listens any more, or the hub goes down, or the stream is old.
    End,
}

impl Waiter {
    async fn run<A, L, F>(mut self, first: Look, look: L)
    where
        A: Is,
        L: Fn(Arc<Hub>, May<A>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Look, ApiProblem>> + Send + 'static,
    {
        let end = Instant::now() + bounds::EVENTS_LIFE;
        let mut seen = first;
        let mut beat = Event::default().retry(bounds::EVENTS_AGAIN).comment("waiting");
        loop {
            match timeout_at(end, self.tell(&seen, beat)).await {
                Ok(Ok(true)) => {}
                // Told to the end, or nobody listens, or too slowly.
                Ok(Ok(false) | Err(_)) | Err(_) => break,
            }
            beat = match self.wait(end).await {
                Woken::Changed => Event::default(),
                Woken::Beat => Event::default().comment("waiting"),
                Woken::End => break,
            };
            let hub = Arc::clone(&self.hub);
            let looked = match May::<A>::from_request_parts(&mut self.head, &hub).await {
                Ok(may) => look(hub, may).await,
                Err(problem) => Err(problem),
            };
            seen = match looked {
                Ok(seen) => seen,
                Err(problem) => {
                    let event = Event::default().event("problem").data(text(&*problem.0));
                    let _ = timeout_at(end, self.events.send(event)).await;
                    break;
                }
            };
        }
        drop(self.place);
    }

    /// Tells what is news, or else what a beat has to say. False where that was the end.
    async fn tell(&mut self, seen: &Look, beat: Event) -> Result<bool, mpsc::error::SendError<Event>> {
        let (marks, news) = self.told.news(seen);
        self.events.send(beat).await?;
        // The last of them has the id: a connection that breaks among them has the others told again.
        for (place, (name, stands)) in news.iter().enumerate() {
            let mut event = Event::default().event(name).data(stands);
            if place + 1 == news.len()
                && let Some(id) = id_of(&marks, false)
            {
                event = event.id(id);
            }
            self.events.send(event).await?;
        }
        if let Some(outcome) = &seen.over {
            let mut event = Event::default().event("complete").data(outcome);
            if let Some(id) = id_of(&marks, true) {
                event = event.id(id);
            }
            self.events.send(event).await?;
            return Ok(false);
        }
        self.told = Told(marks.into_iter().collect());
        Ok(true)
    }

    async fn wait(&mut self, end: Instant) -> Woken {
        let beat = Instant::now() + bounds::EVENTS_BEAT;
        tokio::select! {
            changed = self.changes.changed() => match changed {
                // Many changes at once are one look.
                Ok(()) => {
                    tokio::time::sleep(bounds::EVENTS_PACE).await;
                    self.changes.mark_unchanged();
                    Woken::Changed
                }
                Err(_) => Woken::End,
            },
            () = self.events.closed() => Woken::End,
            () = self.hub.stopped() => Woken::End,
            () = tokio::time::sleep_until(end) => Woken::End,
            () = tokio::time::sleep_until(beat) => Woken::Beat,
        }
    }
}

/// The events as they come, until the waiter is gone.
struct Taken(Receiver<Event>);

impl Stream for Taken {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(states: &[&str]) -> Look {
        let items = states.iter().enumerate().map(|(trust, state)| json!({ "trust": trust, "state": state }));
        items.fold(Look::default(), |look, item| look.with("share", &item))
    }

    fn news(told: &Told, look: &Look) -> Vec<String> {
        told.news(look).1.iter().map(|(_, stands)| stands.clone()).collect()
    }

    #[test]
    fn an_id_says_what_was_told_and_the_rest_is_news() {
        let before = look(&["queued", "queued", "running"]);
        let (marks, all) = Told::default().news(&before);
        assert_eq!(all.len(), 3);
        let told = Told::of_id(&id_of(&marks, false).unwrap());
        assert_eq!(news(&told, &before), Vec::<String>::new());
        let after = look(&["queued", "running", "value"]);
        assert_eq!(
            news(&told, &after),
            [r#"{"state":"running","trust":1}"#, r#"{"state":"value","trust":2}"#]
        );
        // An id that is none has everything told again.
        for id in ["", "x", "....", "ÿÿÿÿÿ", "AAAAAAAAAAAAA"] {
            assert_eq!(news(&Told::of_id(id), &after).len(), 3, "{id}");
        }
        let over = Told::of_id(&id_of(&Told::default().news(&after).0, true).unwrap());
        assert_eq!(news(&over, &after), Vec::<String>::new());
    }

    #[test]
    fn an_id_too_long_for_a_header_is_not_given() {
        let many = vec![String::from("AAAA"); bounds::EVENT_ID_BYTES / MARK];
        assert!(id_of(&many, false).is_some());
        assert_eq!(id_of(&many, true), None);
    }

    #[test]
    fn a_person_has_so_many_streams_and_another_when_one_ends() {
        let streams = Streams::default();
        let (ada, ben) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let mut open: Vec<Place> = (0..bounds::EVENTS_AT_ONCE).flat_map(|_| streams.open(ada)).collect();
        assert_eq!(open.len(), bounds::EVENTS_AT_ONCE);
        assert!(streams.open(ada).is_err() && streams.open(ben).is_ok());
        open.pop();
        open.extend(streams.open(ada));
        assert_eq!(open.len(), bounds::EVENTS_AT_ONCE);
        drop(open);
        assert!(streams.0.lock().unwrap().is_empty());
    }

    #[test]
    fn all_people_together_leave_room_for_whoever_does_not_wait() {
        let streams = Streams::default();
        let people = (0..=255_u8).map(|number| PersonId::from_bytes([number; 16]));
        let wanted = people.flat_map(|person| [person; bounds::EVENTS_AT_ONCE]);
        let mut open: Vec<Place> = wanted.flat_map(|person| streams.open(person)).collect();
        assert_eq!(open.len(), bounds::PEOPLE_CONNECTIONS / 2);
        let last = PersonId::from_bytes([255; 16]);
        assert!(streams.open(last).is_err());
        open.pop();
        assert!(streams.open(last).is_ok());
    }
}
