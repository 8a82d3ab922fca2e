//! Coming in to an appliance's pages.

use serde::Serialize;

use crate::{
    Page,
    pages::{Frame, sample},
};

/// What is shown to who has not come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteDoor {
    /// What surrounds it.
    pub frame: Frame,
    /// True where a link was tried that no longer works.
    pub stale: bool,
    /// What to type at the machine.
    pub command: String,
}

/// What a one-time link leads to; goes on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteEntered {
    /// What surrounds it.
    pub frame: Frame,
}

impl Page for SiteDoor {
    const TEMPLATE: &'static str = "site_door.html";

    fn samples() -> Vec<Self> {
        let command = "flip-appliance --data /var/lib/flip-appliance console".to_owned();
        let stranger = Self { frame: sample::stranger(), stale: false, command };
        vec![stranger.clone(), Self { stale: true, ..stranger }]
    }
}

impl Page for SiteEntered {
    const TEMPLATE: &'static str = "site_entered.html";

    fn samples() -> Vec<Self> {
        vec![Self { frame: sample::site() }]
    }
}
