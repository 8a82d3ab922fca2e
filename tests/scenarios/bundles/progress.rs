//! How far a bundle is, as both consoles say it while one is really under way, and a page that waits for it no longer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flip_protocol::bundle::Unproven;
use flip_protocol::{MessageId, bounds};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{brought, until};

use super::large::{huge, large, parts};
use super::{answer, file, out, signal, stick, with, words};
use crate::stage::Stage;

/// Longer than a page waits for a bundle, by the clock of the program that is stopped meanwhile.
const LONGER: Duration = Duration::from_secs(21);
/// Messages of 4 MiB: enough of them that a console is asked several times meanwhile.
pub(super) const HUGE: usize = 24;
/// Orders of 1 MiB likewise.
const ORDERS: u64 = 50;

const COPIED: &str = "A bundle is being verified and copied";
const LOOKED_AT: &str = "The copy of a bundle is being verified";
const TAKEN: &str = "A bundle is being taken in";
const MADE: &str = "A bundle is being made";

/// What a page of sticks says is under way: its heading, how much is done, of how much.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    step: &'static str,
    done: u64,
    of: u64,
}

fn under_way(page: &str) -> Option<Progress> {
    let step = *[COPIED, LOOKED_AT, TAKEN, MADE].iter().find(|step| page.contains(**step))?;
    let (_, bar) = page.split_once("<progress ")?;
    let number = |name: &str| -> Option<u64> {
        let (_, rest) = bar.split_once(&format!(" {name}=\""))?;
        rest.split('"').next()?.parse().ok()
    };
    Some(Progress { step, done: number("value")?, of: number("max")? })
}

/// A console: its program, how a file is brought to it, giving the status and where it leads, and its page.
struct Console<'a> {
    program: u32,
    bring: &'a (dyn Fn(File) -> Result<(u16, String)> + Sync),
    look: &'a dyn Fn() -> Result<String>,
}

/// Brings a bundle of so many bytes and messages, and holds the program up once it is seen to be at work: whoever brought it
/// is led to the page, which goes on by itself; gives what the page says at the end.
fn held_up(console: &Console, bundle: &Path, bytes: u64, messages: u64) -> Result<String> {
    let bundle = File::open(bundle)?;
    let (answered, mut seen) = (AtomicBool::new(false), Vec::<Progress>::new());
    let led = std::thread::scope(|scope| -> Result<(u16, String)> {
        let bringing = scope.spawn(|| {
            let led = (console.bring)(bundle);
            answered.store(true, Ordering::Relaxed);
            led
        });
        while seen.is_empty() && !answered.load(Ordering::Relaxed) {
            seen.extend(under_way(&(console.look)()?));
        }
        signal(console.program, "STOP")?;
        std::thread::sleep(LONGER);
        signal(console.program, "CONT")?;
        bringing.join().map_err(|_| anyhow::anyhow!("bringing it panicked"))?
    })?;
    ensure!(led == (303, "/sticks".to_owned()), "{led:?}");
    let page = until("the end", || {
        let page = (console.look)()?;
        // Without scripts it comes again by itself, as long as there is something to come.
        let (now, renewed) = (under_way(&page), page.contains("http-equiv=\"refresh\""));
        ensure!(renewed || now.is_none(), "{page}");
        seen.extend(now);
        Ok((!renewed).then_some(page))
    })?;
    let steps = [(COPIED, bytes), (LOOKED_AT, messages), (TAKEN, messages)];
    let place = |progress: &Progress| steps.iter().position(|(step, _)| *step == progress.step);
    for progress in &seen {
        let of = steps[place(progress).context("another step")?].1;
        ensure!(progress.of == of && progress.done <= of, "{progress:?} of {of}");
    }
    ensure!(seen.iter().any(|progress| progress.done > 0), "{seen:?}");
    ensure!(seen.is_sorted_by_key(|progress| (place(progress), progress.done)), "it goes back: {seen:?}");
    eprintln!("seen: {} times, at last {:?}", seen.len(), seen.last());
    Ok(page)
}

#[test]
fn the_hubs_page_says_how_far_a_bundle_is_and_goes_on_by_itself_where_it_takes_long() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.wire.cut();
    let (bundle, bytes) = huge_answer(&stage)?;
    let program = stage.hub.program()?.id();
    let api = &stage.api;
    let bring = |file: File| -> Result<(u16, String)> {
        let reply = api.bring("/uploads/sticks", file)?;
        Ok((reply.status, reply.location))
    };
    let look = || Ok(api.get("/sticks")?.text);
    let page = held_up(&Console { program, bring: &bring, look: &look }, &bundle, bytes, HUGE as u64)?;
    ensure!(page.contains(&format!("0 results stored, {HUGE} not taken")), "{page}");
    Ok(())
}

/// An order for the Trust, and [`HUGE`] more as long as a message can be that are none: what is made of them takes its time.
pub(super) fn huge_orders(stage: &Stage) -> Result<()> {
    stage.api.ask("everyone", EVERYONE)?;
    let more =
        "WITH RECURSIVE more (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM more WHERE number < ?1)
        INSERT INTO work_order (id, trust, query, sequence, message, state, detail, expires_ms, kind)
        SELECT randomblob(16), trust, query, sequence + number, zeroblob(?2), state, detail, expires_ms, kind
        FROM work_order, more";
    let ledger = Connection::open(stage.hub.data.join("hub.sqlite"))?;
    let inserted = ledger.execute(more, (HUGE, bounds::BODY_BYTES))?;
    ensure!(inserted == HUGE, "{inserted} orders");
    Ok(())
}

