//! Sends what waits in the ledger, one mail at a time, and again with back-off until it is sent or given up.

use std::sync::Arc;
use std::time::Duration;

use flip_protocol::UnixMillis;

use super::letter::Letter;
use super::smtp::{self, NotSent};
use crate::audit::By;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::mail::{Mail, MailState, NewMail};

/// How often the outbox looks by itself: mails that the command line stored, and those whose time has come.
const LOOK: Duration = Duration::from_secs(2);

/// Sends until the hub stops. Without `[mail]` there is nothing to do.
pub async fn run(hub: Arc<Hub>) {
    if !hub.post.sends() {
        return;
    }
    loop {
        match round(&hub).await {
            // Another may have become due meanwhile.
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "no look at the outbox"),
        }
        tokio::select! {
            () = hub.post.announced() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = hub.stopped() => return,
        }
    }
}

/// Looks up who asked for a new password, and stores their links and mails.
async fn answer_resets(hub: &Arc<Hub>) -> Result<(), LedgerError> {
    loop {
        let now = clock::now();
        let link = hub.post.new_link(now.plus(bounds::RESET_ASKED_MS));
        let letter = move |name, to| {
            let letter = Letter::Reset { name, ordered: false, nonce: link.nonce, expires: link.expires };
            NewMail::new(to, letter, now)
        };
        if !hub.ledger.answer_reset(By::hub(now), link, letter).await? {
            return Ok(());
        }
    }
}

/// Tries what is due; true where something was sent and more may wait.
async fn round(hub: &Arc<Hub>) -> Result<bool, LedgerError> {
    answer_resets(hub).await?;
    let due = hub.ledger.due_mail(clock::now(), bounds::MAIL_ROUND).await?;
    let mut sent = false;
    for mail in due {
        let (state, why, no_server) = try_one(hub, mail.clone()).await;
        match &state {
            MailState::Sent { .. } => {
                sent = true;
                tracing::info!(mail = %mail.id, kind = mail.letter.kind(), "a mail was sent");
            }
            MailState::Waiting { next } => {
                tracing::warn!(mail = %mail.id, why, again_s = next.since(clock::now()) / 1_000, "a mail was not sent");
            }
            MailState::Failed { .. } => {
                tracing::error!(mail = %mail.id, kind = mail.letter.kind(), why, "a mail is given up");
            }
        }
        hub.ledger.mail_tried(mail.id, mail.tries, state, why).await?;
        if no_server {
            return Ok(false);
        }
    }
    Ok(sent)
}

/// Tries one mail: what becomes of it, why it was not sent, and whether the server is the reason.
async fn try_one(hub: &Arc<Hub>, mail: Mail) -> (MailState, String, bool) {
    let now = clock::now();
    if mail.letter.link().is_some_and(|(_, expires)| expires <= now) {
        let why = "its link does not work any more; make another".to_owned();
        return (MailState::Failed { at: now }, why, false);
    }
    let (hub, tried) = (Arc::clone(hub), mail.clone());
    let outcome = tokio::task::spawn_blocking(move || {
        let settings = hub.post.settings.as_ref().expect("the outbox runs where there are settings");
        let written = tried.letter.write(&hub.post.console, |nonce| hub.post.link(nonce));
        smtp::send(settings, &tried, &written)
    })
    .await
    .unwrap_or_else(|_| {
        Err(NotSent::ForNow("sending it ended in a fault of the hub; see its log".to_owned()))
    });
    settle(&mail, outcome, clock::now())
}

/// What becomes of a mail that was tried. Pure.
fn settle(mail: &Mail, outcome: Result<(), NotSent>, now: UnixMillis) -> (MailState, String, bool) {
    match outcome {
        Ok(()) => (MailState::Sent { at: now }, String::new(), false),
        Err(NotSent::ForGood(why)) => (MailState::Failed { at: now }, why, false),
        Err(NotSent::ForNow(why)) => (later(mail, now), why, false),
        Err(NotSent::NoServer(why)) => (later(mail, now), why, true),
    }
}

fn later(mail: &Mail, now: UnixMillis) -> MailState {
    if now.since(mail.stored) >= bounds::MAIL_LIFE_MS {
        return MailState::Failed { at: now };
    }
    let doublings = mail.tries.min(20);
    let wait = (bounds::MAIL_AGAIN_MS << doublings).min(bounds::MAIL_AGAIN_MOST_MS);
    MailState::Waiting { next: now.plus(wait) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ledger::mail::MailId;

    fn mail(tries: u32) -> Mail {
        Mail {
            id: MailId(Uuid::nil()),
            to: "ada@example.org".parse().unwrap(),
            letter: Letter::Test,
            stored: UnixMillis(1_000),
            tries,
            why: String::new(),
            state: MailState::Waiting { next: UnixMillis(0) },
        }
    }

    #[test]
    fn a_mail_waits_longer_each_time_and_is_given_up_at_last() {
        let now = UnixMillis(2_000);
        let wait = |tries| match settle(&mail(tries), Err(NotSent::ForNow("busy".to_owned())), now).0 {
            MailState::Waiting { next } => next.since(now),
            other @ (MailState::Sent { .. } | MailState::Failed { .. }) => panic!("{other:?}"),
        };
        assert_eq!([wait(0), wait(1), wait(2)], [5_000, 10_000, 20_000]);
        assert_eq!(wait(40), bounds::MAIL_AGAIN_MOST_MS);
        let late = UnixMillis(1_000 + bounds::MAIL_LIFE_MS);
        let gone = Err(NotSent::NoServer("gone".to_owned()));
        assert_eq!(settle(&mail(9), gone, late), (MailState::Failed { at: late }, "gone".to_owned(), true));
        let refused = Err(NotSent::ForGood("no such user".to_owned()));
        assert_eq!(settle(&mail(0), refused, now).0, MailState::Failed { at: now });
        assert_eq!(settle(&mail(0), Ok(()), now).0, MailState::Sent { at: now });
    }
}
