//! New keys in the place of the appliance's own: whether the hub wants them, and how they are taken over, whatever carried
//! the hub's answer.
//!
//! What must stay true: the audit log has new keys before they are in use; one carrier at a time makes or takes over keys;
//! a hub that has answered is not asked again for the same keys while they cannot be taken over. Deliberately absent: the
//! keys' files (`identity`), and asking the hub (`uplink`, `sticks`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flip_protocol::UnixMillis;
use flip_protocol::enrolment::EnrolResponse;
use flip_protocol::keys::VerifyingKey;
use flip_storage::audit::AuditError;
use serde_json::json;

use super::Site;
use crate::identity::{Identity, IdentityError};

/// Why new keys are not taken over.
#[derive(Debug, thiserror::Error)]
pub enum NewKeysError {
    /// The audit log, which must have them first.
    #[error("the new keys are not taken over before the audit log has them")]
    Audit(#[from] AuditError),
    /// Their files.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// What is known of new keys.
#[derive(Default)]
pub(super) struct NewKeys {
    /// Held while they are made or taken over: either carrier may come to it.
    held: Mutex<()>,
    asked: AtomicBool,
    /// What the hub answered to keys that are not taken over yet.
    answered: Mutex<Option<(VerifyingKey, EnrolResponse)>>,
}

impl Site {
    /// Holds the making and taking over of keys.
    pub fn hold_keys(&self) -> MutexGuard<'_, ()> {
        self.keys.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the new keys, whose certificate the hub answered with; the audit log has them first. Where this fails
    /// the answer is kept, to be tried again and written down again. For whoever holds the keys.
    ///
    /// # Errors
    /// When the audit log or the new keys' files cannot be read or written.
    pub fn take_new_keys(&self, answer: EnrolResponse, now: UnixMillis) -> Result<(), NewKeysError> {
        let key = self.identity().next_key()?;
        *self.answered() = Some((key, answer.clone()));
        self.audit.append(now.0, "keys_replaced", json!({ "key": key.id().to_string() }))?;
        self.replace_identity(Identity::rotate(self.place.folder(), answer, now)?);
        *self.answered() = None;
        self.forget_rotation();
        tracing::info!("the appliance has new keys");
        Ok(())
    }

    /// What the hub has answered to these new keys already.
    pub fn answer_to(&self, key: VerifyingKey) -> Option<EnrolResponse> {
        self.answered().as_ref().filter(|(answered, _)| *answered == key).map(|(_, answer)| answer.clone())
    }

    /// Notes that the hub asks for new keys.
    pub fn note_rotation(&self) {
        self.keys.asked.store(true, Ordering::SeqCst);
    }

    /// Whether the hub has asked for new keys.
    pub fn rotation_is_asked(&self) -> bool {
        self.keys.asked.load(Ordering::SeqCst)
    }

    /// Notes that there are new keys, or that the hub will not have them.
    pub fn forget_rotation(&self) {
        self.keys.asked.store(false, Ordering::SeqCst);
    }

    fn answered(&self) -> MutexGuard<'_, Option<(VerifyingKey, EnrolResponse)>> {
        self.keys.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
