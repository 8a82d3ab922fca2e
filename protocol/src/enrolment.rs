//! Enrolment: a kit carried to the Trust, one request back, and the hub's keys in return.
//!
//! A kit is a small TOML text that an administrator hands over. It pins the hub's CA and holds a secret that works
//! once. What must stay true: no private key is in any of these shapes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ident::{PartyId, UnixMillis};
use crate::keys::{SealingKey, SigningKey, VerifyingKey};
use crate::text;

/// Where an appliance without a certificate enrols, on the hub's sites listener.
pub const ENROL_PATH: &str = "/v1/enrol";
/// Where an enrolled appliance has its certificate renewed.
pub const RENEW_PATH: &str = "/v1/renew";
/// Where an enrolled appliance shows new keys.
pub const ROTATE_PATH: &str = "/v1/rotate";
/// The only kit format so far.
const FORMAT: u32 = 1;

/// What an administrator hands to a Trust.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kit {
    /// The kit's format, 1.
    pub flip_kit: u32,
    /// The Trust's name at the hub.
    pub trust_name: String,
    /// The Trust's id.
    pub trust: PartyId,
    /// The hub's id.
    pub hub: PartyId,
    /// `host:port` of the hub's sites listener.
    pub hub_address: String,
    /// SHA-256 of the hub's CA certificate (DER), in hexadecimal: what people compare.
    pub ca_sha256: String,
    /// The hub's CA certificate (DER) in base64: what the appliance pins.
    pub ca: String,
    /// The secret, 32 random bytes in base64. Works once.
    pub secret: String,
    /// From when on the kit is void.
    pub expires: UnixMillis,
    /// SHA-256 over the lines above, in hexadecimal: tells a damaged kit before it is tried.
    pub check: String,
}

/// The line of a kit that is read first, whatever else stands there.
#[derive(Deserialize)]
struct Format {
    flip_kit: u32,
}

/// Why a kit's text is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKit {
    /// Not a kit, or a line is missing or unknown.
    #[error("this is not a FLIP Edge kit: {0}")]
    NotAKit(String),
    /// A later format.
    #[error("this kit is of format {0}, newer than this program; update flip-appliance")]
    Newer(u32),
    /// A line was changed, or lost on the way.
    #[error("the kit was altered or damaged: its check line does not fit the others; ask for it again")]
    Altered,
    /// Past its expiry by this machine's clock.
    #[error(
        "the kit expired {0} hours ago by this machine's clock; ask the hub's administrator for a new one \
         (or set the clock right)"
    )]
    Expired(u64),
}

impl Kit {
    /// A kit with its check line.
    pub fn new(
        trust_name: &str,
        trust: PartyId,
        hub: &HubSide<'_>,
        secret: &[u8; 32],
        expires: UnixMillis,
    ) -> Self {
        let mut kit = Self {
            flip_kit: FORMAT,
            trust_name: trust_name.to_owned(),
            trust,
            hub: hub.id,
            hub_address: hub.address.to_owned(),
            ca_sha256: text::hex(&Sha256::digest(hub.ca_der)),
            ca: text::encode(hub.ca_der),
            secret: text::encode(secret),
            expires,
            check: String::new(),
        };
        kit.check = kit.digest();
        kit
    }

    /// The kit as the text of a file.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("a kit is a flat table of strings and numbers");
        format!(
            "# FLIP Edge enrolment kit for {}.\n# It works once. Carry it safely, then run on the appliance:\n\
             #   flip-appliance enrol <this file>\n{body}",
            self.trust_name.replace(['\n', '\r'], " ")
        )
    }

    /// Reads a kit's text and checks its form, its check line and its expiry.
    pub fn from_text(kit: &str, now: UnixMillis) -> Result<Self, BadKit> {
        let not_a_kit = |error: toml::de::Error| BadKit::NotAKit(error.message().to_owned());
        let Format { flip_kit } = toml::from_str(kit).map_err(not_a_kit)?;
        if flip_kit != FORMAT {
            return Err(BadKit::Newer(flip_kit));
        }
        let kit: Self = toml::from_str(kit).map_err(not_a_kit)?;
        let pinned = kit.ca_der().is_some_and(|der| text::hex(&Sha256::digest(der)) == kit.ca_sha256);
        if kit.check != kit.digest() || !pinned {
            return Err(BadKit::Altered);
        }
        if now >= kit.expires {
            return Err(BadKit::Expired(now.since(kit.expires) / 3_600_000));
        }
        Ok(kit)
    }

    /// The pinned CA certificate, DER.
    pub fn ca_der(&self) -> Option<Vec<u8>> {
        text::decode(&self.ca)
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for line in [
            &self.flip_kit.to_string(),
            &self.trust_name,
            &self.trust.to_string(),
            &self.hub.to_string(),
            &self.hub_address,
            &self.ca_sha256,
            &self.ca,
            &self.secret,
            &self.expires.0.to_string(),
        ] {
            hash.update(line.as_bytes());
            hash.update([0]);
        }
        text::hex(&hash.finalize())
    }
}

