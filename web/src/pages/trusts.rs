//! The Trusts that the hub knows, and adding one.

use serde::Serialize;

use super::{Frame, Moment, Reach, Sandbox, SortHeads, sample};
use crate::Page;
use crate::chart::{Node, Topology};

/// The list at `/trusts`, with the form that posts `name` there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trusts {
    /// What surrounds it.
    pub frame: Frame,
    /// The picture of them.
    pub topology: Topology,
    /// The Trusts, in the order they are to be shown.
    pub trusts: Vec<TrustRow>,
    /// The heads of `name`, `state`, `seen`, `data`, `orders` and `version`.
    pub heads: SortHeads,
    /// True where the person may add one.
    pub may_add: bool,
    /// The new Trust's name as typed so far.
    pub name: String,
    /// Why that Trust cannot be added.
    pub error: Option<String>,
    /// Seconds until the list asks again. Without JavaScript it does not: that would empty the form.
    pub refresh_seconds: Option<u32>,
}

/// One Trust of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustRow {
    /// Its name.
    pub name: String,
    /// Where its own page is.
    pub href: String,
    /// Whether it is there.
    pub state: TrustState,
    /// How many things somebody should look at there.
    pub concerns: u64,
    /// When it last made contact.
    pub last_seen: Option<Moment>,
    /// Version of its appliance.
    pub version: Option<String>,
    /// Its data generation in use, for example `g-000003`.
    pub generation: Option<String>,
    /// Day of that generation's extract (`YYYY-MM-DD`).
    pub extract_date: Option<String>,
    /// How well its engine is shut in.
    pub sandbox: Option<Sandbox>,
    /// Orders that it has not answered yet.
    pub orders_waiting: u64,
}

/// Whether a Trust is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TrustState {
    /// It made contact within the last moments.
    Online,
    /// It did not.
    Offline {
        /// When it was last seen.
        since: Moment,
    },
    /// It has not enrolled yet.
    NeverSeen {
        /// When its kit stops or stopped working.
        kit_expires: Moment,
    },
    /// Its keys are void.
    Revoked {
        /// Since when.
        since: Moment,
    },
}

/// A Trust's kit, shown once: the answer to adding one, or to giving it another kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustAdded {
    /// What surrounds it.
    pub frame: Frame,
    /// True where the Trust is new.
    pub added: bool,
    /// The Trust's name.
    pub name: String,
    /// What the kit's file is to be called.
    pub kit_file_name: String,
    /// The kit, secret included.
    pub kit_text: String,
    /// Where the kit can be downloaded; a `data:` URL keeps the secret off the hub's paths.
    pub download_href: String,
    /// When the kit stops working.
    pub expires: Moment,
    /// Fingerprint of the hub's certificate authority.
    pub fingerprint: String,
    /// What to type at the appliance.
    pub command: String,
}

impl Page for Trusts {
    const TEMPLATE: &'static str = "trusts.html";

    fn samples() -> Vec<Self> {
        let since = sample::moment("2026-07-20T17:41:00Z", "15 hours ago");
        let online = TrustRow {
            name: "Northmoor University Hospitals".to_owned(),
            href: "/trusts/1".to_owned(),
            state: TrustState::Online,
            concerns: 0,
            last_seen: Some(sample::moment("2026-07-21T08:12:03Z", "2 seconds ago")),
            version: Some("0.1.0".to_owned()),
            generation: Some("g-000003".to_owned()),
            extract_date: Some("2026-06-30".to_owned()),
            sandbox: Some(Sandbox::Full),
            orders_waiting: 0,
        };
        let no_data = TrustRow {
            name: "Saltmarsh General".to_owned(),
            generation: None,
            extract_date: None,
            sandbox: Some(Sandbox::Absent { why: "the engine runs on a kernel without Landlock".to_owned() }),
            orders_waiting: 1,
            concerns: 2,
            ..online.clone()
        };
        let offline = TrustRow {
            name: "Eastvale NHS Foundation Trust".to_owned(),
            state: TrustState::Offline { since: since.clone() },
            last_seen: Some(since.clone()),
            version: Some("0.0.9".to_owned()),
            sandbox: Some(Sandbox::Partial { missing: "no memory limit by cgroup".to_owned() }),
            orders_waiting: 1_204,
            ..online.clone()
        };
        let never = TrustRow {
            name: "Westbrook".to_owned(),
            state: TrustState::NeverSeen { kit_expires: sample::moment("2026-07-28T08:00:00Z", "in 7 days") },
            last_seen: None,
            version: None,
            generation: None,
            extract_date: None,
            sandbox: None,
            orders_waiting: 2,
            ..online.clone()
        };
        let revoked = TrustRow {
            name: "Oldbridge".to_owned(),
            state: TrustState::Revoked { since },
            ..offline.clone()
        };
        let reaches = [Reach::Good, Reach::Troubled, Reach::Away, Reach::Never, Reach::Cut];
        let trusts = vec![online, no_data, offline, never, revoked];
        let nodes = trusts.iter().zip(reaches).map(|(row, reach)| Node { name: row.name.clone(), reach });
        let full = Self {
            frame: sample::frame(),
            topology: Topology { nodes: nodes.collect() },
            trusts,
            heads: sample::heads("/trusts", &["name", "state", "seen", "data", "orders", "version"]),
            may_add: true,
            name: String::new(),
            error: None,
            refresh_seconds: Some(5),
        };
        let none = Topology { nodes: Vec::new() };
        let empty = Self { topology: none, trusts: Vec::new(), refresh_seconds: None, ..full.clone() };
        let taken = Self {
            name: "Westbrook".to_owned(),
            error: Some("There is a Trust of this name already.".to_owned()),
            ..full.clone()
        };
        let readers = Self { may_add: false, ..empty.clone() };
        vec![full, empty, taken, readers]
    }
}

impl Page for TrustAdded {
    const TEMPLATE: &'static str = "trust_added.html";

    fn samples() -> Vec<Self> {
        let added = Self {
            frame: sample::frame(),
            added: true,
            name: "Westbrook".to_owned(),
            kit_file_name: "westbrook.kit.toml".to_owned(),
            kit_text:
                "hub = \"https://hub.flip.example:8443\"\ntrust = \"0198f3c1-6f0e-7aa0-b7c5-1f2d3c4b5a69\"\n\
                       secret = \"q7Jm-example-only-Zr2v\"\nexpires = \"2026-07-28T08:00:00Z\"\n"
                    .to_owned(),
            download_href: "data:application/toml;base64,aHViID0gIi4uLiIK".to_owned(),
            expires: sample::moment("2026-07-28T08:00:00Z", "in 7 days"),
            fingerprint: "SHA256:4f:0b:7a:91:c2:2e:6d:5f:88:10:aa:3c:9e:71:d4:06:\
                          b8:5a:13:ef:40:97:2b:cc:61:0d:f9:35:7e:a2:48:1b"
                .to_owned(),
            command: "flip-appliance enrol westbrook.kit.toml".to_owned(),
        };
        let again = Self {
            added: false,
            command: "flip-appliance enrol --again westbrook.kit.toml".to_owned(),
            ..added.clone()
        };
        vec![added, again]
    }
}
