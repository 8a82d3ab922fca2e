//! Keys of the message layer: Ed25519 to sign, X25519 to seal.
//!
//! What must stay true: private keys have no Debug and no serde form; they leave this module only as
//! [`zeroize::Zeroizing`] bytes meant for a file of mode 0600 on the machine that made them.

use std::fmt;

use ed25519_dalek::Signer as _;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::text;

/// Names a public key: the first eight bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

/// A key that signs messages.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// The public half of a [`SigningKey`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

/// A key that opens sealed messages.
pub struct OpeningKey(<X25519HkdfSha256 as hpke::Kem>::PrivateKey);

/// The public half of an [`OpeningKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey(<X25519HkdfSha256 as hpke::Kem>::PublicKey);

impl SigningKey {
    /// A fresh key.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        Self(ed25519_dalek::SigningKey::generate(random))
    }

    /// The key of these 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(bytes))
    }

    /// Its 32 bytes, for a file of mode 0600.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Its public half.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

impl VerifyingKey {
    /// The key of these bytes; `None` where they are not a strong Ed25519 public key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its name.
    pub fn id(self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }

    pub(crate) fn verifies(self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl OpeningKey {
    /// A fresh key.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        Self(X25519HkdfSha256::gen_keypair_with_rng(random).0)
    }

    /// The key of these 32 bytes; `None` where they are not an X25519 key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(bytes).ok().map(Self)
    }

    /// Its 32 bytes, for a file of mode 0600.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_bytes().to_vec())
    }

    /// Its public half.
    pub fn sealing(&self) -> SealingKey {
        SealingKey(X25519HkdfSha256::sk_to_pk(&self.0))
    }

    pub(crate) fn inner(&self) -> &<X25519HkdfSha256 as hpke::Kem>::PrivateKey {
        &self.0
    }
}

impl SealingKey {
    /// The key of these bytes; `None` where they are not an X25519 public key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(bytes).ok().map(Self)
    }

    /// Its 32 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.to_bytes())
    }

    pub(crate) fn inner(&self) -> &<X25519HkdfSha256 as hpke::Kem>::PublicKey {
        &self.0
    }
}

impl KeyId {
    fn of(public_key: &[u8]) -> Self {
        let digest = Sha256::digest(public_key);
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&text::hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

macro_rules! public_key_as_text {
    ($name:ident, $what:literal) => {
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.id())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&text::encode(&self.to_bytes()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text::decode(&text)
                    .and_then(|bytes| Self::from_bytes(&bytes))
                    .ok_or_else(|| serde::de::Error::custom(concat!("not ", $what, " public key in base64")))
            }
        }
    };
}

public_key_as_text!(VerifyingKey, "an Ed25519");
public_key_as_text!(SealingKey, "an X25519");
