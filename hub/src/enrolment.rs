//! An appliance's enrolment, whatever carried its request: a connection ([`crate::sites`]) or a stick.
//!
//! What must stay true: a kit works once; of the certificate request only the public key is used.

use flip_protocol::PartyId;
use flip_protocol::enrolment::{EnrolResponse, StickAnswer, StickRequest, answer_signed};
use flip_protocol::keys::{SealingKey, VerifyingKey};
use flip_protocol::{UnixMillis, text};
use sha2::{Digest as _, Sha256};

use crate::authority::{Authority, AuthorityError};
use crate::ledger::trusts::{Enrolled, Peer, Reseal};
use crate::ledger::{Ledger, LedgerError};

/// What an appliance shows to be enrolled.
pub struct Asked {
    /// The hub that its kit is for.
    pub hub: PartyId,
    /// The Trust.
    pub trust: PartyId,
    /// SHA-256 of its kit's secret.
    pub kit: [u8; 32],
    /// SHA-256 of the whole request, by which it is known when it comes again.
    pub whole: [u8; 32],
    /// A certificate request, PEM.
    pub certificate_request: String,
    /// The key that it will sign with.
    pub verifying: VerifyingKey,
    /// The key that orders are to be sealed to.
    pub sealing: SealingKey,
}

/// Why an appliance is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The kit is another hub's.
    #[error("This kit was made for another hub.")]
    OtherHub,
    /// No usable certificate request.
    #[error("The certificate request is not usable.")]
    BadRequest,
    /// No kit has that secret.
    #[error("This hub does not know the kit: it was altered, or replaced by a newer one.")]
    UnknownKit,
    /// It was used before.
    #[error("This kit was used before; it works once. If that was not you, tell the hub's administrator.")]
    Used,
    /// It is past its expiry.
    #[error("This kit has expired; ask the hub's administrator for a new one.")]
    Expired,
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The CA.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Burns the kit and takes over the appliance's keys; gives the Trust's name and what it is answered.
pub async fn enrol(
    authority: &Authority,
    ledger: &Ledger,
    asked: Asked,
    reseal: Reseal,
    now: UnixMillis,
) -> Result<(String, EnrolResponse), Refused> {
    if asked.hub != authority.hub() {
        return Err(Refused::OtherHub);
    }
    let certificate = authority
        .trust_certificate(&asked.certificate_request, asked.trust, now)
        .map_err(|_| Refused::BadRequest)?;
    let peer = Peer {
        id: asked.trust,
        name: String::new(),
        verifying: vec![asked.verifying],
        sealing: asked.sealing,
        rotate: false,
    };
    let (verifying, sealing) = authority.public_keys();
    let (pem, expires) = (certificate.pem.clone(), certificate.expires);
    let response = EnrolResponse { certificate: pem, expires, verifying, sealing };
    match ledger.enrol(peer, asked.kit, asked.whole, certificate, reseal, now).await? {
        Enrolled::Yes(name) => {
            tracing::info!(trust = %asked.trust, name, "a Trust enrolled");
            Ok((name, response))
        }
        Enrolled::UnknownKit => Err(Refused::UnknownKit),
        Enrolled::Used(_) => Err(Refused::Used),
        Enrolled::Expired(_) => Err(Refused::Expired),
    }
}

/// The same for a request that came on a stick; the answer is signed with the CA's key, which the kit pins.
pub async fn enrol_by_stick(
    authority: &Authority,
    ledger: &Ledger,
    request: StickRequest,
    reseal: Reseal,
    now: UnixMillis,
) -> Result<(String, StickAnswer), Refused> {
    let kits = ledger.kits(request.trust).await?;
    let kit = kits.into_iter().find(|secret| request.is_proven_by(secret)).ok_or(Refused::UnknownKit)?;
    let asked = Asked {
        hub: request.hub,
        trust: request.trust,
        kit,
        whole: Sha256::digest(&request.proof).into(),
        certificate_request: request.certificate_request.clone(),
        verifying: request.verifying,
        sealing: request.sealing.clone(),
    };
    let (name, response) = enrol(authority, ledger, asked, reseal, now).await?;
    let answer = serde_json::to_string(&response).expect("an answer is plain strings and numbers");
    let signature = text::encode(&authority.sign_as_ca(&answer_signed(&request, &answer))?);
    Ok((name, StickAnswer { flip_enrolled: 1, answer, signature }))
}
