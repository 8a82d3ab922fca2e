//! A bundle: one file that carries one way what a sync carries, for Trusts that no network reaches.
//!
//! ```text
//! offset length
//!      0      4  "FLPB"
//!      4      1  version, 1
//!      5      1  way: 1 to a Trust, 2 to the hub
//!      6     16  bundle id
//!     22     16  sender
//!     38     16  receiver
//!     54      8  number, big endian, from 1, per sender and receiver
//!     62      8  made, milliseconds since 1970
//!     70      8  expires, milliseconds since 1970
//!     78      8  sender's key id (signing)
//!     86      4  messages, at least 1
//!     90      8  length n of the payload
//!     98    32c  manifest: SHA-256 of each chunk of 1 MiB of the payload, the last one what is left
//!  98+32c    64  signature over everything before it
//! 162+32c     n  payload: messages, each after its length of 4 bytes; the first is the letter
//! ```
//! What must stay true: every length is bounded before it is read; memory is one chunk, one message and the manifest,
//! however long the bundle; whoever has verified a bundle's head can check every byte after it without a private key;
//! a refusal is one of [`Refused`]. Deliberately absent: files, and what was seen before.

mod carry;
mod letter;
mod read;
mod write;

use std::io;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::ident::{MessageId, PartyId, UnixMillis};
use crate::keys::VerifyingKey;

pub use carry::carry;
pub use letter::{FromAppliance, FromHub};
pub use read::{Bundle, Unproven};
pub use write::{WriteError, Writer};

const MAGIC: &[u8; 4] = b"FLPB";
const VERSION: u8 = 1;
const HEAD: usize = 98;
const DIGEST: usize = 32;
const SIGNATURE: usize = 64;
const LENGTH: usize = 4;
/// Bytes before each message of the payload.
pub const FRAME: u64 = LENGTH as u64;

/// Which way a bundle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the hub to a Trust's appliance.
    ToTrust,
    /// From an appliance to its hub.
    ToHub,
}

/// What makes a bundle the one that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// Which way it goes.
    pub way: Way,
    /// Its id.
    pub id: MessageId,
    /// Who made it.
    pub sender: PartyId,
    /// Whom it is for.
    pub receiver: PartyId,
    /// Its place among the sender's bundles to this receiver, from 1.
    pub number: u64,
    /// When it was made.
    pub made: UnixMillis,
    /// From when on it is void.
    pub expires: UnixMillis,
}

/// The fixed-size head of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which bundle it is.
    pub heading: Heading,
    /// How many messages it holds, the letter among them.
    pub messages: u32,
    /// Bytes of the payload.
    pub payload: u64,
    key: [u8; 8],
}

/// Whose bundles a receiver takes.
pub struct Expected<'a> {
    /// Itself.
    pub me: PartyId,
    /// The only sender that it takes them from here.
    pub sender: PartyId,
    /// The way that it takes them.
    pub way: Way,
    /// The sender's keys, several while one is being replaced.
    pub verifying: &'a [VerifyingKey],
}

/// What a receiver knows of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What its clock says.
    pub now: UnixMillis,
    /// A moment that has passed for sure, by the hub's clock.
    pub heard: UnixMillis,
}

