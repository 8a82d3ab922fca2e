//! An authenticator app on somebody's telephone.

use anyhow::{Context as _, Result};
use totp_rs::{Builder, Secret, Totp};

use super::Browser;

/// The codes of one secret.
pub struct Authenticator(Totp);

impl Authenticator {
    /// One into which a secret was typed, as it is shown.
    pub fn new(secret: &str) -> Result<Self> {
        let secret = Secret::try_from_base32(secret.replace('-', "")).ok().context("no base32")?;
        Ok(Self(Builder::new().with_secret(secret).build().ok().context("no secret of an app")?))
    }

    /// One into which the secret was typed that the page in a browser shows to who sets it up.
    pub fn shown_by(browser: &Browser) -> Result<Self> {
        let source = browser.source()?;
        let shown = source.split("id=\"secret\"").nth(1).and_then(|rest| rest.split('>').nth(1));
        Self::new(shown.and_then(|rest| rest.split('<').next()).context("no secret to type")?)
    }

    /// The code that it shows; with `steps`, on a telephone whose clock is so many times 30 seconds ahead.
    #[expect(clippy::disallowed_methods, reason = "a telephone has a clock of its own")]
    pub fn code(&self, steps: i64) -> Result<String> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let at = since.as_secs().checked_add_signed(steps * 30).context("no such moment")?;
        Ok(self.0.generate(at).to_string())
    }
}
