//! What every request handler shares, and the acts that more than one of them performs.

use std::sync::Arc;

use flip_protocol::enrolment::{HubSide, Kit};
use flip_protocol::message::{self, Envelope, Kind};
use flip_protocol::order::Work;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds as wire};
use flip_storage::cells::CellKey;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::authority::Authority;
use crate::bounds;
use crate::clock;
use crate::config::Config;
use crate::files::Files;
use crate::ledger::Ledger;
use crate::ledger::orders::Sealer;
use crate::ledger::trusts::{KitSecret, Peer, Reseal};
use crate::mail::Post;
use crate::metrics::Metrics;
use crate::oidc::Provider;
use crate::passwords::Hasher;
use crate::people::{Marks, Sticks, Streams, UnderWay};
use crate::presence::Presence;
use crate::throttle::Throttle;
use crate::wording;

/// The running hub.
pub struct Hub {
    /// The checked configuration.
    pub config: Config,
    /// The hub's keys.
    pub authority: Authority,
    /// The ledger.
    pub ledger: Ledger,
    /// Which Trusts are here.
    pub presence: Presence,
    /// Verifies passwords.
    pub hasher: Hasher,
    /// How often passwords, codes and public forms are tried.
    pub throttle: Throttle,
    /// What making links and mails needs.
    pub post: Post,
    /// Opens what is sealed in the ledger.
    pub cells: CellKey,
    /// The bytes of models' files.
    pub files: Files,
    /// The identity provider, where there is one.
    pub provider: Option<Provider>,
    /// What is counted.
    pub metrics: Metrics,
    /// Requests with a key that are under way.
    pub under_way: UnderWay,
    /// Who has what they wait for told as it changes.
    pub streams: Streams,
    /// Marks pages that ask again.
    pub marks: Marks,
    /// What is done with bundles for sticks.
    pub sticks: Sticks,
    sites_address: Option<String>,
    changes: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

/// What a hub works with, beside its configuration, keys and ledger.
pub struct Means {
    /// Verifies passwords.
    pub hasher: Hasher,
    /// What making links and mails needs.
    pub post: Post,
    /// Opens what is sealed in the ledger.
    pub cells: CellKey,
    /// The bytes of models' files.
    pub files: Files,
    /// The identity provider, where there is one.
    pub provider: Option<Provider>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Hub {
    /// A hub over these parts.
    pub fn new(
        config: Config,
        authority: Authority,
        ledger: Ledger,
        sites_address: Option<String>,
        means: Means,
    ) -> Self {
        let Means { hasher, post, cells, files, provider, metrics } = means;
        Self {
            config,
            sites_address,
            authority,
            ledger,
            presence: Presence::default(),
            hasher,
            throttle: Throttle::default(),
            post,
            cells,
            files,
            provider,
            metrics,
            under_way: UnderWay::default(),
            streams: Streams::default(),
            marks: Marks::default(),
            sticks: Sticks::default(),
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }
    }

    /// `host:port` of the sites listener, as kits say it.
    pub fn sites_address(&self) -> Option<&str> {
        self.sites_address.as_deref()
    }

    /// Tells those who wait that an answer may have changed.
    pub fn announce_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// How many changes were announced by now.
    pub fn change(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Sees changes announced after this call.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ends every wait: the hub is going down.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends when the hub is going down.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // An error means that the hub itself is gone, which is as good.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// What seals work for Trusts at this moment, each under an id of its own.
    pub fn sealer(self: &Arc<Self>, now: UnixMillis) -> Sealer {
        let hub = Arc::clone(self);
        Box::new(move |peer, sequence, work| {
            let order = MessageId::new(now, &clock::random_bytes());
            (order, hub.seal_order(peer, order, sequence, work, now, now.plus(wire::ORDER_LIFE_MS)))
        })
    }

    /// What seals open orders anew at this moment, for keys that a Trust has enrolled.
    pub fn resealer(self: &Arc<Self>, now: UnixMillis) -> Reseal {
        let hub = Arc::clone(self);
        Box::new(move |peer, id, sequence, work, expires| {
            hub.seal_order(peer, id, sequence, work, now, expires)
        })
    }

    /// Seals a work order for a Trust.
    pub fn seal_order(
        &self,
        peer: &Peer,
        id: MessageId,
        sequence: u64,
        work: &Work,
        issued: UnixMillis,
        expires: UnixMillis,
    ) -> Vec<u8> {
        seal_order(&self.authority, peer, id, sequence, work, issued, expires)
    }
}

/// Seals a work order for a Trust.
pub fn seal_order(
    authority: &Authority,
    peer: &Peer,
    id: MessageId,
    sequence: u64,
    work: &Work,
    issued: UnixMillis,
    expires: UnixMillis,
) -> Vec<u8> {
    let body = serde_json::to_vec(work).expect("work is plain strings");
    let sender = authority.hub();
    let envelope =
        Envelope { kind: Kind::WorkOrder, id, sender, receiver: peer.id, sequence, issued, expires };
    message::seal(envelope, &body, authority.signing(), &peer.sealing, &mut clock::random())
        .expect("a question was bounded before it was stored")
        .bytes()
        .to_vec()
}

/// A kit for a Trust and what the ledger keeps of it.
pub fn make_kit(
    authority: &Authority,
    sites_address: &str,
    trust: PartyId,
    trust_name: &str,
    now: UnixMillis,
) -> (Kit, KitSecret) {
    let secret = clock::random_bytes::<32>();
    let expires = now.plus(wire::KIT_LIFE_MS);
    let hub = HubSide { id: authority.hub(), address: sites_address, ca_der: authority.ca() };
    let kit = Kit::new(trust_name, trust, &hub, &secret, expires);
    (kit, KitSecret { sha256: Sha256::digest(secret).into(), expires })
}

/// Checks a name: what is wrong with it, if anything.
pub fn check_name(name: &str) -> Result<&str, &'static str> {
    wording::name(name)
}

/// Checks a word to everybody, which may be empty: what is wrong with it, if anything.
pub fn check_notice(text: &str) -> Result<&str, &'static str> {
    let text = text.trim();
    if text.chars().count() > bounds::NOTICE_CHARACTERS {
        return Err("the text is longer than 200 characters");
    }
    if text.chars().any(char::is_control) {
        return Err("the text has control characters in it");
    }
    Ok(text)
}