/// Why a bundle is not taken. Closed, so that every refusal is counted under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Other first bytes.
    #[error("it is not a bundle of FLIP Edge")]
    NotABundle,
    /// A later version of the format.
    #[error("it was made by a newer program than this one; update this program")]
    UnknownVersion,
    /// To the hub where one to a Trust is expected, or the reverse.
    #[error(
        "it goes the other way; bundles of the hub are for appliances, and an appliance's are for the hub"
    )]
    WrongWay,
    /// It claims more than the format allows.
    #[error(
        "it claims to be larger than a bundle can be; it was not made by FLIP Edge: look where it comes from"
    )]
    TooLarge,
    /// For another receiver.
    #[error("it is for somebody else; take the stick to the site that it was made for")]
    Foreign,
    /// From another sender.
    #[error("it is from a sender that is not known here; look where it comes from")]
    UnknownSender,
    /// Signed with a key that is not in use.
    #[error("it is signed with a key that is not in use here; have it made anew")]
    UnknownKey,
    /// Head or manifest was changed.
    #[error("its signature does not fit: it was altered or damaged; copy it anew, or have it made anew")]
    BadSignature,
    /// The file ends before the bundle does.
    #[error(
        "it ends before its end: the stick was pulled too soon; plug it in where it was made, and copy it anew"
    )]
    CutShort,
    /// The file goes on after the bundle.
    #[error("something was added at its end; copy it anew, or have it made anew")]
    TrailingBytes,
    /// A chunk is not what the manifest says.
    #[error("a part of it is damaged; copy it anew, on another stick if that does not help")]
    Damaged,
    /// What is signed is not messages, or a number in its head is none that is used.
    #[error("what is in it is not what FLIP Edge writes; tell the other side")]
    Malformed,
    /// The letter does not open, or is another bundle's.
    #[error("the letter in it does not open here; have it made anew")]
    BadLetter,
    /// Past its expiry.
    #[error("it has expired; have it made anew, and if this machine's clock is wrong, set it right")]
    Expired,
    /// Made later than the clock says.
    #[error(
        "it was made at a time that this machine's clock has not reached; set the clock right, here or there"
    )]
    Future,
    /// It was taken before.
    #[error("it was taken in before; there is nothing to do")]
    Replayed,
    /// Far behind the newest bundle that was taken, or another under a number that was taken.
    #[error(
        "it is much older than what was taken in since, or its maker was put back from an older state; have it made anew"
    )]
    RolledBack,
    /// The stick cannot be read, or went away.
    #[error("it cannot be read: the stick went away or is failing; plug it in again, or use another")]
    Unreadable,
    /// A link, a folder or a device.
    #[error("it is called like a bundle and is no ordinary file; look what is on the stick")]
    NotAFile,
    /// Many files that are called like bundles.
    #[error("there are more than 64 files that are called like bundles; use a stick that holds nothing else")]
    TooMany,
}

/// Why a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The source failed.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Where it is copied to failed.
    #[error("it cannot be copied")]
    Copy(#[source] io::Error),
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::NotABundle,
        Self::UnknownVersion,
        Self::WrongWay,
        Self::TooLarge,
        Self::Foreign,
        Self::UnknownSender,
        Self::UnknownKey,
        Self::BadSignature,
        Self::CutShort,
        Self::TrailingBytes,
        Self::Damaged,
        Self::Malformed,
        Self::BadLetter,
        Self::Expired,
        Self::Future,
        Self::Replayed,
        Self::RolledBack,
        Self::Unreadable,
        Self::NotAFile,
        Self::TooMany,
    ];

    /// What is said where one is refused for it, as one sentence without a capital.
    pub fn in_words(self) -> String {
        format!("refused ({}): {self}.", self.name())
    }

    /// The reason's name in counters, audits and `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotABundle => "not_a_bundle",
            Self::UnknownVersion => "unknown_version",
            Self::WrongWay => "wrong_way",
            Self::TooLarge => "too_large",
            Self::Foreign => "foreign",
            Self::UnknownSender => "unknown_sender",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::CutShort => "cut_short",
            Self::TrailingBytes => "trailing_bytes",
            Self::Damaged => "damaged",
            Self::Malformed => "malformed",
            Self::BadLetter => "bad_letter",
            Self::Expired => "expired",
            Self::Future => "future",
            Self::Replayed => "replayed",
            Self::RolledBack => "rolled_back",
            Self::Unreadable => "unreadable",
            Self::NotAFile => "not_a_file",
            Self::TooMany => "too_many",
        }
    }
}

impl Header {
    /// Chunks of the payload.
    pub fn chunks(&self) -> u64 {
        self.payload.div_ceil(bounds::BUNDLE_CHUNK)
    }

    /// Bytes before the payload.
    fn head_length(&self) -> u64 {
        (HEAD + SIGNATURE) as u64 + self.chunks() * DIGEST as u64
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.head_length() + self.payload
    }

    /// What it says, for an audit and `--json`.
    pub fn facts(&self) -> serde_json::Value {
        let heading = self.heading;
        serde_json::json!({
            "id": heading.id, "way": heading.way, "number": heading.number, "made": heading.made,
            "expires": heading.expires, "sender": heading.sender, "receiver": heading.receiver,
            "messages": self.messages, "bytes": self.length(),
        })
    }

    /// The name that its file is given.
    pub fn file_name(&self) -> String {
        format!("flip-{}.flip", self.heading.id)
    }

