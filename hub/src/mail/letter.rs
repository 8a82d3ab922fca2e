//! What the hub writes in its mails. Pure.
//!
//! What must stay true: a subject holds nothing that anybody typed; a text holds no stranger's words but an address.

use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::email::EmailAddress;
use crate::links::Nonce;

/// A mail before it is written out, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub enum Letter {
    /// Somebody may come in.
    Invitation {
        /// The name that they will sign in with.
        name: String,
        /// Their role.
        role: String,
        /// Who invited them; `None`: whoever runs the hub, on its command line.
        by: Option<String>,
        /// What their link is made from.
        nonce: Nonce,
        /// Until when it works.
        expires: UnixMillis,
    },
    /// Somebody may choose a new password.
    Reset {
        /// Their name.
        name: String,
        /// True where an administrator wants it; false where somebody asked on the public page.
        ordered: bool,
        /// What their link is made from.
        nonce: Nonce,
        /// Until when it works.
        expires: UnixMillis,
    },
    /// A password was changed: for its owner, who may not have done it.
    PasswordChanged {
        /// Their name.
        name: String,
    },
    /// Something happened to a second factor: for its owner, who may not have done it.
    SecondFactor {
        /// Their name.
        name: String,
        /// What.
        news: FactorNews,
    },
    /// An API token was made: for its owner, who may not have done it.
    TokenMade {
        /// Their name.
        name: String,
        /// What they call the token.
        token: String,
    },
    /// Somebody who signs in at the identity provider is taken for them from now on: for them, who may not have done it.
    IdentityBound {
        /// Their name.
        name: String,
        /// What people call the provider.
        provider: String,
    },
    /// For admins: somebody asks for access.
    AccessRequest {
        /// Who asks.
        email: EmailAddress,
    },
    /// Whether mail arrives.
    Test,
}

/// What happened to a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorNews {
    /// One was set up.
    SetUp,
    /// An administrator took it away.
    Reset,
    /// A recovery code was used to sign in.
    RecoveryCodeUsed,
}

/// A mail's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its subject.
    pub subject: String,
    /// Its text; lines end with `\n`.
    pub text: String,
}

impl Letter {
    /// Its kind, as in the ledger, the API and the console.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => "invitation",
            Self::Reset { .. } => "reset",
            Self::PasswordChanged { .. } => "password_changed",
            Self::SecondFactor { .. } => "second_factor",
            Self::TokenMade { .. } => "token_made",
            Self::IdentityBound { .. } => "identity_bound",
            Self::AccessRequest { .. } => "access_request",
            Self::Test => "test",
        }
    }

    /// What its link is made from, and until when that works.
    pub fn link(&self) -> Option<(Nonce, UnixMillis)> {
        match self {
            Self::Invitation { nonce, expires, .. } | Self::Reset { nonce, expires, .. } => {
                Some((*nonce, *expires))
            }
            Self::PasswordChanged { .. }
            | Self::SecondFactor { .. }
            | Self::TokenMade { .. }
            | Self::IdentityBound { .. }
            | Self::AccessRequest { .. }
            | Self::Test => None,
        }
    }

    /// Its words, for a console at that URL.
    pub fn write(&self, console: &str, link: impl Fn(Nonce) -> String) -> Written {
        let host = console.trim_start_matches("https://");
        let (subject, text) = match self {
            Self::Invitation { name, role, by, nonce, expires } => {
                let by = by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
                (
                    format!("Your invitation to FLIP Edge at {host}"),
                    format!(
                        "You are invited{by} to FLIP Edge at {host}, where researchers ask questions of the records of \
                         many hospitals without any patient's record leaving one.\n\nYou will sign in as: {name}\n\
                         Your role: {role}\n\nChoose a password here, which works once and until {}:\n\n{}\n\nIf you \
                         expected no invitation, do nothing.",
                        day(*expires),
                        link(*nonce)
                    ),
                )
            }
            Self::Reset { name, ordered, nonce, expires } => {
                let why = if *ordered {
                    "An administrator has reset your password. The old one does not work any more."
                } else {
                    "Somebody, probably you, asked for a new password. The old one works until there is a new one. If \
                     it was not you, do nothing."
                };
                (
                    format!("A new password for FLIP Edge at {host}"),
                    format!(
                        "{why}\n\nYou sign in as: {name}\n\nChoose a new password here, which works once and until \
                         {}:\n\n{}",
                        day(*expires),
                        link(*nonce)
                    ),
                )
            }
            Self::PasswordChanged { name } => (
                format!("Your password for FLIP Edge at {host} was changed"),
                format!(
                    "The password of {name} was changed, and other sessions were ended. If that was not you, ask for a \
                     new password at {console}/forgot and tell an administrator."
                ),
            ),
            Self::SecondFactor { name, news } => {
                let what = match news {
                    FactorNews::SetUp => "An authenticator app was set up as the second factor of",
                    FactorNews::Reset => "An administrator has reset the second factor of",
                    FactorNews::RecoveryCodeUsed => "A recovery code was used to sign in as",
                };
                (
                    format!("Your second factor for FLIP Edge at {host}"),
                    format!(
                        "{what} {name}. If that was not you, or you did not ask for it, change your password at \
                         {console}/account/password and tell an administrator."
                    ),
                )
            }
            Self::TokenMade { name, token } => (
                format!("A new API token for FLIP Edge at {host}"),
                format!(
                    "{name} has a new API token, called: {token}\n\nIf that was not you, revoke it at \
                     {console}/account/tokens, change your password, and tell an administrator."
                ),
            ),
            Self::IdentityBound { name, provider } => (
                format!("Your account at FLIP Edge at {host} has another way in"),
                format!(
                    "Somebody, probably you, signed in as {name} by {provider}, which knows them by your e-mail address. \
                     From now on that account there opens yours here. If that was not you, change your password at \
                     {console}/account/password and tell an administrator, who can undo it."
                ),
            ),
            Self::AccessRequest { email } => (
                format!("Somebody asks for access to FLIP Edge at {host}"),
                format!(
                    "{email} asks for access. Who it is and why they say, and whoever asked since:\n\n\
                     {console}/people/requests"
                ),
            ),
            Self::Test => (
                format!("A test of the mail of FLIP Edge at {host}"),
                "If you read this, mail from the hub arrives.".to_owned(),
            ),
        };
        Written { subject, text: text + "\n" }
    }
}

