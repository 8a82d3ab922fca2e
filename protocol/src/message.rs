//! One message: sealed to its receiver (HPKE, RFC 9180), signed by its sender (Ed25519), in a canonical byte string.
//!
//! ```text
//! offset length
//!      0      4  "FLPM"
//!      4      1  version, 1
//!      5      1  kind: 1 work order, 2 order result, 3 an appliance's letter, 4 a hub's letter
//!      6     16  message id
//!     22     16  sender
//!     38     16  receiver
//!     54      8  sequence, big endian, from 1, per sender and receiver
//!     62      8  issued, milliseconds since 1970
//!     70      8  expires, milliseconds since 1970
//!     78      8  sender's key id (signing)
//!     86      8  receiver's key id (sealing)
//!     94      4  length of the sealed body
//!     98     32  encapsulated key
//!    130      n  sealed body with its tag, AES-256-GCM; associated data: bytes 0..98
//!  130+n     64  signature over bytes 0..130+n
//! ```
//! What must stay true: a reader looks at lengths before it reads, verifies before it opens, and refuses with a
//! reason of [`Unwelcome`] that can be counted.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::bounds;
use crate::ident::{MessageId, PartyId, UnixMillis};
use crate::keys::{OpeningKey, SealingKey, SigningKey, VerifyingKey};

const MAGIC: &[u8; 4] = b"FLPM";
const VERSION: u8 = 1;
const INFO: &[u8] = b"FLIP Edge message 1";
const HEADER: usize = 98;
const ENCAPSULATED: usize = 32;
const SIGNATURE: usize = 64;
const TAG: usize = 16;

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A [`crate::order::Work`] from the hub; the message's id is the order's id.
    WorkOrder,
    /// A [`crate::order::OrderResult`] from an appliance.
    OrderResult,
    /// A [`crate::bundle::FromAppliance`], the first message of a bundle.
    ApplianceLetter,
    /// A [`crate::bundle::FromHub`], the first message of a bundle.
    HubLetter,
}

/// The part of a message that is in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// What it carries.
    pub kind: Kind,
    /// Its id.
    pub id: MessageId,
    /// Who sent it.
    pub sender: PartyId,
    /// Whom it is for.
    pub receiver: PartyId,
    /// Its place among the sender's messages to this receiver, from 1.
    pub sequence: u64,
    /// When it was made.
    pub issued: UnixMillis,
    /// From when on it is void.
    pub expires: UnixMillis,
}

/// A well-formed message. Neither verified nor opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    envelope: Envelope,
    bytes: Vec<u8>,
}

/// Whom a receiver takes messages from, and with which keys.
pub struct Receiver<'a> {
    /// Itself.
    pub me: PartyId,
    /// The only sender it takes messages from here.
    pub sender: PartyId,
    /// The kind it takes here.
    pub kind: Kind,
    /// The sender's keys, several while one is being replaced.
    pub verifying: &'a [VerifyingKey],
    /// Its own keys, several while one is being replaced.
    pub opening: &'a [OpeningKey],
}

/// Why a message is not taken. Closed, so that every refusal is counted under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unwelcome {
    /// Not a message, or cut short.
    #[error("it is not a well-formed message")]
    Malformed,
    /// A later version of the format.
    #[error("its format version is newer than this program")]
    UnknownVersion,
    /// A result where an order is expected, or the reverse.
    #[error("it is of a kind that is not taken here")]
    WrongKind,
    /// For another receiver.
    #[error("it is for another receiver")]
    Foreign,
    /// From a sender that is not known here.
    #[error("it is from another sender")]
    UnknownSender,
    /// Signed with, or sealed to, a key that is not in use.
    #[error("it names a key that is not in use here")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature does not fit its bytes")]
    BadSignature,
    /// Past its expiry.
    #[error("it has expired")]
    Expired,
    /// Its sequence number was used before, or is too old.
    #[error("its sequence number was used before or is too old")]
    Replayed,
    /// The sealed body does not open.
    #[error("its sealed body does not open")]
    Undecipherable,
    /// The opened body is not what its kind says.
    #[error("its body is not what its kind says")]
    BadBody,
}

impl Unwelcome {
    /// The reason's name in metrics and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::WrongKind => "wrong_kind",
            Self::Foreign => "foreign",
            Self::UnknownSender => "unknown_sender",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::Replayed => "replayed",
            Self::Undecipherable => "undecipherable",
            Self::BadBody => "bad_body",
        }
    }
}

/// The body is larger than [`bounds::BODY_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error("a message body of {0} bytes is over the limit of {limit} bytes", limit = bounds::BODY_BYTES)]
pub struct TooLarge(usize);

