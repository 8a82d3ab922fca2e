//! The projects that the hub has asked about, and which of them this Trust refuses.

use serde::Serialize;

use super::Said;
use crate::{
    Page,
    pages::{Frame, Moment, sample},
};

/// The page at `/projects`; its forms post `project` and `reason` to `/projects/refuse`, and `project` to
/// `/projects/allow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteProjects {
    /// What surrounds it.
    pub frame: Frame,
    /// What came of a change.
    pub said: Option<Said>,
    /// The projects, that which was asked about last first.
    pub projects: Vec<SiteProject>,
}

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteProject {
    /// Its id: the hub tells no name of it.
    pub id: String,
    /// The names of its newest queries, each once.
    pub queries: Vec<String>,
    /// How many orders for it are known here.
    pub orders: u64,
    /// Path of those orders.
    pub orders_href: String,
    /// When the last one came; `None` where none is known any more.
    pub last: Option<Moment>,
    /// How many versions of cohorts are kept for it.
    pub frozen: u64,
    /// Since when it is refused here, and why; the reason may be empty.
    pub refused: Option<(Moment, String)>,
}

impl Page for SiteProjects {
    const TEMPLATE: &'static str = "site_projects.html";

    fn samples() -> Vec<Self> {
        let let_in = SiteProject {
            id: "019b2f8e-0000-7000-8000-000000000001".to_owned(),
            queries: vec!["Nodules since 2019".to_owned(), "Nodules".to_owned()],
            orders: 12,
            orders_href: "/orders?words=019b2f8e-0000-7000-8000-000000000001".to_owned(),
            last: Some(sample::moment("2026-07-21T08:12:03Z", "4 minutes ago")),
            frozen: 1,
            refused: None,
        };
        let since = sample::moment("2026-07-20T08:12:03Z", "1 day ago");
        let refused = SiteProject {
            id: "019b2f8e-0000-7000-8000-000000000002".to_owned(),
            queries: Vec::new(),
            orders: 0,
            last: None,
            frozen: 0,
            refused: Some((since, "no agreement with this study".to_owned())),
            ..let_in.clone()
        };
        let full = Self {
            frame: sample::site(),
            said: Some(Said::Done("The project is refused here.".to_owned())),
            projects: vec![let_in, refused],
        };
        let empty = Self { said: None, projects: Vec::new(), ..full.clone() };
        vec![full, empty]
    }
}