/// What a kit says about the hub.
pub struct HubSide<'a> {
    /// The hub's id.
    pub id: PartyId,
    /// `host:port` of its sites listener.
    pub address: &'a str,
    /// Its CA certificate, DER.
    pub ca_der: &'a [u8],
}

/// What an appliance sends to enrol.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The Trust, from the kit.
    pub trust: PartyId,
    /// The hub, from the kit.
    pub hub: PartyId,
    /// The kit's secret.
    pub secret: String,
    /// A certificate request (PKCS #10, PEM) under the appliance's own TLS key.
    pub certificate_request: String,
    /// The key that the appliance will sign with.
    pub verifying: VerifyingKey,
    /// The key that orders are to be sealed to.
    pub sealing: SealingKey,
}

/// What the hub gives an appliance that enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolResponse {
    /// The client certificate, PEM.
    pub certificate: String,
    /// From when on it is void.
    pub expires: UnixMillis,
    /// The keys that the hub signs orders with, newest first.
    pub verifying: Vec<VerifyingKey>,
    /// The keys that results are to be sealed to, newest first.
    pub sealing: Vec<SealingKey>,
}

/// What an appliance writes to a stick to enrol: as [`EnrolRequest`], with a proof in place of the kit's secret, so that
/// who finds the stick can enrol nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StickRequest {
    /// The form, 1.
    pub flip_enrolment: u32,
    /// The Trust, from the kit.
    pub trust: PartyId,
    /// The hub, from the kit.
    pub hub: PartyId,
    /// A certificate request (PKCS #10, PEM) under the appliance's own TLS key.
    pub certificate_request: String,
    /// The key that the appliance will sign with.
    pub verifying: VerifyingKey,
    /// The key that orders are to be sealed to.
    pub sealing: SealingKey,
    /// HMAC-SHA-256 under the SHA-256 of the kit's secret over all of that, base64.
    pub proof: String,
}

/// What the hub writes to a stick for an appliance that enrols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StickAnswer {
    /// The form, 1.
    pub flip_enrolled: u32,
    /// An [`EnrolResponse`], as JSON.
    pub answer: String,
    /// The signature of the CA's key over [`answer_signed`] (ECDSA, P-256, SHA-256, ASN.1), base64.
    pub signature: String,
}

impl StickRequest {
    /// A request with its proof; `None` where the kit's secret is no base64.
    pub fn new(
        kit: &Kit,
        certificate_request: String,
        verifying: VerifyingKey,
        sealing: SealingKey,
    ) -> Option<Self> {
        let secret = text::decode(&kit.secret)?;
        let (trust, hub, proof) = (kit.trust, kit.hub, String::new());
        let mut request =
            Self { flip_enrolment: FORMAT, trust, hub, certificate_request, verifying, sealing, proof };
        let proof = request.mac(&Sha256::digest(secret).into()).finalize().into_bytes();
        request.proof = text::encode(&proof);
        Some(request)
    }

    /// Whether it was made by who has the secret of this SHA-256.
    pub fn is_proven_by(&self, secret_sha256: &[u8; 32]) -> bool {
        let proof = text::decode(&self.proof);
        proof.is_some_and(|proof| self.mac(secret_sha256).verify_slice(&proof).is_ok())
    }

