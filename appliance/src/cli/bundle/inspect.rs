//! Bundles in plain words: nothing of them is taken.

use std::io::BufReader;
use std::path::Path;

use anyhow::ensure;
use flip_protocol::bounds as wire;
use flip_protocol::bundle::{Expected, FromHub, Heading, Refused, Unproven, Way};
use flip_protocol::message::Sealed;
use flip_protocol::order::Work;
use flip_storage::stick;
use flip_web::plural;
use serde_json::{Value, json};

use crate::clock;
use crate::identity::Identity;
use crate::inbox;
use crate::sticks::SticksError;

pub(super) fn inspect(data: &Path, from: &Path, json: bool) -> anyhow::Result<()> {
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
