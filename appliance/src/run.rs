//! `flip-appliance run`: the threads, the local page, and a clean end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context as _, bail};
use flip_storage::audit::Audit;
use flip_storage::file::{self, Access};
use flip_storage::journal::Journal;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{self, Api, Patience};
use crate::bounds;
use crate::config::Config;
use crate::data::Generations;
use crate::desk::Desk;
use crate::disclosure::Policy;
use crate::engine::Settings;
use crate::frozen::Store;
use crate::identity::Identity;
use crate::local::Door;
use crate::logs::Logs;
use crate::place::Place;
use crate::pull;
use crate::site::{Holdings, Site};
use crate::{clock, cohort, deliveries, local, sticks, unfinished, uplink, verification};

/// This very program, even where its file was replaced by an update since it started.
pub(crate) const SELF: &str = "/proc/self/exe";

/// The exit status where a thread ended early (`EX_SOFTWARE` of sysexits).
const EXIT_THREAD: i32 = 70;

/// Runs until SIGINT or SIGTERM.
pub fn run(data: &Path, logs: Logs) -> anyhow::Result<()> {
    let config = Config::load(data)?;
    let place = Place::new(data);
    let identity = Identity::load(data)?;
    if !place.journal().exists() {
        bail!(
            "the journal {} is missing, and with it the memory of what was answered; have the hub's administrator \
             make a new kit (flip-hub trust kit {:?}) and enrol again with --again",
            place.journal().display(),
            identity.facts.trust_name
        );
    }
    let journal = Journal::open(&place.journal())?;
    // Nobody makes new keys now: who does holds the journal.
    identity.clear_old_keys();
    let policy = Policy::load(data)?;
    if !policy.loosened().is_empty() {
        tracing::warn!(settings = policy.loosened().join(", "), "the policy lets out more than is safe");
    }
    let desk = Desk::open(policy, &place.noise_secret(), &place.cohorts())?;
    let generations = Generations::open(&place.generations())?;
    let frozen = Store::open(&place.frozen(), &generations)?;
    let engine = engine_of(&config);
    end_what_was_left(&place, &generations);
    tracing::info!(
        trust = identity.facts.trust_name,
        hub = identity.facts.hub_address,
        "the appliance starts"
    );
    let holdings = Holdings { generations, frozen, desk };
    let site = Arc::new(Site::new(config, place, identity, journal, holdings, logs)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(site.config.local_listen))
        .with_context(|| format!("local_listen = \"{}\" cannot be bound", site.config.local_listen))?;
    let address = listener.local_addr()?;
    file::write(&site.place.local_address(), address.to_string().as_bytes(), Access::Anyone)
        .context("the local page's address cannot be written")?;
    let door =
        Door::open(&site.place.local_secret()).context("the local console's secret cannot be written")?;
    tracing::info!(page = %format!("http://{address}"), "the local page is up");

    let socket = site.place.api_socket();
    let readers = {
        // The listener belongs to the runtime that polls it.
        let _inside = runtime.enter();
        api::bind(&socket)
            .with_context(|| format!("the local API's socket {} cannot be made", socket.display()))?
    };
    let api = Arc::new(Api::new(
        site.frozen.clone(),
        site.tokens.clone(),
        Generations::open(&site.place.generations())?,
        site.audit.clone(),
        engine.clone(),
        Patience::default(),
        site.cancel.clone(),
    ));
    runtime.spawn(api::serve(api, readers));

    let threads = [
        spawn(&site, "poll", uplink::poll)?,
        spawn(&site, "send", uplink::send)?,
        spawn(&site, "cohort", move |site| cohort::work(site, engine))?,
        spawn(&site, "watch", deliveries::watch)?,
        spawn(&site, "sticks", sticks::work)?,
        spawn(&site, "verify", verification::work)?,
    ];
    runtime.block_on(serve_until_signal(&site, door, listener))?;
    tracing::info!("stopping");
    site.stop();
    let until = Instant::now() + bounds::SHUTDOWN;
    while Instant::now() < until && !threads[2].is_finished() {
        thread::sleep(std::time::Duration::from_millis(10));
    }
    // The uplink may be waiting for the hub; all it knows is in the journal.
    tracing::info!("the appliance has stopped");
    Ok(())
}

/// Ends in the audit log what an earlier run, ingest or pull left there. A log that cannot be written stops
/// later acts, and not the start.
fn end_what_was_left(place: &Place, generations: &Generations) {
    let (audit, now) = (Audit::new(&place.audit()), clock::now());
    let reads = unfinished::end_reads(&audit, now);
    // Whoever is at work ends them.
    let ingests =
        generations.turn().map_or(Ok(0), |turn| unfinished::end_ingests(&audit, generations, &turn, now));
    let pulls = pull::Turn::take(&place.pull()).map_or(Ok(0), |_turn| unfinished::end_pulls(&audit, now));
    let all = || -> anyhow::Result<(usize, usize, usize)> { Ok((reads?, ingests?, pulls?)) };
    match all() {
        Ok((0, 0, 0)) => {}
        Ok((reads, ingests, pulls)) => {
            tracing::info!(
                reads,
                ingests,
                pulls,
                "what was stopped before its end is ended in the audit log"
            );
        }
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(error, "what was stopped before its end could not be ended in the audit log");
        }
    }
}

/// The engine as this site sets it.
pub(crate) fn engine_of(config: &Config) -> Settings {
    Settings {
        memory_mb: config.memory_mb,
        threads: config.threads,
        timeout: config.timeout,
        rows_max: config.rows_max,
        cost_max: config.cost_max,
        ..Settings::new(PathBuf::from(SELF))
    }
}

async fn serve_until_signal(
    site: &Arc<Site>,
    door: Door,
    listener: tokio::net::TcpListener,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let router = local::router(site, door, listener.local_addr()?);
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    tokio::select! {
        served = async { serving.await } => served.context("the local page failed"),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Ends the whole program where one of its threads ends before its time: half an appliance would look alive.
struct EndsTogether {
    site: Arc<Site>,
    name: &'static str,
}

impl Drop for EndsTogether {
    fn drop(&mut self) {
        if !self.site.is_stopping() {
            tracing::error!(thread = self.name, "a thread has ended early; the appliance ends with it");
            std::process::exit(EXIT_THREAD);
        }
    }
}

fn spawn(
    site: &Arc<Site>,
    name: &'static str,
    work: impl FnOnce(&Arc<Site>) + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let site = Arc::clone(site);
    let guarded = move || {
        let guard = EndsTogether { site: Arc::clone(&site), name };
        work(&site);
        drop(guard);
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(guarded)
        .with_context(|| format!("no thread for {name}"))
}
