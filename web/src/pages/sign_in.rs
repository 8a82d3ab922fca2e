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
    /// The way by the identity provider, where there is one.
    pub provider: Option<ProviderWay>,
}

/// The way in by the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderWay {
    /// What people call it.
    pub label: String,
    /// Where it begins.
    pub href: String,
    /// True where it did not answer a moment ago.
    pub away: bool,
}

/// Who was signed in by the identity provider is led on, after 0 seconds, from a page of our own: only then does the
/// browser send its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoOn {
    /// What surrounds it.
    pub frame: Frame,
    /// What people call the provider.
    pub label: String,
    /// The path to go to.
    pub next: String,
}

/// Who has signed out here, and had come by the identity provider, where they are signed in still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedOut {
    /// What surrounds it.
    pub frame: Frame,
    /// What people call the provider.
    pub label: String,
    /// Where one signs out there too; `None` where the provider does not say.
    pub href: Option<String>,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "sign_in.html";

    fn samples() -> Vec<Self> {
        let fresh = Self {
            frame: sample::stranger(),
            error: None,
            account: String::new(),
            next: "/queries".to_owned(),
            provider: None,
        };
        let failed = Self {
            error: Some("The account or the password is wrong.".to_owned()),
            account: "r.okafor@flip.example".to_owned(),
            ..fresh.clone()
        };
        let by_provider = |away| Self {
            provider: Some(ProviderWay {
                label: "Example Health".to_owned(),
                href: "/sign-in/oidc?next=%2Fqueries".to_owned(),
                away,
            }),
            ..fresh.clone()
        };
        let refused = Self {
            error: Some("You turned back at Example Health; you are not signed in.".to_owned()),
            ..by_provider(false)
        };
        vec![fresh.clone(), failed, by_provider(false), by_provider(true), refused]
    }
}

impl Page for GoOn {
    const TEMPLATE: &'static str = "go_on.html";

    fn samples() -> Vec<Self> {
        vec![Self {
            frame: sample::stranger(),
            label: "Example Health".to_owned(),
            next: "/second-factor?next=%2Fqueries".to_owned(),
        }]
    }
}

impl Page for SignedOut {
    const TEMPLATE: &'static str = "signed_out.html";

    fn samples() -> Vec<Self> {
        let by_link = Self {
            frame: sample::stranger(),
            label: "Example Health".to_owned(),
            href: Some("https://login.example.org/session/end?client_id=flip".to_owned()),
        };
        vec![Self { href: None, ..by_link.clone() }, by_link]
    }
}
