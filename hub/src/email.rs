//! E-mail addresses (RFC 5321), as far as every mail server takes them: ASCII.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use serde::{Deserialize, Serialize};

use crate::bounds;

/// An address that mail can be sent to. Two that differ in the case of letters alone are one person's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(Address);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an e-mail address such as a.lindqvist@example.org, in plain letters and at most 254 characters"
)]
pub struct NoAddress;

impl EmailAddress {
    /// For the mailer.
    pub fn address(&self) -> &Address {
        &self.0
    }

    /// What stands before the `@`.
    pub fn user(&self) -> &str {
        self.0.user()
    }
}

impl FromStr for EmailAddress {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let text = text.trim();
        // Quoted local parts are allowed by the RFC, used by nobody, and hold anything.
        let plain = text.len() <= bounds::EMAIL_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        let address = plain.then(|| text.parse::<Address>().ok()).flatten().ok_or(NoAddress)?;
        let host = address.domain();
        if host.contains('.') && !host.starts_with('[') { Ok(Self(address)) } else { Err(NoAddress) }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_every_server_takes() {
        for fine in ["a.lindqvist@flip.example", "x+flip@sub.example.org", "O'Neill@example.ac.uk"] {
            assert_eq!(
                format!(" {fine} ").parse::<EmailAddress>().map(|it| it.to_string()),
                Ok(fine.to_owned())
            );
        }
        for bad in [
            "",
            "ada",
            "ada@localhost",
            "ada@",
            "@example.org",
            "a@b@example.org",
            "a b@example.org",
            "ada@exämple.org",
            "\"a b\"@example.org",
            "ada@[127.0.0.1]",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org,eve@example.org",
            "<ada@example.org>",
            &format!("{}@example.org", "a".repeat(300)),
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(NoAddress), "{bad:?}");
        }
    }
}
