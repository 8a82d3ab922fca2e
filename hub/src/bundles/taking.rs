//! What a Trust says in a bundle: verified whole, explained, taken in.

use std::fs;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use flip_protocol::bundle::{
    Bundle, Clock, Expected, FromAppliance, Header, Heading, ReadError, Refused, Unproven, Way, carry,
};
use flip_protocol::enrolment::EnrolResponse;
use flip_protocol::heads::Carrier;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::journal::Standing;
use flip_storage::stick;
use flip_web::pages::StickStep;

use super::{BundleError, Desk, Looked, Taken, Told};
use crate::audit::By;
use crate::bounds;
use crate::clock;
use crate::exchange::{Exchange, too_much};
use crate::ledger::bundles::Outcome;
use crate::ledger::orders::Said;
use crate::ledger::trusts::Peer;
use crate::renewal::{Renewal, RenewalError};

impl Desk<'_> {
    /// Takes a bundle in. A refusal is counted and noted.
    pub fn take(&self, by: &By, path: &Path, told: Told<'_>) -> Result<Taken, BundleError> {
        let mut head = None;
        let taken = self.take_in(by, path, &mut head, told);
        if let Err(BundleError::Refused(why)) = &taken {
            let of = head.map(|header: Header| (header.heading.sender, header.heading.id));
            self.note_refused(by, of, *why)?;
        }
        taken
    }

    /// Counts and notes a refusal; `of` is what the head says, where there is one.
    pub fn note_refused(
        &self,
        by: &By,
        of: Option<(PartyId, MessageId)>,
        why: Refused,
    ) -> Result<(), BundleError> {
        tracing::warn!(reason = why.name(), "a bundle was refused");
        let known = match of {
            Some((sender, _)) => self.wait(self.ledger.peer_ever(sender))?.map(|peer| peer.id),
            None => None,
        };
        let bundle = of.map(|(_, bundle)| bundle);
        self.wait(self.ledger.bundle_refused(by.clone(), known, bundle, why.name()))
    }

    /// Explains a bundle, from a Trust or for one, after verifying all of it. Nothing is taken or copied.
    pub fn look(&self, path: &Path) -> Result<Looked, BundleError> {
        let (file, length) = stick::open(path)?;
        let unproven = Unproven::read(BufReader::new(file))?;
        let header = *unproven.header();
        let Heading { way, sender, receiver: me, .. } = header.heading;
        let trust = match way {
            Way::ToTrust => me,
            Way::ToHub => sender,
        };
        let now = clock::now();
        let peer = self.wait(self.ledger.peer_at(trust, now))?.ok_or(Refused::UnknownSender)?;
        header.fits(length)?;
        let own = [self.authority.signing().verifying()];
        let mut bundle = match way {
            Way::ToTrust => {
                unproven.prove(&Expected { me, sender: self.authority.hub(), way, verifying: &own })?
            }
            Way::ToHub => self.prove(unproven, &peer)?,
        };
        let letter = bundle.next_message()?.ok_or(Refused::Malformed)?;
        let letter = match way {
            Way::ToTrust => None,
            Way::ToHub => Some(self.open(&header, letter, &peer)?),
        };
        let mut messages = Vec::new();
        while let Some(message) = bundle.next_message()? {
            messages.push(message.len());
        }
        Ok(Looked { header, trust_name: peer.name, letter, messages })
    }

    fn take_in(
        &self,
        by: &By,
        path: &Path,
        head: &mut Option<Header>,
        told: Told<'_>,
    ) -> Result<Taken, BundleError> {
        let (source, length) = stick::open(path).map_err(|error| match error.io() {
            Ok((path, error)) => {
                tracing::warn!(path = %path.display(), %error, "a bundle cannot be opened");
                Refused::Unreadable.into()
            }
            Err(other) => BundleError::from(other),
        })?;
        let unproven = Unproven::read(source)?;
        let header = *unproven.header();
        *head = Some(header);
        if header.heading.way != Way::ToHub {
            return Err(Refused::WrongWay.into());
        }
        let sender = header.heading.sender;
        let peer = self.wait(self.ledger.peer_at(sender, by.at))?.ok_or(Refused::UnknownSender)?;
        header.fits(length)?;
        let bundle = self.prove(unproven, &peer)?;
        // Before gigabytes are copied, and once more at the end. Before its time is judged: what was taken long ago and
        // lies on the stick since is no news.
        self.stands(&header)?;
        header.judge(Clock { now: by.at, heard: UnixMillis(0) })?;
        fs::create_dir_all(&self.folder).map_err(|error| BundleError::file(&self.folder, error))?;
        let name = format!("taking-{}", header.heading.id);
        let copy = stick::place(&self.folder, &name, |copy| {
            carry(bundle, copy, &mut |done, of| told(StickStep::Copying, done, of))?;
            Ok::<_, BundleError>(header.length())
        })
        .map_err(|error| {
            if let BundleError::Stick(error) = error { error.of_disk().into() } else { error }
        })?;
        let taken = self.use_copy(by, &copy, &header, &peer, told);
        stick::discard(&copy);
        taken
    }

    /// Takes in a bundle that was copied, after another look at all of it.
    fn use_copy(
        &self,
        by: &By,
        copy: &Path,
        header: &Header,
        peer: &Peer,
        told: Told<'_>,
    ) -> Result<Taken, BundleError> {
        let (file, _) = stick::open(copy)?;
        let of_copy = |error| BundleError::of(copy, error);
        let unproven = Unproven::read(BufReader::new(&file)).map_err(of_copy)?;
        let mut first = self.prove(unproven, peer).map_err(of_copy)?;
        let letter = first.next_message().map_err(of_copy)?.ok_or(Refused::Malformed)?;
        let letter = self.open(header, letter, peer)?;
        let of = u64::from(header.messages - 1);
        let mut looked = 0;
        while first.next_message().map_err(of_copy)?.is_some() {
            looked += 1;
            told(StickStep::Looking, looked, of);
        }
        let newest = self.stands(header)?;

        (&file).seek(SeekFrom::Start(0)).map_err(|error| BundleError::file(copy, error))?;
        let again = Unproven::read(BufReader::new(&file)).map_err(of_copy)?;
        let mut bundle = self.prove(again, peer).map_err(of_copy)?;
        bundle.next_message().map_err(of_copy)?;
        // The head is by a key of now; the results in it may have been signed before that took the last one's place.
        let ever = self.wait(self.ledger.peer_ever(peer.id))?.ok_or(Refused::UnknownSender)?;
        let exchange = Exchange { authority: self.authority, ledger: self.ledger, peer: &ever, now: by.at };
        let said = self.wait(exchange.take(Said::of(&letter.sync, Some(letter.heard)), Vec::new()))?;
        if newest && let Some(heads) = &letter.sync.audit {
            let exchange = Exchange { authority: self.authority, ledger: self.ledger, peer, now: by.at };
            self.wait(exchange.heads(heads, Carrier::Stick))?;
        }
        let mut taken = Taken {
            header: *header,
            trust_name: peer.name.clone(),
            stored: 0,
            not_taken: 0,
            changed: said.changed,
            health: newest.then(|| letter.sync.health.clone()),
        };
        let (mut acknowledged, mut refused, mut done) = (Vec::new(), Vec::new(), 0);
        let next = |bundle: &mut Bundle<_>| {
            bundle.next_messages(bounds::BUNDLE_BATCH, bounds::BUNDLE_BATCH_BYTES).map_err(of_copy)
        };
        while let Some(batch) = next(&mut bundle)? {
            let offered = batch.len() as u64;
            let batch = batch.into_iter().map(Some).collect();
            let settled = self.wait(exchange.take(Said::default(), batch))?;
            taken.changed |= settled.changed;
            acknowledged.extend(settled.acknowledged);
            refused.extend(settled.refused);
            done += offered;
            told(StickStep::Taking, done, of);
        }
        // What is no message at all has no id that could be refused.
        let offered = usize::try_from(done).unwrap_or(usize::MAX);
        (taken.stored, taken.not_taken) = (acknowledged.len(), offered.saturating_sub(acknowledged.len()));
        let outcome = Outcome {
            id: header.heading.id,
            number: header.heading.number,
            results: header.messages - 1,
            bytes: header.length(),
            heard: letter.heard,
            acknowledged,
            refused,
            enrolled: if newest { self.keys_for(by, peer, &letter)? } else { None },
        };
        if let Some(health) = taken.health.clone() {
            self.wait(self.ledger.seen(peer.id, health, by.at))?;
        }
        self.wait(self.ledger.bundle_taken(by.clone(), peer.id, outcome))?;
        tracing::info!(trust = %peer.id, stored = taken.stored, not_taken = taken.not_taken, "a bundle was taken in");
        Ok(taken)
    }

    /// Answers a letter that asks for a certificate or shows new keys, as the sites listener does.
    fn keys_for(
        &self,
        by: &By,
        peer: &Peer,
        letter: &FromAppliance,
    ) -> Result<Option<EnrolResponse>, BundleError> {
        let by = By::trust(peer.id, &peer.name, by.at);
        let renewal = Renewal { authority: self.authority, ledger: self.ledger, peer, by };
        let answer = self.runtime.block_on(async {
            Ok(match (&letter.rotate, &letter.renew) {
                (Some(request), _) => Some(renewal.rotate(request.clone()).await?),
                (None, Some(request)) => Some(renewal.renew(request).await?),
                (None, None) => None,
            })
        });
        match answer {
            // What else the letter says is taken all the same.
            Err(RenewalError::NotSigned) => Ok(None),
            Err(RenewalError::Unusable(error)) => Err(error.into()),
            Err(RenewalError::Ledger(error)) => Err(error.into()),
            Ok(answer) => Ok(answer),
        }
    }

    fn prove<R: Read>(&self, unproven: Unproven<R>, peer: &Peer) -> Result<Bundle<R>, ReadError> {
        let (me, sender) = (self.authority.hub(), peer.id);
        unproven.prove(&Expected { me, sender, way: Way::ToHub, verifying: &peer.verifying })
    }

    fn open(&self, header: &Header, letter: Vec<u8>, peer: &Peer) -> Result<FromAppliance, Refused> {
        let letter: FromAppliance = header.open(letter, &peer.verifying, self.authority.opening())?;
        if too_much(&letter.sync).is_some() || !letter.sync.results.is_empty() {
            return Err(Refused::BadLetter);
        }
        Ok(letter)
    }

    /// Whether it is the newest so far; one that was taken, or is far behind, is refused.
    fn stands(&self, header: &Header) -> Result<bool, BundleError> {
        let Heading { id, sender, number, .. } = header.heading;
        match self.wait(self.ledger.bundle_standing(sender, number, id))? {
            Standing::Newest => Ok(true),
            Standing::Later => Ok(false),
            Standing::Taken => Err(Refused::Replayed.into()),
            Standing::TooOld | Standing::Another => Err(Refused::RolledBack.into()),
        }
    }
}
