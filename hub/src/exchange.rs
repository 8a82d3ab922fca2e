//! What an appliance says is taken in and what the hub has for it is found, whatever carries the one and the other: a sync
//! ([`crate::sites`]) or a bundle ([`crate::bundles`]).
//!
//! What must stay true: a carrier adds nothing to what is said and leaves nothing out, so that both leave the same in the
//! ledger. Deliberately absent: waiting, presence, and bytes on a wire or a stick.

use flip_protocol::heads::{Carrier, Heads, SignedHead};
use flip_protocol::message::{Kind, Receiver, Sealed, Unwelcome};
use flip_protocol::order::OrderResult;
use flip_protocol::sync::{NotTaken, SyncRequest};
use flip_protocol::{MessageId, UnixMillis, bounds};
use flip_storage::audit::Head;

use crate::audit::By;
use crate::authority::Authority;
use crate::ledger::orders::{Arrived, Said, Settled};
use crate::ledger::trusts::Peer;
use crate::ledger::{Ledger, LedgerError};

/// One Trust's side of what is taken in.
pub struct Exchange<'a> {
    /// The hub's keys.
    pub authority: &'a Authority,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The Trust.
    pub peer: &'a Peer,
    /// When.
    pub now: UnixMillis,
}

/// What is longer in a request than the protocol allows, if anything.
pub fn too_much(request: &SyncRequest) -> Option<&'static str> {
    if request.results.len() > bounds::SYNC_MESSAGES {
        return Some("more than 64 results in one sync");
    }
    if request.received.len().max(request.refused.len()) > bounds::SYNC_LISTED
        || request.holding.len() > bounds::SYNC_LISTED
    {
        return Some("a list in the sync is longer than 4,096 entries");
    }
    if request.health.concerns.len() > bounds::SYNC_CONCERNS {
        return Some("the health snapshot names more than 32 concerns");
    }
    let version_fits = request.health.version.chars().count() <= bounds::NAME_CHARACTERS;
    let extract_fits = request.health.extract.as_ref().is_none_or(|extract| {
        extract.generation.chars().count().max(extract.date.chars().count()) <= bounds::NAME_CHARACTERS
    });
    (!version_fits || !extract_fits).then_some("a name in the health snapshot is longer than 120 characters")
}

impl Said {
    /// The lists of a request. Orders whose receipt was noted by `holding_as_of` are all in `holding`; `None` where none
    /// need be.
    pub fn of(request: &SyncRequest, holding_as_of: Option<UnixMillis>) -> Self {
        Self {
            received: request.received.clone(),
            refused: request.refused.clone(),
            holding: request.holding.clone(),
            holding_as_of,
            results: Vec::new(),
        }
    }
}

impl Exchange<'_> {
    /// Keeps the head of the Trust's audit log, and gives that of the hub's audit. One that the Trust did not sign is refused;
    /// one that came by stick may be late.
    pub async fn heads(&self, heads: &Heads, carrier: Carrier) -> Result<Option<Heads>, LedgerError> {
        let Self { authority, ledger, peer, now } = *self;
        let theirs = &heads.mine;
        if theirs.of != peer.id || !peer.verifying.contains(&theirs.key) || !theirs.verifies() {
            tracing::warn!(trust = %peer.id, "the head of a Trust's audit log is not signed by it");
            ledger.count_refused(peer.id, Unwelcome::BadSignature).await?;
            return Ok(None);
        }
        let signing = authority.signing();
        let by = By::trust(peer.id, &peer.name, now);
        let own_key = signing.verifying();
        let exchanged = ledger.exchange_heads(by, peer.id, heads.clone(), own_key, carrier).await?;
        for why in &exchanged.contradictions {
            tracing::error!(trust = %peer.id, why, "an audit was cut or written anew");
        }
        let Head { entries, hash } = exchanged.mine;
        let mine = SignedHead::sign(authority.hub(), entries, &hash, now, signing);
        Ok(Some(Heads { mine, yours: exchanged.yours }))
    }

    /// Takes in what is said, and results; those that are no messages are `None`.
    pub async fn take(&self, mut said: Said, results: Vec<Option<Vec<u8>>>) -> Result<Settled, LedgerError> {
        let trust = self.peer.id;
        let mut refused = Vec::new();
        for result in results {
            match self.open(result) {
                Ok(arrived) => said.results.push(arrived),
                Err((message, reason)) => {
                    tracing::warn!(%trust, reason = reason.name(), "a result was refused");
                    self.ledger.count_refused(trust, reason).await?;
                    refused.extend(message.map(|message| NotTaken { message, reason }));
                }
            }
        }
        let mut settled = Settled::default();
        if said.holding_as_of.is_some() || said != Said::default() {
            let by = By::trust(trust, &self.peer.name, self.now);
            settled = self.ledger.settle(by, trust, said).await?;
        }
        settled.refused.splice(0..0, refused);
        Ok(settled)
    }

    fn open(&self, result: Option<Vec<u8>>) -> Result<Arrived, (Option<MessageId>, Unwelcome)> {
        let bytes = result.ok_or((None, Unwelcome::Malformed))?;
        let id = Sealed::id_of(&bytes);
        let sealed = Sealed::parse(bytes).map_err(|reason| (id, reason))?;
        let id = sealed.envelope().id;
        let receiver = Receiver {
            me: self.authority.hub(),
            sender: self.peer.id,
            kind: Kind::OrderResult,
            verifying: &self.peer.verifying,
            opening: self.authority.opening(),
        };
        let body = sealed.open(&receiver, self.now).map_err(|reason| (Some(id), reason))?;
        let result: OrderResult =
            serde_json::from_slice(&body).map_err(|_| (Some(id), Unwelcome::BadBody))?;
        Ok(Arrived { id, sequence: sealed.envelope().sequence, order: result.order, outcome: result.outcome })
    }
}
