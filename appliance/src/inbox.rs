//! Orders coming in: verify, check sequence and expiry, store durably, and only then acknowledge.

use flip_protocol::message::{Kind, Receiver, Sealed, Unwelcome};
use flip_protocol::order::Work;
use flip_protocol::sync::NotTaken;
use flip_protocol::{MessageId, UnixMillis, bounds};
use flip_storage::journal::{Journal, JournalError, Received};

use crate::identity::Identity;

/// What came of one batch of messages.
#[derive(Debug, Default)]
pub struct Taken {
    /// Orders that are durably stored, now or before, or were cancelled before they came.
    pub received: Vec<MessageId>,
    /// Messages that were not taken.
    pub refused: Vec<NotTaken>,
    /// How many orders are new.
    pub new: usize,
}

/// Takes in messages as they came from a carrier; one that is no message is `None`. A damaged one spoils no other.
pub fn take(
    journal: &Journal,
    identity: &Identity,
    messages: Vec<Option<Vec<u8>>>,
    now: UnixMillis,
) -> Result<Taken, JournalError> {
    let mut taken = Taken::default();
    for message in messages {
        match take_one(journal, identity, message, now)? {
            Ok((id, received)) => {
                taken.received.push(id);
                taken.new += usize::from(received == Received::New);
            }
            Err((id, reason)) => {
                journal.count(&format!("refused.{}", reason.name()))?;
                tracing::warn!(order = ?id.map(|id| id.to_string()), reason = reason.name(), "a message was refused");
                taken.refused.extend(id.map(|message| NotTaken { message, reason }));
            }
        }
    }
    Ok(taken)
}

type Refusal = (Option<MessageId>, Unwelcome);

fn take_one(
    journal: &Journal,
    identity: &Identity,
    message: Option<Vec<u8>>,
    now: UnixMillis,
) -> Result<Result<(MessageId, Received), Refusal>, JournalError> {
    let Some(bytes) = message else { return Ok(Err((None, Unwelcome::Malformed))) };
    let id = Sealed::id_of(&bytes);
    let sealed = match Sealed::parse(bytes) {
        Ok(sealed) => sealed,
        Err(reason) => return Ok(Err((id, reason))),
    };
    let envelope = *sealed.envelope();
    if let Err(reason) = open(identity, &sealed, now) {
        return Ok(Err((Some(envelope.id), reason)));
    }
    let stored = journal.receive(
        envelope.id.bytes(),
        envelope.sequence,
        sealed.bytes(),
        now.0,
        bounds::SEQUENCE_WINDOW,
    )?;
    Ok(match stored {
        // The hub, which has cancelled it, need not hand it over again either.
        Received::New | Received::Known | Received::Cancelled => Ok((envelope.id, stored)),
        Received::Replayed => Err((Some(envelope.id), Unwelcome::Replayed)),
    })
}

/// Verifies a work order and opens it.
pub fn open(identity: &Identity, sealed: &Sealed, now: UnixMillis) -> Result<Work, Unwelcome> {
    let receiver = Receiver {
        me: identity.facts.trust,
        sender: identity.facts.hub,
        kind: Kind::WorkOrder,
        verifying: &identity.facts.verifying,
        opening: &identity.keys.opening,
    };
    let body = sealed.open(&receiver, now)?;
    serde_json::from_slice(&body).map_err(|_| Unwelcome::BadBody)
}
