//! What a Trust allows, in plain words.

use serde::Serialize;

use crate::{
    Page,
    pages::{EngineLimits, Frame, Sandbox, sample},
};

/// The page at `/policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SitePolicy {
    /// What surrounds it.
    pub frame: Frame,
    /// The file that the settings are in.
    pub file: String,
    /// Every setting in force.
    pub settings: Vec<Setting>,
    /// What the engine may use.
    pub engine: EngineLimits,
    /// How well the engine is shut in.
    pub sandbox: Sandbox,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name in the file.
    pub name: String,
    /// What is in force, in a sentence.
    pub in_force: String,
    /// What it would be if the file said nothing, in words.
    pub default: String,
    /// What it protects from, in a sentence.
    pub protects: String,
    /// True where the site allows more than is safe.
    pub loosened: bool,
}

impl Page for SitePolicy {
    const TEMPLATE: &'static str = "site_policy.html";

    fn samples() -> Vec<Self> {
        let setting = |name: &str, in_force: &str, loosened| Setting {
            name: name.to_owned(),
            in_force: in_force.to_owned(),
            default: "10 persons".to_owned(),
            protects: "Small groups, in which one person stands out.".to_owned(),
            loosened,
        };
        let safe = Self {
            frame: sample::site(),
            file: "/var/lib/flip-appliance/policy.toml".to_owned(),
            settings: vec![setting("threshold", "No number of fewer than 10 persons leaves.", false)],
            engine: EngineLimits { memory_mib: 2_048, threads: 2, time_seconds: 60, rows: 5_000_000 },
            sandbox: Sandbox::Full,
        };
        let loosened = Self {
            settings: vec![setting("danger_no_noise", "Counts leave without noise.", true)],
            sandbox: Sandbox::Absent { why: "the kernel has no Landlock".to_owned() },
            ..safe.clone()
        };
        vec![safe, loosened]
    }
}
