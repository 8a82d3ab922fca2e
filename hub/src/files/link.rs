//! Signed links: what lets one person bring, or fetch, one file for a while. Pure.
//!
//! What must stay true: a link is good for its own file, use and person, until its time; it is signed with a key of the
//! hub's, so that none can be made up or altered. Whether that person may still do it is asked each time it is used.

use flip_protocol::{UnixMillis, text};

use crate::links::LinkKey;
use crate::model::FileId;
use crate::person::PersonId;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Bringing a file.
    Upload,
    /// Fetching it.
    Download,
}

impl Usage {
    /// What stands before the token.
    pub fn path(self) -> &'static str {
        match self {
            Self::Upload => "/uploads/",
            Self::Download => "/downloads/",
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Upload => 1,
            Self::Download => 2,
        }
    }
}

/// A link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub usage: Usage,
    /// The file.
    pub file: FileId,
    /// Whose it is.
    pub person: PersonId,
    /// Until when it works.
    pub expires: UnixMillis,
}

/// Why a token is no link that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// Nobody here signed it for this.
    #[error("it is not a link of this hub's, or not one for this")]
    Unknown,
    /// It was one.
    #[error("its time is over")]
    Expired,
}

const SIGNED: usize = 1 + 16 + 16 + 8;

impl Link {
    /// The token.
    pub fn token(&self, key: &LinkKey) -> String {
        let signed = self.signed();
        text::encode(&[signed.as_slice(), &key.sign(&signed)].concat())
    }

    /// The link that a token is.
    pub fn of(key: &LinkKey, usage: Usage, token: &str, now: UnixMillis) -> Result<Self, BadLink> {
        let bytes = text::decode(token).filter(|bytes| bytes.len() > SIGNED).ok_or(BadLink::Unknown)?;
        let (signed, seal) = bytes.split_at(SIGNED);
        if !key.signed(signed, seal) || signed[0] != usage.byte() {
            return Err(BadLink::Unknown);
        }
        let sixteen =
            |at: usize| <[u8; 16]>::try_from(&signed[at..at + 16]).expect("its length was looked at");
        let expires = <[u8; 8]>::try_from(&signed[33..]).expect("its length was looked at");
        let link = Self {
            usage,
            file: FileId::from_bytes(sixteen(1)),
            person: PersonId::from_bytes(sixteen(17)),
            expires: UnixMillis(u64::from_be_bytes(expires)),
        };
        if link.expires > now { Ok(link) } else { Err(BadLink::Expired) }
    }

    fn signed(&self) -> [u8; SIGNED] {
        let mut signed = [self.usage.byte(); SIGNED];
        signed[1..17].copy_from_slice(&self.file.bytes());
        signed[17..33].copy_from_slice(&self.person.bytes());
        signed[33..].copy_from_slice(&self.expires.0.to_be_bytes());
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_own_use_until_its_time_and_no_altered_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let key = LinkKey::load_or_make(folder.path()).unwrap();
        let link = Link {
            usage: Usage::Upload,
            file: FileId::from_bytes([1; 16]),
            person: PersonId::from_bytes([2; 16]),
            expires: UnixMillis(1_000),
        };
        let token = link.token(&key);
        assert_eq!(Link::of(&key, Usage::Upload, &token, UnixMillis(999)), Ok(link));
        assert_eq!(Link::of(&key, Usage::Upload, &token, UnixMillis(1_000)), Err(BadLink::Expired));
        assert_eq!(Link::of(&key, Usage::Download, &token, UnixMillis(1)), Err(BadLink::Unknown));
        let other = tempfile::tempdir().unwrap();
        let other = LinkKey::load_or_make(other.path()).unwrap();
        assert_eq!(Link::of(&other, Usage::Upload, &token, UnixMillis(1)), Err(BadLink::Unknown));
        let bytes = text::decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let altered = text::encode(&altered);
            assert_eq!(Link::of(&key, Usage::Upload, &altered, UnixMillis(1)), Err(BadLink::Unknown), "{at}");
            let cut = text::encode(&bytes[..at]);
            assert_eq!(Link::of(&key, Usage::Upload, &cut, UnixMillis(1)), Err(BadLink::Unknown), "{at}");
        }
    }
}
