//! `flip-appliance bundle`: work comes in from sticks, and answers go out on them.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, anyhow, bail, ensure};
use clap::Subcommand;
use flip_protocol::bundle::{Expected, FromHub, Heading, Refused, Unproven, Way};
use flip_protocol::message::Sealed;
use flip_protocol::order::Work;
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::error_chain;
use flip_storage::stick::{self, Counted, StickError};
use flip_web::plural;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bounds;
use crate::clock;
use crate::identity::Identity;
use crate::inbox;
use crate::place::Place;
use crate::sticks::{
    Answer, Folder, Handled, Handling, Known, Outcome, SticksError, Wish, head, read, reading,
};

#[derive(Subcommand)]
pub(super) enum BundleCommand {
    /// Explain bundles in plain words; nothing of them is taken
    Inspect {
        /// A bundle's file, or a folder with bundles, such as where the stick is mounted
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take in what the hub has written to a stick
    Import {
        /// A bundle's file, or a folder with bundles, such as where the stick is mounted
        #[arg(value_name = "FILE|DIR")]
        from: PathBuf,
        /// The folder of sticks, for who has no other of the appliance's [default: sticks in that of --data]
        #[arg(long, value_name = "DIR")]
        sticks: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write what this appliance has to say to a stick
    Export {
        /// A folder, such as where the stick is mounted, or a file
        #[arg(long, short, value_name = "FILE|DIR")]
        out: PathBuf,
        /// The most bytes of one bundle, such as 512M; what does not fit is in further bundles
        #[arg(long, default_value_t = bounds::BUNDLE_BYTES, value_parser = stick::bytes_of)]
        size: u64,
        /// Seconds to wait for orders that are not answered yet
        #[arg(long, default_value_t = 0)]
        wait: u64,
        /// Forget what an earlier export has not carried away, and begin anew
        #[arg(long)]
        anew: bool,
        /// The folder of sticks, for who has no other of the appliance's [default: sticks in that of --data]
        #[arg(long, value_name = "DIR")]
        sticks: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the lamp say that a stick cannot be mounted; for the units
    #[command(hide = true)]
    Unusable {
        /// The folder of sticks
        #[arg(long, value_name = "DIR")]
        sticks: PathBuf,
        /// A file that is there where it could be mounted to be read, and not to be written
        #[arg(long, value_name = "FILE")]
        mounted: PathBuf,
        /// The stick's device, such as sdb1
        device: String,
    },
}

/// How often the running appliance's answer is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// How long an appliance may take to start before it is taken not to run.
const STARTING: Duration = Duration::from_secs(3);

/// Carries out `flip-appliance bundle`.
pub(super) fn bundle(data: &Path, command: &BundleCommand) -> anyhow::Result<()> {
    let folder =
        |sticks: &Option<PathBuf>| Folder::new(sticks.clone().unwrap_or_else(|| Place::new(data).sticks()));
    match command {
        BundleCommand::Inspect { .. } => {}
        BundleCommand::Import { sticks, .. } | BundleCommand::Export { sticks, .. } => {
            // Of the folder of sticks, who is kept from everything else sees the parts alone.
            let known = sticks.as_ref().map(|sticks| sticks.join("known"));
            super::owner::is_this_user(known.as_deref().unwrap_or(data))?;
        }
        BundleCommand::Unusable { sticks, .. } => super::owner::is_this_user(&sticks.join("known"))?,
    }
    match command {
        BundleCommand::Inspect { from, json } => inspect(data, from, *json),
        BundleCommand::Import { from, sticks, json } => {
            import(&folder(sticks), from, sticks.is_some(), *json)
        }
        BundleCommand::Export { out, size, wait, anew, sticks, json } => {
            let wait_until = clock::now().plus(wait.saturating_mul(1_000));
            let wish = Wish { size: *size, wait_until, carried: Vec::new() };
            export(&folder(sticks), out, &wish, sticks.is_some(), *anew, *json)
        }
        BundleCommand::Unusable { sticks, mounted, device } => {
            let unusable = !mounted.exists();
            let why = if unusable { stick::UNUSABLE } else { stick::UNWRITABLE };
            let failed = Some(format!("the stick {device} {why}"));
            let said = Handled { failed, unusable, ..Handled::default() };
            Ok(Folder::new(sticks.clone()).say(&said)?)
        }
    }
}

fn inspect(data: &Path, from: &Path, json: bool) -> anyhow::Result<()> {
    let identity = Identity::load(data)?;
    let look = |file: &Path| look(&identity, file);
    let (said, all_good) =
        stick::inspect(from, wire::BUNDLES_ON_A_STICK, json, look, Value::clone, explained)?;
    say!("{said}");
    ensure!(all_good, stick::NOT_GOOD);
    Ok(())
}

/// A bundle in plain words.
fn explained(looked: &Value) -> String {
    let bundle = &looked["bundle"];
    let moment = |name: &str| {
        let at = bundle[name].as_u64().unwrap_or_default();
        clock::readable(flip_protocol::UnixMillis(at))
    };
    let to_here = bundle["way"] == "to_trust";
    let (which, with) = if to_here {
        ("of the hub for this Trust", "order")
    } else {
        ("of this Trust for the hub", "result")
    };
    let count = bundle["messages"].as_u64().unwrap_or_default().saturating_sub(1);
    let mut lines = vec![
        format!("A bundle {which}, with {}.", plural(count, with, None)),
        format!(
            "Its number is {}. It was made at {} UTC and is good until {} UTC.",
            bundle["number"],
            moment("made"),
            moment("expires")
        ),
    ];
    for order in looked["orders"].as_array().into_iter().flatten() {
        let text = |name: &str| order[name].as_str().unwrap_or_default();
        lines.push(format!("  {}: {}", text("what"), text("name")));
    }
    if let Some(letter) = looked["letter"]["sync"].as_object() {
        let counted =
            |name: &str| letter.get(name).and_then(Value::as_array).map_or(0, |list| list.len() as u64);
        lines.push(format!("The hub has {} of the results that were sent to it.", counted("acknowledged")));
        if counted("cancelled") > 0 {
            lines.push(format!("It does not want {} any more.", plural(counted("cancelled"), "order", None)));
        }
    }
    lines.push("Everything in it is as it was signed. Nothing was taken in.".to_owned());
    lines.join("\n")
}

/// A bundle for or of this Trust, verified whole.
fn look(identity: &Identity, file: &Path) -> Result<Value, SticksError> {
    let (source, length) = stick::open(file)?;
    let unproven = Unproven::read(BufReader::new(source))?;
    let header = *unproven.header();
    header.fits(length)?;
    let (facts_of, own) = (&identity.facts, [identity.keys.signing.verifying()]);
    let Heading { way, made, .. } = header.heading;
    let (me, sender, verifying) = match way {
        Way::ToTrust => (facts_of.trust, facts_of.hub, facts_of.verifying.as_slice()),
        Way::ToHub => (facts_of.hub, facts_of.trust, own.as_slice()),
    };
    let mut bundle = unproven.prove(&Expected { me, sender, way, verifying })?;
    let letter = bundle.next_message()?.ok_or(Refused::Malformed)?;
    // One that goes to the hub is sealed to it.
    let letter: Option<FromHub> = match way {
        Way::ToTrust => Some(header.open(letter, verifying, &identity.keys.opening)?),
        Way::ToHub => None,
    };
    let mut orders = Vec::new();
    while let Some(message) = bundle.next_message()? {
        if way == Way::ToHub {
            continue;
        }
        let sealed = Sealed::parse(message);
        let id = sealed.as_ref().ok().map(|sealed| sealed.envelope().id);
        let opened = sealed.and_then(|sealed| inbox::open(identity, &sealed, made));
        orders.push(match opened {
            Ok(work) => json!({ "id": id, "what": what(&work), "name": work.name(), "work": work }),
            Err(why) => {
                json!({ "id": id, "what": "an order that would not be taken", "name": why.to_string() })
            }
        });
    }
    Ok(json!({ "bundle": header.facts(), "letter": letter, "orders": orders }))
}

fn what(work: &Work) -> &'static str {
    match work {
        Work::CohortQuery { .. } => "a question",
        Work::FreezeCohort { .. } => "a question whose cohort is to be frozen",
        Work::DropFreeze { .. } => "an order to drop frozen cohorts",
    }
}

fn import(folder: &Folder, from: &Path, by_unit: bool, json: bool) -> anyhow::Result<()> {
    let known = known_of(folder)?;
    let _held = held(folder, by_unit)?;
    let handling = folder.begin()?;
    let device = stick::device_of(from);
    let files = match reading::listed(from) {
        Ok(files) => files,
        Err(error) => {
            let SticksError::Refused(why) = error else { return Err(error.into()) };
            reading::leave_refusal(folder, None, why)?;
            if why == Refused::Unreadable && stick::is_pulled(device.as_deref()) {
                handled(handling, &Handled::pulled());
            }
            return Err(anyhow!(why).context(from.display().to_string()));
        }
    };
    // What is amiss with one holds up no other.
    let mut outcomes: Vec<FileOutcome> = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let outcome = match reading::receive(folder, &known, &file, &mut bar(&name)) {
            Ok(header) => {
                let id = format!("flip-{}", header.heading.id);
                wait_for::<Outcome>(folder, &folder.said(&id), "the appliance takes it in")
                    .map_err(|error| error.to_string())
            }
            Err(SticksError::Refused(why)) => Ok(Some(refused(why))),
            Err(error) => Err(error_chain(&error)),
        };
        outcomes.push((file, outcome));
    }
    match amiss(&outcomes, device.as_deref()) {
        Some(said) => handled(handling, &said),
        None => drop(handling),
    }
    if json {
        let list: Vec<Value> = outcomes
            .iter()
            .map(|(file, outcome)| (file.to_string_lossy(), outcome))
            .map(|(file, outcome)| match outcome {
                Ok(outcome) => json!({ "file": file, "outcome": outcome }),
                Err(why) => json!({ "file": file, "outcome": null, "failed": why }),
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        if outcomes.is_empty() {
            say!("{} holds no bundle of the hub.", from.display());
        }
        for (file, outcome) in &outcomes {
            match outcome {
                Ok(outcome) => say!("{}: {}", file.display(), in_words(outcome.as_ref())),
                Err(why) => say!("{}: not taken in: {why}.", file.display()),
            }
        }
    }
    // What was taken before is no failure: a stick that is plugged in twice changes nothing.
    let is_refused = |outcome: &Option<Outcome>| {
        outcome.as_ref().and_then(|outcome| outcome.refused).is_some_and(|why| why != Refused::Replayed)
    };
    ensure!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), stick::NOT_ALL);
    ensure!(!outcomes.iter().flat_map(|(_, outcome)| outcome).any(is_refused), stick::NOT_USED);
    Ok(())
}

/// What came of each file; `None` where nobody took it in yet, and why where something failed that is no fault of it.
type FileOutcome = (PathBuf, Result<Option<Outcome>, String>);

/// What is to be said of a stick beside what is said of each bundle on it.
fn amiss(outcomes: &[FileOutcome], device: Option<&Path>) -> Option<Handled> {
    let failed = outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().err());
    let is_unreadable = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok()?.as_ref()?.refused)
        .any(|why| why == Refused::Unreadable);
    if (failed.is_some() || is_unreadable) && stick::is_pulled(device) {
        return Some(Handled::pulled());
    }
    failed.map(|why| Handled { failed: Some(why.clone()), reading: true, ..Handled::default() })
}

