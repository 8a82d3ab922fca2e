//! Results going out: sealed to the hub, signed, and stored in the same transaction that ends their order.
//!
//! What must stay true: the only value about patients that can be sealed here is a [`Release`], which disclosure
//! control alone can make.

use flip_protocol::freeze::{DropOutcome, FreezeOutcome, Freezing};
use flip_protocol::message::{self, Envelope, Kind};
use flip_protocol::order::{OrderResult, Outcome};
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::journal::{Id, Journal, JournalError};

use crate::bounds;
use crate::clock;
use crate::disclosure::Release;
use crate::identity::Identity;

/// Why a result could not be put out. The order stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The result is larger than the wire takes.
    #[error(transparent)]
    TooLarge(#[from] message::TooLarge),
    /// The hub gave no key to seal to.
    #[error("the identity holds no key of the hub to seal to; enrol again")]
    NoKey,
}

/// What ends an order.
pub enum Leaving {
    /// A question's answer.
    Answer(Release),
    /// A question's answer, and whether its cohort was frozen. Of the cohort it holds a name and a seal.
    Freeze(Release, Freezing),
    /// That frozen cohorts were dropped: how many versions, and nothing of who was in them.
    Dropped(DropOutcome),
}

impl Leaving {
    fn into_outcome(self) -> Outcome {
        match self {
            Self::Answer(release) => Outcome::CohortQuery(release.into_outcome()),
            Self::Freeze(release, freezing) => {
                Outcome::FreezeCohort(FreezeOutcome { cohort: release.into_outcome(), freezing })
            }
            Self::Dropped(outcome) => Outcome::DropFreeze(outcome),
        }
    }
}

/// Ends an order with a release.
pub fn put(
    journal: &Journal,
    identity: &Identity,
    order: MessageId,
    leaving: Leaving,
    history: &[u8],
    now: UnixMillis,
) -> Result<(), OutboxError> {
    let result = OrderResult { order, outcome: leaving.into_outcome() };
    let body = serde_json::to_vec(&result).expect("an outcome is plain strings and numbers");
    let sealing = identity.facts.sealing.first().ok_or(OutboxError::NoKey)?;
    let seal = |sequence| -> Result<(Id, Vec<u8>), message::TooLarge> {
        let id = MessageId::new(now, &clock::random_bytes());
        let envelope = Envelope {
            kind: Kind::OrderResult,
            id,
            sender: identity.facts.trust,
            receiver: identity.facts.hub,
            sequence,
            issued: now,
            expires: now.plus(bounds::RESULT_LIFE_MS),
        };
        let sealed = message::seal(envelope, &body, &identity.keys.signing, sealing, &mut clock::random())?;
        Ok((id.bytes(), sealed.bytes().to_vec()))
    };
    journal.finish(order.bytes(), now.0, history, seal)??;
    Ok(())
}
