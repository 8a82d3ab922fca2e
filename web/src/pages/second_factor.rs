//! One's second factor: giving it, setting it up, its recovery codes.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The form that posts `code` and `next` to `/second-factor/code`, for who has given their password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GiveCode {
    /// What surrounds it.
    pub frame: Frame,
    /// Why the last code was not taken.
    pub error: Option<String>,
    /// The path to go to afterwards.
    pub next: String,
}

/// The form that posts `code`, `next` and, in place of another, `now` to `/second-factor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetUpFactor {
    /// What surrounds it.
    pub frame: Frame,
    /// Whose it is.
    pub name: String,
    /// The secret as it is typed.
    pub secret: String,
    /// The key URI, which is drawn.
    pub uri: String,
    /// True where they have one, which has to be shown.
    pub replaces: bool,
    /// True where nothing can be done before.
    pub needed: bool,
    /// Why it was not set up.
    pub error: Option<String>,
    /// The path to go to afterwards.
    pub next: String,
}

/// How it stands, with the form that posts `code` to `/second-factor/recovery-codes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnFactor {
    /// What surrounds it.
    pub frame: Frame,
    /// Since when they have one.
    pub since: Option<Moment>,
    /// Recovery codes that are left.
    pub codes_left: u64,
    /// Why no others were made.
    pub error: Option<String>,
}

/// Recovery codes, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryCodes {
    /// What surrounds it.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// The path to go to afterwards.
    pub next: String,
}

impl Page for GiveCode {
    const TEMPLATE: &'static str = "give_code.html";

    fn samples() -> Vec<Self> {
        let fresh = Self { frame: sample::stranger(), error: None, next: "/queries".to_owned() };
        vec![fresh.clone(), Self { error: Some(wrong_code()), ..fresh }]
    }
}

impl Page for SetUpFactor {
    const TEMPLATE: &'static str = "set_up_factor.html";

    fn samples() -> Vec<Self> {
        let needed = Self {
            frame: sample::stranger(),
            name: "Astrid Lindqvist".to_owned(),
            secret: "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ".to_owned(),
            uri: "otpauth://totp/FLIP%20Edge%20flip.example:Astrid%20Lindqvist\
                  ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=FLIP%20Edge%20flip.example"
                .to_owned(),
            replaces: false,
            needed: true,
            error: None,
            next: "/queries".to_owned(),
        };
        let wrong = Self { error: Some(wrong_code()), ..needed.clone() };
        let optional = Self { frame: sample::frame(), needed: false, ..needed.clone() };
        let other = Self { replaces: true, ..optional.clone() };
        vec![needed, wrong, optional, other.clone(), Self { error: Some(wrong_code()), ..other }]
    }
}

impl Page for OwnFactor {
    const TEMPLATE: &'static str = "own_factor.html";

    fn samples() -> Vec<Self> {
        let since = Some(sample::moment("2026-05-04T09:12:00Z", "78 days ago"));
        let own = Self { frame: sample::frame(), since, codes_left: 1, error: None };
        let wrong = Self { error: Some(wrong_code()), codes_left: 10, ..own.clone() };
        vec![own, wrong]
    }
}

impl Page for RecoveryCodes {
    const TEMPLATE: &'static str = "recovery_codes.html";

    fn samples() -> Vec<Self> {
        let codes = vec!["only-anex-ampl-eofa".to_owned(); 10];
        vec![Self { frame: sample::frame(), codes, next: "/queries".to_owned() }]
    }
}

fn wrong_code() -> String {
    "The code is wrong.".to_owned()
}