    fn mac(&self, secret_sha256: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret_sha256).expect("HMAC takes keys of any length");
        mac.update(b"FLIP Edge enrolment 1");
        mac.update(&self.trust.bytes());
        mac.update(&self.hub.bytes());
        mac.update(&Sha256::digest(self.verifying.to_bytes()));
        mac.update(&Sha256::digest(self.sealing.to_bytes()));
        mac.update(&Sha256::digest(&self.certificate_request));
        mac
    }
}

/// What the CA's key signs of an answer: a name for what this is, and SHA-256 of the request's proof and of the answer.
pub fn answer_signed(request: &StickRequest, answer: &str) -> Vec<u8> {
    let mut bytes = b"FLIP Edge enrolment answer 1".to_vec();
    bytes.extend(Sha256::digest(&request.proof));
    bytes.extend(Sha256::digest(answer));
    bytes
}

/// What an enrolled appliance sends before its certificate ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// A certificate request (PKCS #10, PEM).
    pub certificate_request: String,
}

/// What an enrolled appliance sends to replace its keys. The answer is an [`EnrolResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateRequest {
    /// A certificate request (PKCS #10, PEM) under the new TLS key.
    pub certificate_request: String,
    /// The key that the appliance will sign with.
    pub verifying: VerifyingKey,
    /// The key that orders are to be sealed to.
    pub sealing: SealingKey,
    /// The signature of the key that it signed with until now over [`Self::signed`], base64.
    pub signature: String,
}

impl RotateRequest {
    /// A request signed with the key that is to be replaced.
    pub fn new(
        trust: PartyId,
        certificate_request: String,
        verifying: VerifyingKey,
        sealing: SealingKey,
        before: &SigningKey,
    ) -> Self {
        let signature = String::new();
        let mut request = Self { certificate_request, verifying, sealing, signature };
        request.signature = text::encode(&before.sign(&request.signed(trust)));
        request
    }

    /// Whether the key that the Trust signed with until now has signed it.
    pub fn is_signed_by(&self, trust: PartyId, before: VerifyingKey) -> bool {
        let signature = text::decode(&self.signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        signature.is_some_and(|signature| before.verifies(&self.signed(trust), &signature))
    }

    /// What is signed: a name for what this is, the Trust, and SHA-256 of each of the new keys and the request.
    fn signed(&self, trust: PartyId) -> Vec<u8> {
        let mut bytes = b"FLIP Edge rotation 1".to_vec();
        bytes.extend(trust.bytes());
        bytes.extend(Sha256::digest(self.verifying.to_bytes()));
        bytes.extend(Sha256::digest(self.sealing.to_bytes()));
        bytes.extend(Sha256::digest(&self.certificate_request));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::OpeningKey;

    #[test]
    fn a_request_on_a_stick_proves_the_kit_and_gives_away_nothing_of_it() {
        let hub = HubSide { id: PartyId::from_bytes([1; 16]), address: "127.0.0.1:1", ca_der: b"ca" };
        let kit = Kit::new("Northgate", PartyId::from_bytes([7; 16]), &hub, &[9; 32], UnixMillis(9));
        let verifying = SigningKey::from_bytes(&[1; 32]).verifying();
        let sealing = OpeningKey::from_bytes(&[2; 32]).unwrap().sealing();
        let request = StickRequest::new(&kit, "request".to_owned(), verifying, sealing).unwrap();
        let known: [u8; 32] = Sha256::digest([9; 32]).into();
        assert!(request.is_proven_by(&known));
        assert!(!request.is_proven_by(&[0; 32]));
        let text = serde_json::to_string(&request).unwrap();
        assert!(!text.contains(&kit.secret) && !text.contains(&text::encode(&known)));
        let other = SigningKey::from_bytes(&[3; 32]).verifying();
        assert!(!StickRequest { verifying: other, ..request.clone() }.is_proven_by(&known));
        let elsewhere = PartyId::from_bytes([8; 16]);
        assert!(!StickRequest { trust: elsewhere, ..request.clone() }.is_proven_by(&known));
        assert!(!StickRequest { certificate_request: String::new(), ..request }.is_proven_by(&known));
    }
}
