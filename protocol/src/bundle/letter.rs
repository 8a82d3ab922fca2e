//! The letter of a bundle: the part of a sync that is not itself messages, sealed and signed as one.

use rand_core::CryptoRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Header, Heading, Refused, Way};
use crate::enrolment::{EnrolResponse, RenewRequest, RotateRequest};
use crate::ident::UnixMillis;
use crate::keys::{OpeningKey, SealingKey, SigningKey, VerifyingKey};
use crate::message::{self, Envelope, Kind, Receiver, Sealed, TooLarge};
use crate::sync::{SyncRequest, SyncResponse};

/// What an appliance says in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromAppliance {
    /// As in a sync, without the results, which follow.
    pub sync: SyncRequest,
    /// The newest moment of the hub's clock that the appliance knows of.
    pub heard: UnixMillis,
    /// Where its certificate is to be renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<RenewRequest>,
    /// Where its keys are to be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<RotateRequest>,
}

/// What a hub says in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromHub {
    /// As in a sync, without the orders, which follow.
    pub sync: SyncResponse,
    /// The answer to `renew` or `rotate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled: Option<EnrolResponse>,
}

impl Heading {
    /// Seals a letter as the first message of this bundle.
    pub fn seal(
        &self,
        letter: &impl Serialize,
        signing: &SigningKey,
        to: &SealingKey,
        random: &mut impl CryptoRng,
    ) -> Result<Sealed, TooLarge> {
        let body = serde_json::to_vec(letter).expect("a letter is plain strings and numbers");
        message::seal(self.envelope(), &body, signing, to, random)
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            kind: kind(self.way),
            id: self.id,
            sender: self.sender,
            receiver: self.receiver,
            sequence: self.number,
            issued: self.made,
            expires: self.expires,
        }
    }
}

impl Header {
    /// Opens the first message of this bundle.
    pub fn open<L: DeserializeOwned>(
        &self,
        letter: Vec<u8>,
        verifying: &[VerifyingKey],
        opening: &[OpeningKey],
    ) -> Result<L, Refused> {
        let sealed = Sealed::parse(letter).map_err(|_| Refused::BadLetter)?;
        if *sealed.envelope() != self.heading.envelope() {
            return Err(Refused::BadLetter);
        }
        let Heading { way, sender, receiver: me, made, .. } = self.heading;
        let receiver = Receiver { me, sender, kind: kind(way), verifying, opening };
        // Its time was judged with the bundle's.
        let body = sealed.open(&receiver, made).map_err(|_| Refused::BadLetter)?;
        serde_json::from_slice(&body).map_err(|_| Refused::BadLetter)
    }
}

fn kind(way: Way) -> Kind {
    match way {
        Way::ToTrust => Kind::HubLetter,
        Way::ToHub => Kind::ApplianceLetter,
    }
}