fn refused(why: Refused) -> Outcome {
    Outcome { bundle: None, number: 0, refused: Some(why), orders: 0, not_taken: 0, settled: 0 }
}

fn in_words(outcome: Option<&Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "verified and copied; it is taken in when the appliance starts: flip-appliance run"
            .to_owned();
    };
    match outcome.refused {
        Some(why) => why.in_words(),
        None => format!("{}.", outcome.in_words()),
    }
}

fn export(
    folder: &Folder,
    out: &Path,
    wish: &Wish,
    by_unit: bool,
    anew: bool,
    json: bool,
) -> anyhow::Result<()> {
    let known = known_of(folder)?;
    let _held = held(folder, by_unit)?;
    let handling = folder.begin()?;
    let device = stick::device_of(out);
    let mut done = Done::default();
    let exported = export_to(folder, &known, out, wish, anew, json, &mut done);
    let (written, removed) = (done.written, done.removed.len());
    let said = match &exported {
        Ok(()) => Handled { written_at: mounted_at(folder, out), ..Handled::default() },
        Err(_) if stick::is_pulled(device.as_deref()) => Handled::pulled(),
        Err(error) => Handled { failed: Some(format!("{error:#}")), ..Handled::default() },
    };
    // After all of it is on the stick, synced, or is not.
    handled(handling, &Handled { written, removed, ..said });
    exported
}

