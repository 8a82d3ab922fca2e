//! `flip-appliance`: enrol, ingest, pull, data, bundle, clock, run, status, attack.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use flip_storage::audit::Audit;
use flip_storage::file;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::data::{GenerationsError, IngestError, disk_is_full};
use crate::enrol::Wanted;
use crate::logs::Logs;
use crate::place::Place;
use crate::{bounds, engine, enrol, local, run};

/// Speaks on standard output. Whoever reads it may have closed it already, as `head` does: then it is not heard.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod attack;
mod audit;
mod bundle;
mod clock;
mod data;
mod frozen;
mod owner;
mod policy;
mod pull;
mod token;

/// The exit status where another ingest is at work (`EX_TEMPFAIL` of sysexits): the same may be tried again.
pub(crate) const EXIT_BUSY: u8 = 75;
/// The exit status of what found the disk full (`EX_IOERR` of sysexits): an extract is not at fault.
pub(crate) const EXIT_DISK_FULL: u8 = 74;

/// A Trust's appliance of FLIP Edge: runs signed work orders beside the data and lets out only what disclosure
/// control has passed. It connects outward only.
#[derive(Parser)]
#[command(
    version,
    after_help = "A new appliance in three steps:\n  \
    flip-appliance enrol st-elsewhere.kit      (the kit comes from the hub's administrator)\n  \
    flip-appliance ingest /srv/omop-extract    (CSV, TSV or Parquet files of the OMOP CDM)\n  \
    flip-appliance run"
)]
struct Cli {
    /// The folder that holds the appliance's keys, journal, data and configuration
    #[arg(long, env = "FLIP_APPLIANCE_DATA", default_value = "/var/lib/flip-appliance", value_name = "DIR")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enrol with the hub: make keys here, pin the hub's CA, get a certificate, burn the kit's secret
    Enrol {
        /// The kit's file
        kit: PathBuf,
        /// Replace the identity that this appliance has
        #[arg(long)]
        again: bool,
        /// Where no network reaches the hub: write the request to this file, for a stick
        #[arg(long, value_name = "FILE", conflicts_with = "answer")]
        request: Option<PathBuf>,
        /// The hub's answer, which came back on the stick
        #[arg(long, value_name = "FILE")]
        answer: Option<PathBuf>,
    },
    /// Read an OMOP CDM extract into a new data generation and put it in use; the old one stays until then
    Ingest(data::Ingest),
    /// Read an OMOP database in PostgreSQL into a new data generation; the [pull] part of appliance.toml says which
    Pull(pull::Pull),
    /// List, show, use and drop data generations
    Data {
        #[command(subcommand)]
        command: data::DataCommand,
    },
    /// List, show, compare, freeze again and drop frozen cohorts
    Frozen {
        #[command(subcommand)]
        command: frozen::FrozenCommand,
    },
    /// Make, list and revoke the tokens that let training code read a frozen cohort
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Take work from sticks, and write answers to them, where no network reaches the hub
    Bundle {
        #[command(subcommand)]
        command: bundle::BundleCommand,
    },
    /// Say what is known of the hub's clock, by which bundles are judged; the appliance must stand
    Clock {
        /// Forget what was heard of it: the hub's clock was wrong, and is set right there
        #[arg(long)]
        forget: bool,
    },
    /// Run until SIGINT or SIGTERM
    Run,
    /// Say how a running appliance is
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a link to the local console: it works once, in a browser on this machine
    Console {
        /// Minutes that the link is good for
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=bounds::LINK_MINUTES_MAX))]
        minutes: u64,
    },
    /// Check policy.toml and say in plain words what it lets out
    Policy {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Read, check and write out the log of what was done here
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Try the known attacks against this site's policy, on made-up persons; fails where one wins too often
    Attack(attack::Attack),
    /// The engine's own process; started by the appliance
    #[command(hide = true)]
    Worker,
}

/// The program.
pub fn main() -> ExitCode {
    let mut cli = Cli::parse();
    file::private_by_default();
    // Every path from here on is absolute, because the engine's process has no working folder.
    cli.data = std::path::absolute(&cli.data).unwrap_or(cli.data);
    if matches!(cli.command, Command::Worker) {
        return engine::worker::main(std::io::stdin().lock(), std::io::stdout().lock());
    }
    let logs = Logs::default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("FLIP_LOG")
        .unwrap_or_else(|_| level(&cli.command).into());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).with(logs.clone()).init();
    match command(&cli, logs) {
        Ok(code) => code,
        Err(error) => {
            // Whoever started it as a child reads standard output; a person reads standard error.
            if matches!(&cli.command, Command::Ingest(told) if told.is_delivery()) {
                say!("{error:#}");
            } else {
                eprintln!("flip-appliance: {error:#}");
            }
            let met_full_disk = || error.chain().any(|cause| cause.downcast_ref().is_some_and(disk_is_full));
            match error.downcast_ref::<IngestError>() {
                Some(IngestError::Generations(GenerationsError::Busy { .. })) => ExitCode::from(EXIT_BUSY),
                Some(IngestError::DiskFull { .. }) => ExitCode::from(EXIT_DISK_FULL),
                Some(_) | None if met_full_disk() => ExitCode::from(EXIT_DISK_FULL),
                Some(_) | None => ExitCode::FAILURE,
            }
        }
    }
}

