//! `flip-hub bundle`: work for Trusts without a network goes out on sticks, and their answers come in.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Error, bail, ensure};
use clap::Subcommand;
use flip_protocol::bounds as wire;
use flip_protocol::bundle::{Header, Refused, Way};
use flip_protocol::enrolment::StickRequest;
use flip_protocol::order::Work;
use flip_storage::error_chain;
use flip_storage::file::{self, Access};
use flip_storage::stick::{self, Counted, StickError};
use flip_web::pages::StickStep;
use flip_web::plural;
use serde_json::{Value, json};

use super::{open, trust_named};
use crate::audit::{By, written};
use crate::bundles::{BundleError, Desk, Looked, Taken, head};
use crate::ledger::trusts::Peer;
use crate::{bounds, clock, enrolment, hub};

#[derive(Subcommand)]
pub enum BundleCommand {
    /// Write what is for a Trust to a stick
    Export {
        /// The Trust's name
        #[arg(long, value_name = "NAME")]
        trust: String,
        /// A folder, such as where the stick is mounted, or a file
        #[arg(long, short, value_name = "FILE|DIR")]
        out: PathBuf,
        /// The most bytes of one bundle, such as 512M; what does not fit is in further bundles
        #[arg(long, default_value_t = bounds::BUNDLE_BYTES, value_parser = stick::bytes_of)]
        size: u64,
        /// Forget what an earlier export has not carried away, and begin anew
        #[arg(long)]
        anew: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Explain bundles in plain words; nothing of them is taken
    Inspect {
        /// A bundle's file, or a folder with bundles
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take in what a Trust has written to a stick
    Import {
        /// A bundle's file, or a folder with bundles
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Carries out `flip-hub bundle`.
pub fn bundle(data: &Path, command: &BundleCommand) -> anyhow::Result<()> {
    let (_, authority, ledger) = open(data)?;
    // Its transactions are waited for; nothing else runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let desk = Desk {
        authority: &authority,
        ledger: &ledger,
        runtime: runtime.handle(),
        folder: Desk::folder(data),
    };
    let held = match command {
        BundleCommand::Inspect { .. } => None,
        BundleCommand::Export { .. } | BundleCommand::Import { .. } => Some(desk.hold()?),
    };
    let done = match command {
        BundleCommand::Export { trust, out, size, anew, json } => {
            export(&desk, trust, out, *size, *anew, *json)
        }
        BundleCommand::Inspect { from, json } => inspect(&desk, from, *json),
        BundleCommand::Import { from, json } => import(&desk, from, *json),
    };
    drop(held);
    done
}

fn export(desk: &Desk<'_>, trust: &str, out: &Path, size: u64, anew: bool, json: bool) -> anyhow::Result<()> {
    let trust = trust_named(desk.ledger, trust)?;
    let file = if out.is_dir() { None } else { Some(stick::name_of(out).map_err(Error::msg)?) };
    let folder = if out.is_dir() { out } else { out.parent().unwrap_or(Path::new(".")) };
    let mut placed = Vec::new();
    // What was made for this Trust before and was not carried away is carried on with, not made again: a stick was full,
    // or was pulled. What came since goes beside it.
    let since_ms = clock::now().minus(wire::BUNDLE_LEFT_MS).0;
    let left = if out.is_dir() && !anew { desk.left(since_ms, trust.id)? } else { Vec::new() };
    // Nothing that waits is on it, and what is written now says all that it said.
    let clear = || if out.is_dir() { desk.clear_stick(folder, trust.id) } else { Ok(Vec::new()) };
    let mut removed = if left.is_empty() { Vec::new() } else { clear()? };
    let mut carried = Vec::new();
    let mut given_up = false;
    for made in &left {
        let name = made.file_name().and_then(|name| name.to_str()).context("a bundle without a name")?;
        let header = head(made)?;
        match desk.hand_over(made, folder, name, &mut bar(name)) {
            Ok(place) => {
                placed.push(place);
                carried.push(header);
            }
            // Damaged here. What was in it goes with what is made next. What is no file is in its way on the stick.
            Err(BundleError::Refused(why)) if why != Refused::NotAFile => {
                tracing::warn!(file = name, reason = why.name(), "what was left is given up");
                stick::discard(made);
                given_up = true;
            }
            Err(error) => return Err(error).context(stick::GO_ON),
        }
    }
    let on_it: &[Header] = if given_up { &[] } else { &carried };
    let made = match desk.make(&By::command_line(clock::now()), trust.id, size, on_it, &mut bar("making")) {
        Ok(made) => made,
        // All of what was left is on the stick.
        Err(error) if !carried.is_empty() && !given_up => {
            tracing::warn!(error = error_chain(&error), "what came since goes with a later stick");
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    ensure!(out.is_dir() || made.len() == 1, stick::more_than_one(size, made.len()));
    if left.is_empty() {
        removed = clear()?;
    }
    for one in &made {
        let name = file.map_or_else(|| one.header.file_name(), ToOwned::to_owned);
        placed.push(desk.hand_over(&one.path, folder, &name, &mut bar(&name)).context(stick::GO_ON)?);
    }
    let (left, headers) = (carried.len(), carried.into_iter().chain(made.iter().map(|one| one.header)));
    let placed: Vec<(Header, PathBuf)> = headers.zip(placed).collect();
    if json {
        let list: Vec<Value> = placed
            .iter()
            .map(|(header, path)| json!({ "file": path.to_string_lossy(), "bundle": header.facts() }))
            .collect();
        let told = json!({
            "trust": trust.name, "bundles": list, "left": left, "removed": stick::names(&removed),
        });
        say!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    for path in &removed {
        say!("{}: removed; {} has what was in it, or it has expired.", path.display(), trust.name);
    }
    for (header, path) in &placed {
        let orders = header.messages - 1;
        say!(
            "{}: bundle {} for {}, {}.",
            path.display(),
            header.heading.number,
            trust.name,
            many(orders, "order")
        );
    }
    if left > 0 {
        say!("{} left of an earlier export.", plural(left as u64, "bundle was", Some("bundles were")));
    }
    say!("Unmount the stick, and carry it to {}. There: flip-appliance bundle import", trust.name);
    Ok(())
}

fn inspect(desk: &Desk<'_>, from: &Path, json: bool) -> anyhow::Result<()> {
    let look = |file: &Path| desk.look(file);
    let (said, all_good) = stick::inspect(from, wire::BUNDLES_ON_A_STICK, json, look, told, words)?;
    say!("{said}");
    ensure!(all_good, stick::NOT_GOOD);
    Ok(())
}

fn told(looked: &Looked) -> Value {
    json!({
        "trust": looked.trust_name,
        "bundle": looked.header.facts(),
        "letter": looked.letter,
        "message_bytes": looked.messages,
    })
}

fn words(looked: &Looked) -> String {
    let heading = looked.header.heading;
    let [made, expires] =
        [heading.made.0, heading.expires.0].map(|at_ms| written::moment(at_ms - at_ms % 1_000));
    let count = looked.header.messages - 1;
    let name = &looked.trust_name;
    let mut lines = match heading.way {
        Way::ToTrust => vec![
            format!("A bundle of this hub for {name}, with {}.", many(count, "order")),
            "What is in it is sealed to the Trust; this hub cannot read it again.".to_owned(),
        ],
        Way::ToHub => vec![format!("A bundle of {name} for this hub, with {}.", many(count, "result"))],
    };
    lines.push(format!(
        "Its number is {}. It was made at {made} and is good until {expires}.",
        heading.number
    ));
    if let Some(letter) = &looked.letter {
        let sync = &letter.sync;
        let holding = u32::try_from(sync.holding.len()).unwrap_or(u32::MAX);
        lines.push(format!("At the Trust when it was made: {}.", many(holding, "order")));
        if !sync.refused.is_empty() {
            let refused = plural(sync.refused.len() as u64, "message was", Some("messages were"));
            lines.push(format!("It says that {refused} not taken there."));
        }
        lines.push(format!("The appliance's version is {}.", sync.health.version));
        if letter.rotate.is_some() {
            lines.push("It shows new keys.".to_owned());
        }
    }
    lines.push("Everything in it is as it was signed. Nothing was taken in.".to_owned());
    lines.join("\n")
}

fn import(desk: &Desk<'_>, from: &Path, json: bool) -> anyhow::Result<()> {
    let by = By::command_line(clock::now());
    // On a stick that comes back there are also the bundles that went out with it.
    let own = Cell::new(0);
    let is_theirs = |file: &Path| {
        let is_own = head(file).is_ok_and(|header| header.heading.way == Way::ToTrust);
        own.set(own.get() + u32::from(is_own));
        !is_own
    };
    let listed = stick::listed(from, wire::BUNDLES_ON_A_STICK, is_theirs).and_then(|files| {
        // The only one there is what somebody meant, and is told what is wrong with it.
        let is_alone = files.is_empty() && own.get() == 1;
        if is_alone { stick::listed(from, wire::BUNDLES_ON_A_STICK, |_| true) } else { Ok(files) }
    });
    let files = match listed {
        Ok(files) => files,
        Err(error) => {
            let error = match error {
                StickError::Io(path, error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "a stick cannot be read");
                    BundleError::Refused(Refused::Unreadable)
                }
                other @ (StickError::Io(..)
                | StickError::NotAFile(_)
                | StickError::TooMany(_)
                | StickError::Disk(_)
                | StickError::Busy) => BundleError::from(other),
            };
            if let BundleError::Refused(why) = &error {
                desk.note_refused(&by, None, *why)?;
                return Err(error).with_context(|| from.display().to_string());
            }
            return Err(error.into());
        }
    };
    if files.is_empty() {
        bail!("{} holds no bundle of a Trust ({} of this hub)", from.display(), own.get());
    }
    // What is amiss with one holds up no other.
    let mut outcomes: BTreeMap<PathBuf, Result<Taken, BundleError>> = BTreeMap::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let taken = desk.take(&by, &file, &mut bar(&name));
        outcomes.insert(file, taken);
    }
    let named = outcomes.iter().map(|(file, outcome)| (file.to_string_lossy(), outcome));
    let list = named.map(|(file, outcome)| match outcome {
        Ok(taken) => json!({
            "file": file, "taken": true, "trust": taken.trust_name, "bundle": taken.header.facts(),
            "results_stored": taken.stored, "results_not_taken": taken.not_taken,
        }),
        Err(BundleError::Refused(why)) => {
            json!({ "file": file, "taken": false, "refused": why, "why": why.to_string() })
        }
        Err(error) => json!({ "file": file, "taken": false, "failed": error_chain(error) }),
    });
    if json {
        say!("{}", serde_json::to_string_pretty(&list.collect::<Vec<_>>())?);
    } else {
        for (file, outcome) in &outcomes {
            match outcome {
                Ok(taken) => {
                    let stored = u32::try_from(taken.stored).unwrap_or(u32::MAX);
                    let stored = many(stored, "result");
                    say!("{}: taken in, from {}, {stored}.", file.display(), taken.trust_name);
                    if taken.not_taken > 0 {
                        let not_taken =
                            plural(taken.not_taken as u64, "of its results was", Some("of its results were"));
                        say!("  {not_taken} not taken; the log says why.");
                    }
                }
                Err(BundleError::Refused(why)) => {
                    say!("{}: {}", file.display(), why.in_words());
                }
                Err(error) => say!("{}: not taken in: {}.", file.display(), error_chain(error)),
            }
        }
    }
    // What was taken before is no failure: a stick that is plugged in twice changes nothing.
    let refused = |outcome: &Result<Taken, BundleError>| match outcome {
        Err(BundleError::Refused(why)) => *why != Refused::Replayed,
        Ok(_) | Err(_) => false,
    };
    let failed = |outcome: &Result<Taken, BundleError>| {
        outcome.as_ref().is_err_and(|error| !matches!(error, BundleError::Refused(_)))
    };
    ensure!(!outcomes.values().any(failed), stick::NOT_ALL);
    ensure!(!outcomes.values().any(refused), stick::NOT_USED);
    Ok(())
}

fn many(count: u32, what: &str) -> String {
    if count == 0 { format!("no {what}s") } else { plural(u64::from(count), what, None) }
}

fn bar(name: &str) -> impl FnMut(StickStep, u64, u64) + use<> {
    stick::bar(name, |step| match step {
        StickStep::Bringing | StickStep::Copying => Counted::Bytes,
        StickStep::Looking | StickStep::Taking | StickStep::Making => Counted::Messages,
    })
}

/// Bytes of an enrolment's request: two keys and a certificate request.
const REQUEST_BYTES: u64 = 64 * 1024;

/// Carries out `flip-hub trust enrol`.
pub fn enrol(data: &Path, request: &Path, out: &Path) -> anyhow::Result<()> {
    let (_, authority, ledger) = open(data)?;
    let (file, length) = stick::open(request)?;
    ensure!(length <= REQUEST_BYTES, "{} is too long to be an enrolment's request", request.display());
    let request: StickRequest = serde_json::from_reader(file)
        .with_context(|| format!("{} is not an enrolment's request", request.display()))?;
    let (authority, now) = (Arc::new(authority), clock::now());
    let sealing = Arc::clone(&authority);
    let reseal = Box::new(move |peer: &Peer, id, sequence, work: &Work, expires| {
        hub::seal_order(&sealing, peer, id, sequence, work, now, expires)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let enrolled = enrolment::enrol_by_stick(&authority, &ledger, request, reseal, now);
    let (name, answer) = runtime.block_on(enrolled)?;
    let text = serde_json::to_string_pretty(&answer)?;
    file::write(out, text.as_bytes(), Access::Owner)
        .with_context(|| format!("the answer cannot be written to {}", out.display()))?;
    say!("{name} is enrolled. Carry {} to it. There: flip-appliance enrol KIT --answer FILE", out.display());
    Ok(())
}
