//! Problem documents (RFC 9457): how the hub says no, to people and to appliances alike.

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name of the kind of problem, as a relative reference: `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence, the same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code that programs look at.
    pub code: String,
    /// What went wrong this time and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A place in the text that was sent, line and column from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<crate::answer::Place>,
}
