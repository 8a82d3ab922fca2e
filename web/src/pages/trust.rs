//! One Trust: how its appliance is, and what an admin can do with it.

use serde::Serialize;

use super::{Clock, Counter, Frame, Moment, TrustRow, Trusts, sample};
use crate::Page;

/// The page at `/trusts/{trust}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// What surrounds it.
    pub frame: Frame,
    /// What the list says of it.
    pub row: TrustRow,
    /// Its id.
    pub id: String,
    /// What somebody should look at, in sentences.
    pub concerns: Vec<String>,
    /// Seconds since its appliance started.
    pub uptime_seconds: Option<u64>,
    /// The disk of its state.
    pub disk: Option<Disk>,
    /// How far its clock is from the hub's.
    pub clock: Option<Clock>,
    /// When it last enrolled.
    pub enrolled: Option<Moment>,
    /// When its keys were made.
    pub keys: Option<Moment>,
    /// Since when new ones are asked of it.
    pub rotate_asked: Option<Moment>,
    /// When its certificate ends.
    pub certificate_expires: Option<Moment>,
    /// Messages of it that the hub did not take, by reason.
    pub refused_messages: Vec<Counter>,
    /// Where a form posts for a new kit; `None` where the person may not.
    pub kit_action: Option<String>,
    /// The same for new keys.
    pub keys_action: Option<String>,
    /// The same to make its keys void.
    pub revoke_action: Option<String>,
    /// The same to remove it; the form's `name` repeats its name.
    pub remove_action: Option<String>,
    /// Why what was asked for was not done.
    pub error: Option<String>,
    /// Seconds until the page asks again.
    pub refresh_seconds: Option<u32>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// What is free.
    pub free: u64,
    /// All of it, where known.
    pub of: Option<u64>,
}

impl Page for Trust {
    const TEMPLATE: &'static str = "trust.html";

    fn samples() -> Vec<Self> {
        let moment = || sample::moment("2026-07-21T08:12:03Z", "15 hours ago");
        let rows = Trusts::samples().remove(0).trusts;
        let action = |act: &str| Some(format!("/trusts/1/{act}"));
        let online = Self {
            frame: sample::admin(),
            row: rows[0].clone(),
            id: "0198f3c1-6f0e-7aa0-b7c5-1f2d3c4b5a69".to_owned(),
            concerns: Vec::new(),
            uptime_seconds: Some(93_600),
            disk: Some(Disk { free: 512 << 30, of: Some(1 << 40) }),
            clock: Some(Clock { skew_ms: -12, acceptable: true }),
            enrolled: Some(moment()),
            keys: Some(moment()),
            rotate_asked: None,
            certificate_expires: Some(sample::moment("2026-10-21T08:12:03Z", "in 90 days")),
            refused_messages: Vec::new(),
            kit_action: action("kit"),
            keys_action: action("keys"),
            revoke_action: action("revoke"),
            remove_action: action("remove"),
            error: None,
            refresh_seconds: Some(10),
        };
        let troubled = Self {
            row: rows[1].clone(),
            concerns: vec!["At the Trust: there are no data yet.".to_owned()],
            disk: Some(Disk { free: 0, of: None }),
            clock: Some(Clock { skew_ms: 93_000, acceptable: false }),
            rotate_asked: Some(moment()),
            keys_action: None,
            refused_messages: vec![Counter { reason: "bad signature".to_owned(), count: 3 }],
            ..online.clone()
        };
        let never = Self {
            row: rows[3].clone(),
            uptime_seconds: None,
            disk: None,
            clock: None,
            enrolled: None,
            keys: None,
            certificate_expires: None,
            keys_action: None,
            ..online.clone()
        };
        let revoked = Self {
            row: rows[4].clone(),
            keys_action: None,
            revoke_action: None,
            error: Some("its name is “Oldbridge”".to_owned()),
            ..online.clone()
        };
        let read_only = Self {
            kit_action: None,
            keys_action: None,
            revoke_action: None,
            remove_action: None,
            ..troubled.clone()
        };
        vec![online, troubled, never, revoked, read_only]
    }
}