/// Seals and signs `body`.
pub fn seal(
    envelope: Envelope,
    body: &[u8],
    signing: &SigningKey,
    to: &SealingKey,
    random: &mut impl CryptoRng,
) -> Result<Sealed, TooLarge> {
    if body.len() > bounds::BODY_BYTES {
        return Err(TooLarge(body.len()));
    }
    let length = u32::try_from(body.len() + TAG).map_err(|_| TooLarge(body.len()))?;
    let mut bytes = Vec::with_capacity(HEADER + ENCAPSULATED + body.len() + TAG + SIGNATURE);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    bytes.push(envelope.kind.code());
    bytes.extend_from_slice(&envelope.id.bytes());
    bytes.extend_from_slice(&envelope.sender.bytes());
    bytes.extend_from_slice(&envelope.receiver.bytes());
    bytes.extend_from_slice(&envelope.sequence.to_be_bytes());
    bytes.extend_from_slice(&envelope.issued.0.to_be_bytes());
    bytes.extend_from_slice(&envelope.expires.0.to_be_bytes());
    bytes.extend_from_slice(&signing.verifying().id().0);
    bytes.extend_from_slice(&to.id().0);
    bytes.extend_from_slice(&length.to_be_bytes());
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        to.inner(),
        INFO,
        body,
        &bytes,
        random,
    )
    .expect("a parsed X25519 key and a bounded body always seal");
    bytes.extend_from_slice(&encapsulated.to_bytes());
    bytes.extend_from_slice(&sealed);
    let signature = signing.sign(&bytes);
    bytes.extend_from_slice(&signature);
    Ok(Sealed { envelope, bytes })
}

impl Sealed {
    /// Reads the envelope and checks every length; nothing is verified yet.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Unwelcome> {
        let mut fields = Fields(&bytes);
        if fields.take::<4>()? != *MAGIC {
            return Err(Unwelcome::Malformed);
        }
        let [version] = fields.take()?;
        if version != VERSION {
            return Err(Unwelcome::UnknownVersion);
        }
        let [kind] = fields.take()?;
        let envelope = Envelope {
            kind: Kind::from_code(kind).ok_or(Unwelcome::WrongKind)?,
            id: MessageId::from_bytes(fields.take()?),
            sender: PartyId::from_bytes(fields.take()?),
            receiver: PartyId::from_bytes(fields.take()?),
            sequence: u64::from_be_bytes(fields.take()?),
            issued: UnixMillis(u64::from_be_bytes(fields.take()?)),
            expires: UnixMillis(u64::from_be_bytes(fields.take()?)),
        };
        if envelope.sequence.max(envelope.issued.0).max(envelope.expires.0) > bounds::NUMBER_MOST {
            return Err(Unwelcome::Malformed);
        }
        let _key_ids: [u8; 16] = fields.take()?;
        let length = u32::from_be_bytes(fields.take()?) as usize;
        let body_fits = (TAG..=bounds::BODY_BYTES + TAG).contains(&length);
        if !body_fits || bytes.len() != HEADER + ENCAPSULATED + length + SIGNATURE {
            return Err(Unwelcome::Malformed);
        }
        Ok(Self { envelope, bytes })
    }

    /// The id of a message of whatever version, where there is one: its place never changes.
    pub fn id_of(bytes: &[u8]) -> Option<MessageId> {
        let id = bytes.strip_prefix(MAGIC)?.get(2..18)?;
        Some(MessageId::from_bytes(id.try_into().ok()?))
    }

    /// The part in the clear.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The whole message.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it says that this key opens it.
    pub fn is_sealed_to(&self, opening: &OpeningKey) -> bool {
        self.bytes.get(86..94) == Some(&opening.sealing().id().0)
    }

    /// Verifies the message and opens its body. The replay check is the caller's: it needs durable memory.
    pub fn open(&self, receiver: &Receiver<'_>, now: UnixMillis) -> Result<Zeroizing<Vec<u8>>, Unwelcome> {
        let envelope = &self.envelope;
        if envelope.kind != receiver.kind {
            return Err(Unwelcome::WrongKind);
        }
        if envelope.receiver != receiver.me {
            return Err(Unwelcome::Foreign);
        }
        if envelope.sender != receiver.sender {
            return Err(Unwelcome::UnknownSender);
        }
        let (signed, signature) = self.bytes.split_at(self.bytes.len() - SIGNATURE);
        let signature: &[u8; SIGNATURE] = signature.try_into().map_err(|_| Unwelcome::Malformed)?;
        let verifying = receiver.verifying.iter().find(|key| key.id().0 == signed[78..86]);
        if !verifying.ok_or(Unwelcome::UnknownKey)?.verifies(signed, signature) {
            return Err(Unwelcome::BadSignature);
        }
        if now >= envelope.expires {
            return Err(Unwelcome::Expired);
        }
        let opening = receiver.opening.iter().find(|key| key.sealing().id().0 == signed[86..94]);
        let opening = opening.ok_or(Unwelcome::UnknownKey)?;
        let encapsulated =
            <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(&signed[HEADER..HEADER + ENCAPSULATED])
                .map_err(|_| Unwelcome::Undecipherable)?;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            opening.inner(),
            &encapsulated,
            INFO,
            &signed[HEADER + ENCAPSULATED..],
            &signed[..HEADER],
        )
        .map(Zeroizing::new)
        .map_err(|_| Unwelcome::Undecipherable)
    }
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::WorkOrder => 1,
            Self::OrderResult => 2,
            Self::ApplianceLetter => 3,
            Self::HubLetter => 4,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::WorkOrder),
            2 => Some(Self::OrderResult),
            3 => Some(Self::ApplianceLetter),
            4 => Some(Self::HubLetter),
            _ => None,
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unwelcome> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Unwelcome::Malformed)?;
        self.0 = rest;
        Ok(*field)
    }
}
