//! Signing in by an identity provider that speaks OpenID Connect (Core 1.0): the authorization code flow with PKCE.
//!
//! What must stay true: what comes back is believed only for the sign-in that the same browser began, once, and only
//! where the provider's signature, audience, time and nonce are right; the provider is asked when somebody wants to sign
//! in and never before, so that the hub serves without it. Deliberately absent: which account it is
//! ([`crate::ledger::identities`]), sessions, and hearing of it when somebody signs out at the provider by itself.

mod begun;
mod provider;
pub mod settings;
mod token;

use axum::http::StatusCode;
use flip_storage::cells::Cell;

pub use provider::{Handed, Provider, Redeemed};

use crate::bounds;

/// Where a sign-in at the provider begins.
pub const BEGIN: &str = "/sign-in/oidc";
/// Where the provider sends people back to.
pub const CALLBACK: &str = "/sign-in/oidc/callback";
/// Where people come back to who have signed out at the provider too.
const SIGN_IN: &str = "/sign-in";
/// The cookie by which a browser is known again. It comes with a link of the provider's, so it cannot be strict.
pub const COOKIE: &str = "__Host-flip-oidc";

/// Where a session's ID token is sealed.
pub fn cell(session: &[u8; 16]) -> Cell<'_> {
    Cell { table: "session", row: session, column: "id_token" }
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nothing that was begun belongs to what came back.
    #[error("nothing that was begun here belongs to what came back")]
    NotBegun,
    /// Too many are under way.
    #[error("too many sign-ins are under way")]
    Busy,
    /// They turned back at the provider.
    #[error("they turned back at the provider")]
    Cancelled,
    /// The provider says no.
    #[error("the provider says {0}")]
    Said(String),
    /// The provider does not answer.
    #[error("the provider does not answer")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers, and not as it has to.
    #[error("the provider's answer cannot be believed")]
    Unsound(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It vouches for no address, and knows nobody here.
    #[error("the provider vouches for no e-mail address of theirs")]
    NoAddress,
    /// Nobody here has the address.
    #[error("nobody here has their address")]
    Unknown,
    /// They were invited, and have not come.
    #[error("they were invited and have not come")]
    Invited,
    /// They are kept out.
    #[error("they are disabled")]
    Disabled,
    /// Their account is somebody else's at the provider.
    #[error("their account is bound to somebody else there")]
    Another,
}

impl Refused {
    /// What they are told; `label` is what people call the provider.
    pub fn words(&self, label: &str) -> String {
        match self {
            Self::NotBegun => format!(
                "This sign-in was not begun in this browser, took longer than {} minutes, or was used already. Begin again.",
                bounds::OIDC_BEGUN_MS / 60_000
            ),
            Self::Busy => "Too many people sign in at once; try again in a moment.".to_owned(),
            Self::Cancelled => format!("You turned back at {label}; you are not signed in."),
            Self::Said(code) => format!("{label} did not sign you in: it says {code}."),
            Self::Away(_) => format!(
                "{label} cannot be reached now. Try again in a moment, or sign in with your password."
            ),
            Self::Unsound(_) => format!(
                "What {label} answered did not pass the hub’s checks. Begin again; if it stays so, tell an administrator, \
                 who finds the reason in the hub’s log."
            ),
            Self::NoAddress => format!(
                "{label} vouches for no e-mail address of yours, so the hub cannot tell who you are here. Have your \
                 address confirmed there first."
            ),
            Self::Unknown => format!(
                "Nobody here has the e-mail address that {label} knows you by. If you should have an account, ask for \
                 access."
            ),
            Self::Invited => {
                "You are invited and have not come yet: follow the link of your invitation first.".to_owned()
            }
            Self::Disabled => "Your account is disabled; ask an administrator.".to_owned(),
            Self::Another => format!(
                "The account here with your e-mail address is bound to another one at {label}; ask an administrator to \
                 unbind it."
            ),
        }
    }

    /// The status of the page that tells them.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotBegun => StatusCode::BAD_REQUEST,
            Self::Busy | Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Said(_) | Self::Unsound(_) => StatusCode::BAD_GATEWAY,
            Self::Cancelled
            | Self::NoAddress
            | Self::Unknown
            | Self::Invited
            | Self::Disabled
            | Self::Another => StatusCode::FORBIDDEN,
        }
    }
}
