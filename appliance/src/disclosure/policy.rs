//! The site's own limits on what may leave it.

/// Persons below which nothing is shown, where a site sets nothing: FLIP's default.
pub const THRESHOLD_DEFAULT: u64 = 10;
/// The lowest threshold a site may set, in persons.
pub const THRESHOLD_MIN: u64 = 5;

/// A site's disclosure policy. No message from the hub can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    threshold: u64,
}

/// Why a policy is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The threshold would show cohorts that are too small.
    #[error("threshold is {threshold}, and must be at least {THRESHOLD_MIN} persons")]
    ThresholdTooLow {
        /// What was asked for, in persons.
        threshold: u64,
    },
}

impl Policy {
    /// A policy with that threshold, in persons.
    pub fn new(threshold: u64) -> Result<Self, PolicyError> {
        if threshold < THRESHOLD_MIN {
            return Err(PolicyError::ThresholdTooLow { threshold });
        }
        Ok(Self { threshold })
    }

    /// Persons below which nothing is shown.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { threshold: THRESHOLD_DEFAULT }
    }
}
