//! What waits for one's decision, and what was decided.

use serde::Serialize;

use super::projects::seats;
use super::{Frame, Pager, Seat, sample};
use crate::Page;

/// The page at `/decisions`: My Trust, for a Trust's admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decisions {
    /// What surrounds it.
    pub frame: Frame,
    /// True for a Trust's admin, whose page it is; admins of the hub see all Trusts without an admin.
    pub own_trust: bool,
    /// What waits, the newest first.
    pub waiting: Vec<Case>,
    /// What was decided, the newest first.
    pub decided: Vec<Case>,
    /// Why the last decision was not taken.
    pub error: Option<String>,
    /// Seconds until the page asks again.
    pub refresh_seconds: Option<u32>,
    /// Where the list goes on.
    pub pager: Pager,
}

/// A project that a Trust decides about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Path of its page.
    pub href: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its owner.
    pub owner: String,
    /// Its members' names.
    pub members: Vec<String>,
    /// The query's name.
    pub query: String,
    /// Path of the query's page.
    pub query_href: String,
    /// The query's text.
    pub sql: String,
    /// How it stands at the Trust.
    pub seat: Seat,
}

impl Page for Decisions {
    const TEMPLATE: &'static str = "decisions.html";

    fn samples() -> Vec<Self> {
        let cases = seats::samples().into_iter().filter(|seat| seat.staged.is_some()).map(|seat| Case {
            name: "Lung nodules on chest CT".to_owned(),
            href: "/projects/2".to_owned(),
            description: "Which nodules grow, and in whom".to_owned(),
            owner: "r.okafor@flip.example".to_owned(),
            members: vec!["j.mbeki@flip.example".to_owned()],
            query: "Nodules since 2019".to_owned(),
            query_href: "/queries/5".to_owned(),
            sql: sample::SQL.to_owned(),
            seat,
        });
        let (waiting, decided) = cases.partition(|case| case.seat.decide.is_some());
        let own = Self {
            frame: sample::trust_admin(),
            own_trust: true,
            waiting,
            decided,
            error: None,
            refresh_seconds: Some(10),
            pager: Pager::default(),
        };
        let error = Some("say why it is declined: the researchers read it".to_owned());
        let admins = Self {
            frame: sample::admin(),
            own_trust: false,
            error,
            pager: sample::pager("/decisions"),
            ..own.clone()
        };
        let empty = Self { waiting: Vec::new(), decided: Vec::new(), ..own.clone() };
        vec![own, admins, empty]
    }
}
