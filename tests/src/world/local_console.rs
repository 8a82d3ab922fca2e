//! The local console of an appliance, as scripts come to it.

use anyhow::Result;
use ureq::typestate::{WithBody, WithoutBody};
use ureq::{Agent, RequestBuilder};

use super::{Appliance, PATIENCE};

/// A client of one local console that follows nothing and takes every status.
pub struct LocalConsole {
    agent: Agent,
    address: String,
}

/// One that comes in with the secret, and from the console's own pages.
pub struct LocalScript {
    console: LocalConsole,
    secret: String,
}

impl LocalConsole {
    /// A stranger to it.
    pub fn new(appliance: &Appliance) -> Result<Self> {
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).max_redirects(0);
        let agent = agent.timeout_global(Some(PATIENCE)).build().new_agent();
        Ok(Self { agent, address: appliance.address()? })
    }

    /// A request for a page.
    pub fn get(&self, path: &str) -> RequestBuilder<WithoutBody> {
        self.agent.get(format!("{}{path}", self.address))
    }

    /// A request that changes something.
    pub fn post(&self, path: &str) -> RequestBuilder<WithBody> {
        self.agent.post(format!("{}{path}", self.address))
    }

    /// What a link from it is answered.
    pub fn follow(&self, link: &str) -> RequestBuilder<WithoutBody> {
        self.agent.get(link)
    }
}

impl LocalScript {
    /// One that has read the secret in the appliance's folder.
    pub fn new(appliance: &Appliance) -> Result<Self> {
        let console = LocalConsole::new(appliance)?;
        Ok(Self { console, secret: format!("Bearer {}", appliance.secret()?) })
    }

    /// A request for a page.
    pub fn get(&self, path: &str) -> RequestBuilder<WithoutBody> {
        self.console.get(path).header("authorization", &self.secret)
    }

    /// A request that changes something.
    pub fn post(&self, path: &str) -> RequestBuilder<WithBody> {
        let request = self.console.post(path).header("authorization", &self.secret);
        request.header("sec-fetch-site", "same-origin")
    }
}