/// A moment to the minute, for people.
fn day(at: UnixMillis) -> String {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    moment.format(&form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Letter> {
        let (nonce, expires) = (Nonce::from_bytes([7; 16]), UnixMillis(1_784_621_523_000));
        let name = "Astrid".to_owned();
        vec![
            Letter::Invitation {
                name: name.clone(),
                role: "researcher".to_owned(),
                by: Some("r.okafor".to_owned()),
                nonce,
                expires,
            },
            Letter::Reset { name: name.clone(), ordered: true, nonce, expires },
            Letter::Reset { name: name.clone(), ordered: false, nonce, expires },
            Letter::PasswordChanged { name: name.clone() },
            Letter::TokenMade { name: name.clone(), token: "Astrid's notebook".to_owned() },
            Letter::IdentityBound { name: name.clone(), provider: "Example Health".to_owned() },
            Letter::SecondFactor { name, news: FactorNews::RecoveryCodeUsed },
            Letter::AccessRequest { email: "eve@flip.example".parse().unwrap() },
            Letter::Test,
        ]
    }

    #[test]
    fn a_letter_says_what_it_is_about_and_carries_its_link() {
        for letter in all() {
            let written =
                letter.write("https://flip.example", |_| "https://flip.example/link/TOKEN".to_owned());
            assert!(written.subject.contains("FLIP Edge at flip.example"), "{written:?}");
            assert_eq!(written.text.contains("/link/TOKEN"), letter.link().is_some(), "{written:?}");
            assert_eq!(
                written.text.contains("21 July 2026, 08:12 UTC"),
                letter.link().is_some(),
                "{written:?}"
            );
            let kept = serde_json::to_string(&letter).unwrap();
            assert_eq!(serde_json::from_str::<Letter>(&kept).unwrap(), letter);
            assert!(!kept.contains("TOKEN"));
        }
    }

    #[test]
    fn no_subject_holds_what_anybody_typed() {
        for letter in all() {
            let subject = letter.write("https://flip.example", |_| String::new()).subject;
            for typed in ["Astrid", "okafor", "eve"] {
                assert!(!subject.contains(typed), "{subject}");
            }
        }
    }
}