    /// Whether a file of this length can be this bundle.
    pub fn fits(&self, file_length: u64) -> Result<(), Refused> {
        match file_length.cmp(&self.length()) {
            std::cmp::Ordering::Less => Err(Refused::CutShort),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Refused::TrailingBytes),
        }
    }

    /// Judges its time; gives the moment by which what is in it is judged.
    pub fn judge(&self, clock: Clock) -> Result<UnixMillis, Refused> {
        let clock_is_wrong = clock.now < clock.heard;
        let Heading { made, expires, .. } = self.heading;
        if clock.now.max(clock.heard) >= expires {
            return Err(Refused::Expired);
        }
        if !clock_is_wrong && made > clock.now.plus(bounds::BUNDLE_AHEAD_MS) {
            return Err(Refused::Future);
        }
        Ok(clock.heard.max(made))
    }

    fn to_bytes(self) -> [u8; HEAD] {
        let Heading { way, id, sender, receiver, number, made, expires } = self.heading;
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.push(way.code());
        bytes.extend_from_slice(&id.bytes());
        bytes.extend_from_slice(&sender.bytes());
        bytes.extend_from_slice(&receiver.bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&made.0.to_be_bytes());
        bytes.extend_from_slice(&expires.0.to_be_bytes());
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&self.messages.to_be_bytes());
        bytes.extend_from_slice(&self.payload.to_be_bytes());
        bytes.try_into().expect("the fields are as long as the head")
    }

    /// Reads the head; nothing is verified yet.
    fn from_bytes(bytes: &[u8; HEAD]) -> Result<Self, Refused> {
        let mut fields = Fields(bytes);
        if fields.take::<4>()? != *MAGIC {
            return Err(Refused::NotABundle);
        }
        if fields.take()? != [VERSION] {
            return Err(Refused::UnknownVersion);
        }
        let [way] = fields.take()?;
        let heading = Heading {
            way: Way::from_code(way).ok_or(Refused::WrongWay)?,
            id: MessageId::from_bytes(fields.take()?),
            sender: PartyId::from_bytes(fields.take()?),
            receiver: PartyId::from_bytes(fields.take()?),
            number: u64::from_be_bytes(fields.take()?),
            made: UnixMillis(u64::from_be_bytes(fields.take()?)),
            expires: UnixMillis(u64::from_be_bytes(fields.take()?)),
        };
        let key = fields.take()?;
        let messages = u32::from_be_bytes(fields.take()?);
        let payload = u64::from_be_bytes(fields.take()?);
        let header = Self { heading, messages, payload, key };
        let room_for = header.payload / FRAME;
        if header.payload > bounds::BUNDLE_PAYLOAD || u64::from(header.messages) > room_for {
            return Err(Refused::TooLarge);
        }
        let most = heading.number.max(heading.made.0).max(heading.expires.0);
        if header.messages == 0 || heading.number == 0 || most > bounds::NUMBER_MOST {
            return Err(Refused::Malformed);
        }
        Ok(header)
    }
}

impl Way {
    fn code(self) -> u8 {
        match self {
            Self::ToTrust => 1,
            Self::ToHub => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::ToTrust),
            2 => Some(Self::ToHub),
            _ => None,
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Refused::NotABundle)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// So many bundles would be more than a stick may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bundles of at most {size} bytes would be {parts}, and a stick may hold {most}; take a larger --size",
    most = bounds::BUNDLES_ON_A_STICK)]
pub struct TooManyParts {
    /// The size that was asked for, in bytes.
    pub size: u64,
    /// How many they would be.
    pub parts: usize,
}

/// Messages in parts that are bundles of at most `size` bytes with this letter, as far as messages can be parted: each has
/// at least one message; one empty part where there are none.
pub fn parted<'a, T>(
    messages: &'a [T],
    letter: &impl Serialize,
    size: u64,
    length: impl Fn(&T) -> u64,
) -> Result<Vec<&'a [T]>, TooManyParts> {
    let letter = serde_json::to_vec(letter).map_or(0, |body| body.len());
    let around = bounds::around_messages(letter, size);
    let parts = framed(messages, size.saturating_sub(around), length);
    if parts.len() > bounds::BUNDLES_ON_A_STICK {
        return Err(TooManyParts { size, parts: parts.len() });
    }
    Ok(parts)
}

/// The same by the bytes of the frames alone.
fn framed<T>(messages: &[T], size: u64, length: impl Fn(&T) -> u64) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0_u64);
    for (at, message) in messages.iter().enumerate() {
        let more = FRAME + length(message);
        if at > from && bytes + more > size {
            parts.push(&messages[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += more;
    }
    parts.push(&messages[from..]);
    parts
}

#[cfg(test)]
mod tests;
