//! What it costs to sign in with a password, which is made to cost something: alone, and many at once, with the hub's
//! memory.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::memory::peak_mib;
use super::samples::Samples;
use super::table::{Beside, Report, Row};
use super::{Effort, Places, Steps};
use crate::world::{Hub, HubOptions, PASSWORD};

/// People who sign in at once, at nine in the morning.
const AT_ONCE: usize = 16;

/// Adds the figures.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin("signing in")?;
    let mut hub = Hub::start(&places.scratch.join("sign-in"), HubOptions::default())?;
    let process = hub.program()?.id();
    let before = peak_mib(process);
    let people: Vec<String> = (1..=AT_ONCE).map(|number| format!("person {number}")).collect();
    for person in &people {
        // Signed in once, they are known where they are; whoever is not waits in another line.
        hub.add_person(person, "researcher")?;
    }
    let mut alone = Vec::new();
    for _ in 0..effort.sign_ins {
        steps.go_on()?;
        alone.push(sign_in_ms(&hub, &people[0])?);
    }
    let of_one = peak_mib(process);
    let began = Instant::now();
    let together = at_once(&hub, &people, effort.sign_ins / AT_ONCE + 1)?;
    #[expect(clippy::cast_precision_loss, reason = "a count of sign-ins")]
    let rate = together.len() as f64 / began.elapsed().as_secs_f64();
    let of_many = peak_mib(process);

    let mut add = |name: &str, unit, beside, samples| {
        report.add(Row::new(name, unit, beside, Samples::new(samples)));
    };
    add("signing in with a password (Argon2id), each with a new connection", "ms", Beside::P99, alone);
    add(&format!("the same, {AT_ONCE} at once"), "ms", Beside::P99, together);
    add(&format!("sign-ins of {AT_ONCE} at once"), "/s", Beside::Range, vec![rate]);
    add("memory of flip-hub before anybody signs in, at most", "MiB", Beside::Range, vec![before]);
    add("the same after one at a time", "MiB", Beside::Range, vec![of_one]);
    add(&format!("the same after {AT_ONCE} at once"), "MiB", Beside::Range, vec![of_many]);
    Ok(())
}

fn sign_in_ms(hub: &Hub, person: &str) -> Result<f64> {
    let visitor = hub.stranger()?;
    let began = Instant::now();
    let session = visitor.sign_in(person, PASSWORD)?;
    let took = began.elapsed().as_secs_f64() * 1_000.0;
    // Only so many sessions of a person are kept.
    let ended = session.send("DELETE", "/api/v1/session", "", "")?;
    ensure!(ended.status == 204, "not signed out: {}", ended.text);
    Ok(took)
}

/// What each sign-in took, of so many by each of these people at once.
fn at_once(hub: &Hub, people: &[String], each: usize) -> Result<Vec<f64>> {
    let start = Barrier::new(people.len());
    let taken: Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let signing_in: Vec<_> = people
            .iter()
            .map(|person| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    (0..each).map(|_| sign_in_ms(hub, person)).collect::<Result<Vec<f64>>>()
                })
            })
            .collect();
        signing_in.into_iter().map(|one| one.join().expect("whoever signs in does not panic")).collect()
    });
    Ok(taken?.concat())
}
