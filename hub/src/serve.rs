//! The running hub: both listeners, the sweep of expired orders, and a clean end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use flip_storage::audit::Head;
use flip_storage::file::{self, Access};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::audit::{By, Deed, head};
use crate::authority::Authority;
use crate::bounds;
use crate::bundles::Desk;
use crate::clock;
use crate::config::Config;
use crate::files::{Files, keeper};
use crate::hub::{Hub, Means};
use crate::ledger::{Ledger, LedgerError};
use crate::links::LinkKey;
use crate::listener::Listener;
use crate::mail::{Post, outbox};
use crate::metrics::{self, Metrics};
use crate::oidc::Provider;
use crate::passwords::Hasher;
use crate::tls::Served;
use crate::{acme, people, second_factor, sites};

/// Where a running hub listens, written to `addresses.json` beside its ledger for scripts and the command line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Addresses {
    /// Of the people listener.
    pub people: SocketAddr,
    /// Of the sites listener.
    pub sites: SocketAddr,
}

/// The file of [`Addresses`].
pub const ADDRESSES: &str = "addresses.json";
/// How often orders whose life is over are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Serves until SIGINT or SIGTERM.
pub async fn serve(data: &Path) -> anyhow::Result<()> {
    file::raise_open_files();
    let config = Config::load(data)?;
    let authority = Authority::load(&Config::keys(data))?;
    let ledger = Ledger::open(&Config::ledger(data))?;
    let metrics = Metrics::default();
    let from_files = match (&config.people_files, &config.acme) {
        (Some(files), _) => Some(Served::start(files.clone())?),
        (None, Some(_)) => {
            let instead = authority.server_certificate(&config.names, clock::now())?;
            let instead = CertifiedKey::from_der(instead.chain, instead.key, &ring::default_provider())?;
            Some(Served::start_with(acme::files(data), instead))
        }
        (None, None) => None,
    };
    let mut people_tls = people_tls(&authority, &config.names, from_files.clone())?;
    let acme = config.acme.clone().zip(from_files.clone());
    if acme.is_some() {
        people_tls.alpn_protocols.push(acme::PROTOCOL.to_vec());
    }
    let sites_tls = sites_tls(&authority, &config.names)?;
    let people = bound("people", config.people_listen, bounds::PEOPLE_CONNECTIONS, &metrics).await?;
    let sites = bound("sites", config.sites_listen, bounds::SITES_CONNECTIONS, &metrics).await?;
    if let Err(error) = Desk::forget_stale(&Desk::folder(data)) {
        // It takes room, and is no reason to keep everybody out.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "what an earlier run left of bundles cannot be removed");
    }
    let numbers = match config.metrics_listen {
        Some(address) => Some(bound("metrics", address, bounds::METRICS_CONNECTIONS, &metrics).await?),
        None => None,
    };
    let addresses = Addresses { people: people.address()?, sites: sites.address()? };
    let written = serde_json::to_vec(&addresses).context("addresses")?;
    file::write(&data.join(ADDRESSES), &written, Access::Anyone)
        .context("addresses.json cannot be written")?;
    let sites_address = kit_address(&config, Some(&addresses));
    let key = LinkKey::load_or_make(&Config::keys(data)).context("keys/links.key")?;
    let cells = second_factor::cell_key(&Config::keys(data)).context("keys/cells.key")?;
    let post = Post::new(config.mail.clone(), key, console_address(&config, Some(&addresses)));
    tracing::info!(console = %format!("https://{}", addresses.people), sites = %addresses.sites, "the hub is ready");

    if config.danger_no_second_factor {
        tracing::warn!("danger_no_second_factor = true: a password alone opens whatever its owner may do");
    }
    let key = LinkKey::load_or_make(&Config::keys(data)).context("keys/links.key")?;
    let files = Files::new(config.artefacts.open()?, key);
    let provider = config.oidc.clone().map(|settings| Provider::new(settings, &post.console));
    let provider = provider.transpose().context("[oidc] of hub.toml")?;
    let means = Means { hasher: Hasher::start()?, post, cells, files, provider, metrics };
    let hub = Hub::new(config, authority, ledger, sites_address, means);
    let hub = Arc::new(hub);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    hub.ledger.note(By::hub(clock::now()), Deed::HubStarted { version }).await?;
    let sender = tokio::spawn(outbox::run(Arc::clone(&hub)));
    let sweeper = tokio::spawn(sweep(Arc::clone(&hub)));
    let keeper = tokio::spawn(keeper::run(Arc::clone(&hub)));
    let stopper = tokio::spawn(stop_on_signal(Arc::clone(&hub))?);
    let reloader = match (&acme, from_files) {
        (None, Some(served)) => Some(tokio::spawn(reload_on_signal(served)?)),
        (Some(_), _) | (None, None) => None,
    };
    let renewer = acme.map(|(settings, served)| tokio::spawn(acme::keep(settings, data.to_owned(), served)));
    let people_router = people::router(&hub);
    let routing = Arc::clone(&hub);
    let numbers = async {
        if let Some(numbers) = numbers {
            numbers.serve_bare(metrics::router(Arc::clone(&hub)), hub.stopped()).await;
        }
    };
    tokio::join!(
        numbers,
        people.serve(people_tls, move |_| people_router.clone(), hub.stopped()),
        sites.serve(
            sites_tls,
            move |connection| sites::route(&routing, connection.peer_certificates()),
            hub.stopped()
        ),
    );
    for task in [reloader, renewer].into_iter().flatten() {
        task.abort();
    }
    stopper.abort();
    sweeper.abort();
    keeper.abort();
    sender.abort();
    hub.ledger.note(By::hub(clock::now()), Deed::HubStopped {}).await?;
    write_head(&hub, &mut None).await;
    tracing::info!("the hub has stopped");
    Ok(())
}

