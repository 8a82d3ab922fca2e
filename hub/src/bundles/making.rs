//! What a Trust is told, in one bundle or as many as fit the sticks.

use flip_protocol::bundle::{FromHub, Header, Heading, Way, WriteError, Writer, parted};
use flip_protocol::heads::{Heads, SignedHead};
use flip_protocol::sync::SyncResponse;
use flip_protocol::{MessageId, PartyId, bounds as wire};
use flip_storage::stick;
use flip_web::pages::StickStep;

use super::{BundleError, Desk, Made, Told};
use crate::audit::{By, Deed};
use crate::clock;
use crate::ledger::bundles::ForTrust;
use crate::ledger::trusts::Peer;

impl Desk<'_> {
    /// Makes bundles for a Trust, each at most `size` bytes long as far as its messages can be parted. What `carried` bundles
    /// hold, which were left of an earlier export and are on the stick already, is not made again; nothing is made where
    /// there is nothing else to say.
    pub fn make(
        &self,
        by: &By,
        trust: PartyId,
        size: u64,
        carried: &[Header],
        told: Told<'_>,
    ) -> Result<Vec<Made>, BundleError> {
        let peer = self.wait(self.ledger.peer_at(trust, by.at))?.ok_or(BundleError::NoTrust)?;
        self.clear(trust)?;
        // Those of before are on this stick, or on the one that was full. An order that is queued once more keeps its
        // number, and goes with the next.
        let numbers = carried.iter().map(|header| header.heading.number).collect();
        let end = self.wait(self.ledger.bundles_end(trust, numbers))?;
        let found = self.wait(self.ledger.for_trust(trust, by.at, end))?;
        if let Some(made) = carried.iter().map(|header| header.heading.made).max()
            && found.orders.is_empty()
            && !self.wait(self.ledger.says_more(trust, made))?
        {
            return Ok(Vec::new());
        }
        let letter = letter(by, &peer, &found, self.heads_for(by, &peer)?);
        let (mut done, of) = (0, found.orders.len() as u64);
        let mut one = || {
            done += 1;
            told(StickStep::Making, done, of);
        };
        let parts = parted(&found.orders, &letter, size, |(_, length)| *length)?;
        parts.into_iter().map(|orders| self.make_one(by, &peer, &letter, orders, &mut one)).collect()
    }

    /// How this hub's audit ends, and the newest that it keeps of how the Trust's does.
    fn heads_for(&self, by: &By, peer: &Peer) -> Result<Heads, BundleError> {
        let (head, yours) = self.wait(self.ledger.heads_for(peer.id))?;
        let hub = self.authority.hub();
        let mine = SignedHead::sign(hub, head.entries, &head.hash, by.at, self.authority.signing());
        Ok(Heads { mine, yours })
    }

    fn make_one(
        &self,
        by: &By,
        peer: &Peer,
        letter: &FromHub,
        orders: &[(u64, u64)],
        one: &mut dyn FnMut(),
    ) -> Result<Made, BundleError> {
        let heading = Heading {
            way: Way::ToTrust,
            id: MessageId::new(by.at, &clock::random_bytes()),
            sender: self.authority.hub(),
            receiver: peer.id,
            number: self.wait(self.ledger.next_bundle(peer.id))?,
            made: by.at,
            expires: by.at.plus(wire::BUNDLE_LIFE_TO_TRUST_MS),
        };
        let signing = self.authority.signing();
        let letter = heading.seal(letter, signing, &peer.sealing, &mut clock::random())?;
        let lengths: Vec<u64> = std::iter::once(letter.bytes().len() as u64)
            .chain(orders.iter().map(|(_, length)| *length))
            .collect();
        let span = orders.first().zip(orders.last()).map(|((first, _), (last, _))| (*first, *last));
        self.wait(self.ledger.note_bundle(peer.id, heading.number, heading.id, span))?;
        let name = format!("flip-{}.flip", heading.id);
        let mut made = None;
        let path = stick::place(&self.folder, &name, |file| {
            let mut writer = Writer::new(file, heading, &lengths, signing)?;
            writer.message(letter.bytes())?;
            for (sequence, _) in orders {
                let message = self.wait(self.ledger.order_message(peer.id, *sequence))?;
                writer.message(&message.ok_or(WriteError::Changed)?)?;
                one();
            }
            let (header, _) = writer.finish(signing)?;
            made = Some(header);
            Ok::<_, BundleError>(header.length())
        })?;
        let header = made.ok_or(WriteError::Changed)?;
        let orders = header.messages - 1;
        let Heading { id: bundle, number, .. } = heading;
        let deed = Deed::BundleMade { trust: peer.id, bundle, number, orders, bytes: header.length() };
        self.wait(self.ledger.bundle_made(by.clone(), deed))?;
        Ok(Made { header, orders, path })
    }

    /// Forgets what was made for a Trust before and not handed over: what was in it is in what is made now.
    fn clear(&self, trust: PartyId) -> Result<(), BundleError> {
        for old in self.left(0, trust)? {
            stick::discard(&old);
        }
        Ok(())
    }
}

fn letter(by: &By, peer: &Peer, found: &ForTrust, heads: Heads) -> FromHub {
    FromHub {
        sync: SyncResponse {
            hub_time: by.at,
            acknowledged: found.acknowledged.clone(),
            refused: found.refused.clone(),
            orders: Vec::new(),
            rotate: peer.rotate,
            audit: Some(heads),
            cancelled: found.cancelled.clone(),
        },
        enrolled: found.enrolled.clone(),
    }
}
