//! The Trusts as page contexts.

use base64::Engine as _;
use flip_protocol::UnixMillis;
use flip_protocol::enrolment::Kit;
use flip_protocol::sync::{Confinement, Health};
use flip_web::chart::{Node, Topology};
use flip_web::pages::{self as web, Moment};

use super::super::paging::heads;
use super::{REFRESH_IDLE_S, frame};
use crate::bounds;
use crate::people::act::Standing;
use crate::people::act::trusts::{TrustColumn, part};
use crate::people::may::may;
use crate::people::session::Person;
use crate::permissions::Act;
use crate::presence::Link;
use crate::sorting::Sorting;

pub fn trusts(
    person: &Person,
    standing: Vec<Standing>,
    sorting: Sorting<TrustColumn>,
    name: &str,
    error: Option<String>,
    now: UnixMillis,
) -> web::Trusts {
    // The picture is the same however the list is sorted.
    let topology = Topology { nodes: standing.iter().map(node).collect() };
    let (standing, _) = part(standing, sorting, None, u32::MAX);
    web::Trusts {
        frame: frame(Some(person)),
        topology,
        heads: heads(sorting, |sort| format!("/trusts?sort={sort}")),
        trusts: standing.iter().map(|standing| row(standing, now)).collect(),
        may_add: may(person, Act::AddTrust),
        name: name.to_owned(),
        error,
        refresh_seconds: Some(REFRESH_IDLE_S),
    }
}

fn node(standing: &Standing) -> Node {
    let link = match standing.link {
        Link::Online if concerns(standing).is_empty() => web::Reach::Good,
        Link::Online => web::Reach::Troubled,
        Link::Offline(_) => web::Reach::Away,
        Link::NotEnrolled => web::Reach::Never,
        Link::Revoked(_) => web::Reach::Cut,
    };
    Node { name: standing.trust.name.clone(), reach: link }
}

fn row(standing: &Standing, now: UnixMillis) -> web::TrustRow {
    let moment = |at: UnixMillis| Moment::at(at.0, now.0);
    let health = standing.health.as_ref();
    let extract = health.and_then(|health| health.extract.as_ref());
    let enrolled = standing.trust.enrolled.unwrap_or(now);
    web::TrustRow {
        name: standing.trust.name.clone(),
        href: format!("/trusts/{}", standing.trust.id),
        state: match standing.link {
            Link::Online => web::TrustState::Online,
            Link::Offline(since) => web::TrustState::Offline { since: moment(since.unwrap_or(enrolled)) },
            Link::NotEnrolled => {
                web::TrustState::NeverSeen { kit_expires: moment(standing.trust.kit_expires.unwrap_or(now)) }
            }
            Link::Revoked(since) => web::TrustState::Revoked { since: moment(since) },
        },
        concerns: concerns(standing).len() as u64,
        last_seen: standing.seen.map(moment),
        version: health.map(|health| health.version.clone()),
        generation: extract.map(|extract| extract.generation.clone()),
        extract_date: extract.map(|extract| extract.date.clone()),
        sandbox: health.and_then(|health| health.engine).map(|engine| match engine {
            Confinement::Full => web::Sandbox::Full,
            Confinement::Partial => {
                web::Sandbox::Partial { missing: "the kernel knows only some of Landlock's rules".to_owned() }
            }
            Confinement::None => web::Sandbox::Absent { why: "the kernel has no Landlock".to_owned() },
        }),
        orders_waiting: standing.trust.open_orders,
    }
}

/// What somebody should look at, by what the Trust last said and what the hub sees.
fn concerns(standing: &Standing) -> Vec<String> {
    let Some(health) = &standing.health else { return Vec::new() };
    let mut all: Vec<String> =
        health.concerns.iter().map(|concern| format!("At the Trust: {}.", concern.sentence())).collect();
    if clock_is_wrong(health) {
        all.push("Its clock and the hub's differ by more than a minute.".to_owned());
    }
    if health.version != env!("CARGO_PKG_VERSION") {
        all.push(format!("It runs version {}, the hub {}.", health.version, env!("CARGO_PKG_VERSION")));
    }
    all
}

fn clock_is_wrong(health: &Health) -> bool {
    health.clock_ahead_ms.is_some_and(|ahead| ahead.unsigned_abs() > bounds::CLOCK_SKEW_MS)
}

pub fn trust(
    person: &Person,
    standing: &Standing,
    refusals: Vec<(String, u64)>,
    now: UnixMillis,
) -> web::Trust {
    let moment = |at: UnixMillis| Moment::at(at.0, now.0);
    let (trust, health) = (&standing.trust, standing.health.as_ref());
    let manages = may(person, Act::ManageTrusts);
    let usable = trust.enrolled.is_some() && trust.revoked.is_none();
    let action = |act: &str| format!("/trusts/{}/{act}", trust.id);
    web::Trust {
        frame: frame(Some(person)),
        row: row(standing, now),
        id: trust.id.to_string(),
        concerns: concerns(standing),
        uptime_seconds: health.map(|health| health.uptime_s),
        disk: health.map(|health| web::Disk { free: health.disk_free_bytes, of: health.disk_bytes }),
        clock: health.and_then(|health| {
            let skew_ms = health.clock_ahead_ms?;
            Some(web::Clock { skew_ms, acceptable: !clock_is_wrong(health) })
        }),
        enrolled: trust.enrolled.map(moment),
        keys: trust.keys.map(moment),
        rotate_asked: trust.rotate_asked.map(moment),
        certificate_expires: trust.certificate_expires.map(moment),
        refused_messages: refusals
            .into_iter()
            .map(|(reason, count)| web::Counter { reason: reason.replace('_', " "), count })
            .collect(),
        kit_action: manages.then(|| action("kit")),
        keys_action: (manages && usable && trust.rotate_asked.is_none()).then(|| action("keys")),
        revoke_action: (manages && trust.revoked.is_none()).then(|| action("revoke")),
        remove_action: manages.then(|| action("remove")),
        error: None,
        refresh_seconds: Some(REFRESH_IDLE_S),
    }
}

/// A Trust's kit, shown once; `added` where the Trust is new with it.
pub fn kit(person: &Person, kit: &Kit, added: bool, now: UnixMillis) -> web::TrustAdded {
    let letters = kit.trust_name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let file_name = letters.collect::<String>().to_lowercase() + ".kit";
    let text = kit.to_text();
    // A data: URL, so that the kit's secret is in no path of the hub.
    let download_href =
        format!("data:text/plain;base64,{}", base64::engine::general_purpose::STANDARD.encode(&text));
    let again = if added { "" } else { " --again" };
    web::TrustAdded {
        frame: frame(Some(person)),
        added,
        name: kit.trust_name.clone(),
        download_href,
        command: format!("flip-appliance enrol{again} {file_name}"),
        kit_file_name: file_name,
        kit_text: text,
        expires: Moment::at(kit.expires.0, now.0),
        fingerprint: kit.ca_sha256.clone(),
    }
}
