//! New certificates and new keys for an appliance that is enrolled, whatever carried what it asks.
//!
//! What must stay true: new keys are signed with the one that they replace; what is answered is in the ledger.

use flip_protocol::enrolment::{EnrolResponse, RenewRequest, RotateRequest};

use crate::audit::By;
use crate::authority::{Authority, AuthorityError, TrustCertificate};
use crate::ledger::trusts::Peer;
use crate::ledger::{Ledger, LedgerError};

/// What one appliance asks for.
pub struct Renewal<'a> {
    /// The hub's keys.
    pub authority: &'a Authority,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The Trust.
    pub peer: &'a Peer,
    /// The Trust as who asks, and when.
    pub by: By,
}

/// Why it is not given it.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The new keys are somebody else's.
    #[error("the new keys are not signed with the key that they are to replace")]
    NotSigned,
    /// No certificate can be made of what was sent.
    #[error("the certificate request is not usable")]
    Unusable(#[source] AuthorityError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Renewal<'_> {
    /// A new certificate for the keys of now.
    pub async fn renew(self, request: &RenewRequest) -> Result<EnrolResponse, RenewalError> {
        let certificate = self.certify(&request.certificate_request)?;
        let answer = self.answer(&certificate);
        self.ledger.add_certificate(self.by, self.peer.id, certificate).await?;
        tracing::info!(trust = %self.peer.id, "a Trust renewed its certificate");
        Ok(answer)
    }

    /// A certificate for new keys, which take the place of those of now.
    pub async fn rotate(self, request: RotateRequest) -> Result<EnrolResponse, RenewalError> {
        if !self.peer.may_rotate(&request) {
            tracing::warn!(trust = %self.peer.id, "new keys were not signed with the old one");
            return Err(RenewalError::NotSigned);
        }
        let certificate = self.certify(&request.certificate_request)?;
        let answer = self.answer(&certificate);
        self.ledger.rotate(self.by, self.peer.id, request, certificate).await?;
        tracing::info!(trust = %self.peer.id, "a Trust has new keys");
        Ok(answer)
    }

    fn certify(&self, request: &str) -> Result<TrustCertificate, RenewalError> {
        self.authority.trust_certificate(request, self.peer.id, self.by.at).map_err(RenewalError::Unusable)
    }

    fn answer(&self, certificate: &TrustCertificate) -> EnrolResponse {
        let (verifying, sealing) = self.authority.public_keys();
        let (certificate, expires) = (certificate.pem.clone(), certificate.expires);
        EnrolResponse { certificate, expires, verifying, sealing }
    }
}