async fn bound(
    name: &'static str,
    address: SocketAddr,
    connections: usize,
    metrics: &Metrics,
) -> anyhow::Result<Listener> {
    let bound = Listener::bind(name, address, connections, metrics.clone()).await;
    bound.with_context(|| format!("{name}_listen = \"{address}\" cannot be bound"))
}

/// `host:port` of the sites listener as kits say it: from the configuration, else where the hub listens.
///
/// `None` where neither says an address that another machine could reach: a kit could not work.
pub fn kit_address(config: &Config, running: Option<&Addresses>) -> Option<String> {
    config.sites_address.clone().or_else(|| {
        let address = running.map_or(config.sites_listen, |addresses| addresses.sites);
        (!address.ip().is_unspecified() && address.port() != 0).then(|| address.to_string())
    })
}

/// Where people reach the console, as links say it: from the configuration, else where the hub listens.
pub fn console_address(config: &Config, running: Option<&Addresses>) -> String {
    config.console_address.clone().unwrap_or_else(|| {
        let address = running.map_or(config.people_listen, |addresses| addresses.people);
        if address.ip().is_unspecified() {
            format!("https://localhost:{}", address.port())
        } else {
            format!("https://{address}")
        }
    })
}

/// What to do where [`kit_address`] gives none.
pub const NO_KIT_ADDRESS: &str = "kits need the address by which appliances reach this hub: set \
    sites_address = \"hub.example.org:8444\" in hub.toml and restart the hub, whose certificate then names it";

async fn sweep(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(SWEEP);
    let mut written = None;
    loop {
        ticks.tick().await;
        write_head(&hub, &mut written).await;
        match hub.ledger.expire(By::hub(clock::now())).await {
            Ok(true) => {
                tracing::info!("orders expired");
                hub.announce_change();
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no sweep of expired orders");
            }
        }
        if let Err(error) = forget(&hub).await {
            tracing::error!(error = &error as &dyn std::error::Error, "no sweep of old links and mails");
        }
    }
}

/// Writes the audit's head aside where it is another than was written last.
async fn write_head(hub: &Arc<Hub>, written: &mut Option<Head>) {
    let outcome = match hub.ledger.audit_head().await {
        Ok(now) if written.as_ref() == Some(&now) => return,
        Ok(now) => {
            let (path, head) = (hub.config.audit_head.clone(), now.clone());
            *written = Some(now);
            tokio::task::spawn_blocking(move || head::write(&path, &head)).await.map_err(anyhow::Error::from)
        }
        Err(error) => Err(error.into()),
    };
    if let Err(error) = outcome.and_then(|outcome| Ok(outcome?)) {
        tracing::error!(%error, file = %hub.config.audit_head.display(), "the audit's head was not written aside");
    }
}

/// Forgets what nobody needs any more.
async fn forget(hub: &Hub) -> Result<(), LedgerError> {
    hub.ledger.sweep_links(clock::now()).await?;
    hub.ledger.sweep_requests(clock::now()).await?;
    hub.ledger.sweep_once(clock::now()).await?;
    hub.ledger.sweep_mail(clock::now()).await
}

fn stop_on_signal(hub: Arc<Hub>) -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        hub.stop();
    })
}

/// Reads the people listener's certificate again on SIGHUP, and now and then, for whoever renews it sends none.
fn reload_on_signal(served: Arc<Served>) -> anyhow::Result<impl Future<Output = ()>> {
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        let mut ticks = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                _ = hang_up.recv() => {}
                _ = ticks.tick() => {}
            }
            match served.reload() {
                Ok(true) => tracing::info!("the people listener has a new certificate"),
                Ok(false) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the certificate cannot be read again; the one before is served on"
                    );
                }
            }
        }
    })
}

fn people_tls(
    authority: &Authority,
    names: &[String],
    from_files: Option<Arc<Served>>,
) -> anyhow::Result<ServerConfig> {
    let builder = ServerConfig::builder().with_no_client_auth();
    let mut tls = if let Some(served) = from_files {
        builder.with_cert_resolver(served)
    } else {
        let certificate = authority.server_certificate(names, clock::now())?;
        builder.with_single_cert(certificate.chain, certificate.key)?
    };
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn sites_tls(authority: &Authority, names: &[String]) -> anyhow::Result<ServerConfig> {
    let certificate = authority.server_certificate(names, clock::now())?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.ca().clone())?;
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build()?;
    let mut tls = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificate.chain, certificate.key)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