#[test]
fn the_hubs_page_says_how_far_a_bundle_is_that_is_made() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    huge_orders(&stage)?;
    let trusts = stage.api.get("/api/v1/trusts")?.json();
    let id = trusts["trusts"][0]["id"].as_str().context("no Trust")?.to_owned();
    let (bundle, seen) = std::thread::scope(|scope| -> Result<(Vec<u8>, Vec<Progress>)> {
        let making = scope.spawn(|| stage.api.file(&format!("/trusts/{id}/bundle")));
        let mut seen = Vec::new();
        while !making.is_finished() {
            let page = stage.api.get("/sticks")?.text;
            let now = under_way(&page);
            ensure!(now.is_none() || page.contains("http-equiv=\"refresh\""), "{page}");
            seen.extend(now);
        }
        let bundle = making.join().map_err(|_| anyhow::anyhow!("making it panicked"))??;
        Ok((bundle, seen))
    })?;
    let of = HUGE as u64 + 1;
    ensure!(seen.iter().all(|now| (now.step, now.of) == (MADE, of)), "{seen:?}");
    ensure!(seen.is_sorted_by_key(|now| now.done), "it goes back: {seen:?}");
    ensure!(seen.iter().any(|now| (1..of).contains(&now.done)), "{seen:?}");
    let header = *Unproven::read(bundle.as_slice())?.header();
    assert_eq!((u64::from(header.messages), header.length()), (of + 1, bundle.len() as u64));
    assert_eq!(under_way(&stage.api.get("/sticks")?.text), None);
    eprintln!("seen: {} times, at last {:?}", seen.len(), seen.last());
    Ok(())
}

/// A bundle of the Trust's that holds many long messages.
pub(super) fn huge_answer(stage: &Stage) -> Result<(PathBuf, u64)> {
    until("the folder of sticks", || {
        Ok(stage.trust.data.join("sticks/known/hub.json").exists().then_some(()))
    })?;
    answer(&stage.trust, &stick(stage, "answer")?)?;
    let made = file(&stage.folder().join("answer"))?;
    let id = made.file_stem().and_then(|name| name.to_str()).context("no name")?.trim_start_matches("flip-");
    let key = stage.trust.data.join("identity/signing.key");
    let (signing, heading, letter) = parts(stage, &key, "answer", id.parse()?)?;
    let bundle = stage.folder().join("huge.flip");
    let bytes = huge(&bundle, heading, &letter, HUGE, &signing)?;
    Ok((bundle, bytes))
}

#[test]
fn the_local_page_says_how_far_a_bundle_is_and_goes_on_by_itself_where_it_takes_long() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    stage.wire.cut();
    let bundle = stage.folder().join("large.flip");
    let bytes = large(&stage, &bundle, ORDERS)?;
    let program = stage.trust.program()?.id();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_mins(3)))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let sticks = format!("{}/sticks", stage.trust.address()?);
    let secret = format!("Bearer {}", stage.trust.secret()?);
    let bring = |file: File| -> Result<(u16, String)> {
        let request =
            agent.post(&sticks).header("authorization", &secret).header("sec-fetch-site", "same-origin");
        let response = brought(request, file)?;
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        Ok((response.status().as_u16(), location.unwrap_or_default().to_owned()))
    };
    let look =
        || Ok(agent.get(&sticks).header("authorization", &secret).call()?.body_mut().read_to_string()?);
    let page = held_up(&Console { program, bring: &bring, look: &look }, &bundle, bytes, ORDERS)?;
    ensure!(page.contains("bundle taken") && page.contains(&format!("orders {ORDERS}")), "{page}");
    Ok(())
}

/// One of the hub's likewise: its id, too.
pub(super) fn huge_work(stage: &Stage) -> Result<(PathBuf, MessageId, u64)> {
    let made = out(&stage.hub, &stick(stage, "made")?)?;
    let id = made["bundles"][0]["bundle"]["id"].as_str().context("no id")?.parse()?;
    let (signing, heading, letter) = parts(stage, &stage.hub.data.join("keys/signing.key"), "made", id)?;
    let bundle = stick(stage, "stick")?.join("flip-huge.flip");
    let bytes = huge(&bundle, heading, &letter, HUGE, &signing)?;
    Ok((bundle, id, bytes))
}

#[test]
fn the_local_page_says_how_far_a_stick_is_that_a_command_reads() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let (bundle, id, bytes) = huge_work(&stage)?;
    let copy = stage.trust.data.join(format!("sticks/arrived/flip-{id}.flip.part"));
    let mut import = with(stage.trust.command(&["bundle", "import"])?, &bundle);
    let mut reader = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let copied = || fs::metadata(&copy).map_or(0, |facts| facts.len());
    while copied() == 0 && reader.try_wait()?.is_none() {}
    signal(reader.id(), "STOP")?;
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let secret = format!("Bearer {}", stage.trust.secret()?);
    let request = agent.get(format!("{}/sticks", stage.trust.address()?)).header("authorization", secret);
    let page = request.call()?.body_mut().read_to_string()?;
    let (seen, done) = (under_way(&page), copied());
    signal(reader.id(), "CONT")?;
    let output = reader.wait_with_output()?;
    ensure!(done > 0 && done < bytes, "{done} of {bytes}: {}", words(&output));
    assert_eq!(seen, Some(Progress { step: COPIED, done, of: bytes }), "{page}");
    ensure!(words(&output).contains(&format!("and {HUGE} refused")), "{}", words(&output));
    Ok(())
}