/// Where the stick is mounted; `None` where what was written to is on this machine's own disk. Who has no /proc cannot
/// tell, and the appliance then cannot either.
fn mounted_at(folder: &Folder, out: &Path) -> Option<PathBuf> {
    let out = std::fs::canonicalize(out).ok()?;
    let own = std::fs::canonicalize(folder.leaving()).ok().and_then(|own| stick::mount_of(&own));
    match stick::mount_of(&out) {
        None => Some(out),
        Some(mount) => Some(mount).filter(|mount| mount.parent().is_some() && Some(mount) != own.as_ref()),
    }
}

/// What an export did so far.
#[derive(Default)]
struct Done {
    /// Bundles that are on the stick.
    written: usize,
    /// Bundles that were removed from it.
    removed: Vec<PathBuf>,
}

/// Leaves word of what was done for the running appliance, which shows and keeps it. That it cannot be left is no reason to
/// fail.
fn handled(handling: Handling, said: &Handled) {
    if let Err(error) = handling.say(said) {
        tracing::error!(error = error_chain(&error), "that a stick was handled is not said");
    }
}

fn export_to(
    folder: &Folder,
    known: &Known,
    out: &Path,
    wish: &Wish,
    anew: bool,
    json: bool,
    done: &mut Done,
) -> anyhow::Result<()> {
    let file = if out.is_dir() { None } else { Some(stick::name_of(out).map_err(Error::msg)?) };
    let to = if out.is_dir() { out } else { out.parent().unwrap_or(Path::new(".")) };
    // Of one that nobody can name it cannot be said when it may be taken out.
    let is_nameless = std::fs::canonicalize(to).is_ok_and(|to| to.to_str().is_none());
    ensure!(!is_nameless, "the name of {} is not UTF-8; mount the stick at another", to.display());
    let (mut written, carried) = if out.is_dir() && !anew && folder.leaving().is_dir() {
        carry_left(folder, known, to, done)?
    } else {
        (Vec::new(), Vec::new())
    };
    let left = written.len();
    // What came since goes beside it.
    let answer = match made(folder, &Wish { carried, ..wish.clone() }) {
        Ok(answer) => answer,
        // What was left is on the stick all the same.
        Err(error) if left > 0 => {
            tracing::warn!(error = format!("{error:#}"), "what came since goes with a later stick");
            Answer::default()
        }
        Err(error) => return Err(error),
    };
    let bundles = answer.bundles.len();
    ensure!(out.is_dir() || bundles == 1, stick::more_than_one(wish.size, bundles));
    // New keys may have come with what was taken in before.
    let known = known_of(folder)?;
    if out.is_dir() && left == 0 {
        done.removed.extend(reading::clear(folder, &known, to)?);
    }
    for made in &answer.bundles {
        let name = file.unwrap_or(&made.file);
        written.push(hand_over(&known, &folder.leaving().join(&made.file), to, name)?);
        done.written += 1;
    }
    if json {
        let answer = json!({
            "files": stick::names(&written), "bundles": answer.bundles, "left": left,
            "waiting": answer.waiting, "removed": stick::names(&done.removed),
        });
        say!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    for path in &done.removed {
        say!("{}: removed; the hub has what was in it, or it has expired.", path.display());
    }
    for path in &written[..left] {
        say!("{}: left of an earlier export, and copied to its end.", path.display());
    }
    for (path, made) in written[left..].iter().zip(&answer.bundles) {
        let results = plural(u64::from(made.results), "result", None);
        say!("{}: bundle {} for the hub, {results}.", path.display(), made.number);
    }
    if answer.waiting > 0 {
        let waiting = plural(answer.waiting as u64, "order is", Some("orders are"));
        say!("{waiting} not answered yet; what is answered later goes with a later stick.");
    }
    say!("Unmount the stick, and carry it to the hub. There: flip-hub bundle import");
    Ok(())
}

/// What was made before and was not carried away is carried on with, not made again: a stick was full, or was pulled. Gives
/// the files and which bundles they are.
fn carry_left(
    folder: &Folder,
    known: &Known,
    to: &Path,
    done: &mut Done,
) -> anyhow::Result<(Vec<PathBuf>, Vec<MessageId>)> {
    let since_ms = clock::now().minus(wire::BUNDLE_LEFT_MS).0;
    let is_ours = |path: &Path| head(path).is_some_and(|head| head.heading.way == Way::ToHub);
    let left = stick::left(&folder.leaving(), since_ms, is_ours)?;
    if !left.is_empty() {
        done.removed = reading::clear(folder, known, to)?;
    }
    // What was in one that is too old goes with what is made next.
    let mut given_up = stick::left(&folder.leaving(), 0, is_ours)?.len() > left.len();
    let (mut written, mut carried) = (Vec::new(), Vec::new());
    for made in &left {
        let name = made.file_name().and_then(|name| name.to_str()).context("a bundle without a name")?;
        let header = head(made);
        match hand_over(known, made, to, name) {
            Ok(placed) => {
                written.push(placed);
                done.written += 1;
                carried.extend(header.map(|header| header.heading.id));
            }
            // Signed with keys that are replaced since, or damaged. What was in it goes with what is made next.
            Err(error) if matches!(error.downcast_ref(), Some(SticksError::Refused(_))) => {
                tracing::warn!(file = name, error = format!("{error:#}"), "what was left is given up");
                std::fs::remove_file(made).with_context(|| made.display().to_string())?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((written, if given_up { Vec::new() } else { carried }))
}

/// Has the running appliance make bundles.
fn made(folder: &Folder, wish: &Wish) -> anyhow::Result<Answer> {
    let asked = folder.ask(wish)?;
    let wait_ms = wish.wait_until.0.saturating_sub(clock::now().0);
    let words = match wait_ms.div_ceil(1_000) {
        0 => "the appliance makes the bundle".to_owned(),
        seconds => {
            format!("the appliance makes the bundle, once orders are answered or in {seconds} seconds")
        }
    };
    let answer: Option<Answer> = wait_for(folder, &asked.said, &words)?;
    let answer =
        answer.context("the appliance does not run, which makes the bundle; start it: flip-appliance run")?;
    match &answer.failed {
        Some(why) => bail!("the appliance could make no bundle: {why}"),
        None => Ok(answer),
    }
}

fn hand_over(known: &Known, made: &Path, to: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let placed = reading::hand_over(made, known.own, to, name, &mut bar(name));
    placed.context(stick::GO_ON)
}

fn known_of(folder: &Folder) -> anyhow::Result<Known> {
    folder.known().context("no appliance has run here yet; enrol it and start it: flip-appliance run")
}

/// Held while a stick is handled. A unit waits for the stick before: nobody is there to plug its own in once more.
fn held(folder: &Folder, by_unit: bool) -> anyhow::Result<std::fs::File> {
    let until = Instant::now() + if by_unit { bounds::STICKS_PATIENCE } else { std::time::Duration::ZERO };
    loop {
        if let Some(held) = folder.handle()? {
            return Ok(held);
        }
        ensure!(Instant::now() < until, StickError::Busy);
        std::thread::sleep(bounds::STICKS_LOOK);
    }
}

/// Waits for what the running appliance says; `None` where it does not run.
fn wait_for<T: DeserializeOwned>(folder: &Folder, said: &Path, words: &str) -> anyhow::Result<Option<T>> {
    let _waiting = stick::waiting(words);
    let until = Instant::now() + bounds::STICKS_PATIENCE;
    let mut seen_running = Instant::now();
    while Instant::now() < until {
        if let Some(found) = read(said) {
            stick::discard(said);
            return Ok(Some(found));
        }
        if stick::hold(&folder.running()).map_err(SticksError::from)?.is_none() {
            seen_running = Instant::now();
        } else if seen_running.elapsed() > STARTING {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
    bail!(
        "the appliance has not answered for {} minutes; see its log",
        bounds::STICKS_PATIENCE.as_secs() / 60
    )
}

fn bar(name: &str) -> impl FnMut(u64, u64) + use<> {
    let mut bar = stick::bar(name, |()| Counted::Bytes);
    move |done, total| bar((), done, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_said_to_be_pulled_where_its_files_cannot_be_read_and_its_device_is_gone() {
        let unreadable = || (PathBuf::from("a.flip"), Ok(Some(refused(Refused::Unreadable))));
        let replayed = || (PathBuf::from("b.flip"), Ok(Some(refused(Refused::Replayed))));
        let failed = || (PathBuf::from("c.flip"), Err("the disk is full".to_owned()));
        let (gone, stays) = (Path::new("/nowhere"), Path::new("/proc"));
        assert_eq!(amiss(&[replayed(), unreadable()], Some(gone)), Some(Handled::pulled()));
        assert_eq!(amiss(&[failed()], Some(gone)), Some(Handled::pulled()));
        // What is no stick's, what is another's fault, and what is none.
        let said =
            Handled { failed: Some("the disk is full".to_owned()), reading: true, ..Handled::default() };
        assert_eq!(amiss(&[unreadable(), failed()], Some(stays)), Some(said));
        assert_eq!(amiss(&[unreadable()], None), None);
        assert_eq!(amiss(&[replayed()], Some(gone)), None);
    }
}
