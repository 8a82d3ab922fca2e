//! `flip-hub`: init, setup, serve, trust, user, bundle.

/// Speaks on standard output. Whoever reads it may have closed it already, as `head` does: then it is not heard.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod audit;
mod bundle;
mod keeping;
mod people;
mod scan;

use std::fmt::Write as _;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, Subcommand};
use flip_protocol::PartyId;
use flip_storage::file::{self, Access};

use crate::audit::{By, Deed};
use crate::authority::Authority;
use crate::config::{self, Config, LogFormat};
use crate::files::judge;
use crate::ledger::trusts::{Added, Trust};
use crate::ledger::{Ledger, LedgerError};
use crate::person::Role;
use crate::serve::{ADDRESSES, Addresses, NO_KIT_ADDRESS, kit_address};
use crate::{bounds, clock, hub, serve};
use people::UserCommand;

/// The centre of FLIP Edge: takes researchers' questions, hands signed and sealed work orders to the Trusts'
/// appliances, and combines what they release.
#[derive(Parser)]
#[command(
    version,
    after_help = "A new hub in three steps:\n  \
    flip-hub --data /var/lib/flip-hub init --sites-address hub.example.org:8444\n  \
    flip-hub --data /var/lib/flip-hub serve\n  \
    flip-hub --data /var/lib/flip-hub trust add \"St Elsewhere\"      (then carry the kit to the Trust)\n\n\
    To keep one:\n  \
    flip-hub check                     everything that is wrong, at once; changes nothing\n  \
    flip-hub backup /mnt/safe/today    also while it runs\n  \
    flip-hub audit verify              whether what was done is noted as it was\n\n\
    hub.toml, in the folder of --data, may hold people_listen, sites_listen, sites_address, names,\n\
    people_certificate, people_key, console_address, metrics_listen, log_format, audit_head,\n\
    danger_no_second_factor, [acme], [artefacts], [mail], [oidc] and [proxies]; docs/OPERATING.md says what each is."
)]
struct Cli {
    /// The folder that holds the hub's keys, ledger and configuration
    #[arg(long, env = "FLIP_HUB_DATA", default_value = "/var/lib/flip-hub", value_name = "DIR")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new hub: its keys, an empty ledger and hub.toml; prints the address of the set-up, where whoever comes
    /// first becomes the administrator
    Init {
        /// With --password-file: the administrator's sign-in name
        #[arg(long, default_value = "admin", requires = "password_file")]
        admin: String,
        /// Make the administrator now, with the password in the first line of this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Where people connect (console and API, HTTPS)
        #[arg(long, default_value = "127.0.0.1:8443")]
        people_listen: String,
        /// Where appliances connect (mutual TLS)
        #[arg(long, default_value = "0.0.0.0:8444")]
        sites_listen: String,
        /// host:port by which appliances reach the sites listener; it is written into kits
        #[arg(long, value_name = "HOST:PORT")]
        sites_address: Option<String>,
        /// Where people reach the console, such as https://flip.example.org; links lead there
        #[arg(long, value_name = "URL")]
        console_address: Option<String>,
    },
    /// Print another address of the set-up, while the hub has no people
    Setup,
    /// Run the hub until SIGINT or SIGTERM
    Serve,
    /// Add Trusts and list them
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Begin or end maintenance, or see whether the hub can be stopped
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Invite people, list them, and change what they may do
    #[command(subcommand)]
    User(UserCommand),
    /// Save everything that the hub is to a new folder, also while it runs
    Backup {
        /// The folder, empty or not there yet. Who has it is the hub: keep it as safe as the hub's keys
        folder: PathBuf,
    },
    /// Put a backup back into the folder of --data, which is empty or not there yet
    Restore {
        /// The backup's folder
        folder: PathBuf,
    },
    /// Look the hub over: configuration, keys, certificates, ledger, audit. Changes nothing, also while it runs
    Check,
    /// Print the API's description, OpenAPI 3.1
    Openapi,
    /// Carry work to Trusts without a network, and their answers back, on sticks
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Say of files whether they are harmless to load: weights, arrays, pickles, source, text
    Scan {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// What the hub starts to scan a file in a process of its own
    #[command(hide = true)]
    ScanWorker {
        /// The name that somebody gave the file; without one it says what it is locked into
        name: Option<String>,
    },
    /// Read, check and write out what was done at this hub
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

#[derive(Subcommand)]
enum MaintenanceCommand {
    /// Take no new work and hand none out; what Trusts work on is let finish
    On {
        /// What people are told, at the head of every page
        #[arg(default_value = "")]
        words: String,
    },
    /// Take new work again; what was held back goes out
    Off,
    /// Say whether maintenance is on and what is still under way; succeeds where the hub can be stopped
    Status,
}

#[derive(Subcommand)]
enum TrustCommand {
    /// Add a Trust; prints its kit and writes it to a file
    Add {
        /// The Trust's name as people will see it
        name: String,
        /// The kit's file [default: the name with the ending .kit, in this folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a new kit for a Trust that is known already; its unused kits are void
    Kit {
        /// The Trust's name
        name: String,
        /// The kit's file [default: the name with the ending .kit, in this folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Enrol a Trust that no network reaches: its request comes on a stick, and the answer goes back on it
    Enrol {
        /// The request's file, as flip-appliance enrol KIT --request has written it
        request: PathBuf,
        /// The answer's file
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// Ask new keys of a Trust, which its appliance makes at its next sync
    Rotate {
        /// The Trust's name
        name: String,
    },
    /// Make a Trust's keys void: nothing is taken from it and nothing handed to it until it enrols anew
    Revoke {
        /// The Trust's name
        name: String,
    },
    /// Take a Trust off the lists, its keys void; what it answered stays
    Remove {
        /// The Trust's name
        name: String,
    },
    /// List the Trusts
    List,
}

/// The program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    file::private_by_default();
    if let Command::ScanWorker { name } = &cli.command {
        return judge::worker(name.as_deref());
    }
    logs(&cli);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flip-hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error, as `log_format` says; a configuration that is not right is told of by whoever reads it next.
fn logs(cli: &Cli) {
    let format = Config::load(&cli.data).map(|config| config.log_format).unwrap_or_default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("FLIP_LOG").unwrap_or_else(|_| "info".into());
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let data = &cli.data;
    match cli.command {
        Command::Init {
            admin,
            password_file,
            people_listen,
            sites_listen,
            sites_address,
            console_address,
        } => {
            let mut text = format!("people_listen = {people_listen:?}\nsites_listen = {sites_listen:?}\n");
            if let Some(address) = sites_address {
                writeln!(text, "sites_address = {address:?}").expect("a String takes it all");
            }
            if let Some(address) = console_address {
                writeln!(text, "console_address = {address:?}").expect("a String takes it all");
            }
            init(data, &text, &admin, password_file.as_deref())
        }
        Command::Serve => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("no async runtime")?;
            let served = runtime.block_on(serve::serve(data));
            // A mail server that does not answer holds up nobody's stop; the mail is tried again at the next start.
            runtime.shutdown_timeout(bounds::SHUTDOWN);
            served
        }
        Command::Trust(TrustCommand::Add { name, out }) => trust_add(data, &name, out),
        Command::Trust(TrustCommand::Kit { name, out }) => trust_kit(data, &name, out),
        Command::Trust(TrustCommand::Enrol { request, out }) => bundle::enrol(data, &request, &out),
        Command::Trust(TrustCommand::Rotate { name }) => {
            trust_change(data, &name, Ledger::ask_for_keys_now, "is asked for new keys")
        }
        Command::Trust(TrustCommand::Revoke { name }) => {
            trust_change(data, &name, Ledger::revoke_now, "has void keys now")
        }
        Command::Trust(TrustCommand::Remove { name }) => {
            trust_change(data, &name, Ledger::remove_now, "is removed")
        }
        Command::Trust(TrustCommand::List) => trust_list(data),
        Command::Maintenance(command) => maintenance(&open(data)?.2, command),
        Command::Openapi => {
            say!("{}", crate::people::printed::openapi());
            Ok(())
        }
        Command::Bundle(command) => bundle::bundle(data, &command),
        Command::Scan { files } => scan::scan(&files),
        Command::ScanWorker { .. } => unreachable!("it was answered before anything was opened"),
        Command::Backup { folder } => keeping::backup_to(data, &folder),
        Command::Restore { folder } => keeping::restore_from(&folder, data),
        Command::Check => keeping::check(data),
        Command::Audit(command) => audit::audit(data, command),
        Command::Setup => {
            let (config, _, ledger) = open(data)?;
            people::set_up(data, &config, &ledger)
        }
        Command::User(command) => {
            let (config, _, ledger) = open(data)?;
            people::user(data, &config, &ledger, command)
        }
    }
}

fn init(data: &Path, config: &str, admin: &str, password_file: Option<&Path>) -> anyhow::Result<()> {
    if data.join(config::FILE).exists() {
        bail!("{} already holds a hub; choose another folder with --data", data.display());
    }
    let checked = Config::check(data, config)?;
    let keys = Config::keys(data);
    fs::create_dir_all(&keys).with_context(|| format!("{} cannot be made", keys.display()))?;
    let ledger = Ledger::open(&Config::ledger(data))?;
    ensure!(
        ledger.people(clock::now())?.is_empty(),
        "{} holds the ledger of an init that was cut short or of a hub whose hub.toml is lost: restore hub.toml, or \
         remove the folder to start anew",
        data.display()
    );
    let authority = Authority::create(&keys, clock::now())?;
    ledger.note_now(By::command_line(clock::now()), Deed::HubMade { hub: authority.hub() })?;
    if password_file.is_some() {
        people::add(&ledger, admin, None, Role::Admin, password_file)?;
    }
    // Last, because its presence says that the hub is whole.
    file::write(&data.join(config::FILE), config.as_bytes(), Access::Anyone)
        .context("hub.toml cannot be written")?;
    say!("A new hub is in {}. Its CA certificate's SHA-256 is", data.display());
    say!("  {}", authority.ca_sha256());
    if password_file.is_none() {
        people::set_up(data, &checked, &ledger)?;
    }
    say!("Start it with: flip-hub --data {} serve", data.display());
    Ok(())
}

fn maintenance(ledger: &Ledger, command: MaintenanceCommand) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    match command {
        MaintenanceCommand::On { words } => {
            let words = hub::check_notice(&words).map_err(anyhow::Error::msg)?.to_owned();
            ledger.set_maintenance_now(by, Some(words))?;
        }
        MaintenanceCommand::Off => ledger.set_maintenance_now(by, None)?,
        MaintenanceCommand::Status => {
            let open = ledger.open_orders_now()?;
            let on = ledger.settings_now()?.maintenance.is_some();
            say!("Maintenance is {}.", if on { "on" } else { "off" });
            say!("Orders at Trusts: {}. Orders that wait here: {}.", open.at_trusts, open.queued);
            ensure!(on, "the hub takes new work; begin with: flip-hub maintenance on");
            ensure!(open.at_trusts == 0, "orders are still at Trusts; wait for their answers");
            say!("The hub can be stopped.");
        }
    }
    Ok(())
}

fn trust_add(data: &Path, name: &str, out: Option<PathBuf>) -> anyhow::Result<()> {
    let (config, authority, ledger) = open(data)?;
    let name = hub::check_name(name).map_err(anyhow::Error::msg)?;
    let now = clock::now();
    let trust = PartyId::new(now, &clock::random_bytes());
    let address = kit_address(&config, running(data).as_ref()).context(NO_KIT_ADDRESS)?;
    let (kit, secret) = hub::make_kit(&authority, &address, trust, name, now);
    match ledger.add_trust(By::command_line(now), trust, name.to_owned(), secret)? {
        Added::New => hand_over(&kit, out),
        Added::NameTaken => {
            bail!("a Trust named {name:?} is known already; for a new kit: flip-hub trust kit {name:?}")
        }
    }
}

fn trust_kit(data: &Path, name: &str, out: Option<PathBuf>) -> anyhow::Result<()> {
    let (config, authority, ledger) = open(data)?;
    let now = clock::now();
    let address = kit_address(&config, running(data).as_ref()).context(NO_KIT_ADDRESS)?;
    // The Trust's id is needed in the kit, and the kit's secret in the ledger: look first, then make both.
    let trust = trust_named(&ledger, name)?;
    let (kit, secret) = hub::make_kit(&authority, &address, trust.id, &trust.name, now);
    ensure!(
        ledger.renew_kit(By::command_line(now), trust.id, secret)?,
        "{} was removed meanwhile",
        trust.name
    );
    hand_over(&kit, out)
}

fn trust_named(ledger: &Ledger, name: &str) -> anyhow::Result<Trust> {
    let known = ledger.trusts_now()?.into_iter().find(|trust| trust.name.eq_ignore_ascii_case(name.trim()));
    known.with_context(|| format!("there is no Trust named {name:?}; see: flip-hub trust list"))
}

fn trust_change(
    data: &Path,
    name: &str,
    change: impl FnOnce(&Ledger, By, PartyId) -> Result<bool, LedgerError>,
    now_it: &str,
) -> anyhow::Result<()> {
    let (_, _, ledger) = open(data)?;
    let trust = trust_named(&ledger, name)?;
    ensure!(
        change(&ledger, By::command_line(clock::now()), trust.id)?,
        "nothing was changed: {} has no keys that are good; see: flip-hub trust list",
        trust.name
    );
    say!("{} {now_it}", trust.name);
    Ok(())
}

fn hand_over(kit: &flip_protocol::enrolment::Kit, out: Option<PathBuf>) -> anyhow::Result<()> {
    let file = if let Some(file) = out {
        file
    } else {
        let letters = kit.trust_name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' });
        let file = PathBuf::from(letters.collect::<String>().to_lowercase() + ".kit");
        if file.exists() {
            say!("{}", kit.to_text());
            bail!(
                "{} is there already and was left alone; the kit is printed above, or name a file with --out and \
                   make another with: flip-hub trust kit",
                file.display()
            );
        }
        file
    };
    let text = kit.to_text();
    file::write(&file, text.as_bytes(), Access::Owner)
        .with_context(|| format!("the kit cannot be written to {}", file.display()))?;
    say!("{text}");
    eprintln!(
        "The kit of {} is in {}. It works once, for 7 days. On the appliance: flip-appliance enrol {}",
        kit.trust_name,
        file.display(),
        file.display()
    );
    Ok(())
}

fn trust_list(data: &Path) -> anyhow::Result<()> {
    let (_, _, ledger) = open(data)?;
    let trusts = ledger.trusts_now()?;
    if trusts.is_empty() {
        say!("No Trusts yet. Add one with: flip-hub trust add NAME");
    }
    let now = clock::now();
    for trust in trusts {
        let state = match (trust.enrolled, trust.seen) {
            _ if trust.revoked.is_some() => "keys void".to_owned(),
            (None, _) => "kit not used yet".to_owned(),
            (Some(_), None) => "enrolled, never seen".to_owned(),
            (Some(_), Some(seen)) => format!("seen {} s ago", now.since(seen) / 1_000),
        };
        say!("{}  {}  {state}, {} open orders", trust.id, trust.name, trust.open_orders);
    }
    Ok(())
}

fn open(data: &Path) -> anyhow::Result<(Config, Authority, Ledger)> {
    let config = Config::load(data)?;
    let authority = Authority::load(&Config::keys(data))?;
    let ledger = Ledger::open(&Config::ledger(data))?;
    Ok((config, authority, ledger))
}

fn running(data: &Path) -> Option<Addresses> {
    serde_json::from_slice(&fs::read(data.join(ADDRESSES)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_help_names_every_key_of_the_configuration() {
        let help = Cli::command().get_after_help().unwrap().to_string();
        let unknown = Config::check(Path::new("/hub"), "unknown = 1").unwrap_err().to_string();
        let (_, known) = unknown.split_once("; there are ").unwrap();
        for key in known.split(", ") {
            assert!(help.contains(key.trim_end()), "{key}: {help}");
        }
    }
}
