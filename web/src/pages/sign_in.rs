//! Signing in at the hub.

use serde::Serialize;

use super::{Frame, sample};
use crate::Page;

/// The form that posts `account`, `password` and `next` to `/sign-in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// What surrounds it.
    pub frame: Frame,
    /// Why the last attempt did not succeed.
    pub error: Option<String>,
    /// The account that was tried, to be shown again.
    pub account: String,
    /// The path to go to afterwards.
    pub next: String,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "sign_in.html";

    fn samples() -> Vec<Self> {
        let fresh = Self {
            frame: sample::stranger(),
            error: None,
            account: String::new(),
            next: "/queries".to_owned(),
        };
        let failed = Self {
            error: Some("The account or the password is wrong.".to_owned()),
            account: "r.okafor@flip.example".to_owned(),
            ..fresh.clone()
        };
        vec![fresh, failed]
    }
}