/// What is logged where `FLIP_LOG` says nothing: all that goes on, of what does something; of what is asked for, its answer
/// is enough.
fn level(command: &Command) -> &'static str {
    match command {
        Command::Run
        | Command::Ingest(_)
        | Command::Pull(_)
        | Command::Enrol { .. }
        | Command::Bundle { .. }
        | Command::Clock { .. } => "info",
        Command::Data { .. }
        | Command::Frozen { .. }
        | Command::Token { .. }
        | Command::Status { .. }
        | Command::Console { .. }
        | Command::Policy { .. }
        | Command::Audit { .. }
        | Command::Attack(_)
        | Command::Worker => "warn",
    }
}

fn command(cli: &Cli, logs: Logs) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Enrol { .. } => owner::is_this_user(&cli.data)?,
        Command::Ingest(_)
        | Command::Pull(_)
        | Command::Data { .. }
        | Command::Frozen { .. }
        | Command::Token { .. }
        | Command::Run
        | Command::Attack(_) => owner::is_not_root_elsewhere(&cli.data)?,
        // They leave nothing in the folder, or, as `bundle` and `clock`, ask for themselves.
        Command::Bundle { .. }
        | Command::Clock { .. }
        | Command::Status { .. }
        | Command::Console { .. }
        | Command::Policy { .. }
        | Command::Audit { .. }
        | Command::Worker => {}
    }
    let place = Place::new(&cli.data);
    if !begins(&cli.command) {
        anyhow::ensure!(
            place.holds_an_appliance(),
            "{0} holds no appliance; give the folder of one with --data, or make one with: flip-appliance --data {0} \
             enrol KIT",
            cli.data.display()
        );
    }
    let done = match &cli.command {
        Command::Enrol { kit, again, request, answer } => {
            let wanted = Wanted { data: &cli.data, kit, again: *again, user: &owner::me() };
            enrol(wanted, request.as_deref(), answer.as_deref())
        }
        Command::Ingest(told) => data::ingest(&cli.data, told),
        Command::Pull(told) => pull::pull(&cli.data, told),
        Command::Data { command } => data::data(&cli.data, command),
        Command::Frozen { command } => frozen::frozen(&cli.data, command),
        Command::Token { command } => token::token(&cli.data, command),
        Command::Bundle { command } => bundle::bundle(&cli.data, command),
        Command::Clock { forget } => clock::clock(&place, *forget),
        Command::Run => run::run(&cli.data, logs),
        Command::Status { json } => status(&place, *json),
        Command::Console { minutes } => {
            say!("{}", local::link(&place, *minutes)?);
            Ok(())
        }
        Command::Policy { json } => policy::policy(&cli.data, *json),
        Command::Audit { command } => audit::audit(&place, command),
        Command::Attack(told) => return attack::attack(&cli.data, told),
        Command::Worker => Ok(()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn enrol(wanted: Wanted<'_>, request: Option<&Path>, answer: Option<&Path>) -> anyhow::Result<()> {
    if let Some(out) = request {
        let kit = enrol::request_by_stick(wanted, out)?;
        say!("Carry {} to the hub of {}. There: flip-hub trust enrol", out.display(), kit.hub_address);
        say!("With its answer: flip-appliance enrol KIT --answer FILE");
        return Ok(());
    }
    let identity = match answer {
        Some(answer) => enrol::answer_by_stick(wanted, answer)?,
        None => enrol::enrol(wanted)?,
    };
    say!("Enrolled as {} with the hub at {}.", identity.facts.trust_name, identity.facts.hub_address);
    say!("The hub's CA certificate has the SHA-256 {}", identity.facts.ca_sha256);
    say!("Next: flip-appliance ingest DIR, then flip-appliance run");
    Ok(())
}

/// True for what may be an appliance's first command, and for what says itself that there is none. Others would take a
/// mistyped folder for one that is empty, or make it.
fn begins(command: &Command) -> bool {
    match command {
        Command::Enrol { .. }
        | Command::Ingest(_)
        | Command::Pull(_)
        | Command::Bundle { .. }
        | Command::Run
        | Command::Worker => true,
        Command::Data { .. }
        | Command::Frozen { .. }
        | Command::Token { .. }
        | Command::Clock { .. }
        | Command::Status { .. }
        | Command::Console { .. }
        | Command::Policy { .. }
        | Command::Audit { .. }
        | Command::Attack(_) => false,
    }
}

/// Asks whether they are sure of what cannot be undone; a script says so with `--yes`.
fn sure(yes: bool, what: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "nothing was changed: this cannot be undone, and nobody is there to be asked; say --yes"
    );
    eprint!("{what} This cannot be undone. Type yes to go on: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    anyhow::ensure!(answer.trim() == "yes", "nothing was changed");
    Ok(())
}

/// Writes into the audit log what was done. Where that fails, it was done all the same, and the error says so.
fn write_down(place: &Place, act: &str, facts: Value, done: &str) -> anyhow::Result<()> {
    let written = Audit::new(&place.audit()).append(crate::clock::now().0, act, facts);
    written.map(drop).with_context(|| format!("{done}, but the audit log could not be written"))
}

fn status(place: &Place, json: bool) -> anyhow::Result<()> {
    let status = local::fetch(place)?;
    if json {
        say!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        say!("{}", local::to_text(&status).trim_end());
    }
    Ok(())
}
